/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PP_H
#define PYRITE_PP_H
/*
 * The preprocessor: #include, object-like macros, conditions, pragmas. It works on tokens, one at
 * a time, so that each keeps its place; nothing is ever written out as text.
 */
#include "front.h"
#include "lexer.h"

struct macro {
	const char *name;
	struct token *tokens;
	size_t n_tokens;
	bool defined, with_parameters;
	bool active; /* being expanded: not expanded again inside itself */
};

struct condition { /* an open #if */
	struct ast_loc loc;
	bool outer;  /* the lines around it are read */
	bool live;   /* the lines now are */
	bool taken;  /* some branch was */
	bool closed; /* #else was seen */
};

struct input { /* an open file */
	struct source *source;
	struct lexer *lexer;
	struct token ahead;
	bool has_ahead;
	size_t n_conditions; /* open when it began */
};

struct expansion {
	struct macro *macro; /* NULL: the tokens of a directive's line */
	const struct token *tokens;
	size_t n_tokens, at;
	const struct token *use; /* where it was used; NULL: tokens keep their places */
};

struct pp {
	struct front *front;
	struct table macros;
	struct input inputs[LIMIT_INCLUDE_DEPTH + 2]; /* main, command line, includes */
	size_t n_inputs;
	struct list conditions; /* struct condition */
	struct expansion expansions[LIMIT_NESTING];
	size_t n_expansions;
	size_t n_expanded, n_includes, n_bytes;
};

/* Opens the main file and reads the -D options. Returns false after reporting why not. */
bool pp_open(struct front *front, const char *path);
/* The next token after preprocessing; TOK_YYEOF at the end, for ever. Bad ones are reported and
 * left out. */
void pp_next(struct pp *pp, struct token *token);

/* Shared by pp.c and pp_directive.c. */
bool pp_enter(struct pp *pp, struct source *source, const struct ast_loc *loc);
void pp_raw(struct pp *pp, struct token *token); /* next token of the innermost file */
bool pp_is_live(const struct pp *pp);
struct macro *pp_macro(struct pp *pp, const char *name); /* NULL: not defined */
/* Next token of the expansions above base; false when they are used up. */
bool pp_expanded(struct pp *pp, size_t base, struct token *token);
void pp_push(struct pp *pp, struct macro *macro, const struct token *tokens, size_t n,
	     const struct token *use);
void pp_directive(struct pp *pp, const struct token *hash);

#endif
