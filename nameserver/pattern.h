/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_PATTERN_H
#define PYRITE_NS_PATTERN_H
/*
 * Regular expressions of strangers, on PCRE2: bounded in length, in memory and in time. Matched
 * from a name's first byte on, but not necessarily to its end, as Python's re.match() does. One
 * thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>

enum {
	PATTERN_MAX = 256,           /* bytes of an expression */
	PATTERN_MEMORY = 512 * 1024, /* bytes that one may take, compiled and at work */
	PATTERN_STEPS = 100 * 1000,  /* of one match */
	PATTERN_NESTING = 64         /* brackets inside brackets */
};

struct pattern;

enum pattern_answer { PATTERN_NO, PATTERN_YES, PATTERN_TOO_MUCH };

/* Returns: owned; NULL with the reason in ret: "missing closing parenthesis at position 3". */
struct pattern *pattern_new(const char *text, char *ret, size_t size);
void pattern_free(struct pattern *pattern);

/* TOO_MUCH: the match would take more memory or time than there is for one. */
enum pattern_answer pattern_match(struct pattern *pattern, const char *name);
#endif
