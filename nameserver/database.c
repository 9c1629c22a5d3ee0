/* SPDX-License-Identifier: MIT */
/*
 * Opening and writing. With database_rows.c the only file that knows SQLite: write-ahead log,
 * synchronous=FULL, one connection, prepared statements. SQLite's locks let another process write
 * between two of our transactions, so that a lock of our own (flock) keeps other name servers away.
 */
#include "database_own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <pyrite/pyrite.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "registry.h"

enum {
	BUSY_MS = 2000,             /* for others who look into it */
	LOG_BYTES = 4 * 1024 * 1024 /* the write-ahead log is cut to this */
};

/* What brings a database from version i to i + 1. */
static const char *const migrations[] = {
	"CREATE TABLE names (name TEXT PRIMARY KEY NOT NULL, uri TEXT NOT NULL,"
	" tags TEXT NOT NULL," /* one space between two */
	" secret BLOB NOT NULL CHECK (length(secret) = 16),"
	" ttl_ms INTEGER NOT NULL CHECK (ttl_ms BETWEEN 0 AND 4294967295),"
	" generation INTEGER NOT NULL,"
	" registered INTEGER NOT NULL)" /* seconds since 1970 */
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 0), generation INTEGER NOT NULL)"
	" STRICT;"
	"INSERT INTO state VALUES (0, 0);",
	"ALTER TABLE names ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;"
	"UPDATE names SET checksum = pyrite_checksum(name, uri, tags, secret, ttl_ms, generation,"
	" registered);"
	"ALTER TABLE state ADD COLUMN n_names INTEGER NOT NULL DEFAULT 0;"
	"UPDATE state SET n_names = (SELECT count(*) FROM names);"
	/* as they were found, whatever that was; why and when in seconds since 1970 */
	"CREATE TABLE set_aside (id INTEGER PRIMARY KEY, name ANY, uri ANY, tags ANY, secret ANY,"
	" ttl_ms ANY, generation ANY, registered ANY, checksum ANY, why TEXT NOT NULL,"
	" at INTEGER NOT NULL) STRICT;",
	/* the registrations of shared names */
	"CREATE TABLE shared (name TEXT NOT NULL, uri TEXT NOT NULL, tags TEXT NOT NULL,"
	" secret BLOB NOT NULL CHECK (length(secret) = 16),"
	" ttl_ms INTEGER NOT NULL CHECK (ttl_ms BETWEEN 0 AND 4294967295),"
	" generation INTEGER NOT NULL, registered INTEGER NOT NULL, checksum INTEGER NOT NULL,"
	" PRIMARY KEY (name, uri)) STRICT, WITHOUT ROWID;",
	/* whose names are, registered or not */
	"CREATE TABLE deeds (name TEXT PRIMARY KEY NOT NULL, owner TEXT NOT NULL,"
	" generation INTEGER NOT NULL, registered INTEGER NOT NULL, checksum INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;",
};

_Static_assert(sizeof(migrations) / sizeof(migrations[0]) == SCHEMA_VERSION,
	       "a migration for each version");

#define PUT_INTO(table)                                                                            \
	"INSERT OR REPLACE INTO " table " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,"                     \
	" pyrite_checksum(?1, ?2, ?3, ?4, ?5, ?6, ?7))"
#define SET_ASIDE_FROM(table) "INSERT INTO set_aside SELECT NULL, *, ?3, unixepoch() FROM " table

