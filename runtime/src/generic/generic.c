/* SPDX-License-Identifier: MIT */
#include "generic/generic.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "context/call_wish.h"
#include "generic/generic_args.h"
#include "proxy/proxy.h"
#include "stream/stream.h"
#include "value/types.h"

enum { STREAMS = PYR__STREAM_IN | PYR__STREAM_OUT };

/* ---- operations ---- */

const struct pyr__interface *generic_interface(const pyr_proxy *proxy)
{
	return proxy ? proxy->interface->table : NULL;
}

const struct pyr__operation *generic_find(const pyr_proxy *proxy, const char *name)
{
	const struct pyr__interface *table = generic_interface(proxy);
	int place = table && name ? generic_operation(table, name) : -1;

	return place < 0 ? NULL : &table->operations[place];
}

/* An attribute's operations: get_x has a result alone, set_x one parameter. */
static bool is_of(const struct pyr__operation *op, const char *name, bool is_set)
{
	const char *dot = strrchr(op->name, '.'), *last = dot ? dot + 1 : op->name;

	return strncmp(last, is_set ? "set_" : "get_", 4) == 0 && strcmp(last + 4, name) == 0 &&
	       !(op->flags & STREAMS) && op->n_in == (is_set ? 1 : 0) &&
	       op->n_out == (is_set ? 0 : 1);
}

const struct pyr__operation *generic_attribute(const pyr_proxy *proxy, const char *name,
					       bool is_set)
{
	const struct pyr__interface *table = generic_interface(proxy);
	uint32_t i;

	for (i = 0; table && name && i < table->n_operations; i++)
		if (is_of(&table->operations[i], name, is_set))
			return &table->operations[i];
	return NULL;
}

int generic_place(pyr_proxy *proxy, const char *operation)
{
	int place;

	if (!proxy)
		return error_null("proxy");
	if (!operation)
		return error_missing("operation");
	if (proxy->batch)
		return error_set(PYR_FAILED_PRECONDITION, "%s: no calls by JSON in a batch",
				 operation);
	place = generic_operation(proxy->interface->table, operation);
	return place < 0 ? -PYR_UNIMPLEMENTED : place;
}

/* ---- calls ---- */

/* The operation's place, with its arguments read, or minus a status. What I_with() said of this
 * call is of no other, so it goes when there is no call. */
static int begin(pyr_proxy *proxy, const char *operation, bool has_streams,
		 const struct generic_input *input, struct generic_args *args)
{
	const struct pyr__operation *op;
	int place = generic_place(proxy, operation), err = place;

	memset(args, 0, sizeof(*args));
	if (place >= 0) {
		op = &proxy->interface->table->operations[place];
		if (!(op->flags & STREAMS) == has_streams)
			err = error_set(PYR_INVALID_ARGUMENT,
					has_streams ? "%s has no streams: pyr_proxy_call_json()"
						    : "%s has streams: pyr_proxy_open_json()",
					op->name);
		else
			err = generic_args_begin(args, proxy->interface->table, op, input);
	}
	if (err < 0 && proxy)
		(void)wish_take(proxy);
	return err < 0 ? err : place;
}

/* Where results come. out[i] is &slots[i]. */
struct results {
	union pyr__slot *slots;
	void **out;
};

static int results_begin(struct results *results, const struct pyr__operation *op)
{
	unsigned i;

	results->slots = calloc(op->n_out + 1u, sizeof(*results->slots));
	results->out = calloc(op->n_out + 1u, sizeof(*results->out));
	if (!results->slots || !results->out)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	for (i = 0; i < op->n_out; i++)
		results->out[i] = &results->slots[i];
	return 0;
}

static void results_end(struct results *results)
{
	free(results->out);
	free(results->slots);
}

int generic_call_with(pyr_proxy *proxy, const char *operation, const struct generic_input *input,
		      struct sink *sink)
{
	struct results results = { NULL, NULL };
	const struct pyr__interface *table;
	const struct pyr__operation *op;
	struct generic_args args;
	int place = begin(proxy, operation, false, input, &args), err = place;

