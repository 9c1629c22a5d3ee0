/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_STORES_H
#define PYRITE_TEST_STORES_H
/* Stores for tests: a database in a folder of the test's own. */
#include "store.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pyrite/pyrite.h>
#include <sqlite3.h>
#include <stdio.h>

static char folder[] = "/tmp/pyrite.store.XXXXXX", path[64];
static struct store_problem problem;

/* What was set aside when the database was opened: how many, and the last one. */
static unsigned n_aside;
static char aside_name[1024], aside_why[1100];

static inline void keep_aside(const char *name, const char *why, void *data)
{
	(void)data;
	n_aside++;
	snprintf(aside_name, sizeof(aside_name), "%s", name);
	snprintf(aside_why, sizeof(aside_why), "%s", why);
}

static inline void forget_database(void)
{
	char name[80];

	(void)unlink(path);
	snprintf(name, sizeof(name), "%s-wal", path);
	(void)unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	(void)unlink(name);
}

static inline struct store *open_database(void)
{
	if (!path[0]) {
		REQUIRE(mkdtemp(folder) != NULL);
		snprintf(path, sizeof(path), "%s/ns.db", folder);
	}
	memset(&problem, 0, sizeof(problem));
	n_aside = 0;
	aside_name[0] = aside_why[0] = '\0';
	return store_sqlite_new(path, keep_aside, NULL, &problem);
}

static inline struct store *new_database(void)
{
	struct store *store;

	if (path[0])
		forget_database();
	store = open_database();
	if (!store)
		fprintf(stderr, "%s\n", problem.text);
	REQUIRE(store != NULL);
	return store;
}

static inline void drop(struct store *store)
{
	store->kind->free(store);
}

static inline bool put(struct store *store, const char *name, uint64_t generation)
{
	static const char *const tags[] = { "a", "b" };
	struct record record = { .name = name,
				 .uri = "PYRO:o@h:1",
				 .tags = tags,
				 .n_tags = 2,
				 .secret = "0123456789abcde",
				 .ttl_ms = 5000,
				 .expires = 1,
				 .generation = generation };

	return store->kind->put(store, &record);
}

static inline bool has(struct store *store, const char *name)
{
	return store->kind->find(store, name) != NULL;
}

/* ---- waiting ---- */

struct wait {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int n_calls, code;
	char text[512];
};

static inline void on_safe(const struct store_problem *why, uint64_t revision, void *data)
{
	struct wait *wait = data;

	(void)revision;
	pthread_mutex_lock(&wait->lock);
	wait->n_calls++;
	wait->code = why->code;
	snprintf(wait->text, sizeof(wait->text), "%s", why->code ? why->text : "");
	pthread_cond_signal(&wait->cond);
	pthread_mutex_unlock(&wait->lock);
}

/* How what was changed ended: 0 or a status. */
static inline int safe(struct store *store)
{
	static struct wait wait = { .lock = PTHREAD_MUTEX_INITIALIZER,
				    .cond = PTHREAD_COND_INITIALIZER };

	wait.n_calls = 0;
	store->kind->when_safe(store, on_safe, &wait);
	pthread_mutex_lock(&wait.lock);
	while (wait.n_calls == 0)
		pthread_cond_wait(&wait.cond, &wait.lock);
	pthread_mutex_unlock(&wait.lock);
	snprintf(problem.text, sizeof(problem.text), "%s", wait.text);
	return wait.code;
}

/* Runs SQL on the closed database. */
static inline void change(const char *sql)
{
	sqlite3 *sqlite;

	REQUIRE(sqlite3_open(path, &sqlite) == SQLITE_OK);
	CHECK_INT(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(sqlite);
}

static inline void is_refused(int code, const char *text)
{
	struct store *store = open_database();

	CHECK(store == NULL);
	if (store)
		drop(store);
	CHECK_INT(problem.code, code);
	CHECK_HAS(problem.text, path);
	CHECK_HAS(problem.text, text);
}
#endif
