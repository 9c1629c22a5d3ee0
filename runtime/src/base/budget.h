/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_BUDGET_H
#define PYRITE_BUDGET_H
/*
 * What the other end of a connection can make this one hold: one count of bytes for each
 * connection, whichever links, calls or streams they are of, and one pool for all connections of a
 * daemon. Whoever keeps something for a peer charges it first and releases it with the same number;
 * what cannot be charged is refused.
 *
 * A budget takes from its pool by chunks, so that a charge is one addition. Its first share is not
 * the pool's: a daemon whose memory others have used up still serves who needs little. No locks;
 * any thread. All functions take NULL for a budget or pool without bounds.
 */
#include <stdbool.h>
#include <stddef.h>

enum {
	BUDGET_SHARE = 256 << 10, /* bytes that each may hold whatever the pool says */
	BUDGET_CHUNK = 1 << 20
};

struct budget_pool; /* counted: its daemon's, and each budget's */
struct budget_pool *budget_pool_new(size_t max);
void budget_pool_unref(struct budget_pool *pool);
/* For what is held but by no budget. Returns false beyond the pool's bound. */
bool budget_pool_take(struct budget_pool *pool, size_t n);
void budget_pool_give(struct budget_pool *pool, size_t n);

struct budget;
/* One reference; NULL when memory is out. */
struct budget *budget_new(struct budget_pool *pool, size_t max);
void budget_ref(struct budget *budget);
void budget_unref(struct budget *budget);

/* Returns false, with nothing charged, if it would be too much. */
bool budget_charge(struct budget *budget, size_t n);
void budget_release(struct budget *budget, size_t n);
/* Charges what is held already. Returns whether it is within the bounds. */
bool budget_add(struct budget *budget, size_t n);
/* Whether n more would be, as far as the connection goes. */
bool budget_fits(const struct budget *budget, size_t n);
/* What is charged now, and the most. */
size_t budget_used(const struct budget *budget);
size_t budget_max(const struct budget *budget);

/* Places for what there are few of: links. Returns false if so many are taken. */
bool budget_enter(struct budget *budget, unsigned most);
void budget_leave(struct budget *budget);

/* The same for plain calls that were not answered; what is refused counts until it is over. */
bool budget_call(struct budget *budget, unsigned most);
void budget_call_over(struct budget *budget);

/* Counts the calls that gRPC core has handed over, refused ones too; may wrap around. */
void budget_count_handed(struct budget *budget);
unsigned budget_n_handed(const struct budget *budget);

/* Bytes that a peer may make this end hold over one connection, if one message may have so many. */
size_t budget_of_connection(size_t max_message);
#endif
