/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_STORAGE_H
#define PYRITE_NS_STORAGE_H
/*
 * Which store the user asked for: "memory", "sqlite" (in the user's state folder), "sqlite:PATH" or
 * "etcd".
 */
#include <limits.h>

#include "store.h"

#define STORAGE_MEMORY "memory"
#define STORAGE_SQLITE "sqlite"
#define STORAGE_ETCD   "etcd"

struct storage {
	bool is_etcd;
	char path[PATH_MAX]; /* of the database; "": there is none */
	struct store_etcd_options etcd;
};

bool storage_is_known(const char *text);

/* What is meant; makes the state folder if there is none. etcd: what is to be known of that.
 * Returns 0 or minus a status with *problem told. */
int storage_find(const char *text, const struct store_etcd_options *etcd, struct storage *ret,
		 struct store_problem *problem);

/* What people call it. */
const char *storage_name(const struct storage *storage);

/* Whether it could be opened: see database_check(). etcd is asked. */
bool storage_check(const struct storage *storage, struct store_problem *problem);

/* aside: see store_sqlite_new(). Returns: owned; NULL with *problem told. */
struct store *storage_open(const struct storage *storage, store_aside_cb aside, void *data,
			   struct store_problem *problem);
#endif
