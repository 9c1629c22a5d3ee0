/* SPDX-License-Identifier: MIT */
/* pyrite config: each setting, what it is, and where that comes from. */
#include <pyrite/settings.h>

#include <stdlib.h>
#include <string.h>

#include "../nameserver/text_put.h"
#include "command.h"
#include "words.h"

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	return words_parse(key, arg, state, state->input);
}

static const struct argp_option options[] = { WORDS_JSON("Print JSON"), { 0 } };
const struct argp config_argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[NAME]",
	.doc = "Prints the settings, or one of them: name, value, and where that comes from.\vA "
	       "setting comes from the code of a program, else from the environment, else it has "
	       "its default. This command does not see what programs set in their code.\n\nExit "
	       "codes: 0 success, 1 wrong usage, 2 no such setting, or a value that makes no "
	       "sense.",
};

static void put_json(const struct pyr_setting *s, bool is_first)
{
	fputs(is_first ? "{\"name\": " : ", {\"name\": ", stdout);
	words_put_string(stdout, s->name);
	fputs(", \"value\": ", stdout);
	words_put_string(stdout, s->value);
	printf(", \"from\": \"%s\", \"default\": ", s->is_given ? "environment" : "default");
	words_put_string(stdout, s->standard);
	fputs(", \"variable\": ", stdout);
	words_put_string(stdout, s->variable);
	fputs(", \"help\": ", stdout);
	words_put_string(stdout, s->help);
	if (s->wrong) {
		fputs(", \"wrong\": ", stdout);
		words_put_string(stdout, s->wrong);
	}
	putchar('}');
}

static void put_line(const struct pyr_setting *s)
{
	printf("%-20s", s->name);
	fputs(words_colour(stdout, s->is_given ? WORDS_GOOD : WORDS_PLAIN), stdout);
	text_put(stdout, s->value[0] ? s->value : "-");
	fputs(words_colour(stdout, WORDS_PLAIN), stdout);
	printf("  (%s%s)\n", s->is_given ? s->variable : "default",
	       s->is_given && strcmp(s->value, s->standard) == 0 ? ", as the default" : "");
	if (!s->wrong)
		return;
	printf("%20s%s%s is '", "", words_colour(stdout, WORDS_BAD), s->variable);
	text_put(stdout, s->wrong);
	printf("', which is invalid%s\n", words_colour(stdout, WORDS_PLAIN));
}

int config_main(int argc, char **argv)
{
	struct words words = { .max = 1 };
	struct pyr_setting setting;
	int code = COMMAND_OK, shown = 0;
	size_t i;

	argp_parse(&config_argp, argc, argv, 0, NULL, &words);
	fputs(words.is_json ? "{\"settings\": [" : "", stdout);
	for (i = 0; pyr_setting_get(i, &setting); i++) {
		if (words.n && strcmp(words.list[0], setting.name) != 0 &&
		    strcmp(words.list[0], setting.variable) != 0)
			continue;
		if (words.is_json)
			put_json(&setting, shown == 0);
		else
			put_line(&setting);
		shown++;
		if (setting.wrong)
			code = COMMAND_REFUSED;
	}
	fputs(words.is_json ? "]}\n" : "", stdout);
	if (shown > 0)
		return code;
	fputs("pyrite config: no setting '", stderr);
	text_put(stderr, words.list[0]);
	fputs("'\n", stderr);
	return COMMAND_REFUSED;
}
