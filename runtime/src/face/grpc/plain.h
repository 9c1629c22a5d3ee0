/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PLAIN_H
#define PYRITE_PLAIN_H
/*
 * The plain gRPC face of a daemon: every operation is also a unary gRPC method
 * "/module.Interface/operation", so that any gRPC client can call it with the messages of
 * `pyrite-idl --proto`. The core server asks for calls; those that are no link come here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "door/door.h"
#include "engine/core_api.h"
#include "exec/exec.h"
#include "object/object.h"

struct budget;
struct plain_face;

struct plain_options {
	struct object_table *objects; /* both outlive the core servers */
	struct executor *executor;
	const char *address;  /* of the daemon, for messages; copied */
	uint32_t max_message; /* bytes of a request or reply */
	uint32_t
		stream_lifetime_ms; /* how long a stream's caller may leave it alone; 0: for ever */
	unsigned max_calls;         /* unanswered of a connection; beyond: RESOURCE_EXHAUSTED */
	/* Each time a call has ended, in the leader with a lock of the face held; not after
	 * plain_face_free(). NULL: nobody wants to know. */
	void (*progress)(void *data);
	void *data;
	struct audit *audit; /* borrowed, NULL: none */
	struct rules *rules; /* who may call what; borrowed, NULL: everybody all */
	bool has_key;        /* the daemon wants a key proved, or a certificate */
	unsigned faces;      /* enum face_name: those that are on */
	bool is_guarded;     /* the daemon asks for handshakes, which such calls cannot carry */
};

/* Returns: owned, plain_face_free(); NULL when memory is out. */
struct plain_face *plain_face_new(const struct plain_options *options);

/* The core servers ask for no more calls. Those that are still running keep what they need. */
void plain_face_free(struct plain_face *face);

/* From now on calls are refused as UNAVAILABLE; those that are running go on. Any thread. */
void plain_face_drain(struct plain_face *face);

/* The chains of those. In the leader. */
void plain_face_see_chains(struct plain_face *face,
			   void (*see)(void *data, const uint8_t chain[16]), void *data);

/* Calls that came in and whose end core has not reported yet. */
size_t plain_face_load(const struct plain_face *face);

/*
 * Takes a call that a core server was asked for. In the leader. details and metadata are read at
 * once; who is the caller, copied.
 * budget: of its connection, NULL: none.
 */
void plain_take(struct plain_face *face, grpc_call *call, const grpc_call_details *details,
		const grpc_metadata_array *metadata, const struct door_peer *who,
		struct budget *budget);
#endif
