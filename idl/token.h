/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TOKEN_H
#define PYRITE_TOKEN_H
/* What lexer, preprocessor and parser hand on. */
#include "ast.h"

struct span { /* the place of a grammar symbol */
	struct ast_loc loc;
	const char *doc; /* doc comment before it */
	bool valid;      /* false: the symbol is empty */
};

struct token {
	int kind;           /* a character or enum yytokentype */
	struct ast_loc loc; /* for one out of a macro: where the macro was used */
	const char *text;   /* as written; TOK_BAD: what is wrong */
	size_t n_text;      /* bytes of text */
	const char *doc;    /* the doc comment right before it, or NULL */
	int stand_in;       /* TOK_BAD: what it goes on as after the message, 0 = nothing */
	bool line_start;    /* first on its line */
	bool tight;         /* nothing between it and the token before */
};

#endif
