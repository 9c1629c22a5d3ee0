/* SPDX-License-Identifier: MIT */
/*
 * Reads a message from a peer before protobuf-c does: protobuf-c recurses as deep as the sender
 * likes, keeps every field it does not know, refuses a known one of another wire type, and takes
 * any bytes for a string. One loop with a stack of its own, nothing allocated. It is as strict as
 * protobuf-c's reader or stricter, so what passes here fails there only for want of memory.
 */
#include "codec_internal.h"

#include <limits.h>
#include <string.h>

struct frame {
	const struct codec_message *message;
	const uint8_t *end;
	const struct codec_field *field; /* the last one met: next guess, and the path of errors */
	size_t index;                    /* how often in a row */
	unsigned next;                   /* where in by_id to look first */
	uint8_t *prefix;                 /* stripping: of the copy */
	size_t width;                    /* of the prefix */
};

struct scan {
	const uint8_t *at;
	uint8_t *dst; /* stripping: end of the copy; NULL: checking */
	bool dirty;
	unsigned depth;
	struct codec_problem *problem;
	struct frame stack[CODEC_DEPTH + 1];
};

struct value {                                /* of one field, as found */
	const uint8_t *start, *payload, *end; /* start: its tag */
	size_t width;                         /* of the length prefix */
	uint32_t id;
	uint8_t wire;
};

static int fail_at(struct scan *scan, unsigned level, const struct codec_path *path,
		   const char *what)
{
	const struct frame *top = &scan->stack[scan->depth];
	struct codec_path here = { path, NULL, SIZE_MAX };

	if (level > scan->depth || !scan->stack[level].field)
		return codec_fail(scan->problem, PYR_INVALID_ARGUMENT, scan->stack[0].message->role,
				  path, "%s", what);
	here.name = scan->stack[level].field->name;
	if (scan->stack[level].field->many)
		here.index = scan->stack[level].index;
	if (top == &scan->stack[level])
		return codec_fail(scan->problem, PYR_INVALID_ARGUMENT, scan->stack[0].message->role,
				  &here, "%s", what);
	return fail_at(scan, level + 1, &here, what);
}

static int fail(struct scan *scan, const char *what)
{
	return fail_at(scan, 0, NULL, what);
}

static int fail_malformed(struct scan *scan)
{
	return codec_fail(scan->problem, PYR_INVALID_ARGUMENT, "", NULL,
			  "is malformed (not protobuf)");
}

/* Length of the varint at p, at most max bytes; 0 = it does not end in time. */
static size_t varint_length(const uint8_t *p, const uint8_t *end, size_t max)
{
	size_t n = (size_t)(end - p) < max ? (size_t)(end - p) : max;
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] < 0x80)
			return i + 1;
	return 0;
}

static uint64_t varint(const uint8_t *p, size_t length)
{
	uint64_t ret = 0;
	size_t i;

	for (i = 0; i < length; i++)
		ret |= (uint64_t)(p[i] & 0x7f) << (7 * i);
	return ret;
}

/* Tag and extent of the value at scan->at. False: malformed. */
static bool read_value(struct scan *scan, const uint8_t *end, struct value *ret)
{
	const uint8_t *p = scan->at;
	size_t n = varint_length(p, end, 5);
	uint64_t number = varint(p, n);

	if (n == 0 || number > UINT32_MAX || number < 8)
		return false;
	ret->start = p;
	ret->payload = p += n;
	ret->id = (uint32_t)number >> 3;
	ret->wire = number & 7;
	ret->width = 0;
	switch (ret->wire) {
	case PROTOBUF_C_WIRE_TYPE_VARINT:
		n = varint_length(p, end, 10);
		break;
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		n = 8;
		break;
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		n = 4;
		break;
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		ret->width = varint_length(p, end, 5);
		number = varint(p, ret->width);
		if (ret->width == 0 || number > INT_MAX)
			return false;
		ret->payload = p += ret->width;
		n = (size_t)number;
		break;
	default: /* groups, and what was never given a meaning */
		return false;
	}
	ret->end = p + n;
	return n <= (size_t)(end - p) && (n > 0 || ret->width > 0);
}

