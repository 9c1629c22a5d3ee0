/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_DATABASE_H
#define PYRITE_NS_DATABASE_H
/*
 * The records on disk, in SQLite. What is committed is there after a crash of the machine. One
 * thread at a time; no two processes at all, but others may read the file with SQLite's own tools.
 */
#include "store.h"

struct database;

/* Gets a record, borrowed. Returns false when memory is out. */
typedef bool (*database_row_cb)(const struct record *record, void *data);

/* Opens the database, or makes one, of mode 0600. Refuses one that is another program's, of a later
 * version, or open in another process. Returns: owned; NULL with *problem told. */
struct database *database_open(const char *path, struct store_problem *problem);
void database_close(struct database *database);

/* Whether a name server could open it, or make it, as far as can be told without touching it or a
 * name server that has it open: permissions, whose it is, its version. Returns false with *problem
 * told.
 */
bool database_check(const char *path, struct store_problem *problem);

/* The last change's number, as committed. */
uint64_t database_generation(const struct database *database);

/* These return false with *problem told; the transaction is then to be rolled back. */
/* Names that are not as they were written are set aside and told; refuses a database in which there
 * may be more damage than that. */
bool database_load(struct database *database, database_row_cb row, void *data, store_aside_cb aside,
		   void *aside_data, struct store_problem *problem);
bool database_begin(struct database *database, struct store_problem *problem);
bool database_put(struct database *database, const struct record *record, bool is_new,
		  struct store_problem *problem);
/* Removes a record that is there, but keeps it in the table set_aside. */
bool database_set_aside(struct database *database, const struct record *record, const char *why,
			struct store_problem *problem);
bool database_remove(struct database *database, const struct record *record,
		     struct store_problem *problem);
bool database_commit(struct database *database, uint64_t generation, struct store_problem *problem);
void database_rollback(struct database *database);
#endif
