/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_REFLECTION_H
#define PYRITE_REFLECTION_H
/*
 * gRPC's server reflection, both versions, of a daemon: which interfaces its objects have, as
 * protobuf describes them. It is found by plain gRPC calls alone: an object over a link tells its
 * interface itself. Source: the protocol of grpc/reflection/v1/reflection.proto.
 */
#include "object/object.h"

#define REFLECTION_V1      "grpc.reflection.v1.ServerReflection"
#define REFLECTION_V1ALPHA "grpc.reflection.v1alpha.ServerReflection"

struct reflection;

/* may_see: whether the caller may: 0, or what the method returns; still_sees: the same before each
 * answer. objects: whose; must last until reflection_stop(). Returns: owned, reflection_free();
 * NULL when memory is out. */
struct reflection *
reflection_new(struct object_table *objects, int (*may_see)(pyr_daemon *daemon, pyr_call *call),
	       bool (*still_sees)(const pyr_daemon *daemon, const pyr_call *call),
	       pyr_daemon *daemon);
/* An interface that is there besides those of the objects. */
void reflection_add(struct reflection *reflection, const struct pyr__interface *interface);
/* Objects have come or gone; streams end. Any thread, any lock. */
void reflection_changed(struct reflection *reflection);
void reflection_stop(struct reflection *reflection);
void reflection_free(struct reflection *reflection);

/* The object of that version, with a reference; NULL when memory is out. With the table's lock. */
struct object *reflection_object(struct reflection *reflection, bool is_alpha, const char *address);
#endif
