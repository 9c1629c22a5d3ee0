/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file may grow or shrink meanwhile: it has what there was to read. Returns 0 or an errno. */
static int read_all(int fd, char *to, size_t *n)
{
	size_t room = *n;
	ssize_t got;

	for (*n = 0; *n < room; *n += (size_t)got) {
		do
			got = read(fd, to + *n, room - *n);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			return errno;
		if (got == 0)
			break;
	}
	to[*n] = '\0';
	return 0;
}

enum wish { ANY, PRIVATE, TRUSTED };

/* Returns 0, or why the file is not as wished. */
static int check(const struct stat *about, enum wish wish)
{
	if (wish == PRIVATE && about->st_mode & (S_IROTH | S_IWOTH))
		return FILE_IS_PUBLIC;
	if (wish == TRUSTED && ((about->st_uid != geteuid() && about->st_uid != 0) ||
				about->st_mode & (S_IWGRP | S_IWOTH)))
		return FILE_IS_OTHERS;
	return 0;
}

int file_open(const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = open(path, flags, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static int read_file(const char *path, enum wish wish, char **ret, size_t *n)
{
	int fd = file_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0), number;
	struct stat about;
	char *text = NULL;

	if (fd < 0)
		return errno;
	number = fstat(fd, &about) < 0 ? errno : 0;
	if (number == 0 && !S_ISREG(about.st_mode))
		number = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
	if (number == 0)
		number = check(&about, wish);
	if (number == 0 && about.st_size > FILE_MAX)
		number = EFBIG;
	if (number == 0 && !(text = malloc((size_t)about.st_size + 1)))
		number = ENOMEM;
	if (number == 0) {
		*n = (size_t)about.st_size;
		number = read_all(fd, text, n);
	}
	close(fd);
	if (number)
		free(text);
	else
		*ret = text;
	return number;
}

int file_read(const char *path, char **ret, size_t *n)
{
	return read_file(path, ANY, ret, n);
}

int file_read_private(const char *path, char **ret, size_t *n)
{
	return read_file(path, PRIVATE, ret, n);
}

int file_read_trusted(const char *path, char **ret, size_t *n)
{
	return read_file(path, TRUSTED, ret, n);
}

struct file_stamp file_stamp_of(const char *path)
{
	struct file_stamp stamp = { .size = 0 };
	struct stat about;

	if (stat(path, &about) == 0)
		stamp = (struct file_stamp){ about.st_mtim, about.st_ino, about.st_size };
	return stamp;
}

bool file_stamp_is(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
	       a->ino == b->ino && a->size == b->size;
}

int64_t file_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
