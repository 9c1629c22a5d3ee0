/* SPDX-License-Identifier: MIT */
/*
 * Whether others can put a socket of their own in the place of a door's. They can if they may write
 * in its folder, or in one above it, unless that keeps each file for its owner (the sticky bit);
 * and its owner can, if that is neither this user nor root.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pyrite/pyrite.h>

#include "door/door_listen.h"

/* In a user namespace (a container of a user's own), users outside of it all look like one that it
 * does not have. Which of them somebody is cannot be told, and he does not run in here. */
static bool is_outside(uid_t uid)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned long first, outer, n;
	bool is = map != NULL;

	while (is && fscanf(map, "%lu %lu %lu", &first, &outer, &n) == 3)
		is = uid < first || uid - first >= n;
	if (map)
		fclose(map);
	return is;
}

/* What is wrong with it; NULL: nothing. */
static const char *problem_of(const struct stat *about)
{
	if (about->st_uid != geteuid() && about->st_uid != 0 && !is_outside(about->st_uid))
		return "owned by another user";
	return (about->st_mode & 022) && !(about->st_mode & S_ISVTX) ? "writable by others" : NULL;
}

/* Cuts the last part off; of what is in the root, "/" is left. Returns false when there is none. */
static bool cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !path[1])
		return false;
	slash[slash == path] = '\0';
	return true;
}

/* It cannot be looked at; without that, nothing is served there. */
static int unknown(const char *path, const char *folder, struct door_problem *problem)
{
	int number = errno;

	return door_fail(problem, door_errno_status(number),
			 "cannot listen on ./u:%s: its folder %s: %s", path, folder,
			 strerror(number));
}

int door_check_folder(const char *path, struct door_problem *problem)
{
	char above[PATH_MAX], folder[PATH_MAX];
	struct stat about;
	const char *why;

	strcpy(above, path);
	if (!cut(above))
		return 0; /* listening there says what is wrong */
	if (!realpath(above, folder))
		return errno == ENOENT || errno == ENOTDIR ? 0 : unknown(path, above, problem);
	do {
		if (stat(folder, &about) < 0)
			return unknown(path, folder, problem);
		why = problem_of(&about);
		if (why)
			return door_fail(problem, PYR_FAILED_PRECONDITION,
					 "refusing to listen on ./u:%s: its folder %s is %s, so "
					 "the socket could be replaced: use a folder of your own "
					 "with mode 0700, or set insecure",
					 path, folder, why);
	} while (cut(folder));
	return 0;
}
