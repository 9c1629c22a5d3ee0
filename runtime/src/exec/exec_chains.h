/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_EXEC_CHAINS_H
#define PYRITE_EXEC_CHAINS_H
/*
 * What is of a chain of calls, found without a look at what is of others: queued calls, and methods
 * that wait. Each is linked in by a node of its own. Not locked.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: it is in no list. */
struct exec_node {
	struct exec_node *next, *prev;
	const uint8_t *chain; /* EXEC_CHAIN bytes, which stay the same while it is in a list */
};

struct exec_list {
	struct exec_node *first, *last;
};

void exec_list_append(struct exec_list *list, struct exec_node *node, const uint8_t *chain);
void exec_list_prepend(struct exec_list *list, struct exec_node *node, const uint8_t *chain);
void exec_list_remove(struct exec_list *list, struct exec_node *node);
/* Its first, removed; NULL: it is empty. */
struct exec_node *exec_list_pop(struct exec_list *list);

enum { EXEC_BUCKETS = 16 /* at first */ };

struct exec_bucket {
	struct exec_list calls; /* in the order in which they start */
	struct exec_list nests; /* the last one first */
};

struct exec_chains {
	struct exec_bucket *buckets; /* NULL: `few` */
	struct exec_bucket few[EXEC_BUCKETS];
	size_t n_buckets; /* 0: nothing was put in yet */
	size_t n_calls, n_nests;
	uint64_t key;     /* peers choose chains, but not which of them share a bucket */
	uint64_t n_looks; /* nodes that were looked at so far */
};

void exec_chains_add_call(struct exec_chains *chains, struct exec_node *node, const uint8_t *chain,
			  bool is_first);
void exec_chains_remove_call(struct exec_chains *chains, struct exec_node *node);
void exec_chains_add_nest(struct exec_chains *chains, struct exec_node *node, const uint8_t *chain);
void exec_chains_remove_nest(struct exec_chains *chains, struct exec_node *node);
/* The first of that chain, and the next one; NULL: there is none. */
struct exec_node *exec_chains_call(struct exec_chains *chains, const uint8_t *chain);
struct exec_node *exec_chains_next(struct exec_chains *chains, const struct exec_node *node);
struct exec_node *exec_chains_nest(struct exec_chains *chains, const uint8_t *chain);
/* Takes all calls out. */
void exec_chains_forget_calls(struct exec_chains *chains);
/* Nothing is in it. */
void exec_chains_fini(struct exec_chains *chains);
#endif
