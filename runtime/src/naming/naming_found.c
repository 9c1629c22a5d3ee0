/* SPDX-License-Identifier: MIT */
#include "naming/naming_found.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool has(const struct found_servers *servers, const char *address)
{
	size_t n = strlen(address);
	const char *at = servers->text;

	while (at && *at) {
		if (strcspn(at, ",") == n && memcmp(at, address, n) == 0)
			return true;
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return false;
}

static int too_many(struct uri_problem *problem)
{
	problem->code = PYR_RESOURCE_EXHAUSTED;
	snprintf(problem->text, sizeof(problem->text),
		 "more than %d name servers, or %d bytes of addresses", FOUND_MAX, FOUND_TEXT_MAX);
	return -problem->code;
}

static int append(struct found_servers *servers, const char *address, struct uri_problem *problem)
{
	size_t n = strlen(address), comma = servers->n > 0;

	if (has(servers, address))
		return 0;
	if (servers->n == FOUND_MAX || servers->length + comma + n >= sizeof(servers->text))
		return too_many(problem);
	if (comma)
		servers->text[servers->length++] = ',';
	memcpy(servers->text + servers->length, address, n + 1);
	servers->length += n;
	servers->n++;
	return 0;
}

int found_add(struct found_servers *servers, const char *address, uint16_t default_port,
	      struct uri_problem *problem)
{
	pyr_uri *uri = uri_parse_address(address, problem);
	char text[URI_HOST_MAX + 16];
	int status;

	if (!uri) {
		servers->lacks |= problem->code == PYR_RESOURCE_EXHAUSTED;
		return -problem->code;
	}
	status = uri_address(uri, default_port, text, sizeof(text));
	pyr_uri_free(uri);
	if (status == 0)
		return append(servers, text, problem);
	problem->code = -status;
	snprintf(problem->text, sizeof(problem->text), "an address is needed");
	return status;
}

int found_add_list(struct found_servers *servers, char *text, uint16_t default_port,
		   struct uri_problem *problem)
{
	char *one;
	int status = 0;

	while (status == 0 && (one = strsep(&text, ", \t\r")))
		if (*one)
			status = found_add(servers, one, default_port, problem);
	return status;
}

enum naming_verdict found_say(struct naming_step *step, enum naming_verdict verdict,
			      const char *format, ...)
{
	char text[sizeof(step->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_escape(step->text, sizeof(step->text), text, sizeof(text));
	step->verdict = verdict;
	return verdict;
}
