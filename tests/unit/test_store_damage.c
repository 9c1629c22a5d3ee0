/* SPDX-License-Identifier: MIT */
/* Databases that are damaged, old, or hold what today's rules refuse: names that are not as they
 * were written are set aside, and told; the others are served. */
#include "registry.h"
#include "stores.h"

enum { NAMES = 300 };

/* One number from the closed database. */
static int number(const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3 *sqlite;
	int n = -1;

	REQUIRE(sqlite3_open(path, &sqlite) == SQLITE_OK);
	REQUIRE(sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) == SQLITE_OK);
	if (sqlite3_step(statement) == SQLITE_ROW)
		n = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(sqlite);
	return n;
}

/* The changed name is set aside, once and for all; the others are there. */
static void check_aside(const char *sql, const char *name)
{
	struct store *store = new_database();

	REQUIRE(put(store, "a", 1) && put(store, "b", 2) && put(store, "c", 3));
	drop(store);
	change(sql);
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_INT(n_aside, 1);
	CHECK_STR(aside_name, name);
	CHECK_HAS(aside_why, "it is not as it was written");
	CHECK_INT(store->kind->count(store), 2);
	CHECK(has(store, "a") && !has(store, "b") && has(store, "c"));
	REQUIRE(put(store, "d", 4));
	CHECK_INT(safe(store), 0);
	drop(store);
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_INT(n_aside, 0);
	CHECK_INT(store->kind->count(store), 3);
	drop(store);
	CHECK_INT(number("SELECT count(*) FROM set_aside WHERE why <> '' AND at > 0"), 1);
	CHECK_INT(number("SELECT n_names FROM state"), 3);
}

TEST(a_name_that_is_not_as_it_was_written_is_set_aside)
{
	check_aside("UPDATE names SET name = 'b2' WHERE name = 'b'", "b2");
	check_aside("UPDATE names SET name = 'b' || char(0) || 'b' WHERE name = 'b'", "b");
	check_aside("UPDATE names SET uri = 'PYRO:o@h:2' WHERE name = 'b'", "b");
	check_aside("UPDATE names SET tags = 'a' WHERE name = 'b'", "b");
	check_aside("UPDATE names SET tags = '' WHERE name = 'b'", "b");
	check_aside("UPDATE names SET secret = zeroblob(16) WHERE name = 'b'", "b");
	check_aside("UPDATE names SET ttl_ms = 4000000000 WHERE name = 'b'", "b");
	check_aside("UPDATE names SET generation = 7 WHERE name = 'b'", "b");
	check_aside("UPDATE names SET registered = 7 WHERE name = 'b'", "b");
	check_aside("UPDATE names SET checksum = 7 WHERE name = 'b'", "b");
	/* values that the table's own rules refuse */
	check_aside("PRAGMA ignore_check_constraints = ON;"
		    "UPDATE names SET ttl_ms = -1, secret = x'00' WHERE name = 'b'",
		    "b");
}

TEST(names_that_are_missing_are_noticed)
{
	struct store *store = new_database();

	REQUIRE(put(store, "a", 1) && put(store, "b", 2));
	drop(store);
	change("DELETE FROM names WHERE name = 'a'");
	is_refused(PYR_DATA_LOSS, "is damaged: names are missing");
}

/* ---- databases of before ---- */

/* As version 1 made them. */
static void make_old(const char *rows)
{
	drop(new_database());
	forget_database();
	change("PRAGMA application_id = 0x50794e73; PRAGMA user_version = 1;"
	       "CREATE TABLE names (name TEXT PRIMARY KEY NOT NULL, uri TEXT NOT NULL,"
	       " tags TEXT NOT NULL,"
	       " secret BLOB NOT NULL CHECK (length(secret) = 16),"
	       " ttl_ms INTEGER NOT NULL CHECK (ttl_ms BETWEEN 0 AND 4294967295),"
	       " generation INTEGER NOT NULL,"
	       " registered INTEGER NOT NULL)"
	       " STRICT, WITHOUT ROWID;"
	       "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 0),"
	       " generation INTEGER NOT NULL) STRICT;"
	       "INSERT INTO state VALUES (0, 12);"
	       "INSERT INTO names VALUES ('good', 'PYRO:o@h:1', 'x y', zeroblob(16), 0, 3, 1);");
	change(rows);
}

