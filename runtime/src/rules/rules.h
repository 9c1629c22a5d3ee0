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

struct audit;
struct rules;

/* Returns: counted, one reference; NULL with *problem told: file, line, column, what is wrong. */
struct rules *rules_open(const char *path, struct rules_problem *problem);
struct rules *rules_ref(struct rules *rules); /* NULL: NULL */
void rules_unref(struct rules *rules);        /* NULL: nothing */

/* Where refusals and changes of the file are told, before others have the rules; NULL: nowhere. */
void rules_set_audit(struct rules *rules, struct audit *audit);

/* Reads the file again if it changed; looks once a second at most, unless at_once. */
void rules_refresh(struct rules *rules, bool at_once);

/* Whether they allow it. *ret_line: by which line; 0: none fits. */
bool rules_allow(struct rules *rules, const struct rules_question *question, unsigned *ret_line);

/* Says no, for people: "SecurityError: cert:bob may not call example.Server.add (line 3 of the
 * rules)", and tells the audit log and, at most once a second, the log. rules: may be NULL, then
 * nobody is told. Returns text. */
char *rules_refuse(struct rules *rules, const struct rules_question *question, unsigned line,
		   char *text, size_t n);

/*
 * What one caller may call of one object, decided once for each operation and kept until the rules
 * change. Any thread.
 */
struct rights;
/* What one takes. */
size_t rights_size(const struct rules_question *caller, unsigned n_operations);
/* caller: who, from and object, which are copied. NULL when memory is out. */
struct rights *rights_new(struct rules *rules, const struct rules_question *caller,
			  unsigned n_operations);
void rights_free(struct rights *rights);
/* Whether the caller may call that operation; if not, why is told. */
bool rights_allow(struct rights *rights, unsigned place, const char *operation, char *why,
		  size_t n);
#endif
