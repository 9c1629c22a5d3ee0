/* SPDX-License-Identifier: MIT */
/*
 * Reading. SQLite sees damage of a file's structure, not that of a text in it, so each row has a
 * checksum. A row that is not as it was written, or makes no sense, is set aside: it goes to a
 * table that nothing reads, and the other names are served.
 */
#include "database_own.h"

#include <pyrite/pyrite.h>
#include <string.h>

#include "registry.h"

enum { NAME, URI, TAGS, SECRET, TTL, GENERATION, REGISTERED, CHECKSUM, N_COLUMNS };

enum { DEED_OWNER = 1, DEED_GENERATION, DEED_REGISTERED, DEED_CHECKSUM, N_DEED_COLUMNS };

#define COLUMNS      "name, uri, tags, secret, ttl_ms, generation, registered, checksum"
#define DEED_COLUMNS "name, owner, generation, registered, checksum"

struct database_loading {
	database_row_cb row;
	store_aside_cb aside;
	void *data, *aside_data;
	bool is_shared; /* of the table that is being read */
	bool is_full;   /* memory is out */
	sqlite3_int64 n_good, n_bad;
};

/* ---- checksums ---- */

/* FNV-1a: each step is a bijection, so that no single byte changes without it. */
static uint64_t add_bytes(uint64_t sum, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	for (; n > 0; n--)
		sum = (sum ^ *at++) * 0x100000001b3u;
	return sum;
}

static uint64_t add_number(uint64_t sum, sqlite3_int64 number)
{
	uint8_t bytes[8];
	int i;

	for (i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)number >> 8 * i);
	return add_bytes(sum, bytes, sizeof(bytes));
}

static uint64_t add_value(uint64_t sum, sqlite3_value *value)
{
	int type = sqlite3_value_type(value);
	const void *bytes;

	sum = add_number(sum, type);
	if (type == SQLITE_INTEGER)
		return add_number(sum, sqlite3_value_int64(value));
	bytes = type == SQLITE_TEXT ? (const void *)sqlite3_value_text(value)
				    : sqlite3_value_blob(value);
	sum = add_number(sum, sqlite3_value_bytes(value));
	return bytes ? add_bytes(sum, bytes, (size_t)sqlite3_value_bytes(value)) : sum;
}

static sqlite3_int64 checksum_of(sqlite3_value **row, int n)
{
	uint64_t sum = 0xcbf29ce484222325u;
	int i;

	for (i = 0; i < n; i++)
		sum = add_value(sum, row[i]);
	return (sqlite3_int64)sum;
}

static void sql_checksum(sqlite3_context *context, int n, sqlite3_value **row)
{
	sqlite3_result_int64(context, checksum_of(row, n));
}

/* ---- rows ---- */

/* A text, NULL if it is none of C's. */
static const char *text_of(sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);

	return text && strlen(text) == (size_t)sqlite3_value_bytes(value) ? text : NULL;
}

/* Cuts text into tags. Returns how many, -1 for too many. */
static int split_tags(char *text, const char *ret[REGISTRY_TAGS])
{
	char *rest = text, *tag;
	int n = 0;

	while (text[0] && (tag = strsep(&rest, " ")) != NULL) {
		if (n == REGISTRY_TAGS)
			return -1;
		ret[n++] = tag;
	}
	return n;
}

/* Returns false if there is nothing to make of it. */
static bool read_row(sqlite3_value **row, char *tag_text, const char *tags[REGISTRY_TAGS],
		     struct record *ret)
{
	const char *tag_column = text_of(row[TAGS]);
	const void *secret = sqlite3_value_blob(row[SECRET]);
	sqlite3_int64 ttl_ms = sqlite3_value_int64(row[TTL]);
	int n_tags;

	ret->name = text_of(row[NAME]);
	ret->uri = text_of(row[URI]);
	if (!ret->name || !ret->uri || !tag_column || strlen(tag_column) > REGISTRY_TAG_BYTES ||
	    !secret || sqlite3_value_bytes(row[SECRET]) != SECRET_SIZE || ttl_ms < 0 ||
	    ttl_ms > REGISTRY_TTL_MAX_MS)
		return false;
	n_tags = split_tags(strcpy(tag_text, tag_column), tags);
	if (n_tags < 0)
		return false;
	ret->tags = tags;
	ret->n_tags = (size_t)n_tags;
	memcpy(ret->secret, secret, SECRET_SIZE);
	ret->ttl_ms = (uint32_t)ttl_ms;
	ret->expires = INT64_MAX;
	ret->generation = (uint64_t)sqlite3_value_int64(row[GENERATION]);
	return true;
}

