/* SPDX-License-Identifier: MIT */
#include "layout.h"

#include <string.h>

size_t layout_column(const char *text, size_t column)
{
	for (; *text; text++)
		column = *text == '\t' ? (column / LAYOUT_TAB + 1) * LAYOUT_TAB : column + 1;
	return column;
}

void layout_indent(struct buf *out, size_t column)
{
	for (; column >= LAYOUT_TAB; column -= LAYOUT_TAB)
		buf_str(out, "\t");
	for (; column > 0; column--)
		buf_str(out, " ");
}

bool layout_fits(const struct items *items, size_t column, size_t tail)
{
	const char *item, *next;

	for (item = items_next(items, NULL); item; item = next) {
		next = items_next(items, item);
		if (column + strlen(item) + (next ? 1 : tail) > LAYOUT_WIDTH)
			return false;
	}
	return true;
}

static void fill(struct buf *out, const struct items *items, size_t align, size_t tail);

/* Whether an item is itself a list in parentheses, whose parts may have lines of their own. */
static bool is_nested(const char *item)
{
	return strncmp(item, "PYR__IN(", 8) == 0 || strncmp(item, "PYR__OUT(", 9) == 0;
}

/* An item that is too long for a line, filled behind its own parenthesis. */
static void fill_nested(struct buf *out, const char *item, size_t column)
{
	struct items parts = { 0 };
	size_t open = strcspn(item, "(") + 1;
	int depth = 0;

	buf_add(out, item, open);
	for (const char *c = item + open; c[1]; c++) {
		depth += (*c == '{') - (*c == '}');
		if (*c == ',' && depth == 0) {
			items_end(&parts);
			c++; /* the space behind it */
		} else {
			buf_add(&parts.text, c, 1);
		}
	}
	items_end(&parts);
	fill(out, &parts, column + open, 2);
	buf_str(out, ")");
	out->failed |= parts.text.failed;
	items_clear(&parts);
}

/* Fills lines from column on, wrapping to align. */
static void fill(struct buf *out, const struct items *items, size_t align, size_t tail)
{
	size_t column = align;
	const char *item, *next;

	for (item = items_next(items, NULL); item; item = next) {
		size_t n = strlen(item);
		bool first = item == items_next(items, NULL);

		next = items_next(items, item);
		if (!first && column + 1 + n + (next ? 1 : tail) > LAYOUT_WIDTH) {
			buf_str(out, "\n");
			layout_indent(out, align);
			column = align;
		} else if (!first) {
			buf_str(out, " ");
			column++;
		}
		if (column == align && is_nested(item) &&
		    column + n + (next ? 1 : tail) > LAYOUT_WIDTH) {
			fill_nested(out, item, column);
			column = LAYOUT_WIDTH; /* what follows starts on a new line */
		} else {
			buf_str(out, item);
		}
		buf_str(out, next ? "," : "");
		column += n + (next ? 1 : 0);
	}
}

static bool has_nested(const struct items *items)
{
	const char *item;

	for (item = items_next(items, NULL); item; item = items_next(items, item))
		if (is_nested(item))
			return true;
	return false;
}

static size_t joined_length(const struct items *items)
{
	return items->n == 0 ? 0 : items->text.n - items->n + 2 * (items->n - 1);
}

/* "x = f" as a head: clang-format rather breaks the line behind = than inside the parentheses. */
static size_t break_assignment(struct buf *out, size_t start, const char **head,
			       const struct items *items, size_t tail)
{
	const char *value = strstr(*head, " = ");
	size_t n = joined_length(items) + tail + 1;

	if (!value || layout_column(*head, start) + n <= LAYOUT_WIDTH ||
	    layout_column(value + 3, start + LAYOUT_TAB) + n > LAYOUT_WIDTH)
		return start;
	layout_indent(out, start);
	buf_add(out, *head, (size_t)(value - *head));
	buf_str(out, " =\n");
	*head = value + 3;
	return start + LAYOUT_TAB;
}

