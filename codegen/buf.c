/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A buffer that failed is empty: its text and its length stay one. */
static bool fail(struct buf *buf)
{
	buf->failed = true;
	buf->n = 0;
	if (buf->data)
		buf->data[0] = '\0';
	return false;
}

static bool buf_reserve(struct buf *buf, size_t n)
{
	size_t room = buf->room ? buf->room : 256;
	char *data;

	if (buf->failed || n > SIZE_MAX / 4 - buf->n)
		return fail(buf);
	while (room < buf->n + n + 1)
		room *= 2;
	if (room == buf->room)
		return true;
	data = realloc(buf->data, room);
	if (!data)
		return fail(buf);
	buf->data = data;
	buf->room = room;
	return true;
}

void buf_add(struct buf *buf, const char *data, size_t n)
{
	if (!buf_reserve(buf, n))
		return;
	if (n > 0)
		memcpy(buf->data + buf->n, data, n);
	buf->n += n;
	buf->data[buf->n] = '\0';
}

void buf_str(struct buf *buf, const char *s)
{
	buf_add(buf, s, strlen(s));
}

static void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		fail(buf);
	else if (buf_reserve(buf, (size_t)n)) {
		vsnprintf(buf->data + buf->n, (size_t)n + 1, format, args);
		buf->n += (size_t)n;
	}
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(buf, format, args);
	va_end(args);
}

void buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){ 0 };
}

const char *buf_text(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

static int save_to(const struct buf *buf, int fd, const char *temporary, const char *path,
		   mode_t mode)
{
	FILE *file = fdopen(fd, "w");
	bool ok;

	if (!file) {
		close(fd);
		return -1;
	}
	ok = fwrite(buf_text(buf), 1, buf->n, file) == buf->n;
	ok = fchmod(fd, mode) == 0 && ok; /* mkstemp() made it ours alone */
	ok = fclose(file) == 0 && ok;
	return ok && rename(temporary, path) == 0 ? 0 : -1;
}

int buf_save_path(const struct buf *buf, const char *path)
{
	mode_t mask = umask(0);

	umask(mask);
	return buf_save_as(buf, path, 0666 & ~mask);
}

int buf_save_as(const struct buf *buf, const char *path, mode_t mode)
{
	struct buf temporary = { 0 };
	int fd = -1, result = -1;

	buf_printf(&temporary, "%s.XXXXXX", path);
	errno = ENOMEM;
	if (!buf->failed && !temporary.failed)
		fd = mkstemp(temporary.data);
	if (fd >= 0)
		result = save_to(buf, fd, temporary.data, path, mode);
	if (result < 0)
		fprintf(stderr, "pyrite-idl: %s: %s\n", path, strerror(errno));
	if (result < 0 && fd >= 0)
		unlink(temporary.data);
	buf_free(&temporary);
	return result;
}

void items_add(struct items *items, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(&items->text, format, args);
	va_end(args);
	items_end(items);
}

void items_end(struct items *items)
{
	buf_add(&items->text, "", 1);
	items->n++;
}

const char *items_next(const struct items *items, const char *item)
{
	if (items->text.failed || items->n == 0)
		return NULL;
	if (!item)
		return items->text.data;
	item += strlen(item) + 1;
	return item < items->text.data + items->text.n ? item : NULL;
}

void items_clear(struct items *items)
{
	buf_free(&items->text);
	items->n = 0;
}
