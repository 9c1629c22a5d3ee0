/* SPDX-License-Identifier: MIT */
/*
 * Objects whose operations one function serves, with values as JSON. The object has a copy of its
 * interface's table, in which each operation's shim is the one below; and the function stands in
 * each place of its methods table.
 */
#include <pyrite/value.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "generic/generic.h"
#include "generic/generic_args.h"
#include "generic/learned.h"
#include "incall/incall.h"
#include "value/types.h"
#include "wire/codec_build.h"

/* ---- tables ---- */

/* Of one interface. Tables are known by address for ever, so each is made once and kept; but what
 * it was made of may go with its library, and leave its address to another. */
struct served {
	struct served *next;
	const struct pyr__interface *of;
	uint64_t stamp; /* of that */
	struct pyr__interface table;
	struct pyr__operation operations[];
};

static struct {
	pthread_mutex_t lock;
	struct served *first;
	size_t n;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static pyr__shim serve;

static struct served *make(const struct pyr__interface *of, uint64_t stamp)
{
	size_t n = of->n_operations, i;
	struct served *served = calloc(1, sizeof(*served) + n * sizeof(served->operations[0]));

	if (!served)
		return NULL;
	served->of = of;
	served->stamp = stamp;
	served->table = *of;
	served->table.operations = served->operations;
	for (i = 0; i < n; i++) {
		served->operations[i] = of->operations[i];
		served->operations[i].shim = serve;
	}
	served->next = all.first;
	all.first = served;
	all.n++;
	return served;
}

/* Returns NULL with the last error set. */
static const struct pyr__interface *table_for(const struct pyr__interface *of)
{
	uint64_t stamp = codec_stamp(of, CODEC_INTERFACE);
	struct served *served;
	bool is_full;

	pthread_mutex_lock(&all.lock);
	for (served = stamp ? all.first : NULL; served; served = served->next)
		if ((served->of == of && served->stamp == stamp) || &served->table == of)
			break;
	is_full = !served && all.n == LEARNED_MAX;
	if (!served && !is_full && stamp)
		served = make(of, stamp);
	pthread_mutex_unlock(&all.lock);
	if (served)
		return &served->table;
	error_set(PYR_RESOURCE_EXHAUSTED, "%s",
		  is_full ? "this process serves 1,024 interfaces, the maximum" : "out of memory");
	return NULL;
}

const char *pyr_daemon_register_generic(pyr_daemon *daemon, const char *id, pyr_proxy *like,
					pyr_generic_cb cb, void *data)
{
	const struct pyr__interface *table;
	pyr_generic_cb *methods;
	const char *uri;
	uint32_t i;

	_Static_assert(sizeof(cb) == sizeof(void (*)(void)), "as methods in their tables");
	if (!like || !cb)
		return error_constructor(PYR_INVALID_ARGUMENT, "%s is NULL", like ? "cb" : "like");
	table = table_for(generic_interface(like));
	if (!table)
		return error_from_constructor();
	methods = calloc(table->n_operations + 1u, sizeof(*methods));
	if (!methods)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	for (i = 0; i < table->n_operations; i++)
		methods[i] = cb;
	uri = pyr__register(daemon, table, id, methods, data);
	free(methods); /* it was copied */
	return uri;
}

/* ---- calls ---- */

#define SAYS "%s: the servant's answer: %s"

static const char *uri_of(const void *value)
{
	return pyr_proxy_uri(value);
}

/* Of URIs in results: a proxy that the answer takes along. */
static void *give_object(void *call, const struct pyr__type *type, const char *uri, char *text,
			 size_t n)
{
	void *proxy = generic_proxy(type, uri);

	if (!proxy)
		snprintf(text, n, "%s", pyr_last_error()->message);
	return proxy ? pyr__give(call, proxy) : NULL;
}

/* Returns them as an object; NULL when memory is out. */
static char *arguments(const struct pyr__interface *interface, const struct pyr__operation *op,
		       const pyr__in *in)
{
	const struct value_objects objects = { .uri = uri_of };
	struct buf text = { 0 };
	struct json_sink json;
	const struct value_writer writer = { &json.sink, interface, &objects };
	unsigned i;

	json_sink(&json, &text);
	json.sink.kind->object(&json.sink);
	for (i = 0; i < op->n_in; i++) {
		json.sink.kind->member(&json.sink, op->fields[i].name);
		value_write_slot(&writer, &op->fields[i], &in[i]);
	}
	json.sink.kind->object_end(&json.sink);
	return generic_text(&text);
}

/* What a servant says, read into slots. */
struct reading {
	struct value_reading base;
	struct value_objects objects;
	struct codec_problem problem;
	struct json json;
};

/* objects: what becomes of URIs. */
static void reading_begin(struct reading *r, pyr_call *call, struct arena *arena,
			  const struct value_objects *objects, const char *json, const char *role)
{
	*r = (struct reading){ .objects = *objects };
	r->base.source = &r->json.source;
	r->base.arena = arena;
	r->base.role = role;
	r->base.interface = call->object->interface->table;
	r->base.objects = &r->objects;
	r->base.problem = &r->problem;
	json_begin(&r->json, json, strlen(json));
}

/* Into memory of the call. */
static void reading_begin_answer(struct reading *r, pyr_call *call, const char *json,
				 const char *role)
{
	const struct value_objects objects = { give_object, uri_of, call };

	reading_begin(r, call, &call->arena, &objects, json ? json : "", role);
}

/* Returns 0, or minus a status with text. */
static int results(pyr_call *call, const struct pyr__operation *op, const char *json, pyr__out *out,
		   char text[256])
{
	const struct pyr__field *fields = codec_fields_from(op, op->n_in);
	bool is_value = op->n_out == 1 && strcmp(fields[0].name, "ret") == 0;
	struct reading r;
	int err;

	if (op->n_out == 0)
		return 0; /* whatever it says */
	reading_begin_answer(&r, call, json, "result");
	err = is_value ? value_read_slot(&r.base, fields, out)
		       : value_read_slots(&r.base, fields, op->n_out, out);
	if (err < 0)
		snprintf(text, 256, "%s", r.problem.text);
	return err;
}

static int serve(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out)
{
	const struct pyr__interface *interface = call->object->interface->table;
	const struct pyr__operation *op = incall_operation(call);
	pyr_generic_cb cb = ((const pyr_generic_cb *)methods)[call->operation];
	char *args = arguments(interface, op, in), text[256];
	const char *ret = NULL;
	int err;

	if (!args)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	err = cb(call, strrchr(op->name, '.') + 1, args, &ret);
	free(args);
	if (err == 0 && !call->answer.deferred && results(call, op, ret, out, text) < 0)
		err = pyr_fail(call, PYR_INTERNAL, SAYS, op->name, text);
	return err;
}

/* Its operation, if its object is one of these and that has such a stream. NULL with the last error
 * set. */
static const struct pyr__operation *operation_of(pyr_call *call, uint32_t stream)
{
	const struct pyr__operation *op = call ? incall_operation(call) : NULL;

	if (!op || op->shim != serve)
		error_set(PYR_INVALID_ARGUMENT, "call is not that of a generic object");
	else if (!(op->flags & stream))
		error_set(PYR_INVALID_ARGUMENT, "%s: nothing is %s", op->name,
			  stream == PYR__STREAM_IN ? "read" : "yielded");
	else
		return op;
	return NULL;
}

int pyr_deferred_reply_json(pyr_deferred *deferred, const char *ret)
{
	pyr_call *call = deferred ? pyr_deferred_call(deferred) : NULL;
	const struct pyr__operation *op = call ? incall_operation(call) : NULL;
	union pyr__slot *out;
	char text[256];

	if (!op)
		return error_null("deferred");
	if (op->shim != serve)
		return error_set(PYR_INVALID_ARGUMENT, "%s is not served by a generic object",
				 op->name);
	out = pyr_call_alloc(call, (op->n_out + 1u) * sizeof(*out));
	if (!out)
		return pyr_deferred_fail(deferred, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (results(call, op, ret, out, text) < 0)
		return pyr_deferred_fail(deferred, PYR_INTERNAL, SAYS, op->name, text);
	return pyr__reply(deferred, op, out);
}

int pyr_call_raise_json(pyr_call *call, const char *exception, const char *members)
{
	struct pyr__field field = { .name = "exception", .kind = PYR__STRUCT };
	const struct pyr__operation *op = call ? incall_operation(call) : NULL;
	struct reading r;
	void *value;
	size_t i;

	if (!op || op->shim != serve || !exception)
		return error_set(PYR_INVALID_ARGUMENT,
				 exception ? "call is not that of a generic object"
					   : "exception is NULL");
	for (i = 0; op->raises && op->raises[i]; i++)
		if (strcmp(op->raises[i]->name, exception) == 0)
			field.type = op->raises[i];
	if (!field.type)
		return pyr_fail(call, PYR_INTERNAL, "%s does not raise '%.100s'", op->name,
				exception);
	reading_begin_answer(&r, call, members ? members : "{}", "exception");
	value = pyr_call_alloc(call, field.type->size);
	if (!value)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (value_read_natural(&r.base, &field, value) < 0)
		return pyr_fail(call, PYR_INTERNAL, "%s: the exception that it raises: %s",
				op->name, r.problem.text);
	return pyr__raise(call, __FILE__, __LINE__, field.type, value);
}

/* ---- streams ---- */

int pyr_call_next_json(pyr_call *call, char **ret)
{
	const struct pyr__operation *op = operation_of(call, PYR__STREAM_IN);
	const struct value_objects objects = { .uri = uri_of };
	struct buf text = { 0 };
	struct json_sink json;
	const struct value_writer writer = { &json.sink, op ? call->object->interface->table : NULL,
					     &objects };
	union pyr__slot slot = { 0 };
	char *given;
	int n;

	if (!op)
		return -pyr_last_error()->code;
	if (!ret)
		return error_missing("ret");
	n = pyr__read(pyr__stream(call), op, &slot);
	if (n <= 0)
		return n;
	json_sink(&json, &text);
	value_write_slot(&writer, &op->fields[op->n_in + op->n_out], &slot);
	if (!(given = generic_text(&text)))
		return -PYR_RESOURCE_EXHAUSTED;
	*ret = given;
	return 1;
}

int pyr_call_yield_json(pyr_call *call, const char *item)
{
	const struct pyr__operation *op = operation_of(call, PYR__STREAM_OUT);
	struct generic_opened opened = { 0 };
	const struct value_objects objects = generic_objects(&opened);
	const struct pyr__field *field;
	union pyr__slot slot = { 0 };
	struct arena arena;
	struct reading r;
	int err;

	if (!op)
		return -pyr_last_error()->code;
	if (!item)
		return error_missing("item");
	field = &op->fields[op->n_in + op->n_out + (op->flags & PYR__STREAM_IN ? 1 : 0)];
	arena_init(&arena, NULL, 0);
	arena.max = codec_memory_max(config_number(CONFIG_MAX_MESSAGE));
	reading_begin(&r, call, &arena, &objects, item, "item");
	if (value_read_slot(&r.base, field, &slot) < 0)
		err = error_set(r.problem.code, "%s: %s", op->name, r.problem.text);
	else
		err = pyr__yield(pyr__stream(call), op, &slot);
	generic_opened_end(&opened);
	arena_clear(&arena);
	return err;
}
