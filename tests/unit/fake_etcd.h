/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_FAKE_ETCD_H
#define PYRITE_TEST_FAKE_ETCD_H
/*
 * What etcd does for its client (etcd/etcd.h), in this process and thread: one cluster, to which
 * any number of clients are connected. Calls are answered, and watches told, before they return,
 * unless they are held.
 */
#include "etcd/etcd.h"

/* Forgets everything: no client is open. */
void fake_etcd_reset(void);

/* Calls wait from now on. Returns how many do already. */
size_t fake_etcd_hold(void);
/* Those that wait are answered, in turn, and later ones at once. Returns how many waited. */
size_t fake_etcd_go(void);
/* The same of the news of watches. */
void fake_etcd_hold_news(void);
void fake_etcd_go_news(void);
/* The next transaction ends like that; is_done: it is executed all the same. */
void fake_etcd_fail_next(enum etcd_result result, bool is_done);
/* All calls end like that; ETCD_DONE: no longer. Clients were seen to work until then. */
void fake_etcd_fail(enum etcd_result result);
/* So many pages are read, and no others are answered; or then one ends like that, one is read, and
 * so on in turn. */
void fake_etcd_read_pages(size_t n, enum etcd_result then);
/* Deletes a key, and the watches are not told. */
void fake_etcd_delete_silently(const char *key);
void fake_etcd_put(const char *key, const char *value);
/* Watches are told that they are lost, once there is something that they should be told. */
void fake_etcd_compact(void);
/* A lease ends, with its keys. Returns how many. */
size_t fake_etcd_expire(int64_t lease);
/* All of them. */
size_t fake_etcd_expire_all(void);

const char *fake_etcd_get(const char *key); /* NULL: not there */
uint64_t fake_etcd_revision(void);
size_t fake_etcd_leases(void);
#endif
