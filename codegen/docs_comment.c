/* SPDX-License-Identifier: MIT */
/*
 * Doc comments: paragraphs, lists that begin with - or *, numbered ones, code between ``` lines,
 * `code` in the line, and tags (@param name text) behind all that. Nothing else means anything, so
 * that whatever a comment holds comes out as text.
 */
#include <stdlib.h>
#include <string.h>

#include "docs_own.h"

static bool is_blank(const char *text, size_t n)
{
	return strspn(text, " \t\r\n") >= n;
}

static size_t line_length(const char *text)
{
	return strcspn(text, "\n");
}

static const char *next_line(const char *text)
{
	size_t n = line_length(text);

	return text + n + (text[n] == '\n');
}

static size_t word_length(const char *text)
{
	return strcspn(text, " \t\n");
}

static const char *skip_space(const char *text)
{
	return text + strspn(text, " \t");
}

/* How many characters begin an item of a list, 0: none. */
static size_t item_mark(const char *line, bool *is_numbered)
{
	size_t digits = strspn(line, "0123456789");

	*is_numbered = digits > 0;
	if (digits > 0 && digits < 4 && line[digits] == '.' && line[digits + 1] == ' ')
		return digits + 2;
	*is_numbered = false;
	return (*line == '-' || *line == '*') && line[1] == ' ' ? 2 : 0;
}

static bool is_tag(const char *line)
{
	static const char *const kinds[] = { "param",  "return",     "returns", "throws",
					     "raises", "deprecated", "note",    "see" };
	size_t n;

	line = skip_space(line);
	n = *line == '@' ? word_length(line + 1) : 0;
	for (size_t i = 0; n > 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i]) == n && memcmp(kinds[i], line + 1, n) == 0)
			return true;
	return false;
}

static const char *keep_n(struct docs *docs, const char *text, size_t n)
{
	struct buf copy = { 0 };

	buf_add(&copy, text, n);
	return docs_keep(docs, &copy);
}

static const char *kind_of(const char *kind)
{
	if (strcmp(kind, "returns") == 0)
		return "return";
	return strcmp(kind, "raises") == 0 ? "throws" : kind;
}

/* From the @ to the end of the text. */
static void add_tag(struct docs *docs, const char *text, size_t n, struct docs_comment *comment)
{
	struct docs_tag *tags = realloc(comment->tags, (comment->n_tags + 1) * sizeof(*tags));
	struct docs_tag *tag;
	const char *end = text + n;
	size_t length = word_length(text + 1);

	if (!tags) {
		docs->failed = true;
		return;
	}
	comment->tags = tags;
	tag = &tags[comment->n_tags++];
	*tag = (struct docs_tag){ .kind = kind_of(keep_n(docs, text + 1, length)), .name = "" };
	text = skip_space(text + 1 + length);
	if (strcmp(tag->kind, "param") == 0 || strcmp(tag->kind, "throws") == 0) {
		length = word_length(text);
		tag->name = keep_n(docs, text, text + length > end ? 0 : length);
		text = skip_space(text + length);
	}
	while (end > text && strchr(" \t\n", end[-1]))
		end--;
	tag->text = keep_n(docs, text, text < end ? (size_t)(end - text) : 0);
}

void docs_comment_read(struct docs *docs, const char *doc, struct docs_comment *ret)
{
	const char *line = doc ? doc : "", *end;

	*ret = (struct docs_comment){ .body = "" };
	while (*line && !is_tag(line))
		line = next_line(line);
	if (doc)
		ret->body = keep_n(docs, doc, (size_t)(line - doc));
	for (; *line; line = end) {
		end = next_line(line);
		while (*end && !is_tag(end))
			end = next_line(end);
		line = skip_space(line);
		add_tag(docs, line, (size_t)(end - line), ret);
	}
}

void docs_comment_clear(struct docs_comment *comment)
{
	free(comment->tags);
	*comment = (struct docs_comment){ .body = "" };
}

const char *docs_comment_tag(struct docs_comment *comment, const char *kind, const char *name)
{
	for (size_t i = 0; i < comment->n_tags; i++) {
		struct docs_tag *tag = &comment->tags[i];

		if (!tag->used && strcmp(tag->kind, kind) == 0 &&
		    (!*name || strcmp(tag->name, name) == 0)) {
			tag->used = true;
			return tag->text;
		}
	}
	return NULL;
}

static void put_text(struct docs *docs, const char *text, size_t n)
{
	docs_flush(docs);
	if (n > 0)
		docs->format->text(docs->out, text, n);
}

/* `code`, which is a link if it is the name of something. */
static void put_code(struct docs *docs, const char *text, size_t n)
{
	const char *href = docs_find(docs, text, n);

	docs_flush(docs);
	if (href)
		docs_link(docs, href, keep_n(docs, text, n));
	else
		docs->format->code(docs->out, text, n);
}

static size_t ticks(const char *text, const char *end)
{
	const char *at = text;

	while (at < end && *at == '`')
		at++;
	return (size_t)(at - text);
}

/* Where the run of as many ticks is that closes one; NULL: nowhere. */
static const char *closing(const char *text, const char *end, size_t n)
{
	while ((text = memchr(text, '`', (size_t)(end - text)))) {
		size_t run = ticks(text, end);

		if (run == n)
			return text;
		text += run;
	}
	return NULL;
}

