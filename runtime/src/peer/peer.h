/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PEER_H
#define PYRITE_PEER_H
/*
 * One end of a link: the calls it makes and takes, its sessions, and what waits to be sent. The
 * same code on both sides. What an end offers differs: the host of an accepting end is a daemon,
 * whose objects may be bound; that of a connecting end is the process, which offers nothing but the
 * references that it passed. Either has limits, and tells them in its Hello.
 *
 * Lock order: peer.lock, then the executor's, then the engine's. Nothing of the user's runs under
 * it.
 */
#include <pthread.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/idset.h"
#include "base/numtab.h"
#include "engine/engine.h"
#include "exec/exec.h"
#include "link/link.h"
#include "peer/outbox.h"
#include "wire/codec.h"
#include "wire/frame.h"

enum {
	PEER_MAX_CALLS = 16384, /* what an end accepts unless told otherwise */
	PEER_MAX_BATCH = 65536, /* calls in a batch */
	PEER_SLACK = 8,         /* answered calls whose memory is about to go */
	PEER_MAX_DEPTH = 256,   /* of calls inside calls */
	PEER_MAX_SESSIONS = 65536,
	PEER_LINGER_MS = 2000,      /* for the other end to end a link too */
	PEER_QUANTUM = 16384,       /* bytes an outbox sends in its turn */
	PEER_WINDOW_FIRST = 131072, /* the least window of a stream; and the one before Hello */
	PEER_WINDOW_NEAR = 262144,  /* bytes of a stream on this host, */
	PEER_WINDOW_FAR = 4194304,  /* and to others */
	PEER_MAX_CONTROL = 16 << 20 /* bytes of frames that wait to be sent and are no replies */
};

struct peer;
struct lingering;

/*
 * What the frames mean is not the peer's to know. Hello, Ping, Pong and Goaway are its own; the
 * others go to these, in the leader and with the peer's lock.
 */
struct peer_handlers {
	/* By kind; spans are borrowed. NULL: this version does not know it. */
	void (*frame[FRAME_TYPES])(struct peer *peer, const struct frame *frame);
	/* The other end's limits are known: its Hello. */
	void (*hello)(struct peer *peer, const struct frame *frame);
	/* What was begun here ends: the link is gone, or of no more use. May come twice. */
	void (*end_made)(struct peer *peer);
	/* What was begun there ends: the link is gone. Once. */
	void (*end_taken)(struct peer *peer);
	/* Nobody has it any more: the last. */
	void (*freed)(struct peer *peer);
};

/* Who began the link. It decides who ends it: a connecting end does when it has no more to ask. */
enum peer_side { PEER_CONNECTED, PEER_ACCEPTED };

/* What the other end may make of this one. */
struct peer_limits {
	uint32_t max_calls;        /* unanswered at a time */
	uint32_t max_message;      /* bytes of one payload */
	uint32_t max_references;   /* objects passed, each way */
	uint32_t stream_linger_ms; /* how long streams of a lost link are kept; 0: they are not */
};

enum host_stage {
	HOST_SERVES,
	HOST_FINISHES, /* it takes calls of chains that were in flight when it was told to stop */
	HOST_LEAVES    /* it takes none */
};

/* What an end offers. */
struct peer_host {
	const struct peer_handlers *handlers;
	struct object_table *objects;
	struct executor *executor; /* of its objects; NULL: it has none */
	struct tls_settings *tls;  /* what it proves; borrowed, NULL: nothing */
	struct key_settings *keys; /* of which it wants one proved; borrowed, NULL: it does not */
	struct rules *rules;       /* who may do what; borrowed, NULL: whoever calls */
	bool is_process;           /* it is the process: what it accepts comes from itself */
	const char *address;       /* of the daemon, for messages */
	struct audit *audit;       /* what is refused is told there; NULL: nowhere */
	struct peer_limits limits; /* of each of its ends */
	uint32_t stream_lifetime_ms;
	struct lingering *lingering; /* calls that may go to another link; NULL: none */
	const struct pyr_annotation *annotations; /* of each answer */
	size_t n_annotations;
	enum pyr_switch traces; /* go to the other end; default: if it is on this host */
	_Atomic enum host_stage stage;
	struct idset in_flight; /* those chains: filled before HOST_FINISHES, then constant */
	/* No longer HOST_SERVES: a call was answered, or a message written. */
	void (*progress)(struct peer_host *host);
	/* The link is gone; in the leader. */
	void (*_Atomic closed)(struct peer_host *host, struct peer *peer);
};

