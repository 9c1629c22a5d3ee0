/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_INCALL_H
#define PYRITE_INCALL_H
/*
 * A call taken: what a method gets as pyr_call. It comes from a link's peer or from the plain gRPC
 * face (its origin), waits in a lane, is run by a method thread, and is answered through its origin
 * exactly once. Counted: the executor holds a reference while it queues and runs, the origin while
 * it is live there, a deferred until it is completed.
 */
#include <pyrite/gen.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/block.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/identity.h"
#include "context/scope.h"
#include "engine/engine.h"
#include "exec/exec.h"
#include "incall/instance.h"
#include "object/object.h"
#include "reference/taker.h"
#include "wire/codec.h"
#include "wire/frame.h"

struct forward_session;
struct forward_origin;

struct call_who {
	const struct pyr_credentials *credentials; /* NULL: of no unix socket */
	const char *identity;                      /* by TLS; NULL or "": none */
	const uint8_t *link;                       /* 8 bytes; NULL: there is no session */
	uint32_t session;
	struct track *track; /* the session's resources */
	bool is_local;       /* on this host */
	struct rules *rules; /* what it may do; borrowed, NULL: all */
	struct audit *audit; /* of the daemon; borrowed, NULL: none */
};

/*
 * Who hands on what comes for an object that stands in for another process's. With the lock of the
 * peer that it comes over, in the leader: it goes on from there once that has no lock.
 */
struct call_forward {
	/* A session is bound: *bind says what to. Bound is answered when it is known what that
	 * comes to. Returns NULL when memory is out. */
	struct forward_session *(*open)(struct object *object, struct peer *peer, void *session,
					const struct forward_origin *origin,
					const struct frame *bind);
	/* A call in it has come whole. */
	void (*call)(struct forward_session *session, pyr_call *call);
	/* Nobody uses the session any more. With any lock. */
	void (*close)(struct forward_session *session);
};
/* What it came by. */
struct forward_origin {
	/* Answers the Bind, if the session is there as it was; *bound: but for its number. With the
	 * peer's lock. */
	void (*answer)(void *session, struct frame *bound);
};

struct call_origin {
	/* Exactly one of these, once, from any thread. reply: the packed result, NULL for a
	 * oneway; fail: why there is none. */
	void (*reply)(pyr_call *call, const struct codec_packer *packer);
	/* Instead of reply, of a method's results as they are; NULL: they are packed. */
	void (*take)(pyr_call *call, pyr__in *out);
	void (*fail)(pyr_call *call, const struct error_info *error);
	/* The last reference is gone: gives back what the origin added; incall_free() follows. */
	void (*release)(pyr_call *call);
	const char *(*peer)(const pyr_call *call); /* address of the caller */
	/* What else is known of the caller; NULL: nothing. */
	void (*who)(const pyr_call *call, struct call_who *ret);
	/* A guarded call's turn has come: may it run? Answers otherwise. */
	bool (*admit)(pyr_call *call);
	/* Of what is no call but a hook of the daemon's: its name, and what runs it. */
	const struct codec_operation *hook;
	void (*run)(pyr_call *call);
	/* Of a call that is a batch: runs its items until one defers its answer, or all are
	 * through; tells the one that runs that nobody waits. */
	void (*run_batch)(pyr_call *call), (*cancel_batch)(pyr_call *call);
	/* Of what stands for a call to come: a Cancel, a Credit. With the peer's lock; NULL: no. */
	void (*on_frame)(pyr_call *call, const struct frame *frame);
	bool keeps_lane; /* until it is through */
	bool is_part;    /* of a batch: its answer is part of another's */
	bool lingers;    /* the origin holds it until it is told of its end, which may take long */
};

/* What came. Its origin's, with the origin's lock, until it is submitted; then constant, but for
 * the number of one that goes on over another link. */
struct call_request {
	uint32_t number;                          /* the other end's */
	uint32_t max_message;                     /* bytes of a request that this end takes */
	struct span payload;                      /* in the arena, or owned by `owned` */
	struct block *owned;                      /* the payload */
	size_t n_owned, total;                    /* fragments come in */
	size_t cost;                              /* charged to its connection's budget */
	const struct pyr_annotation *annotations; /* in the arena */
	size_t n_annotations;
	struct import_list *held;    /* references that it brings; NULL: none */
	struct handed_on *handed_on; /* of one that is, in the arena; NULL: it is run here */
};

struct handed_on {
	struct frame_operation what; /* it calls */
	pyr_call *next;              /* behind it, in its session */
};

/* What goes back. Of the thread that has the call: its method's, then its deferred's; who cancels
 * reads `deferred`, atomically. */
struct call_answer {
	bool is_given;             /* the origin was told; of a oneway, that is all it is told */
	struct note *notes;        /* annotations, the last one first */
	struct error_info failure; /* of pyr_fail() and raise; code 0 = none */
	pyr_deferred *deferred;
};

