/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ENGINE_H
#define PYRITE_ENGINE_H
/*
 * The one place where a process waits for the network: its descriptors, and gRPC core's completion
 * queue if it is in use, polled by one thread at a time, the leader. Whoever waits (a blocking call
 * for its reply, a method thread for work) leads if nobody does, and handles what comes for
 * everybody; so a blocking call needs no hand-over between threads. A leader passes the role on
 * when it leaves. The runtime's own thread fires timers, and leads when nobody has for a while.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time_heap.h"

/* What a completion queue tag points to. done() runs in the leader; it must not block. */
struct engine_event {
	void (*done)(struct engine_event *event, bool ok);
};

/* Somebody who waits. One thread or task at a time waits on it; any thread may wake it. */
struct engine_fiber;
struct engine_waiter {
	pthread_cond_t cond;
	atomic_bool ready;     /* set by engine_wake(), cleared by its owner */
	atomic_bool is_nudged; /* leave engine_wait() once, ready or not */
	bool is_worker; /* a method thread without work: woken for work rather than to lead */
	bool is_brief;  /* it will be back soon: no method thread need lead meanwhile */
	bool gives_way; /* it runs callbacks: callers lead while they make call after call */
	bool is_loop;   /* the program's own loop: woken by its descriptor */
	bool queued;
	struct engine_waiter *next, *prev; /* among the followers */
	struct engine_fiber *fiber;        /* the task that waits; NULL: a thread, or nobody */
};

/* Starts the engine at first use. Returns 0, or minus a status: after a fork, or when no thread can
 * be had. */
int engine_start(void);

/* True in a forked child, where nothing of the engine works any more. */
bool engine_is_forked(void);
#define ENGINE_FORKED_TEXT "Pyrite was used before this process was forked: exec first"

/* CLOCK_MONOTONIC, nanoseconds. */
int64_t engine_now(void);
enum { ENGINE_MS = 1000000 };
#define ENGINE_FOREVER INT64_MAX
/* The time in that many milliseconds; < 0: never. */
int64_t engine_until(int64_t timeout_ms);

/* Starts a thread with every signal blocked. Returns 0 or minus a status. */
int engine_thread(pthread_t *ret, void *(*main)(void *), void *data);

void engine_waiter_init(struct engine_waiter *waiter, bool is_worker);
void engine_waiter_fini(struct engine_waiter *waiter);

/* Waits, leading if nobody does, until waiter->ready or the time `until`. Returns waiter->ready. */
bool engine_wait(struct engine_waiter *waiter, int64_t until);
void engine_wake(struct engine_waiter *waiter);
/* engine_wait() for what a task's cancel may end. Returns 1 if it is ready, 0 if not,
 * -PYR_CANCELLED if the task was cancelled, once for each engine_fiber_cancel(). */
int engine_wait_or_cancel(struct engine_waiter *waiter, int64_t until);
/* Ends the wait early: there is something else to look at. The waiter must be alive throughout. */
void engine_nudge(struct engine_waiter *waiter);

/*
 * Tasks. What waits on the stack of one does not hold up the thread: engine_wait() calls suspend(),
 * which lets others run and returns when the task was woken or its time has come, or for no reason.
 * A task that is woken comes to its thread's yard, whose waiter is woken: that is what the thread
 * waits for.
 */
struct engine_yard {
	struct engine_waiter waiter;             /* ready: some were woken */
	struct engine_fiber *woken, **woken_end; /* engine.lock: in the order they were */
};
struct engine_fiber {
	struct engine_yard *yard;
	void (*suspend)(struct engine_fiber *fiber, int64_t until);
	struct engine_fiber *next,
		**link;    /* engine.lock: among those woken; link: what leads here */
	bool is_woken;     /* engine.lock: it is one of them */
	bool is_cancelled; /* engine.lock: the next wait that may end so will */
	bool is_over;      /* engine.lock: nothing wakes it any more */
};
void engine_yard_init(struct engine_yard *yard);
void engine_yard_fini(struct engine_yard *yard);
/* The first that was woken and not taken yet, NULL if there is none. In their thread. */
struct engine_fiber *engine_yard_take(struct engine_yard *yard);
/* What runs on the stack that the calling thread is about to enter. Returns what did before. */
struct engine_fiber *engine_set_fiber(struct engine_fiber *fiber);
/* The task that the calling thread runs; NULL: none, also in stack_call(). */
struct engine_fiber *engine_fiber(void);
#define ENGINE_CANCELLED_TEXT "the task was cancelled"
/* Ends its wait, or its next one, as cancelled. Any thread, also when it is over. */
void engine_fiber_cancel(struct engine_fiber *fiber);
/* It is over, and waits no more. In its thread. */
void engine_fiber_end(struct engine_fiber *fiber);

