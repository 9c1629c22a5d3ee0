/* SPDX-License-Identifier: MIT */
/* pyrite rules: what a file of rules says, before it is in force. */
#include <argp.h>
#include <pyrite/pyrite.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct argp_option options[] = {
	{ "as", 'a', "WHO", 0,
	  "Identity of the caller: cert:NAME, uid:NUMBER, or nobody for none (nobody)", 0 },
	{ "at", 'o', "OBJECT", 0, "Id of the object that is called", 0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ "quiet", 'q', NULL, 0, "Print only errors", 0 },
	{ 0 },
};

struct input {
	const char *words[4]; /* check, the file, the action, the target */
	int n_words;
	const char *who, *object;
	bool is_quiet, is_json;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct input *input = state->input;

	switch (key) {
	case 'a':
		input->who = strcmp(arg, "nobody") == 0 ? "" : arg;
		return 0;
	case 'o':
		input->object = arg;
		return 0;
	case 'q':
		input->is_quiet = true;
		return 0;
	case 'j':
		input->is_json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (input->n_words == 4)
			argp_error(state, "'%s' is one word too many", arg);
		if (input->n_words == 0 && strcmp(arg, "check") != 0)
			argp_error(state, "unknown command '%s'", arg);
		input->words[input->n_words++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (input->n_words < 2)
			argp_error(state, "expected a command and a file");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int refuse(void)
{
	fprintf(stderr, "pyrite rules: %s\n", pyr_last_error()->message);
	return COMMAND_REFUSED;
}

/* Of one that is only looked at for mistakes. */
static int check_file(const struct input *input)
{
	struct pyr_rules_question question = { .who = "", .action = "call" };
	bool allows;

	if (pyr_rules_explain(input->words[1], &question, &allows) < 0)
		return refuse();
	if (input->is_json)
		puts("{\"mistakes\": false}");
	else if (!input->is_quiet)
		printf("%s: no mistakes\n", input->words[1]);
	return COMMAND_OK;
}

static int explain(const struct input *input)
{
	struct pyr_rules_question question = { .who = input->who,
					       .action = input->words[2],
					       .target = input->words[3],
					       .object = input->object };
	bool allows;
	int line = pyr_rules_explain(input->words[1], &question, &allows);

	if (line < 0)
		return refuse();
	if (input->is_json)
		printf("{\"allowed\": %s, \"line\": %d}\n", allows ? "true" : "false", line);
	else if (!input->is_quiet && line > 0)
		printf("%s by line %d\n", allows ? "allowed" : "denied", line);
	else if (!input->is_quiet)
		printf("denied: no line fits\n");
	return allows ? COMMAND_OK : COMMAND_REFUSED;
}

const struct argp rules_argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "check FILE [ACTION [TARGET]]",
	.doc = "Checks a file of rules for mistakes, or explains what the rules decide about an "
	       "action.\vExample: pyrite rules check rules --as cert:alice call "
	       "shop.Cart.add\n\nExit codes: 0 no mistakes, or allowed; 1 wrong usage; 2 a "
	       "mistake, or denied.",
};

int rules_main(int argc, char **argv)
{
	struct input input = { .who = "", .object = "" };

	argp_parse(&rules_argp, argc, argv, 0, NULL, &input);
	return input.n_words == 2 ? check_file(&input) : explain(&input);
}
