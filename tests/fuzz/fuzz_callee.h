/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_CALLEE_H
#define PYRITE_FUZZ_CALLEE_H
/*
 * A daemon as a model: it takes the library's connections and answers what comes over them, late,
 * in any order, or not at all; it loses links, and takes streams up again. A hostile one also says
 * what it may not: then nothing is expected of the library but that it lives.
 */
#include "fuzz.h"
#include "fuzz_caller.h"

enum {
	CALLEE_LINKS = 48,
	CALLEE_CALLS = 2048,
	CALLEE_SESSIONS = 64,
	CALLEE_PASSED = 4,
	CALLEE_GIVEN = 64,
	CALLEE_BACK = 4
};

struct callee_call {
	bool is_used, is_live; /* live: on its link, its answer is to come */
	bool is_answered;
	bool is_kept; /* it has a token, and may be resumed */
	int link;
	uint32_t number;
	unsigned op;
	bool has_streams, has_token;
	uint8_t token[16];
	uint32_t attempt;
	struct buf request;
	size_t total;
	int64_t key, n_down;
	unsigned size;
	uint64_t sent;       /* items of the result */
	int64_t room;        /* credit left for them */
	uint64_t got;        /* items of the parameter; the End counts too */
	uint64_t cost, told; /* of those; of what was told as consumed */
	struct buf part;
	uint64_t got_items;
	bool has_ended;
	bool is_given, is_home; /* an object: of the library's, or of the model's */
	uint8_t given[16];
};

/* An object of the library's. */
struct callee_given {
	uint8_t id[16], name[16];
	uint32_t count; /* passed, and not given back */
};

/* A call of one. */
struct callee_back {
	bool is_live;
	uint32_t number, session;
	int64_t key;
	enum talk_op op;
	unsigned n_items, n_got;
};

struct callee_link {
	struct fake *fake; /* NULL: not used, or over */
	bool heard_hello, said_hello, is_leaving;
	uint32_t window, max_calls;
	uint32_t sessions[CALLEE_SESSIONS];
	unsigned n_sessions;
	uint32_t to_bind[CALLEE_SESSIONS]; /* Binds that wait for their answer */
	unsigned n_to_bind;
	struct callee_passed {
		unsigned n, n_back;
	} passed[CALLEE_PASSED]; /* objects of the model, and how often given back */
	struct callee_given given[CALLEE_GIVEN];
	unsigned n_given;
	struct callee_back back[CALLEE_BACK];
	uint32_t n_back;
	struct buf out;
};

struct callee_world {
	const struct fuzz_episode *episode;
	struct chance *chance;
	unsigned step;
	bool is_hostile, is_finishing;
	uint32_t linger_ms;
	pthread_mutex_t lock; /* links are made by any thread; guards n_links and `made` */
	unsigned n_links;
	struct fake *made[CALLEE_LINKS];
	unsigned n_taken;
	struct callee_link links[CALLEE_LINKS];
	struct callee_call calls[CALLEE_CALLS];
	unsigned n_calls;
};

/* ---- fuzz_callee.c ---- */
void callee_read(struct callee_world *w, struct callee_link *l);
void callee_put(struct callee_link *l, const struct frame *frame);
void callee_flush(struct callee_link *l);
void callee_forget(struct callee_call *call);
/* One call a little further. */
void callee_serve(struct callee_world *w, struct callee_call *call);

/* ---- fuzz_callee_references.c ---- */
/* An answer carries a few, to no purpose; or is one. */
void callee_pass_some(struct callee_world *w, struct callee_link *l, struct frame *frame,
		      struct buf *body);
void callee_make(struct callee_world *w, struct callee_link *l, struct frame *frame,
		 struct buf *body, struct buf *payload);
/* A Bind names one. */
void callee_check_bound(const struct callee_world *w, const struct callee_link *l,
			const struct frame *frame);
void callee_on_release(struct callee_world *w, struct callee_link *l, const struct frame *frame);
void callee_lose(struct callee_world *w, struct callee_link *l);
/* Of a frame that does harm: what it says of references. id: memory for one. */
void callee_spoil(struct callee_world *w, struct callee_link *l, struct frame *frame,
		  struct buf *body, uint8_t id[16]);

/* The model's own comes home, and goes out again. */
void callee_pass_again(struct callee_world *w, struct callee_link *l, const uint8_t id[16],
		       struct frame *frame, struct buf *body);

/* ---- fuzz_callee_given.c ---- */
/* A Call passes one. */
void callee_take_given(struct callee_world *w, struct callee_link *l, struct callee_call *call,
		       const struct frame *frame);
/* It goes back, as the result. */
void callee_same(struct callee_world *w, struct callee_link *l, const struct callee_call *call,
		 struct frame *frame, struct buf *body, struct buf *payload);
void callee_give_back(struct callee_world *w, struct callee_link *l);
void callee_call_back(struct callee_world *w, struct callee_link *l);
void callee_cancel_back(struct callee_world *w, struct callee_link *l);
/* What comes of it. */
void callee_on_answer(struct callee_world *w, struct callee_link *l, const struct frame *frame);
void callee_on_item_back(struct callee_world *w, struct callee_link *l, const struct frame *frame);
void callee_on_lost(struct callee_world *w, struct callee_link *l, const struct frame *frame);

/* ---- fuzz_callee_step.c ---- */
void callee_step(struct callee_world *w);
/* A connection that the library makes; NULL: there are too many. */
struct link *callee_accept(struct callee_world *w, const struct link_target *target,
			   const struct link_events *events, void *owner);
/* Ends all links. Returns whether all of them are freed. */
bool callee_end(struct callee_world *w);
void callee_fini(struct callee_world *w);

/* Whether a key's call is answered with an exception. */
static inline bool callee_refuses(int64_t key)
{
	return key % 9 == 0;
}
/* The size of a stream's items. */
static inline unsigned callee_size(int64_t key)
{
	return key % 5 == 0 ? 50000 : (unsigned)(key % 90);
}
#endif
