/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_FAULTS_H
#define PYRITE_PYRO_FAULTS_H
/* Errors as Python's exceptions: docs/pyro-clients.md has the table. */
#include <pyrite/pyrite.h>

#include "face/pyro/ser.h"

/* An exception that is about to be told. */
struct pyro_fault {
	char name[96]; /* "builtins.ValueError", "Pyro4.errors.NamingError" */
	char text[2200];
	const pyr_error *error; /* where it comes from: the thread's last one; NULL: none */
	const pyr_proxy *proxy; /* whose operation raised it; NULL: none */
};

/* name: "builtins.TypeError"; without a dot: of the protocol's errors. Returns 1. */
int fault_say(struct pyro_fault *fault, enum ser_protocol protocol, const char *name,
	      const char *format, ...) PYR_PRINTF(4, 5);
/* What the thread's last error is. Returns 1. */
int fault_of_error(struct pyro_fault *fault, enum ser_protocol protocol, const pyr_proxy *proxy);

void fault_put(const struct pyro_fault *fault, struct ser_sink *sink);
/* As the item of a batch. */
void fault_put_wrapped(const struct pyro_fault *fault, struct ser_sink *sink);
#endif
