/* SPDX-License-Identifier: MIT */
/* The stores: what both promise, and what the database keeps, refuses and survives. */
#include "store.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pyrite/pyrite.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char folder[] = "/tmp/pyrite.store.XXXXXX", path[64];
static struct store_problem problem;

static void forget_database(void)
{
	char name[80];

	(void)unlink(path);
	snprintf(name, sizeof(name), "%s-wal", path);
	(void)unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	(void)unlink(name);
}

static struct store *open_database(void)
{
	if (!path[0]) {
		REQUIRE(mkdtemp(folder) != NULL);
		snprintf(path, sizeof(path), "%s/ns.db", folder);
	}
	memset(&problem, 0, sizeof(problem));
	return store_sqlite_new(path, &problem);
}

static struct store *new_database(void)
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

static void drop(struct store *store)
{
	store->kind->free(store);
}

static bool put(struct store *store, const char *name, uint64_t generation)
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

static bool has(struct store *store, const char *name)
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

static void on_safe(const struct store_problem *why, void *data)
{
	struct wait *wait = data;

	pthread_mutex_lock(&wait->lock);
	wait->n_calls++;
	wait->code = why->code;
	snprintf(wait->text, sizeof(wait->text), "%s", why->code ? why->text : "");
	pthread_cond_signal(&wait->cond);
	pthread_mutex_unlock(&wait->lock);
}

/* How what was changed ended: 0 or a status. */
static int safe(struct store *store)
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

/* ---- what both promise ---- */

static void keeps_what_is_put(struct store *store)
{
	const struct record *record;

	REQUIRE(put(store, "b", 1) && put(store, "a", 2) && put(store, "c", 3));
	CHECK_INT(store->kind->count(store), 3);
	record = store->kind->find(store, "b");
	REQUIRE(record != NULL);
	CHECK_STR(record->uri, "PYRO:o@h:1");
	CHECK_INT(record->n_tags, 2);
	CHECK_STR(record->tags[1], "b");
	CHECK_STR((const char *)record->secret, "0123456789abcde");
	CHECK_STR(store->kind->next(store, "a", false)->name, "b");
	CHECK_STR(store->kind->next(store, "a", true)->name, "a");
	CHECK(store->kind->next(store, "c", false) == NULL);
	store->kind->touch(store, "b", 77);
	CHECK_INT(store->kind->find(store, "b")->expires, 77);
	CHECK_INT(store->kind->count_ended(store, 1), 2);
	store->kind->lose(store, record->secret);
	CHECK(store->kind->find(store, "b")->is_orphan);
	CHECK(store->kind->next(store, "b", false)->is_orphan);
	store->kind->touch(store, "b", 0);
	CHECK(!store->kind->find(store, "b")->is_orphan);
	CHECK_STR(store->kind->first_to_end(store)->name, "b");
	store->kind->touch(store, "b", 77);
	CHECK_INT(safe(store), 0);
	CHECK(store->kind->remove(store, "b", 4));
	CHECK(store->kind->remove(store, "no.such.name", 5));
	CHECK(!has(store, "b") && has(store, "a"));
	CHECK(!store->kind->settle(store));
	CHECK_INT(safe(store), 0);
	CHECK_INT(safe(store), 0); /* nothing is on its way */
	CHECK(store->kind->remove(store, "a", 6) && store->kind->remove(store, "c", 7));
	CHECK_INT(store->kind->bytes(store), 0);
	drop(store);
}

TEST(both_stores_keep_what_is_put)
{
	keeps_what_is_put(store_memory_new());
	keeps_what_is_put(new_database());
}

/* ---- the database ---- */

TEST(what_is_safe_is_there_again)
{
	struct store *store = new_database();
	const struct record *record;

	CHECK_INT(store->kind->generation(store), 0);
	REQUIRE(put(store, "a", 1) && put(store, "b", 2) && put(store, "b", 3));
	REQUIRE(store->kind->remove(store, "a", 4));
	CHECK_INT(safe(store), 0);
	drop(store);
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_INT(store->kind->count(store), 1);
	CHECK_INT(store->kind->generation(store), 4);
	record = store->kind->find(store, "b");
	REQUIRE(record != NULL);
	CHECK_STR(record->uri, "PYRO:o@h:1");
	CHECK_INT(record->n_tags, 2);
	CHECK_STR(record->tags[0], "a");
	CHECK_STR(record->tags[1], "b");
	CHECK_STR((const char *)record->secret, "0123456789abcde");
	CHECK_INT(record->ttl_ms, 5000);
	CHECK_INT(record->generation, 3);
	CHECK(!record->is_orphan && !record->is_own);
	drop(store);
}

