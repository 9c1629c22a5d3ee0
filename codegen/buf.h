/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_BUF_H
#define PYRITE_CODEGEN_BUF_H
/*
 * Text under construction. A buffer that runs out of memory remembers it and ignores what follows,
 * so that emitters need not look at every write; buf_save_path() then fails.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf {
	char *data; /* NUL-terminated once anything was added */
	size_t n, room;
	bool failed;
};

void buf_add(struct buf *buf, const char *data, size_t n);
void buf_str(struct buf *buf, const char *s);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_free(struct buf *buf);

/* The text, never NULL. Returns: borrowed, until the next change. */
const char *buf_text(const struct buf *buf);

/*
 * Replaces the file by the text: written beside it and renamed, so that nobody ever sees half of
 * it. Returns 0, or -1 with the reason printed to stderr.
 */
int buf_save_path(const struct buf *buf, const char *path);
/* The same with these permissions, whatever the umask is. */
int buf_save_as(const struct buf *buf, const char *path, mode_t mode);

/* Strings in order, for lists of arguments. */
struct items {
	struct buf text; /* each followed by a NUL */
	size_t n;
};

void items_add(struct items *items, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the string that buf_*(&list->text, ...) has written: another way to items_add(). */
void items_end(struct items *items);
/* Walks: item = NULL gives the first, NULL is the end. */
const char *items_next(const struct items *items, const char *item);
void items_clear(struct items *items);
#endif
