/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_RULES_SET_H
#define PYRITE_RULES_SET_H
/* The rules of one moment: what a file said. Constant once it is made. */
#include <stdbool.h>
#include <stddef.h>

struct rules_set;

/* What somebody wants to do. Strings are borrowed. */
struct rules_question {
	const char *who;    /* "cert:alice"; "": nobody has proved anything */
	const char *action; /* "call", "inspect", ... */
	const char *target; /* the operation, the name; "" where the action has none */
	const char *object; /* of a call: the object's id; else "" */
	const char *from;   /* his address, for the audit log alone; NULL: not known */
};

struct rules_problem {
	int code; /* enum pyr_status */
	char text[512];
};

/* Parses n bytes of text, which came from the file `name`. NULL with *problem told. */
struct rules_set *rules_set_parse(const char *text, size_t n, const char *name,
				  struct rules_problem *problem);
void rules_set_free(struct rules_set *set);
bool rules_set_allow(const struct rules_set *set, const struct rules_question *question,
		     unsigned *ret_line);

/* Whether text fits a pattern, in which * stands for any characters and ? for one. */
bool rules_fits(const char *pattern, const char *text);
#endif
