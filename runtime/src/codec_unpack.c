/* SPDX-License-Identifier: MIT */
/*
 * From a message to slots, at the servant: scan, strip what is unknown, let protobuf-c unpack into
 * the arena, then look over what arrived.
 */
#include "codec_internal.h"

#include <stdio.h>
#include <string.h>

/* What a message may take in memory, protobuf-c's bookkeeping included: see docs/limits.md. */
enum { MEMORY_FACTOR = 4, MEMORY_FLOOR = 1 << 20 };

struct allocator {
	struct arena *arena;
	bool failed;
};

static void *allocate(void *data, size_t n)
{
	struct allocator *allocator = data;
	void *block = arena_alloc_raw(allocator->arena, n);

	if (!block)
		allocator->failed = true;
	return block;
}

static void release(void *data, void *block)
{
	(void)data;
	(void)block; /* the arena's, until it is cleared */
}

size_t codec_limit(struct arena *arena, size_t n)
{
	size_t before = arena->budget;
	size_t share = n * MEMORY_FACTOR + MEMORY_FLOOR;

	if (share < before - arena->used)
		arena->budget = arena->used + share;
	return before;
}

static int unpack_clean(const struct codec_message *message, const uint8_t *data, size_t n,
			struct arena *arena, const ProtobufCMessage **ret,
			struct codec_problem *problem)
{
	struct allocator state = { arena, false };
	ProtobufCAllocator allocator = { allocate, release, &state };

	*ret = protobuf_c_message_unpack(&message->pb, &allocator, n, data);
	if (*ret)
		return 0;
	if (state.failed)
		return codec_fail(problem, PYR_RESOURCE_EXHAUSTED, "", NULL,
				  "of %zu bytes would take too much memory", n);
	return codec_fail(problem, PYR_INVALID_ARGUMENT, "", NULL, "is malformed");
}

int codec_unpack_shadow(const struct codec_message *message, const uint8_t *data, size_t n,
			struct arena *arena, const ProtobufCMessage **ret,
			struct codec_problem *problem)
{
	size_t before;
	uint8_t *copy;
	bool dirty;
	int status = codec_scan(message, data, n, &dirty, problem);

	if (status < 0)
		return status;
	if (dirty) {
		copy = arena_alloc_raw(arena, n);
		if (!copy)
			return codec_fail_memory(problem);
		n = codec_strip(message, data, n, copy);
		data = copy;
	}
	before = codec_limit(arena, n);
	status = unpack_clean(message, data, n, arena, ret, problem);
	arena->budget = before;
	return status;
}

int codec_direct_slots(const struct codec_message *message, const ProtobufCMessage *shadow,
		       union pyr__slot *ret, struct codec_problem *problem)
{
	const struct codec_field *field;
	union pyr__slot *slot;
	struct codec_path path = { NULL, NULL, SIZE_MAX };
	unsigned i;

	if (message->n_fields > 0)
		memcpy(ret, shadow + 1, message->n_fields * sizeof(*ret));
	for (i = 0; i < message->n_fixups; i++) {
		field = message->fixups[i];
		slot = &ret[field - message->fields];
		path.name = field->name;
		if (field->table->kind == PYR__STRING) {
			if (field->table->bound > 0 && strlen(slot->s) > field->table->bound)
				return codec_fail(problem, PYR_INVALID_ARGUMENT, message->role,
						  &path, "is longer than %u bytes",
						  field->table->bound);
		} else if (!codec_narrow(field->table->kind, codec_at(shadow, field->offset),
					 slot)) {
			return codec_fail_range(problem, message->role, &path, field->table->kind,
						codec_at(shadow, field->offset));
		}
	}
	return 0;
}

int codec_unpack(const struct codec_message *message, const uint8_t *data, size_t n,
		 struct arena *arena, union pyr__slot *ret, struct codec_problem *problem)
{
	struct codec_fill fill = { .arena = arena, .role = message->role, .problem = problem };
	const ProtobufCMessage *shadow;
	size_t before;
	unsigned i;
	int status = codec_unpack_shadow(message, data, n, arena, &shadow, problem);

	if (status < 0)
		return status;
	if (message->direct)
		return codec_direct_slots(message, shadow, ret, problem);
	before = codec_limit(arena, n);
	for (i = 0; status == 0 && i < message->n_fields; i++)
		status = codec_fill_slot(&fill, &message->fields[i], shadow, &ret[i]);
	arena->budget = before;
	return status;
}
