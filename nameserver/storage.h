/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_STORAGE_H
#define PYRITE_NS_STORAGE_H
/*
 * Which store the user asked for: "memory", "sqlite" (in the user's state folder) or "sqlite:PATH".
 */
#include "store.h"

#define STORAGE_MEMORY "memory"
#define STORAGE_SQLITE "sqlite"

bool storage_is_known(const char *text);

/* Where the database is, "" for none; makes the state folder if there is none. Returns 0 or minus a
 * status with *problem told. */
int storage_find(const char *text, char *ret, size_t size, struct store_problem *problem);

/* Whether the storage at path could be opened: see database_check(). */
bool storage_check(const char *path, struct store_problem *problem);

/* aside: see store_sqlite_new(). Returns: owned; NULL with *problem told. */
struct store *storage_open(const char *path, store_aside_cb aside, void *data,
			   struct store_problem *problem);
#endif