struct session;
struct outcall;
struct peer_auth;
struct key_settings;

struct call_slot {
	struct outcall *call;
	uint32_t generation, next_free;
};

/* Frames that were queued without the peer's lock, perhaps by who holds another's: they go to the
 * urgent ones with the next message. */
struct peer_aside {
	pthread_mutex_t lock; /* a leaf but for the engine's */
	struct buf frames;    /* lock */
	bool will_flush;      /* lock: the hook waits */
	bool has_lost;        /* lock: there was no memory for one */
	atomic_bool is_there; /* some are */
	struct engine_hook hook;
};

/* What waits to be sent. The peer's own, with its lock. */
struct peer_out {
	bool is_writing;             /* a message is on its way into the link */
	bool has_lost;               /* frames, for want of memory: the link ends */
	bool is_cut;                 /* for that it was told to end */
	struct buf urgent;           /* frames that go first, from urgent_at on */
	struct wire wire;            /* the message being written, */
	struct link_message message; /* as its link was given it */
	size_t urgent_at;
	size_t n_control;        /* bytes in urgent that are no replies, at most */
	struct outbox *ring;     /* those with something to send, whose turn it is first */
	atomic_size_t backlog;   /* bytes in urgent and in outboxes; read without the lock */
	struct exec_stall stall; /* lanes that wait until that is less */
	size_t n_charged;        /* of the peer's budget */
	struct engine_hook flush_later;
	bool will_flush;       /* flush_later waits for the next poll */
	struct exec_cork cork; /* to be flushed by a method thread */
	struct peer_aside aside;
};

/* outcall's and session's: what was begun here. The peer's lock. */
struct peer_made {
	struct call_slot *slots; /* of calls; a number is generation << 14 | place */
	uint32_t n_slots, free_slot, n_calls;
	uint32_t max_calls; /* that the other end takes: its Hello */
	/* Callers that wait for a place; end: where the next one goes, NULL: first. */
	struct outcall *blocked, **blocked_end;
	struct numtab sessions;
	uint32_t last_session;
};

/* serve's: what was begun there, by the other end's numbers. The peer's lock. */
struct peer_taken {
	struct numtab sessions, calls;
	uint32_t last;          /* number of a call */
	bool has_guessed;       /* it bound a reference that it does not have: that was logged */
	bool has_refused;       /* it bound more sessions than it may have: so was that */
	struct numtab replies;  /* struct large_reply, until it was written */
	struct numtab answered; /* struct lingering_call, until the other end has the answer */
	atomic_size_t n_held;   /* calls that are kept: live, queued, running or deferred; read
				   without   the lock */
};

/* The other end's limits, from its Hello. The peer's lock. */
struct peer_theirs {
	uint32_t linger_ms;   /* how long it keeps streams of a lost link; 0: it does not */
	uint32_t window;      /* of a stream that it receives */
	uint32_t max_message; /* bytes of one payload */
};

/* A daemon's: its list of links. The daemon's lock. */
struct peer_served {
	struct peer *next, *prev;
};

/* proxy/links.c's: the links that proxies share. The lock there. */
struct peer_shared {
	struct peer *next, *prev;
	struct tls_settings *tls;  /* what it proves; counted, NULL: nothing */
	struct key_settings *keys; /* counted; NULL: it proves and asks for none */
	char *key;                 /* what it is shared by */
	bool is_own;               /* it is not shared */
	uint64_t visitor;          /* whose it is; 0: the process's own */
	enum pyr_plain plain;      /* as its proxies want it */
	enum pyr_lane lane;
	unsigned n_users; /* sessions of proxies */
	bool is_listed;   /* it may still get some */
	bool is_closing;  /* it gets no more, and is among those that are to close */
	bool has_closed;
	/* Something may have ended for which the link was kept. In the leader, without locks. */
	void (*_Atomic idle)(struct peer *peer);
};

