/* SPDX-License-Identifier: MIT */
/* Files of rules: what is parsed is asked, with questions that are part of the input, too. The
 * first line is who, the second the target. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rules_set.h"

/* The text before the next end of a line, copied. */
static char *take_line(const uint8_t **data, size_t *size)
{
	const uint8_t *end = memchr(*data, '\n', *size);
	size_t n = end ? (size_t)(end - *data) : *size;
	char *line = malloc(n + 1);

	memcpy(line, *data, n);
	line[n] = '\0';
	*data += end ? n + 1 : n;
	*size -= end ? n + 1 : n;
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *who = take_line(&data, &size), *target = take_line(&data, &size);
	struct rules_question question = { who, "call", target, "x", "" };
	struct rules_problem problem;
	struct rules_set *set = rules_set_parse((const char *)data, size, "rules", &problem);
	unsigned line = 0;

	if (set && rules_set_allow(set, &question, &line) && line == 0)
		abort(); /* what no line allows */
	rules_set_free(set);
	free(who);
	free(target);
	return 0;
}
