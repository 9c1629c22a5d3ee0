/* SPDX-License-Identifier: MIT */
/*
 * The object "Pyrite.Daemon" of every daemon, on public functions but for what a table of
 * operations holds. It is made when somebody asks for it.
 */
#include "daemon/daemon_inspect.h"

#include <pyrite/daemon.h>
#include <pyrite/gen.h>
#include <pyrite/inspect.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/daemon_own.h"
#include "exec/exec.h"
#include "incall/incall.h"
#include "reference/reference.h"
#include "value/description.h"
#include "wire/codec.h"

enum { PAGE = 256, SIGNATURE_MAX = 1024 };

static int fail_memory(pyr_call *call)
{
	return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

static pyr_daemon *daemon_of(pyr_call *call)
{
	return pyr_call_data(call);
}

bool daemon_is_seen(const pyr_daemon *d, const pyr_call *call)
{
	if (d->inspect == PYR_DEFAULT && d->rules)
		return pyr_call_may(call, "inspect", "");
	return d->inspect == PYR_YES || (d->inspect == PYR_DEFAULT && incall_is_local(call));
}

int daemon_may_inspect(pyr_daemon *d, pyr_call *call)
{
	enum pyr_switch inspect = d->inspect;

	if (daemon_is_seen(d, call))
		return 0;
	if (inspect == PYR_DEFAULT && d->rules)
		return pyr_call_refuse(call, "inspect", "");
	return pyr_fail(call, PYR_PERMISSION_DENIED, "callers%s may not inspect the daemon at %s",
			inspect == PYR_NO ? "" : " on other hosts", d->host.address);
}

static int check(pyr_call *call)
{
	return daemon_may_inspect(daemon_of(call), call);
}

static int ping(pyr_call *call)
{
	(void)call;
	return 0;
}

static int info(pyr_call *call, const struct pyrite_DaemonInfo **ret)
{
	struct pyrite_DaemonInfo *info = pyr_call_alloc(call, sizeof(*info));
	pyr_daemon *d = daemon_of(call);

	if (!info)
		return fail_memory(call);
	info->address = d->host.address;
	info->version = pyr_version();
	info->started_ms = d->started_ms;
	info->threads = exec_threads(d->executor);
	*ret = info;
	return 0;
}

static uint32_t count_links(pyr_daemon *d)
{
	const struct peer *peer;
	uint32_t n = 0;

	pthread_mutex_lock(&d->lock);
	for (peer = d->peers; peer; peer = peer->served.next)
		n++;
	pthread_mutex_unlock(&d->lock);
	return n;
}

static int statistics(pyr_call *call, const struct pyrite_DaemonStatistics **ret)
{
	struct pyrite_DaemonStatistics *statistics = pyr_call_alloc(call, sizeof(*statistics));
	pyr_daemon *d = daemon_of(call);
	struct object **objects;
	ptrdiff_t n, i;
	int err = check(call);

	if (err < 0)
		return err;
	n = objects_all(&d->objects, &objects);
	if (!statistics || n < 0)
		return fail_memory(call);
	statistics->n_objects = (uint32_t)n;
	for (i = 0; i < n; i++) {
		statistics->n_calls += atomic_load(&objects[i]->n_calls);
		object_leave(objects[i]);
		object_unref(objects[i]);
	}
	free(objects);
	statistics->n_links = count_links(d);
	statistics->n_busy = (uint32_t)exec_load(d->executor);
	*ret = statistics;
	return 0;
}

/* Copies strings into call memory, all of them or none. */
static bool copy_texts(pyr_call *call, const char *const *texts, size_t n,
		       struct pyr_string_seq *ret)
{
	const char **copies = pyr_call_alloc(call, n * sizeof(*copies));

	if (!copies && n > 0)
		return false;
	ret->n = 0;
	ret->items = copies;
	for (; ret->n < n; ret->n++)
		if (!(copies[ret->n] = pyr_call_strdup(call, texts[ret->n])))
			return false;
	return true;
}

static bool copy_object(pyr_call *call, const struct pyr_daemon_object *object,
			struct pyrite_DaemonObject *ret)
{
	ret->id = pyr_call_strdup(call, object->id);
	ret->interface_name = pyr_call_strdup(call, object->interface);
	ret->n_calls = object->n_calls;
	return ret->id && ret->interface_name &&
	       copy_texts(call, object->names, object->n_names, &ret->names);
}

/* The place of the first object after that id. */
static size_t first_after(const struct pyr_daemon_objects *all, const char *after)
{
	size_t low = 0, high = all->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(all->items[middle]->id, after) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool fill_page(pyr_call *call, const struct pyr_daemon_objects *all, const char *after,
		      struct pyrite_DaemonPage *page)
{
	size_t first = after[0] ? first_after(all, after) : 0;
	size_t n = all->n - first < PAGE ? all->n - first : PAGE, i;
	struct pyrite_DaemonObject *objects = pyr_call_alloc(call, n * sizeof(*objects));

	if (!objects && n > 0)
		return false;
	for (i = 0; i < n; i++)
		if (!copy_object(call, all->items[first + i], &objects[i]))
			return false;
	page->objects.n = n;
	page->objects.items = objects;
	page->next = first + n < all->n ? objects[n - 1].id : "";
	return true;
}

static int objects(pyr_call *call, const char *after, const struct pyrite_DaemonPage **ret)
{
	struct pyrite_DaemonPage *page = pyr_call_alloc(call, sizeof(*page));
	struct pyr_daemon_objects *all;
	bool is_filled;
	int err = check(call);

	if (err < 0)
		return err;
	if (!page || pyr_daemon_list(daemon_of(call), &all) < 0)
		return fail_memory(call);
	is_filled = fill_page(call, all, after, page);
	pyr_free(all);
	if (!is_filled)
		return fail_memory(call);
	*ret = page;
	return 0;
}

static bool describe_operation(pyr_call *call, const struct pyr__operation *operation,
			       struct pyrite_OperationMetadata *ret)
{
	char signature[SIGNATURE_MAX];
	const char **raises;
	size_t n = 0;

	codec_signature(operation, signature, sizeof(signature));
	while (operation->raises && operation->raises[n])
		n++;
	raises = pyr_call_alloc(call, n * sizeof(*raises));
	ret->name = operation->name;
	ret->signature = pyr_call_strdup(call, signature);
	ret->fingerprint = operation->fingerprint;
	ret->is_oneway = operation->flags & PYR__ONEWAY;
	ret->is_idempotent = operation->flags & PYR__IDEMPOTENT;
	ret->timeout_ms = operation->timeout_ms;
	ret->exceptions.items = raises;
	for (; raises && ret->exceptions.n < n; ret->exceptions.n++)
		raises[ret->exceptions.n] = operation->raises[ret->exceptions.n]->name;
	return ret->signature && ret->exceptions.n == n;
}

static bool describe_object(pyr_call *call, const struct object *object,
			    struct pyrite_ObjectMetadata *ret)
{
	const struct pyr__interface *interface = object->interface->table;
	struct pyrite_OperationMetadata *operations;
	size_t n = 0, i;

	operations = pyr_call_alloc(call, interface->n_operations * sizeof(*operations));
	while (interface->bases && interface->bases[n])
		n++;
	ret->id = pyr_call_strdup(call, object->id);
	ret->uri = pyr_call_strdup(call, object->uri);
	ret->interface_name = interface->name;
	ret->fingerprint = interface->fingerprint;
	if (!ret->id || !ret->uri || (!operations && interface->n_operations > 0) ||
	    !copy_texts(call, interface->bases, n, &ret->bases))
		return false;
	for (i = 0; i < interface->n_operations; i++)
		if (!describe_operation(call, &interface->operations[i], &operations[i]))
			return false;
	ret->operations.n = interface->n_operations;
	ret->operations.items = operations;
	return true;
}

static bool tell_docs(pyr_call *call, const struct pyr__interface *interface,
		      struct pyrite_InterfaceMetadata *ret)
{
	size_t n = interface->docs ? interface->n_operations + 1u : 0, i;
	const char **docs = pyr_call_alloc(call, n * sizeof(*docs));

	if (!docs && n > 0)
		return false;
	for (i = 0; i < n; i++)
		docs[i] = interface->docs[i] ? interface->docs[i] : "";
	ret->docs.n = n;
	ret->docs.items = docs;
	return true;
}

static bool describe_interface(pyr_call *call, const struct pyr__interface *interface,
			       struct pyrite_InterfaceMetadata *ret)
{
	struct arena arena;
	struct span shape;
	size_t n = 0;
	bool ok;

	while (interface->bases && interface->bases[n])
		n++;
	arena_init(&arena, NULL, 0);
	ok = description_make(interface, &arena, &shape) && tell_docs(call, interface, ret) &&
	     copy_texts(call, interface->bases, n, &ret->bases) &&
	     (ret->shape.items = pyr_call_alloc(call, shape.n + 1));
	if (ok) {
		memcpy(ret->shape.items, shape.p, shape.n);
		ret->shape.n = shape.n;
		ret->name = interface->name;
		ret->fingerprint = interface->fingerprint;
	}
	arena_clear(&arena);
	return ok;
}

/* For who may look: *ret is a new reference. Returns 0, or what the method returns. */
static int find(pyr_call *call, const char *id, struct object **ret)
{
	pyr_daemon *d = daemon_of(call);
	int err = check(call);

	if (err < 0)
		return err;
	*ret = objects_find(&d->objects, span_of(id));
	return *ret ? 0
		    : pyr_fail(call, PYR_NOT_FOUND, "DaemonError: no object '%s' at %s", id,
			       d->host.address);
}

static int describe(pyr_call *call, const char *id, const struct pyrite_ObjectMetadata **ret)
{
	struct pyrite_ObjectMetadata *metadata = pyr_call_alloc(call, sizeof(*metadata));
	struct object *object;
	int err = find(call, id, &object);
	bool is_told;

	if (err < 0)
		return err;
	is_told = metadata && describe_object(call, object, metadata);
	object_unref(object);
	if (!is_told)
		return fail_memory(call);
	*ret = metadata;
	return 0;
}

static int interface_of(pyr_call *call, const char *id, const struct pyrite_InterfaceMetadata **ret)
{
	struct pyrite_InterfaceMetadata *metadata = pyr_call_alloc(call, sizeof(*metadata));
	struct object *object;
	int err = find(call, id, &object);
	bool is_told;

	if (err < 0)
		return err;
	is_told = metadata && describe_interface(call, object->interface->table, metadata);
	object_unref(object);
	if (!is_told)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED,
				"the interface of '%s' is too large to send, or out of memory", id);
	*ret = metadata;
	return 0;
}

static const struct pyrite_Daemon_methods methods = {
	.ping = ping,
	.info = info,
	.statistics = statistics,
	.objects = objects,
	.describe = describe,
	.interface_of = interface_of,
};

static struct object *make(struct object_table *table)
{
	pyr_daemon *d = (pyr_daemon *)((char *)table - offsetof(pyr_daemon, objects));
	const struct codec_interface *codec = codec_interface_get(&pyrite_Daemon_interface);
	struct object *object =
		codec ? objects_new(table, codec, pyrite_DAEMON_ID, d->host.address, &methods, d)
		      : NULL;

	if (object) {
		object->is_built_in = true;
		reference_set_executor(object, d->executor);
	}
	return object;
}

static const struct object_built_in built_in = {
	.id = pyrite_DAEMON_ID,
	.interface = "pyrite.Daemon",
	.is_reserved = true,
	.make = make,
};

void daemon_inspect_offer(pyr_daemon *d, enum pyr_switch inspect)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	d->started_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	d->inspect = inspect;
	objects_offer(&d->objects, &built_in);
}
