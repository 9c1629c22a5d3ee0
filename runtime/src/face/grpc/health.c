/* SPDX-License-Identifier: MIT */
#include "face/grpc/health.h"

#include <pyrite/health.h>

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "face/grpc/standing.h"

enum { LIST_MAX = 100, SHOWN = 200 };
enum { WATCH = 2 }; /* its place among the operations */

/* grpc_health_v1_HealthCheckResponse_ServingStatus, in short. */
enum status {
	SERVING = grpc_health_v1_HealthCheckResponse_SERVING,
	NOT_SERVING = grpc_health_v1_HealthCheckResponse_NOT_SERVING,
	SERVICE_UNKNOWN = grpc_health_v1_HealthCheckResponse_SERVICE_UNKNOWN
};

typedef struct grpc_health_v1_HealthCheckRequest check_request;
typedef struct grpc_health_v1_HealthCheckResponse check_response;

/* What a caller watches. */
struct watched {
	struct standing standing;
	char *service;
	int last; /* what it was told; minus 1: nothing */
};

/* What there are objects of, sorted: looked at by all who watch, whenever objects come or go. */
struct names {
	char **items;
	size_t n, room;
	bool is_broken; /* memory is out */
};

struct health {
	struct standings watches; /* the beginning */
	struct object_table *objects;
	atomic_uint_fast64_t changes; /* of objects */
	pthread_mutex_t lock;
	struct names names; /* lock */
	uint64_t made_at;   /* lock: changes then; 0: never */
	int (*may_see)(pyr_daemon *daemon, pyr_call *call);
	pyr_daemon *daemon;
};

static struct health *health_of(pyr_call *call)
{
	return pyr_call_data(call);
}

static enum status status_of(struct health *health, const char *service)
{
	struct object *object;
	size_t n = 0;

	if (!service[0] && atomic_load(&health->watches.is_stopping))
		return NOT_SERVING;
	if (!service[0])
		return SERVING;
	object = objects_default(health->objects, span_of(service), &n);
	object_unref(object);
	if (n == 0)
		return SERVICE_UNKNOWN;
	return atomic_load(&health->watches.is_stopping) ? NOT_SERVING : SERVING;
}

/* ---- which interfaces there are ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void clear(struct names *names)
{
	while (names->n > 0)
		free(names->items[--names->n]);
	free(names->items);
	*names = (struct names){ 0 };
}

static void add(struct names *names, const char *text)
{
	char *copy = strdup(text);

	if (copy && array_reserve(&names->items, &names->room, names->n + 1, sizeof(char *))) {
		names->items[names->n++] = copy;
		return;
	}
	free(copy);
	names->is_broken = true;
}

static void add_all(struct names *names, struct object_table *objects)
{
	const struct pyr__interface *table, *last = NULL;
	const char *const *base;
	struct object **all;
	ptrdiff_t n = objects_all(objects, &all), i;

	names->is_broken = n < 0;
	for (i = 0; i < n; i++) {
		table = all[i]->interface->table;
		if (table != last)
			add(names, table->name);
		for (base = table != last ? table->bases : NULL; base && *base; base++)
			add(names, *base);
		last = table;
		object_leave(all[i]);
		object_unref(all[i]);
	}
	if (n > 0)
		free(all);
	if (names->n > 1)
		qsort(names->items, names->n, sizeof(char *), by_text);
}

static bool is_built_in(const struct health *health, const char *service)
{
	const struct object_built_in *built_in;
	size_t i;

	for (i = 0; (built_in = health->objects->built_ins[i]); i++)
		if (strcmp(built_in->interface, service) == 0)
			return true;
	return false;
}

/* The same as status_of(), but that all objects are looked at once after each change, whoever asks
 * then. */
static enum status status_now(struct health *health, const char *service)
{
	uint64_t changes = atomic_load(&health->changes);
	bool is_there, is_known;

	if (!service[0] || is_built_in(health, service))
		return status_of(health, service);
	pthread_mutex_lock(&health->lock);
	if (health->made_at != changes) {
		clear(&health->names);
		add_all(&health->names, health->objects);
		health->made_at = health->names.is_broken ? 0 : changes;
	}
	is_known = health->made_at != 0;
	is_there = is_known && health->names.n > 0 &&
		   bsearch(&service, health->names.items, health->names.n, sizeof(char *), by_text);
	pthread_mutex_unlock(&health->lock);
	if (!is_known)
		return status_of(health, service);
	return is_there ? SERVING : SERVICE_UNKNOWN;
}

/* ---- Check ---- */

static int check(pyr_call *call, const check_request *request, const check_response **ret)
{
	check_response *response = pyr_call_alloc(call, sizeof(*response));
	enum status status = status_of(health_of(call), request->service);

	if (status == SERVICE_UNKNOWN)
		return pyr_fail(call, PYR_NOT_FOUND, "no object of %.*s here", SHOWN,
				request->service);
	if (!response)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	response->status = (enum grpc_health_v1_HealthCheckResponse_ServingStatus)status;
	*ret = response;
	return 0;
}

/* ---- Watch ---- */

static bool begin_watch(struct standing *standing, const void *data)
{
	struct watched *w = (struct watched *)standing;

	w->last = -1;
	w->service = strdup(data);
	return w->service;
}

