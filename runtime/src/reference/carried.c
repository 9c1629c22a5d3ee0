/* SPDX-License-Identifier: MIT */
#include "reference/carried.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "reference/references.h"

/* Those of one message. Blocks that were joined are freed together; their references make one list.
 */
struct block_of_carried {
	struct block_of_carried *next;
	uint64_t mark; /* in a queue */
	size_t n;
	struct codec_carried all[];
};

static struct block_of_carried *block_of(const struct codec_carried *kept)
{
	return kept ? (struct block_of_carried *)((char *)kept -
						  offsetof(struct block_of_carried, all))
		    : NULL;
}

static struct block_of_carried *new_block(size_t n)
{
	struct block_of_carried *block = malloc(sizeof(*block) + n * sizeof(block->all[0]));

	if (!block)
		return NULL;
	*block = (struct block_of_carried){ NULL, 0, 0 };
	return block;
}

static void add(struct block_of_carried *block, struct reference *reference)
{
	struct codec_carried *at = &block->all[block->n++];

	*at = (struct codec_carried){ NULL, reference };
	if (block->n > 1)
		at[-1].next = at;
}

const struct codec_carried *carried_keep(const struct codec_carried *carried, bool *ok)
{
	const struct codec_carried *at;
	struct block_of_carried *block;
	size_t n = 0;

	*ok = true;
	for (at = carried; at; at = at->next)
		n++;
	if (n == 0)
		return NULL;
	block = new_block(n);
	*ok = block;
	for (at = carried; block && at; at = at->next)
		add(block, reference_ref(at->reference));
	return block ? block->all : NULL;
}

/* Of its interface nothing is known: it is handed on, and not looked at. */
static struct reference *handed_on(const struct brought *brought)
{
	struct import *import = brought->import;
	struct reference *reference = calloc(1, sizeof(*reference));

	if (!reference)
		return NULL;
	reference->refs = 1;
	if (brought->object && !brought->object->stands_for)
		reference_hold(reference->object = brought->object);
	else
		reference->import = import_ref(import ? import : brought->object->stands_for);
	reference->has_id = true;
	memcpy(reference->id, brought->name, REFERENCE_ID);
	return reference;
}

const struct codec_carried *carried_of_brought(const struct import_list *list, bool *ok)
{
	unsigned n = list ? list->n : 0, i;
	struct block_of_carried *block = n > 0 ? new_block(n) : NULL;
	struct reference *reference;

	*ok = n == 0 || block;
	for (i = 0; *ok && i < n; i++) {
		if (!list->all[i].object && !list->all[i].import)
			continue; /* it was said to come home, and is not here */
		if (list->all[i].has_address)
			continue; /* it needs nobody who stands in */
		reference = handed_on(&list->all[i]);
		if (reference)
			add(block, reference);
		*ok = reference;
	}
	if (*ok && block && block->n > 0)
		return block->all;
	if (block && block->n > 0)
		carried_drop(block->all);
	else
		free(block);
	return NULL;
}

void carried_join(const struct codec_carried **list, const struct codec_carried *kept)
{
	struct block_of_carried *block = block_of(kept);

	if (!block)
		return;
	while (block->next)
		block = block->next;
	block->next = block_of(*list);
	block->all[block->n - 1].next = *list;
	*list = kept;
}

void carried_put(struct carried_queue *queue, const struct codec_carried *kept, uint64_t mark)
{
	struct block_of_carried *block = block_of(kept);

	if (!block)
		return;
	block->mark = mark;
	*(queue->first ? &queue->last->next : &queue->first) = block;
	queue->last = block;
}

const struct codec_carried *carried_pop(struct carried_queue *queue, uint64_t until)
{
	struct block_of_carried *block = queue->first;

	if (!block || block->mark > until)
		return NULL;
	queue->first = block->next;
	block->next = NULL;
	return block->all;
}

void carried_drop(const struct codec_carried *kept)
{
	struct block_of_carried *block, *next;
	size_t i;

	for (block = block_of(kept); block; block = next) {
		next = block->next;
		for (i = 0; i < block->n; i++)
			reference_unref(block->all[i].reference);
		free(block);
	}
}

/* ---- what an error holds ---- */

struct held_by_error {
	struct error_held base;
	const struct codec_carried *kept;
};

static void free_held(struct error_held *base)
{
	struct held_by_error *held = (struct held_by_error *)base;

	carried_drop(held->kept);
	free(held);
}

struct error_held *carried_hold(const struct codec_carried *kept)
{
	struct held_by_error *held = kept ? malloc(sizeof(*held)) : NULL;

	if (!held) {
		carried_drop(kept);
		return NULL;
	}
	*held = (struct held_by_error){ { 1, free_held }, kept };
	return &held->base;
}

const struct codec_carried *carried_held(const struct error_held *held)
{
	return held ? ((const struct held_by_error *)held)->kept : NULL;
}
