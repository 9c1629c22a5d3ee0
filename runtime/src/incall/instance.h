/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_INSTANCE_H
#define PYRITE_INSTANCE_H
/*
 * What an object's methods find as their data, where that is not just what it was registered with:
 * an instance for the object, for each session, or for each call, made by the first call that needs
 * it; and whether the methods of one run one at a time.
 */
#include <pyrite/gen.h>

#include <stdatomic.h>
#include <stdbool.h>

#include "exec/exec.h"
#include "object/object.h"

struct instance {
	atomic_int refs;       /* the session's, and each call's; none of the object's own */
	struct object *object; /* counted and, once it is made, used, but by the object's own */
	struct exec_turn turn; /* of who makes it; of all its calls, if they are serial */
	void *data;            /* NULL until it is made */
	atomic_bool is_made;
	bool is_being_made; /* of who has the turn */
	bool is_single;     /* part of an object_life */
	struct exec_job job;
};

/* Of an object, constant but for the instance. */
struct object_life {
	enum pyr_instance_mode mode;
	bool is_serial;
	pyr_create_cb create;   /* NULL: the instance is what was registered, and there */
	pyr_destroy_cb destroy; /* of an instance; NULL: nothing to do */
	struct instance single; /* PYR_SINGLE */
};

/* Gives the object one, before anybody knows it. Returns false when memory is out. */
bool instance_begin(struct object *object, const struct pyr_register_options *options);

/* One that is not made yet, with a reference; NULL when memory is out. */
struct instance *instance_new(struct object *object);
struct instance *instance_ref(struct instance *instance);
/* NULL: nothing. The last one has it destroyed, by a method thread. Any lock may be held. */
void instance_unref(struct instance *instance);
/* The same by the only one who has it, here. In a method thread, without locks. */
void instance_end(struct instance *instance);

/* It is made. By who has the turn, in a call of its object. */
void instance_made(struct instance *instance, void *data);
/* The object's own, when nobody uses that any more: destroys it. In a method thread. */
void instance_end_single(struct object *object);
/* The turn that a call of it waits for; NULL: none. */
static inline struct exec_turn *instance_turn(struct instance *instance)
{
	return atomic_load(&instance->is_made) && !instance->object->life->is_serial
		       ? NULL
		       : &instance->turn;
}
#endif
