/* SPDX-License-Identifier: MIT */
/* Comments, string literals and macros. */
#include "layout.h"

#include <string.h>

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

/* How many bytes make a literal of at most width columns; the last word stays whole if it can. out
 * fails if memory is out. */
static size_t piece_length(struct buf *out, const char *bytes, size_t n, size_t width)
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
	out->failed |= text.failed;
	buf_free(&text);
	if (i == n)
		return n;
	return word > 0 ? word : i > 0 ? i : 1;
}

void layout_long_string(struct buf *out, const char *bytes, size_t n, size_t column, size_t width,
			const char *separator)
{
	while (n > 0) {
		size_t piece = piece_length(out, bytes, n, width - column);

		layout_string(out, bytes, piece);
		bytes += piece;
		n -= piece;
		buf_str(out, n > 0 ? separator : "");
	}
}

void layout_define(struct buf *out, const char *head, const char *value)
{
	if (strlen(head) + strlen(value) + 9 <= LAYOUT_WIDTH) {
		buf_printf(out, "#define %s %s\n", head, value);
		return;
	}
	buf_printf(out, "#define %s \\\n\t%s\n", head, value);
}

void layout_define_string(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "#define %s \\\n\t", name);
	layout_long_string(out, text, strlen(text), LAYOUT_TAB, LAYOUT_WIDTH - 2, " \\\n\t");
	buf_str(out, "\n");
}