/* Why the row is none; NULL: it is one, and, while names are loaded, taken. */
static const char *take_row(struct database_loading *loading, sqlite3_value **row)
{
	char tag_text[REGISTRY_TAG_BYTES + 1];
	const char *tags[REGISTRY_TAGS];
	struct record record = { 0 };

	if (sqlite3_value_int64(row[CHECKSUM]) != checksum_of(row, CHECKSUM))
		return "it is not as it was written: its checksum is wrong";
	if (!read_row(row, tag_text, tags, &record))
		return "it is invalid";
	record.is_shared = loading && loading->is_shared;
	if (loading && !loading->row(&record, loading->data))
		loading->is_full = true;
	return NULL;
}

/* The same for a deed. */
static const char *take_deed(struct database_loading *loading, sqlite3_value **row)
{
	struct record record = { .uri = "", .expires = INT64_MAX };

	if (sqlite3_value_int64(row[DEED_CHECKSUM]) != checksum_of(row, DEED_CHECKSUM))
		return "it is not as it was written: its checksum is wrong";
	record.name = text_of(row[NAME]);
	record.owner = text_of(row[DEED_OWNER]);
	if (!record.name || !record.owner || !record.owner[0])
		return "it is invalid";
	record.generation = (uint64_t)sqlite3_value_int64(row[DEED_GENERATION]);
	if (loading && !loading->row(&record, loading->data))
		loading->is_full = true;
	return NULL;
}

static void sql_why_not(sqlite3_context *context, int n, sqlite3_value **row)
{
	struct database *database = sqlite3_user_data(context);
	const char *why = n == N_COLUMNS ? take_row(database->loading, row)
					 : take_deed(database->loading, row);

	if (why)
		sqlite3_result_text(context, why, -1, SQLITE_STATIC);
}

bool database_add_functions(struct database *database)
{
	int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;

	return sqlite3_create_function(database->sqlite, "pyrite_checksum", -1,
				       flags | SQLITE_DETERMINISTIC, NULL, sql_checksum, NULL,
				       NULL) == SQLITE_OK &&
	       sqlite3_create_function(database->sqlite, "pyrite_why_not", N_DEED_COLUMNS, flags,
				       database, sql_why_not, NULL, NULL) == SQLITE_OK &&
	       sqlite3_create_function(database->sqlite, "pyrite_why_not", N_COLUMNS, flags,
				       database, sql_why_not, NULL, NULL) == SQLITE_OK;
}

/* ---- setting aside ---- */

#define SET_ASIDE_FROM(table)                                                                      \
	"INSERT INTO set_aside SELECT NULL, *, pyrite_why_not(" COLUMNS "), unixepoch()"           \
	" FROM " table " WHERE pyrite_why_not(" COLUMNS ") IS NOT NULL;"
#define SET_ASIDE_DEEDS                                                                            \
	"INSERT INTO set_aside SELECT NULL, name, owner, '', x'', 0, generation, registered,"      \
	" checksum, pyrite_why_not(" DEED_COLUMNS "), unixepoch() FROM deeds"                      \
	" WHERE pyrite_why_not(" DEED_COLUMNS ") IS NOT NULL;"
#define KEEP_WHOLE_OF(table, columns)                                                              \
	"INSERT INTO whole SELECT " columns " FROM " table " WHERE pyrite_why_not(" columns        \
	") IS NULL;"                                                                               \
	"DROP TABLE " table ";"                                                                    \
	"ALTER TABLE whole RENAME TO " table ";"

/* The names that are whole in tables made anew, since those that are not may stand where no search
 * finds them. All of it or nothing. */
