/* SPDX-License-Identifier: MIT */
/*
 * Reads the main file once more, after it was parsed. The lexer finds the tokens; what lies between
 * two of them is white space and comments, and is taken apart here.
 */
#include "pieces.h"

#include <string.h>

#include "diag.h"
#include "memory.h"
#include "parser.h"
#include "pp.h"

struct reader {
	struct front *front;
	struct lexer *lexer;
	const struct source *source;
	size_t at;            /* behind the last piece */
	size_t newlines;      /* since then */
	bool gap;             /* something was between */
	size_t known, column; /* an offset, and its column */
	size_t n_open;        /* #if */
	size_t first;         /* piece of this branch, */
	size_t begin;         /* which begins here in the text */
	bool is_bad;          /* and holds what is no token */
};

size_t pieces_trim(const char *line, size_t n)
{
	size_t trimmed;

	if (n > 0 && line[n - 1] == '\r')
		n--;
	for (trimmed = n; trimmed > 0 && strchr(" \t\r", line[trimmed - 1]); trimmed--)
		;
	return trimmed < n && trimmed > 0 && line[trimmed - 1] == '\\' ? n : trimmed;
}

size_t pieces_column(const char *text, size_t n, size_t column)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (text[i] == '\t')
			column += 8 - column % 8;
		else
			column += ((unsigned char)text[i] & 0xc0) != 0x80;
	return column;
}

/* Goes on from the last one that was asked for, so that a long line is read once. */
static size_t column_of(struct reader *reader, size_t at)
{
	const char *text = reader->source->text;
	size_t from = at < reader->known ? 0 : reader->known, line = at;

	while (line > from && text[line - 1] != '\n')
		line--;
	if (line > from || from == 0)
		reader->column = 0;
	reader->column = pieces_column(text + line, at - line, reader->column);
	reader->known = at;
	return reader->column;
}

static struct piece *add(struct reader *reader, enum piece_kind kind, size_t start, size_t end)
{
	struct idl_unit *unit = reader->front->unit;
	struct piece *piece;

	unit->pieces = front_grow(reader->front, unit->pieces, unit->n_pieces, sizeof(*piece));
	piece = &unit->pieces[unit->n_pieces++];
	*piece = (struct piece){ .kind = kind,
				 .text = reader->source->text + start,
				 .n = end - start,
				 .newlines = reader->newlines,
				 .tight = !reader->gap };
	reader->at = end;
	reader->newlines = 0;
	reader->gap = false;
	return piece;
}

/* Offset behind a comment. */
static size_t comment_end(const struct source *source, size_t start)
{
	const char *at = source->text + start, *stop = source->text + source->size;
	bool is_block = at[1] == '*';

	for (at += 2; (at = memchr(at, is_block ? '*' : '\n', (size_t)(stop - at))); at++)
		if (!is_block || at[1] == '/')
			return (size_t)(at - source->text) + (is_block ? 2 : 0);
	return source->size;
}

static void add_comment(struct reader *reader)
{
	size_t start = reader->at, end = comment_end(reader->source, start);
	const char *text = reader->source->text + start;
	enum piece_kind kind = text[1] == '*' ? PIECE_BLOCK_COMMENT : PIECE_LINE_COMMENT;
	size_t column = column_of(reader, start);
	struct piece *piece = add(reader, kind, start, end);

	piece->column = column;
	if (kind == PIECE_LINE_COMMENT)
		while (piece->n > 2 && strchr(" \t\r", text[piece->n - 1]))
			piece->n--;
}

/* White space and comments up to stop. */
static void read_gap(struct reader *reader, size_t stop)
{
	while (reader->at < stop) {
		char c = reader->source->text[reader->at];

		if (c == '/') {
			add_comment(reader);
			continue;
		}
		reader->gap = true;
		if (c == '\\') /* joins two lines */
			reader->at += reader->source->text[reader->at + 1] == '\r';
		else
			reader->newlines += c == '\n';
		reader->at += c == '\\' ? 2 : 1;
	}
}

/* The offset where the line ends whose last token ends at `at`. */
static size_t line_end(const struct reader *reader, size_t at, size_t stop)
{
	const char *text = reader->source->text;

	while (at < stop && text[at] != '\n') {
		if (text[at] == '/')
			at = comment_end(reader->source, at);
		else if (text[at] == '\\')
			at += text[at + 1] == '\r' ? 3 : 2;
		else
			at++;
	}
	return at;
}

static enum piece_branch branch_of(const struct token *word)
{
	if (strncmp(word->text, "if", 2) == 0)
		return PIECE_IF;
	if (strcmp(word->text, "elif") == 0 || strcmp(word->text, "else") == 0)
		return PIECE_ELSE;
	return strcmp(word->text, "endif") == 0 ? PIECE_ENDIF : PIECE_NO_BRANCH;
}