struct peer {
	atomic_int refs;
	pthread_mutex_t lock;
	struct link *link;
	const struct peer_handlers *handlers;
	enum peer_side side;
	struct peer_limits limits;
	struct peer_host *host;    /* what it offers */
	struct peer_served served; /* of an accepting end */
	struct peer_shared shared; /* of a connecting end; of both: tls, keys */

	/* lock: */
	struct peer_auth *auth;        /* until a key is proved; NULL: then, or none is wanted */
	bool has_hello;                /* the other end's Hello came, and its proof if one is due */
	bool is_ending;                /* close the link once all is written */
	bool is_left;                  /* and once the last call is answered, of either end */
	bool is_closed;                /* the link is gone, or will be: nothing more is started */
	bool is_going_away;            /* the other end sent Goaway: no new calls, */
	atomic_bool takes_chains;      /* but those of chains in flight there; read without it */
	bool was_connected;            /* once closed: there had been a connection */
	struct engine_waiter *closing; /* of peer_close_wait() */
	int closed_code;
	char closed_text[256];
	char from[64]; /* connecting end: its own address, as the other end sees it */
	int64_t connect_until;
	struct engine_timer linger;  /* set once an orderly end was begun */
	bool is_limited;             /* it was */
	bool is_hurried;             /* or set before that: no Hello has come */
	struct engine_hook verdict;  /* on that the other end is gone */
	struct engine_timer silence; /* of a link that wants_pings: peer_silence.c */
	int64_t heard_at, asked_at;  /* the last message; the last Ping, 0 once it was answered */

	struct peer_out out;
	struct peer_made made;
	struct peer_theirs theirs;
	struct peer_taken taken;
	struct peer_references *_Atomic references; /* reference's; NULL until there are some */
	struct budget *budget; /* counted: of all that the other end makes this one hold */
	uint8_t id[8];         /* random: chains of calls that start here derive from it */
};

/* Connects. keys: which the other end is to prove; NULL: none. A descriptor in target is taken,
 * also on failure. Returns one reference; NULL when memory is out. */
struct peer *peer_connect(const struct link_target *target, struct peer_host *host,
			  struct key_settings *keys, uint32_t connect_timeout_ms);
/* Takes an accepted link, and a place of its connection's budget. Returns one reference, NULL when
 * memory is out (the link is then closed).
 */
struct peer *peer_accept(struct link *link, struct peer_host *host, struct budget *budget);
void peer_ref(struct peer *peer);
void peer_unref(struct peer *peer);

/* New calls may be started on it. */
bool peer_is_usable(struct peer *peer);
/* It is ending, or has. */
bool peer_is_over(struct peer *peer);
/* The other end sent Goaway. */
bool peer_goes_away(struct peer *peer);
/* It did, but calls may be started whose chain is in flight there. */
bool peer_takes_chains(struct peer *peer);
/* Its other end is known, and no server of plain gRPC. */
bool peer_has_sessions(struct peer *peer);
/* Sends what is queued unless a write is under way. */
void peer_flush(struct peer *peer);
/* Ends the link: code 0 after all is written, else at once; calls made on it fail with code and
 * text. */
void peer_close(struct peer *peer, int code, const char *text);
/* Closes after all is written, and waits for the end of it. */
void peer_close_wait(struct peer *peer, int64_t until);
/* Ends the link when its calls have been answered: nobody will make more. */
void peer_leave(struct peer *peer);
/* Tells the other end to start no more calls here than the host takes by now: queues that. */
void peer_goaway(struct peer *peer, const char *text);
/* Whether the host takes a call of that chain; p is NULL: it starts one. Any thread. */
bool peer_host_takes(const struct peer_host *host, struct span chain);
#define PEER_STOPS "CommunicationError: the daemon at %s is stopping"
/* A call is not, and was not run: it may be made elsewhere. With the lock. */
void peer_turn_away(struct peer *peer, uint32_t number);
/* Calls taken and not yet answered, and bytes not yet written. */
bool peer_is_quiet(struct peer *peer);

