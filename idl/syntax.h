/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SYNTAX_H
#define PYRITE_SYNTAX_H
/* What syntax errors say. */
#include <stddef.h>

struct ast_loc;
struct front;

/* Reports one syntax error; expected are the names of the tokens that would do. */
void syntax_error(struct front *front, const char *found, const struct ast_loc *loc,
		  const char *const *expected, size_t n_expected);
/* The closest of the words to a misspelled one, or NULL. */
const char *syntax_nearest(const char *word, const char *const *words, size_t n);
size_t syntax_distance(const char *a, const char *b); /* edits between two words, at most 4 */

#endif
