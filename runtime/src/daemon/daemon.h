/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DAEMON_H
#define PYRITE_DAEMON_H
#include <pyrite/pyrite.h>

#include <stdbool.h>

struct executor;

/* Whose an address ("127.0.0.1:4000", "./u:/path") is: the names of a daemon of this process are
 * leased; one that is closing has given its names back and takes no new ones. */
enum daemon_place { DAEMON_ELSEWHERE, DAEMON_HERE, DAEMON_CLOSING };
enum daemon_place daemon_place(const char *address);
struct executor *daemon_executor(pyr_daemon *daemon);
#endif
