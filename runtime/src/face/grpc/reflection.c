/* SPDX-License-Identifier: MIT */
/*
 * Requests and answers have more fields than an item of an IDL's stream can have, so they are read
 * and written here, as bytes. What is told is made when it is asked for, and again when objects
 * have come or gone since; each stream is sent a file's imports once.
 */
#include "face/grpc/reflection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "face/grpc/descriptor.h"
#include "face/grpc/proto_put.h"
#include "face/grpc/standing.h"

enum {
	EXTRA = 4, /* interfaces besides those of objects */
	REPLY_MAX =
		1 << 20, /* bytes of files in one answer; imports beyond are asked for by name */
	SHOWN = 200
};

/* ServerReflectionRequest */
enum {
	HOST = 1,
	FILE_BY_FILENAME = 3,
	FILE_CONTAINING_SYMBOL = 4,
	FILE_CONTAINING_EXTENSION = 5,
	ALL_EXTENSION_NUMBERS_OF_TYPE = 6,
	LIST_SERVICES = 7
};
/* ServerReflectionResponse */
enum {
	VALID_HOST = 1,
	ORIGINAL_REQUEST = 2,
	FILE_DESCRIPTOR_RESPONSE = 4,
	ALL_EXTENSION_NUMBERS_RESPONSE = 5,
	LIST_SERVICES_RESPONSE = 6,
	ERROR_RESPONSE = 7
};

struct reflection {
	struct standings streams; /* the beginning */
	struct object_table *objects;
	int (*may_see)(pyr_daemon *daemon, pyr_call *call);
	bool (*still_sees)(const pyr_daemon *daemon, const pyr_call *call);
	pyr_daemon *daemon;
	const struct pyr__interface *extra[EXTRA];
	size_t n_extra;
	atomic_uint_fast64_t changes; /* of objects */
	pthread_mutex_t lock;
	struct descriptors *all; /* lock; NULL: to be made */
	uint64_t made_at;        /* lock: changes then */
};

struct told {
	struct standing standing;
	struct stream_item *answer; /* that has no room yet */
	size_t at;
	bool *sent; /* files, of what was made at: */
	size_t n_sent;
	uint64_t made_at;
};

/* ---- what is told ---- */

static size_t add_tables(struct object **objects, size_t n, const struct pyr__interface **ret)
{
	size_t i, k, n_tables = 0;

	for (i = 0; i < n; i++) {
		for (k = 0; k < n_tables && ret[k] != objects[i]->interface->table; k++)
			;
		if (k == n_tables)
			ret[n_tables++] = objects[i]->interface->table;
	}
	return n_tables;
}

static struct descriptors *make(struct reflection *r)
{
	const struct pyr__interface **tables = NULL;
	struct descriptors *made = NULL;
	struct object **objects;
	ptrdiff_t n = objects_all(r->objects, &objects), i;
	size_t n_tables;

	if (n >= 0)
		tables = malloc(((size_t)n + EXTRA) * sizeof(*tables));
	if (tables) {
		n_tables = add_tables(objects, (size_t)n, tables);
		for (i = 0; i < (ptrdiff_t)r->n_extra; i++)
			tables[n_tables++] = r->extra[i];
		made = descriptors_new(tables, n_tables);
	}
	for (i = 0; i < n; i++) {
		object_leave(objects[i]);
		object_unref(objects[i]);
	}
	if (n > 0)
		free(objects);
	free(tables);
	return made;
}

/* With the lock. NULL when memory is out. */
static const struct descriptors *get(struct reflection *r)
{
	uint64_t changes = atomic_load(&r->changes);

	if (r->all && r->made_at == changes)
		return r->all;
	descriptors_free(r->all);
	r->made_at = changes;
	r->all = make(r);
	return r->all;
}

/* ---- requests ---- */

struct request {
	struct span whole, host, text; /* text: of what is asked for */
	unsigned what;                 /* number of its field; 0: nothing */
};

static bool is_utf8(struct span text)
{
	size_t at = 0, n = 1;
	uint32_t c;

	for (; at < text.n && n > 0; at += n)
		n = text_char((const char *)text.p + at, text.n - at, &c);
	return n > 0;
}

