/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_CALLER_H
#define PYRITE_FUZZ_CALLER_H
/*
 * A caller as a model: what it has sent to a daemon over several links, and what must come of it.
 * fuzz_caller.c does things, fuzz_answers.c judges what the daemon sends, fuzz_daemon.c is the
 * daemon's own side and the order of an episode.
 */
#include "fuzz.h"
#include "wire/frame.h"

enum {
	CALLER_LINKS = 3,
	CALLER_SESSIONS = 5,
	CALLER_OWN = 4,         /* objects of the model's, at each link */
	CALLER_GIVEN = 24,      /* of the daemon's */
	CALLER_CALLS = 1024,    /* of an episode */
	CALLER_SMALL = 24,      /* numbers below are used again */
	CALLER_LINGER_MS = 2000 /* how long a daemon keeps streams that are to be resumed */
};

/* Places of the operations in talk.idl. */
enum talk_op {
	TALK_ASK,
	TALK_LATER,
	TALK_ECHO,
	TALK_NOTE,
	TALK_REFUSE,
	TALK_DOWN,
	TALK_UP,
	TALK_BOTH,
	TALK_MEDDLE,
	TALK_ANOTHER,
	TALK_SAME,
	TALK_OPS,
	TALK_BATCH = TALK_OPS
};

struct caller_session {
	bool is_bound;
	bool is_again;    /* its number had another, whose Bound may still come */
	bool is_refused;  /* it will be, by the hook or for its object */
	bool is_equal;    /* its fingerprint is right: operations go by place */
	bool is_answered; /* Bound came */
	uint32_t number;
	uint16_t uid; /* in all the episode */
	uint32_t seq;
	char object; /* its id; r: a reference */
};

/* An object that the daemon made. */
struct caller_given {
	uint8_t id[16];
	uint32_t count; /* passed, and not given back */
};

enum call_state {
	CALL_FREE,
	CALL_OPEN,     /* its answer is to come */
	CALL_ANSWERED, /* and came, but was not acknowledged: it has a token */
	CALL_DETACHED, /* its link was lost */
	CALL_DONE
};

struct caller_call {
	enum call_state state;
	int64_t key;
	enum talk_op op;
	int link;
	uint32_t number;
	uint16_t uid; /* of the session */
	char object;
	bool is_exact;    /* all about it is known; else nothing of it is judged */
	bool is_wrong;    /* something of its own was wrong: it may fail with ProtocolError */
	bool may_fail;    /* it need not succeed */
	bool must_answer; /* exactly one answer is to come */
	bool is_in_pieces;
	bool is_refusal; /* a Resume that is to be refused */
	bool has_deadline, has_token, is_resuming;
	bool is_admitted; /* its session's hook has said yes */
	bool is_in_vain;  /* it is resuming in a session that is rejected */
	bool is_kept;     /* answered, and what came is kept there until it is acknowledged */
	/* While it is resuming: the link that may still carry it, and its number there; NULL: none.
	 */
	struct caller_link *from;
	uint32_t from_number;
	uint32_t attempt;
	unsigned n_refused; /* of those */
	int64_t detached_at;
	uint8_t token[16];
	struct buf request; /* sent up to: */
	size_t sent;
	unsigned n_batch; /* of a batch: items */
	struct buf reply; /* fragments of it */
	/* the result's stream: */
	unsigned n_down, size_down; /* items to come; their size */
	uint64_t got_items, got_parts, got_cost, told_cost;
	struct buf part; /* of an item */
	int64_t window_down, room_down;
	/* the parameter's stream: */
	unsigned n_up;    /* items */
	uint64_t up_sent; /* parts sent; the End is one */
	bool up_ended;
	int64_t window_up, room_up;
};

struct caller_link {
	struct fake *fake; /* NULL: none */
	char name;
	struct buf out;               /* frames that wait to be delivered */
	bool said_hello, heard_hello; /* said: and proved the key, if one is wanted */
	uint8_t nonce[32], theirs[32];
	bool is_doomed;     /* it was told something that ends it */
	bool may_be_doomed; /* or may have been */
	bool has_goaway;    /* it said so */
	uint32_t window, their_window, max_calls;
	uint32_t last_number;
	enum ghost {
		GHOST_NONE,
		GHOST_HEARD,  /* something may still come for a call that is over here */
		GHOST_MOVING, /* or is about to leave for another link */
		GHOST_LIVE    /* which may be live at the other end */
	} ghosts[CALLER_SMALL + CALLER_CALLS]; /* by number */
	struct caller_session sessions[CALLER_SESSIONS];
	struct {
		uint32_t n_passed, n_back;
	} own[CALLER_OWN];
	struct caller_given given[CALLER_GIVEN];
	unsigned n_given;
	uint64_t pings, pongs;
};

/* What the daemon is like. */
struct caller_world {
	const struct fuzz_episode *episode;
	struct chance *chance; /* of the step */
	struct caller_link links[CALLER_LINKS];
	struct caller_call calls[CALLER_CALLS];
	unsigned n_calls, step, n_links;
	uint16_t n_sessions;
	int64_t last_key;
	uint32_t linger_ms, max_calls, max_message;
	struct key_ring *ring; /* of the key that the daemon wants proved; NULL: none */
	bool has_hooks, is_serial, has_lifetime, is_stopping, has_unregistered;
	bool is_settling;
	atomic_bool has_mangled; /* a frame was changed: keys may be others than were sent */
	void (*accept)(struct fake *fake);    /* hands it to the daemon */
	void (*knock)(struct chance *chance); /* at the daemon's door; NULL: there is none */
	struct fake *gone[64];                /* closed, and not yet freed */
	unsigned n_gone;
};

