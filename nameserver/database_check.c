/* SPDX-License-Identifier: MIT */
/* Whether a database could be opened, without touching it: for --check-config. */
#include "database_own.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pyrite/pyrite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { HEADER_BYTES = 100 /* of a database of SQLite's */ };

static uint32_t number_at(const uint8_t *header, size_t at)
{
	return (uint32_t)header[at] << 24 | (uint32_t)header[at + 1] << 16 |
	       (uint32_t)header[at + 2] << 8 | header[at + 3];
}

/* What is new is in the log, and may not be in the file yet. */
static bool has_log(const char *path)
{
	char log[PATH_MAX];
	struct stat info;

	snprintf(log, sizeof(log), "%s-wal", path);
	return stat(log, &info) == 0 && info.st_size > 0;
}

/* What the format of SQLite's files has at their beginning. */
static bool check_header(const char *path, const uint8_t *header, ssize_t n,
			 struct store_problem *problem)
{
	enum { VERSION_AT = 60, APPLICATION_AT = 68 };
	uint32_t version = number_at(header, VERSION_AT);

	if (n == 0)
		return true;
	if (n < HEADER_BYTES || memcmp(header, "SQLite format 3", 16) != 0)
		return database_fail(problem, PYR_DATA_LOSS,
				     "database %s is damaged: file is not a database", path);
	if (number_at(header, APPLICATION_AT) == 0 && has_log(path))
		return true;
	if (number_at(header, APPLICATION_AT) != APPLICATION_ID)
		return database_fail(problem, PYR_FAILED_PRECONDITION,
				     "database %s is not a name server's", path);
	if (version > SCHEMA_VERSION)
		return database_fail(problem, PYR_FAILED_PRECONDITION,
				     "database %s is of version %u, written by a later pyrite-ns: "
				     "this one knows versions up to %d",
				     path, version, SCHEMA_VERSION);
	return true;
}

static bool check_folder(const char *path, struct store_problem *problem)
{
	char *copy = strdup(path);
	bool is_good = copy && access(dirname(copy), W_OK | X_OK) == 0;

	free(copy);
	return is_good || database_fail(problem, PYR_INTERNAL, "cannot make database %s: %s", path,
					strerror(errno));
}

/* A new one needs some. */
static bool check_space(const char *path, struct store_problem *problem)
{
	char *copy = strdup(path);
	struct statvfs space;
	bool is_full = copy && statvfs(dirname(copy), &space) == 0 && space.f_blocks > 0 &&
		       (geteuid() == 0 ? space.f_bfree : space.f_bavail) == 0;

	free(copy);
	return !is_full || database_fail(problem, PYR_RESOURCE_EXHAUSTED,
					 "no space left for database %s", path);
}

bool database_check(const char *path, struct store_problem *problem)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint8_t header[HEADER_BYTES] = { 0 };
	struct stat info;
	bool is_good;

	if (fd < 0 && errno == ENOENT)
		return check_folder(path, problem) && check_space(path, problem);
	if (fd < 0)
		return database_fail(problem, PYR_INTERNAL, "cannot open database %s: %s", path,
				     strerror(errno));
	is_good = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
	if (!is_good)
		(void)database_fail(problem, PYR_INTERNAL, "database %s is not a regular file",
				    path);
	is_good = is_good && check_folder(path, problem) &&
		  check_header(path, header, pread(fd, header, sizeof(header), 0), problem);
	close(fd);
	return is_good;
}
