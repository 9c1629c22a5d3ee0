/* SPDX-License-Identifier: MIT */
/*
 * Results at the caller: numbers through the pointer, everything else one malloc'ed block that the
 * caller frees at once. A first fill in an arena checks all of it and measures each block; only
 * when every block has been had and filled is anything stored.
 */
#include "wire/codec_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST = 1024, /* bytes of arena on the stack: enough for a few scalars and short strings */
	LARGE = 32768 /* bytes of a block that is cheaper zeroed piece by piece */
};

struct result {
	union pyr__slot slot;
	size_t size; /* of the block; 0 = none */
	void *block; /* its start, which is also what the slot then points to */
};

static bool is_number(const struct codec_field *field)
{
	return field->by_value && field->table->kind != PYR__STRING;
}

static int measure(const struct codec_message *message, const struct codec_seen *seen,
		   struct codec_fill *fill, struct result *results)
{
	size_t before;
	unsigned i;
	int status;

	for (i = 0; i < message->n_fields; i++) {
		before = fill->used;
		status = codec_fill_slot(fill, &message->fields[i], &seen[i], &results[i].slot);
		if (status < 0)
			return status;
		results[i].size = fill->used - before;
	}
	return 0;
}

static void *new_block(struct codec_fill *fill, size_t size)
{
	void *ret;

	fill->borrows = fill->measures = false;
	fill->is_dirty = size >= LARGE;
	if (!fill->is_dirty)
		return calloc(1, size);
	ret = malloc(size);
	block_advise(ret, size);
	return ret;
}

/* A reference that lies in no block. */
static bool is_bare(const struct codec_field *field)
{
	return field->reference && !field->many && field->value->kind != PYR__ANY;
}

/* Tells who takes references where those lie that were taken since the last time. */
static int settle(struct codec_fill *fill, void *block)
{
	if (!fill->taker || fill->taker->kind->settle(fill->taker, block))
		return 0;
	return codec_fail_memory(fill->problem);
}

static int take_bare(struct codec_fill *fill, const struct codec_field *field,
		     const struct codec_seen *seen, union pyr__slot *ret)
{
	int status;

	fill->measures = false;
	status = codec_fill_slot(fill, field, seen, ret);
	return status == 0 ? settle(fill, NULL) : status;
}

/* Fills again, into a block each; what the first fill left in the arena is forgotten. */
static int fill_blocks(const struct codec_message *message, const struct codec_seen *seen,
		       struct codec_fill *fill, void *const *out, struct result *results)
{
	unsigned i;
	int status = 0;

	for (i = 0; status == 0 && i < message->n_fields; i++) {
		if (!out[i])
			continue;
		if (is_bare(&message->fields[i]) && seen[i].n > 0) {
			status = take_bare(fill, &message->fields[i], &seen[i], &results[i].slot);
			continue;
		}
		if (results[i].size == 0)
			continue;
		results[i].block = new_block(fill, results[i].size);
		if (!results[i].block)
			return codec_fail_memory(fill->problem);
		fill->block = results[i].block;
		fill->block_end = fill->block + results[i].size;
		status = codec_fill_slot(fill, &message->fields[i], &seen[i], &results[i].slot);
		if (status == 0)
			status = settle(fill, results[i].block);
	}
	return status;
}

static void store(const struct codec_field *field, const union pyr__slot *slot, void *out)
{
	if (out && is_number(field))
		memcpy(out, slot, codec_natural_size(field->table));
	else if (out)
		memcpy(out, &slot->p, sizeof(slot->p));
}

void codec_store(const struct codec_message *message, const union pyr__slot *slots,
		 void *const *out)
{
	unsigned i;

	for (i = 0; i < message->n_fields; i++)
		store(&message->fields[i], &slots[i], out[i]);
}

static int unpack_results(const struct codec_message *message, const struct codec_seen *seen,
			  struct codec_fill *fill, void *const *out)
{
	struct result *results =
		arena_alloc(fill->arena, message->n_fields * sizeof(struct result));
	unsigned i;
	int status;

