/* SPDX-License-Identifier: MIT */
/* Files of rules: what is parsed is asked, with questions that are part of the input, too. The
 * first line is who, the second the target. */
#include "fuzz_text.h"
#include "rules/rules_set.h"

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