struct pyr_call {
	struct scope scope; /* of the calls that its method makes; the beginning. Its own lock */
	atomic_int refs;
	const struct call_origin *origin;
	void *origin_data;     /* of the origin: its session, its gRPC call */
	struct object *object; /* counted */
	unsigned operation;    /* place in object->interface->operations */
	/* Counted; NULL: the object's data are what it is for, or it has one of its own when it
	 * runs. */
	struct instance *instance;
	bool is_oneway;   /* already answered; results and errors go nowhere */
	bool has_begun;   /* a method thread took it */
	bool has_data;    /* its object was there then, and its data stays while it runs */
	bool is_creating; /* the instance, just now */
	bool is_guarded;  /* it came before its session was accepted: its origin admits it. One that
			     will be refused anyway has its failure */
	int64_t deadline; /* engine_now() scale; ENGINE_FOREVER */
	int64_t begun_ns; /* of tally_begin(); 0: nothing is to be counted any more */
	struct exec_task task;    /* how it waits and runs; its chain. The executor's lock */
	pyr__in *given;           /* its arguments, borrowed while it runs; NULL: they are packed */
	struct peer_batch *batch; /* it is one; NULL: an ordinary call. The origin's */
	pyr_stream *stream;       /* the method's end of its streams, NULL: none; one reference */
	struct peer *peer;        /* what it came over, borrowed; NULL: plain gRPC */
	struct taken taken;       /* arguments that are references, and what was given to it */
	struct call_request request;
	struct call_answer answer;
	struct arena arena; /* of the thread that has it */
	_Alignas(16) uint8_t room[560];
};

/* Returns a call with one reference, for the origin; NULL when memory is out. object: a new
 * reference is taken. */
pyr_call *incall_new(const struct call_origin *origin, void *origin_data, struct object *object,
		     unsigned operation);
void incall_ref(pyr_call *call);
void incall_unref(pyr_call *call);

/* Nobody waits any more: the method sees it, a deferred's on_cancel is called. Any thread. */
void incall_cancel(pyr_call *call);

/* ids of a request, as they came: what is not well-formed is left out. */
void incall_set_ids(pyr_call *call, struct span correlation_id, struct span traceparent);

/* Annotations of the answer, appended to buf as field `id` of its body. */
struct note {
	struct pyr_annotation annotation;
	struct note *next;
};
void incall_put_notes(const pyr_call *call, struct buf *buf, uint32_t id);

/* Lets go of what was taken: nobody looks at its arguments any more. Without locks. */
void incall_let_go(pyr_call *call);

/* Unpacks, calls the method, answers. In a method thread; the caller keeps its reference. */
void incall_run(pyr_call *call);

/* A method's results; nothing if it is answered. incall_reply: packed. */
void incall_answer(pyr_call *call, pyr__in *out);
void incall_reply(pyr_call *call, const struct codec_packer *packer);

/* Its method may have been told that nobody waits: then the answer is just that, whatever the
 * method says. Answers if so. */
bool incall_is_given_up(pyr_call *call);

/* It is about to be answered: what the daemon's hook says goes along. Not once it was, nor before a
 * method thread took it. */
void incall_before_answer(pyr_call *call);

/* Ends it with an error: tells the daemon's hook, and the caller unless it was answered. */
void incall_end(pyr_call *call, struct error_info *error);
void incall_fail(pyr_call *call, int code, const char *format, ...) PYR_PRINTF(3, 4);
/* The same, for what a method returned that is not 0. */
void incall_returned(pyr_call *call, int err);

const struct pyr__operation *incall_operation(const pyr_call *call);

/* It ends with that code: counted once. */
static inline void incall_count(pyr_call *call, int code)
{
	if (call->begun_ns == 0)
		return;
	tally_end(call->object->tally, call->operation, call->begun_ns, code);
	call->begun_ns = 0;
}

/* Whether the object's table has the method; no, if it is not a call of an operation at all. A
 * oneway that has none is answered as any other call, so that its caller hears of it. */
bool incall_has_method(const pyr_call *call);

/* Puts it at the end of its lane; the executor takes a reference. Returns false if that was freed.
 */
bool incall_submit(struct executor *executor, struct lane *lane, pyr_call *call);

/* Its caller is on this host. */
bool incall_is_local(const pyr_call *call);
/* Who calls: "cert:alice", "uid:1000", "". Borrowed, of the call or of uid. */
const char *incall_identity(const pyr_call *call, char uid[IDENTITY_UID]);
struct audit *incall_audit(const pyr_call *call); /* NULL: there is none */
/* What the caller's rights are by. NULL: it may all. */
struct rules *incall_rules(const pyr_call *call);

/* The call whose method the thread runs; NULL outside of methods. Of a task: that of the method
 * which runs the tasks. */
pyr_call *incall_current(void);
pyr_call *incall_enter(pyr_call *call); /* Returns the one before. */
#endif
