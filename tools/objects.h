/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TOOL_OBJECTS_H
#define PYRITE_TOOL_OBJECTS_H
/* What the commands share that talk to objects: call, describe, list, ping. */
#include <pyrite/value.h>

#include <stdbool.h>
#include <stdio.h>

/* "example.server" is short for "PYRONAME:example.server". Returns: owned, free(). */
char *objects_uri(const char *text);
/* The address of the daemon at which the object is: names are looked up. "host:port", "./u:path"
 * and
 * "@host:port" are addresses already. Returns: owned, free(); NULL with the last error set. */
char *objects_address(const char *text);

/* Tells the last error on stderr, with the members of an exception that an operation of the proxy
 * (or NULL) raised. Returns the exit code for it. */
int objects_complain(const char *command, pyr_proxy *proxy, bool is_json);

/* A string of JSON, safe for terminals. */
void objects_put_string(FILE *out, const char *text);
/* Milliseconds of an option: "1500". Returns false if it is no number from 1 on. */
bool objects_ms(const char *text, uint32_t *ret);
#endif