TEST(a_store_that_ends_writes_what_is_left)
{
	struct store *store = new_database();
	char name[16];
	int i;

	for (i = 0; i < 500; i++) {
		sprintf(name, "n%d", i);
		REQUIRE(put(store, name, (uint64_t)i + 1));
	}
	drop(store);
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_INT(store->kind->count(store), 500);
	drop(store);
}

TEST(the_name_servers_own_name_is_not_written)
{
	struct record own = { .name = "own", .uri = "PYRO:o@h:1", .is_own = true };
	struct store *store = new_database();

	REQUIRE(store->kind->put(store, &own));
	CHECK_INT(safe(store), 0);
	CHECK(has(store, "own"));
	drop(store);
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_INT(store->kind->count(store), 0);
	drop(store);
}

TEST(the_file_is_its_owners_alone)
{
	struct store *store;
	struct stat info;

	drop(new_database());
	REQUIRE(stat(path, &info) == 0);
	CHECK_INT(info.st_mode & 0777, 0600);
	REQUIRE(chmod(path, 0644) == 0);
	store = open_database();
	REQUIRE(store != NULL && stat(path, &info) == 0);
	CHECK_INT(info.st_mode & 0777, 0600);
	drop(store);
}

TEST(a_database_in_use_is_refused)
{
	struct store *store = new_database();

	CHECK(open_database() == NULL);
	CHECK_INT(problem.code, PYR_ALREADY_EXISTS);
	CHECK_HAS(problem.text, path);
	CHECK_HAS(problem.text, " is another name server's");
	REQUIRE(put(store, "a", 1));
	CHECK_INT(safe(store), 0);
	drop(store);
}

/* Runs SQL on the closed database. */
static void change(const char *sql)
{
	sqlite3 *sqlite;

	REQUIRE(sqlite3_open(path, &sqlite) == SQLITE_OK);
	CHECK_INT(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(sqlite);
}

static void is_refused(int code, const char *text)
{
	struct store *store = open_database();

	CHECK(store == NULL);
	if (store)
		drop(store);
	CHECK_INT(problem.code, code);
	CHECK_HAS(problem.text, path);
	CHECK_HAS(problem.text, text);
}

TEST(a_database_that_is_not_ours_is_refused)
{
	int fd;

	drop(new_database());
	change("PRAGMA user_version = 99");
	is_refused(
		PYR_FAILED_PRECONDITION,
		"is of version 99, written by a later pyrite-ns: this one knows versions up to 1");
	change("PRAGMA user_version = 1; PRAGMA application_id = 7");
	is_refused(PYR_FAILED_PRECONDITION, "is not a name server's");
	forget_database();
	change("CREATE TABLE t (x)");
	is_refused(PYR_FAILED_PRECONDITION, "is not a name server's");
	forget_database();
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	REQUIRE(fd >= 0 && write(fd, "these are no names\n", 19) == 19);
	close(fd);
	is_refused(PYR_DATA_LOSS, "is damaged: file is not a database: move it away");
	REQUIRE(unlink(path) == 0 && mkdir(path, 0700) == 0);
	is_refused(PYR_INTERNAL, "Is a directory");
	REQUIRE(rmdir(path) == 0);
}

TEST(a_record_that_makes_no_sense_is_refused)
{
	static const char *const changes[] = {
		"UPDATE names SET name = 'a' || char(0) || 'b'",
		"UPDATE names SET uri = ''  || char(0)",
		"UPDATE names SET ttl_ms = 4000000000",
		"UPDATE names SET tags = replace(hex(zeroblob(100)), '00', 'x ')",
		"UPDATE names SET tags = hex(zeroblob(4000))",
	};
	struct store *store;
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		store = new_database();
		REQUIRE(put(store, "a", 1));
		drop(store);
		change(changes[i]);
		is_refused(PYR_DATA_LOSS, "makes no sense");
	}
}

/* ---- damage ---- */

static size_t read_file(uint8_t *ret, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	REQUIRE(fd >= 0);
	n = read(fd, ret, size);
	close(fd);
	REQUIRE(n > 0);
	return (size_t)n;
}