static void end_watch(struct standing *standing)
{
	free(((struct watched *)standing)->service);
}

/* Tells the status if it is another than the one told last: what it was between two steps is not
 * told. */
static int step(struct standing *standing)
{
	struct watched *w = (struct watched *)standing;
	struct health *health = (struct health *)standing->all;
	bool is_stopping = atomic_load(&health->watches.is_stopping);
	enum status status = is_stopping ? NOT_SERVING : status_now(health, w->service);
	const check_response item = {
		.status = (enum grpc_health_v1_HealthCheckResponse_ServingStatus)status
	};
	int err = 0;

	if ((int)status != w->last)
		err = grpc_health_v1_Health_Watch_try_yield(standing->stream, &item);
	if (err == 0)
		w->last = (int)status;
	if (err < 0)
		return err;
	if (is_stopping)
		return error_set(PYR_UNAVAILABLE, "the daemon is stopping");
	return 0; /* without room it goes on when there is some */
}

static int watch(pyr_call *call, const check_request *request, pyr_stream *stream)
{
	return standing_begin(&health_of(call)->watches, call,
			      &grpc_health_v1_Health_interface.operations[WATCH], stream,
			      begin_watch, request->service);
}

/* ---- List ---- */

typedef struct pyr_string_grpc_health_v1_HealthCheckResponse_map statuses;

static bool put(pyr_call *call, statuses *map, const char *name, enum status status)
{
	size_t i;

	for (i = 0; i < map->n; i++)
		if (strcmp(map->items[i].key, name) == 0)
			return true;
	if (map->n == LIST_MAX)
		return false;
	map->items[map->n].value.status =
		(enum grpc_health_v1_HealthCheckResponse_ServingStatus)status;
	map->items[map->n].key = pyr_call_strdup(call, name);
	return map->items[map->n++].key;
}

static bool put_interfaces(pyr_call *call, statuses *map, const struct pyr__interface *table,
			   enum status status)
{
	const char *const *base;
	bool ok = !table->name[0] || put(call, map, table->name, status);

	for (base = table->bases; ok && base && *base; base++)
		ok = put(call, map, *base, status);
	return ok;
}

static int list(pyr_call *call, const struct grpc_health_v1_HealthListRequest *request,
		const struct grpc_health_v1_HealthListResponse **ret)
{
	struct health *health = health_of(call);
	struct grpc_health_v1_HealthListResponse *response =
		pyr_call_alloc(call, sizeof(*response));
	statuses *map = response ? &response->statuses : NULL;
	struct object **objects;
	ptrdiff_t n = -1, i;
	int err = health->may_see(health->daemon, call);
	bool ok = true;

	(void)request;
	if (err < 0)
		return err;
	if (map && (map->items = pyr_call_alloc(call, LIST_MAX * sizeof(*map->items))))
		n = objects_all(health->objects, &objects);
	if (n < 0)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	ok = put(call, map, "", status_of(health, ""));
	for (i = 0; i < n; i++) {
		ok = ok && put_interfaces(call, map, objects[i]->interface->table,
					  (enum status)map->items[0].value.status);
		object_leave(objects[i]);
		object_unref(objects[i]);
	}
	free(objects);
	*ret = response;
	return ok ? 0
		  : pyr_fail(call, PYR_RESOURCE_EXHAUSTED,
			     "more than %d interfaces, or out of memory", LIST_MAX);
}

/* ---- as a whole ---- */

struct health *health_new(struct object_table *objects,
			  int (*may_see)(pyr_daemon *daemon, pyr_call *call), pyr_daemon *daemon)
{
	struct health *health = calloc(1, sizeof(*health));

	if (!health)
		return NULL;
	health->watches.step = step;
	health->watches.fini = end_watch;
	health->watches.size = sizeof(struct watched);
	health->objects = objects;
	atomic_init(&health->changes, 1);
	pthread_mutex_init(&health->lock, NULL);
	health->may_see = may_see;
	health->daemon = daemon;
	if (standings_init(&health->watches))
		return health;
	free(health);
	return NULL;
}

void health_changed(struct health *health)
{
	atomic_fetch_add(&health->changes, 1);
	standings_go_on(&health->watches);
}

void health_stop(struct health *health)
{
	standings_stop(&health->watches);
}

/* A last step of a watch may be to come: it looks at nothing but that all is stopping. */
void health_free(struct health *health)
{
	if (!health)
		return;
	pthread_mutex_lock(&health->lock);
	clear(&health->names);
	pthread_mutex_unlock(&health->lock);
	pthread_mutex_destroy(&health->lock);
	standings_unref(&health->watches);
}

static const struct grpc_health_v1_Health_methods methods = {
	.Check = check,
	.Watch = watch,
	.List = list,
};

struct object *health_object(struct health *health, const char *address)
{
	const struct codec_interface *codec = codec_interface_get(&grpc_health_v1_Health_interface);
	struct object *object =
		codec ? objects_new(health->objects, codec, HEALTH_ID, address, &methods, health)
		      : NULL;

	if (object)
		object->is_built_in = object->is_of_grpc = object->answers_last = true;
	return object;
}