/* Queues a frame that leaves after all that was queued before. With any lock, or none. */
void peer_queue_aside(struct peer *peer, const struct frame *frame);
/* Has who shares the link look whether it is of use. The same. */
void peer_look_later(struct peer *peer);

/* The frame Auth; for peer_handlers. */
void peer_on_auth(struct peer *peer, const struct frame *frame);

/* ---- inside the peer's files; with the lock ---- */
/* Once it was left: it ends when the last call of either end has been answered. */
static inline void peer_leave_if_idle(struct peer *peer)
{
	if (peer->is_left && peer->made.n_calls == 0 && peer->taken.calls.n == 0)
		peer->is_ending = true;
}
void peer_take_aside(struct peer *peer);
/* Lets an end go that makes this one put frames aside and does not read. */
void peer_limit_aside(struct peer *peer);
void peer_flush_aside(struct engine_hook *hook);               /* of peer_aside; without it */
void peer_progress(struct peer *peer);                         /* a draining host looks again */
void peer_queue(struct peer *peer, const struct frame *frame); /* urgent; no reply */
/* With the lock: a frame that the other end must have cannot be queued. The link ends. */
void peer_lose_frame(struct peer *peer);
void peer_queue_answer(struct peer *peer, const struct frame *frame); /* of a method; urgent */
void peer_take_urgent(struct peer *peer); /* to `wire`: the beginning of the next message */
/* Whether n more bytes may wait to be sent, which takes them into account. */
bool peer_may_queue(struct peer *peer, size_t n);
/* What the other end makes this one hold is too much: the link ends. what: "sessions". */
void peer_exhausted(struct peer *peer, const char *what);
/* Its code is theirs and its own, and the texts are what each end is told. */
void peer_end_with_goaway(struct peer *peer, int code, const char *theirs, const char *own);

/* ---- peer_hello.c: the beginning of a link; with the lock, or before anybody else has it ---- */
/* nonce and keys: of an end that proves a key; {0}: none. */
void peer_say_hello(struct peer *peer, bool is_local, struct span nonce, struct span keys);
void peer_on_hello(struct peer *peer, const struct frame *frame);
/* A frame that comes before all that has to come first. Returns whether that may be. */
bool peer_may_come_first(struct peer *peer, const struct frame *frame);
/* All that had to come first has come: hello says what the other end takes. */
void peer_greeted(struct peer *peer, const struct frame *hello);

/* ---- peer_auth.c: who has to prove a key first; the same ---- */
/* Holds back all but what is said about that, until a key of shared.keys is proved. Returns false
 * when memory is out. */
bool peer_auth_begin(struct peer *peer, bool is_local);
void peer_auth_free(struct peer_auth *auth); /* NULL: nothing */
bool peer_auth_has_hello(const struct peer *peer);
void peer_auth_on_hello(struct peer *peer, const struct frame *frame);
/* The other end will not do: it is told theirs, and own is why here. */
void peer_auth_refuse(struct peer *peer, const char *theirs, const char *own);
/* What may be sent before the proof, in place of all else. */
void peer_auth_queue(struct peer *peer, const struct frame *frame);
void peer_auth_take(struct peer *peer);
/* It is over, one way or the other: what was held back goes, or is forgotten. */
void peer_auth_end(struct peer *peer, bool goes);
/* Its time is over. */
void peer_auth_late(struct peer *peer);
/* From now on the other end's silence is noticed. */
void peer_watch_silence(struct peer *peer);
/* The other end is refused something: told to the audit log. */
void peer_audit(struct peer *peer, const char *action, const char *why);
void peer_protocol_error(struct peer *peer, const char *format, ...) PYR_PRINTF(2, 3);
void peer_flush_unlock(struct peer *peer);       /* unlocks */
void peer_flush_later_unlock(struct peer *peer); /* with the next poll; unlocks */
/* Bytes of a stream that this end takes, on a link. */
uint32_t peer_window(bool is_local);
#endif
