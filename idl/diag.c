/* SPDX-License-Identifier: MIT */
/*
 * Messages are kept in the order they came; diag_print() sorts by file, line, column and keeps
 * notes below what they belong to. Long source lines are cut to a window around the caret.
 */
#include "diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

enum {
	MAX_MESSAGES = 1000,
	MAX_WARNINGS = 800 /* warnings never crowd out errors */,
	MAX_TEXT = 600,
	WINDOW = 160
};

enum level { LEVEL_ERROR = 1, LEVEL_WARNING, LEVEL_NOTE };

struct message {
	enum level level;
	size_t group;     /* index of the message it belongs to; its own for errors and warnings */
	size_t file_rank; /* files in the order of their first message */
	int line, column;
	char *path, *text, *source, *caret, *suggestion;
};

struct diag {
	struct message *messages;
	size_t n_messages, room;
	size_t n_errors, n_dropped;
	bool dropped; /* the last error or warning was: so are its notes */
};

struct diag *diag_new(void)
{
	return calloc(1, sizeof(struct diag));
}

void diag_free(struct diag *diag)
{
	size_t i;

	if (!diag)
		return;
	for (i = 0; i < diag->n_messages; i++) {
		free(diag->messages[i].path);
		free(diag->messages[i].text);
		free(diag->messages[i].source);
		free(diag->messages[i].caret);
		free(diag->messages[i].suggestion);
	}
	free(diag->messages);
	free(diag);
}

size_t diag_errors(const struct diag *diag)
{
	return diag->n_errors;
}

/* The bounds of line number `line` in a text. */
static const char *find_line(const struct source *source, int line, size_t *n)
{
	const char *at = source->text, *end = at + source->size, *stop;

	while (--line > 0) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return NULL;
		at++;
	}
	stop = memchr(at, '\n', (size_t)(end - at));
	if (!stop)
		stop = end;
	if (stop > at && stop[-1] == '\r')
		stop--;
	*n = (size_t)(stop - at);
	return at;
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Copies the part of the line around the column, and builds the line with the caret. */
static void quote_line(struct message *message, const struct source *source)
{
	size_t n, from, to, i, out = 0, column = (size_t)message->column - 1;
	const char *line = find_line(source, message->line, &n);

	if (!line)
		return;
	if (column > n)
		column = n;
	from = column > WINDOW / 2 && n > WINDOW ? column - WINDOW / 2 : 0;
	while (from > 0 && from < n && is_continuation(line[from]))
		from--;
	to = n - from > WINDOW ? from + WINDOW : n;
	while (to < n && is_continuation(line[to]))
		to++;
	message->source = calloc(1, to - from + 1);
	message->caret = calloc(1, column - from + 2);
	if (!message->source || !message->caret)
		return;
	for (i = from; i < to; i++) {
		unsigned char c = (unsigned char)line[i];

		message->source[i - from] = (char)(c == '\t' || (c >= ' ' && c != 127) ? c : '?');
		if (i < column && !is_continuation(line[i]))
			message->caret[out++] = c == '\t' ? '\t' : ' ';
	}
	message->caret[out] = '^';
}

static size_t rank_of(const struct diag *diag, const char *path)
{
	size_t i;

	for (i = 0; i < diag->n_messages; i++)
		if (strcmp(diag->messages[i].path, path) == 0)
			return diag->messages[i].file_rank;
	return diag->n_messages;
}

static bool is_repeated(const struct diag *diag, const struct message *new)
{
	size_t i;

	for (i = 0; i < diag->n_messages; i++) {
		const struct message *old = &diag->messages[i];

		if (new->level != LEVEL_NOTE && old->level == new->level &&
		    old->line == new->line &&
		    old->column == new->column &&strcmp(old->text, new->text) == 0 &&
		    strcmp(old->path, new->path) == 0)
			return true;
	}
	return false;
}