/* ---- fuzz_caller.c: links, sessions, calls ---- */
struct caller_link *caller_open_link(struct caller_world *w);
void caller_close(struct caller_world *w, struct caller_link *l, bool is_orderly);
void caller_bind(struct caller_world *w);
void caller_unbind(struct caller_world *w);
void caller_call(struct caller_world *w);
void caller_continue(struct caller_world *w, struct caller_call *call);
/* A frame for the link; what waits is delivered. */
void caller_put(struct caller_world *w, struct caller_link *l, const struct frame *frame);
void caller_flush(struct caller_world *w, struct caller_link *l);
struct caller_link *caller_pick_link(struct caller_world *w);
struct caller_session *caller_pick_session(struct caller_world *w, struct caller_link *l);
struct caller_call *caller_new_call(struct caller_world *w, struct caller_link *l, uint32_t number);
/* The one of that number that is open, or answered and not acknowledged. */
struct caller_call *caller_find(struct caller_world *w, const struct caller_link *l,
				uint32_t number);
void caller_done(struct caller_call *call);
/* A call of that number is over here, perhaps not there. */
void caller_haunt(struct caller_link *l, uint32_t number, enum ghost ghost);
/* Whether its session's hook has said yes, for all that is known. */
bool caller_is_admitted(const struct caller_world *w, const struct caller_call *call);
/* It has left the link that carried it; else nothing more is known of that. */
void caller_left(struct caller_call *call, bool is_known);
/* What carries calls there ends: what becomes of those that are about to leave is not known. */
void caller_doubt_leaving(struct caller_world *w, const struct caller_link *l);
/* Its end must come, or may. */
void caller_doom(struct caller_world *w, struct caller_link *l, const char *why);
void caller_doubt_link(struct caller_world *w, struct caller_link *l);

/* ---- fuzz_caller_streams.c ---- */
/* One of those that fit; NULL if there is none. */
struct caller_call *caller_pick(struct caller_world *w, bool (*fits)(const struct caller_call *));
bool caller_is_in_parts(const struct caller_call *call);
bool caller_takes_items(const struct caller_call *call);
bool caller_is_detached(const struct caller_call *call);
/* Sends a part of the parameter, or its end. Returns false if there is no credit for it. */
bool caller_send_part(struct caller_world *w, struct caller_call *call);
uint64_t caller_cost_up(const struct caller_call *call, uint64_t n_parts);
/* Tells what was consumed: all of it, or a part. */
void caller_credit(struct caller_world *w, struct caller_call *call, bool all);
void caller_credit_some(struct caller_world *w);
void caller_cancel(struct caller_world *w);
void caller_acknowledge(struct caller_world *w, struct caller_call *call, uint32_t code);
void caller_resume(struct caller_world *w, struct caller_call *call, struct caller_link *l,
		   struct caller_session *s);
void caller_resume_some(struct caller_world *w);
void caller_resume_wrongly(struct caller_world *w);

/* ---- fuzz_caller_key.c ---- */
#define FUZZ_KEY "00112233445566778899aabbccddeeff"
struct key_ring *caller_key_ring(void);
/* Sends a Hello that asks for the daemon's proof, or should. */
void caller_key_ask(struct caller_world *w, struct caller_link *l, struct frame *hello);
void caller_key_on_hello(struct caller_world *w, struct caller_link *l, const struct frame *frame);
void caller_key_on_auth(struct caller_world *w, struct caller_link *l, const struct frame *frame);

/* ---- fuzz_caller_references.c ---- */
/* The frame of a call passes some. body: of the caller, until the frame was put. */
void caller_pass(struct caller_world *w, struct caller_link *l, struct frame *frame,
		 struct buf *body);
void caller_pass_too_many(struct caller_world *w, struct caller_link *l);
void caller_take_references(struct caller_world *w, struct caller_link *l,
			    const struct frame *frame);
void caller_on_release(struct caller_world *w, struct caller_link *l, const struct frame *frame);
/* As far as is known of the link. */
bool caller_has_all_back(const struct caller_link *l);
void caller_give_back(struct caller_world *w);
/* The id of an object that a session is bound to, in vain or not. */
const uint8_t *caller_bind_reference(struct caller_world *w, struct caller_link *l,
				     struct caller_session *s);

/* ---- fuzz_caller_step.c ---- */
void caller_step(struct caller_world *w);
/* Nothing more is begun, and what was begun goes on to its end. Returns whether it has come. */
bool caller_settle(struct caller_world *w);
/* What is open still, for a finding. */
void caller_fini(struct caller_world *w);

/* ---- fuzz_answers.c ---- */
void caller_read(struct caller_world *w, struct caller_link *l);

/* ---- what both sides know of a key (fuzz_talk.c) ---- */
enum { KEY_SEQ_BITS = 20, KEY_UNORDERED = 1 << 19, KEY_SEQ = KEY_UNORDERED - 1 };
static inline bool key_is_ordered(int64_t key)
{
	return !(key & KEY_UNORDERED);
}
/* The i-th item that either side sends for a key, of about that size; malloc'ed. */
char *talk_item(int64_t key, uint64_t i, unsigned size);
/* How large the caller makes the i-th. */
unsigned talk_size_up(int64_t key, uint64_t i);
int64_t talk_result(int64_t key);
enum { TALK_ITEMS = 2 }; /* the field of a parameter that is a stream */
/* A message with up to two fields: a number, and a text or NULL. */
void talk_put_number(struct buf *buf, uint32_t field, uint64_t value);
void talk_put_text(struct buf *buf, uint32_t field, const char *text);
/* The number or text of field 1; what is not there is 0 or "". Returns false if it is none. */
bool talk_get_number(struct span message, int64_t *ret);
bool talk_get_text(struct span message, struct span *ret);
#endif
