// SPDX-License-Identifier: MIT
/* A daemon and two coroutines that ask it, in one thread: each waits for its own answers. */
#include "clock.h"

#include <pyrite/coro.hpp>

#include <cstdio>

static unsigned n_ticks;
static int n_left = 2, status;

static int ticks(pyr_call *, uint32_t *ret)
{
	*ret = ++n_ticks;
	return 0;
}

static const struct loops_Clock_methods methods = { ticks };

static pyr::detached ask(const char *who, uint32_t ms, pyr_daemon *daemon, loops_Clock *clock)
{
	for (int i = 0; i < 2; i++) {
		uint32_t n = 0;

		co_await pyr::after(ms);
		if (loops_Clock_ticks_get(co_await pyr::ready(loops_Clock_ticks_start(clock)), &n) < 0)
			status = pyr_perror("ticks");
		std::printf("%s %u\n", who, n);
	}
	if (--n_left == 0)
		pyr_daemon_stop(daemon);
}

static void on_stopped(pyr_daemon *, void *is_over)
{
	*static_cast<bool *>(is_over) = true;
}

int main()
{
	pyr_daemon_options options = {};
	bool is_over = false;

	options.threads = 1;
	pyr_daemon *daemon = pyr_daemon_new(&options);
	loops_Clock *clock = loops_Clock_proxy(loops_Clock_register(daemon, nullptr, &methods, nullptr));

	if (pyr_daemon_start(daemon, on_stopped, &is_over) < 0)
		return pyr_perror("start");
	ask("first", 20, daemon, clock);
	ask("second", 400, daemon, clock);
	while (!is_over)
		if (pyr_dispatch(-1) < 0)
			return pyr_perror("dispatch");
	loops_Clock_free(clock);
	pyr_daemon_free(daemon);
	return status;
}
