/* SPDX-License-Identifier: MIT */
/*
 * A message of a link: its frames are read, with all that repeats in them, and what was read is
 * written and read again. What frames mean one after the other is fuzz_link's and fuzz_lanes's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/annotation.h"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum annotation_field fields[] = { ANNOTATIONS_OF_REPLY, ANNOTATIONS_OF_BIND,
						ANNOTATIONS_OF_ERROR, ANNOTATIONS_OF_CALL };

static void read_repeated(const struct frame *frame)
{
	struct buf operations = { 0 }, copied = { 0 };
	const struct pyr_annotation *list = NULL;
	struct arena arena;
	size_t i, n;

	frame_copy_operations(frame->body, &operations);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (annotations_problem(frame->body, fields[i]))
			continue;
		arena_init(&arena, NULL, 0);
		n = annotations_read(frame->body, fields[i], &arena, &list);
		if (n > ANNOTATIONS_MAX || (n > 0 && !annotation_find(list, n, list[0].key)))
			abort();
		annotations_copy(frame->body, fields[i], &copied);
		arena_clear(&arena);
	}
	buf_free(&operations);
	buf_free(&copied);
}

/* Its numbers and texts alone: what repeats is in the body, in an order of its own. */
static void write_again(struct frame *frame)
{
	struct buf written = { 0 };
	struct frame same;
	const uint8_t *at, *end;

	frame->body = (struct span){ 0 };
	if (!frame_append(&written, frame))
		abort();
	at = written.data;
	end = at + written.n;
	if (frame_size(at, written.n) != written.n || frame_read(&at, end, &same) != 1)
		abort();
	if (same.type != frame->type || same.number != frame->number ||
	    same.payload.n != frame->payload.n || frame_read(&at, end, &same) != 0)
		abort();
	buf_free(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	struct frame frame;

	(void)frame_size(data, size);
	while (frame_read(&data, end, &frame) > 0) {
		read_repeated(&frame);
		if (frame.type != FRAME_UNKNOWN && !frame.annotation.p)
			write_again(&frame);
	}
	return 0;
}
