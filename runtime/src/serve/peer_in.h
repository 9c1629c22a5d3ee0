/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PEER_IN_H
#define PYRITE_PEER_IN_H
/*
 * What the files of a peer's taking side share: sessions that the other end has bound and calls on
 * their way in (peer_in.c), hooks that are asked about sessions (peer_greet.c), answers on their
 * way back (peer_answer.c).
 */
#include "exec/exec.h"
#include "incall/incall.h"
#include "incall/track.h"
#include "peer/peer.h"
#include "wire/annotation.h"

/* A session that the other end has bound. Counted: the peer's table, and each call in it. */
struct taken_session {
	atomic_int refs;
	struct peer *peer;             /* counted */
	struct object *object;         /* counted; NULL if the binding failed */
	bool is_reference;             /* the other end was passed it: used too, if that counts */
	bool is_equal;                 /* both fingerprints agree: operations may come by place */
	struct shape_verdict *verdict; /* what else may be called, counted; NULL: nothing */
	int code;                      /* why there is no object */
	char text[192];
	char *rejection; /* why the hook does not want it, instead of text; NULL: memory is out */
	pyr_call *greeting; /* asks the hook, counted; NULL: there is none, or it has answered */
	pyr_call *parting;  /* what on_disconnect will be given; NULL: it is not called */
	uint32_t n_waiting; /* live calls that wait for that */
	struct exec_job leaving; /* the way of that into a method thread */
	struct lane lane;
	uint32_t number;
	size_t cost;           /* charged to the connection's budget */
	struct direct *direct; /* the other end is in this process, and calls by it; NULL: not */
	atomic_uint n_came;    /* calls by frames; written with the peer's lock */
	struct track track;
	struct rights *rights;           /* what it may call; NULL: all, no rules are about it */
	struct instance *instance;       /* of its object, for its calls; counted, NULL: not yet */
	struct forward_session *forward; /* hands them on; NULL: they are run here */
};

/* Frames that come. */
void peer_on_bind(struct peer *peer, const struct frame *frame);
void peer_on_unbind(struct peer *peer, const struct frame *frame);
void peer_on_call(struct peer *peer, const struct frame *frame);
void peer_on_cancel(struct peer *peer, const struct frame *frame);
/* The link is gone: ends the calls taken. */
void peer_end_in(struct peer *peer);

/* Whose threads run the session's methods. */
struct executor *taken_session_executor(const struct taken_session *session);

static inline struct taken_session *session_of(const pyr_call *call)
{
	return call->origin_data;
}

void taken_session_drop(struct taken_session *session);
/* The last of it, once nobody uses it and the hook knows. */
void taken_session_end(struct taken_session *session);

/* The session has no object for that reason. With the peer's lock, or before it is known. */
void taken_session_fail(struct taken_session *session, int code, const char *format, ...)
	PYR_PRINTF(3, 4);
const char *taken_session_text(const struct taken_session *session);

/* Of calls that came over a link. */
extern const struct call_origin link_origin;
/* Of those that came before it was known whether their session is accepted, and are refused then,
 * one way or the other: as their failure says. */
extern const struct call_origin refused_origin;

/* The place of the operation that a Call names, or minus a status with the text of why not. Any
 * thread that holds a call of the session's. */
int peer_find_operation(const struct taken_session *session, const struct object *object,
			const struct frame *frame, char *text, size_t n);
/* Traces tell of the inside: not to strangers, unless the daemon's user wants it. Of a live call.
 */
bool peer_may_trace(const struct peer *peer);
/* What an Error frame says of an error. Texts stay borrowed. */
void peer_describe_error(const struct error_info *error, bool may_trace, struct frame *frame);

/* Of link_origin. */
void peer_call_fail(pyr_call *call, const struct error_info *error);
void peer_call_release(pyr_call *call);
const char *peer_call_address(const pyr_call *call);
struct call_who peer_who(struct taken_session *session);
void peer_call_who(const pyr_call *call, struct call_who *ret);
bool peer_admit(pyr_call *call);

/* Nobody uses the session any more: on_disconnect is called, then it ends. Any thread; a peer's
 * lock may be held. */
void peer_part(struct taken_session *session);

/* The chains of its live calls, each of which its connection's budget has paid for. */
void peer_see_chains(struct peer *peer, void (*see)(void *data, const uint8_t chain[EXEC_CHAIN]),
		     void *data);

/* ---- with the peer's lock ---- */
/* What is told of a session that is not there: returns the status. */
int peer_no_session(const struct peer *peer, uint32_t number, char *text, size_t n);
/* Whether the daemon has a hook that has to do with how sessions begin. */
bool peer_is_guarded(const struct peer *peer);
/* Has the hooks asked, in the session's lane. The session fails if that cannot be. */
void peer_greet(struct peer *peer, struct taken_session *session, const struct frame *bind);
/* It keeps as many calls as this end takes of one link, in whatever state they are. */
static inline bool peer_holds_most(const struct peer *peer)
{
	return atomic_load(&peer->taken.n_held) >= 2 * (size_t)peer->limits.max_calls + PEER_SLACK;
}
/* Nothing of that number is left here: it may be used. */
bool peer_is_free(const struct peer *peer, uint32_t number);
/* It is no longer live. Returns false if it was not. */
bool peer_remove_call(struct peer *peer, const pyr_call *call);
/* Tells the binder. answer: of the hook. along: annotations, encoded. */
void peer_answer_bind(struct peer *peer, struct taken_session *session, struct span answer,
		      struct span along);
/* Of one that is accepted: the other end need not send its calls if both are in one process. */
void peer_offer_direct(struct taken_session *session);
/* It is over. is_lost: and calls that run there have failed. */
void peer_close_direct(struct taken_session *session, bool is_lost);
/* Sends what is queued, perhaps with what the thread does next. Drops the lock. */
void peer_flush_soon_unlock(struct peer *peer);
/* The annotations of an answer, its daemon's first, encoded in buf. call: a live one, for a daemon
 * that was freed has none; NULL: what is answered is no call. */
struct span peer_put_notes(const struct peer *peer, const pyr_call *call, struct buf *buf,
			   enum annotation_field field);
/* Takes the call out of the live ones. Returns false if nobody waits any more. */
bool peer_retire(struct peer *peer, pyr_call *call);
/* The answer of a oneway. */
void peer_put_acknowledgement(struct peer *peer, uint32_t number);
void peer_refuse(struct peer *peer, uint32_t number, int code, const char *format, ...)
	PYR_PRINTF(4, 5);
#endif
