/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DAEMON_H
#define PYRITE_DAEMON_H
#include <pyrite/pyrite.h>

#include <stdbool.h>

struct executor;

struct executor *daemon_executor(pyr_daemon *daemon);
#endif
