/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_REQUEST_H
#define PYRITE_PYRO_REQUEST_H
/* A message that is served, and the answer to it. A worker's. */
#include <pyrite/gen.h>

#include "base/arena.h"
#include "face/pyro/connection.h"
#include "face/pyro/faults.h"
#include "face/pyro/ser.h"

#define PYRO_DAEMON "Pyro.Daemon" /* id of the object that each daemon has */

struct pyro_adapter;

struct pyro_request {
	struct pyro_connection *connection;
	const struct pyro_header *header;
	struct span annotations;
	const struct ser_kind *kind; /* NULL: none that is known here */
	struct arena arena;
	struct buf inflated;
	size_t charged; /* to the connection, until the message is served */
	struct ser_data data;
	struct pyro_header answer; /* its type and flags */
	struct buf extra;          /* annotations of the answer, and */
	struct buf body;           /* its payload */
};

/* Takes n bytes of what all messages that are served may have in memory. Returns false if there are
 * not so many. */
bool request_charge(struct pyro_request *request, size_t n);

/* Parses the payload. Returns false with the fault. */
bool request_parse(struct pyro_request *request, struct pyro_fault *fault);

/* Answers with what `body` holds. */
void request_answer(struct pyro_request *request, enum pyro_type type, unsigned flags);
/* Answers with an exception. */
void request_fail(struct pyro_request *request, const struct pyro_fault *fault);
/* The connection is not accepted, or ends. */
void request_refuse(struct pyro_request *request, const char *why);

/* The payload of an answer. */
void request_sink(struct pyro_request *request, struct ser_sink *sink);
/* Returns false with the fault if it cannot be written. */
bool request_sink_end(struct ser_sink *sink, struct pyro_fault *fault);

/* From now on the call ends if the other end leaves, or no longer. Returns false if it has left. */
bool request_waits(struct pyro_request *request, bool is_waiting);

/* ---- what the messages mean ---- */

void connect_serve(struct pyro_request *request);
void invoke_serve(struct pyro_request *request);

/* {'methods': [...], 'oneway': [...], 'attrs': [...]} of an adapter; NULL: of an interface. */
void metadata_put(struct ser_sink *sink, const struct pyro_adapter *adapter,
		  const struct pyr__interface *interface);
#endif
