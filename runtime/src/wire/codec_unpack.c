/* SPDX-License-Identifier: MIT */
/* From a message to slots, at the servant: everything lives in the call's arena. */
#include "wire/codec_internal.h"

#include <stdio.h>

/*
 * A bound that goes by the bytes of the message would depend on its values: those that are zero or
 * empty take none. So it goes by what the end takes at most.
 */
enum { MEMORY_FACTOR = 4, MEMORY_FLOOR = 1 << 20 };

size_t codec_memory_max(uint32_t max_message)
{
	return (size_t)max_message * MEMORY_FACTOR + MEMORY_FLOOR;
}

bool codec_is_too_large(const struct codec_packer *packer, uint32_t max_message, char *text,
			size_t n)
{
	size_t most = codec_memory_max(max_message);

	if (packer->size > max_message)
		snprintf(text, n, "of %zu bytes, the maximum is %u", packer->size, max_message);
	else if (packer->memory > most)
		snprintf(text, n, "that takes %zu bytes of memory, the maximum is %zu",
			 packer->memory, most);
	else
		return false;
	return true;
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

/* One struct, whose message it is. */
static int take_whole(const struct codec_message *message, struct span data,
		      struct codec_fill *fill, union pyr__slot *ret)
{
	void *value;
	int status = codec_scan(message->whole, data.p, data.n, fill->problem);

	if (status == 0)
		status = codec_fill_value(fill, message->whole, message->fields[0].table->type,
					  data, &value);
	if (status == 0)
		ret->p = value;
	return status;
}

int codec_take(const struct codec_message *message, struct codec_taker *taker, struct span data,
	       bool data_lasts, uint32_t max_message, struct arena *arena, union pyr__slot *ret,
	       struct codec_problem *problem)
{
	struct codec_fill fill = { .arena = arena, .role = message->role, .problem = problem };
	const struct codec_seen *seen;
	int status;

	if (message->flat && codec_flat_get(message, data.p, data.n, ret))
		return 0;
	fill.limit = codec_memory_max(max_message);
	fill.taker = taker;
	fill.borrows = data_lasts;
	if (message->whole)
		return take_whole(message, data, &fill, ret);
	status = codec_scan(message, data.p, data.n, problem);
	if (status < 0)
		return status;
	seen = codec_survey(message, data.p, data.n, arena);
	return seen ? fill_slots(message, seen, &fill, ret) : codec_fail_memory(problem);
}