/* Reads a field; goes behind it. *text: of one that has a length. */
static bool next_field(struct span *rest, uint64_t *tag, struct span *text)
{
	const uint8_t *p = rest->p, *end = p + rest->n;
	uint64_t n;

	*text = (struct span){ 0 };
	if (!varint_get(&p, end, tag) || *tag >> 3 == 0)
		return false;
	switch (*tag & 7) {
	case 0:
		if (!varint_get(&p, end, &n))
			return false;
		n = 0;
		break;
	case 1:
		n = 8;
		break;
	case 2:
		if (!varint_get(&p, end, &n))
			return false;
		break;
	case 5:
		n = 4;
		break;
	default:
		return false;
	}
	if (n > (uint64_t)(end - p))
		return false;
	*text = (struct span){ p, (size_t)n };
	*rest = (struct span){ p + n, (size_t)(end - p - (ptrdiff_t)n) };
	return true;
}

/* Of several things asked for, the last one counts, as of any oneof. */
static bool read_request(struct span bytes, struct request *ret)
{
	struct span text, rest = bytes;
	uint64_t tag;

	*ret = (struct request){ .whole = bytes };
	while (rest.n > 0) {
		if (!next_field(&rest, &tag, &text))
			return false;
		if ((tag & 7) != 2)
			continue;
		if (tag >> 3 == HOST)
			ret->host = text;
		if (tag >> 3 < FILE_BY_FILENAME || tag >> 3 > LIST_SERVICES) {
			if (tag >> 3 == HOST && !is_utf8(text))
				return false;
			continue;
		}
		ret->what = (unsigned)(tag >> 3);
		ret->text = text;
		if (ret->what != FILE_CONTAINING_EXTENSION && !is_utf8(text))
			return false;
	}
	return true;
}

/* ---- answers ---- */

static void put_error(struct buf *out, int code, const char *format, struct span what)
{
	char shown[4 * SHOWN + 8], message[4 * SHOWN + 128], *copy = span_dup(what);
	struct buf error = { 0 };

	text_escape(shown, sizeof(shown), copy ? copy : "", SHOWN);
	free(copy);
	snprintf(message, sizeof(message), format, shown);
	proto_put_number(&error, 1, (uint64_t)code);
	proto_put_text(&error, 2, message);
	proto_put_message(out, ERROR_RESPONSE, &error);
}

static void put_services(const struct descriptors *all, struct buf *out)
{
	struct buf list = { 0 }, service = { 0 };
	const char *const *names;
	size_t n = descriptors_services(all, &names), i;

	for (i = 0; i < n; i++) {
		proto_put_text(&service, 1, names[i]);
		proto_put_message(&list, 1, &service);
	}
	proto_put_message(out, LIST_SERVICES_RESPONSE, &list);
}

/* What the stream has been sent, of what is told now. Returns false when memory is out. */
static bool remember(struct told *t, const struct reflection *r)
{
	size_t n = descriptors_n_files(r->all);
	bool *sent;

	if (t->sent && t->made_at == r->made_at)
		return true;
	sent = calloc(n ? n : 1, sizeof(*sent));
	if (!sent)
		return false;
	free(t->sent);
	t->sent = sent;
	t->n_sent = n;
	t->made_at = r->made_at;
	return true;
}

static void put_file(struct told *t, const struct descriptors *all, size_t place, struct buf *files)
{
	proto_put_bytes(files, 1, descriptors_file(all, place)->bytes);
	t->sent[place] = true;
}

/* The file, and what it imports, directly or not, that was not sent yet: each behind one that
 * needs it. */
static bool put_files(struct told *t, const struct descriptors *all, size_t place, struct buf *out)
{
	size_t n = descriptors_n_files(all), first = 0, last = 0;
	uint32_t *queue = malloc(n * sizeof(*queue)), i, other;
	const struct descriptor_file *file;
	struct buf files = { 0 };

	if (!queue)
		return false;
	put_file(t, all, place, &files);
	for (queue[last++] = (uint32_t)place; first < last; first++) {
		file = descriptors_file(all, queue[first]);
		for (i = 0; i < file->n_needs; i++) {
			other = file->needs[i];
			if (t->sent[other] ||
			    files.n + descriptors_file(all, other)->bytes.n > REPLY_MAX)
				continue;
			put_file(t, all, other, &files);
			queue[last++] = other;
		}
	}
	free(queue);
	proto_put_message(out, FILE_DESCRIPTOR_RESPONSE, &files);
	return true;
}

