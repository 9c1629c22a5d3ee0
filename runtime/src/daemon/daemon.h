/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DAEMON_H
#define PYRITE_DAEMON_H
#include <pyrite/pyrite.h>

#include <stdbool.h>

struct executor;

/* Whether a daemon of this process listens at address ("127.0.0.1:4000", "./u:/path"): its names
 * are leased. */
bool daemon_is_local(const char *address);
struct executor *daemon_executor(pyr_daemon *daemon);
#endif
