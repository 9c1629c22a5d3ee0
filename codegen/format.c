/* SPDX-License-Identifier: MIT */
/*
 * Cuts the pieces of a file into units: statements, heads of bodies up to {, what follows }, labels
 * and annotations that have a line of their own. Of the white space that was there count only the
 * blank lines between units, the line ends at comments, behind labels and annotations, and whether
 * a body was on one line: formatting what was formatted finds the same.
 */
#include "format.h"

#include <stdlib.h>
#include <string.h>

#include "format_own.h"

#include "../idl/idl.h"

static const struct piece *peek(const struct format *format, size_t ahead)
{
	size_t at = format->at + ahead;

	return &format->pieces[at < format->n ? at : format->n];
}

/* The next piece that is a token; PIECE_END if there is none. */
static const struct piece *next_token(const struct format *format)
{
	return &format->pieces[peek(format, 0)->token];
}

/* Whether nothing but comments follows on the line of the last piece. */
static bool ends_line(const struct format *format)
{
	return format->pieces[format->at - 1].ends_line;
}

static bool in_any_body(const struct brackets *brackets)
{
	const struct bracket *top = brackets_top(brackets);

	return top && top->mark == '{' && !top->is_flat;
}

static bool at_body_end(const struct format *format)
{
	return piece_is(next_token(format), "}") && in_any_body(&format->now);
}

static bool is_directive(const struct piece *piece)
{
	return piece->kind == PIECE_DIRECTIVE || piece->kind == PIECE_VERBATIM;
}

/* Of what begins with the next token. */
static size_t indent_here(const struct format *format)
{
	const struct piece *token = next_token(format);
	size_t indent = brackets_indent(&format->now);
	bool is_member =
		!piece_is(token, "case") && !piece_is(token, "default") && !piece_is(token, "}");

	return is_member || !brackets_in_body(&format->now, HEAD_UNION) ? indent
									: indent - FORMAT_INDENT;
}

static void save_brackets(struct format *format)
{
	size_t room = format->saved_room ? format->saved_room * 2 : 4;
	struct branches *saved;

	if (format->n_saved == format->saved_room) {
		saved = realloc(format->saved, room * sizeof(*saved));
		if (!saved) {
			format->failed = true;
			return;
		}
		format->saved = saved;
		format->saved_room = room;
	}
	format->saved[format->n_saved++] = (struct branches){ .before = format->now };
}

/* Each branch begins with the brackets that were open before the first. What follows has those of
 * the last branch, if there are several: one of them is read. */
static void follow_branch(struct format *format, enum piece_branch branch)
{
	struct branches *last = format->n_saved > 0 ? &format->saved[format->n_saved - 1] : NULL;

	if (branch == PIECE_IF) {
		save_brackets(format);
	} else if (branch == PIECE_ELSE && last) {
		format->now = last->before;
		last->are_several = true;
	} else if (branch == PIECE_ENDIF && last) {
		if (!last->are_several)
			format->now = last->before;
		format->n_saved--;
	}
}

static bool has_only_tokens(const struct format *format)
{
	for (size_t i = 0; i < format->unit.n; i++)
		if (!piece_is_token(format->atoms[i].piece))
			return false;
	return true;
}

/* Whether the body that begins with the next piece may stay on the line of its head: it was there,
 * or is empty, and the statement holds no other one and no comments. */
static bool may_be_flat(const struct format *format)
{
	const struct piece *piece = peek(format, 1);
	bool is_empty = piece_is(piece, "}"), is_inside = true;

	if (!has_only_tokens(format))
		return false;
	for (; piece_is_token(piece) && piece->kind != PIECE_END; piece++) {
		if (is_inside && piece->newlines > 0 && !is_empty)
			return false;
		is_inside &= !piece_is(piece, "}");
		if (piece_is(piece, "{") || (!is_inside && piece_is(piece, ";")))
			return !is_inside;
	}
	return !is_inside && piece_is_comment(piece);
}

/* Whether the unit is made of annotations alone, the last one complete. */
static bool is_notes(const struct format *format)
{
	const struct atom *atoms = format->atoms;
	size_t n = format->unit.n, i = 0, depth;

	while (i < n) {
		if (atoms[i].role == ROLE_COMMENT) {
			i++;
			continue;
		}
		if (atoms[i].role != ROLE_AT || i + 1 >= n || atoms[i + 1].role != ROLE_NOTE)
			return false;
		i += 2;
		if (i >= n || atoms[i].role != ROLE_OPEN)
			continue;
		for (depth = 0; i < n; i++) {
			depth += atoms[i].role == ROLE_OPEN;
			depth -= atoms[i].role == ROLE_CLOSE;
			if (depth == 0)
				break;
		}
		if (i++ == n)
			return false;
	}
	return true;
}

