/* SPDX-License-Identifier: MIT */
/*
 * The way from a PYRONAME or PYROMETA to the PYRO uri of an object. Of the names with all tags of a
 * PYROMETA each is as likely as the others. Source: Pyro's core.resolve.
 */
#include "naming/naming_calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "base/random.h"
#include "engine/engine.h"
#include "proxy/proxy_session.h"

enum {
	MAX_HOPS = 8,    /* names that lead to names */
	MAX_PAGES = 4096 /* of names with the tags */
};

/* Where the name server of a uri is; names in it are looked up until `until`. */
struct look {
	char address[NAMING_ADDRESS_MAX];
	struct pyrite_NameServer *proxy;
	int64_t until;
};

static int begin(struct look *look, const pyr_uri *uri)
{
	struct uri_problem problem = { 0 };
	int64_t left = (look->until - engine_now()) / ENGINE_MS;
	int status;

	if (uri->address[0] == '\0')
		status = naming_address(NULL, look->address, sizeof(look->address), &problem);
	else
		status = uri_address(uri, (uint16_t)config_number(CONFIG_NS_PORT), look->address,
				     sizeof(look->address));
	if (status < 0)
		return error_set(-status, "name server: %s", problem.text);
	look->proxy = naming_proxy(look->address, left < 1 ? 1 : (uint32_t)left, 0);
	return look->proxy ? 0 : -pyr_last_error()->code;
}

/* ---- PYROMETA ---- */

static uint32_t below(uint32_t n)
{
	uint32_t number = 0;

	(void)random_bytes((uint8_t *)&number, sizeof(number));
	return (uint32_t)((uint64_t)number * n >> 32);
}

/* The tags of a PYROMETA: one block (a task's stack has no room for them), free(). NULL when memory
 * is out. */
static const char **split(const char *text, size_t *n)
{
	size_t most = 1, size = strlen(text) + 1;
	const char *comma = text, **tags;
	char *rest;

	while ((comma = strchr(comma, ',')) && comma++)
		most++;
	tags = malloc(most * sizeof(tags[0]) + size);
	if (!tags)
		return NULL;
	rest = memcpy(tags + most, text, size);
	for (*n = 0; rest; (*n)++)
		tags[*n] = strsep(&rest, ",");
	return tags;
}

/* Of all seen so far, pages before included, each stays with the same probability. */
static bool choose(const struct pyrite_NamePage *page, uint32_t *n_seen, char **ret)
{
	const char *chosen = NULL;
	size_t i;

	for (i = 0; i < page->entries.n; i++)
		if (below(++*n_seen) == 0)
			chosen = page->entries.items[i].uri;
	if (!chosen)
		return true;
	free(*ret);
	*ret = strdup(chosen);
	return *ret != NULL;
}

static int one_with_tags(const struct look *look, const struct pyr_string_seq *tags, char **ret)
{
	struct pyrite_NamePage *page, *before = NULL;
	uint32_t n_seen = 0, n_pages = 0;
	const char *after = "";
	int status;

	do {
		status = pyrite_NameServer_list_metadata(look->proxy, tags, true, after, &page);
		if (status < 0) {
			status = naming_add_address(look->address);
			break;
		}
		if (!choose(page, &n_seen, ret))
			status = error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
		else if (page->next[0] &&
			 (strcmp(page->next, after) <= 0 || ++n_pages == MAX_PAGES))
			status = error_set(PYR_INTERNAL,
					   "ProtocolError: the name server at %s "
					   "sent a list out of order",
					   look->address);
		pyr_free(before);
		before = page;
		after = page->next;
	} while (status == 0 && after[0]);
	pyr_free(before);
	return status;
}

static int look_up_tags(const struct look *look, const char *text, char **ret)
{
	size_t n = 0;
	const char **tags = split(text, &n);
	int status;

	*ret = NULL;
	if (!tags)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	status = one_with_tags(look, &(struct pyr_string_seq){ n, tags }, ret);
	if (status == 0 && !*ret)
		status = error_set(PYR_NOT_FOUND,
				   "NamingError: no registrations available with desired metadata "
				   "properties {%s} (name server at %s)",
				   text, look->address);
	if (status < 0)
		free(*ret);
	free(tags);
	return status;
}

/* ---- both ---- */

/* One step: what the name of a PYRONAME, or one with the tags of a PYROMETA, leads to. */
static int look_up(const pyr_uri *uri, int64_t until, pyr_uri **ret)
{
	struct look look = { .until = until };
	struct uri_problem problem;
	char *text = NULL;
	int status = begin(&look, uri);

	if (status < 0)
		return status;
	if (uri->scheme == PYR_URI_PYROMETA)
		status = look_up_tags(&look, uri->object, &text);
	else if (pyrite_NameServer_lookup(look.proxy, uri->object, &text) < 0)
		status = naming_add_address(look.address);
	pyrite_NameServer_free(look.proxy);
	if (status < 0)
		return status;
	*ret = uri_parse(text, &problem);
	pyr_free(text);
	if (*ret)
		return 0;
	return error_set(problem.code, "NamingError: name %s leads nowhere: %s (name server at %s)",
			 uri->object, problem.text, look.address);
}

static pyr_uri *copy_uri(const pyr_uri *uri)
{
	struct uri_problem problem;
	pyr_uri *copy = uri_parse(uri->text, &problem);

	if (!copy)
		(void)error_set(problem.code, "%s", problem.text);
	return copy;
}

int naming_resolve(const pyr_uri *uri, uint32_t timeout_ms, pyr_uri **ret)
{
	pyr_uri *at = copy_uri(uri), *next;
	int64_t until = engine_now();
	int hops, status = 0;

	if (!at)
		return -pyr_last_error()->code;
	until += (int64_t)(timeout_ms ? timeout_ms : config_number(CONFIG_LOOKUP_TIMEOUT_MS)) *
		 ENGINE_MS;
	for (hops = 0; at->scheme != PYR_URI_PYRO && hops < MAX_HOPS && status == 0; hops++) {
		status = look_up(at, until, &next);
		if (status == 0) {
			pyr_uri_free(at);
			at = next;
		}
	}
	if (status == 0 && at->scheme == PYR_URI_PYRO) {
		*ret = at;
		return 0;
	}
	if (status == 0)
		status = error_set(PYR_FAILED_PRECONDITION,
				   "NamingError: %s leads to names and no object", uri->text);
	pyr_uri_free(at);
	return status;
}

static void __attribute__((constructor)) serve_proxies(void)
{
	proxy_set_resolver(naming_resolve);
}
