/* SPDX-License-Identifier: MIT */
#include "reference/references.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { COST = 4 * sizeof(struct import) }; /* what an import counts for at its connection */

/* An object that the other end has. */
struct export
{
	struct idtab_node node;
	struct object *object; /* counted, and used if it is counted itself */
	uint64_t count;        /* passed, and not given back */
};

struct peer_references {
	pthread_mutex_t lock; /* guards the tables and what is in them; a leaf */
	struct idtab exports, imports;
};

/* With the peer's lock. NULL when memory is out. */
static struct peer_references *tables_of(struct peer *peer)
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
	struct peer_references *tables = tables_of(peer);
	const uint8_t *id = reference_home(object);
	struct export *export;
	int code = PYR_RESOURCE_EXHAUSTED;

	if (!tables || !id)
		return code;
	pthread_mutex_lock(&tables->lock);
	export = (struct export *)idtab_get(&tables->exports, id);
	if (!export && tables->exports.n < REFERENCES_MAX)
		export = new_export(tables, object, id);
	if (export) {
		export->count++;
		code = 0;
	}
	pthread_mutex_unlock(&tables->lock);
	return code;
}

/* Out of the table, without its lock. */
static void end_export(struct export *export)
{
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
		*code = atomic_load(&reference->interface_here) ? PYR_RESOURCE_EXHAUSTED
								: PYR_UNIMPLEMENTED;
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
	*ret = (struct frame_reference){ .is_home = !object };
	memcpy(ret->id, id, REFERENCE_ID);
	memcpy(ret->name, reference->object ? id : reference->id, REFERENCE_ID);
	return true;
}

static const char *problem_of(int code, const struct peer *peer)
{
	if (code == PYR_RESOURCE_EXHAUSTED)
		return "more references than a message or a connection may carry";
	if (peer->link->is_plain)
		return "a reference to an object that has no address cannot go over plain gRPC";
	return REFERENCE_UNKNOWN;
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
	snprintf(text, n, "%s", problem_of(code, peer));
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
	return object;
}

void references_on_release(struct peer *peer, const struct frame *frame)
{
	if (frame->reference.n != REFERENCE_ID ||
	    !take_back(peer, frame->reference.p, frame->count))
		peer_protocol_error(peer, "a Release of a reference that was not passed so often");
}

/* ---- imports ---- */

static struct import *new_import(struct peer *peer, const uint8_t *id)
{
	struct import *import = NULL;

	if (peer->references->imports.n >= REFERENCES_MAX || !budget_charge(peer->budget, COST))
		return NULL;
	import = calloc(1, sizeof(*import));
	if (import) {
		memcpy(import->node.id, id, REFERENCE_ID);
		import->peer = peer;
	}
	if (import && idtab_put(&peer->references->imports, &import->node)) {
		peer_ref(peer);
		return import;
	}
	free(import);
	budget_release(peer->budget, COST);
	return NULL;
}

/* NULL: it cannot be kept. */
static struct import *receive(struct peer *peer, const uint8_t *id)
{
	struct peer_references *tables = tables_of(peer);
	struct import *import = NULL;

	if (!tables)
		return NULL;
	pthread_mutex_lock(&tables->lock);
	import = (struct import *)idtab_get(&tables->imports, id);
	if (!import)
		import = new_import(peer, id);
	if (import && import->count == UINT32_MAX)
		import = NULL;
	if (import) {
		import->refs++;
		import->count++;
	}
	pthread_mutex_unlock(&tables->lock);
	return import;
}

/* One that is said to come home and is not here was given back: the message will be refused, unless
 * it is found otherwise. */
static bool bring(struct peer *peer, const struct frame_reference *told, struct brought *ret)
{
	*ret = (struct brought){ .import = NULL };
	memcpy(ret->name, told->name, REFERENCE_ID);
	if (told->is_home)
		ret->object = references_find(peer, told->id);
	else
		ret->import = receive(peer, told->id);
	return told->is_home || ret->import;
}

static struct import_list *new_list(struct peer *peer, unsigned n)
{
	size_t cost = sizeof(struct import_list) + n * sizeof(struct brought);
	struct import_list *list;

	if (!budget_charge(peer->budget, cost))
		return NULL;
	list = malloc(cost);
	if (!list) {
		budget_release(peer->budget, cost);
		return NULL;
	}
	budget_ref(peer->budget);
	list->budget = peer->budget;
	list->cost = cost;
	list->n = 0;
	return list;
}

bool references_receive(struct peer *peer, const struct frame *frame, struct import_list **ret)
{
	struct span rest = frame->body;
	struct import_list *list;
	struct frame_reference told;
	unsigned n = 0;
	int more;

	*ret = NULL;
	while ((more = frame_next_reference(&rest, frame->type, &told)) > 0)
		n++;
	if (more < 0 || n > REFERENCES_PER_MESSAGE) {
		peer_protocol_error(peer, "references that are no ids, or too many");
		return false;
	}
	list = n > 0 ? new_list(peer, n) : NULL;
	rest = frame->body;
	while (list && list->n < n) {
		(void)frame_next_reference(&rest, frame->type, &told);
		if (!bring(peer, &told, &list->all[list->n]))
			break;
		list->n++;
	}
	if (n == 0 || (list && list->n == n)) {
		*ret = list;
		return true;
	}
	import_list_drop(list);
	peer_exhausted(peer, "the references");
	return false;
}

void references_refuse(struct peer *peer, const struct frame *frame)
{
	struct import_list *list;

	if (references_may_come(frame) && references_receive(peer, frame, &list))
		import_list_drop(list);
}

