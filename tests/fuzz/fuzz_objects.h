/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_OBJECTS_H
#define PYRITE_FUZZ_OBJECTS_H
/* Objects of the users of modelled daemons: what they answer is what the model says for a key. */
#include <stdatomic.h>
#include <stdbool.h>

#include "talk.h"

/* Owned; *n_alive: one more, until it is released. */
struct talk_Server *talk_object_new(atomic_int *n_alive);
/* Until there is none. */
bool talk_object_wait(atomic_int *n_alive, int seconds);
#endif
