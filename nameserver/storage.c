/* SPDX-License-Identifier: MIT */
#include "storage.h"

#include <errno.h>
#include <pyrite/pyrite.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "database.h"

#define SQLITE_AT STORAGE_SQLITE ":"

bool storage_is_known(const char *text)
{
	return strcmp(text, STORAGE_MEMORY) == 0 || strcmp(text, STORAGE_SQLITE) == 0 ||
	       (strncmp(text, SQLITE_AT, strlen(SQLITE_AT)) == 0 && text[strlen(SQLITE_AT)]);
}

PYR_PRINTF(3, 4)
static int fail(struct store_problem *problem, int code, const char *format, ...)
{
	va_list args;

	problem->code = code;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	return -code;
}

/* Makes a folder and those above it, for their owner alone. path is as it was afterwards. */
static int make_folders(char *path, struct store_problem *problem)
{
	char *slash = path;

	while (slash) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return fail(problem, PYR_INTERNAL, "cannot make folder %s: %s", path,
				    strerror(errno));
		if (slash)
			*slash = '/';
	}
	return 0;
}

/* The XDG base directory specification: a relative path there is to be ignored. */
static int default_path(char *ret, size_t size, struct store_problem *problem)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (state && state[0] == '/')
		n = snprintf(ret, size, "%s/pyrite", state);
	else if (home && home[0] == '/')
		n = snprintf(ret, size, "%s/.local/state/pyrite", home);
	else
		return fail(problem, PYR_FAILED_PRECONDITION,
			    "neither XDG_STATE_HOME nor HOME says where names are kept: "
			    "--storage sqlite:PATH does");
	if (n < 0 || (size_t)n + sizeof("/ns.db") > size)
		return fail(problem, PYR_INVALID_ARGUMENT, "XDG_STATE_HOME or HOME is too long");
	if (make_folders(ret, problem) < 0)
		return -problem->code;
	strcat(ret, "/ns.db");
	return 0;
}

int storage_find(const char *text, char *ret, size_t size, struct store_problem *problem)
{
	const char *path = text + strlen(SQLITE_AT);

	ret[0] = '\0';
	if (strcmp(text, STORAGE_MEMORY) == 0)
		return 0;
	if (strcmp(text, STORAGE_SQLITE) == 0)
		return default_path(ret, size, problem);
	if ((size_t)snprintf(ret, size, "%s", path) >= size)
		return fail(problem, PYR_INVALID_ARGUMENT, "path %.200s... is too long", path);
	return 0;
}

bool storage_check(const char *path, struct store_problem *problem)
{
	return !path[0] || database_check(path, problem);
}

struct store *storage_open(const char *path, store_aside_cb aside, void *data,
			   struct store_problem *problem)
{
	struct store *store;

	if (path[0])
		return store_sqlite_new(path, aside, data, problem);
	store = store_memory_new();
	if (!store)
		(void)fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	return store;
}