static void write_file(const uint8_t *bytes, size_t n)
{
	int fd;

	forget_database();
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	REQUIRE(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	close(fd);
}

TEST(a_damaged_database_is_refused_or_good_but_does_no_harm)
{
	static uint8_t good[262144], bad[262144];
	struct store *store = new_database();
	unsigned n_refused = 0, seed = 1;
	char name[32];
	size_t n;
	int i;

	for (i = 0; i < 300; i++) {
		sprintf(name, "some.name.%d", i);
		REQUIRE(put(store, name, (uint64_t)i + 1));
	}
	drop(store);
	n = read_file(good, sizeof(good));
	for (i = 0; i < 1000; i++) {
		memcpy(bad, good, n);
		if (i % 10 == 0) {
			write_file(bad, (size_t)rand_r(&seed) % n);
		} else {
			bad[(size_t)rand_r(&seed) % n] ^= (uint8_t)(1 + rand_r(&seed) % 255);
			write_file(bad, n);
		}
		store = open_database();
		if (store) {
			REQUIRE(put(store, "more", 1000));
			(void)safe(store);
			(void)store->kind->settle(store);
			drop(store);
		} else {
			CHECK_HAS(problem.text, path);
			n_refused++;
		}
	}
	printf("%u of 1,000 refused ", n_refused);
	CHECK(n_refused > 100);
	forget_database();
}

/* ---- a full disk ---- */

/* Files of this process cannot grow beyond n bytes. */
static void limit_files(rlim_t n)
{
	struct rlimit limit;

	REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = n;
	REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

TEST(a_full_disk_refuses_changes_and_keeps_the_rest)
{
	struct store *store = new_database();
	struct rlimit before;

	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
	REQUIRE(put(store, "a", 1) && put(store, "b", 2));
	CHECK_INT(safe(store), 0);
	limit_files(4096);
	REQUIRE(put(store, "c", 3) && put(store, "a", 4) && store->kind->remove(store, "b", 5));
	CHECK_INT(safe(store), PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(problem.text, "no space left for database ");
	CHECK(store->kind->settle(store));
	CHECK(has(store, "a") && has(store, "b") && !has(store, "c"));
	CHECK_INT(store->kind->find(store, "a")->generation, 1);
	CHECK(store->kind->remove(store, "a", 6));
	CHECK_INT(safe(store), PYR_RESOURCE_EXHAUSTED);
	CHECK_INT(safe(store), PYR_RESOURCE_EXHAUSTED); /* until it is settled */
	CHECK(store->kind->settle(store));
	CHECK(has(store, "a"));
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
	REQUIRE(put(store, "c", 7));
	CHECK_INT(safe(store), 0);
	CHECK(!store->kind->settle(store));
	drop(store);
	store = open_database();
	REQUIRE(store != NULL);
	CHECK(has(store, "a") && has(store, "b") && has(store, "c"));
	CHECK_INT(store->kind->generation(store), 7);
	drop(store);
}

TEST(a_store_may_end_while_the_disk_is_full)
{
	struct store *store = new_database();
	struct rlimit before;

	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
	REQUIRE(put(store, "a", 1));
	CHECK_INT(safe(store), 0);
	limit_files(4096);
	REQUIRE(put(store, "b", 2));
	drop(store);
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
	store = open_database();
	REQUIRE(store != NULL);
	CHECK(has(store, "a") && !has(store, "b"));
	drop(store);
}

TEST(no_file_is_left_open)
{
	int before, i;

	drop(new_database());
	before = test_open_fds();
	for (i = 0; i < 3; i++)
		drop(new_database());
	CHECK_INT(test_open_fds(), before);
	forget_database();
	CHECK_INT(rmdir(folder), 0);
}

TESTS(store, T(both_stores_keep_what_is_put), T(what_is_safe_is_there_again),
      T(a_store_that_ends_writes_what_is_left), T(the_name_servers_own_name_is_not_written),
      T(the_file_is_its_owners_alone), T(a_database_in_use_is_refused),
      T(a_database_that_is_not_ours_is_refused), T(a_record_that_makes_no_sense_is_refused),
      T(a_damaged_database_is_refused_or_good_but_does_no_harm),
      T(a_full_disk_refuses_changes_and_keeps_the_rest), T(a_store_may_end_while_the_disk_is_full),
      T(no_file_is_left_open))
