/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TOOL_DOCTOR_H
#define PYRITE_TOOL_DOCTOR_H
/* The parts of pyrite doctor: the steps that talk to Pyrite, and those below it. */
#include <pyrite/pyrite.h>

enum { DOCTOR_PATIENCE_MS = 5000 };
enum doctor_verdict { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WRONG, DOCTOR_SKIP };

struct doctor {
	bool is_json;
	unsigned n_said;
	enum doctor_verdict last;
	bool is_wrong;         /* something that did not end the way */
	char name_server[300]; /* its address; "": none was asked */
	char address[300];     /* of the daemon, as its URI has it */
};

/* Prints a step, and what to do about it. */
void doctor_say(struct doctor *d, enum doctor_verdict verdict, const char *step, const char *format,
		...) __attribute__((format(printf, 4, 5)));
void doctor_advise(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- doctor_search.c ---- */
/* Where name servers are when the URI does not say so. Returns false if the search ended where
 * something is wrong. */
bool doctor_search(struct doctor *d);
/* Which of several answer. */
void doctor_each(struct doctor *d, const char *list);

/* ---- doctor_reach.c ---- */
/* Whether something listens at the address. Returns an exit code. */
int doctor_reach(struct doctor *d, const pyr_uri *uri);
/* The certificate of this end, if it has one. */
void doctor_certificate(struct doctor *d);
#endif