/* Modules that hold nothing but one another may share a line: module a { module b { */
static bool joins_module(const struct format *format)
{
	const struct bracket *top = brackets_top(&format->now);
	const struct piece *piece = peek(format, 0);

	return top && top->head == HEAD_MODULE && piece->newlines == 0 && piece_is(piece, "module");
}

/* and then their ends do: }; }; */
static bool joins_end(const struct format *format)
{
	return format->unit.ends_joined && piece_is(peek(format, 0), "}");
}

/* Whether the unit ends with the token that was just added. */
static bool is_complete(const struct format *format)
{
	const struct bracket *top = brackets_top(&format->now);

	if (top && top->is_flat)
		return false;
	switch (format->unit.role) {
	case ROLE_SEMICOLON:
		return !piece_is(peek(format, 0), ";") && !joins_end(format);
	case ROLE_BLOCK:
		return !joins_module(format);
	case ROLE_COMMA:
		return brackets_in_body(&format->now, HEAD_ENUM);
	case ROLE_LABEL_END:
		return format->unit.is_label && ends_line(format);
	case ROLE_NOTE:
	case ROLE_CLOSE:
		return ends_line(format) && is_notes(format) && !piece_is(next_token(format), "(");
	default:
		return false;
	}
}

/* A unit before the body that it has is laid out. */
struct flat_try {
	struct unit unit;
	struct brackets brackets;
	size_t at;
	bool is_on, has_failed;
};

static void take_token(struct format *format, struct flat_try *flat)
{
	const struct piece *piece = peek(format, 0);
	bool is_flat = false;

	if (piece_is(piece, "{") && !format->unit.has_body && !flat->is_on && !flat->has_failed &&
	    may_be_flat(format)) {
		flat->unit = format->unit;
		flat->brackets = format->now;
		flat->at = format->at;
		flat->is_on = is_flat = true;
	}
	token_add(format, piece, is_flat);
	format->at++;
}

/* Adds pieces up to the end of a unit, or up to one that does not belong to it. Returns whether it
 * is complete. */
static bool take_pieces(struct format *format, struct flat_try *flat)
{
	while (!format->failed) {
		const struct piece *piece = peek(format, 0);
		bool begun = format->unit.n > 0;

		if (piece->kind == PIECE_END ||
		    (is_directive(piece) && format->unit.role == ROLE_BLOCK_END) ||
		    (begun && at_body_end(format) && !joins_end(format)))
			return false;
		if (piece_is_comment(piece)) {
			comment_add(format, piece, piece->ends_line);
			format->at++;
		} else if (is_directive(piece)) {
			follow_branch(format, piece->branch);
			directive_add(format, piece);
			format->at++;
		} else {
			take_token(format, flat);
			if (is_complete(format))
				return true;
		}
	}
	return false;
}

/* Comments behind the unit, on its last line. */
static void take_trail(struct format *format)
{
	if (!ends_line(format) && !at_body_end(format))
		return;
	while (piece_is_comment(peek(format, 0)) && peek(format, 0)->newlines == 0)
		lines_trail(&format->lines, &format->pieces[format->at++]);
}

static bool opens(const struct format *format)
{
	enum token_role role = format->unit.role;

	return role == ROLE_BLOCK || role == ROLE_LABEL_END || role == ROLE_NOTE ||
	       (role == ROLE_CLOSE && is_notes(format));
}

static void take_unit(struct format *format)
{
	struct flat_try flat = { 0 };
	size_t indent;

	if (at_body_end(format)) /* its line is as far in as that of its head */
		indent = brackets_top(&format->now)->indent;
	else
		indent = indent_here(format);
	format->unit = (struct unit){ .indent = indent };
	take_pieces(format, &flat);
	if (flat.is_on && indent + unit_width(format) > FORMAT_WIDTH) {
		format->unit = flat.unit;
		format->now = flat.brackets;
		format->at = flat.at;
		flat = (struct flat_try){ .has_failed = true };
		take_pieces(format, &flat);
	}
	lines_unit(format, indent);
	format->is_open = opens(format);
	take_trail(format);
}

