/* SPDX-License-Identifier: MIT */
#include "reference/references_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An object that the other end has. */
struct export
{
	struct idtab_node node;
	struct object *object; /* counted, and used if it is counted itself */
	uint64_t count;        /* passed, and not given back */
	struct note *note;     /* counted: of one that stands for what may be lost; else NULL */
};

/* The other end is told when what was passed on is lost. Counted: by the export, and while it is
 * among those who are told. */
struct note {
	struct import_watch watch;
	atomic_int refs;
	struct peer *peer; /* counted */
	uint8_t id[REFERENCE_ID];
};

struct peer_references *references_tables(struct peer *peer)
{
	struct peer_references *tables = peer->references;

	if (tables)
		return tables;
	tables = calloc(1, sizeof(*tables));
	if (!tables)
		return NULL;
	pthread_mutex_init(&tables->lock, NULL);
	peer->references = tables;
	return tables;
}

void references_free(struct peer *peer)
{
	struct peer_references *tables = peer->references;

	if (!tables)
		return;
	idtab_free(&tables->exports);
	idtab_free(&tables->imports);
	pthread_mutex_destroy(&tables->lock);
	free(tables);
}

bool references_any(struct peer *peer)
{
	struct peer_references *tables;
	bool any;

	pthread_mutex_lock(&peer->lock);
	tables = peer->references;
	pthread_mutex_unlock(&peer->lock);
	if (!tables)
		return false;
	pthread_mutex_lock(&tables->lock);
	any = tables->exports.n > 0 || tables->imports.n > 0;
	pthread_mutex_unlock(&tables->lock);
	return any;
}

/* ---- exports ---- */

static void note_unref(struct note *note)
{
	if (atomic_fetch_sub(&note->refs, 1) != 1)
		return;
	peer_unref(note->peer);
	free(note);
}

/* It may overtake the message that brings the reference: so it is told again when that is bound. */
static void tell_lost(struct peer *peer, const uint8_t id[REFERENCE_ID])
{
	struct frame frame = { .type = FRAME_LOST };

	frame.reference = (struct span){ id, REFERENCE_ID };
	peer_queue_aside(peer, &frame);
}

/* With the lock of another peer. */
static void on_lost(struct import_watch *watch)
{
	struct note *note = (struct note *)watch;

	tell_lost(note->peer, note->id);
	note_unref(note);
}

/* Without memory it is told when it is bound. */
static void watch_owner(struct peer *peer, struct export *export)
{
	struct note *note = calloc(1, sizeof(*note));

	if (!note)
		return;
	*note = (struct note){ .watch = { .lost = on_lost }, .refs = 2, .peer = peer };
	memcpy(note->id, export->node.id, REFERENCE_ID);
	peer_ref(peer);
	export->note = note;
	if (!import_watch(export->object->stands_for, &note->watch))
		on_lost(&note->watch);
}

static void watch_no_more(struct export *export)
{
	if (import_unwatch(export->object->stands_for, &export->note->watch))
		note_unref(export->note);
	note_unref(export->note);
}

static struct export *new_export(struct peer_references *tables, struct object *object,
				 const uint8_t *id)
{
	struct export *export = calloc(1, sizeof(*export));

	if (!export)
		return NULL;
	memcpy(export->node.id, id, REFERENCE_ID);
	export->object = object;
	if (idtab_put(&tables->exports, &export->node)) {
		reference_hold(object); /* who passes it uses it */
		return export;
	}
	free(export);
	return NULL;
}

/* One more of the object is with the other end. Returns 0 or a status. */
static int add_export(struct peer *peer, struct object *object)
{
	struct peer_references *tables = references_tables(peer);
	const uint8_t *id = reference_home(object);
	struct export *export;
	int code = PYR_RESOURCE_EXHAUSTED;
	bool is_new = false;

	if (!tables || !id)
		return code;
	pthread_mutex_lock(&tables->lock);
	export = (struct export *)idtab_get(&tables->exports, id);
	if (!export && tables->exports.n < peer->limits.max_references)
		export = new_export(tables, object, id);
	if (export) {
		is_new = export->count++ == 0;
		code = 0;
	}
	pthread_mutex_unlock(&tables->lock);
	if (is_new && object->stands_for)
		watch_owner(peer, export);
	return code;
}

/* Out of the table, without its lock. */
static void end_export(struct export *export)
{
	if (export->note)
		watch_no_more(export);
	reference_let_go(export->object);
	free(export);
}

/* Returns false if the other end has not so many. */
static bool take_back(struct peer *peer, const uint8_t *id, uint64_t count)
{
	struct peer_references *tables = peer->references;
	struct export *export, *ended = NULL;
	bool fits;

	if (!tables)
		return false;
	pthread_mutex_lock(&tables->lock);
	export = (struct export *)idtab_get(&tables->exports, id);
	fits = export && count > 0 && export->count >= count;
	if (fits && (export->count -= count) == 0) {
		idtab_remove(&tables->exports, &export->node);
		ended = export;
	}
	pthread_mutex_unlock(&tables->lock);
	if (!ended)
		return fits;
	end_export(ended);
	peer_look_later(peer);
	return true;
}

