/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DAEMON_ENDING_H
#define PYRITE_DAEMON_ENDING_H
/* What is called when nobody looks at an object's data any more. */
#include <pyrite/pyrite.h>

#include "exec/exec.h"
#include "object/object.h"

/* Set before anybody knows the object; destroy: may be NULL, if only its own instance is to end.
 * Returns false when memory is out. */
bool ending_set(struct object *object, struct executor *executor, pyr_destroy_cb destroy);
/* Nobody got to know the object: nothing is called. */
void ending_forget(struct object *object);
/* Of one that is registered. Returns 0 or a status. */
int ending_replace(struct object_table *table, const char *id, struct executor *executor,
		   pyr_destroy_cb destroy);
#endif
