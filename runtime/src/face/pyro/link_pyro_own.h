/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PYRO_OWN_H
#define PYRITE_LINK_PYRO_OWN_H
/* A link to a Pyro daemon from the inside: link_pyro.c has the connection, link_pyro_out.c makes
 * requests of the frames that are written. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/numtab.h"
#include "engine/engine.h"
#include "face/pyro/link_pyro_form.h"
#include "link/link.h"
#include "link/link_dial.h"
#include "wire/frame.h"

enum pyro_link_state { PYRO_DIALING, PYRO_GREETING, PYRO_OPEN };

struct pyro_session {
	const struct codec_interface *interface;
	struct form_meta meta;
	int code;      /* there is none: what its calls hear; 0: there is */
	char why[512]; /* and why */
	char object[];
};

/* A request. In `calls` while somebody waits for the answer; in the row of those sent until it
 * comes. */
struct pyro_request {
	struct pyro_request *next;
	uint32_t number;  /* 0: nobody waits */
	uint32_t session; /* number */
	uint16_t seq;
	bool is_bind, is_oneway;
	bool is_made; /* it was sent */
	bool is_sent; /* it is in the row */
	const struct codec_operation *operation;
	struct buf arguments; /* until it is made */
	char object[256];     /* for messages */
	/* Of one whose result is a stream of items, which are asked for one by one: */
	bool is_stream;
	char stream[64];  /* its id there; "": not known yet, or over */
	struct buf item;  /* packed, as far as it has not gone to the owner */
	size_t n_put;     /* bytes of it that have */
	uint64_t n_items; /* that have */
	uint64_t window;  /* room left at the owner */
};

struct pyro_link {
	struct link link;
	atomic_int refs;
	struct engine_source source; /* lock, to change its fd: -1 for none */
	struct dial *dial;           /* leader: while PYRO_DIALING */
	struct engine_hook look;     /* the leader is to look at inbox and is_closing */
	uint32_t max_message;
	pyr_uri uri;            /* whom to dial */
	char *host, *socket;    /* of it */
	struct buf in, telling; /* leader */
	bool is_finished;       /* leader: closed() was called */
	pthread_mutex_t lock;   /* after the owner's; guards: */
	enum pyro_link_state state;
	uint16_t version, seq;
	uint64_t window; /* of a stream that the owner receives */
	struct numtab sessions, calls;
	struct pyro_request *first, **last; /* sent, in order */
	struct buf held;                    /* frames to be looked at later */
	struct buf inbox;                   /* frames for the owner */
	struct buf out;                     /* to be sent, */
	size_t n_sent;                      /* of which so much was */
	bool is_binding;                    /* frames are held until that is answered */
	bool will_look, owes_written, is_leaving, is_closing, is_refusal;
	int close_code;
	char close_text[512];
};

void pyro_link_ref(struct pyro_link *l);
void pyro_session_free(struct pyro_session *session);
void pyro_request_free(struct pyro_request *request);

/* With the lock: */

/* The leader is to look at what there is for the owner, and whether it is over. */
void pyro_link_look_soon(struct pyro_link *l);
/* Begins its end, which the leader tells. */
void pyro_link_stop(struct pyro_link *l, int code, const char *text);
/* Sends what the socket takes. */
void pyro_link_send(struct pyro_link *l);
/* A frame for the owner. */
void pyro_link_put(struct pyro_link *l, const struct frame *frame);
void pyro_link_put_bound(struct pyro_link *l, uint32_t session, uint64_t fingerprint, int code,
			 const char *text);
/* A request was put into `out`: its answer is waited for. */
void pyro_link_wait(struct pyro_link *l, struct pyro_request *request);
/* ---- link_pyro_stream.c ---- */

/* An answer to a request whose result is a stream. Returns whether the request is over. */
bool pyro_stream_answer(struct pyro_link *l, struct pyro_request *request,
			const struct pyro_header *header, struct span annotations,
			struct span data);
/* There is room for n more bytes. Returns likewise. */
bool pyro_stream_credit(struct pyro_link *l, struct pyro_request *request, uint64_t n);
/* Nobody wants the items any more. */
void pyro_stream_close(struct pyro_link *l, const struct pyro_request *request);

/* Frames that are written to it, of which some may have to wait. */
void pyro_link_take(struct pyro_link *l, const uint8_t *data, size_t n);
/* Those that waited. */
void pyro_link_go_on(struct pyro_link *l);
#endif