void layout_call(struct buf *out, size_t indent, const char *head, const struct items *items,
		 const char *tail)
{
	size_t start = break_assignment(out, indent * LAYOUT_TAB, &head, items, strlen(tail) + 1);
	size_t open = layout_column(head, start) + 1;
	size_t end = strlen(tail) + 1;

	layout_indent(out, start);
	buf_printf(out, "%s(", head);
	if (open + joined_length(items) + end <= LAYOUT_WIDTH || layout_fits(items, open, end) ||
	    (has_nested(items) && !layout_fits(items, start + LAYOUT_TAB, end))) {
		fill(out, items, open, end);
	} else {
		buf_str(out, "\n");
		layout_indent(out, start + LAYOUT_TAB);
		fill(out, items, start + LAYOUT_TAB, end);
	}
	buf_printf(out, ")%s\n", tail);
}

void layout_function(struct buf *out, const char *type, const char *name,
		     const struct items *parameters, const char *tail)
{
	struct items none = { 0 };
	struct buf head = { 0 };
	size_t open, end = strlen(tail) + 1;

	if (parameters->n == 0) {
		items_add(&none, "void");
		parameters = &none;
	}
	buf_printf(&head, "%s%s", type, name);
	open = head.n + 1;
	if (open + joined_length(parameters) + end > LAYOUT_WIDTH &&
	    !layout_fits(parameters, open, end) && layout_fits(parameters, strlen(name) + 1, end)) {
		size_t n = strlen(type);

		buf_add(out, type, type[n - 1] == ' ' ? n - 1 : n);
		buf_str(out, "\n");
		layout_call(out, 0, name, parameters, tail);
	} else {
		layout_call(out, 0, buf_text(&head), parameters, tail);
	}
	out->failed |= head.failed || parameters->text.failed;
	buf_free(&head);
	items_clear(&none);
}

void layout_row(struct buf *out, const struct items *items, bool designated)
{
	size_t column = LAYOUT_TAB + 2;
	bool fits = column + joined_length(items) + 3 <= LAYOUT_WIDTH;
	const char *item;

	buf_str(out, "\t{ ");
	if (fits || !designated) {
		fill(out, items, column, 3);
	} else {
		for (item = items_next(items, NULL); item; item = items_next(items, item)) {
			if (item != items_next(items, NULL)) {
				buf_str(out, ",\n");
				layout_indent(out, column);
			}
			buf_str(out, item);
		}
	}
	buf_str(out, " },\n");
	out->failed |= items->text.failed;
}

/* One character of a comment. What would end it or look like another's start is taken apart. */
static void doc_char(struct buf *out, char c)
{
	char last = out->n > 0 ? out->data[out->n - 1] : '\0';

	if ((last == '*' && c == '/') || (last == '/' && c == '*'))
		buf_str(out, " ");
	if ((unsigned char)c >= ' ' && c != 127)
		buf_add(out, &c, 1);
	else
		buf_str(out, " ");
}

/* Adds text of one line, wrapped at words, each line led by " * ". */
static void doc_line(struct buf *out, size_t indent, const char *text, size_t n)
{
	size_t margin = indent * LAYOUT_TAB + 3, column = margin, i, word;

	layout_indent(out, indent * LAYOUT_TAB);
	buf_str(out, n > 0 ? " * " : " *");
	for (i = 0; i < n; i += word) {
		word = text[i] == ' ';
		while (i + word < n && text[i + word] != ' ')
			word++;
		if (column > margin && column + word > LAYOUT_WIDTH) {
			buf_str(out, "\n");
			layout_indent(out, indent * LAYOUT_TAB);
			buf_str(out, " * ");
			column = margin;
			i += text[i] == ' ';
			word -= i > 0 && text[i - 1] == ' ';
		}
		column += word;
		for (size_t k = 0; k < word; k++)
			doc_char(out, text[i + k]);
	}
	buf_str(out, "\n");
}

static size_t line_length(const char *text)
{
	size_t n = strcspn(text, "\n");

	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t' || text[n - 1] == '\r'))
		n--;
	return n;
}