static const char *const statement_texts[N_STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[PUT] = PUT_INTO("names"),
	[PUT_SHARED] = PUT_INTO("shared"),
	[SET_ASIDE] = SET_ASIDE_FROM("names WHERE name = ?1"),
	[SET_ASIDE_SHARED] = SET_ASIDE_FROM("shared WHERE name = ?1 AND uri = ?2"),
	[REMOVE] = "DELETE FROM names WHERE name = ?1",
	[REMOVE_SHARED] = "DELETE FROM shared WHERE name = ?1 AND uri = ?2",
	[PUT_DEED] = "INSERT OR REPLACE INTO deeds VALUES (?1, ?2, ?3, ?4,"
		     " pyrite_checksum(?1, ?2, ?3, ?4))",
	[REMOVE_DEED] = "DELETE FROM deeds WHERE name = ?1",
	[SET_ASIDE_DEED] = "INSERT INTO set_aside SELECT NULL, name, owner, '', x'', 0, generation,"
			   " registered, checksum, ?3, unixepoch() FROM deeds WHERE name = ?1",
	[SET_GENERATION] = "UPDATE state SET generation = ?1, n_names = ?2",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

bool database_fail(struct store_problem *problem, int code, const char *format, ...)
{
	va_list args;

	problem->code = code;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	return false;
}

bool database_fail_damaged(const struct database *database, const char *how,
			   struct store_problem *problem)
{
	return database_fail(problem, PYR_DATA_LOSS,
			     "database %s is damaged: %s: move it away to begin without names",
			     database->path, how);
}

bool database_is_whole(const struct database *database)
{
	return strcmp(database->verdict, "ok") == 0;
}

static bool is_no_space(int system_error)
{
	return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

/* SQLite's last error, as one of ours. */
bool database_fail_sqlite(struct database *database, struct store_problem *problem)
{
	int system_error = errno; /* sqlite3_system_errno() does not know of failed writes */
	sqlite3 *sqlite = database->sqlite;
	int error = sqlite3_errcode(sqlite) & 0xff;

	if (error == SQLITE_FULL || (error == SQLITE_IOERR && is_no_space(system_error)))
		return database_fail(problem, PYR_RESOURCE_EXHAUSTED,
				     "no space left for database %s", database->path);
	if (error == SQLITE_READONLY || (error == SQLITE_IOERR && system_error == EROFS))
		return database_fail(problem, PYR_UNAVAILABLE,
				     "database %s cannot be written: its file system is read-only",
				     database->path);
	if (error == SQLITE_NOTADB || error == SQLITE_CORRUPT)
		return database_fail_damaged(database, sqlite3_errmsg(sqlite), problem);
	if (error == SQLITE_NOMEM)
		return database_fail(problem, PYR_RESOURCE_EXHAUSTED,
				     "out of memory for database %s", database->path);
	return database_fail(problem, error == SQLITE_BUSY ? PYR_UNAVAILABLE : PYR_INTERNAL,
			     "database %s: %s", database->path, sqlite3_errmsg(sqlite));
}

/* ---- opening ---- */

/* Who holds SQLite's locks. 0: nobody, or it cannot be told. */
static long holder_of(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? (long)lock.l_pid : 0;
}

static bool take_lock(struct database *database, struct store_problem *problem)
{
	char by[40] = "";
	long pid;

	if (flock(database->fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno != EWOULDBLOCK)
		return database_fail(problem, PYR_INTERNAL, "cannot lock database %s: %s",
				     database->path, strerror(errno));
	pid = holder_of(database->fd);
	if (pid > 0)
		snprintf(by, sizeof(by), ", process %ld", pid);
	return database_fail(
		problem, PYR_ALREADY_EXISTS,
		"database %s is another name server's%s: --storage chooses another place",
		database->path, by);
}

/* A new file is there after a crash only if its folder was written too. */
static void sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	free(copy);
}

/* Opens or makes the file, for its owner alone, and locks it. */
static bool open_file(struct database *database, const char *path, struct store_problem *problem)
{
	struct stat info;

	database->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	if (database->fd < 0 || fstat(database->fd, &info) < 0)
		return database_fail(problem, PYR_INTERNAL, "cannot open database %s: %s", path,
				     strerror(errno));
	if (!S_ISREG(info.st_mode))
		return database_fail(problem, PYR_INTERNAL, "database %s is not a regular file",
				     path);
	if ((info.st_mode & 077) && fchmod(database->fd, 0600) < 0)
		return database_fail(problem, PYR_INTERNAL, "database %s is open to others: %s",
				     path, strerror(errno));
	database->path = realpath(path, NULL);
	if (!database->path)
		return database_fail(problem, PYR_INTERNAL, "database %s: %s", path,
				     strerror(errno));
	sync_folder(database->path);
	return take_lock(database, problem);
}

bool database_execute(struct database *database, const char *sql, struct store_problem *problem)
{
	if (sqlite3_exec(database->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return database_fail_sqlite(database, problem);
}

/* The one text that a statement gives, cut to ret. */
bool database_ask(struct database *database, const char *sql, char *ret, size_t size,
		  struct store_problem *problem)
{
	sqlite3_stmt *statement = NULL;
	bool is_there;

	is_there = sqlite3_prepare_v2(database->sqlite, sql, -1, &statement, NULL) == SQLITE_OK &&
		   sqlite3_step(statement) == SQLITE_ROW;
	if (is_there)
		snprintf(ret, size, "%s", (const char *)sqlite3_column_text(statement, 0));
	else
		(void)database_fail_sqlite(database, problem);
	sqlite3_finalize(statement);
	return is_there;
}

/* What is in the file is not trusted to run anything. */
static void distrust(struct database *database)
{
	static const struct {
		int option, value;
	} options[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)sqlite3_db_config(database->sqlite, options[i].option, options[i].value,
					NULL);
}

/* Whether it is one of ours; the verdict tells whether it is whole. */
static bool examine(struct database *database, int *ret_version, struct store_problem *problem)
{
	char id[32], version[32], objects[32];

	if (!database_ask(database, "PRAGMA application_id", id, sizeof(id), problem) ||
	    !database_ask(database, "PRAGMA user_version", version, sizeof(version), problem) ||
	    !database_ask(database, "SELECT count(*) FROM sqlite_schema", objects, sizeof(objects),
			  problem))
		return false;
	*ret_version = atoi(version);
	strcpy(database->verdict, "ok");
	if (strcmp(objects, "0") == 0) {
		*ret_version = 0;
		return true;
	}
	if (atoi(id) != APPLICATION_ID || *ret_version < 1)
		return database_fail(problem, PYR_FAILED_PRECONDITION,
				     "database %s is not a name server's", database->path);
	if (*ret_version > SCHEMA_VERSION)
		return database_fail(
			problem, PYR_FAILED_PRECONDITION,
			"database %s is of version %d, written by a later pyrite-ns: this one "
			"knows versions up to %d",
			database->path, *ret_version, SCHEMA_VERSION);
	if (!database_ask(database, "PRAGMA integrity_check(1)", database->verdict,
			  sizeof(database->verdict), problem))
		return false;
	/* one of version 1 has no checksums that tell which names are whole */
	return *ret_version > 1 || database_is_whole(database) ||
	       database_fail_damaged(database, database->verdict, problem);
}

/* All steps or none. */
static bool migrate(struct database *database, int version, struct store_problem *problem)
{
	char finish[100];
	bool is_done;

	if (version == SCHEMA_VERSION)
		return true;
	snprintf(finish, sizeof(finish),
		 "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", APPLICATION_ID,
		 SCHEMA_VERSION);
	is_done = database_execute(database, "BEGIN IMMEDIATE", problem);
	for (; is_done && version < SCHEMA_VERSION; version++)
		is_done = database_execute(database, migrations[version], problem);
	is_done = is_done && database_execute(database, finish, problem);
	if (!is_done)
		(void)sqlite3_exec(database->sqlite, "ROLLBACK", NULL, NULL, NULL);
	return is_done;
}

static bool set_up(struct database *database, struct store_problem *problem)
{
	char mode[32], pragmas[200];
	int version;

	distrust(database);
	if (!database_add_functions(database))
		return database_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	sqlite3_busy_timeout(database->sqlite, BUSY_MS);
	if (!database_execute(database, "PRAGMA cell_size_check = ON", problem) ||
	    !examine(database, &version, problem) ||
	    !database_ask(database, "PRAGMA journal_mode = WAL", mode, sizeof(mode), problem))
		return false;
	if (strcmp(mode, "wal") != 0)
		return database_fail(problem, PYR_INTERNAL,
				     "database %s cannot have a write-ahead log", database->path);
	snprintf(pragmas, sizeof(pragmas),
		 "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = %d", LOG_BYTES);
	return database_execute(database, pragmas, problem) && migrate(database, version, problem);
}

static bool prepare(struct database *database, struct store_problem *problem)
{
	int i;

	for (i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(database->sqlite, statement_texts[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &database->statements[i],
				       NULL) != SQLITE_OK)
			return database_fail_sqlite(database, problem);
	return true;
}

static bool open_sqlite(struct database *database, struct store_problem *problem)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	char generation[32], n_names[32];

	if (sqlite3_open_v2(database->path, &database->sqlite, flags, NULL) != SQLITE_OK) {
		if (!database->sqlite)
			return database_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return database_fail_sqlite(database, problem);
	}
	if (!set_up(database, problem) || !prepare(database, problem) ||
	    !database_ask(database, "SELECT generation FROM state", generation, sizeof(generation),
			  problem) ||
	    !database_ask(database, "SELECT n_names FROM state", n_names, sizeof(n_names), problem))
		return false;
	database->generation = strtoull(generation, NULL, 10);
	database->n_names = database->n_committed = strtoll(n_names, NULL, 10);
	return true;
}

struct database *database_open(const char *path, struct store_problem *problem)
{
	struct database *database = calloc(1, sizeof(*database));

	if (!database) {
		(void)database_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	database->fd = -1;
	if (open_file(database, path, problem) && open_sqlite(database, problem))
		return database;
	database_close(database);
	return NULL;
}

void database_close(struct database *database)
{
	int i;

	if (!database)
		return;
	for (i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(database->statements[i]);
	sqlite3_close(database->sqlite);
	if (database->fd >= 0)
		close(database->fd);
	free(database->path);
	free(database);
}

uint64_t database_generation(const struct database *database)
{
	return database->generation;
}

/* ---- writing ---- */

static bool run(struct database *database, enum statement which, struct store_problem *problem)
{
	sqlite3_stmt *statement = database->statements[which];
	bool is_done =
		sqlite3_step(statement) == SQLITE_DONE || database_fail_sqlite(database, problem);

	sqlite3_reset(statement);
	return is_done;
}

/* What is written to a file that has no name any more is lost with the process. */
static bool check_place(const struct database *database, struct store_problem *problem)
{
	struct stat there, ours;

	if (stat(database->path, &there) == 0 && fstat(database->fd, &ours) == 0 &&
	    there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
		return true;
	return database_fail(problem, PYR_UNAVAILABLE,
			     "database %s was removed or replaced while it was in use: export the "
			     "names and start the name server again",
			     database->path);
}

bool database_begin(struct database *database, struct store_problem *problem)
{
	return check_place(database, problem) && run(database, BEGIN, problem);
}

static void join_tags(const struct record *record, char ret[REGISTRY_TAG_BYTES + 1])
{
	size_t i;

	ret[0] = '\0';
	for (i = 0; i < record->n_tags; i++) {
		if (i > 0)
			ret = stpcpy(ret, " ");
		ret = stpcpy(ret, record->tags[i]);
	}
}

static bool put_deed(struct database *database, const struct record *record,
		     struct store_problem *problem)
{
	sqlite3_stmt *put = database->statements[PUT_DEED];

	if (sqlite3_bind_text(put, 1, record->name, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_text(put, 2, record->owner, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 3, (sqlite3_int64)record->generation) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 4, (sqlite3_int64)time(NULL)) != SQLITE_OK)
		return database_fail_sqlite(database, problem);
	return run(database, PUT_DEED, problem);
}

static bool put_name(struct database *database, const struct record *record,
		     struct store_problem *problem)
{
	enum statement which = record->is_shared ? PUT_SHARED : PUT;
	sqlite3_stmt *put = database->statements[which];
	char tags[REGISTRY_TAG_BYTES + 1];

	join_tags(record, tags);
	if (sqlite3_bind_text(put, 1, record->name, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_text(put, 2, record->uri, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_text(put, 3, tags, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_blob(put, 4, record->secret, SECRET_SIZE, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 5, record->ttl_ms) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 6, (sqlite3_int64)record->generation) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 7, (sqlite3_int64)time(NULL)) != SQLITE_OK)
		return database_fail_sqlite(database, problem);
	return run(database, which, problem);
}

bool database_put(struct database *database, const struct record *record, bool is_new,
		  struct store_problem *problem)
{
	database->n_names += is_new;
	return record->owner ? put_deed(database, record, problem)
			     : put_name(database, record, problem);
}

/* Which record a statement is about. */
static bool bind_key(struct database *database, sqlite3_stmt *statement,
		     const struct record *record, struct store_problem *problem)
{
	if (sqlite3_bind_text(statement, 1, record->name, -1, SQLITE_STATIC) == SQLITE_OK &&
	    (!record->is_shared ||
	     sqlite3_bind_text(statement, 2, record->uri, -1, SQLITE_STATIC) == SQLITE_OK))
		return true;
	return database_fail_sqlite(database, problem);
}

bool database_remove(struct database *database, const struct record *record,
		     struct store_problem *problem)
{
	enum statement which = record->is_shared ? REMOVE_SHARED
			       : record->owner   ? REMOVE_DEED
						 : REMOVE;

	if (!bind_key(database, database->statements[which], record, problem) ||
	    !run(database, which, problem))
		return false;
	database->n_names -= sqlite3_changes(database->sqlite);
	return true;
}

bool database_set_aside(struct database *database, const struct record *record, const char *why,
			struct store_problem *problem)
{
	enum statement which = record->is_shared ? SET_ASIDE_SHARED
			       : record->owner   ? SET_ASIDE_DEED
						 : SET_ASIDE;
	sqlite3_stmt *statement = database->statements[which];

	if (!bind_key(database, statement, record, problem))
		return false;
	if (sqlite3_bind_text(statement, 3, why, -1, SQLITE_STATIC) != SQLITE_OK)
		return database_fail_sqlite(database, problem);
	return run(database, which, problem) && database_remove(database, record, problem);
}

bool database_commit(struct database *database, uint64_t generation, struct store_problem *problem)
{
	sqlite3_stmt *statement = database->statements[SET_GENERATION];

	if (sqlite3_bind_int64(statement, 1, (sqlite3_int64)generation) != SQLITE_OK ||
	    sqlite3_bind_int64(statement, 2, database->n_names) != SQLITE_OK)
		return database_fail_sqlite(database, problem);
	if (!run(database, SET_GENERATION, problem) || !run(database, COMMIT, problem))
		return false;
	database->n_committed = database->n_names;
	return true;
}

void database_rollback(struct database *database)
{
	struct store_problem ignored; /* full disks roll back by themselves */

	database->n_names = database->n_committed;
	if (!sqlite3_get_autocommit(database->sqlite))
		(void)run(database, ROLLBACK, &ignored);
}