static bool rebuild(struct database *database, struct store_problem *problem)
{
	/* clang-format off */
	static const char sql[] =
		SET_ASIDE_FROM("names")
		"CREATE TABLE whole (name TEXT PRIMARY KEY NOT NULL, uri TEXT NOT NULL,"
		" tags TEXT NOT NULL, secret BLOB NOT NULL, ttl_ms INTEGER NOT NULL,"
		" generation INTEGER NOT NULL, registered INTEGER NOT NULL,"
		" checksum INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
		KEEP_WHOLE_OF("names", COLUMNS)
		SET_ASIDE_FROM("shared")
		"CREATE TABLE whole (name TEXT NOT NULL, uri TEXT NOT NULL,"
		" tags TEXT NOT NULL, secret BLOB NOT NULL, ttl_ms INTEGER NOT NULL,"
		" generation INTEGER NOT NULL, registered INTEGER NOT NULL,"
		" checksum INTEGER NOT NULL, PRIMARY KEY (name, uri)) STRICT, WITHOUT ROWID;"
		KEEP_WHOLE_OF("shared", COLUMNS)
		SET_ASIDE_DEEDS
		"CREATE TABLE whole (name TEXT PRIMARY KEY NOT NULL, owner TEXT NOT NULL,"
		" generation INTEGER NOT NULL, registered INTEGER NOT NULL,"
		" checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
		KEEP_WHOLE_OF("deeds", DEED_COLUMNS)
		"UPDATE state SET n_names = (SELECT count(*) FROM names)"
		" + (SELECT count(*) FROM shared) + (SELECT count(*) FROM deeds)";
	/* clang-format on */
	bool is_done = database_execute(database, "BEGIN IMMEDIATE", problem) &&
		       database_execute(database, sql, problem) &&
		       database_ask(database, "PRAGMA integrity_check(1)", database->verdict,
				    sizeof(database->verdict), problem);

	if (is_done && !database_is_whole(database))
		is_done = database_fail_damaged(database, database->verdict, problem);
	is_done = is_done && database_execute(database, "COMMIT", problem);
	if (!is_done)
		(void)sqlite3_exec(database->sqlite, "ROLLBACK", NULL, NULL, NULL);
	return is_done;
}

/* ---- loading ---- */

/* Columns: name, why it is none. */
static bool load_row(struct database *database, sqlite3_stmt *row, struct store_problem *problem)
{
	struct database_loading *loading = database->loading;
	const char *why = (const char *)sqlite3_column_text(row, 1);
	const char *name = (const char *)sqlite3_column_text(row, 0);

	if (loading->is_full)
		return database_fail(problem, PYR_RESOURCE_EXHAUSTED,
				     "out of memory for the names of database %s", database->path);
	loading->n_good += !why;
	loading->n_bad += why != NULL;
	if (why)
		loading->aside(name ? name : "", why, loading->aside_data);
	return true;
}

static bool load_rows(struct database *database, const char *sql, struct store_problem *problem)
{
	sqlite3_stmt *statement;
	bool is_good = true;
	int step;

	if (sqlite3_prepare_v2(database->sqlite, sql, -1, &statement, NULL) != SQLITE_OK)
		return database_fail_sqlite(database, problem);
	while (is_good && (step = sqlite3_step(statement)) == SQLITE_ROW)
		is_good = load_row(database, statement, problem);
	if (is_good && step != SQLITE_DONE)
		is_good = database_fail_sqlite(database, problem);
	sqlite3_finalize(statement);
	return is_good;
}

bool database_load(struct database *database, database_row_cb row, void *data, store_aside_cb aside,
		   void *aside_data, struct store_problem *problem)
{
	struct database_loading loading = {
		.row = row, .aside = aside, .data = data, .aside_data = aside_data
	};
	bool is_good;

	database->loading = &loading;
	is_good =
		load_rows(database, "SELECT name, pyrite_why_not(" COLUMNS ") FROM names", problem);
	loading.is_shared = true;
	is_good = is_good &&
		  load_rows(database, "SELECT name, pyrite_why_not(" COLUMNS ") FROM shared",
			    problem) &&
		  load_rows(database, "SELECT name, pyrite_why_not(" DEED_COLUMNS ") FROM deeds",
			    problem);
	database->loading = NULL;
	if (is_good && loading.n_good + loading.n_bad != database->n_names)
		is_good = database_fail_damaged(database, "names are missing", problem);
	if (!is_good || (loading.n_bad == 0 && database_is_whole(database)))
		return is_good;
	database->n_names = database->n_committed = loading.n_good;
	return rebuild(database, problem);
}
