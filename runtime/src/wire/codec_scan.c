/* SPDX-License-Identifier: MIT */
/*
 * Reads a message from a peer before anything is made of it: framing, depth, text. One loop with a
 * stack of its own, nothing allocated. What passes here codec_fill.c can read without a check of
 * its own.
 */
#include "wire/codec_wire.h"

struct frame {
	const struct codec_message *message;
	const uint8_t *end;
	const struct codec_field *field; /* the last one met: for the path of errors */
	size_t index;                    /* how often in a row */
	unsigned next;                   /* for codec_find() */
};

struct scan {
	const uint8_t *at;
	unsigned depth;
	struct codec_problem *problem;
	struct frame stack[CODEC_DEPTH + 1];
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
		       const struct codec_value *value)
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

static int push(struct scan *scan, const struct codec_field *field, const struct codec_value *value)
{
	if (scan->depth == CODEC_DEPTH)
		return codec_fail(scan->problem, PYR_INVALID_ARGUMENT, "", NULL,
				  "is nested deeper than %d levels", CODEC_DEPTH);
	scan->stack[++scan->depth] = (struct frame){ .message = field->message, .end = value->end };
	scan->at = value->payload;
	return 0;
}

static int step(struct scan *scan)
{
	struct frame *top = &scan->stack[scan->depth];
	const struct codec_field *field;
	struct codec_value value;

	if (!codec_read(scan->at, top->end, &value))
		return fail_malformed(scan);
	scan->at = value.end;
	field = codec_find(top->message, &value, &top->next);
	if (!field)
		return 0;
	top->index = field == top->field ? top->index + 1 : 0;
	top->field = field;
	return field->message ? push(scan, field, &value) : check_value(scan, field, &value);
}

int codec_scan(const struct codec_message *message, const uint8_t *data, size_t n,
	       struct codec_problem *problem)
{
	struct scan scan;
	int status = 0;

	if (n == 0)
		return 0;
	if (n > INT_MAX) /* protobuf's own limit */
		return codec_fail(problem, PYR_RESOURCE_EXHAUSTED, "", NULL,
				  "is longer than 2 GiB");
	scan.at = data;
	scan.depth = 0;
	scan.problem = problem;
	scan.stack[0] = (struct frame){ .message = message, .end = data + n };
	while (status == 0) {
		while (scan.depth > 0 && scan.at == scan.stack[scan.depth].end)
			scan.depth--;
		if (scan.at == scan.stack[scan.depth].end)
			break;
		status = step(&scan);
	}
	return status;
}