	if (place >= 0) {
		table = proxy->interface->table;
		op = &table->operations[place];
		err = results_begin(&results, op);
		if (err < 0)
			(void)wish_take(proxy);
		else
			err = pyr__call(proxy, table, (unsigned)place, args.slots, results.out);
		if (err == 0)
			err = generic_give(table, codec_fields_from(op, op->n_in), op->n_out,
					   results.slots, sink);
	}
	results_end(&results);
	generic_args_end(&args);
	return err;
}

int generic_call(pyr_proxy *proxy, const char *operation, const struct generic_arguments *arguments,
		 struct sink *results)
{
	return generic_call_with(proxy, operation,
				 &(struct generic_input){ .arguments = arguments }, results);
}

/* ---- streams ---- */

int generic_open_with(pyr_proxy *proxy, const char *operation, const struct generic_input *input,
		      pyr_stream **ret)
{
	struct generic_args args;
	int place = begin(proxy, operation, true, input, &args), err = place;

	if (place >= 0)
		err = pyr__open(proxy, proxy->interface->table, (unsigned)place, args.slots, ret);
	generic_args_end(&args);
	return err;
}

int generic_open(pyr_proxy *proxy, const char *operation, const struct generic_arguments *arguments,
		 pyr_stream **ret)
{
	return generic_open_with(proxy, operation,
				 &(struct generic_input){ .arguments = arguments }, ret);
}

const struct pyr__operation *generic_stream_operation(pyr_stream *stream)
{
	if (!stream) {
		error_null("stream");
		return NULL;
	}
	if (!stream->is_callers) {
		error_set(PYR_INVALID_ARGUMENT, "%s: this is the method's end of the stream",
			  stream->operation->table->name);
		return NULL;
	}
	return stream->operation->table;
}

int generic_write(pyr_stream *stream, struct source *item)
{
	const struct pyr__operation *op = generic_stream_operation(stream);
	struct generic_args args;
	int err;

	if (!op)
		return -pyr_last_error()->code;
	if (!item)
		return error_missing("item");
	if (!(op->flags & PYR__STREAM_IN))
		return error_set(PYR_INVALID_ARGUMENT, "%s: no parameter is a stream", op->name);
	err = generic_args_begin(&args, stream->caller.proxy->interface->table, op,
				 &(struct generic_input){ .item = item });
	if (err == 0)
		err = pyr__write(stream, op, args.slots);
	generic_args_end(&args);
	return err;
}

int generic_next(pyr_stream *stream, struct sink *sink)
{
	const struct pyr__operation *op = generic_stream_operation(stream);
	union pyr__slot slot = { 0 };
	struct pyr__field item;
	int n, err;

	if (!op)
		return -pyr_last_error()->code;
	if (!sink)
		return error_missing("ret");
	n = pyr__next(stream, op, &slot);
	if (n <= 0)
		return n;
	item = op->fields[op->n_in + op->n_out + (op->flags & PYR__STREAM_IN ? 1 : 0)];
	item.name = "ret";
	err = generic_give(stream->caller.proxy->interface->table, &item, 1, &slot, sink);
	return err < 0 ? err : 1;
}

int generic_finish(pyr_stream *stream, struct sink *sink)
{
	const struct pyr__operation *op = generic_stream_operation(stream);
	const struct pyr__interface *table;
	struct results results;
	int err;

	if (!op)
		return -pyr_last_error()->code;
	table = stream->caller.proxy->interface->table;
	err = results_begin(&results, op);
	if (err < 0)
		pyr_stream_free(stream);
	else
		err = pyr__finish(stream, op, results.out);
	if (err == 0)
		err = generic_give(table, codec_fields_from(op, op->n_in), op->n_out, results.slots,
				   sink);
	results_end(&results);
	return err;
}

/* ---- exceptions ---- */

bool generic_exception(const pyr_proxy *proxy, bool is_named, struct sink *sink)
{
	const pyr_error *error = pyr_last_error();
	struct value_writer writer = { .sink = sink, .interface = generic_interface(proxy) };
	const struct pyr__type *type;
	const void *value;

	if (!proxy || !error->code || !error->exception[0])
		return false;
	type = types_find(writer.interface, span_of(error->exception));
	value = type && type->kind == PYR__STRUCT ? pyr__caught(type) : NULL;
	if (!value)
		return false;
	value_write_exception(&writer, type, is_named, value);
	return true;
}
