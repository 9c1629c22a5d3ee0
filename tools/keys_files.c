/* SPDX-License-Identifier: MIT */
#include "keys_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 64 << 20 };

#define LOCK_FILE ".lock"

void blob_free(struct blob *blob)
{
	OPENSSL_clear_free(blob->data, blob->n);
	*blob = (struct blob){ 0 };
}

int blob_set(struct blob *blob, const void *data, size_t n)
{
	unsigned char *copy = OPENSSL_malloc(n + 1);

	if (!copy) {
		fputs("pyrite keys: out of memory\n", stderr);
		return -1;
	}
	memcpy(copy, data, n);
	blob_free(blob);
	*blob = (struct blob){ copy, n };
	return 0;
}

int dir_complain(const struct keys_dir *dir, const char *name, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "pyrite keys: %s%s%s: ", dir->path, name ? "/" : "", name ? name : "");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
	return -1;
}

/* What errno says of a file. */
static int complain_errno(const struct keys_dir *dir, const char *name, const char *what)
{
	return dir_complain(dir, name, "cannot %s: %s", what, strerror(errno));
}

/* ---- the folder ---- */

int dir_open(struct keys_dir *dir, const char *path, bool make)
{
	bool is_made = make && mkdir(path, 0700) == 0;
	struct stat about;

	*dir = (struct keys_dir){ .path = path, .fd = -1, .lock = -1 };
	if ((make && !is_made && errno != EEXIST) || (is_made && chmod(path, 0700) < 0))
		return complain_errno(dir, NULL, "make this folder");
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0 && errno == ENOENT)
		return dir_complain(
			dir, NULL,
			"no such folder: 'pyrite keys init' makes a CA, --dir says where");
	if (dir->fd < 0 || fstat(dir->fd, &about) < 0)
		return complain_errno(dir, NULL, "open");
	if (about.st_mode & (S_IWGRP | S_IWOTH))
		return dir_complain(dir, NULL, "others may write here: chmod go-w it first");
	return 0;
}

