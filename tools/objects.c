/* SPDX-License-Identifier: MIT */
#include "objects.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "words.h"

static char *joined(const char *a, const char *b)
{
	size_t n = strlen(a) + strlen(b) + 1;
	char *ret = malloc(n);

	if (ret)
		snprintf(ret, n, "%s%s", a, b);
	return ret;
}

/* "PYRO:", "pyrometa:" */
static bool has_scheme(const char *text)
{
	size_t n = strcspn(text, ":");

	return text[n] == ':' && n >= 4 && (text[0] | 32) == 'p' && (text[1] | 32) == 'y' &&
	       (text[2] | 32) == 'r' && (text[3] | 32) == 'o' && strcspn(text, "@.") > n;
}

char *objects_uri(const char *text)
{
	return has_scheme(text) ? strdup(text) : joined("PYRONAME:", text);
}

/* ---- addresses ---- */

/* Of a name, or of tags, at its name server: the URI that it leads to, pyr_free(). */
static char *look_up(const pyr_uri *uri)
{
	const char *place = strchr(pyr_uri_text(uri), '@'); /* an address, or several */
	char *ret = NULL;
	struct pyr_ns_entries *entries;
	const char *tag;
	pyr_ns *ns;

	ns = pyr_ns_locate(place ? place + 1 : NULL);
	if (!ns)
		return NULL;
	tag = pyr_uri_object(uri);
	if (pyr_uri_scheme(uri) == PYR_URI_PYRONAME) {
		if (pyr_ns_lookup(ns, tag, &ret) < 0)
			ret = NULL;
	} else if (pyr_ns_list_metadata_all(ns, &tag, 1, &entries) == 0) {
		ret = entries->n > 0 ? strdup(entries->items[0].uri) : NULL;
		pyr_free(entries);
	}
	pyr_ns_free(ns);
	return ret;
}

char *objects_found(const char *text)
{
	pyr_uri *uri = pyr_uri_parse(text);
	char *found = uri ? look_up(uri) : NULL, *ret = found ? strdup(found) : NULL;

	pyr_free(found);
	pyr_uri_free(uri);
	return ret;
}

static char *address_of_object(const char *text)
{
	pyr_uri *uri = pyr_uri_parse(text);
	char *found, *ret = NULL;
	const char *at;

	if (!uri)
		return NULL;
	if (pyr_uri_scheme(uri) == PYR_URI_PYRO) {
		at = strchr(pyr_uri_text(uri), '@');
		ret = at ? strdup(at + 1) : NULL;
	} else if ((found = look_up(uri))) {
		at = strchr(found, '@');
		ret = at ? strdup(at + 1) : NULL;
		pyr_free(found);
	}
	pyr_uri_free(uri);
	return ret;
}

char *objects_address(const char *text)
{
	char *uri, *ret;

	if (!has_scheme(text) && (strchr(text, ':') || text[0] == '@'))
		return strdup(text + (text[0] == '@'));
	if (!(uri = objects_uri(text)))
		return NULL;
	ret = address_of_object(uri);
	free(uri);
	return ret;
}

/* ---- errors ---- */

static int code_of(int status)
{
	switch (status) {
	case PYR_INVALID_ARGUMENT:
		return COMMAND_USAGE;
	case PYR_UNAVAILABLE:
	case PYR_DEADLINE_EXCEEDED:
		return COMMAND_UNREACHABLE;
	default:
		return COMMAND_REFUSED;
	}
}

int objects_complain(const char *command, pyr_proxy *proxy, bool is_json)
{
	int status = pyr_last_error()->code;
	char *exception = pyr_proxy_error_json(proxy);

	if (is_json) {
		fprintf(stderr, "{\"status\": \"%s\", \"message\": ", pyr_status_name(status));
		words_put_string(stderr, pyr_last_error()->message);
		if (exception)
			fprintf(stderr, ", \"exception\": %s", exception);
		fputs("}\n", stderr);
	} else {
		pyr_perror(command);
		if (exception)
			fprintf(stderr, "%s\n", exception);
	}
	pyr_free(exception);
	return code_of(status);
}
