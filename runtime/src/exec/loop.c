/* SPDX-License-Identifier: MIT */
/* The loop of the program's own: pyr_fd() and pyr_dispatch(). */
#include <pyrite/pyrite.h>

#include <poll.h>

#include "base/error.h"
#include "base/stack.h"
#include "engine/engine.h"
#include "exec/callbacks.h"

enum { ROUNDS = 16 /* before the program has its turn again */ };

int pyr_fd(void)
{
	int fd = engine_loop_fd();
	int err = fd < 0 ? fd : callbacks_to_loop();

	if (err == 0)
		return fd;
	return error_set(-err, "%s",
			 err == -PYR_FAILED_PRECONDITION ? ENGINE_FORKED_TEXT
							 : "no memory or descriptor for a loop");
}

static void wait_for(int fd, int64_t timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	if (timeout_ms != 0)
		(void)poll(&wait, 1,
			   timeout_ms < 0 || timeout_ms > INT32_MAX ? -1 : (int)timeout_ms);
}

int pyr_dispatch(int64_t timeout_ms)
{
	bool came = true, ran = true, any = false;
	int fd = pyr_fd(), n;

	if (fd < 0)
		return fd;
	if (stack_current() || exec_current())
		return error_set(PYR_FAILED_PRECONDITION,
				 "pyr_dispatch() is for the program's loop, not for %s",
				 stack_current() ? "a task" : "a method or callback");
	if (!engine_loop_claim())
		return error_set(PYR_FAILED_PRECONDITION, "another thread is in pyr_dispatch()");
	wait_for(fd, timeout_ms);
	engine_loop_enter();
	for (n = 0; n < ROUNDS && (came || ran); n++) {
		came = engine_loop_poll();
		ran = exec_loop_run();
		any |= came || ran;
	}
	engine_loop_leave();
	return any;
}