static const struct codec_field *find(struct frame *frame, uint32_t id)
{
	const struct codec_message *message = frame->message;
	unsigned low = 0, high = message->pb.n_fields, middle;

	if (frame->field && frame->field->id == id)
		return frame->field;
	if (frame->next < high && message->by_id[frame->next]->id == id)
		return message->by_id[frame->next++];
	while (low < high) {
		middle = low + (high - low) / 2;
		if (message->by_id[middle]->id == id) {
			frame->next = middle + 1;
			return message->by_id[middle];
		}
		if (message->by_id[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool check_packed(const struct codec_field *field, const uint8_t *p, const uint8_t *end)
{
	size_t n;

	if (field->wire == PROTOBUF_C_WIRE_TYPE_32BIT)
		return (end - p) % 4 == 0;
	if (field->wire == PROTOBUF_C_WIRE_TYPE_64BIT)
		return (end - p) % 8 == 0;
	for (; p < end; p += n)
		if ((n = varint_length(p, end, 10)) == 0)
			return false;
	return true;
}

static int check_value(struct scan *scan, const struct codec_field *field,
		       const struct value *value)
{
	if (value->wire != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
		return 0;
	if (field->packable)
		return check_packed(field, value->payload, value->end) ? 0 : fail_malformed(scan);
	if (field->value->kind == PYR__STRING &&
	    !codec_is_text(value->payload, (size_t)(value->end - value->payload)))
		return fail(scan, "is not valid UTF-8, or has a NUL inside");
	return 0;
}

static int push(struct scan *scan, const struct codec_field *field, const struct value *value)
{
	struct frame *frame;

	if (scan->depth == CODEC_DEPTH)
		return codec_fail(scan->problem, PYR_INVALID_ARGUMENT, "", NULL,
				  "is nested deeper than %d levels", CODEC_DEPTH);
	frame = &scan->stack[++scan->depth];
	*frame = (struct frame){ .message = field->message, .end = value->end };
	frame->width = value->width;
	frame->prefix = scan->dst ? scan->dst - value->width : NULL;
	scan->at = value->payload;
	return 0;
}

/* What was left out made the message shorter: its length is written again, in as many bytes. */
static void pop(struct scan *scan)
{
	const struct frame *frame = &scan->stack[scan->depth--];
	size_t i, n;

	if (!scan->dst)
		return;
	n = (size_t)(scan->dst - (frame->prefix + frame->width));
	for (i = 0; i < frame->width; i++, n >>= 7)
		frame->prefix[i] = (uint8_t)((n & 0x7f) | (i + 1 < frame->width ? 0x80 : 0));
}

static void copy(struct scan *scan, const uint8_t *from, const uint8_t *to)
{
	memcpy(scan->dst, from, (size_t)(to - from));
	scan->dst += to - from;
}

static int step(struct scan *scan)
{
	struct frame *top = &scan->stack[scan->depth];
	const struct codec_field *field;
	struct value value;
	int status;

	if (!read_value(scan, top->end, &value))
		return fail_malformed(scan);
	field = find(top, value.id);
	if (!field || (value.wire != field->wire &&
		       !(field->packable && value.wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED))) {
		scan->dirty = true;
		scan->at = value.end;
		return 0;
	}
	top->index = field == top->field ? top->index + 1 : 0;
	top->field = field;
	if (scan->dst)
		copy(scan, value.start, field->message ? value.payload : value.end);
	if (field->message)
		return push(scan, field, &value);
	if (!scan->dst && (status = check_value(scan, field, &value)) < 0)
		return status;
	scan->at = value.end;
	return 0;
}

static int run(struct scan *scan, const struct codec_message *message, const uint8_t *data,
	       size_t n)
{
	int status = 0;

	scan->at = data;
	scan->dirty = false;
	scan->depth = 0;
	scan->stack[0] = (struct frame){ .message = message, .end = data + n };
	while (status == 0) {
		while (scan->depth > 0 && scan->at == scan->stack[scan->depth].end)
			pop(scan);
		if (scan->at == scan->stack[scan->depth].end)
			break;
		status = step(scan);
	}
	return status;
}

int codec_scan(const struct codec_message *message, const uint8_t *data, size_t n, bool *dirty,
	       struct codec_problem *problem)
{
	struct scan scan;
	int status;

	if (n == 0) {
		*dirty = false;
		return 0;
	}
	if (n > INT_MAX)
		return codec_fail(problem, PYR_RESOURCE_EXHAUSTED, "", NULL,
				  "is longer than 2 GiB");
	scan.dst = NULL;
	scan.problem = problem;
	status = run(&scan, message, data, n);
	*dirty = scan.dirty;
	return status;
}

size_t codec_strip(const struct codec_message *message, const uint8_t *data, size_t n, uint8_t *dst)
{
	struct codec_problem none;
	struct scan scan;

	scan.dst = dst;
	scan.problem = &none;
	run(&scan, message, data, n); /* has passed codec_scan() */
	return (size_t)(scan.dst - dst);
}
