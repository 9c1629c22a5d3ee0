/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ENGINE_OWN_H
#define PYRITE_ENGINE_OWN_H
/*
 * The engine from the inside: engine.c has its beginning and who waits, engine_lead.c who polls,
 * engine_poll.c and engine_core.c what, engine_watch.c the runtime's thread, engine_fiber.c tasks,
 * engine_loop.c the program's own loop.
 */
#include "engine/engine.h"

enum {
	ENGINE_TICK = 1 * ENGINE_MS,
	ENGINE_QUIET = 100 * ENGINE_MS /* without a daemon: nobody polls for so long */
};

enum engine_poller { ENGINE_POLLS_NOTHING, ENGINE_POLLS_SOURCES, ENGINE_POLLS_CORE };

/*
 * engine.lock guards all but the atomics; it is innermost but for core's own locks (a kick starts
 * an empty batch under it). `leader` is written under it.
 */
struct engine {
	pthread_mutex_t lock;
	int epoll, kick_fd;            /* kick_fd: an eventfd in it */
	atomic_uint n_sources, n_core; /* what there is to poll: descriptors, users of core */
	struct engine_waiter *_Atomic leader; /* polls, or is about to */
	struct engine_waiter *followers;      /* circular list, oldest first */
	struct engine_hook *_Atomic hooks;
	/* Set by the leader before its last look at what would keep it from polling. Who gives it
	 * something to do does so first, and then takes this away: whoever finds it set kicks what
	 * it polls. */
	_Atomic enum engine_poller polls;

	/* Who calls and who runs callbacks share the lead (engine_lead.c). */
	int64_t called_at; /* when a caller last had its reply while somebody gave way */
	bool is_wanted;    /* by a caller: the leader gives way when that has its reply */
	bool is_ceded;     /* the leader leaves after the event that it handles */

	/* What the runtime's thread watches. */
	struct engine_waiter runtime; /* it, as a leader; nudged: it is to look now */
	pthread_t thread;
	int alarm;               /* a timerfd, on which it sleeps */
	int64_t look_at;         /* what that is set to */
	int64_t next_timer;      /* when the next one is due, as it last saw */
	_Atomic int64_t tick;    /* when the tickers are to be called; ENGINE_FOREVER: not */
	_Atomic int64_t left_at; /* when the last leader left; written with the lock */
	int64_t lively_until;    /* hooks were added lately while nobody led */
	bool has_flush;          /* a hook waits that was not added by a leader */
	int daemons;

	struct engine_loop {
		struct engine_waiter waiter;
		int fd, bell; /* an epoll of engine.epoll and of bell, an eventfd */
		atomic_bool is_made;
		bool is_claimed;
		bool is_out;  /* its descriptor is polled, by the program */
		bool is_rung; /* the bell */
	} loop;

	atomic_bool forked;
	bool is_started;  /* by engine_start() */
	bool hears_forks; /* it has tried to start */
};
extern struct engine engine;

/* All below with the lock. */
void engine_wake_locked(struct engine_waiter *waiter);
/* Leads until there is no more reason to; the lock is not held meanwhile. Returns whether another
 * is to lead although this one still waits. */
bool engine_lead(struct engine_waiter *waiter, int64_t until);
/* Nobody leads: asks a follower to. */
void engine_promote(bool is_brief);
/* The waiter is through: asks another to lead, if that is called for. */
void engine_pass_on(struct engine_waiter *waiter);
/* The waiter is about to follow; was woken while it did. */
void engine_want_lead(const struct engine_waiter *waiter);
void engine_shift_lead(const struct engine_waiter *waiter);
/* Somebody has given the leader something to do, or the loop that polls if there is none. */
void engine_kick(void);
/* The loop is to come, if it is out. */
void engine_loop_ring(void);
/* Leads until nothing more has come or `waiter` may leave, at most for n events. Returns whether
 * there was one. If nobody leads. */
bool engine_lead_briefly(struct engine_waiter *waiter, int n);

/* engine_poll.c, engine_core.c: without the lock */
bool engine_poll_init(void);
void engine_poll_fini(void);
enum engine_poller engine_choose(void);
/* Handles one event, or returns false at `until`. */
bool engine_poll_sources(int64_t until);
bool engine_poll_core(int64_t until);
/* Whether the leader polls core from now on: said before who kicks can see it. */
void engine_core_lead(bool is_led);
/* Ends engine_poll_core(). */
void engine_core_kick(void);
/* Both are to be polled: a thread polls core, and hands over what it gets. Returns false if there
 * is none to be had. In the leader. */
bool engine_core_help(void);
bool engine_core_has_handed(void);
/* Handles one of those. Returns false if there is none. */
bool engine_core_take(void);

/* Makes the alarm. Returns false if it cannot be had. */
bool engine_watch_init(void);
void engine_watch_fini(void);
void *engine_watch_main(void *unused);
/* The runtime's thread is to look at everything again. */
void engine_poke(void);
/* A leader has left, and perhaps nobody follows it. */
void engine_watch_left(void);
/* A hook was added while nobody leads. */
void engine_watch_hooks(void);

/* engine_fiber.c */
int engine_fiber_wait(struct engine_waiter *waiter, int64_t until, bool may_be_cancelled);
void engine_fiber_wake(struct engine_fiber *fiber);

/* The loop's poll stands for a leader's. With the lock. */
static inline bool engine_loop_covers(void)
{
	return engine.loop.is_out && !engine.has_flush;
}

static inline bool engine_is_ready(struct engine_waiter *waiter)
{
	return atomic_load(&waiter->ready);
}

static inline bool engine_may_leave(struct engine_waiter *waiter)
{
	return atomic_load(&waiter->ready) || atomic_load(&waiter->is_nudged);
}
#endif
