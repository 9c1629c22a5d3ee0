/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TOOL_OBJECTS_H
#define PYRITE_TOOL_OBJECTS_H
/* What the commands share that talk to objects: call, describe, list, ping and so on. */
#include <pyrite/value.h>

#include <stdbool.h>
#include <stdio.h>

/* "example.server" is short for "PYRONAME:example.server". Returns: owned, free(). */
char *objects_uri(const char *text);
/* The URI that a PYRONAME or PYROMETA leads to. Returns: owned, free(); NULL with the last error
 * set.
 */
char *objects_found(const char *text);
/* The address of the daemon at which the object is: names are looked up. "host:port", "./u:path"
 * and
 * "@host:port" are addresses already. Returns: owned, free(); NULL with the last error set. */
char *objects_address(const char *text);

/* Tells the last error on stderr, with the members of an exception that an operation of the proxy
 * (or NULL) raised. Returns the exit code for it. */
int objects_complain(const char *command, pyr_proxy *proxy, bool is_json);
#endif
