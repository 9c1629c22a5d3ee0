/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_STORE_H
#define PYRITE_NS_STORE_H
/*
 * Where the registry keeps its records: sorted by key, byte by byte. The key is the record's name,
 * or, if that is shared, "name uri": so all records of a name follow each other. Whose a name is
 * says its deed, a record with the key " name": before all names, none of which begins so. A store
 * knows no rules and no clock. One thread at a time: the owner's.
 *
 * What is put and removed is seen at once, until the owner has done what he wants done together and
 * calls when_safe(): then it is for the store to keep it, or to say why not. Others may change a
 * store, too: what they did is seen after settle().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECRET_SIZE = 16 };

/* One registration, or a deed. Its texts belong to the store; whoever puts a record lends them. */
struct record {
	const char *name, *uri;
	const char *key;         /* what the store makes of them; of records in it alone */
	const char *const *tags; /* sorted, each once */
	size_t n_tags;
	uint8_t secret[SECRET_SIZE];
	uint32_t ttl_ms; /* 0: persistent */
	int64_t expires; /* on the registry's clock, ms; INT64_MAX: never */
	uint64_t generation;
	bool is_orphan;    /* leased, but its owner's connection is gone */
	bool is_own;       /* the name server's own, which is nobody's to change */
	bool is_shared;    /* others may register the name beside it */
	const char *owner; /* of a deed: whose the name is, "cert:bank"; its uri is "". Else NULL */
};

/* How a change ended. */
struct store_problem {
	int code; /* enum pyr_status, positive; 0: it is safe */
	char text[512];
};

/* revision: the number of the changes; 0: they had theirs when they were made. PYR_ABORTED: others
 * changed what they were built upon; nothing has happened, and it may be tried again. */
typedef void (*store_safe_cb)(const struct store_problem *problem, uint64_t revision, void *data);

/* A registration or deed is not what it was; NULL: nothing was there, or is there now. Both are
 * the store's. */
struct store_change {
	const struct record *before, *after;
	uint64_t revision;
	bool is_revoked; /* removed on purpose */
};
typedef void (*store_change_cb)(const struct store_change *change, void *data);
typedef void (*store_wake_cb)(void *data);
typedef bool (*store_presence_cb)(const uint8_t *secret, void *data);

/* Hears of a record that is set aside: kept, where there is a database, but not served. */
typedef void (*store_aside_cb)(const char *name, const char *why, void *data);

struct store;

struct store_kind {
	/* Returns: the store's, valid until the record is replaced or removed; NULL: none. */
	const struct record *(*find)(struct store *store, const char *key);
	/* The first record whose key sorts after this, or is it if or_equal. Returns as find. */
	const struct record *(*next)(struct store *store, const char *key, bool or_equal);
	/* As next, of those that have the tag; how many have it. */
	const struct record *(*next_tagged)(struct store *store, const char *tag, const char *key,
					    bool or_equal);
	size_t (*count_tagged)(struct store *store, const char *tag);
	/* Calls back with each record, in order; that may touch them, and change nothing else. */
	void (*walk)(struct store *store, void (*each)(const struct record *record, void *data),
		     void *data);
	/* Adds or replaces, as change number record->generation; is_orphan: an orphan, whatever
	 * others of its owner's are. Returns false, with nothing changed, if it could not. */
	bool (*put)(struct store *store, const struct record *record);
	/* A lease is renewed, its owner is there; cheap, and not durable. */
	void (*touch)(struct store *store, const char *key, int64_t expires);
	/* The owner who knows the secret is gone: his leased names are orphans until they are
	 * touched or put again, or (is_gone false) he is there again. Costs the same however many
	 * there are. */
	void (*lose)(struct store *store, const uint8_t *secret, bool is_gone);
	/* The record that expires first, but for deeds; the same of deeds. Return as find. */
	const struct record *(*first_to_end)(struct store *store);
	const struct record *(*first_deed_to_end)(struct store *store);
	/* How many have expired by now, but for deeds; as many steps. */
	size_t (*count_ended)(struct store *store, int64_t now);
	/* Removes a record that is there, as change number generation. is_revoked: somebody wants
	 * that. Returns as put. */
	bool (*remove)(struct store *store, const char *key, uint64_t generation, bool is_revoked);
	/* Removes a record that is there, and keeps it where nothing finds it by itself. Returns as
	 * put. */
	bool (*set_aside)(struct store *store, const char *key, uint64_t generation,
			  const char *why);
	size_t (*count)(struct store *store);
	size_t (*count_deeds)(struct store *store); /* of them */
	/* Bytes of all records. */
	size_t (*bytes)(struct store *store);
	/* The last change's number. */
	uint64_t (*generation)(struct store *store);
	/* Takes back what could not be made safe, and takes over what others did; what find and
	 * next returned is then no longer valid. To be called before records are looked at. Returns
	 * whether anything was taken back. */
	bool (*settle)(struct store *store);
	/* Calls back, once, when every change made so far is safe or has been given up: here and
	 * now if there is none, else from a thread of the store, or in settle(). */
	void (*when_safe)(struct store *store, store_safe_cb callback, void *data);
	/* Hears of every change that is no longer taken back without being told; not in
	 * when_safe(). callback: NULL: nobody. */
	void (*listen)(struct store *store, store_change_cb callback, void *data);

	/* Of a store that others change, too; else NULL, all of them. */

	/* As when_safe(), once everything is seen that was safe anywhere before this was called. */
	void (*catch_up)(struct store *store, store_safe_cb callback, void *data);
	/* Calls back from any thread whenever settle() has something to do. */
	void (*set_wake)(struct store *store, store_wake_cb callback, void *data);
	/* For how long it has not been known what others do; 0: it is known. */
	int64_t (*age_ms)(struct store *store);
	/* What number changes are counted in: one for all that see the same changes. */
	uint64_t (*epoch)(struct store *store);
	/* Tells who knows whether an owner, who is said to be gone, is here. */
	void (*set_presence)(struct store *store, store_presence_cb is_here, void *data);
	/* What is not safe yet is made so before. */
	void (*free)(struct store *store);
};

struct store {
	const struct store_kind *kind;
};

/* A record in one block. Returns: owned, free(); NULL when memory is out. */
struct record *record_copy(const struct record *record);
/* What it takes in memory, with all that leads to it. */
size_t record_cost(const struct record *record);

/* Keeps everything in memory. Returns: owned; NULL when memory is out. */
struct store *store_memory_new(void);

/* Keeps everything in memory, and in the database at path besides, which is made if there is none.
 * aside hears of names that are damaged. Returns: owned; NULL with *problem told. */
struct store *store_sqlite_new(const char *path, store_aside_cb aside, void *data,
			       struct store_problem *problem);

/* Where names are kept in etcd. Texts are copied; NULL: none. */
struct store_etcd_options {
	const char *endpoints;
	const char *prefix; /* NULL: STORE_ETCD_PREFIX */
	const char *ca, *cert, *key;
	const char *user, *password;
	uint32_t start_ms; /* how long to wait until it has been read */
	bool only_checks;  /* it is not to be used: when that is over, a part will do */
};
#define STORE_ETCD_PREFIX "/pyrite/ns"

/* A replica of what is in etcd, which others change, too: see store_etcd.c. Returns as
 * store_sqlite_new(). */
struct store *store_etcd_new(const struct store_etcd_options *options, store_aside_cb aside,
			     void *data, struct store_problem *problem);
#endif