int dir_lock(struct keys_dir *dir)
{
	dir->lock = openat(dir->fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (dir->lock < 0)
		return complain_errno(dir, LOCK_FILE, "open");
	fchmod(dir->lock, 0600); /* whatever the umask of who made it */
	if (flock(dir->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK) {
		fprintf(stderr, "pyrite keys: waiting for another pyrite keys in %s\n", dir->path);
		while (flock(dir->lock, LOCK_EX) < 0)
			if (errno != EINTR)
				return complain_errno(dir, LOCK_FILE, "lock");
		return 0;
	}
	return complain_errno(dir, LOCK_FILE, "lock");
}

void dir_close(struct keys_dir *dir)
{
	if (dir->lock >= 0)
		close(dir->lock);
	if (dir->fd >= 0)
		close(dir->fd);
	dir->lock = dir->fd = -1;
}

/* After names in it changed. */
static int sync_folder(const struct keys_dir *dir, const char *folder)
{
	int fd = openat(dir->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return complain_errno(dir, folder, "open");
	err = fsync(fd);
	if (err < 0 && errno == EINVAL) /* this file system writes names by itself */
		err = 0;
	if (err < 0)
		complain_errno(dir, folder, "write it to disk");
	close(fd);
	return err;
}

/* ---- reading ---- */

bool dir_has(const struct keys_dir *dir, const char *name)
{
	struct stat about;

	return fstatat(dir->fd, name, &about, AT_SYMLINK_NOFOLLOW) == 0;
}

/* All of the file, whose size was size. Returns 0, or -1 with errno. */
static int read_all(int fd, size_t size, struct blob *ret)
{
	ssize_t n = 1;

	ret->data = OPENSSL_malloc(size + 1);
	if (!ret->data) {
		errno = ENOMEM;
		return -1;
	}
	while (ret->n < size && n > 0) {
		n = read(fd, ret->data + ret->n, size - ret->n);
		if (n > 0)
			ret->n += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (n >= 0 && ret->n == size)
		return 0;
	if (n == 0)
		errno = EIO;
	blob_free(ret);
	return -1;
}

int dir_read(const struct keys_dir *dir, const char *name, enum keys_mode mode, struct blob *ret)
{
	int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), err = -1;
	struct stat about;

	*ret = (struct blob){ 0 };
	if (fd < 0 || fstat(fd, &about) < 0)
		complain_errno(dir, name, "open");
	else if (!S_ISREG(about.st_mode) || about.st_size > MAX_FILE)
		dir_complain(dir, name, "this is not a regular file of at most %d bytes", MAX_FILE);
	else if (mode == KEYS_SECRET && (about.st_mode & 077))
		dir_complain(dir, name, "others may read this secret: chmod 600 it first");
	else if (read_all(fd, (size_t)about.st_size, ret) < 0)
		complain_errno(dir, name, "read");
	else
		err = 0;
	if (fd >= 0)
		close(fd);
	return err;
}

/* ---- writing ---- */

/* A program that runs as another user owns its folder, and reads what root renews there. Returns 0,
 * or -1 with errno. */
static int give_to_owner(const struct keys_dir *dir, const char *folder, int fd)
{
	struct stat about;

	if (fstatat(dir->fd, folder, &about, 0) < 0)
		return -1;
	return about.st_uid == geteuid() ? 0 : fchown(fd, about.st_uid, about.st_gid);
}

/* Returns 0, or -1 with errno. */
static int write_all(int fd, const struct blob *blob, mode_t mode)
{
	size_t done = 0;
	ssize_t n;

	if (fchmod(fd, mode) < 0)
		return -1;
	while (done < blob->n) {
		n = write(fd, blob->data + done, blob->n - done);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return fsync(fd);
}

static void path_of(char *ret, const char *folder, const char *file)
{
	snprintf(ret, KEYS_PATH, "%s/%s", folder, file);
}

static void path_of_new(char *ret, const char *folder, const char *file)
{
	snprintf(ret, KEYS_PATH, "%s/.%s.new", folder, file);
}

int dir_stage(const struct keys_dir *dir, const char *folder, const char *file,
	      const struct blob *blob, enum keys_mode mode)
{
	char path[KEYS_PATH], temporary[KEYS_PATH];
	int fd, err, number;

	path_of(path, folder, file);
	path_of_new(temporary, folder, file);
	if (unlinkat(dir->fd, temporary, 0) < 0 && errno != ENOENT)
		return complain_errno(dir, temporary, "remove");
	fd = openat(dir->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return complain_errno(dir, temporary, "make");
	err = give_to_owner(dir, folder, fd) < 0 ? -1 : write_all(fd, blob, mode);
	number = errno;
	if (close(fd) < 0 && err == 0) {
		err = -1;
		number = errno;
	}
	if (err == 0)
		return 0;
	unlinkat(dir->fd, temporary, 0);
	errno = number;
	return complain_errno(dir, path, "write");
}

/* Returns 0, or -1 with errno. */
static int name_new(const struct keys_dir *dir, const char *folder, const char *file)
{
	char path[KEYS_PATH], temporary[KEYS_PATH];

	path_of(path, folder, file);
	path_of_new(temporary, folder, file);
	return renameat(dir->fd, temporary, dir->fd, path);
}

void dir_unstage(const struct keys_dir *dir, const char *folder, const char *file)
{
	char temporary[KEYS_PATH];

	path_of_new(temporary, folder, file);
	unlinkat(dir->fd, temporary, 0);
}

static int complain_name(const struct keys_dir *dir, const char *folder, const char *file)
{
	char path[KEYS_PATH];
	int number = errno;

	path_of(path, folder, file);
	dir_unstage(dir, folder, file);
	errno = number;
	return complain_errno(dir, path, "replace");
}

int dir_commit(const struct keys_dir *dir, const char *folder, const char *file)
{
	if (name_new(dir, folder, file) < 0)
		return complain_name(dir, folder, file);
	return sync_folder(dir, folder);
}

int dir_write(const struct keys_dir *dir, const char *folder, const char *file,
	      const struct blob *blob, enum keys_mode mode)
{
	if (dir_stage(dir, folder, file, blob, mode) < 0)
		return -1;
	return dir_commit(dir, folder, file);
}

int dir_commit_pair(const struct keys_dir *dir, const char *folder, const char *first,
		    const char *second)
{
	char path[KEYS_PATH], old[KEYS_PATH];
	int err;

	/* A second name for what the first replaces, to go back by; a file system without links has
	 * no way back. */
	path_of(path, folder, first);
	snprintf(old, sizeof(old), "%s/.%s.old", folder, first);
	unlinkat(dir->fd, old, 0);
	if (linkat(dir->fd, path, dir->fd, old, 0) < 0)
		old[0] = '\0';
	err = name_new(dir, folder, first);
	if (err < 0) {
		complain_name(dir, folder, first);
		dir_unstage(dir, folder, second);
	} else {
		err = name_new(dir, folder, second);
		if (err < 0) {
			complain_name(dir, folder, second);
			if (!old[0] || renameat(dir->fd, old, dir->fd, path) < 0)
				complain_errno(dir, path, "put the old one back");
		}
	}
	if (old[0])
		unlinkat(dir->fd, old, 0);
	return sync_folder(dir, folder) < 0 ? -1 : err;
}

/* ---- folders that appear when they are complete ---- */

int dir_drop_folder(const struct keys_dir *dir)
{
	int fd = openat(dir->fd, KEYS_NEW_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (!entries) {
		complain_errno(dir, KEYS_NEW_FOLDER, "open");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(fd, entry->d_name, 0);
	closedir(entries);
	if (unlinkat(dir->fd, KEYS_NEW_FOLDER, AT_REMOVEDIR) < 0)
		return complain_errno(dir, KEYS_NEW_FOLDER, "remove");
	return 0;
}

int dir_begin_folder(const struct keys_dir *dir)
{
	if (dir_drop_folder(dir) < 0)
		return -1;
	if (mkdirat(dir->fd, KEYS_NEW_FOLDER, 0700) < 0 ||
	    fchmodat(dir->fd, KEYS_NEW_FOLDER, 0700, 0) < 0)
		return complain_errno(dir, KEYS_NEW_FOLDER, "make");
	return 0;
}

int dir_end_folder(const struct keys_dir *dir, const char *name)
{
	if (sync_folder(dir, KEYS_NEW_FOLDER) < 0)
		return -1;
	if (renameat(dir->fd, KEYS_NEW_FOLDER, dir->fd, name) < 0)
		return complain_errno(dir, name, "make this folder");
	return sync_folder(dir, ".");
}