TEST(a_database_of_version_1_is_brought_to_todays)
{
	struct store *store;

	make_old("INSERT INTO names VALUES ('leased', 'PYRO:o@h:2', '', zeroblob(16), 9, 4, 1)");
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_INT(n_aside, 0);
	CHECK_INT(store->kind->count(store), 2);
	CHECK_INT(store->kind->generation(store), 12);
	CHECK_STR(store->kind->find(store, "good")->uri, "PYRO:o@h:1");
	CHECK_INT(store->kind->find(store, "good")->n_tags, 2);
	drop(store);
	CHECK_INT(number("PRAGMA user_version"), 4);
	CHECK_INT(number("SELECT n_names FROM state"), 2);
	change("UPDATE names SET uri = 'PYRO:o@h:3' WHERE name = 'leased'");
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_STR(aside_name, "leased");
	drop(store);
}

/* Version 2 knew no shared names, version 3 no owners. */
static void check_old(const char *as_it_was)
{
	struct store *store = new_database();

	REQUIRE(put(store, "a", 1));
	drop(store);
	change(as_it_was);
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_INT(n_aside, 0);
	CHECK(has(store, "a"));
	drop(store);
	CHECK_INT(number("PRAGMA user_version"), 4);
	CHECK_INT(number("SELECT count(*) FROM shared"), 0);
	CHECK_INT(number("SELECT count(*) FROM deeds"), 0);
}

TEST(a_database_of_version_2_or_3_is_brought_to_todays)
{
	check_old("DROP TABLE deeds; DROP TABLE shared; PRAGMA user_version = 2");
	check_old("DROP TABLE deeds; PRAGMA user_version = 3");
}

TEST(a_record_that_makes_no_sense_is_set_aside)
{
	static const char *const rows[] = {
		"('a' || char(0) || 'b', 'PYRO:o@h:1', '', zeroblob(16), 0, 4, 1)",
		"('a', char(0), '', zeroblob(16), 0, 4, 1)",
		"('a', 'PYRO:o@h:1', '', zeroblob(16), 4000000000, 4, 1)",
		"('a', 'PYRO:o@h:1', replace(hex(zeroblob(100)), '00', 'x '), zeroblob(16), 0, 4, "
		"1)",
		"('a', 'PYRO:o@h:1', hex(zeroblob(4000)), zeroblob(16), 0, 4, 1)",
	};
	struct store *store;
	char sql[300];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO names VALUES %s", rows[i]);
		make_old(sql);
		store = open_database();
		REQUIRE(store != NULL);
		CHECK_INT(n_aside, 1);
		CHECK_STR(aside_name, "a");
		CHECK_STR(aside_why, "it is invalid");
		CHECK(has(store, "good"));
		drop(store);
		CHECK_INT(number("SELECT count(*) FROM set_aside"), 1);
	}
}

/* ---- what today's rules refuse ---- */

static int64_t no_time(void *data)
{
	(void)data;
	return 1000;
}

