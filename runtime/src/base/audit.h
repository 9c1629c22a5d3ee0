/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_AUDIT_H
#define PYRITE_AUDIT_H
/*
 * The audit log of a daemon: who did what and who was refused, a line of JSON each, in a file, in
 * syslog, or in a callback. Whoever says something never waits for the disk: lines are put into a
 * buffer under a lock that nothing is done with, and written by a thread of the log's own. What has
 * no room, and what one source says too often, is counted, and the number is a line. Any thread;
 * the lock is a leaf.
 */
#include <pyrite/pyrite.h>

#include "base/audit_parts.h"

struct audit;

struct audit_options {
	const char *where;  /* a file's path, AUDIT_SYSLOG, or "": neither */
	pyr_audit_cb heard; /* NULL: nobody; in the log's thread */
	void *data;
};

/* Returns: counted, one reference; NULL with *problem told. */
struct audit *audit_open(const struct audit_options *options, struct audit_problem *problem);
struct audit *audit_ref(struct audit *audit); /* NULL: NULL */
void audit_unref(struct audit *audit);        /* NULL: nothing */
/* Writes what is left, for two seconds at most; what is said from then on is lost. NULL: nothing.
 */
void audit_close(struct audit *audit);

/* NULL: nothing. */
void audit_say(struct audit *audit, const struct audit_event *event);
#endif
