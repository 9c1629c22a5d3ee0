/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_STORE_H
#define PYRITE_NS_STORE_H
/*
 * Where the registry keeps its records: sorted by name, byte by byte. A store knows no rules and no
 * clock. One thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECRET_SIZE = 16 };

/* One registration. Its texts belong to the store; whoever puts a record lends them. */
struct record {
	const char *name, *uri;
	uint8_t secret[SECRET_SIZE];
	uint32_t ttl_ms; /* 0: persistent */
	int64_t expires; /* on the registry's clock, ms; INT64_MAX: never */
	uint64_t generation;
	bool is_orphan; /* leased, but its owner's connection is gone */
};

struct store;

struct store_kind {
	/* Returns: the store's, valid until the record is replaced or removed; NULL: none. */
	const struct record *(*find)(struct store *store, const char *name);
	/* The first record whose name sorts after name, or is it if or_equal. Returns as find. */
	const struct record *(*next)(struct store *store, const char *name, bool or_equal);
	/* Adds or replaces. Returns false, with nothing changed, if it could not. */
	bool (*put)(struct store *store, const struct record *record);
	/* What changes while a lease lives; cheap, and not necessarily durable. */
	void (*touch)(struct store *store, const char *name, int64_t expires, bool is_orphan);
	void (*remove)(struct store *store, const char *name);
	size_t (*count)(struct store *store);
	void (*free)(struct store *store);
};

struct store {
	const struct store_kind *kind;
};

/* Keeps everything in memory. Returns: owned; NULL when memory is out. */
struct store *store_memory_new(void);
#endif