static void put_numbers(const struct request *q, struct buf *out)
{
	struct buf numbers = { 0 };

	proto_put_bytes(&numbers, 1, q->text);
	proto_put_message(out, ALL_EXTENSION_NUMBERS_RESPONSE, &numbers);
}

/* Returns false when memory is out. */
static bool put_answer(struct told *t, const struct reflection *r, const struct request *q,
		       struct buf *out)
{
	ptrdiff_t place;

	switch (q->what) {
	case FILE_BY_FILENAME:
	case FILE_CONTAINING_SYMBOL:
		place = q->what == FILE_BY_FILENAME ? descriptors_find_file(r->all, q->text)
						    : descriptors_find_symbol(r->all, q->text);
		if (place >= 0)
			return put_files(t, r->all, (size_t)place, out);
		put_error(out, PYR_NOT_FOUND,
			  q->what == FILE_BY_FILENAME ? "no file '%s' here" : "no symbol '%s' here",
			  q->text);
		return true;
	case FILE_CONTAINING_EXTENSION:
		put_error(out, PYR_NOT_FOUND, "no message has extensions here", (struct span){ 0 });
		return true;
	case ALL_EXTENSION_NUMBERS_OF_TYPE:
		if (descriptors_is_message(r->all, q->text))
			put_numbers(q, out);
		else
			put_error(out, PYR_NOT_FOUND, "no message '%s' here", q->text);
		return true;
	case LIST_SERVICES:
		put_services(r->all, out);
		return true;
	default:
		put_error(out, PYR_INVALID_ARGUMENT, "the request asks for nothing",
			  (struct span){ 0 });
		return true;
	}
}

static struct stream_item *item_of(struct buf *bytes)
{
	struct stream_item *item = bytes->broken ? NULL : calloc(1, sizeof(*item) + bytes->n);

	if (item && bytes->n > 0)
		memcpy(item->data, bytes->data, bytes->n);
	if (item)
		item->n = bytes->n;
	buf_free(bytes);
	return item;
}

/* Returns 0, or minus a status with the last error. */
static int answer(struct told *t, struct span bytes)
{
	struct reflection *r = (struct reflection *)t->standing.all;
	struct buf out = { 0 };
	struct request q;
	bool ok;

	if (!r->still_sees(r->daemon, t->standing.call)) /* rules have changed */
		return error_set(PYR_PERMISSION_DENIED,
				 "SecurityError: the caller may no longer inspect this daemon");
	if (!read_request(bytes, &q))
		return error_set(PYR_INVALID_ARGUMENT,
				 "the message is not a ServerReflectionRequest");
	if (q.host.n > 0)
		proto_put_bytes(&out, VALID_HOST, q.host);
	proto_put_bytes(&out, ORIGINAL_REQUEST, q.whole);
	pthread_mutex_lock(&r->lock);
	ok = get(r) && remember(t, r) && put_answer(t, r, &q, &out);
	pthread_mutex_unlock(&r->lock);
	out.broken |= !ok;
	t->answer = item_of(&out);
	t->at = 0;
	return t->answer ? 0 : error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
}

/* ---- streams ---- */

/* Returns 0 when there is no room for it now, 1 when there is nothing left to send. */
static int send_answer(struct told *t)
{
	int err = t->answer ? stream_hand_on(t->standing.stream, t->answer, &t->at) : 0;

	if (err < 0)
		return err == -PYR_CANCELLED ? error_set(PYR_CANCELLED, "the caller is gone") : err;
	if (err == 0) {
		free(t->answer);
		t->answer = NULL;
	}
	return !err;
}

