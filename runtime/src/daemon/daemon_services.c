/* SPDX-License-Identifier: MIT */
/* What gRPC itself defines and every daemon serves: health and reflection, unless switched off. */
#include <pyrite/gen.h>

#include <pyrite/health.h>
#include <pyrite/inspect.h>

#include <stddef.h>

#include "daemon/daemon_inspect.h"
#include "daemon/daemon_own.h"
#include "face/grpc/health.h"
#include "face/grpc/reflection.h"
#include "reference/reference.h"

static pyr_daemon *daemon_of(struct object_table *table)
{
	return (pyr_daemon *)((char *)table - offsetof(pyr_daemon, objects));
}

static struct object *finish(pyr_daemon *d, struct object *object)
{
	if (object)
		reference_set_executor(object, d->executor);
	return object;
}

static struct object *make_health(struct object_table *table)
{
	pyr_daemon *d = daemon_of(table);

	return finish(d, health_object(d->health, d->host.address));
}

static struct object *make_v1(struct object_table *table)
{
	pyr_daemon *d = daemon_of(table);

	return finish(d, reflection_object(d->reflection, false, d->host.address));
}

static struct object *make_v1alpha(struct object_table *table)
{
	pyr_daemon *d = daemon_of(table);

	return finish(d, reflection_object(d->reflection, true, d->host.address));
}

static const struct object_built_in health = { .id = HEALTH_ID,
					       .interface = HEALTH_ID,
					       .make = make_health };
static const struct object_built_in v1 = { .interface = REFLECTION_V1, .make = make_v1 };
static const struct object_built_in v1alpha = { .interface = REFLECTION_V1ALPHA,
						.make = make_v1alpha };

static void on_changed(struct object_table *table)
{
	pyr_daemon *d = daemon_of(table);

	if (d->health)
		health_changed(d->health);
	if (d->reflection)
		reflection_changed(d->reflection);
}

bool daemon_services(pyr_daemon *d)
{
	if (d->face_host.faces & FACE_HEALTH) {
		if (!(d->health = health_new(&d->objects, daemon_may_inspect, d)))
			return false;
		objects_offer(&d->objects, &health);
	}
	if (d->face_host.faces & FACE_REFLECTION) {
		if (!(d->reflection =
			      reflection_new(&d->objects, daemon_may_inspect, daemon_is_seen, d)))
			return false;
		reflection_add(d->reflection, &pyrite_Daemon_interface);
		if (d->health)
			reflection_add(d->reflection, &grpc_health_v1_Health_interface);
		objects_offer(&d->objects, &v1);
		objects_offer(&d->objects, &v1alpha);
	}
	d->objects.changed = on_changed;
	return true;
}

void daemon_services_stop(pyr_daemon *d)
{
	if (d->health)
		health_stop(d->health);
	if (d->reflection)
		reflection_stop(d->reflection);
}

void daemon_services_free(pyr_daemon *d)
{
	health_free(d->health);
	reflection_free(d->reflection);
}
