/* SPDX-License-Identifier: MIT */
/*
 * A list of a daemon's objects: references to those that are there, the names that they have, then
 * one block with a copy of all. No two locks are held at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "daemon/daemon_own.h"
#include "naming/naming_lease.h"

struct named {
	const char *uri, *name;
};

struct listing {
	struct object **objects; /* counted and entered, sorted by id */
	size_t n;
	struct buf texts;    /* uri and name in turn, each with its NUL */
	struct named *names; /* sorted by both; of texts */
	size_t n_names;
};

/* Where the next pointer and the next text go. */
struct room {
	const char **pointers;
	char *text;
};

static int compare_objects(const void *a, const void *b)
{
	return strcmp((*(struct object *const *)a)->id, (*(struct object *const *)b)->id);
}

static int compare_names(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->uri, y->uri);

	return order ? order : strcmp(x->name, y->name);
}

static void on_name(void *data, const char *name, const char *uri)
{
	struct listing *l = data;

	buf_append(&l->texts, uri, strlen(uri) + 1);
	buf_append(&l->texts, name, strlen(name) + 1);
	l->n_names++;
}

/* One name may be held at several name servers. */
static void drop_doubles(struct listing *l)
{
	size_t i, n = 0;

	for (i = 0; i < l->n_names; i++)
		if (n == 0 || compare_names(&l->names[n - 1], &l->names[i]) != 0)
			l->names[n++] = l->names[i];
	l->n_names = n;
}

static bool find_names(struct listing *l, const char *address)
{
	const char *text;
	size_t i;

	lease_each(address, on_name, l);
	if (l->n_names == 0)
		return true;
	l->names = l->texts.broken ? NULL : calloc(l->n_names, sizeof(l->names[0]));
	if (!l->names)
		return false;
	text = (const char *)l->texts.data;
	for (i = 0; i < l->n_names; i++) {
		l->names[i].uri = text;
		l->names[i].name = text += strlen(text) + 1;
		text += strlen(text) + 1;
	}
	qsort(l->names, l->n_names, sizeof(l->names[0]), compare_names);
	drop_doubles(l);
	return true;
}

/* Where the names that lead to uri begin. */
static size_t first_name(const struct listing *l, const char *uri)
{
	size_t low = 0, high = l->n_names, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(l->names[middle].uri, uri) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void copy_object(const struct listing *l, const struct object *object, struct room *room,
			struct pyr_daemon_object *ret)
{
	size_t i;

	ret->id = text_keep(&room->text, object->id);
	ret->uri = text_keep(&room->text, object->uri);
	ret->interface = text_keep(&room->text, object->interface->table->name);
	ret->n_calls = atomic_load_explicit(&object->n_calls, memory_order_relaxed);
	ret->names = room->pointers;
	for (i = first_name(l, object->uri);
	     i < l->n_names && strcmp(l->names[i].uri, object->uri) == 0; i++)
		*room->pointers++ = text_keep(&room->text, l->names[i].name);
	ret->n_names = (size_t)(room->pointers - ret->names);
}

static size_t bytes_of_texts(const struct listing *l)
{
	size_t i, n = l->texts.n;

	for (i = 0; i < l->n; i++)
		n += strlen(l->objects[i]->id) + strlen(l->objects[i]->uri) +
		     strlen(l->objects[i]->interface->table->name) + 3;
	return n;
}

/* Head, items, pointers to them, pointers to names, texts: in one block. */
static struct pyr_daemon_objects *copy_all(const struct listing *l)
{
	size_t n_pointers = l->n + l->n_names, i;
	struct pyr_daemon_objects *all =
		malloc(sizeof(*all) + l->n * sizeof(struct pyr_daemon_object) +
		       n_pointers * sizeof(void *) + bytes_of_texts(l));
	struct pyr_daemon_object *object;
	const struct pyr_daemon_object **items;
	struct room room;

	if (!all)
		return NULL;
	object = (struct pyr_daemon_object *)(all + 1);
	items = (const struct pyr_daemon_object **)(object + l->n);
	room.pointers = (const char **)(items + l->n);
	room.text = (char *)(room.pointers + l->n_names);
	for (i = 0; i < l->n; i++) {
		copy_object(l, l->objects[i], &room, object);
		items[i] = object++;
	}
	all->n = l->n;
	all->items = items;
	return all;
}

static void free_listing(struct listing *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		object_leave(l->objects[i]);
		object_unref(l->objects[i]);
	}
	free(l->objects);
	free(l->names);
	buf_free(&l->texts);
}

int pyr_daemon_list(pyr_daemon *daemon, struct pyr_daemon_objects **ret)
{
	struct pyr_daemon_objects *all = NULL;
	struct listing l = { 0 };
	ptrdiff_t n;

	if (!daemon || !ret)
		return daemon ? error_missing("ret") : error_null("daemon");
	n = objects_all(&daemon->objects, &l.objects);
	l.n = n > 0 ? (size_t)n : 0;
	if (l.n > 0)
		qsort(l.objects, l.n, sizeof(struct object *), compare_objects);
	if (n >= 0 && find_names(&l, daemon->host.address))
		all = copy_all(&l);
	free_listing(&l);
	if (!all)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory for a list of objects");
	*ret = all;
	return 0;
}
