/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_ETCD_RECORD_H
#define PYRITE_NS_ETCD_RECORD_H
/*
 * How names stand in etcd, under a prefix such as "/pyrite/ns":
 *
 *     PREFIX/n/KEY    a record or deed, by its key in a store; JSON. Leased: with the owner's lease
 *     PREFIX/r/KEY    a leased record that was removed on purpose; with the same lease, so that it
 *                     is gone when its owner must know
 *     PREFIX/g/OWNER  an owner whose connection is gone; with his lease
 *     PREFIX/x/...    the client's own
 *
 * An owner has a lease for each time to live that he asked for. Its id is made of his secret and
 * the time, so every name server knows it without asking.
 */
#include "registry.h"

enum {
	ETCD_PREFIX_MAX = 200,
	ETCD_KEY_SIZE = ETCD_PREFIX_MAX + 4 + REGISTRY_KEY_SIZE,
	ETCD_VALUE_MAX = 65536, /* of a name, whatever its texts are written like */
	OWNER_TEXT = 33         /* of an owner's hash */
};

/* Writes prefix, kind and key, "/pyrite/ns/n/bank". Returns its length. */
size_t etcd_key(char ret[ETCD_KEY_SIZE], const char *prefix, char kind, const char *key);

/* How an owner is called where his secret is not to be told. */
void etcd_owner(char ret[OWNER_TEXT], const uint8_t secret[SECRET_SIZE]);
/* The lease of his names with this time to live; positive. */
int64_t etcd_lease_id(const uint8_t secret[SECRET_SIZE], uint32_t ttl_ms);

/* The value of a record or deed. Returns: owned, free(); NULL when memory is out. */
char *etcd_value(const struct record *record);
/* What is under key. Returns: owned, free(), its expires INT64_MAX; NULL with *problem told if it
 * is no record that these rules take. */
struct record *etcd_read_record(const char *key, const char *value, size_t n, uint64_t revision,
				struct registry_problem *problem);

/* The value of what is under "r" or "g": a secret. */
char *etcd_secret_value(const uint8_t secret[SECRET_SIZE]);
bool etcd_read_secret(const char *value, size_t n, uint8_t ret[SECRET_SIZE]);
#endif