static int step(struct standing *standing)
{
	struct told *t = (struct told *)standing;
	struct stream_item *item;
	bool has_ended;
	int status;

	if (atomic_load(&standing->all->is_stopping))
		return error_set(PYR_UNAVAILABLE, "the daemon is stopping");
	for (;;) {
		status = send_answer(t);
		stream_flush(standing->stream);
		if (status <= 0)
			return status;
		item = stream_take_item(standing->stream, &has_ended);
		if (!item)
			return has_ended;
		status = answer(t, (struct span){ item->data, item->n });
		stream_let_go_item(standing->stream, item);
		if (status < 0)
			return status;
	}
}

static void end_stream(struct standing *standing)
{
	struct told *t = (struct told *)standing;

	free(t->answer);
	free(t->sent);
}

/* ---- the objects ---- */

/* Items are bytes here; what stands for their fields is never packed. */
static const struct pyr__field items[] = {
	{ .id = 1, .name = "request", .kind = PYR__BYTES },
	{ .id = 1, .name = "response", .kind = PYR__BYTES },
};

static int shim(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out);

static const struct pyr__operation v1 = {
	.name = REFLECTION_V1 ".ServerReflectionInfo",
	.shim = shim,
	.fields = items,
	.flags = PYR__STREAM_IN | PYR__STREAM_OUT,
};
static const struct pyr__operation v1alpha = {
	.name = REFLECTION_V1ALPHA ".ServerReflectionInfo",
	.shim = shim,
	.fields = items,
	.flags = PYR__STREAM_IN | PYR__STREAM_OUT,
};
static const struct pyr__interface v1_interface = {
	.abi = PYR_GEN_ABI, .name = REFLECTION_V1, .operations = &v1, .n_operations = 1
};
static const struct pyr__interface v1alpha_interface = {
	.abi = PYR_GEN_ABI, .name = REFLECTION_V1ALPHA, .operations = &v1alpha, .n_operations = 1
};

/* The only method of either; it finds its data by its call. */
static int info(pyr_call *call)
{
	struct reflection *r = pyr_call_data(call);
	bool is_alpha = strcmp(pyr_call_operation(call), v1alpha.name) == 0;
	int err = r->may_see(r->daemon, call);

	if (err < 0)
		return err;
	return standing_begin(&r->streams, call, is_alpha ? &v1alpha : &v1, pyr__stream(call), NULL,
			      NULL);
}

static int shim(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out)
{
	(void)methods;
	(void)in;
	(void)out;
	return info(call);
}

struct object *reflection_object(struct reflection *r, bool is_alpha, const char *address)
{
	static int (*const methods[])(pyr_call *) = { info };
	const struct codec_interface *codec =
		codec_interface_get(is_alpha ? &v1alpha_interface : &v1_interface);
	struct object *object =
		codec ? objects_new(r->objects, codec, codec->table->name, address, methods, r)
		      : NULL;

	if (object)
		object->is_built_in = object->is_of_grpc = true;
	return object;
}

/* ---- as a whole ---- */

struct reflection *
reflection_new(struct object_table *objects, int (*may_see)(pyr_daemon *daemon, pyr_call *call),
	       bool (*still_sees)(const pyr_daemon *daemon, const pyr_call *call),
	       pyr_daemon *daemon)
{
	struct reflection *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->streams.step = step;
	r->streams.fini = end_stream;
	r->streams.size = sizeof(struct told);
	r->objects = objects;
	r->may_see = may_see;
	r->still_sees = still_sees;
	r->daemon = daemon;
	pthread_mutex_init(&r->lock, NULL);
	if (standings_init(&r->streams)) {
		reflection_add(r, &v1_interface);
		reflection_add(r, &v1alpha_interface);
		return r;
	}
	free(r);
	return NULL;
}

void reflection_add(struct reflection *r, const struct pyr__interface *interface)
{
	if (r->n_extra < EXTRA)
		r->extra[r->n_extra++] = interface;
}

void reflection_changed(struct reflection *r)
{
	atomic_fetch_add(&r->changes, 1);
}

void reflection_stop(struct reflection *r)
{
	standings_stop(&r->streams);
}

/* A last step of a stream may be to come: it looks at nothing but that all is stopping. */
void reflection_free(struct reflection *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	descriptors_free(r->all);
	r->all = NULL;
	pthread_mutex_unlock(&r->lock);
	pthread_mutex_destroy(&r->lock);
	standings_unref(&r->streams);
}
