/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_REPLICA_H
#define PYRITE_NS_REPLICA_H
/*
 * All names that are in etcd, in a store in memory. They are read page by page as they are at one
 * revision, and then changed as a watch tells. Where etcd has forgotten what the watch would tell
 * next, they are read again, and what is no longer there is removed; and since etcd 3.4 is known to
 * lose an event now and then, a page is read again every second in any case.
 *
 * etcd's thread puts what it is told into a queue. The owner's thread takes it out, in its order.
 */
#include "etcd/etcd.h"
#include "etcd_record.h"

struct replica;

struct replica_options {
	struct etcd *etcd; /* outlives it */
	const char *prefix;
	/* In etcd's thread, whenever there is something to take. */
	void (*wake)(void *data);
	/* Hears of names that are set aside: not served. In etcd's thread. */
	store_aside_cb aside;
	/* An owner is gone for all, or (is_gone false) there again. In the owner's thread. */
	void (*on_owner)(const uint8_t secret[SECRET_SIZE], bool is_gone, void *data);
	void *data;
};

/* Starts to read. Returns: owned; NULL when memory is out. */
struct replica *replica_new(const struct replica_options *options);
/* Nothing of etcd's comes in any more. Before etcd_close(). */
void replica_stop(struct replica *replica);
/* After etcd_close(). */
void replica_free(struct replica *replica);

/* In etcd's thread: up to which revision news have come. */
uint64_t replica_heard(const struct replica *replica);

/* ---- in the owner's thread ---- */

/* All names: never changed but by replica_take(), and by trials that are taken back. */
struct store *replica_store(struct replica *replica);

/* Takes over what has come, for some milliseconds. Returns whether there is more. *is_void: what
 * was told of changes is not in their order, or not all. */
bool replica_take(struct replica *replica, bool *is_void);

/* Changes that are taken over are told. */
void replica_listen(struct replica *replica, store_change_cb callback, void *data);

/* Up to which revision it is; 0: nothing was read yet. */
uint64_t replica_revision(const struct replica *replica);

/* At which revision the owner was said to be gone; 0: he was not. */
uint64_t replica_gone(struct replica *replica, const uint8_t secret[SECRET_SIZE]);

/* How many pages of names have come since they were last read from the beginning on. */
size_t replica_n_read(struct replica *replica);

/* Why it could not be read the last time; "". */
void replica_trouble(struct replica *replica, char *ret, size_t size);

/* To be called now and then: reads a page again, or what could not be read. */
void replica_check(struct replica *replica, int64_t now_ms);
#endif
