/* SPDX-License-Identifier: MIT */
/* The stores: what both promise, and what the database keeps, refuses and survives. */
#include "stores.h"

#include <fcntl.h>
#include <pyrite/pyrite.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

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
	store->kind->lose(store, record->secret, true);
	CHECK(store->kind->find(store, "b")->is_orphan);
	CHECK(store->kind->next(store, "b", false)->is_orphan);
	store->kind->touch(store, "b", 0);
	CHECK(!store->kind->find(store, "b")->is_orphan);
	CHECK_STR(store->kind->first_to_end(store)->name, "b");
	store->kind->touch(store, "b", 77);
	CHECK_INT(safe(store), 0);
	CHECK(store->kind->remove(store, "b", 4, false));
	CHECK(store->kind->remove(store, "no.such.name", 5, false));
	CHECK(!has(store, "b") && has(store, "a"));
	CHECK(!store->kind->settle(store));
	CHECK_INT(safe(store), 0);
	CHECK_INT(safe(store), 0); /* nothing is on its way */
	CHECK(store->kind->remove(store, "a", 6, false) &&
	      store->kind->remove(store, "c", 7, false));
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
	REQUIRE(store->kind->remove(store, "a", 4, false));
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

static bool share(struct store *store, const char *name, const char *uri)
{
	struct record record = { .name = name, .uri = uri, .is_shared = true, .generation = 1 };

	return store->kind->put(store, &record);
}

TEST(what_is_shared_is_there_again_uri_by_uri)
{
	struct store *store = new_database();

	REQUIRE(put(store, "a", 1) && share(store, "s", "PYRO:o@h:1"));
	REQUIRE(share(store, "s", "PYRO:o@h:2") && share(store, "s", "PYRO:o@h:3"));
	REQUIRE(share(store, "s", "PYRO:o@h:3"));
	REQUIRE(store->kind->remove(store, "s PYRO:o@h:2", 6, false));
	drop(store);
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_INT(store->kind->count(store), 3);
	CHECK(has(store, "a") && has(store, "s PYRO:o@h:1") && has(store, "s PYRO:o@h:3"));
	CHECK(store->kind->find(store, "s PYRO:o@h:3")->is_shared);
	CHECK(!has(store, "s") && !has(store, "s PYRO:o@h:2"));
	drop(store);
	change("UPDATE shared SET uri = 'PYRO:o@h:4' WHERE uri = 'PYRO:o@h:1'");
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_STR(aside_name, "s");
	CHECK_INT(store->kind->count(store), 2);
	REQUIRE(store->kind->set_aside(store, "s PYRO:o@h:3", 8, "it is a test"));
	drop(store);
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_INT(n_aside, 0);
	CHECK_INT(store->kind->count(store), 1);
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

TEST(a_database_that_is_not_ours_is_refused)
{
	int fd;

	drop(new_database());
	change("PRAGMA user_version = 99");
	is_refused(
		PYR_FAILED_PRECONDITION,
		"is of version 99, written by a later pyrite-ns: this one knows versions up to 4");
	change("PRAGMA user_version = 4; PRAGMA application_id = 7");
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
	REQUIRE(put(store, "c", 3) && put(store, "a", 4) &&
		store->kind->remove(store, "b", 5, false));
	CHECK_INT(safe(store), PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(problem.text, "no space left for database ");
	CHECK(store->kind->settle(store));
	CHECK(has(store, "a") && has(store, "b") && !has(store, "c"));
	CHECK_INT(store->kind->find(store, "a")->generation, 1);
	CHECK(store->kind->remove(store, "a", 6, false));
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
      T(what_is_shared_is_there_again_uri_by_uri), T(a_store_that_ends_writes_what_is_left),
      T(the_name_servers_own_name_is_not_written), T(the_file_is_its_owners_alone),
      T(a_database_in_use_is_refused), T(a_database_that_is_not_ours_is_refused),
      T(a_full_disk_refuses_changes_and_keeps_the_rest), T(a_store_may_end_while_the_disk_is_full),
      T(no_file_is_left_open))
