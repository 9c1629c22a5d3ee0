/* SPDX-License-Identifier: MIT */
/* What came over a link: counted as it comes, given back when nothing of it is left. */
#include <stdlib.h>
#include <string.h>

#include "reference/references_own.h"

enum { COST = 4 * sizeof(struct import) }; /* what an import counts for at its connection */

static struct import *new_import(struct peer *peer, const uint8_t *id)
{
	struct import *import = NULL;

	if (!budget_charge(peer->budget, COST))
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
	struct peer_references *tables = references_tables(peer);
	struct import *import = NULL;

	if (!tables)
		return NULL;
	pthread_mutex_lock(&tables->lock);
	import = (struct import *)idtab_get(&tables->imports, id);
	if (!import && tables->imports.n < peer->limits.max_references)
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
	ret->has_address = told->has_address;
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

/* Those that were not counted here. */
static void give_back(struct peer *peer, enum frame_type type, struct span rest)
{
	struct frame release = { .type = FRAME_RELEASE, .count = 1 };
	struct frame_reference told;

	while (frame_next_reference(&rest, type, &told) > 0) {
		release.reference = (struct span){ told.id, REFERENCE_ID };
		if (!told.is_home)
			peer_queue_aside(peer, &release);
	}
}

/* All of them, or none: then *rest begins with the first that was not counted. */
static struct import_list *bring_all(struct peer *peer, enum frame_type type, unsigned n,
				     struct span *rest)
{
	struct import_list *list = new_list(peer, n);
	struct frame_reference told;
	struct span before;

	while (list && list->n < n) {
		before = *rest;
		(void)frame_next_reference(rest, type, &told);
		if (!bring(peer, &told, &list->all[list->n])) {
			*rest = before;
			import_list_drop(list);
			return NULL;
		}
		list->n++;
	}
	return list;
}

int references_receive(struct peer *peer, const struct frame *frame, struct import_list **ret)
{
	struct span rest = frame->body;
	struct frame_reference told;
	unsigned n = 0;
	int more;

	*ret = NULL;
	while ((more = frame_next_reference(&rest, frame->type, &told)) > 0)
		n++;
	if (more < 0 || n > REFERENCES_PER_MESSAGE) {
		peer_protocol_error(peer, "invalid references, or too many");
		return PYR_INTERNAL;
	}
	if (n == 0)
		return 0;
	rest = frame->body;
	*ret = bring_all(peer, frame->type, n, &rest);
	if (*ret)
		return 0;
	give_back(peer, frame->type, rest);
	return PYR_RESOURCE_EXHAUSTED;
}

void references_refuse(struct peer *peer, const struct frame *frame)
{
	struct import_list *list;

	if (references_may_come(frame) && references_receive(peer, frame, &list) == 0)
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
	tables = references_tables(peer);
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
	is_lost = import->is_lost || import->is_told;
	pthread_mutex_unlock(&tables->lock);
	return is_lost;
}

/* ---- who is told of the end ---- */

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
	is_lost = import->is_lost || import->is_told;
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

void imports_lose(struct peer_references *tables, struct import_watch **list)
{
	struct idtab_node *node;
	size_t i;

	for (i = 0; i < tables->imports.n_buckets; i++)
		for (node = tables->imports.buckets[i]; node; node = node->next) {
			((struct import *)node)->is_lost = true;
			take_watches((struct import *)node, list);
		}
}

void imports_tell(struct import_watch *list)
{
	struct import_watch *watch;

	while ((watch = list)) {
		list = watch->next; /* once told, it may be gone */
		watch->lost(watch);
	}
}

/* One that is not known was given back meanwhile. */
void references_on_lost(struct peer *peer, const struct frame *frame)
{
	struct peer_references *tables = peer->references;
	struct import_watch *list = NULL;
	struct import *import;

	if (frame->reference.n != REFERENCE_ID)
		peer_protocol_error(peer, "a Lost without a reference");
	if (frame->reference.n != REFERENCE_ID || !tables)
		return;
	pthread_mutex_lock(&tables->lock);
	import = (struct import *)idtab_get(&tables->imports, frame->reference.p);
	if (import) {
		import->is_told = true;
		take_watches(import, &list);
	}
	pthread_mutex_unlock(&tables->lock);
	imports_tell(list);
}
