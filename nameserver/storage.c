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

enum { CHECK_MS = 5000 /* that etcd has to answer */ };

bool storage_is_known(const char *text)
{
	return strcmp(text, STORAGE_MEMORY) == 0 || strcmp(text, STORAGE_SQLITE) == 0 ||
	       strcmp(text, STORAGE_ETCD) == 0 ||
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

static int find_etcd(const struct store_etcd_options *etcd, struct store_problem *problem)
{
	if (!etcd->endpoints)
		return fail(problem, PYR_INVALID_ARGUMENT,
			    "--storage etcd requires --etcd HOST:PORT[,HOST:PORT...]");
	if (!etcd->cert != !etcd->key)
		return fail(problem, PYR_INVALID_ARGUMENT,
			    "--etcd-cert and --etcd-key belong together");
	if (etcd->user && !etcd->password)
		return fail(problem, PYR_INVALID_ARGUMENT,
			    "--etcd-user requires a password in PYRITE_ETCD_PASSWORD");
	return 0;
}

int storage_find(const char *text, const struct store_etcd_options *etcd, struct storage *ret,
		 struct store_problem *problem)
{
	const char *path = text + strlen(SQLITE_AT);

	*ret = (struct storage){ .is_etcd = strcmp(text, STORAGE_ETCD) == 0, .etcd = *etcd };
	if (ret->is_etcd)
		return find_etcd(etcd, problem);
	if (etcd->endpoints)
		return fail(problem, PYR_INVALID_ARGUMENT, "--etcd is for --storage etcd");
	if (strcmp(text, STORAGE_MEMORY) == 0)
		return 0;
	if (strcmp(text, STORAGE_SQLITE) == 0)
		return default_path(ret->path, sizeof(ret->path), problem);
	if ((size_t)snprintf(ret->path, sizeof(ret->path), "%s", path) >= sizeof(ret->path))
		return fail(problem, PYR_INVALID_ARGUMENT, "path %.200s... is too long", path);
	return 0;
}

const char *storage_name(const struct storage *storage)
{
	if (storage->is_etcd)
		return "etcd";
	return storage->path[0] ? storage->path : STORAGE_MEMORY;
}

static void ignore(const char *name, const char *why, void *data)
{
	(void)name;
	(void)why;
	(void)data;
}

static bool check_etcd(const struct storage *storage, struct store_problem *problem)
{
	struct store_etcd_options options = storage->etcd;
	struct store *store;

	options.start_ms = CHECK_MS;
	options.only_checks = true;
	store = store_etcd_new(&options, ignore, NULL, problem);
	if (store)
		store->kind->free(store);
	return store;
}

bool storage_check(const struct storage *storage, struct store_problem *problem)
{
	if (storage->is_etcd)
		return check_etcd(storage, problem);
	return !storage->path[0] || database_check(storage->path, problem);
}

struct store *storage_open(const struct storage *storage, store_aside_cb aside, void *data,
			   struct store_problem *problem)
{
	struct store *store;

	if (storage->is_etcd)
		return store_etcd_new(&storage->etcd, aside, data, problem);
	if (storage->path[0])
		return store_sqlite_new(storage->path, aside, data, problem);
	store = store_memory_new();
	if (!store)
		(void)fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	return store;
}
