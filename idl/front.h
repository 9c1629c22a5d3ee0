/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FRONT_H
#define PYRITE_FRONT_H
/*
 * What the parts of the front end share and emitters do not see: the state of one idl_read(), the
 * tree as the parser leaves it (names unresolved, expressions unevaluated), lists and tables.
 *
 * Memory comes from the unit's arena and is never freed singly. When the arena's bound is reached
 * front_alloc() does not return: it unwinds to idl_read(), so nothing here checks for NULL.
 */
#include <setjmp.h>

#include "base/arena.h"
#include "diag.h"
#include "idl.h"

enum front_limits {
	LIMIT_FILE = 1 << 20,
	LIMIT_INCLUDE_DEPTH = 16,
	LIMIT_INCLUDES = 1024,  /* #include lines followed in one run */
	LIMIT_TOTAL = 16 << 20, /* bytes of all files read in one run */
	LIMIT_NESTING = 64,     /* brackets open at once, macros inside macros */
	LIMIT_DECLARATIONS = 65536,
	LIMIT_IDENTIFIER = 128,
	LIMIT_EXPANSION = 1 << 20, /* tokens that macros may make in one run */
	LIMIT_EXPR_DEPTH = 256,
	LIMIT_MEMORY = 256 << 20,
	LIMIT_SYNTAX_ERRORS = 500,
	LIMIT_FIELD_ID = 536870911 /* protobuf's */
};

struct list {
	void **items;
	size_t n;
};

struct table_slot {
	const void *scope;
	const char *name;
	void *value;
};

/* From (scope, name) to a pointer; scope may be NULL. Grows in the arena. */
struct table {
	struct table_slot *slots;
	size_t n, room; /* room is a power of two, at most half used */
};

struct source { /* one file, read once */
	struct ast_file file;
	const char *text; /* size bytes and a NUL */
	size_t size;
	unsigned long long device, inode; /* who it is */
	bool once;                        /* #pragma once */
};

struct name { /* a::b or ::a::b as written */
	struct ast_loc loc;
	bool absolute;
	const char **parts;
	size_t n_parts;
};

enum expr_op {
	EXPR_VALUE = 1,
	EXPR_NAME,
	EXPR_NEGATE,
	EXPR_PLUS,
	EXPR_INVERT,
	EXPR_OR,
	EXPR_XOR,
	EXPR_AND,
	EXPR_SHL,
	EXPR_SHR,
	EXPR_ADD,
	EXPR_SUB,
	EXPR_MUL,
	EXPR_DIV,
	EXPR_MOD
};

struct expr {
	enum expr_op op;
	struct ast_loc loc;
	struct expr *left, *right;
	struct ast_value value; /* EXPR_VALUE */
	struct name *name;      /* EXPR_NAME */
	int depth;
	size_t n_text, room; /* of a string being joined from several */
	bool fixed;          /* a fixed-point literal: not supported */
	bool bad;            /* already reported */
};

struct argument {         /* of an annotation */
	const char *name; /* NULL: by position */
	struct expr *expr;
};

struct annotation {
	const char *name;
	struct ast_loc loc;
	struct list args; /* struct argument */
};

struct raw_type {
	struct ast_type type;
	struct name *name;      /* TYPE_NAMED, unresolved */
	struct expr *bound;     /* NULL = none */
	struct list dims;       /* struct expr */
	const char *poison;     /* "long double": no such type here */
	const char *text;       /* canonical; made when first needed */
	struct raw_decl *scope; /* where it was written */
	bool resolved;
	bool bad; /* an error was reported; nothing more is said about it */
};

