/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FEED_H
#define PYRITE_FEED_H
/*
 * Between preprocessor and parser: tells keywords from identifiers, watches brackets, and folds
 * each unsupported declaration into one token TOK_POISONED, so that the grammar need not know them.
 */
#include "front.h"
#include "token.h"

struct bracket {
	int kind; /* '(' '{' '[' '<' */
	struct ast_loc loc;
	int body; /* '{': TOK_MODULE, TOK_INTERFACE or 0 */
};

enum { FEED_AHEAD = 4 };

struct feed {
	struct front *front;
	struct token ahead[FEED_AHEAD];
	size_t n_ahead;
	struct bracket open[LIMIT_NESTING];
	size_t n_open;
	struct token last, before; /* handed to the parser */
	int last_body;             /* keyword whose body the next '{' opens */
	bool in_attribute;
};

union IDL_YYSTYPE;

void feed_open(struct front *front);
/* The parser's yylex. */
int feed_next(union IDL_YYSTYPE *value, struct span *span, struct front *front);
/* After a syntax error: leaves out tokens up to the end of the declaration. *kind is the parser's
 * lookahead and becomes the token to go on with. */
void feed_recover(struct front *front, int *kind, union IDL_YYSTYPE *value, struct span *span,
		  bool stop_at_comma);

#endif
