/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_AUDIT_PARTS_H
#define PYRITE_AUDIT_PARTS_H
/* What the audit log (audit.h) is made of. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { AUDIT_LINE = 3072, AUDIT_SOURCE = 64, AUDIT_SOURCES = 128 };

#define AUDIT_SYSLOG "syslog:"

struct audit_problem {
	int code; /* enum pyr_status */
	char text[512];
};

/* What happened. Strings are borrowed, and from anywhere; NULL is "". */
struct audit_event {
	const char *who;      /* "cert:alice"; "": nobody has proved anything */
	const char *from;     /* address */
	const char *action;   /* "call", "connect", "register", "reload" */
	const char *target;   /* what it was done to, */
	const char *object;   /* of which object */
	const char *decision; /* "done", "refused", "failed", "left out" */
	const char *file;     /* with the rule, */
	unsigned line;        /* there; 0: none fits */
	const char *why;
	uint64_t count; /* of lines that are not there; 0: none */
};

/* Writes the line with its newline. Returns its length, below AUDIT_LINE. */
size_t audit_line(char ret[AUDIT_LINE], const struct audit_event *event, const struct timespec *at);

/* How much each source has said. One thread at a time. */
struct audit_source {
	char name[AUDIT_SOURCE]; /* "": the place is free */
	int64_t at_ms;           /* of the last look */
	uint32_t tokens;
	uint64_t left_out;
};
struct audit_rate {
	struct audit_source all; /* together */
	struct audit_source sources[AUDIT_SOURCES];
	uint64_t n_left_out; /* of all: not told yet */
};
/* Whether the source may say one more line. */
bool audit_rate_take(struct audit_rate *rate, const struct audit_event *event, int64_t now_ms);
/* The next source of which something was left out, and how much: which is then told. False: none.
 */
bool audit_rate_next(struct audit_rate *rate, char ret_name[AUDIT_SOURCE], uint64_t *ret_n);

/* Where lines go. One thread at a time. */
struct audit_sink {
	char *path; /* NULL: none */
	int fd;
	bool is_syslog;
	bool is_torn;    /* the last line was not written to its end */
	bool is_failing; /* told once */
	uint64_t lost;   /* lines */
};
bool audit_sink_open(struct audit_sink *sink, const char *where, struct audit_problem *problem);
void audit_sink_close(struct audit_sink *sink);
/* n bytes of whole lines, n > 0. */
void audit_sink_write(struct audit_sink *sink, const char *lines, size_t n);
#endif
