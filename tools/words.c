/* SPDX-License-Identifier: MIT */
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../nameserver/text_put.h"

static void take_word(struct argp_state *state, struct words *words)
{
	char **word = state->argv + state->next - 1;

	if (!words->list)
		words->list = word;
	if (words->takes_rest) {
		words->n = state->argc - state->next + 1;
		state->next = state->argc;
		return;
	}
	if (words->n == words->max)
		argp_error(state, "'%s' is one word too many", *word);
	words->n++; /* argp has moved options in front of them */
}

error_t words_parse(int key, char *arg, struct argp_state *state, struct words *words)
{
	(void)arg;
	switch (key) {
	case 'j':
		words->is_json = true;
		return 0;
	case ARGP_KEY_ARG:
		take_word(state, words);
		return 0;
	case ARGP_KEY_END:
		if (words->n < words->min)
			argp_error(state, "%s", words->needs);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

uint32_t words_number(struct argp_state *state, const char *arg, const char *unit, uint32_t min,
		      uint32_t max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(arg, &end, 10);
	if (errno || *end || arg[0] < '0' || arg[0] > '9' || value < min || value > max)
		argp_error(state, "'%s' is not %s from %lu to %lu", arg, unit, (unsigned long)min,
			   (unsigned long)max);
	return (uint32_t)value;
}

static bool is_coloured(FILE *out)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(fileno(out)) && !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

const char *words_colour(FILE *out, enum words_colour colour)
{
	static const char *const codes[] = {
		[WORDS_PLAIN] = "\033[0m",
		[WORDS_GOOD] = "\033[32m",
		[WORDS_BAD] = "\033[1;31m",
		[WORDS_NOTE] = "\033[33m",
	};

	return is_coloured(out) ? codes[colour] : "";
}

void words_put_string(FILE *out, const char *text)
{
	size_t n;
	char *plain;

	fputc('"', out);
	for (;; text += n + 1) {
		n = strcspn(text, "\"\\");
		plain = strndup(text, n);
		text_put(out, plain ? plain : "");
		free(plain);
		if (!text[n])
			break;
		fprintf(out, "\\%c", text[n]);
	}
	fputc('"', out);
}
