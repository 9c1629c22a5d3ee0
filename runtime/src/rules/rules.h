/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_RULES_H
#define PYRITE_RULES_H
/*
 * Who may do what: a file with a rule on each line, of which the first that fits decides; if none
 * does, the answer is no. Read again when it changes; what cannot be read leaves the old rules in
 * force. docs/security.md explains the lines. Any thread.
 */
#include <stddef.h>

#include "rules/rules_set.h"

struct rules;

/* Returns: counted, one reference; NULL with *problem told: file, line, column, what is wrong. */
struct rules *rules_open(const char *path, struct rules_problem *problem);
struct rules *rules_ref(struct rules *rules); /* NULL: NULL */
void rules_unref(struct rules *rules);        /* NULL: nothing */

/* Reads the file again if it changed; looks once a second at most, unless at_once. */
void rules_refresh(struct rules *rules, bool at_once);

/* Whether they allow it. *ret_line: by which line; 0: none fits. */
bool rules_allow(struct rules *rules, const struct rules_question *question, unsigned *ret_line);

/* Tells the log of a refusal, at most once a second. */
void rules_tell(struct rules *rules, const char *text);
/* Says no, for people: "SecurityError: cert:bob may not call example.Server.add (line 3 of the
 * rules)". Returns text. */
char *rules_refusal(const struct rules_question *question, unsigned line, char *text, size_t n);

/*
 * What one caller may call of one object, decided once for each operation and kept until the rules
 * change. Any thread.
 */
struct rights;
/* What one takes. */
size_t rights_size(const char *who, const char *object, unsigned n_operations);
/* who and object are copied. NULL when memory is out. */
struct rights *rights_new(struct rules *rules, const char *who, const char *object,
			  unsigned n_operations);
void rights_free(struct rights *rights);
/* Whether the caller may call that operation; if not, why is told. */
bool rights_allow(struct rights *rights, unsigned place, const char *operation, char *why,
		  size_t n);
#endif
