/* SPDX-License-Identifier: MIT */
#include "reference/reference.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/idtab.h"
#include "base/random.h"
#include "exec/exec.h"
#include "reference/references.h"

/* Set once, when the library is loaded. */
static const struct reference_maker *maker;
static struct object *(*make_forward)(struct import *import);

/* What references to an object of this process have in common. Its object's, from the first one on.
 */
struct home {
	struct idtab_node node; /* in homes.table, by the object's id */
	struct object *object;  /* not counted */
	struct buf encoded;
};

static struct {
	pthread_mutex_t lock; /* a leaf; guards the table, and home and value of objects */
	struct idtab table;
} homes = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const struct codec_references codec_kind;

void reference_set_maker(const struct reference_maker *how)
{
	maker = how;
	codec_set_references(&codec_kind);
}

const struct reference_maker *reference_maker(void)
{
	return maker;
}

/* ---- homes ---- */

/* Nobody has the object any more. */
static void leave_home(struct object *object)
{
	struct home *home = object->home;

	if (home) {
		pthread_mutex_lock(&homes.lock);
		idtab_remove(&homes.table, &home->node);
		pthread_mutex_unlock(&homes.lock);
		buf_free(&home->encoded);
		free(home);
	}
	if (object->executor)
		exec_unref(object->executor);
}

static bool encode_home(struct home *home)
{
	const struct object *object = home->object;
	const struct pyr__interface *table = object->interface->table;
	struct codec_reference encoded = { .fingerprint = table->fingerprint };

	encoded.interface = span_of(table->name);
	encoded.link_local = (struct span){ home->node.id, REFERENCE_ID };
	if (!object->is_counted) {
		encoded.uri = span_of(object->uri);
		encoded.object = span_of(object->id);
	}
	codec_reference_write(&encoded, &home->encoded);
	return !home->encoded.broken;
}

/* With the lock. */
static struct home *build_home(struct object *object, const uint8_t id[REFERENCE_ID])
{
	struct home *home = calloc(1, sizeof(*home));

	if (!home)
		return NULL;
	home->object = object;
	memcpy(home->node.id, id, REFERENCE_ID);
	if (encode_home(home) && idtab_put(&homes.table, &home->node)) {
		object->fini = leave_home;
		return home;
	}
	buf_free(&home->encoded);
	free(home);
	return NULL;
}

static struct home *home_of(struct object *object)
{
	uint8_t id[REFERENCE_ID];
	struct home *home;

	pthread_mutex_lock(&homes.lock);
	if (!object->home && random_bytes(id, sizeof(id)))
		object->home = build_home(object, id);
	home = object->home;
	pthread_mutex_unlock(&homes.lock);
	return home;
}

void reference_name(const uint8_t id[REFERENCE_ID], char ret[REFERENCE_NAME])
{
	snprintf(ret, REFERENCE_NAME, "obj_%02x%02x%02x%02x", id[0], id[1], id[2], id[3]);
}

void reference_set_executor(struct object *object, struct executor *executor)
{
	exec_ref(executor);
	object->executor = executor;
	object->fini = leave_home;
}

struct object *reference_object(const struct codec_interface *interface, const char *name,
				const char *address, const void *methods, void *data)
{
	struct object *object = NULL;
	uint8_t id[REFERENCE_ID];
	char own[REFERENCE_NAME];

	if (random_bytes(id, sizeof(id))) {
		reference_name(id, own);
		object = object_new(interface, name ? name : own, address, methods, data);
	}
	if (!object)
		return NULL;
	pthread_mutex_lock(&homes.lock);
	object->home = build_home(object, id);
	pthread_mutex_unlock(&homes.lock);
	if (object->home)
		return object;
	object_unref(object);
	return NULL;
}

const uint8_t *reference_home(struct object *object)
{
	struct home *home = home_of(object);

	return home ? home->node.id : NULL;
}

/* Another reference to an object that may be losing its last one. */
static bool hold_again(struct object *object)
{
	int refs = atomic_load(&object->refs);

	while (refs > 0)
		if (atomic_compare_exchange_weak(&object->refs, &refs, refs + 1))
			return true;
	return false;
}

struct object *reference_find_home(const uint8_t id[REFERENCE_ID])
{
	struct object *object = NULL;
	struct home *home;

	pthread_mutex_lock(&homes.lock);
	home = (struct home *)idtab_get(&homes.table, id);
	if (home && hold_again(home->object))
		object = home->object;
	pthread_mutex_unlock(&homes.lock);
	if (object && object->is_counted && !object_enter_again(object)) {
		object_unref(object);
		object = NULL;
	}
	return object;
}

/* ---- references ---- */

static struct reference *new_reference(void)
{
	struct reference *reference = calloc(1, sizeof(*reference));

	if (reference)
		reference->refs = 1;
	return reference;
}

void reference_hold(struct object *object)
{
	object_ref(object);
	if (object->is_counted)
		(void)object_enter(object);
}

void reference_let_go(struct object *object)
{
	if (object->is_counted)
		object_leave(object);
	object_unref(object);
}

struct reference *reference_to_object(struct object *object)
{
	struct reference *reference = new_reference();

	if (reference)
		reference->object = object;
	else
		reference_let_go(object);
	return reference;
}

struct reference *reference_to_uri(const struct pyr__interface *interface, const char *uri)
{
	struct codec_reference encoded = { .fingerprint = interface->fingerprint };
	struct reference *reference = new_reference();

