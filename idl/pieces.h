/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PIECES_H
#define PYRITE_PIECES_H
/*
 * The text of a file as pieces: tokens, comments and directives in their order, with what matters
 * of the white space between them. Nothing is preprocessed: all branches of an #if are there.
 */
#include <stdbool.h>
#include <stddef.h>

struct front;

enum piece_kind {
	PIECE_END, /* behind the last one */
	PIECE_WORD,
	PIECE_NUMBER,
	PIECE_STRING, /* or a character */
	PIECE_MARK,
	PIECE_LINE_COMMENT,
	PIECE_BLOCK_COMMENT,
	PIECE_DIRECTIVE, /* from # to the end of its last line, with the comments there */
	PIECE_VERBATIM   /* whole lines of an #if, between two directives, that are no tokens */
};

enum piece_branch { PIECE_NO_BRANCH, PIECE_IF, PIECE_ELSE, PIECE_ENDIF };

struct piece {
	enum piece_kind kind;
	enum piece_branch branch; /* of a directive; #elif is PIECE_ELSE */
	const char *text;         /* n bytes; may hold CR before LF */
	size_t n;
	size_t newlines; /* line ends between it and the piece before */
	size_t column;   /* of a comment: where it begins, from 0, tabs are 8 */
	bool tight;      /* nothing is between it and the piece before */
	bool ends_line;  /* nothing but comments follows on its line */
	size_t token;    /* index of the first piece from here on that is a token, or the end */
};

bool piece_is_comment(const struct piece *piece);
bool piece_is_token(const struct piece *piece); /* or the end */

/* Fills unit->pieces after the file was parsed; empty if that was with errors. */
void pieces_read(struct front *front);

/* Length of a line without the white space at its end; unless that keeps a backslash from joining
 * it with the next line. */
size_t pieces_trim(const char *line, size_t n);
/* The column behind n bytes that begin at a column: characters of UTF-8 count once, tabs are 8. */
size_t pieces_column(const char *text, size_t n, size_t column);
#endif
