/* SPDX-License-Identifier: MIT */
/* From a message to slots, at the servant: everything lives in the call's arena. */
#include "wire/codec_internal.h"

/* What a message may become in memory. */
enum { MEMORY_FACTOR = 4, MEMORY_FLOOR = 1 << 20 };

size_t codec_limit(struct arena *arena, size_t n)
{
	size_t before = arena->budget;
	size_t share = n * MEMORY_FACTOR + MEMORY_FLOOR;

	if (share < before - arena->used)
		arena->budget = arena->used + share;
	return before;
}

static int fill_slots(const struct codec_message *message, const struct codec_seen *seen,
		      struct codec_fill *fill, union pyr__slot *ret)
{
	int status = 0;
	unsigned i;

	for (i = 0; status == 0 && i < message->n_fields; i++)
		status = codec_fill_slot(fill, &message->fields[i], &seen[i], &ret[i]);
	return status;
}

int codec_unpack(const struct codec_message *message, const uint8_t *data, size_t n,
		 struct arena *arena, union pyr__slot *ret, struct codec_problem *problem)
{
	struct codec_fill fill = { .arena = arena, .role = message->role, .problem = problem };
	const struct codec_seen *seen;
	size_t before;
	int status = codec_scan(message, data, n, problem);

	if (status < 0)
		return status;
	before = codec_limit(arena, n);
	seen = codec_survey(message, data, n, arena);
	status = seen ? fill_slots(message, seen, &fill, ret) : codec_fail_memory(problem);
	arena->budget = before;
	return status;
}
