/* SPDX-License-Identifier: MIT */
/*
 * Files as texts in memory. A file is the same file however its path is spelled: device and inode
 * decide. Limits: 1 MiB each, 16 MiB in one run.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "front.h"
#include "memory.h"

static struct source *add_source(struct front *front, const char *path)
{
	struct source *source = front_alloc(front, sizeof(*source));
	const char *slash = strrchr(path, '/'), *dot;

	source->file.path = front_copy(front, path, strlen(path));
	source->file.name = slash ? source->file.path + (slash + 1 - path) : source->file.path;
	dot = strrchr(source->file.name, '.');
	source->file.stem =
		dot && dot > source->file.name
			? front_copy(front, source->file.name, (size_t)(dot - source->file.name))
			: source->file.name;
	source->text = "";
	return source;
}

static void list_file(struct front *front, struct source *source)
{
	struct idl_unit *unit = front->unit;

	unit->files = front_grow(front, unit->files, unit->n_files, sizeof(*unit->files));
	unit->files[unit->n_files++] = &source->file;
}

struct source *source_from_text(struct front *front, const char *path, const char *text)
{
	struct source *source = add_source(front, path);

	source->size = strlen(text);
	source->text = front_copy(front, text, source->size);
	return source;
}

static void skip_byte_order_mark(struct source *source)
{
	if (source->size >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0) {
		source->text += 3;
		source->size -= 3;
		source->n_mark = 3;
	}
}

struct source *source_from_memory(struct front *front, const char *path, const char *text, size_t n)
{
	struct source *source = add_source(front, path);

	source->size = n;
	source->text = front_copy(front, text, n);
	skip_byte_order_mark(source);
	list_file(front, source);
	return source;
}

static struct source *find_source(const struct front *front, const struct stat *st)
{
	size_t i;

	for (i = 0; i < front->unit->n_files; i++) {
		struct source *source = (struct source *)front->unit->files[i];

		if (source->device == st->st_dev && source->inode == st->st_ino)
			return source;
	}
	return NULL;
}

/* Reads at most one byte over the limit: enough to know. Returns 0 or errno. */
static int read_all(struct front *front, int fd, size_t expected, struct source *source)
{
	size_t room = expected < LIMIT_FILE ? expected + 1 : LIMIT_FILE + 1;
	char *text = front_alloc(front, room + 1);
	size_t n = 0;
	ssize_t got;

	while (n < room) {
		got = read(fd, text + n, room - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	text[n] = '\0';
	source->text = text;
	source->size = n;
	return 0;
}

/* Sets front->fd, which idl_read() closes if memory runs out meanwhile. */
static struct source *read_source(struct front *front, const char *path, int *error)
{
	struct source *source;
	struct stat st;

	*error = fstat(front->fd, &st) < 0 ? errno : 0;
	if (*error)
		return NULL;
	if (!S_ISREG(st.st_mode)) { /* a pipe or device may block for ever */
		*error = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return NULL;
	}
	source = find_source(front, &st);
	if (source)
		return source;
	source = add_source(front, path);
	source->device = st.st_dev;
	source->inode = st.st_ino;
	*error = read_all(front, front->fd, (size_t)st.st_size, source);
	if (*error)
		return NULL;
	skip_byte_order_mark(source);
	list_file(front, source);
	return source;
}

struct source *source_open(struct front *front, const char *path, int *error)
{
	struct source *source;

	front->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (front->fd < 0) {
		*error = errno;
		return NULL;
	}
	source = read_source(front, path, error);
	close(front->fd);
	front->fd = -1;
	return source;
}

void source_forget(struct front *front)
{
	if (front->fd >= 0)
		close(front->fd);
	front->fd = -1;
}
