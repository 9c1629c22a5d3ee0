/* SPDX-License-Identifier: MIT */
#include "face/grpc/health.h"

#include <pyrite/health.h>

#include <stdlib.h>
#include <string.h>

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

struct health {
	struct standings watches; /* the beginning */
	struct object_table *objects;
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
	enum status status = is_stopping ? NOT_SERVING : status_of(health, w->service);
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
			     "more than %d interfaces, or memory is out", LIST_MAX);
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
	health->may_see = may_see;
	health->daemon = daemon;
	if (standings_init(&health->watches))
		return health;
	free(health);
	return NULL;
}

void health_changed(struct health *health)
{
	standings_go_on(&health->watches);
}

void health_stop(struct health *health)
{
	standings_stop(&health->watches);
}

void health_free(struct health *health)
{
	if (health)
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