struct raw_decl {
	struct ast_decl decl;
	struct list annotations; /* struct annotation */
	struct list body;        /* struct raw_decl, as parsed; decl.items is built from it */
	struct expr *value;      /* const */
	struct list labels;      /* struct expr, of a union member */
	struct list raises, set_raises, bases; /* struct name */
	const char *poison; /* "fixed is not supported"; interface: why something was left out */
	struct ast_loc poison_loc;
	const char *clause; /* operation: what it ends with, not supported */
	struct ast_loc clause_loc;
	struct list uses;     /* struct use: who named it; poison.c */
	const char *left_out; /* interface: the first operation, attribute or base left out */
	size_t n_left_out;
	bool duplicate; /* its name is another's: an error, so it gets no names in C */
	bool complete;  /* its contents are known: may be used by value */
	bool was_forward;
	const char *cname; /* @cname */
	uint64_t size;     /* rough size of its C value, to refuse what no compiler takes */
	size_t order;      /* position among all declarations */
	unsigned mark;     /* of the last walk that met it */
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

struct front {
	struct idl_unit *unit;
	struct arena *arena;
	struct diag *diag;
	const struct idl_options *options;
	jmp_buf no_memory;
	int fd; /* being read, else -1 */
	struct table strings;
	struct pp *pp;
	struct feed *feed;
	struct raw_decl *root; /* as parsed */
	size_t n_declarations;
	size_t n_syntax_errors;
	bool stopped; /* a limit was met: the rest is not read and its absence not reported */

	/* check */
	struct table names;      /* (scope, name) -> raw_decl */
	struct table folded;     /* (scope, lower case name) -> raw_decl */
	struct table wire;       /* (NULL, wire name) -> ast_decl or ast_type */
	struct list order;       /* every raw_decl kept, in the order of the text */
	struct list collections; /* raw_type: sequences, maps, arrays; elements first */
	struct raw_decl *scope;  /* where names are looked up */
	struct raw_decl *part;   /* being checked: what falls if something in it is unsupported */
	struct table inherited;  /* (interface, name) -> ast_decl of a base */
	unsigned mark;           /* last one given to a walk */
	struct table listed;     /* (NULL, C name) -> ast_type in unit->collections */
	struct table anonymous;  /* (NULL, C name) -> ast_type of collections without a typedef */
};

/* memory.c. All of these unwind to idl_read() when memory is out. */
void *front_alloc(struct front *front, size_t n);
char *front_copy(struct front *front, const char *text, size_t n);
const char *front_intern(struct front *front, const char *text, size_t n);
const char *front_printf(struct front *front, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Makes room for one more of n items, each of the given size. Returns: where they now are. */
void *front_grow(struct front *front, void *items, size_t n, size_t size);
void list_add(struct front *front, struct list *list, void *item);
void *table_get(const struct table *table, const void *scope, const char *name);
void table_set(struct front *front, struct table *table, const void *scope, const char *name,
	       void *value);

/* source.c */
/* Each sets *error to 0 or errno; NULL if it cannot be read. */
struct source *source_open(struct front *front, const char *path, int *error);
/* Closes the file whose reading was cut short by lack of memory. */
void source_forget(struct front *front);
struct source *source_from_text(struct front *front, const char *path, const char *text);

/* lexer.l: the tokens of one text, no preprocessing. */
struct lexer;
struct lexer *lexer_new(struct front *front, struct source *source);
void lexer_free(struct lexer *lexer);
void lexer_next(struct lexer *lexer, struct token *token);
/* What stands behind the last token on its line, white space trimmed; *column is where. */
const char *lexer_rest_of_line(struct lexer *lexer, int *column);

/* literal.c: literals to values. Return false after reporting what is wrong. */
bool literal_integer(struct front *front, const struct token *token, struct ast_value *ret);
bool literal_float(struct front *front, const struct token *token, struct ast_value *ret);
bool literal_char(struct front *front, const struct token *token, struct ast_value *ret);
bool literal_string(struct front *front, const struct token *token, struct ast_value *ret);

/* check.c: the whole of it, after a parse without syntax errors that stopped it. */
void idl_check(struct front *front);

static inline bool front_in_main(const struct ast_loc *loc)
{
	return loc->file && loc->file->is_main;
}

#endif
