/* SPDX-License-Identifier: MIT */
/* A socket that was handed over by systemd's protocol, sd_listen_fds(3), for the first daemon. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon_own.h"

enum { FIRST_FD = 3 };

int daemon_handed_over(void)
{
	static atomic_bool is_taken;
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");

	if (!pid || !n || !names || strcmp(n, "1") != 0 || strcmp(names, "pyrite") != 0 ||
	    strtol(pid, NULL, 10) != (long)getpid() || atomic_exchange(&is_taken, true))
		return -1;
	return FIRST_FD;
}
