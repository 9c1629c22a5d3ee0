/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_STACK_H
#define PYRITE_STACK_H
/*
 * Stacks of tasks. A thread runs on its own stack, and enters others from there, one at a time;
 * what runs on one leaves it when it has to wait, and goes on when it is entered again. A stack
 * belongs to the thread that began it. Below each one lie pages that nobody may touch, so that an
 * overflow ends the process instead of running into something else. Sanitizers and valgrind are
 * told of it all.
 */
#include <stdbool.h>
#include <stddef.h>

struct stack;

enum { STACK_MIN = 16384, STACK_DEFAULT = 65536 };

/* size: bytes for frames, at least STACK_MIN. Returns NULL when memory or mappings are out. */
struct stack *stack_new(size_t size);
/* Not one that is yet to be entered again. */
void stack_free(struct stack *stack);

/* Makes it run main(arg) when it is entered next. It is new, or what ran on it is over. */
void stack_begin(struct stack *stack, void (*main)(void *arg), void *arg);
/* Runs it until it leaves. From the thread's own stack. Returns false when its main() is over. */
bool stack_enter(struct stack *stack);
/* Goes back to the thread's own stack; returns when entered again. On a stack. */
void stack_leave(void);

/* Bytes that are left of the thread's own stack; 0: it is not on that, or they are not known. */
size_t stack_room(void);

/* The stack that the calling thread runs on; NULL: its own. */
struct stack *stack_current(void);

/*
 * Calls fn(arg) on the thread's own stack: for what needs more room than a task may have, as gRPC
 * core and protobuf-c do. There nothing is known of the task, so what waits in fn() holds up the
 * whole thread.
 */
void stack_call(void (*fn)(void *arg), void *arg);
#endif