/* Makes one piece of a branch that holds what is no token, up to an offset. */
static void end_branch(struct reader *reader, size_t stop)
{
	const char *text = reader->source->text;
	struct idl_unit *unit = reader->front->unit;
	size_t start = reader->begin, end = stop, line;

	if (!reader->is_bad || reader->n_open == 0)
		return;
	unit->n_pieces = reader->first;
	for (line = start; line < stop && strchr(" \t\r\n", text[line]); line++)
		if (text[line] == '\n')
			start = line + 1;
	while (end > start && strchr(" \t\r\n", text[end - 1]))
		end--;
	reader->at = reader->begin;
	reader->newlines = 0;
	read_gap(reader, start);
	add(reader, PIECE_VERBATIM, start, end);
	read_gap(reader, stop);
}

static void begin_branch(struct reader *reader, enum piece_branch branch)
{
	reader->n_open += branch == PIECE_IF;
	reader->n_open -= branch == PIECE_ENDIF && reader->n_open > 0;
	reader->first = reader->front->unit->n_pieces;
	reader->begin = reader->at;
	reader->is_bad = false;
}

/* From # on. Leaves the first token behind the directive in *token. */
static void read_directive(struct reader *reader, struct token *token, size_t hash)
{
	enum piece_branch branch = PIECE_NO_BRANCH;
	size_t start, last, end, i;

	end_branch(reader, hash);
	lexer_span(reader->lexer, token, &start, &last);
	for (i = 0;; i++) {
		lexer_next(reader->lexer, token);
		lexer_span(reader->lexer, token, &start, &end);
		if (token->line_start || token->kind == TOK_YYEOF)
			break;
		if (i == 0)
			branch = branch_of(token);
		last = end;
	}
	end = line_end(reader, last, start);
	add(reader, PIECE_DIRECTIVE, hash,
	    hash + pieces_trim(reader->source->text + hash, end - hash))
		->branch = branch;
	reader->at = end;
	begin_branch(reader, branch);
}

static enum piece_kind kind_of(const struct token *token)
{
	switch (token->kind) {
	case TOK_IDENT:
		return PIECE_WORD;
	case TOK_INTEGER:
	case TOK_FLOAT:
	case TOK_FIXED:
		return PIECE_NUMBER;
	case TOK_STRING:
	case TOK_CHAR:
		return PIECE_STRING;
	default:
		return PIECE_MARK;
	}
}

static void read_tokens(struct reader *reader)
{
	struct token token;
	size_t start, end;

	lexer_next(reader->lexer, &token);
	lexer_span(reader->lexer, &token, &start, &end);
	while (token.kind != TOK_YYEOF) {
		read_gap(reader, start);
		if (token.kind == '#' && token.line_start) {
			read_directive(reader, &token, start);
			lexer_span(reader->lexer, &token, &start, &end);
			continue;
		}
		reader->is_bad |= token.kind == TOK_BAD || token.kind == '#';
		add(reader, kind_of(&token), start, end);
		lexer_next(reader->lexer, &token);
		lexer_span(reader->lexer, &token, &start, &end);
	}
	read_gap(reader, reader->source->size);
}

bool piece_is_comment(const struct piece *piece)
{
	return piece->kind == PIECE_LINE_COMMENT || piece->kind == PIECE_BLOCK_COMMENT;
}

bool piece_is_token(const struct piece *piece)
{
	return piece->kind <= PIECE_MARK;
}

/* What depends on the pieces that follow. */
static void look_ahead(struct idl_unit *unit)
{
	struct piece *pieces = unit->pieces;
	size_t i = unit->n_pieces;

	pieces[i].ends_line = true;
	pieces[i].token = i;
	while (i-- > 0) {
		const struct piece *next = &pieces[i + 1];

		pieces[i].ends_line = next->newlines > 0 || next->kind == PIECE_END ||
				      (piece_is_comment(next) && next->ends_line);
		pieces[i].token = piece_is_token(&pieces[i]) ? i : next->token;
	}
}

void pieces_read(struct front *front)
{
	/* file is the first member */
	struct source *source = (struct source *)front->unit->main;
	struct reader reader = { .front = front, .source = source };

	if (diag_errors(front->diag) > 0)
		return;
	front->unit->text = source->text - source->n_mark;
	front->unit->n_text = source->size + source->n_mark;
	reader.lexer = lexer_new(front, source);
	read_tokens(&reader);
	add(&reader, PIECE_END, source->size, source->size);
	front->unit->n_pieces--;
	look_ahead(front->unit);
}
