/* SPDX-License-Identifier: MIT */
/*
 * Plain gRPC calls, from the core server to the executor and back. Core tells each call's end once
 * (`ended`), by success or cancel; until then the face holds the pyr_call, so that a cancel finds
 * it. What core completes is handled by the leader; answers come once, from any thread.
 */
#include "face/grpc/plain_call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/faces.h"
#include "base/random.h"
#include "engine/core_api.h"
#include "engine/engine.h"
#include "rules/rules.h"
#include "wire/plain_text.h"

#define SHOWN_MAX 100 /* bytes of a peer's text in a message */

struct plain_face {
	atomic_int refs; /* its owner, and each call */
	atomic_uint load;
	atomic_bool is_draining;
	struct plain_options options;
	char address[128];
	uint8_t id[8]; /* begins the chain of each call that comes in here */
	uint64_t n_taken;
	struct plain_call *calls; /* leader only: those that have not ended */
	pthread_mutex_t lock;     /* has_owner, and progress() while it runs */
	bool has_owner;
};

/* ---- lifetimes ---- */

struct plain_face *plain_face_new(const struct plain_options *options)
{
	struct plain_face *face = calloc(1, sizeof(*face));

	if (!face)
		return NULL;
	face->refs = 1;
	face->options = *options;
	snprintf(face->address, sizeof(face->address), "%s", options->address);
	face->options.address = face->address;
	face->has_owner = true;
	pthread_mutex_init(&face->lock, NULL);
	if (random_bytes(face->id, sizeof(face->id)))
		return face;
	plain_face_free(face);
	return NULL;
}

