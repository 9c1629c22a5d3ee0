/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FILE_H
#define PYRITE_FILE_H
/* Files that are read whole, and again when they have changed. Any thread. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { FILE_MAX = 4 << 20 };

/* open(), again when a signal has interrupted it: a file system over a network, say, may block. */
int file_open(const char *path, int flags, mode_t mode);

/* All that an ordinary file holds, FILE_MAX bytes at most, and a NUL behind them. Returns 0 with
 * *ret owned, free(), and *n bytes; or an errno. */
int file_read(const char *path, char **ret, size_t *n);
/* The same of a secret: FILE_IS_PUBLIC if others than its owner and group may read or write it. */
enum { FILE_IS_PUBLIC = -1 };
int file_read_private(const char *path, char **ret, size_t *n);
/* The same of what is believed: FILE_IS_OTHERS if it is neither this user's nor root's, or others
 * than its owner may write it. */
enum { FILE_IS_OTHERS = -2 };
int file_read_trusted(const char *path, char **ret, size_t *n);

/* What changes when a file does; all 0 for one that is not there. */
struct file_stamp {
	struct timespec changed;
	ino_t ino;
	off_t size;
};
struct file_stamp file_stamp_of(const char *path);
bool file_stamp_is(const struct file_stamp *a, const struct file_stamp *b);

/* When somebody may look again: CLOCK_MONOTONIC, ms. */
int64_t file_now(void);
#endif
