/* SPDX-License-Identifier: MIT */
/*
 * Lines: a unit that is too long is filled from left to right, its further lines further in;
 * comments behind consecutive lines are aligned.
 */
#include <stdlib.h>
#include <string.h>

#include "format_own.h"

static struct line *last_line(struct lines *lines)
{
	return lines->n > 0 ? &lines->items[lines->n - 1] : NULL;
}

static void begin_line(struct lines *lines, size_t indent)
{
	size_t room = lines->room ? lines->room * 2 : 256;
	struct line *items;

	if (lines->n == lines->room) {
		items = realloc(lines->items, room * sizeof(*items));
		if (!items) {
			lines->failed = true;
			return;
		}
		lines->items = items;
		lines->room = room;
	}
	lines->items[lines->n++] = (struct line){ .start = lines->text.n, .indent = indent };
	for (size_t i = 0; i < indent; i++)
		buf_str(&lines->text, " ");
}

static void put(struct lines *lines, const char *text, size_t n)
{
	buf_add(&lines->text, text, n);
	lines->failed |= lines->text.failed;
	if (lines->n > 0)
		last_line(lines)->n = lines->text.n - last_line(lines)->start;
}

/* Columns of the last line. */
static size_t column(struct lines *lines)
{
	const struct line *line = last_line(lines);

	return line ? pieces_column(buf_text(&lines->text) + line->start,
				    lines->text.n - line->start, 0)
		    : 0;
}

static size_t first_line(const char *text, size_t n)
{
	const char *stop = memchr(text, '\n', n);

	return stop ? (size_t)(stop - text) : n;
}

static size_t width_of(const struct piece *piece)
{
	return pieces_column(piece->text, first_line(piece->text, piece->n), 0);
}

/* A line of a comment below its first: stars one below the other, text as far in as it was. */
static void comment_line(struct lines *lines, const char *text, size_t n, size_t was, size_t is)
{
	size_t blank = 0, indent;

	n = pieces_trim(text, n);
	while (blank < n && (text[blank] == ' ' || text[blank] == '\t'))
		blank++;
	indent = pieces_column(text, blank, 0);
	if (text[blank] == '*')
		indent = is + 1;
	else
		indent = indent + is > was ? indent + is - was : 0;
	begin_line(lines, n > blank ? indent : 0);
	put(lines, text + blank, n - blank);
}

static void put_comment(struct lines *lines, const struct piece *comment)
{
	const char *text = comment->text, *end = text + comment->n;
	size_t n = first_line(text, comment->n), is;

	if (n == comment->n) {
		put(lines, text, n);
		return;
	}
	is = column(lines);
	put(lines, text, pieces_trim(text, n));
	for (text += n + 1; text <= end; text += n + 1) {
		n = first_line(text, (size_t)(end - text));
		comment_line(lines, text, n, comment->column, is);
	}
}

void lines_blank(struct lines *lines)
{
	begin_line(lines, 0);
}

void lines_comment(struct lines *lines, const struct piece *comment, size_t indent)
{
	begin_line(lines, indent);
	put_comment(lines, comment);
}

void lines_raw(struct lines *lines, const struct piece *piece)
{
	const char *text = piece->text, *end = text + piece->n;
	size_t n;

	for (; text <= end; text += n + 1) {
		n = first_line(text, (size_t)(end - text));
		begin_line(lines, 0);
		put(lines, text, pieces_trim(text, n));
	}
}

void lines_trail(struct lines *lines, const struct piece *comment)
{
	struct line *line = last_line(lines);
	bool is_simple = !memchr(comment->text, '\n', comment->n);

	if (line && is_simple && !line->comment && !line->is_full) {
		line->comment = comment;
		return;
	}
	if (line && line->comment) { /* one more behind it */
		const struct piece *first = line->comment;

		line->comment = NULL;
		line->is_full = true;
		put(lines, " ", 1);
		put_comment(lines, first);
	}
	put(lines, " ", 1);
	put_comment(lines, comment);
}

void lines_trail_on(struct lines *lines, const struct piece *comment)
{
	begin_line(lines, last_line(lines)->indent);
	if (lines->failed)
		return;
	lines->text.n = last_line(lines)->start;
	last_line(lines)->comment = comment;
	last_line(lines)->goes_on = true;
}

static size_t atom_width(const struct atom *atom)
{
	return atom->space + width_of(atom->piece);
}

size_t unit_width(const struct format *format)
{
	size_t width = 0;

	for (size_t i = 0; i < format->unit.n; i++)
		width += atom_width(&format->atoms[i]);
	return width;
}