static void unref_face(struct plain_face *face)
{
	if (atomic_fetch_sub(&face->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&face->lock);
	free(face);
}

void plain_face_free(struct plain_face *face)
{
	if (!face)
		return;
	pthread_mutex_lock(&face->lock);
	face->has_owner = false;
	pthread_mutex_unlock(&face->lock);
	unref_face(face);
}

void plain_face_drain(struct plain_face *face)
{
	atomic_store(&face->is_draining, true);
}

size_t plain_face_load(const struct plain_face *face)
{
	return atomic_load(&face->load);
}

void plain_unref(struct plain_call *pc)
{
	if (atomic_fetch_sub(&pc->refs, 1) != 1)
		return;
	plain_stream_free(pc->stream);
	if (pc->request)
		grpc_byte_buffer_destroy(pc->request);
	if (pc->reply)
		grpc_byte_buffer_destroy(pc->reply);
	grpc_slice_unref(pc->whole);
	grpc_slice_unref(pc->text);
	plain_trailing_free(&pc->trailing);
	grpc_call_unref(pc->call);
	budget_release(pc->budget, pc->cost);
	budget_unref(pc->budget);
	unref_face(pc->face);
	free(pc);
}

/* ---- answers ---- */

/* Sends what is in pc: a reply if there is one, and the status. */
void plain_send_answer(struct plain_call *pc, int code, bool has_begun)
{
	grpc_op ops[3] = { { .op = GRPC_OP_SEND_INITIAL_METADATA } };
	size_t n = has_begun ? 0 : 1;

	if (pc->reply) {
		ops[n] = (grpc_op){ .op = GRPC_OP_SEND_MESSAGE };
		ops[n++].data.send_message.send_message = pc->reply;
	}
	ops[n] = (grpc_op){ .op = GRPC_OP_SEND_STATUS_FROM_SERVER };
	ops[n].data.send_status_from_server.status = (grpc_status_code)code;
	ops[n].data.send_status_from_server.status_details = &pc->text;
	ops[n].data.send_status_from_server.trailing_metadata_count = pc->trailing.n;
	ops[n++].data.send_status_from_server.trailing_metadata = pc->trailing.entries;
	if (!plain_start(pc, ops, n, &pc->answered))
		grpc_call_cancel(pc->call, NULL);
}

static void on_answered(struct engine_event *event, bool ok)
{
	(void)ok; /* a failure means that the caller is gone: `ended` tells */
	plain_unref(PLAIN_FROM(event, answered));
}

/* Behind the items of a stream. */
static void send_answer(struct plain_call *pc, int code)
{
	if (pc->stream)
		plain_stream_answer(pc->stream, code);
	else
		plain_send_answer(pc, code, false);
}

static void send_error(struct plain_call *pc, const struct error_info *error)
{
	char text[PLAIN_TEXT_MAX + 1];
	struct buf details = { 0 };

	plain_status(error, text, &details);
	pc->text = grpc_slice_from_copied_string(text);
	if (details.n > 0)
		(void)plain_trailing_add(
			&pc->trailing, grpc_slice_from_static_string(PLAIN_DETAILS_KEY),
			grpc_slice_from_copied_buffer((const char *)details.data, details.n));
	buf_free(&details);
	send_answer(pc, error->code);
}

#define PLAIN_NO_REFERENCES "references cannot be passed over plain gRPC yet"

/* Answers a call that no pyr_call was made for. */
static void refuse(struct plain_call *pc, int code, const char *format, ...) PYR_PRINTF(3, 4);
static void refuse(struct plain_call *pc, int code, const char *format, ...)
{
	struct error_info error = { .code = code };
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error.message = text;
	send_error(pc, &error);
}

static void fail(pyr_call *call, const struct error_info *error)
{
	plain_trailing_annotate(&((struct plain_call *)call->origin_data)->trailing, call);
	if (error->held)
		refuse(call->origin_data, PYR_UNIMPLEMENTED, PLAIN_NO_REFERENCES);
	else
		send_error(call->origin_data, error);
}

static const struct codec_operation *operation_of(const pyr_call *call)
{
	return &call->object->interface->operations[call->operation];
}

/* Core may keep a reply for as long as its caller does not read; so do we what it was made of. */
static bool charge(struct plain_call *pc, size_t n)
{
	if (!budget_charge(pc->budget, 2 * n))
		return false;
	pc->cost += 2 * n;
	return true;
}

static void reply(pyr_call *call, const struct codec_packer *packer)
{
	struct plain_call *pc = call->origin_data;
	uint32_t max = pc->face->options.max_message;
	size_t size = packer ? packer->size : 0;
	grpc_slice slice;
	char text[128];

	if (packer && codec_is_too_large(packer, max, text, sizeof(text))) {
		refuse(pc, PYR_RESOURCE_EXHAUSTED, "MessageTooLarge: a reply %s", text);
		return;
	}
	if (packer && packer->carried) {
		refuse(pc, PYR_UNIMPLEMENTED, PLAIN_NO_REFERENCES);
		return;
	}
	if (!charge(pc, size)) {
		refuse(pc, PYR_RESOURCE_EXHAUSTED,
		       "a reply of %zu bytes: too many bytes of this connection wait to be read",
		       size);
		return;
	}
	if (!operation_of(call)->out_item) { /* else its items are the answer */
		slice = grpc_slice_malloc(size);
		if (size > 0)
			codec_pack(packer, GRPC_SLICE_START_PTR(slice));
		pc->reply = grpc_raw_byte_buffer_create(&slice, 1);
		grpc_slice_unref(slice);
	}
	plain_trailing_annotate(&pc->trailing, call);
	send_answer(pc, PYR_OK);
}

static void release(pyr_call *call)
{
	plain_unref(call->origin_data);
}

static const char *peer_of(const pyr_call *call)
{
	return ((struct plain_call *)call->origin_data)->peer;
}

static void tell_who(const pyr_call *call, struct call_who *ret)
{
	const struct plain_call *pc = call->origin_data;

	ret->credentials = pc->has_credentials ? &pc->credentials : NULL;
	ret->identity = pc->identity;
	ret->is_local = pc->is_local;
	ret->rules = pc->face->options.rules;
	ret->audit = pc->face->options.audit;
}

static const struct call_origin origin = { .reply = reply,
					   .fail = fail,
					   .release = release,
					   .peer = peer_of,
					   .who = tell_who,
					   .lingers = true };

/* ---- what core reports ---- */

/* Core may report an end after the server's. */
static void tell_progress(struct plain_face *face)
{
	if (!face->options.progress)
		return;
	pthread_mutex_lock(&face->lock);
	if (face->has_owner)
		face->options.progress(face->options.data);
	pthread_mutex_unlock(&face->lock);
}

static void list(struct plain_call *pc)
{
	if ((pc->next = pc->face->calls) != NULL)
		pc->next->prev = pc;
	pc->face->calls = pc;
}

static void unlist(struct plain_call *pc)
{
	*(pc->prev ? &pc->prev->next : &pc->face->calls) = pc->next;
	if (pc->next)
		pc->next->prev = pc->prev;
}

void plain_face_see_chains(struct plain_face *face,
			   void (*see)(void *data, const uint8_t chain[16]), void *data)
{
	struct plain_call *pc;

	for (pc = face->calls; pc; pc = pc->next)
		see(data, pc->incall->task.chain);
}

static void on_ended(struct engine_event *event, bool ok)
{
	struct plain_call *pc = PLAIN_FROM(event, ended);

	pc->has_ended = true;
	budget_call_over(pc->budget);
	atomic_fetch_sub(&pc->face->load, 1);
	if (pc->incall) {
		if (!ok || pc->cancelled)
			incall_cancel(pc->incall);
		unlist(pc);
		incall_unref(pc->incall);
		pc->incall = NULL;
	}
	tell_progress(pc->face);
	plain_unref(pc);
}

/* A oneway is acknowledged before it runs, and nobody can end it any more. */
static void acknowledge(pyr_call *call)
{
	call->is_oneway = true;
	call->answer.is_given = true;
	call->deadline = ENGINE_FOREVER;
	reply(call, NULL);
}

/* The request is a stream and nothing else: its first message is an item, if there is one. */
static bool is_all_stream(const struct plain_call *pc)
{
	const struct codec_operation *op = operation_of(pc->incall);

	return op->in_item && op->table->n_in == 0;
}

static bool begin_stream(struct plain_call *pc)
{
	struct span first = { 0 };
	char text[192];
	int code;

	if (!plain_stream_serve(pc, &pc->face->options)) {
		incall_fail(pc->incall, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return false;
	}
	if (pc->request)
		first = plain_payload(pc);
	if (!is_all_stream(pc))
		pc->incall->request.payload = first;
	code = plain_stream_begin(pc->stream, is_all_stream(pc) && pc->request ? &first : NULL,
				  !pc->request, text, sizeof(text));
	if (code)
		incall_fail(pc->incall, code, "%s", text);
	return code == 0;
}

static void run(struct plain_call *pc)
{
	pyr_call *call = pc->incall;
	const struct codec_operation *op = operation_of(pc->incall);

	if (!op->in_item && !op->out_item)
		call->request.payload = plain_payload(pc);
	else if (!begin_stream(pc))
		return;
	if ((op->table->flags & PYR__ONEWAY) && incall_has_method(call))
		acknowledge(call);
	arena_charge_to(&call->arena, pc->budget);
	if (!incall_submit(pc->face->options.executor, &pc->lane, call))
		incall_fail(call, PYR_UNAVAILABLE, "the daemon has stopped");
}

static void on_received(struct engine_event *event, bool ok)
{
	struct plain_call *pc = PLAIN_FROM(event, received);
	uint32_t max = pc->face->options.max_message;
	size_t n = pc->request ? grpc_byte_buffer_length(pc->request) : 0;

	if (pc->has_ended)
		; /* cancelled: nobody waits */
	else if (!ok ||
		 (!pc->request &&
		  !is_all_stream(pc))) /* both are seen where the caller sent none, or is gone */
		incall_fail(pc->incall, PYR_INTERNAL, "the call came without a request message");
	else if (n > max)
		incall_fail(pc->incall, PYR_RESOURCE_EXHAUSTED,
			    "the request has %zu bytes, %u are allowed", n, (unsigned)max);
	else
		run(pc);
	plain_unref(pc);
}

/* ---- calls that come in ---- */

static struct plain_call *new_call(struct plain_face *face, grpc_call *call,
				   const struct door_peer *who, struct budget *budget)
{
	size_t cost = sizeof(struct plain_call) + sizeof(pyr_call);
	struct plain_call *pc = NULL;

	if (budget_charge(budget, cost) && !(pc = calloc(1, sizeof(*pc))))
		budget_release(budget, cost);
	if (!pc)
		return NULL;
	pc->refs = 1;
	pc->budget = budget;
	budget_ref(budget);
	pc->cost = cost;
	pc->face = face;
	atomic_fetch_add(&face->refs, 1);
	pc->call = call;
	pc->received.done = on_received;
	pc->answered.done = on_answered;
	pc->ended.done = on_ended;
	pc->whole = grpc_empty_slice();
	pc->text = grpc_empty_slice();
	snprintf(pc->peer, sizeof(pc->peer), "%s", who->address);
	pc->is_local = who->is_local;
	snprintf(pc->identity, sizeof(pc->identity), "%s", who->identity);
	pc->has_credentials = who->has_credentials;
	pc->credentials = (struct pyr_credentials){ who->pid, who->uid, who->gid };
	return pc;
}

/* Whether the object takes calls now, as such. Returns false after the refusal. */
static bool is_open(struct plain_call *pc, const struct object *object)
{
	struct plain_face *face = pc->face;

	if (atomic_load(&face->is_draining) && !object->answers_last)
		refuse(pc, PYR_UNAVAILABLE, "%s is stopping", face->address);
	else if (!(face->options.faces & FACE_GRPC) && !object->is_of_grpc)
		refuse(pc, PYR_UNIMPLEMENTED, "plain gRPC is switched off at %s", face->address);
	else
		return true;
	return false;
}

/* Returns a new reference, or NULL after the refusal. */
static struct object *find_object(struct plain_call *pc, struct span interface, struct span id)
{
	struct object_table *objects = pc->face->options.objects;
	int shown = (int)(id.n < SHOWN_MAX ? id.n : SHOWN_MAX);
	static const struct object none = { 0 };
	struct object *object;
	size_t n = 0;

	object = id.p ? objects_find(objects, id) : objects_default(objects, interface, &n);
	if (object)
		return object;
	if (!is_open(pc, &none))
		return NULL;
	if (id.p ? objects_would_make(objects, id)
		 : n == 0 && objects_would_make_default(objects, interface))
		refuse(pc, PYR_RESOURCE_EXHAUSTED, "out of memory for an object of %.*s",
		       (int)interface.n, (const char *)interface.p);
	else if (id.p)
		refuse(pc, PYR_NOT_FOUND, "no object '%.*s' at %s", shown, (const char *)id.p,
		       pc->face->address);
	else if (n == 0)
		refuse(pc, PYR_UNIMPLEMENTED, "no object of %.*s at %s", (int)interface.n,
		       (const char *)interface.p, pc->face->address);
	else
		refuse(pc, PYR_FAILED_PRECONDITION,
		       "%zu objects of %.*s here: set " PLAIN_OBJECT_KEY, n, (int)interface.n,
		       (const char *)interface.p);
	return NULL;
}

static void set_chain(struct plain_face *face, pyr_call *call)
{
	uint64_t n = ++face->n_taken;

	memcpy(call->task.chain, face->id, sizeof(face->id));
	memcpy(call->task.chain + sizeof(face->id), &n, sizeof(n));
}

/* Returns false after the refusal. */
static bool may_call(struct plain_call *pc, const struct object *object, unsigned place)
{
	struct rules *rules = pc->face->options.rules;
	struct rules_question question = { .action = "call",
					   .object = object->id,
					   .from = pc->peer };
	char uid[IDENTITY_UID], text[512];
	unsigned line;

	if (!rules || object->is_built_in)
		return true;
	rules_refresh(rules, false);
	question.who =
		identity_of(pc->identity, pc->has_credentials ? &pc->credentials : NULL, uid);
	question.target = object->interface->table->operations[place].name;
	if (rules_allow(rules, &question, &line))
		return true;
	refuse(pc, PYR_PERMISSION_DENIED, "%s",
	       rules_refuse(rules, &question, line, text, sizeof(text)));
	return false;
}

/* Makes the pyr_call that the method and metadata ask for; NULL after the refusal. */
static pyr_call *address_call(struct plain_call *pc, const grpc_call_details *details,
			      const grpc_metadata_array *metadata)
{
	struct span path = core_span(&details->method), interface, operation;
	char name[PLAIN_NAME_MAX];
	struct object *object;
	pyr_call *call;
	int place;

	if (!plain_parse_path(path, &interface, &operation)) {
		refuse(pc, PYR_UNIMPLEMENTED, "no method '%.*s' at %s",
		       (int)(path.n < SHOWN_MAX ? path.n : SHOWN_MAX), (const char *)path.p,
		       pc->face->address);
		return NULL;
	}
	object = find_object(pc, interface, core_find_metadata(metadata, PLAIN_OBJECT_KEY));
	if (object && !is_open(pc, object)) {
		object_unref(object);
		object = NULL;
	}
	if (!object)
		return NULL;
	place = object_operation(object, plain_operation_name(interface, operation, name));
	if (place < 0) {
		refuse(pc, PYR_UNIMPLEMENTED, "object '%.*s' (%s) has no operation %.*s.%.*s",
		       SHOWN_MAX, object->id, object->interface->table->name, (int)interface.n,
		       (const char *)interface.p, (int)operation.n, (const char *)operation.p);
		object_unref(object);
		return NULL;
	}
	if (!may_call(pc, object, (unsigned)place)) {
		object_unref(object);
		return NULL;
	}
	call = incall_new(&origin, pc, object, (unsigned)place);
	object_unref(object);
	if (!call) {
		refuse(pc, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	call->request.max_message = pc->face->options.max_message;
	atomic_fetch_add(&pc->refs, 1); /* release() gives it back */
	call->deadline = plain_deadline(details->deadline);
	incall_set_ids(call, core_find_metadata(metadata, PLAIN_CORRELATION_KEY),
		       core_find_metadata(metadata, PLAIN_TRACEPARENT_KEY));
	set_chain(pc->face, call);
	return call;
}

/* Returns false after the call has failed. */
static bool take_annotations(struct plain_call *pc, const grpc_metadata_array *metadata)
{
	size_t size;
	const char *wrong = plain_annotations_take(pc->incall, metadata, &size);

	if (!wrong && !charge(pc, size))
		wrong = "the calls of this connection take too much";
	if (wrong)
		incall_fail(pc->incall, PYR_RESOURCE_EXHAUSTED, "%s", wrong);
	return !wrong;
}

void plain_take(struct plain_face *face, grpc_call *call, const grpc_call_details *details,
		const grpc_metadata_array *metadata, const struct door_peer *who,
		struct budget *budget)
{
	grpc_op end = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };
	grpc_op receive = { .op = GRPC_OP_RECV_MESSAGE };
	struct plain_call *pc = new_call(face, call, who, budget);

	if (!pc) {
		grpc_call_cancel_with_status(call, GRPC_STATUS_RESOURCE_EXHAUSTED,
					     "the calls of this connection take too much", NULL);
		grpc_call_unref(call);
		return;
	}
	end.data.recv_close_on_server.cancelled = &pc->cancelled;
	receive.data.recv_message.recv_message = &pc->request;
	if (!plain_start(pc, &end, 1, &pc->ended)) {
		plain_unref(pc);
		return;
	}
	atomic_fetch_add(&face->load, 1);
	if (!budget_call(budget, face->options.max_calls))
		refuse(pc, PYR_RESOURCE_EXHAUSTED,
		       "%u calls of this connection are running at %s, the maximum",
		       face->options.max_calls, face->address);
	else if (face->options.has_key && !pc->identity[0])
		refuse(pc, PYR_UNAUTHENTICATED,
		       "SecurityError: %s requires a shared key, which plain gRPC calls cannot "
		       "prove, or a certificate",
		       face->address);
	else if (face->options.is_guarded)
		refuse(pc, PYR_FAILED_PRECONDITION,
		       "%s requires a handshake, which plain gRPC calls do not have",
		       face->address);
	else
		pc->incall = address_call(pc, details, metadata);
	if (pc->incall)
		list(pc);
	if (pc->incall && !take_annotations(pc, metadata))
		; /* it has failed */
	else if (pc->incall && !plain_start(pc, &receive, 1, &pc->received))
		incall_fail(pc->incall, PYR_INTERNAL, "the request cannot be read");
	plain_unref(pc);
}
