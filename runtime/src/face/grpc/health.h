/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_HEALTH_H
#define PYRITE_HEALTH_H
/*
 * gRPC's health checking, grpc.health.v1.Health, of a daemon: an interface is SERVING as long as
 * one of its objects is registered, and NOT_SERVING once the daemon drains. Source: the protocol of
 * grpc/health/v1/health.proto.
 */
#include "object/object.h"

#define HEALTH_ID "grpc.health.v1.Health" /* and the name of its interface */

struct health;

/* objects: whose; must last until health_stop(). may_see: who may have the list of all interfaces:
 * 0, or what the method returns. Returns: owned, health_free(); NULL when memory is out. */
struct health *health_new(struct object_table *objects,
			  int (*may_see)(pyr_daemon *daemon, pyr_call *call), pyr_daemon *daemon);
/* Objects have come or gone. Any thread, any lock. */
void health_changed(struct health *health);
/* All is NOT_SERVING, and those who watch are told so and left. The same. */
void health_stop(struct health *health);
void health_free(struct health *health);

/* The object, with a reference; NULL when memory is out. With the table's lock. */
struct object *health_object(struct health *health, const char *address);
#endif