/* A comment on lines of its own. */
static bool is_own_line(const struct format *format)
{
	const struct piece *piece = peek(format, 0), *next = peek(format, 1);

	return piece_is_comment(piece) &&
	       (piece->ends_line || is_directive(next) || at_body_end(format));
}

/* Whether it goes on the comment behind the line above: it begins in the same column. */
static bool goes_on(const struct format *format)
{
	const struct piece *piece = peek(format, 0);
	const struct line *last =
		format->lines.n > 0 ? &format->lines.items[format->lines.n - 1] : NULL;

	return last && last->comment && last->comment->kind == PIECE_LINE_COMMENT &&
	       piece->kind == PIECE_LINE_COMMENT && piece->newlines == 1 &&
	       piece->column == last->comment->column;
}

static void take_comment(struct format *format)
{
	const struct piece *piece = peek(format, 0);

	if (goes_on(format))
		lines_trail_on(&format->lines, piece);
	else
		lines_comment(&format->lines, piece, indent_here(format));
	format->at++;
	format->is_open = false;
	take_trail(format);
}

static void take_directive(struct format *format)
{
	const struct piece *piece = peek(format, 0);

	follow_branch(format, piece->branch);
	lines_raw(&format->lines, piece);
	format->at++;
	format->is_open = false;
}

static void take_next(struct format *format)
{
	const struct piece *piece = peek(format, 0);

	if (piece->newlines > 1 && !format->is_open && !piece_is(piece, "}"))
		lines_blank(&format->lines);
	if (is_directive(piece))
		take_directive(format);
	else if (is_own_line(format))
		take_comment(format);
	else
		take_unit(format);
}

void format_unit(struct buf *out, const struct idl_unit *unit)
{
	struct format format = { .pieces = unit->pieces, .n = unit->n_pieces, .is_open = true };

	while (format.at < format.n && !format.failed && !format.lines.failed)
		take_next(&format);
	lines_write(out, &format.lines);
	out->failed |= format.failed || format.lines.failed;
	lines_free(&format.lines);
	free(format.atoms);
	free(format.saved);
}

void format_text(struct buf *text, const char *name)
{
	struct idl_options options = { .keep_pieces = true,
				       .text = buf_text(text),
				       .n_text = text->n };
	struct diag *diag = diag_new();
	struct idl_unit *unit = diag ? idl_read(name, &options, diag) : NULL;
	struct buf out = { .failed = text->failed || !unit || unit->is_cut };

	if (unit && diag_errors(diag) == 0)
		format_unit(&out, unit);
	else
		buf_add(&out, buf_text(text), text->n);
	idl_unit_free(unit);
	diag_free(diag);
	buf_free(text);
	*text = out;
}

/* Reads a piece without what layout may change: white space at the start and end of its lines. */
struct cursor {
	const struct piece *piece;
	size_t at;
	size_t inside; /* white space before this offset is inside a line */
	bool line_start;
};

static int next_char(struct cursor *cursor)
{
	const struct piece *piece = cursor->piece;
	size_t end = cursor->at;

	if (end >= cursor->inside) {
		while (end < piece->n && strchr(" \t\r", piece->text[end]))
			end++;
		if (cursor->line_start || end == piece->n || piece->text[end] == '\n')
			cursor->at = end;
		cursor->inside = end;
	}
	if (cursor->at == piece->n)
		return -1;
	cursor->line_start = piece->text[cursor->at] == '\n';
	return (unsigned char)piece->text[cursor->at++];
}

static bool same_piece(const struct piece *a, const struct piece *b)
{
	struct cursor left = { .piece = a }, right = { .piece = b };
	int c;

	if (a->kind != b->kind)
		return false;
	if (a->kind == PIECE_MARK || a->kind == PIECE_STRING || a->kind == PIECE_WORD)
		return a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
	do {
		c = next_char(&left);
		if (c != next_char(&right))
			return false;
	} while (c >= 0);
	return true;
}

bool format_is_same(const struct idl_unit *a, const struct idl_unit *b)
{
	const struct piece *left = a->pieces, *right = b->pieces;
	const struct piece *left_end = left + a->n_pieces, *right_end = right + b->n_pieces;

	while (left < left_end && right < right_end) {
		if (piece_is(left, ">") && piece_is(right, ">>") && piece_is(left + 1, ">"))
			left++;
		else if (!same_piece(left, right))
			return false;
		left++;
		right++;
	}
	return left == left_end && right == right_end;
}
