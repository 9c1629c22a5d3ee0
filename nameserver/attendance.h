/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_ATTENDANCE_H
#define PYRITE_NS_ATTENDANCE_H
/*
 * Who of the owners is there: each has an unanswered call here, which ends with its connection.
 * That end is told by a thread of the runtime, which leaves a note for the method thread; the rest
 * is the method thread's.
 */
#include <pyrite/pyrite.h>

#include "registry.h"

enum { ATTENDANCES = 16384, ATTENDANCES_EACH = 16 /* of a connection */ };

struct attendances;

/* Returns: owned; NULL when memory is out. */
struct attendances *attendances_new(void);
/* Waits a moment for the connections that are closing. Before the daemon is freed. */
void attendances_free(struct attendances *attendances);

/* The call is the owner's who knows the secret. Returns what the method returns. */
int attendances_add(struct attendances *attendances, pyr_call *call, const uint8_t *secret);

/* Whether the owner is here. */
bool attendances_has(struct attendances *attendances, const uint8_t *secret);

/* The owner goes to another name server: that his calls end says nothing, until he is back. */
void attendances_leave(struct attendances *attendances, const uint8_t *secret);

/* The names of owners who are gone become free, unless they are back already. */
void attendances_end(struct attendances *attendances, struct registry *registry);
#endif