	if (!results)
		return codec_fail_memory(fill->problem);
	status = measure(message, seen, fill, results);
	fill->used = fill->beside = 0; /* what has been measured may be had once more */
	if (status == 0)
		status = fill_blocks(message, seen, fill, out, results);
	for (i = 0; status == 0 && i < message->n_fields; i++)
		store(&message->fields[i], &results[i].slot, out[i]);
	for (i = 0; status < 0 && i < message->n_fields; i++)
		free(results[i].block);
	return status;
}

static bool unpack_flat(const struct codec_message *message, const uint8_t *data, size_t n,
			void *const *out)
{
	union pyr__slot slots[CODEC_FLAT_MAX];

	if (!codec_flat_get(message, data, n, slots))
		return false;
	codec_store(message, slots, out);
	return true;
}

/* One struct, whose message it is. */
static int take_whole(const struct codec_message *message, struct codec_taker *taker,
		      struct span data, uint32_t max_message, void *const *out,
		      struct codec_problem *problem)
{
	void *value;
	int status;

	if (!out[0])
		return codec_scan(message->whole, data.p, data.n, problem);
	status = codec_take_value_here(message->fields[0].table->type, taker, data, max_message,
				       &value, problem);
	if (status == 0)
		memcpy(out[0], &value, sizeof(value));
	return status;
}

int codec_take_results_here(const struct codec_message *message, struct codec_taker *taker,
			    struct span data, uint32_t max_message, void *const *out,
			    struct codec_problem *problem)
{
	struct codec_fill fill = { .role = message->role, .problem = problem, .taker = taker };
	_Alignas(16) uint8_t first[FIRST];
	struct codec_seen *seen;
	struct arena arena;
	int status;

	if (message->flat && unpack_flat(message, data.p, data.n, out))
		return 0;
	if (message->whole)
		return take_whole(message, taker, data, max_message, out, problem);
	status = codec_scan(message, data.p, data.n, problem);
	if (status < 0)
		return status;
	arena_init(&arena, first, sizeof(first));
	fill.arena = &arena;
	fill.borrows = fill.measures = true;
	fill.limit = codec_memory_max(max_message);
	seen = codec_survey(message, data.p, data.n, &arena);
	status = seen ? unpack_results(message, seen, &fill, out) : codec_fail_memory(problem);
	arena_clear(&arena);
	return status;
}

static int unpack_value(const struct codec_message *message, const struct pyr__type *type,
			struct span data, struct codec_fill *fill, void **ret)
{
	uint8_t *block;
	int status = codec_fill_value(fill, message, type, data, ret);

	if (status < 0)
		return status;
	block = new_block(fill, fill->used);
	if (!block)
		return codec_fail_memory(fill->problem);
	fill->block = block;
	fill->block_end = block + fill->used;
	fill->used = fill->beside = 0;
	status = codec_fill_value(fill, message, type, data, ret);
	if (status == 0)
		status = settle(fill, block);
	if (status < 0)
		free(block);
	return status;
}

int codec_take_value_here(const struct pyr__type *type, struct codec_taker *taker, struct span data,
			  uint32_t max_message, void **ret, struct codec_problem *problem)
{
	const struct codec_message *message = codec_type_get(type);
	struct codec_fill fill = { .role = "member", .problem = problem, .taker = taker };
	_Alignas(16) uint8_t first[FIRST];
	struct arena arena;
	void *value;
	int status;

	if (!message)
		return codec_fail_memory(problem);
	if ((status = codec_scan(message, data.p, data.n, problem)) < 0)
		return status;
	arena_init(&arena, first, sizeof(first));
	fill.arena = &arena;
	fill.borrows = fill.measures = true;
	fill.limit = codec_memory_max(max_message);
	status = unpack_value(message, type, data, &fill, &value);
	arena_clear(&arena);
	if (status == 0)
		*ret = value;
	return status;
}