static bool make_room(struct diag *diag, enum level level)
{
	size_t room = diag->room ? 2 * diag->room : 16;
	struct message *more;

	if (diag->n_messages >= (level == LEVEL_ERROR ? MAX_MESSAGES : MAX_WARNINGS))
		return false;
	if (diag->n_messages < diag->room)
		return true;
	more = realloc(diag->messages, room * sizeof(*more));
	if (!more)
		return false;
	diag->messages = more;
	diag->room = room;
	return true;
}

static void add(struct diag *diag, enum level level, const struct ast_loc *loc, const char *format,
		va_list args)
{
	struct message message = { .level = level, .line = loc->line, .column = loc->column };
	char text[MAX_TEXT];

	vsnprintf(text, sizeof(text), format, args);
	if (level == LEVEL_ERROR)
		diag->n_errors++;
	if ((level == LEVEL_NOTE && diag->dropped) || !make_room(diag, level)) {
		diag->n_dropped += level != LEVEL_NOTE;
		diag->dropped = true;
		return;
	}
	message.path = strdup(loc->file ? loc->file->path : "pyrite-idl");
	message.text = strdup(text);
	diag->dropped = !message.path || !message.text || is_repeated(diag, &message);
	if (diag->dropped) {
		free(message.path);
		free(message.text);
		return;
	}
	if (loc->file && loc->line > 0)
		quote_line(&message, (const struct source *)loc->file);
	message.group = level == LEVEL_NOTE && diag->n_messages > 0
				? diag->messages[diag->n_messages - 1].group
				: diag->n_messages;
	message.file_rank = rank_of(diag, message.path);
	diag->messages[diag->n_messages++] = message;
}

void diag_error(struct diag *diag, const struct ast_loc *loc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diag, LEVEL_ERROR, loc, format, args);
	va_end(args);
}

void diag_warning(struct diag *diag, const struct ast_loc *loc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diag, LEVEL_WARNING, loc, format, args);
	va_end(args);
}

void diag_note(struct diag *diag, const struct ast_loc *loc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diag, LEVEL_NOTE, loc, format, args);
	va_end(args);
}

void diag_suggest(struct diag *diag, const char *format, ...)
{
	struct message *last;
	char text[MAX_TEXT];
	va_list args;

	if (diag->dropped || diag->n_messages == 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	last = &diag->messages[diag->n_messages - 1];
	if (!last->suggestion)
		last->suggestion = strdup(text);
}

struct entry {
	const struct message *message, *head;
	size_t index;
};

static int compare(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->head->file_rank != b->head->file_rank)
		return a->head->file_rank < b->head->file_rank ? -1 : 1;
	if (a->head->line != b->head->line)
		return a->head->line < b->head->line ? -1 : 1;
	if (a->head->column != b->head->column)
		return a->head->column < b->head->column ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static void print_message(const struct message *message, FILE *out)
{
	static const char *const levels[] = { "", "error", "warning", "note" };

	if (message->line > 0)
		fprintf(out, "%s:%d:%d: %s: %s\n", message->path, message->line, message->column,
			levels[message->level], message->text);
	else
		fprintf(out, "%s: %s: %s\n", message->path, levels[message->level], message->text);
	if (message->source && message->caret)
		fprintf(out, "\t%s\n\t%s\n", message->source, message->caret);
	if (message->suggestion)
		fprintf(out, "\t%s\n", message->suggestion);
}

void diag_print(const struct diag *diag, FILE *out)
{
	struct entry *entries = calloc(diag->n_messages + 1, sizeof(*entries));
	size_t i;

	for (i = 0; entries && i < diag->n_messages; i++)
		entries[i] = (struct entry){ &diag->messages[i],
					     &diag->messages[diag->messages[i].group], i };
	if (entries)
		qsort(entries, diag->n_messages, sizeof(*entries), compare);
	for (i = 0; i < diag->n_messages; i++)
		print_message(entries ? entries[i].message : &diag->messages[i], out);
	if (diag->n_dropped > 0)
		fprintf(out, "pyrite-idl: %zu more messages not shown\n", diag->n_dropped);
	free(entries);
}
