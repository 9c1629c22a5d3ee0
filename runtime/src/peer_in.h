/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PEER_IN_H
#define PYRITE_PEER_IN_H
/*
 * What the files of a peer's taking side share: sessions that the other end has bound and calls on
 * their way in (peer_in.c), answers on their way back (peer_answer.c).
 */
#include "peer.h"
#include "track.h"

/* A session that the other end has bound. Counted: the peer's table, and each call in it. */
struct taken_session {
	atomic_int refs;
	struct peer *peer;             /* counted */
	struct object *object;         /* counted; NULL if the binding failed */
	bool is_equal;                 /* both fingerprints agree: operations may come by place */
	struct shape_verdict *verdict; /* what else may be called, counted; NULL: nothing */
	int code;                      /* why there is no object */
	char text[192];
	struct lane lane;
	uint32_t number;
	struct track track;
};

static inline struct taken_session *session_of(const pyr_call *call)
{
	return call->origin_data;
}

void taken_session_drop(struct taken_session *session);

/* Of calls that came over a link. */
extern const struct call_origin link_origin;

/* The place of the operation that a Call names, or minus a status with the text of why not. Any
 * thread that holds a call of the session's. */
int peer_find_operation(const struct taken_session *session, const struct object *object,
			const struct frame *frame, char *text, size_t n);
/* Traces tell of the inside: not to strangers, unless the daemon's user wants it. Of a live call.
 */
bool peer_may_trace(const struct peer *peer);
/* What an Error frame says of an error. Texts stay borrowed. */
void peer_describe_error(const struct error_info *error, bool may_trace, struct frame *frame);

/* ---- with the peer's lock ---- */
/* Takes the call out of the live ones. Returns false if nobody waits any more. */
bool peer_retire(struct peer *peer, pyr_call *call);
/* packer: NULL for a oneway. along: annotations, encoded. */
void peer_put_reply(struct peer *peer, uint32_t number, const struct codec_packer *packer,
		    struct span along);
void peer_refuse(struct peer *peer, uint32_t number, int code, const char *format, ...)
	PYR_PRINTF(4, 5);
#endif
