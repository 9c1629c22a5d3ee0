/* SPDX-License-Identifier: MIT */
/* What pyrite/value.h offers: calls with arguments and results as JSON, and IDL. */
#include <pyrite/value.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/stack.h"
#include "generic/generic.h"
#include "generic/generic_args.h"
#include "generic/untyped.h"
#include "proxy/proxy.h"
#include "value/idl_print.h"

/* What goes in and comes out as text. */
struct texts {
	struct json json;
	struct buf text;
	struct json_sink sink;
};

static void texts_begin(struct texts *texts, const char *json)
{
	texts->text = (struct buf){ 0 };
	json_begin(&texts->json, json ? json : "", json ? strlen(json) : 0);
	json_sink(&texts->sink, &texts->text);
}

/* *ret: what came; NULL: not wanted. done: 0, 1, or minus a status, which is what it returns. */
static int texts_end(struct texts *texts, int done, char **ret)
{
	char *given;

	if (done < 0 || !ret || texts->text.n == 0) {
		buf_free(&texts->text);
		return done;
	}
	if (!(given = generic_text(&texts->text)))
		return -PYR_RESOURCE_EXHAUSTED;
	*ret = given;
	return done;
}

int pyr_proxy_call_json(pyr_proxy *proxy, const char *operation, const char *args, char **ret)
{
	struct texts texts;
	int err;

	texts_begin(&texts, args);
	err = generic_call_with(proxy, operation,
				&(struct generic_input){ .slots = &texts.json.source },
				ret ? &texts.sink.sink : NULL);
	return texts_end(&texts, err, ret);
}

char *pyr_proxy_error_json(pyr_proxy *proxy)
{
	struct buf text = { 0 };
	struct json_sink sink;
	pyr_error *kept;
	char *ret;

	json_sink(&sink, &text);
	if (!generic_exception(proxy, true, &sink.sink))
		return NULL;
	kept = pyr_error_take();
	ret = generic_text(&text);
	error_restore(kept);
	return ret;
}

/* ---- streams ---- */

int pyr_proxy_operation_streams(pyr_proxy *proxy, const char *operation)
{
	int place = generic_place(proxy, operation), ret = 0;
	const struct pyr__operation *op;

	if (place < 0)
		return place;
	op = &proxy->interface->table->operations[place];
	if (op->flags & PYR__STREAM_IN)
		ret |= PYR_STREAMS_WRITTEN;
	if (op->flags & PYR__STREAM_OUT)
		ret |= PYR_STREAMS_READ;
	return ret;
}

int pyr_proxy_open_json(pyr_proxy *proxy, const char *operation, const char *args, pyr_stream **ret)
{
	struct json json;

	json_begin(&json, args ? args : "", args ? strlen(args) : 0);
	return generic_open_with(proxy, operation, &(struct generic_input){ .slots = &json.source },
				 ret);
}

int pyr_stream_write_json(pyr_stream *stream, const char *item)
{
	struct json json;

	json_begin(&json, item ? item : "", item ? strlen(item) : 0);
	return generic_write(stream, item ? &json.source : NULL);
}

int pyr_stream_item_json(pyr_stream *stream, const char *text, char **ret)
{
	const struct pyr__operation *op = generic_stream_operation(stream);
	struct buf json = { 0 };
	char *given;

	if (!op)
		return -pyr_last_error()->code;
	if (!text || !ret)
		return error_missing(text ? "ret" : "text");
	if (!(op->flags & PYR__STREAM_IN))
		return error_set(PYR_INVALID_ARGUMENT, "%s: no parameter is a stream", op->name);
	value_text_to_json(&op->fields[op->n_in + op->n_out], text, &json);
	if (!(given = generic_text(&json)))
		return -PYR_RESOURCE_EXHAUSTED;
	*ret = given;
	return 0;
}

int pyr_stream_next_json(pyr_stream *stream, char **ret)
{
	struct texts texts;

	texts_begin(&texts, NULL);
	return texts_end(&texts, generic_next(stream, ret ? &texts.sink.sink : NULL), ret);
}

int pyr_stream_finish_json(pyr_stream *stream, char **ret)
{
	struct texts texts;

	texts_begin(&texts, NULL);
	return texts_end(&texts, generic_finish(stream, ret ? &texts.sink.sink : NULL), ret);
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

	if (untyped_is(printing->interface))
		untyped_print(printing->interface, &printing->text);
	else
		idl_print(printing->interface, &printing->text);
}

int pyr_proxy_describe(pyr_proxy *proxy, char **ret)
{
	struct printing printing = { 0 };
	char *given;

	if (!proxy)
		return error_null("proxy");
	if (!ret)
		return error_missing("ret");
	printing.interface = generic_interface(proxy);
	stack_call(print, &printing);
	if (!(given = generic_text(&printing.text)))
		return -PYR_RESOURCE_EXHAUSTED;
	*ret = given;
	return 0;
}
