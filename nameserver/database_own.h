/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_DATABASE_OWN_H
#define PYRITE_NS_DATABASE_OWN_H
/* The database from the inside, for the files database*.c. */
#include "database.h"

#include <sqlite3.h>

enum {
	APPLICATION_ID = 0x50794e73, /* "PyNs": what file(1) and we know the database by */
	SCHEMA_VERSION = 4
};

enum statement {
	BEGIN,
	PUT,
	REMOVE,
	SET_ASIDE,
	PUT_SHARED,
	REMOVE_SHARED,
	SET_ASIDE_SHARED,
	PUT_DEED,
	REMOVE_DEED,
	SET_ASIDE_DEED,
	SET_GENERATION,
	COMMIT,
	ROLLBACK,
	N_STATEMENTS
};

struct database {
	int fd; /* with our lock; closed last, because that ends SQLite's locks */
	char *path;
	sqlite3 *sqlite;
	sqlite3_stmt *statements[N_STATEMENTS];
	uint64_t generation;
	sqlite3_int64 n_names, n_committed; /* in all tables, now and as of the last commit */
	char verdict[256];                  /* of SQLite, at the start */
	struct database_loading *loading;   /* while names are loaded */
};

/* These write *problem and return false. */
__attribute__((format(printf, 3, 4))) bool database_fail(struct store_problem *problem, int code,
							 const char *format, ...);
/* SQLite's last error, as one of ours. */
bool database_fail_sqlite(struct database *database, struct store_problem *problem);
bool database_fail_damaged(const struct database *database, const char *how,
			   struct store_problem *problem);

bool database_is_whole(const struct database *database);
bool database_execute(struct database *database, const char *sql, struct store_problem *problem);
/* The one text that a statement gives, cut to ret. */
bool database_ask(struct database *database, const char *sql, char *ret, size_t size,
		  struct store_problem *problem);

/* pyrite_checksum() and pyrite_why_not(), for the statements of both files. Returns false when
 * memory is out. */
bool database_add_functions(struct database *database);
#endif