	if (!reference)
		return NULL;
	reference->uri = strdup(uri);
	reference->interface = strdup(interface->name);
	reference->fingerprint = interface->fingerprint;
	encoded.interface = span_of(interface->name);
	encoded.uri = span_of(uri);
	codec_reference_write(&encoded, &reference->encoded);
	if (reference->uri && reference->interface && !reference->encoded.broken)
		return reference;
	reference_unref(reference);
	return NULL;
}

struct reference *reference_ref(struct reference *reference)
{
	atomic_fetch_add_explicit(&reference->refs, 1, memory_order_relaxed);
	return reference;
}

void reference_unref(struct reference *reference)
{
	if (!reference || atomic_fetch_sub(&reference->refs, 1) != 1)
		return;
	if (reference->object)
		reference_let_go(reference->object);
	if (reference->forward)
		reference_let_go(reference->forward);
	import_unref(reference->import);
	peer_unref(reference->from);
	buf_free(&reference->encoded);
	free(reference->interface);
	free(reference->uri);
	free(reference);
}

struct reference *reference_copy(const struct reference *reference)
{
	struct reference *copy = new_reference();

	if (!copy)
		return NULL;
	copy->import = reference->import ? import_ref(reference->import) : NULL;
	copy->from = reference->from;
	if (copy->from)
		peer_ref(copy->from);
	copy->uri = reference->uri ? strdup(reference->uri) : NULL;
	copy->interface = reference->interface ? strdup(reference->interface) : NULL;
	copy->fingerprint = reference->fingerprint;
	copy->has_id = reference->has_id;
	memcpy(copy->id, reference->id, REFERENCE_ID);
	buf_append(&copy->encoded, reference->encoded.data, reference->encoded.n);
	if (!copy->encoded.broken && (copy->uri || !reference->uri) &&
	    (copy->interface || !reference->interface))
		return copy;
	reference_unref(copy);
	return NULL;
}

void reference_set_forwarder(struct object *(*make)(struct import *import))
{
	make_forward = make;
}

struct object *reference_forward(struct reference *reference)
{
	struct object *forward = atomic_load(&reference->forward), *before = NULL;

	if (forward)
		return forward;
	forward = make_forward(reference->import);
	if (!forward || atomic_compare_exchange_strong(&reference->forward, &before, forward))
		return forward;
	reference_let_go(forward);
	return before;
}

struct span reference_encoded(struct reference *reference)
{
	struct home *home;

	if (!reference->object)
		return span_of_buf(&reference->encoded);
	home = home_of(reference->object);
	return home ? span_of_buf(&home->encoded) : (struct span){ 0 };
}

/* NULL: it has none yet, or none at all. */
static const uint8_t *id_of(const struct reference *reference)
{
	const uint8_t *id = reference->has_id ? reference->id : NULL;

	if (!reference->object)
		return id;
	pthread_mutex_lock(&homes.lock);
	if (reference->object->home)
		id = reference->object->home->node.id;
	pthread_mutex_unlock(&homes.lock);
	return id;
}

bool reference_is_called(const struct reference *reference, const uint8_t id[REFERENCE_ID])
{
	const uint8_t *own = id_of(reference);

	return own && memcmp(own, id, REFERENCE_ID) == 0;
}

static const char *uri_of(const struct reference *reference)
{
	return !reference->object              ? reference->uri
	       : reference->object->is_counted ? NULL
					       : reference->object->uri;
}

bool reference_is_same(const struct reference *a, const struct reference *b)
{
	const uint8_t *x = id_of(a), *y = id_of(b);

	if (a == b || (a->object && a->object == b->object))
		return true;
	if (x && y)
		return memcmp(x, y, REFERENCE_ID) == 0;
	return uri_of(a) && uri_of(b) && strcmp(uri_of(a), uri_of(b)) == 0;
}

bool reference_is_of(const struct reference *reference, const struct pyr__interface *interface)
{
	if (reference->object)
		return codec_has_interface(reference->object->interface->table,
					   span_of(interface->name));
	return reference->interface && reference->fingerprint == interface->fingerprint &&
	       strcmp(reference->interface, interface->name) == 0;
}

/* ---- values ---- */

static struct reference *encode(const void *value, struct span *ret, const char **why)
{
	struct reference *reference = maker->of(value, why);

	if (!reference)
		return NULL;
	*ret = reference_encoded(reference);
	if (ret->p)
		return reference;
	*why = NULL;
	return NULL;
}

static const struct codec_references codec_kind = { encode, reference_encoded };

void reference_share(unsigned *n_users)
{
	pthread_mutex_lock(&homes.lock);
	++*n_users;
	pthread_mutex_unlock(&homes.lock);
}

bool reference_leave(struct object *object, const void *value, unsigned *n_users)
{
	bool is_last;

	pthread_mutex_lock(&homes.lock);
	is_last = --*n_users == 0;
	if (is_last && object->value == value)
		object->value = NULL;
	pthread_mutex_unlock(&homes.lock);
	return is_last;
}

void reference_stand(struct object *object, void *value, unsigned *n_users)
{
	pthread_mutex_lock(&homes.lock);
	if (!object->value) {
		object->value = value;
		object->n_users = n_users;
	}
	pthread_mutex_unlock(&homes.lock);
}

void *reference_value(struct object *object, const struct pyr__type *type)
{
	struct reference *reference;
	void *value;

	pthread_mutex_lock(&homes.lock);
	value = object->value;
	if (value)
		++*object->n_users;
	pthread_mutex_unlock(&homes.lock);
	if (value) {
		reference_let_go(object);
		return value;
	}
	reference = reference_to_object(object);
	return reference ? maker->make(reference, type) : NULL;
}
