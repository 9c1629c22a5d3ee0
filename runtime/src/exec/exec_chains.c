/* SPDX-License-Identifier: MIT */
#include "exec/exec_chains.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "exec/exec.h"

/* ---- lists ---- */

void exec_list_append(struct exec_list *list, struct exec_node *node, const uint8_t *chain)
{
	*node = (struct exec_node){ .prev = list->last, .chain = chain };
	if (list->last)
		list->last->next = node;
	else
		list->first = node;
	list->last = node;
}

void exec_list_prepend(struct exec_list *list, struct exec_node *node, const uint8_t *chain)
{
	*node = (struct exec_node){ .next = list->first, .chain = chain };
	if (list->first)
		list->first->prev = node;
	else
		list->last = node;
	list->first = node;
}

void exec_list_remove(struct exec_list *list, struct exec_node *node)
{
	if (node->next)
		node->next->prev = node->prev;
	else
		list->last = node->prev;
	if (node->prev)
		node->prev->next = node->next;
	else
		list->first = node->next;
	*node = (struct exec_node){ 0 };
}

struct exec_node *exec_list_pop(struct exec_list *list)
{
	struct exec_node *node = list->first;

	if (node)
		exec_list_remove(list, node);
	return node;
}

/* ---- buckets, about one for each call ---- */

static struct exec_bucket *bucket_of(struct exec_chains *c, const uint8_t *chain)
{
	struct exec_bucket *buckets = c->buckets ? c->buckets : c->few;
	uint64_t halves[2];

	memcpy(halves, chain, sizeof(halves));
	return &buckets[hash_mix(hash_mix(halves[0] ^ c->key) ^ halves[1]) & (c->n_buckets - 1)];
}

static void move_all(struct exec_chains *c, struct exec_bucket *from)
{
	struct exec_node *node;
	const uint8_t *chain;

	while ((node = from->calls.first)) {
		chain = node->chain;
		exec_list_remove(&from->calls, node);
		exec_list_append(&bucket_of(c, chain)->calls, node, chain);
	}
	while ((node = from->nests.first)) {
		chain = node->chain;
		exec_list_remove(&from->nests, node);
		exec_list_append(&bucket_of(c, chain)->nests, node, chain);
	}
}

/* Without memory the lists get longer, no more. */
static void grow(struct exec_chains *c)
{
	struct exec_bucket *old = c->buckets, *buckets;
	size_t n = c->n_buckets, i;

	buckets = calloc(4 * n, sizeof(*buckets));
	if (!buckets)
		return;
	c->buckets = buckets;
	c->n_buckets = 4 * n;
	for (i = 0; i < n; i++)
		move_all(c, old ? &old[i] : &c->few[i]);
	free(old);
}

static void prepare(struct exec_chains *c)
{
	if (c->n_buckets > 0)
		return;
	c->n_buckets = EXEC_BUCKETS;
	(void)random_bytes(&c->key, sizeof(c->key));
}

void exec_chains_add_call(struct exec_chains *c, struct exec_node *node, const uint8_t *chain,
			  bool is_first)
{
	prepare(c);
	if (++c->n_calls > c->n_buckets)
		grow(c);
	if (is_first)
		exec_list_prepend(&bucket_of(c, chain)->calls, node, chain);
	else
		exec_list_append(&bucket_of(c, chain)->calls, node, chain);
}

void exec_chains_remove_call(struct exec_chains *c, struct exec_node *node)
{
	exec_list_remove(&bucket_of(c, node->chain)->calls, node);
	c->n_calls--;
}

void exec_chains_add_nest(struct exec_chains *c, struct exec_node *node, const uint8_t *chain)
{
	prepare(c);
	if (++c->n_nests > c->n_buckets)
		grow(c);
	exec_list_prepend(&bucket_of(c, chain)->nests, node, chain);
}

void exec_chains_remove_nest(struct exec_chains *c, struct exec_node *node)
{
	exec_list_remove(&bucket_of(c, node->chain)->nests, node);
	c->n_nests--;
}

static struct exec_node *find(struct exec_chains *c, struct exec_node *at, const uint8_t *chain)
{
	for (; at; at = at->next) {
		c->n_looks++;
		if (memcmp(at->chain, chain, EXEC_CHAIN) == 0)
			return at;
	}
	return NULL;
}

struct exec_node *exec_chains_call(struct exec_chains *c, const uint8_t *chain)
{
	return c->n_calls > 0 ? find(c, bucket_of(c, chain)->calls.first, chain) : NULL;
}

struct exec_node *exec_chains_next(struct exec_chains *c, const struct exec_node *node)
{
	return find(c, node->next, node->chain);
}

struct exec_node *exec_chains_nest(struct exec_chains *c, const uint8_t *chain)
{
	return c->n_nests > 0 ? find(c, bucket_of(c, chain)->nests.first, chain) : NULL;
}

void exec_chains_forget_calls(struct exec_chains *c)
{
	struct exec_bucket *buckets = c->buckets ? c->buckets : c->few;
	size_t i;

	for (i = 0; i < c->n_buckets; i++)
		while (exec_list_pop(&buckets[i].calls))
			;
	c->n_calls = 0;
}

void exec_chains_fini(struct exec_chains *c)
{
	free(c->buckets);
}
