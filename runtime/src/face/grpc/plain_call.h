/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PLAIN_CALL_H
#define PYRITE_PLAIN_CALL_H
/*
 * A plain gRPC call, as the files of the plain face share it: plain.c has its request and its
 * answer, plain_stream.c the messages between them.
 */
#include "door/door.h"
#include "engine/engine.h"
#include "face/grpc/plain.h"
#include "face/grpc/plain_annotations.h"
#include "incall/incall.h"

struct plain_stream;

struct plain_call {
	atomic_int refs; /* the pyr_call or who makes it, and each batch in flight */
	struct plain_face *face;
	grpc_call *call;
	struct engine_event received, answered, ended;
	pyr_call *incall;               /* leader only: counted until `ended`, and as long */
	struct plain_call *next, *prev; /* leader only: in the face's list */
	bool has_ended;                 /* leader only */
	struct plain_stream *stream;    /* NULL: the operation has none */
	int cancelled;
	struct lane lane;
	grpc_byte_buffer *request; /* the payload lies in it, or in whole */
	grpc_slice whole;
	grpc_byte_buffer *reply;
	grpc_slice text;
	struct plain_trailing trailing; /* sent with the status */
	struct budget *budget;          /* counted: of the connection; NULL: no bound */
	size_t cost;                    /* charged to it */
	char peer[128];
	char identity[DOOR_IDENTITY_MAX];
	bool is_local; /* its caller is on this host */
	bool has_credentials;
	struct pyr_credentials credentials;
};

#define PLAIN_FROM(event, member)                                                                  \
	((struct plain_call *)((char *)(event)-offsetof(struct plain_call, member)))

void plain_unref(struct plain_call *pc);
/* Starts a batch whose completion is `event`. */
bool plain_start(struct plain_call *pc, const grpc_op *ops, size_t n, struct engine_event *event);
/* The request's bytes in one piece; they live as long as pc. In the leader. */
struct span plain_payload(struct plain_call *pc);
/* The deadline of a call by the engine's clock. */
int64_t plain_deadline(gpr_timespec deadline);
/* Sends the answer that stands in pc. has_begun: after messages. */
void plain_send_answer(struct plain_call *pc, int code, bool has_begun);

/* ---- plain_stream.c ---- */
/* Makes the method's end for pc->incall, before it runs. A request that is all stream begins with
 * its first item, which pc->request then is. In the leader; returns false when memory is out. */
bool plain_stream_serve(struct plain_call *pc, const struct plain_options *options);
/* What has come already: the first item, NULL if there is none; has_ended: no more comes. Returns 0
 * or a status with the text of what is wrong. */
int plain_stream_begin(struct plain_stream *stream, const struct span *first, bool has_ended,
		       char *text, size_t n);
/* Sends the answer after the messages that wait, if any do, else now. */
void plain_stream_answer(struct plain_stream *stream, int code);
void plain_stream_free(struct plain_stream *stream);
#endif
