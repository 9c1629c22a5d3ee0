/* SPDX-License-Identifier: MIT */
#include "generic/generic_args.h"

#include <pyrite/value.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/stack.h"
#include "context/call_wish.h"
#include "proxy/proxy.h"
#include "stream/stream.h"
#include "value/idl_print.h"
#include "value/types.h"

static const struct pyr__interface *table_of(const pyr_proxy *proxy)
{
	return proxy->interface->table;
}

/* Returns the operation's place, or minus a status with the last error set. */
static int begin(pyr_proxy *proxy, const char *operation)
{
	int place;

	if (!proxy)
		return error_null("proxy");
	if (!operation)
		return error_missing("operation");
	if (proxy->batch)
		return error_set(PYR_FAILED_PRECONDITION, "%s: no calls by JSON in a batch",
				 operation);
	place = generic_operation(table_of(proxy), operation);
	return place < 0 ? -PYR_UNIMPLEMENTED : place;
}

/* ---- calls ---- */

enum { STREAMS = PYR__STREAM_IN | PYR__STREAM_OUT };

static int call(pyr_proxy *proxy, unsigned place, const struct generic_args *args, char **ret)
{
	const struct pyr__interface *interface = table_of(proxy);
	const struct pyr__operation *op = &interface->operations[place];
	union pyr__slot *slots = calloc(op->n_out + 1u, sizeof(*slots));
	void **out = calloc(op->n_out + 1u, sizeof(*out));
	unsigned i;
	int err;

	if (slots && out) {
		for (i = 0; i < op->n_out; i++)
			out[i] = &slots[i];
		err = pyr__call(proxy, interface, place, args->slots, out);
		if (err == 0)
			err = generic_give(interface, op->fields + op->n_in, op->n_out, slots, ret);
	} else {
		err = error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	free(out);
	free(slots);
	return err;
}

int pyr_call_json(pyr_proxy *proxy, const char *operation, const char *args, char **ret)
{
	struct generic_args read;
	int place = begin(proxy, operation), err;
	const struct pyr__operation *op;

	if (place < 0)
		return place;
	op = &table_of(proxy)->operations[place];
	if (op->flags & STREAMS)
		return error_set(PYR_INVALID_ARGUMENT, "%s has streams: pyr_open_json()", op->name);
	err = generic_args_begin(&read, table_of(proxy), op, args, false);
	if (err < 0)
		(void)wish_take(proxy);
	else
		err = call(proxy, (unsigned)place, &read, ret);
	generic_args_end(&read);
	return err;
}

/* ---- exceptions ---- */

char *pyr_error_json(pyr_proxy *proxy)
{
	const pyr_error *error = pyr_last_error();
	struct pyr__field field = { .name = "exception", .kind = PYR__STRUCT };
	struct buf text = { 0 };
	struct value_writer writer = { .out = &text };
	const void *value;
	pyr_error *kept;
	char *ret;

	if (!proxy || !error->code || !error->exception[0])
		return NULL;
	writer.interface = table_of(proxy);
	field.type = types_find(writer.interface, span_of(error->exception));
	value = field.type && field.type->kind == PYR__STRUCT ? pyr__caught(field.type) : NULL;
	if (!value)
		return NULL;
	value_write_exception(&writer, field.type, value);
	kept = pyr_error_take();
	ret = generic_text(&text);
	error_restore(kept);
	return ret;
}

/* ---- streams ---- */

int pyr_operation_streams(pyr_proxy *proxy, const char *operation)
{
	int place = begin(proxy, operation), ret = 0;

	if (place < 0)
		return place;
	if (table_of(proxy)->operations[place].flags & PYR__STREAM_IN)
		ret |= PYR_STREAMS_WRITTEN;
	if (table_of(proxy)->operations[place].flags & PYR__STREAM_OUT)
		ret |= PYR_STREAMS_READ;
	return ret;
}

int pyr_open_json(pyr_proxy *proxy, const char *operation, const char *args, pyr_stream **ret)
{
	struct generic_args read;
	int place = begin(proxy, operation), err;
	const struct pyr__operation *op;

	if (place < 0)
		return place;
	op = &table_of(proxy)->operations[place];
	if (!(op->flags & STREAMS))
		return error_set(PYR_INVALID_ARGUMENT, "%s has no streams: pyr_call_json()",
				 op->name);
	err = generic_args_begin(&read, table_of(proxy), op, args, false);
	if (err < 0)
		(void)wish_take(proxy);
	else
		err = pyr__open(proxy, table_of(proxy), (unsigned)place, read.slots, ret);
	generic_args_end(&read);
	return err;
}

/* Of a caller's end. Returns NULL with the last error set. */
static const struct pyr__operation *operation_of(pyr_stream *stream)
{
	if (!stream) {
		error_null("stream");
		return NULL;
	}
	if (!stream->is_callers) {
		error_set(PYR_INVALID_ARGUMENT, "%s: the method's end is not read as JSON",
			  stream->operation->table->name);
		return NULL;
	}
	return stream->operation->table;
}

int pyr_stream_write_json(pyr_stream *stream, const char *item)
{
	const struct pyr__operation *op = operation_of(stream);
	struct generic_args read;
	int err;

	if (!op)
		return -pyr_last_error()->code;
	if (!item)
		return error_missing("item");
	if (!(op->flags & PYR__STREAM_IN))
		return error_set(PYR_INVALID_ARGUMENT, "%s: nothing is written", op->name);
	err = generic_args_begin(&read, table_of(stream->caller.proxy), op, item, true);
	if (err == 0)
		err = pyr__write(stream, op, read.slots);
	generic_args_end(&read);
	return err;
}

int pyr_item_json(pyr_stream *stream, const char *text, char **ret)
{
	const struct pyr__operation *op = operation_of(stream);
	struct buf json = { 0 };
	char *given;

	if (!op)
		return -pyr_last_error()->code;
	if (!text || !ret)
		return error_missing(text ? "ret" : "text");
	if (!(op->flags & PYR__STREAM_IN))
		return error_set(PYR_INVALID_ARGUMENT, "%s: nothing is written", op->name);
	value_text_to_json(&op->fields[op->n_in + op->n_out], text, &json);
	if (!(given = generic_text(&json)))
		return -PYR_RESOURCE_EXHAUSTED;
	*ret = given;
	return 0;
}

int pyr_stream_next_json(pyr_stream *stream, char **ret)
{
	const struct pyr__operation *op = operation_of(stream);
	union pyr__slot slot = { 0 };
	struct pyr__field item;
	int n, err;

	if (!op)
		return -pyr_last_error()->code;
	if (!ret)
		return error_missing("ret");
	n = pyr__next(stream, op, &slot);
	if (n <= 0)
		return n;
	item = op->fields[op->n_in + op->n_out + (op->flags & PYR__STREAM_IN ? 1 : 0)];
	item.name = "ret";
	err = generic_give(table_of(stream->caller.proxy), &item, 1, &slot, ret);
	return err < 0 ? err : 1;
}

int pyr_stream_finish_json(pyr_stream *stream, char **ret)
{
	const struct pyr__operation *op = operation_of(stream);
	const struct pyr__interface *interface;
	union pyr__slot *slots;
	void **out;
	unsigned i;
	int err;

	if (!op)
		return -pyr_last_error()->code;
	interface = table_of(stream->caller.proxy);
	slots = calloc(op->n_out + 1u, sizeof(*slots));
	out = calloc(op->n_out + 1u, sizeof(*out));
	for (i = 0; slots && out && i < op->n_out; i++)
		out[i] = &slots[i];
	if (slots && out) {
		err = pyr__finish(stream, op, out);
		if (err == 0)
			err = generic_give(interface, op->fields + op->n_in, op->n_out, slots, ret);
	} else {
		pyr_stream_free(stream);
		err = error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	free(out);
	free(slots);
	return err;
}

/* ---- IDL ---- */

/* Types are as deep as they are told to be: not on a task's stack. */
struct printing {
	const struct pyr__interface *interface;
	struct buf text;
};

static void print(void *arg)
{
	struct printing *printing = arg;

	idl_print(printing->interface, &printing->text);
}

int pyr_describe(pyr_proxy *proxy, char **ret)
{
	struct printing printing = { 0 };
	char *given;

	if (!proxy)
		return error_null("proxy");
	if (!ret)
		return error_missing("ret");
	printing.interface = table_of(proxy);
	stack_call(print, &printing);
	if (!(given = generic_text(&printing.text)))
		return -PYR_RESOURCE_EXHAUSTED;
	*ret = given;
	return 0;
}