/* It came over another link, and has no address: who holds it here stands in. */
static bool is_passed_on(const struct peer *peer, const struct reference *reference)
{
	return !reference->object && !reference->uri && reference->import->peer != peer;
}

/* The object that a reference leads to from here, if the other end can do with it only over this
 * link. NULL: it goes home, or by its URI. *code: why it cannot be passed at all. */
static struct object *exported(struct peer *peer, struct reference *reference, int *code)
{
	struct object *object = reference->object;

	if (peer->link->is_plain) {
		if (object ? object->is_counted : is_passed_on(peer, reference))
			*code = PYR_UNIMPLEMENTED;
		return NULL; /* it has a URI */
	}
	if (!is_passed_on(peer, reference))
		return object;
	object = reference_forward(reference);
	if (!object)
		*code = PYR_RESOURCE_EXHAUSTED;
	return object;
}

/* What is put in the list of a frame: the id under which the link knows it, and what the payload
 * calls it. Returns false if it goes by its URI. */
static bool describe(const struct peer *peer, const struct reference *reference,
		     struct object *object, struct frame_reference *ret)
{
	const struct import *import = reference->import;
	const uint8_t *id = object                           ? reference_home(object)
			    : import && import->peer == peer ? import->node.id
							     : NULL;

	if (!id)
		return false;
	*ret = (struct frame_reference){ .is_home = !object,
					 .has_address = object && !object->is_counted };
	memcpy(ret->id, id, REFERENCE_ID);
	memcpy(ret->name, reference->has_id ? reference->id : id, REFERENCE_ID);
	return true;
}

static const char *problem_of(int code)
{
	return code == PYR_UNIMPLEMENTED
		       ? "a reference to an object that has no address cannot go over plain gRPC"
		       : "more references than a message or a connection may carry";
}

/* From one to another, which is not: NULL: to the end. */
static void take_all_back(struct peer *peer, const struct codec_carried *from,
			  const struct codec_carried *to)
{
	const struct reference *r;
	struct object *object;

	for (; from != to && !peer->link->is_plain; from = from->next) {
		r = from->reference;
		object = is_passed_on(peer, r) ? atomic_load(&r->forward) : r->object;
		if (object)
			(void)take_back(peer, reference_home(object), 1);
	}
}

void references_unsend(struct peer *peer, const struct codec_carried *carried)
{
	take_all_back(peer, carried, NULL);
}

/* Returns 0 or a status. */
static int send_one(struct peer *peer, struct reference *reference, enum frame_type type,
		    struct buf *body, unsigned *n_sent)
{
	int code = 0;
	struct object *object = exported(peer, reference, &code);
	struct frame_reference told;

	if (code || !describe(peer, reference, object, &told))
		return code ? code : object ? PYR_RESOURCE_EXHAUSTED : 0;
	if (++*n_sent > REFERENCES_PER_MESSAGE)
		return PYR_RESOURCE_EXHAUSTED;
	if (object && (code = add_export(peer, object)))
		return code;
	frame_put_reference(body, type, &told);
	return 0;
}

int references_send(struct peer *peer, const struct codec_carried *carried, enum frame_type type,
		    struct buf *body, unsigned *ret, char *text, size_t n)
{
	const struct codec_carried *at;
	int code = 0;

	*ret = 0;
	for (at = carried; at; at = at->next)
		if ((code = send_one(peer, at->reference, type, body, ret)))
			break;
	if (!code && body->broken)
		code = PYR_RESOURCE_EXHAUSTED;
	if (!code)
		return 0;
	snprintf(text, n, "%s", problem_of(code));
	take_all_back(peer, carried, at);
	return code;
}

struct object *references_find(struct peer *peer, const uint8_t id[REFERENCE_ID])
{
	struct peer_references *tables = peer->references;
	struct export *export = NULL;
	struct object *object = NULL;

	if (!tables)
		return NULL;
	pthread_mutex_lock(&tables->lock);
	export = (struct export *)idtab_get(&tables->exports, id);
	if (export) {
		object = export->object;
		reference_hold(object);
	}
	pthread_mutex_unlock(&tables->lock);
	if (object && object->stands_for && import_is_lost(object->stands_for))
		tell_lost(peer, id);
	return object;
}

void references_on_release(struct peer *peer, const struct frame *frame)
{
	if (frame->reference.n != REFERENCE_ID ||
	    !take_back(peer, frame->reference.p, frame->count))
		peer_protocol_error(peer, "a Release of a reference that was not passed so often");
}

/* ---- the end ---- */

void references_end(struct peer *peer)
{
	struct peer_references *tables = peer->references;
	struct import_watch *lost = NULL;
	struct export *export;

	if (!tables)
		return;
	for (;;) {
		pthread_mutex_lock(&tables->lock);
		export = (struct export *)idtab_pop(&tables->exports);
		if (!export)
			imports_lose(tables, &lost);
		pthread_mutex_unlock(&tables->lock);
		if (!export)
			break;
		end_export(export);
	}
	imports_tell(lost);
	peer_look_later(peer); /* which may have been kept for them */
}
