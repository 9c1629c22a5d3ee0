/* SPDX-License-Identifier: MIT */
/* A library that calls an object of its own by its version of an interface. Built twice. */
#include <stdio.h>
#include <string.h>

#include "part.h"
#include "version.h"

#ifdef PART_B
#define RUN version_run_b
static const struct part_Row row = { "row", 7 };
#else
#define RUN version_run_a
static const struct part_Row row = { 7, "row" };
#endif

static int turn(pyr_call *call, const struct part_Row *got, const struct part_Row **ret)
{
	if (got->number != 7 || strcmp(got->text, "row") != 0)
		return pyr_fail(call, PYR_INTERNAL, "the method got another row");
	*ret = got;
	return 0;
}

static const struct part_Part_methods methods = { .turn = turn };

const char *RUN(pyr_daemon *daemon)
{
	const char *uri = part_Part_register(daemon, NULL, &methods, NULL);
	struct part_Part *part = part_Part_proxy(uri);
	const char *failed = NULL;
	static char text[512];
	struct part_Row *got;

	if (part_Part_turn(part, &row, &got) < 0) {
		snprintf(text, sizeof(text), "%s", pyr_errmsg());
		failed = text;
	} else {
		if (got->number != 7 || strcmp(got->text, "row") != 0)
			failed = "the row came back as another";
		pyr_free(got);
	}
	part_Part_free(part);
	return failed;
}
