/* SPDX-License-Identifier: MIT */
/* Markdown as GitHub has it: tables, and anchors as <a id>. */
#include <string.h>

#include "docs.h"
#include "docs_own.h"

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What would begin a list, a heading or a line if the text begins a line. */
static size_t start_length(const char *text, size_t n)
{
	size_t digits = 0;

	while (digits < n && text[digits] >= '0' && text[digits] <= '9')
		digits++;
	if (digits > 0)
		return digits < n && strchr(".)", text[digits]) ? digits + 1 : 0;
	return n > 0 && strchr("-+=#", *text) ? 1 : 0;
}

/* In a word, as most are, it means nothing. */
static bool is_emphasis(const char *text, size_t n, size_t i)
{
	return i == 0 || i + 1 == n || !is_word(text[i - 1]) || !is_word(text[i + 1]);
}

static void markdown_text(struct buf *out, const char *text, size_t n)
{
	size_t start = start_length(text, n);

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '<')
			buf_str(out, "&lt;");
		else if (text[i] == '>')
			buf_str(out, "&gt;");
		else if (text[i] == '&')
			buf_str(out, "&amp;");
		else if (text[i] == '\n')
			buf_str(out, " ");
		else if (strchr("\\`*[]|~$", text[i]) || i + 1 == start ||
			 (text[i] == '_' && is_emphasis(text, n, i)))
			buf_printf(out, "\\%c", text[i]);
		else
			buf_add(out, text + i, 1);
	}
}

static size_t longest_run(const char *text, size_t n)
{
	size_t longest = 0, run = 0;

	for (size_t i = 0; i < n; i++) {
		run = text[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static void repeat(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_str(out, text);
}

/* A bar would end a cell even here. */
static void markdown_code(struct buf *out, const char *text, size_t n)
{
	size_t ticks = longest_run(text, n) + 1;

	repeat(out, "`", ticks);
	buf_str(out, ticks > 1 ? " " : "");
	for (size_t i = 0; i < n; i++) {
		buf_str(out, text[i] == '|' ? "\\" : "");
		buf_add(out, text[i] == '\n' ? " " : text + i, 1);
	}
	buf_str(out, ticks > 1 ? " " : "");
	repeat(out, "`", ticks);
}

/* Lines of a block between ``` lines, which the text cannot end. */
static void markdown_raw(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '`' && i + 2 < n && text[i + 1] == '`' && text[i + 2] == '`')
			buf_str(out, "\xe2\x80\x8b"); /* a space without width */
		buf_add(out, text + i, 1);
	}
}

static void markdown_link(struct buf *out, const char *href, const char *text, bool is_code)
{
	buf_str(out, "[");
	(is_code ? markdown_code : markdown_text)(out, text, strlen(text));
	buf_printf(out, "](%s)", href);
}

static void markdown_begin(struct buf *out, const char *title, const char *banner,
			   const char *index)
{
	(void)title;
	buf_str(out, "<!--");
	for (size_t i = 0; banner[i]; i++)
		if (banner[i] == '>')
			buf_str(out, "_");
		else
			buf_add(out, &banner[i], 1);
	buf_str(out, " -->\n\n");
	if (index) {
		markdown_link(out, index, "Index", false);
		buf_str(out, "\n\n");
	}
}

static void markdown_end(struct buf *out)
{
	while (out->n > 1 && strcmp(out->data + out->n - 2, "\n\n") == 0)
		out->data[--out->n] = '\0';
}

static void markdown_anchor(struct buf *out, const char *anchor)
{
	buf_printf(out, "<a id=\"%s\"></a>", anchor);
}

static void markdown_heading(struct buf *out, int level, const char *anchor, const char *kind,
			     const char *name)
{
	repeat(out, "#", (size_t)level);
	buf_str(out, " ");
	if (anchor)
		markdown_anchor(out, anchor);
	markdown_text(out, kind, strlen(kind));
	buf_str(out, *kind ? " " : "");
	markdown_text(out, name, strlen(name));
	buf_str(out, "\n\n");
}

static void markdown_heads(struct buf *out, const char *const *heads, size_t n)
{
	buf_str(out, "|");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, " %s |", heads[i]);
	buf_str(out, "\n|");
	repeat(out, "---|", n);
	buf_str(out, "\n");
}

const struct docs_format docs_markdown = {
	.suffix = ".md",
	.flat_cells = true,
	.plain_code = true,
	.open = {
		[DOCS_PARAGRAPH] = "",
		[DOCS_LIST] = "",
		[DOCS_NUMBERED] = "",
		[DOCS_ITEM] = "- ",
		[DOCS_NUMBERED_ITEM] = "1. ",
		[DOCS_TABLE] = "",
		[DOCS_ROW] = "|",
		[DOCS_CELL] = " ",
		[DOCS_CODE] = "```\n",
		[DOCS_IDL] = "```idl\n",
		[DOCS_C] = "```c\n",
		[DOCS_NOTE] = "> ",
	},
	.close = {
		[DOCS_PARAGRAPH] = "\n\n",
		[DOCS_LIST] = "\n",
		[DOCS_NUMBERED] = "\n",
		[DOCS_ITEM] = "\n",
		[DOCS_NUMBERED_ITEM] = "\n",
		[DOCS_TABLE] = "\n",
		[DOCS_ROW] = "\n",
		[DOCS_CELL] = " |",
		[DOCS_CODE] = "\n```\n\n",
		[DOCS_IDL] = "\n```\n\n",
		[DOCS_C] = "\n```\n\n",
		[DOCS_NOTE] = "\n\n",
	},
	.begin = markdown_begin,
	.end = markdown_end,
	.heading = markdown_heading,
	.anchor = markdown_anchor,
	.heads = markdown_heads,
	.text = markdown_text,
	.code = markdown_code,
	.raw = markdown_raw,
	.link = markdown_link,
};