/* Text of a paragraph. What is between ticks is code, unless it is blank. */
static void put_line(struct docs *docs, const char *text, size_t n)
{
	const char *end = text + n, *from = text, *tick = text, *close;

	while ((tick = memchr(tick, '`', (size_t)(end - tick)))) {
		size_t run = ticks(tick, end);
		const char *code = tick + run;

		close = closing(code, end, run);
		if (!close || is_blank(code, (size_t)(close - code))) {
			tick = code;
			continue;
		}
		put_text(docs, from, (size_t)(tick - from));
		put_code(docs, code, (size_t)(close - code));
		from = tick = close + run;
	}
	put_text(docs, from, (size_t)(end - from));
}

/* What is open while blocks are written. */
struct writer {
	struct docs *docs;
	struct buf text; /* of the paragraph or item */
	bool in_list, in_item, is_numbered;
};

static void end_text(struct writer *writer)
{
	struct docs *docs = writer->docs;
	bool is_paragraph = !writer->in_item;

	docs->failed |= writer->text.failed;
	if (writer->text.n == 0 && is_paragraph) {
		buf_free(&writer->text);
		return;
	}
	if (is_paragraph)
		docs_open(docs, DOCS_PARAGRAPH);
	put_line(docs, buf_text(&writer->text), writer->text.n);
	docs_close(docs, is_paragraph          ? DOCS_PARAGRAPH
			 : writer->is_numbered ? DOCS_NUMBERED_ITEM
					       : DOCS_ITEM);
	buf_free(&writer->text);
	writer->in_item = false;
}

static void end_list(struct writer *writer)
{
	end_text(writer);
	if (writer->in_list)
		docs_close(writer->docs, writer->is_numbered ? DOCS_NUMBERED : DOCS_LIST);
	writer->in_list = false;
}

static void begin_item(struct writer *writer, bool is_numbered)
{
	end_text(writer);
	if (writer->in_list && writer->is_numbered != is_numbered)
		end_list(writer);
	if (!writer->in_list)
		docs_open(writer->docs, is_numbered ? DOCS_NUMBERED : DOCS_LIST);
	docs_open(writer->docs, is_numbered ? DOCS_NUMBERED_ITEM : DOCS_ITEM);
	writer->in_list = writer->in_item = true;
	writer->is_numbered = is_numbered;
}

/* From the line ``` on. Returns what follows its end. */
static const char *code_block(struct writer *writer, const char *line)
{
	const char *begin = next_line(line), *end = begin;
	struct docs *docs = writer->docs;

	end_list(writer);
	while (*end && strncmp(skip_space(end), "```", 3) != 0)
		end = next_line(end);
	docs_open(docs, DOCS_CODE);
	if (end > begin) /* without the last line end */
		docs->format->raw(docs->out, begin, (size_t)(end - begin) - (end[-1] == '\n'));
	docs_close(docs, DOCS_CODE);
	return next_line(end);
}

static void put_block_line(struct writer *writer, const char *line)
{
	const char *text = skip_space(line);
	bool is_numbered;
	size_t n = line_length(text), mark = item_mark(text, &is_numbered);

	if (is_blank(text, n)) {
		end_list(writer);
		return;
	}
	if (mark > 0)
		begin_item(writer, is_numbered);
	else if (writer->in_list && text == line)
		end_list(writer);
	if (writer->text.n > 0)
		buf_str(&writer->text, " ");
	buf_add(&writer->text, text + mark, n - mark);
}

void docs_blocks(struct docs *docs, const char *text)
{
	struct writer writer = { .docs = docs };

	while (*text) {
		if (strncmp(skip_space(text), "```", 3) == 0) {
			text = code_block(&writer, text);
			continue;
		}
		put_block_line(&writer, text);
		text = next_line(text);
	}
	end_list(&writer);
}

void docs_description(struct docs *docs, const struct ast_decl *decl, const char *body)
{
	if (decl->deprecated) {
		docs_open(docs, DOCS_NOTE);
		docs_text(docs, decl->deprecated_text ? "Deprecated: " : "Deprecated.");
		if (decl->deprecated_text)
			docs_text(docs, decl->deprecated_text);
		docs_close(docs, DOCS_NOTE);
	}
	docs_blocks(docs, body);
}

static const char *title_of(const char *kind)
{
	static const char *const titles[][2] = { { "param", "Parameter" },
						 { "return", "Returns" },
						 { "throws", "Raises" },
						 { "deprecated", "Deprecated" },
						 { "note", "Note" } };

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (strcmp(kind, titles[i][0]) == 0)
			return titles[i][1];
	return "See";
}

void docs_rest(struct docs *docs, struct docs_comment *comment)
{
	for (size_t i = 0; i < comment->n_tags; i++) {
		struct docs_tag *tag = &comment->tags[i];

		if (tag->used)
			continue;
		tag->used = true;
		docs_open(docs, DOCS_PARAGRAPH);
		docs_text(docs, title_of(tag->kind));
		if (*tag->name) {
			docs_text(docs, " ");
			put_code(docs, tag->name, strlen(tag->name));
		}
		docs_text(docs, ": ");
		put_line(docs, tag->text, strlen(tag->text));
		docs_close(docs, DOCS_PARAGRAPH);
	}
}

/* Up to a full stop with white space behind it, a blank line, a list or a tag. */
static size_t sentence_length(const char *text)
{
	const char *at = text;
	bool is_numbered;

	for (; *at; at++) {
		if (*at == '.' && (!at[1] || strchr(" \t\n", at[1])))
			return (size_t)(at - text) + 1;
		if (*at == '\n' && (is_blank(at + 1, line_length(at + 1)) || is_tag(at + 1) ||
				    item_mark(skip_space(at + 1), &is_numbered) > 0))
			break;
	}
	return (size_t)(at - text);
}

void docs_summary(struct docs *docs, const char *doc)
{
	if (doc && !is_tag(doc))
		put_line(docs, doc, sentence_length(doc));
}