/* Somebody polls just now. */
bool engine_is_led(void);

/* For who is about to send: if nobody has polled for a while, handles what has come meanwhile,
 * perhaps that a connection is gone. With no lock, not in a handler. */
void engine_catch_up(void);

/*
 * Called by the leader before it polls the next time: for what is better done together with
 * something else, if that comes first. Added by another thread, it ends a poll that waits; while
 * nobody leads it waits for the next leader, for a millisecond or two. A hook that waits may not be
 * added again; one that is added by a hook runs after a poll that does not wait.
 */
struct engine_hook {
	void (*run)(struct engine_hook *hook);
	struct engine_hook *next;
};
void engine_before_poll(struct engine_hook *hook);

/* The tickers are called in a millisecond or two. Any thread. */
void engine_want_tick(void);

/* The waiter with which the calling thread leads just now, NULL if it does not. */
struct engine_waiter *engine_leading(void);

/* Method threads exist whose methods must not starve the link: while n > 0 an unled engine is led
 * within 1-2 ms, else 100 ms. */
void engine_add_daemon(int n);
/* A daemon runs in this process. */
bool engine_has_daemon(void);

/* Timers, fired by the runtime's thread; fire() may block for short but not wait for the network.
 */
struct engine_timer {
	void (*fire)(struct engine_timer *timer);
	struct time_place when;
};
/* Sets or moves. Returns -PYR_RESOURCE_EXHAUSTED when memory is out. */
int engine_timer_set(struct engine_timer *timer, int64_t at);
/* After it returns, fire() neither runs nor will run (unless called from fire() itself). */
void engine_timer_cancel(struct engine_timer *timer);
/* Fires what is due. Returns when the next one is. The runtime's thread alone. */
int64_t engine_fire_timers(void);
/* There is a new first timer. */
void engine_timers_changed(void);

/* Called by the runtime's thread when that is wanted; tick() must be quick and may take a peer's
 * lock. */
struct engine_ticker {
	void (*tick)(struct engine_ticker *ticker);
	struct engine_ticker *next;
};
void engine_ticker_add(struct engine_ticker *ticker);
void engine_ticker_remove(struct engine_ticker *ticker);
/* Calls them. Of the runtime's thread. */
void engine_tick(void);

/*
 * A descriptor that is watched, as epoll does, level-triggered. ready() runs in the leader; it must
 * not block.
 */
struct engine_source {
	int fd;
	void (*ready)(struct engine_source *source, uint32_t events); /* of EPOLLIN... */
	struct engine_source *next, **link; /* the engine's; zero before it is added */
};
/* Returns false when the system has no room for it. Any thread. */
bool engine_source_add(struct engine_source *source, uint32_t events);
void engine_source_set(struct engine_source *source, uint32_t events);
/* Before its descriptor is closed. In the leader: nothing more is heard of it. */
void engine_source_remove(struct engine_source *source);

/*
 * The loop of the program's own, if it has one (pyr_fd()). It polls a descriptor, which is readable
 * when there is something to handle or its waiter was woken; then one thread at a time enters,
 * handles, and leaves. While the loop is left, its poll stands for a leader's.
 */
int engine_loop_fd(void); /* makes it at the first time; minus a status */
struct engine_waiter *engine_loop_waiter(void);
/* Only one may be in it. Returns false if one is. */
bool engine_loop_claim(void);
/* Between claim and leave; until then the descriptor says nothing of its waiter. */
void engine_loop_enter(void);
/* Handles what has come, unless another thread polls. Returns whether something had. */
bool engine_loop_poll(void);
void engine_loop_leave(void);

/*
 * gRPC core is needed: it is loaded and started at the first time, and polled until all who entered
 * have left. Who enters holds nothing of core's after it has left. Returns false if core is not to
 * be had.
 */
bool engine_core_enter(void);
const char *engine_core_why(void); /* it is not; NULL: it is, or was not tried */
void engine_core_leave(void);
struct grpc_completion_queue;
/* Calls fn when the process ends: before core does, also if that is loaded later. */
void engine_at_exit(void (*fn)(void));
struct grpc_completion_queue *engine_queue(void); /* of who has entered */
#endif
