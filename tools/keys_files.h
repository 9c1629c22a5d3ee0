/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_KEYS_FILES_H
#define PYRITE_KEYS_FILES_H
/*
 * The folder of a CA. Files are written whole or not at all, with the modes asked for whatever the
 * umask is; folders appear under their names when all is in them. What a crash left unfinished has
 * a name that begins with a dot and is removed by the next who needs that name.
 *
 * File names are relative to the folder. Functions return 0, or -1 after saying on stderr what
 * failed.
 */
#include <stdbool.h>
#include <stddef.h>

struct keys_dir {
	const char *path; /* borrowed */
	int fd, lock;     /* -1: not open, not locked */
};

/* Bytes that are wiped when they are freed. */
struct blob {
	unsigned char *data;
	size_t n;
};

enum keys_mode { KEYS_PUBLIC = 0644, KEYS_SECRET = 0600 };

/* Room for a name of the longest folder, '/', and that of a file. */
enum { KEYS_PATH = 256 };

void blob_free(struct blob *blob);
/* Takes a copy. */
int blob_set(struct blob *blob, const void *data, size_t n);

/* Says "pyrite keys: FOLDER/NAME: ..."; without a name: FOLDER. Returns -1. */
int dir_complain(const struct keys_dir *dir, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* make: the folder is made if it is not there. */
int dir_open(struct keys_dir *dir, const char *path, bool make);
/* Waits until no other process holds the folder. */
int dir_lock(struct keys_dir *dir);
void dir_close(struct keys_dir *dir);

bool dir_has(const struct keys_dir *dir, const char *name);
/* KEYS_SECRET: refuses a file that others may read. What is returned is freed by blob_free(). */
int dir_read(const struct keys_dir *dir, const char *name, enum keys_mode mode, struct blob *ret);

/* Writes FOLDER/.FILE.new to disk; dir_commit() gives it its name. */
int dir_stage(const struct keys_dir *dir, const char *folder, const char *file,
	      const struct blob *blob, enum keys_mode mode);
int dir_commit(const struct keys_dir *dir, const char *folder, const char *file);
/* Removes what was staged and will not be committed, if it is there. */
void dir_unstage(const struct keys_dir *dir, const char *folder, const char *file);
int dir_write(const struct keys_dir *dir, const char *folder, const char *file,
	      const struct blob *blob, enum keys_mode mode);
/* Gives both their names, one right after the other; if the second fails, the first is undone. */
int dir_commit_pair(const struct keys_dir *dir, const char *folder, const char *first,
		    const char *second);

/* A folder that is filled under this name and then given its own. */
#define KEYS_NEW_FOLDER ".new"
int dir_begin_folder(const struct keys_dir *dir);
int dir_end_folder(const struct keys_dir *dir, const char *name);
/* Removes it, with all that is in it; if it is not there: nothing. */
int dir_drop_folder(const struct keys_dir *dir);
#endif