void import_list_drop(struct import_list *list)
{
	unsigned i;

	if (!list)
		return;
	for (i = 0; i < list->n; i++) {
		import_unref(list->all[i].import);
		if (list->all[i].object)
			reference_let_go(list->all[i].object);
	}
	budget_release(list->budget, list->cost);
	budget_unref(list->budget);
	free(list);
}

const struct brought *import_list_find(const struct import_list *list, unsigned *cursor,
				       const uint8_t name[REFERENCE_ID])
{
	unsigned n = list ? list->n : 0, i, at;

	for (i = 0; i < n; i++) {
		at = (*cursor + 2 * n - 1 - i) % n;
		if (memcmp(list->all[at].name, name, REFERENCE_ID) != 0)
			continue;
		*cursor = at;
		return &list->all[at];
	}
	return NULL;
}

struct import *import_ref(struct import *import)
{
	struct peer_references *tables = import->peer->references;

	pthread_mutex_lock(&tables->lock);
	import->refs++;
	pthread_mutex_unlock(&tables->lock);
	return import;
}

/* The last of it is gone. */
static void end_import(struct import *import)
{
	struct frame release = { .type = FRAME_RELEASE, .count = import->count };
	struct peer *peer = import->peer;

	release.reference = (struct span){ import->node.id, REFERENCE_ID };
	if (!import->is_lost && import->count > 0)
		peer_queue_aside(peer, &release);
	if (import->object)
		reference_let_go(import->object);
	budget_release(peer->budget, COST);
	free(import);
	peer_unref(peer);
}

void import_unref(struct import *import)
{
	struct peer_references *tables;
	bool is_last;

	if (!import)
		return;
	tables = import->peer->references;
	pthread_mutex_lock(&tables->lock);
	is_last = --import->refs == 0;
	if (is_last)
		idtab_remove(&tables->imports, &import->node);
	pthread_mutex_unlock(&tables->lock);
	if (is_last)
		end_import(import);
}

struct import *references_own(struct peer *peer, struct object *object)
{
	const uint8_t *id = reference_home(object);
	struct peer_references *tables;
	struct import *import = NULL;

	pthread_mutex_lock(&peer->lock);
	tables = tables_of(peer);
	pthread_mutex_unlock(&peer->lock);
	if (!tables || !id)
		return NULL;
	pthread_mutex_lock(&tables->lock);
	import = (struct import *)idtab_get(&tables->imports, id);
	if (!import)
		import = new_import(peer, id);
	if (import)
		import->refs++;
	if (import && !import->object) {
		import->object = object;
		reference_hold(object);
	}
	pthread_mutex_unlock(&tables->lock);
	return import;
}

void import_travels(struct import *import)
{
	if (import->object)
		reference_hold(import->object);
}

bool import_is_lost(struct import *import)
{
	struct peer_references *tables = import->peer->references;
	bool is_lost;

	pthread_mutex_lock(&tables->lock);
	is_lost = import->is_lost;
	pthread_mutex_unlock(&tables->lock);
	return is_lost;
}

/* ---- the end ---- */

static void link_watch(struct import_watch **list, struct import_watch *watch)
{
	watch->next = *list;
	watch->link = list;
	if (watch->next)
		watch->next->link = &watch->next;
	*list = watch;
}

static void unlink_watch(struct import_watch *watch)
{
	*watch->link = watch->next;
	if (watch->next)
		watch->next->link = watch->link;
	watch->link = NULL;
}

bool import_watch(struct import *import, struct import_watch *watch)
{
	struct peer_references *tables = import->peer->references;
	bool is_lost;

	pthread_mutex_lock(&tables->lock);
	is_lost = import->is_lost;
	if (!is_lost)
		link_watch(&import->watches, watch);
	pthread_mutex_unlock(&tables->lock);
	return !is_lost;
}

bool import_unwatch(struct import *import, struct import_watch *watch)
{
	struct peer_references *tables = import->peer->references;
	bool was_there;

	pthread_mutex_lock(&tables->lock);
	was_there = watch->link;
	if (was_there)
		unlink_watch(watch);
	pthread_mutex_unlock(&tables->lock);
	return was_there;
}

/* Moves them to a list of those to be told: from here on nobody takes them out. */
static void take_watches(struct import *import, struct import_watch **list)
{
	struct import_watch *watch;

	while ((watch = import->watches)) {
		unlink_watch(watch);
		watch->next = *list;
		*list = watch;
	}
}

static void lose_imports(struct peer_references *tables, struct import_watch **list)
{
	struct idtab_node *node;
	size_t i;

	for (i = 0; i < tables->imports.n_buckets; i++)
		for (node = tables->imports.buckets[i]; node; node = node->next) {
			((struct import *)node)->is_lost = true;
			take_watches((struct import *)node, list);
		}
}

void references_end(struct peer *peer)
{
	struct peer_references *tables = peer->references;
	struct import_watch *lost = NULL, *watch;
	struct export *export;

	if (!tables)
		return;
	for (;;) {
		pthread_mutex_lock(&tables->lock);
		export = (struct export *)idtab_pop(&tables->exports);
		if (!export)
			lose_imports(tables, &lost);
		pthread_mutex_unlock(&tables->lock);
		if (!export)
			break;
		end_export(export);
	}
	while ((watch = lost)) {
		lost = watch->next; /* once told, it may be gone */
		watch->lost(watch);
	}
	peer_look_later(peer); /* which may have been kept for them */
}
