/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_FORMAT_OWN_H
#define PYRITE_CODEGEN_FORMAT_OWN_H
/*
 * Parts of the formatter. format.c cuts the pieces into units, which get a line of their own each,
 * format_token.c says what a token is and what stands before it, format_lines.c breaks units into
 * lines and writes them.
 */
#include "buf.h"

#include "../idl/pieces.h"

enum {
	FORMAT_WIDTH = 100,
	FORMAT_INDENT = 4,
	FORMAT_CONTINUED = 8, /* further in than the unit's first line */
	FORMAT_NESTED = 96    /* brackets; live code has no more than 64 */
};

/* What a token is to those beside it. */
enum token_role {
	ROLE_NONE,
	ROLE_WORD,
	ROLE_KEYWORD, /* a word that cannot be the name before :: or ( */
	ROLE_NUMBER,
	ROLE_STRING,
	ROLE_AT,
	ROLE_NOTE,   /* the name of an annotation */
	ROLE_CLAUSE, /* raises and the like, with a list behind it */
	ROLE_SCOPE,  /* :: in a name; ROLE_ROOT: before it */
	ROLE_ROOT,
	ROLE_OPEN, /* ( or [ */
	ROLE_CLOSE,
	ROLE_TEMPLATE, /* < and > of types */
	ROLE_TEMPLATE_END,
	ROLE_BLOCK, /* { and } */
	ROLE_BLOCK_END,
	ROLE_COMMA,
	ROLE_SEMICOLON,
	ROLE_LABEL_END, /* : behind case */
	ROLE_COLON,     /* : before bases */
	ROLE_EQUALS,
	ROLE_BINARY,
	ROLE_UNARY,
	ROLE_OTHER,
	ROLE_COMMENT,
	ROLE_DIRECTIVE
};

enum unit_head { HEAD_OTHER, HEAD_MODULE, HEAD_ENUM, HEAD_UNION };

struct bracket {
	char mark;          /* ( [ < { */
	unsigned char head; /* enum unit_head. {: what it is the body of. (: what was said before */
	bool is_flat;       /* { whose contents stay on the line */
	bool is_deep;       /* ( of annotations and expressions: broken last */
	bool is_joined;     /* { of a module on the line of the one around it */
	size_t indent;      /* {: of the line where it is */
};

struct brackets {
	struct bracket open[FORMAT_NESTED];
	size_t n, lost; /* lost: deeper ones */
};

enum atom_break { BREAK_NOT, BREAK_LATE, BREAK_EARLY, BREAK_ALWAYS };

/* A piece of a unit, and what may be before it. */
struct atom {
	const struct piece *piece;
	enum token_role role;
	bool space;
	enum atom_break before;
};

/* What is known of a unit while it grows. */
struct unit {
	size_t n; /* atoms */
	size_t indent;
	enum unit_head head;
	enum token_role role; /* of the last token */
	bool is_label;        /* begins with case or default */
	bool is_attribute;
	bool has_body;      /* a { that is not flat */
	bool ends_joined;   /* } of a joined module: that of the one around it may follow */
	bool after_comment; /* the last piece is one that ends its line */
};

/* An output line: its text lies in lines.text. */
struct line {
	size_t start, n, indent;
	const struct piece *comment; /* behind it, aligned with those around; NULL: none */
	bool is_full;                /* a comment is in the text: none goes into `comment` */
	bool goes_on;                /* the comment goes on that of the line before */
};

struct lines {
	struct buf text;
	struct line *items;
	size_t n, room;
	bool failed;
};

struct branches { /* of an #if */
	struct brackets before;
	bool are_several;
};

struct format {
	const struct piece *pieces;
	size_t n, at;
	struct brackets now;
	struct branches *saved; /* at each open #if */
	size_t n_saved, saved_room;
	struct atom *atoms;
	size_t atoms_room;
	struct unit unit;
	struct lines lines;
	bool is_open; /* the last line opened something: no blank line follows */
	bool failed;
};

/* format_token.c */
void brackets_push(struct brackets *brackets, struct bracket bracket);
/* The innermost one; NULL: none. */
const struct bracket *brackets_top(const struct brackets *brackets);
/* Whether the innermost one is a body whose contents have lines of their own. */
bool brackets_in_body(const struct brackets *brackets, enum unit_head head);
/* How far in the contents of the innermost body are; of a union: its members. */
size_t brackets_indent(const struct brackets *brackets);
bool piece_is(const struct piece *piece, const char *text);
/* Adds the piece to the unit, and to the brackets what it opens or closes. is_flat: of a {. */
void token_add(struct format *format, const struct piece *piece, bool is_flat);
void comment_add(struct format *format, const struct piece *piece, bool ends_line);
void directive_add(struct format *format, const struct piece *piece);

/* format_lines.c */
/* Columns of the unit on one line. */
size_t unit_width(const struct format *format);
void lines_unit(struct format *format, size_t indent);
void lines_blank(struct lines *lines);
void lines_comment(struct lines *lines, const struct piece *comment, size_t indent);
void lines_raw(struct lines *lines, const struct piece *piece);
/* Behind the last line. */
void lines_trail(struct lines *lines, const struct piece *comment);
/* On a line of its own, below such a comment of the line before. */
void lines_trail_on(struct lines *lines, const struct piece *comment);
void lines_write(struct buf *out, const struct lines *lines);
void lines_free(struct lines *lines);
#endif
