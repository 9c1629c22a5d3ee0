/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TOOL_WORDS_H
#define PYRITE_TOOL_WORDS_H
/* How the commands of pyrite read their arguments, and what they print. */
#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Of a command that has words and perhaps --json: what its own parser passes on to words_parse().
 */
struct words {
	char **list; /* of argv */
	int n;
	int min, max;      /* how many there may be */
	const char *needs; /* what is said if they are fewer: "a URI is wanted" */
	bool takes_rest;   /* after the first all that follows is a word, "-1" too */
	bool is_json;
};

/* The option --json. */
#define WORDS_JSON(text)                                                                           \
	{                                                                                          \
		"json", 'j', NULL, 0, text, 0                                                      \
	}

/* Takes 'j', arguments and the end. */
error_t words_parse(int key, char *arg, struct argp_state *state, struct words *words);
/* The number of an option, from min to max; else the program ends with what is wrong. unit:
 * "a number", "a time". */
uint32_t words_number(struct argp_state *state, const char *arg, const char *unit, uint32_t min,
		      uint32_t max);

/* Beginning and end of colour, "" where out is no terminal, or NO_COLOR is set. */
enum words_colour { WORDS_PLAIN, WORDS_GOOD, WORDS_BAD, WORDS_NOTE };
const char *words_colour(FILE *out, enum words_colour colour);

/* As a string of JSON, safe for terminals. */
void words_put_string(FILE *out, const char *text);
#endif
