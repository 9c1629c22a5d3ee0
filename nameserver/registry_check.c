/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <pyrite/pyrite.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int registry_refuse(struct registry_problem *problem, int code, const char *format, ...)
{
	va_list args;

	problem->code = code;
	problem->action = NULL;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	return -code;
}

/* Whether text stands in a uri of this scheme as it is. */
static bool fits_in_uri(const char *scheme, const char *text)
{
	char full[sizeof("PYRONAME:") + REGISTRY_NAME_MAX];
	pyr_uri *uri;
	bool fits;

	snprintf(full, sizeof(full), "%s:%s", scheme, text);
	uri = pyr_uri_parse(full);
	fits = uri && strcmp(pyr_uri_object(uri), text) == 0;
	pyr_uri_free(uri);
	return fits;
}

int registry_check_name(const char *name, struct registry_problem *problem)
{
	size_t n = strlen(name);

	if (n == 0 || n > REGISTRY_NAME_MAX)
		return registry_refuse(problem, PYR_INVALID_ARGUMENT,
				       "NamingError: a name has 1 to %d bytes, not %zu",
				       REGISTRY_NAME_MAX, n);
	if (fits_in_uri("PYRONAME", name))
		return 0;
	return registry_refuse(problem, PYR_INVALID_ARGUMENT,
			       "NamingError: invalid name: '%s': white space, control characters "
			       "and '@' are not allowed",
			       name);
}

static int check_tag(const char *tag, struct registry_problem *problem)
{
	size_t n = strlen(tag);

	if (n == 0 || n > REGISTRY_NAME_MAX)
		return registry_refuse(problem, PYR_INVALID_ARGUMENT,
				       "NamingError: a tag has 1 to %d bytes, not %zu",
				       REGISTRY_NAME_MAX, n);
	if (!strchr(tag, ',') && fits_in_uri("PYROMETA", tag))
		return 0;
	return registry_refuse(problem, PYR_INVALID_ARGUMENT,
			       "NamingError: invalid tag: '%s': white space, control characters, "
			       "',' and '@' are not allowed",
			       tag);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int sort_tags(const char **tags, size_t n)
{
	size_t i, kept = 0;

	qsort(tags, n, sizeof(tags[0]), compare);
	for (i = 0; i < n; i++)
		if (kept == 0 || strcmp(tags[kept - 1], tags[i]) != 0)
			tags[kept++] = tags[i];
	return (int)kept;
}

int registry_check_tags(const char *const *tags, size_t n, const char **ret, size_t *ret_n,
			struct registry_problem *problem)
{
	size_t i, bytes = 0;
	int status;

	*ret_n = 0;
	if (n > REGISTRY_TAGS)
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED,
				       "NamingError: a name has at most %d tags, not %zu",
				       REGISTRY_TAGS, n);
	for (i = 0; i < n; i++) {
		status = check_tag(tags[i], problem);
		if (status < 0)
			return status;
		bytes += strlen(tags[i]) + 1;
		ret[i] = tags[i];
	}
	if (bytes > REGISTRY_TAG_BYTES)
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED,
				       "NamingError: the tags of a name have at most %d bytes, not "
				       "%zu",
				       REGISTRY_TAG_BYTES, bytes);
	*ret_n = n > 0 ? (size_t)sort_tags(ret, n) : 0;
	return 0;
}

static bool has_controls(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

static bool is_normal(const char *text, struct registry_problem *problem)
{
	pyr_uri *uri = pyr_uri_parse(text);
	bool is_it = uri && strcmp(pyr_uri_text(uri), text) == 0;

	if (!uri)
		(void)registry_refuse(problem, PYR_DATA_LOSS, "%s", pyr_errmsg());
	else if (!is_it)
		(void)registry_refuse(problem, PYR_DATA_LOSS, "uri '%s' should be '%s'", text,
				      pyr_uri_text(uri));
	pyr_uri_free(uri);
	return is_it;
}

bool registry_check_record(const struct record *record, struct registry_problem *problem)
{
	const char *tags[REGISTRY_TAGS];
	size_t n;

	if (registry_check_name(record->name, problem) < 0 ||
	    registry_check_tags(record->tags, record->n_tags, tags, &n, problem) < 0)
		return false;
	if (record->owner && !has_controls(record->owner))
		return true;
	if (!is_normal(record->uri, problem))
		return false;
	if (n == record->n_tags && record->ttl_ms <= REGISTRY_TTL_MAX_MS)
		return true;
	(void)registry_refuse(problem, PYR_DATA_LOSS, "it makes no sense");
	return false;
}

bool registry_knows_secret(const uint8_t *kept, const uint8_t *given)
{
	unsigned difference = 0;
	int i;

	/* Looks at every byte, so that the time it takes tells nothing. */
	for (i = 0; given && i < SECRET_SIZE; i++)
		difference |= kept[i] ^ given[i];
	return given && difference == 0;
}