TEST(a_name_that_todays_rules_refuse_is_set_aside_and_the_others_are_served)
{
	struct registry_options options = { .clock = no_time };
	struct registry_problem why;
	struct registry *registry;
	int i;

	make_old("INSERT INTO names VALUES"
		 " ('a b', 'PYRO:o@h:1', '', zeroblob(16), 0, 4, 1),"
		 " ('host', 'PYRO:o@HOST:1', '', zeroblob(16), 0, 4, 1),"
		 " ('no.uri', 'nowhere', '', zeroblob(16), 0, 4, 1),"
		 " ('tags', 'PYRO:o@h:1', 'b a b', zeroblob(16), 0, 4, 1),"
		 " ('zzz', 'PYRO:o@h:1', '', zeroblob(16), 5000, 5, 1)");
	for (i = 0; i < 2; i++) {
		registry = registry_new(open_database(), &options);
		REQUIRE(registry != NULL);
		CHECK(registry_adopt(registry, keep_aside, NULL));
		CHECK_INT(n_aside, i == 0 ? 4 : 0);
		CHECK_INT(registry_count(registry), 2);
		CHECK(registry_lookup(registry, "good", &why) != NULL);
		CHECK(registry_lookup(registry, "zzz", &why) != NULL);
		CHECK(registry_lookup(registry, "host", &why) == NULL);
		registry_free(registry);
	}
	CHECK_INT(number("SELECT count(*) FROM names"), 2);
	CHECK_INT(number("SELECT count(*) FROM set_aside WHERE name = 'host' AND"
			 " uri = 'PYRO:o@HOST:1' AND why LIKE '%should be ''PYRO:o@host:1''%'"),
		  1);
	CHECK_INT(number("SELECT count(*) FROM set_aside"), 4);
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

/* The records of the good database, by the number in their names. */
static struct record *good_records[NAMES];

static bool are_same(const struct record *a, const struct record *b)
{
	size_t i;

	if (a->n_tags != b->n_tags)
		return false;
	for (i = 0; i < a->n_tags; i++)
		if (strcmp(a->tags[i], b->tags[i]) != 0)
			return false;
	return strcmp(a->name, b->name) == 0 && strcmp(a->uri, b->uri) == 0 &&
	       memcmp(a->secret, b->secret, SECRET_SIZE) == 0 && a->ttl_ms == b->ttl_ms &&
	       a->expires == b->expires && a->generation == b->generation &&
	       a->is_orphan == b->is_orphan && a->is_own == b->is_own;
}

/* The place of "some.name.0" to 299. There must be no others. */
static int place_of(const char *name)
{
	int number_of, end = 0;

	REQUIRE(sscanf(name, "some.name.%3d%n", &number_of, &end) == 1 && !name[end]);
	REQUIRE(number_of >= 0 && number_of < NAMES);
	return number_of;
}

/* Records that are as they were put, in all they hold; there must be no others. */
static unsigned count_as_put(struct store *store)
{
	const struct record *record;
	const char *name = "";
	unsigned n = 0;

	while ((record = store->kind->next(store, name, false)) != NULL) {
		name = record->name;
		REQUIRE(are_same(record, good_records[place_of(name)]));
		n++;
	}
	return n;
}

/* What was put, as it is read from the database. */
static void keep_records(void)
{
	static const char *const tags[] = { "a", "b" };
	struct store *store = open_database();
	struct record expected = { .uri = "PYRO:o@h:1",
				   .tags = tags,
				   .n_tags = 2,
				   .secret = "0123456789abcde",
				   .ttl_ms = 5000 };
	const struct record *record;
	char name[32];
	int i;

	REQUIRE(store != NULL);
	for (i = 0; i < NAMES; i++) {
		sprintf(name, "some.name.%d", i);
		record = store->kind->find(store, name);
		REQUIRE(record != NULL);
		expected.name = name;
		expected.generation = (uint64_t)i + 1;
		expected.expires = record->expires; /* in the clock of the one who reads it */
		expected.is_orphan = record->is_orphan;
		REQUIRE(are_same(record, &expected));
		good_records[i] = record_copy(record);
		REQUIRE(good_records[i] != NULL);
	}
	drop(store);
}

static void free_records(void)
{
	int i;

	for (i = 0; i < NAMES; i++)
		free(good_records[i]);
}

static size_t make_good(uint8_t *ret, size_t size)
{
	struct store *store = new_database();
	char name[32];
	size_t n;
	int i;

	for (i = 0; i < NAMES; i++) {
		sprintf(name, "some.name.%d", i);
		REQUIRE(put(store, name, (uint64_t)i + 1));
	}
	drop(store);
	n = read_file(ret, size);
	keep_records();
	return n;
}

static unsigned n_refused, n_lost;

static void open_damaged(void)
{
	struct store *store = open_database();

	if (!store) {
		CHECK_HAS(problem.text, path);
		n_refused++;
		return;
	}
	n_lost += n_aside;
	CHECK_INT(count_as_put(store) + n_aside, NAMES);
	REQUIRE(put(store, "more", 1000));
	(void)safe(store);
	(void)store->kind->settle(store);
	drop(store);
}

TEST(no_damage_of_a_database_goes_unnoticed)
{
	static uint8_t good[262144], bad[262144];
	size_t n = make_good(good, sizeof(good));
	unsigned seed = 1;
	int i;

	for (i = 0; i < OFTEN(1000); i++) {
		memcpy(bad, good, n);
		if (i % 10 == 0) {
			write_file(bad, (size_t)rand_r(&seed) % n);
		} else {
			bad[(size_t)rand_r(&seed) % n] ^= (uint8_t)(1 + rand_r(&seed) % 255);
			write_file(bad, n);
		}
		open_damaged();
	}
	printf("%u of %d refused, %u names set aside ", n_refused, i, n_lost);
	CHECK(n_refused > 0);
	CHECK(n_lost > OFTEN(100));
	forget_database();
	free_records();
	CHECK_INT(rmdir(folder), 0);
}

TESTS(store_damage, T(a_name_that_is_not_as_it_was_written_is_set_aside),
      T(names_that_are_missing_are_noticed), T(a_database_of_version_1_is_brought_to_todays),
      T(a_database_of_version_2_or_3_is_brought_to_todays),
      T(a_record_that_makes_no_sense_is_set_aside),
      T(a_name_that_todays_rules_refuse_is_set_aside_and_the_others_are_served),
      T(no_damage_of_a_database_goes_unnoticed))