/* Columns from an atom up to where a line may end. */
static size_t chunk_width(const struct format *format, size_t at, enum atom_break least,
			  size_t *end)
{
	size_t width = width_of(format->atoms[at].piece);

	for (at++; at < format->unit.n && format->atoms[at].before < least; at++)
		width += atom_width(&format->atoms[at]);
	*end = at;
	return width;
}

static void put_atom(struct lines *lines, const struct atom *atom, bool space)
{
	if (space)
		put(lines, " ", 1);
	if (atom->role == ROLE_COMMENT)
		put_comment(lines, atom->piece);
	else
		put(lines, atom->piece->text, atom->piece->n);
}

/* Whether to begin a line before an atom: what comes is too long for this one. A lone value that
 * is too long for any stays behind its = or parenthesis. */
static bool is_worth(struct format *format, size_t at, size_t width, size_t indent)
{
	const struct atom *atom = &format->atoms[at];
	enum token_role before = atom[-1].role;

	if (column(&format->lines) + atom->space + width <= FORMAT_WIDTH)
		return false;
	return indent + width <= FORMAT_WIDTH || (before != ROLE_OPEN && before != ROLE_EQUALS);
}

/* Atoms up to end; begins a line before those that say BREAK_LATE where it has to. */
static void put_chunk(struct format *format, size_t begin, size_t end, size_t indent)
{
	struct lines *lines = &format->lines;
	size_t at, stop, width;
	bool space;

	for (at = begin; at < end; at = stop) {
		width = chunk_width(format, at, BREAK_LATE, &stop);
		space = at > begin && format->atoms[at].space;
		if (at > begin && is_worth(format, at, width, indent)) {
			begin_line(lines, indent);
			space = false;
		}
		for (size_t i = at; i < stop; i++)
			put_atom(lines, &format->atoms[i], i > at ? format->atoms[i].space : space);
	}
}

void lines_unit(struct format *format, size_t indent)
{
	struct lines *lines = &format->lines;
	size_t at, end, width;
	const struct atom *atom;

	begin_line(lines, indent);
	for (at = 0; at < format->unit.n && !lines->failed; at = end) {
		atom = &format->atoms[at];
		width = chunk_width(format, at, BREAK_EARLY, &end);
		if (atom->role == ROLE_DIRECTIVE) {
			lines_raw(lines, atom->piece);
			continue;
		}
		if (at > 0 && (atom->before == BREAK_ALWAYS ||
			       is_worth(format, at, width, indent + FORMAT_CONTINUED)))
			begin_line(lines, indent + FORMAT_CONTINUED);
		else if (at > 0 && atom->space)
			put(lines, " ", 1);
		put_chunk(format, at, end, indent + FORMAT_CONTINUED);
	}
}

/* Columns of a line without the comment behind it. */
static size_t line_width(const struct lines *lines, const struct line *line)
{
	return pieces_column(lines->text.data + line->start, line->n, 0);
}

/* Lines whose comments are aligned, from one on; *target: the column. 0: they are not. */
static size_t run_of(const struct lines *lines, size_t at, size_t *target)
{
	size_t widest = 0, longest = 0, end, width;

	for (end = at; end < lines->n && lines->items[end].comment &&
		       lines->items[end].indent == lines->items[at].indent;
	     end++) {
		const struct line *line = &lines->items[end];

		width = line->goes_on ? 0 : line_width(lines, line) + 1;
		widest = width > widest ? width : widest;
		width = width_of(line->comment);
		longest = width > longest ? width : longest;
	}
	*target = widest + longest <= FORMAT_WIDTH ? widest : 0;
	return end;
}

static void write_line(struct buf *out, const struct lines *lines, const struct line *line,
		       size_t target)
{
	size_t width = line_width(lines, line);

	buf_add(out, lines->text.data + line->start, line->n);
	for (; line->comment && width < target; width++)
		buf_str(out, " ");
	if (line->comment)
		buf_add(out, line->comment->text,
			pieces_trim(line->comment->text, line->comment->n));
	buf_str(out, "\n");
}

static void write_run(struct buf *out, const struct lines *lines, size_t at, size_t end,
		      size_t target)
{
	size_t own = 0;

	for (; at < end; at++) {
		const struct line *line = &lines->items[at];

		if (!line->goes_on)
			own = line_width(lines, line) + 1;
		write_line(out, lines, line, target > 0 ? target : own);
	}
}

void lines_write(struct buf *out, const struct lines *lines)
{
	size_t at = 0, end, target;

	while (at < lines->n && !lines->failed) {
		if (lines->items[at].comment) {
			end = run_of(lines, at, &target);
			write_run(out, lines, at, end, target);
			at = end;
		} else {
			write_line(out, lines, &lines->items[at++], 0);
		}
	}
}

void lines_free(struct lines *lines)
{
	buf_free(&lines->text);
	free(lines->items);
}