static void doc_block(struct buf *out, size_t indent, const char *text)
{
	layout_indent(out, indent * LAYOUT_TAB);
	buf_str(out, "/**\n");
	for (const char *line = text; *line; line += *line == '\n') {
		doc_line(out, indent, line, line_length(line));
		line += strcspn(line, "\n");
	}
	layout_indent(out, indent * LAYOUT_TAB);
	buf_str(out, " */\n");
}

void layout_doc(struct buf *out, size_t indent, const char *doc, const char *deprecated)
{
	struct buf text = { 0 };

	if (doc)
		buf_str(&text, doc);
	if (deprecated)
		buf_printf(&text, "%sDeprecated%s%s", text.n > 0 ? "\n\n" : "",
			   *deprecated ? ": " : ".", deprecated);
	if (text.n > 0 && !strchr(text.data, '\n') &&
	    indent * LAYOUT_TAB + text.n + 7 <= LAYOUT_WIDTH) {
		layout_indent(out, indent * LAYOUT_TAB);
		buf_str(out, "/** ");
		for (size_t i = 0; i < text.n; i++)
			doc_char(out, text.data[i]);
		buf_str(out, " */\n");
	} else if (text.n > 0) {
		doc_block(out, indent, text.data);
	}
	out->failed |= text.failed;
	buf_free(&text);
}

static void string_char(struct buf *out, unsigned char c, char before)
{
	static const char escaped[] = "\"\\\a\b\f\n\r\t\v", letters[] = "\"\\abfnrtv";
	const char *at = c ? strchr(escaped, c) : NULL;

	if (at)
		buf_printf(out, "\\%c", letters[at - escaped]);
	else if (c < ' ' || c > '~')
		buf_printf(out, "\\%03o", c);
	else
		buf_printf(out, c == '?' && before == '?' ? "\\%c" : "%c", c);
}

void layout_string(struct buf *out, const char *bytes, size_t n)
{
	buf_str(out, "\"");
	for (size_t i = 0; i < n; i++)
		string_char(out, (unsigned char)bytes[i], i > 0 ? bytes[i - 1] : '\0');
	buf_str(out, "\"");
}

/* How many bytes make a literal of at most width columns; the last word stays whole if it can. */
static size_t piece_length(const char *bytes, size_t n, size_t width)
{
	struct buf text = { 0 };
	size_t word = 0, i;

	for (i = 0; i < n && !text.failed; i++) {
		string_char(&text, (unsigned char)bytes[i], i > 0 ? bytes[i - 1] : '\0');
		if (text.n + 2 > width)
			break;
		if (bytes[i] == ' ')
			word = i + 1;
	}
	buf_free(&text);
	if (i == n)
		return n;
	return word > 0 ? word : i > 0 ? i : 1;
}

void layout_long_string(struct buf *out, const char *bytes, size_t n, size_t column, size_t width,
			const char *separator)
{
	while (n > 0) {
		size_t piece = piece_length(bytes, n, width - column);
		size_t before = out->n;

		layout_string(out, bytes, piece);
		bytes += piece;
		n -= piece;
		if (n > 0 && *separator == '\\')
			for (before = out->n - before + column; before < LAYOUT_WIDTH - 1; before++)
				buf_str(out, " ");
		buf_str(out, n > 0 ? separator : "");
	}
}

static void escaped_newline(struct buf *out, size_t column)
{
	for (; column < LAYOUT_WIDTH - 1; column++)
		buf_str(out, " ");
	buf_str(out, "\\\n");
}

void layout_define(struct buf *out, const char *head, const char *value)
{
	if (strlen(head) + strlen(value) + 9 <= LAYOUT_WIDTH) {
		buf_printf(out, "#define %s %s\n", head, value);
		return;
	}
	buf_printf(out, "#define %s", head);
	escaped_newline(out, 8 + strlen(head));
	buf_printf(out, "\t%s\n", value);
}

void layout_define_string(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "#define %s", name);
	escaped_newline(out, 8 + strlen(name));
	buf_str(out, "\t");
	layout_long_string(out, text, strlen(text), LAYOUT_TAB, LAYOUT_WIDTH - 2, "\\\n\t");
	buf_str(out, "\n");
}
