/* SPDX-License-Identifier: MIT */
/*
 * Who polls: the leader. It handles events until it may leave. Others give it something to do by a
 * flag of its waiter or by a hook, and kick it if it polls.
 */
#include "engine/engine_own.h"

#include "base/stack.h"

enum {
	CATCH_UP_ALL =
		20 * ENGINE_MS, /* nobody has polled: receives that were put off are started */
	CATCH_UP_MISSES = 3, /* core looks at one descriptor in a poll, which may have no event */
	CATCH_UP_MAX = 256   /* events; the rest comes when somebody waits */
};

static _Thread_local struct engine_waiter *leading;

struct engine_waiter *engine_leading(void)
{
	return leading;
}

bool engine_is_led(void)
{
	return atomic_load(&engine.leader) != NULL;
}

/* ---- what others give it to do ---- */

void engine_before_poll(struct engine_hook *hook)
{
	hook->next = atomic_load(&engine.hooks);
	while (!atomic_compare_exchange_weak(&engine.hooks, &hook->next, hook))
		;
	if (leading) /* it runs it itself */
		return;
	pthread_mutex_lock(&engine.lock);
	engine.has_flush = true;
	if (!engine.leader)
		engine_watch_hooks();
	engine_kick();
	pthread_mutex_unlock(&engine.lock);
}

static void run_hooks(void)
{
	struct engine_hook *hook, *next;

	if (!atomic_load_explicit(&engine.hooks, memory_order_relaxed))
		return;
	for (hook = atomic_exchange(&engine.hooks, NULL); hook; hook = next) {
		next = hook->next;
		hook->run(hook);
	}
}

/* ---- polling ---- */

/* Returns whether there was an event by then, which is handled. */
static bool handle_next(enum engine_poller poller, int64_t until)
{
	if (poller == ENGINE_POLLS_CORE)
		return engine_poll_core(until);
	if (atomic_load_explicit(&engine.n_core, memory_order_relaxed) > 0 && !engine_core_help()) {
		if (engine_poll_core(0))
			return true;
		if (until > engine_now() + ENGINE_TICK)
			until = engine_now() + ENGINE_TICK;
	}
	return engine_poll_sources(until);
}

/* Handles one event, or returns at `until`. */
static bool poll_once(int64_t until)
{
	enum engine_poller poller;

	run_hooks();
	if (engine_core_take())
		return true;
	do {
		poller = engine_choose();
		engine_core_lead(poller == ENGINE_POLLS_CORE);
		atomic_store(&engine.polls, poller);
	} while (poller != engine_choose());
	if (engine_may_leave(leading)) {
		atomic_store_explicit(&engine.polls, ENGINE_POLLS_NOTHING, memory_order_relaxed);
		return false;
	}
	/* added by a hook, or just now */
	if (atomic_load(&engine.hooks) || engine_core_has_handed())
		until = 0;
	return handle_next(poller, until);
}

/* Called with the lock, which the leader does not hold until it calls resign(). */
static void take_lead(struct engine_waiter *waiter)
{
	engine.leader = leading = waiter;
	pthread_mutex_unlock(&engine.lock);
}

static void resign(void)
{
	leading = NULL;
	pthread_mutex_lock(&engine.lock);
	engine.leader = NULL;
	if (!atomic_load(&engine.hooks))
		engine.has_flush = false;
	if (engine.loop.is_out && (atomic_load(&engine.hooks) || engine_core_has_handed()))
		engine_loop_ring();
}

bool engine_lead(struct engine_waiter *waiter, int64_t until)
{
	bool has_ceded;

	engine.is_ceded = false;
	take_lead(waiter);
	while (!engine_may_leave(waiter) && !engine.is_ceded) {
		(void)poll_once(until);
		if (until != ENGINE_FOREVER && engine_now() >= until)
			break;
	}
	resign();
	has_ceded = engine.is_ceded;
	engine.is_ceded = false;
	return has_ceded;
}

bool engine_lead_briefly(struct engine_waiter *waiter, int n)
{
	bool any = false;

	take_lead(waiter);
	while (n-- > 0 && poll_once(0))
		any = true;
	resign();
	return any;
}

/* A thread that waits for a reply goes first, one that gives way last, the latest before others. */
static struct engine_waiter *next_leader(void)
{
	struct engine_waiter *w = engine.followers, *best = w;

	while (w && w->is_worker) {
		if (best->gives_way || !w->gives_way)
			best = w;
		w = w->next == engine.followers ? NULL : w->next;
	}
	return w ? w : best;
}

/*
 * Method threads are left asleep when one of them leaves the queue to run a short method: it will
 * be back, else the runtime's thread finds out.
 */
void engine_promote(bool is_brief)
{
	struct engine_waiter *w = next_leader();

	if (w && !engine.leader && (!w->is_worker || !is_brief))
		pthread_cond_signal(&w->cond);
}

/* ---- who calls, and who is called back ---- */

/*
 * In a process without a daemon one thread waits for callbacks, and others for the replies to
 * their calls. Whoever leads reads what is for the other as well and wakes it, which costs more
 * than the call. So the lead goes to whom the messages are for:
 * - A caller that handles a callback cedes the lead: the thread that runs it will be back soon, and
 *   then gets the next one by itself.
 * - A caller that has just had a reply wants the lead: it gets it together with the next one.
 * - Between its calls nobody leads, as when there are no callbacks; if it stays away, the runtime's
 *   thread finds out.
 */
static bool has_just_called(int64_t now)
{
	return now - engine.called_at < 2 * ENGINE_TICK;
}

void engine_want_lead(const struct engine_waiter *waiter)
{
	const struct engine_waiter *leader = engine.leader;

	if (leader && leader->gives_way && !waiter->is_worker)
		engine.is_wanted = has_just_called(engine_now());
}

void engine_shift_lead(const struct engine_waiter *waiter)
{
	const struct engine_waiter *leader = engine.leader;

	if (!leader || leader != leading) /* it would not notice before something else comes */
		return;
	if (leader->gives_way && !waiter->is_worker && engine.is_wanted)
		engine.is_ceded = true;
	else if (waiter->gives_way && waiter->is_brief && !leader->is_worker)
		engine.is_ceded = leader != &engine.runtime;
}

void engine_pass_on(struct engine_waiter *waiter)
{
	struct engine_waiter *next = engine.leader ? engine.leader : next_leader();
	int64_t now;

	if (!next)
		return;
	if (waiter->gives_way) {
		engine.is_wanted = false; /* callbacks come */
		if (waiter->is_brief)
			return;
	} else if (next->gives_way && !waiter->is_worker) {
		now = engine_now();
		if (has_just_called(now))
			next = NULL;
		engine.called_at = now;
	}
	if (next)
		engine_promote(waiter->is_brief);
}

/* ---- catching up ---- */

/*
 * A receive that is started before what is about to be sent costs a write of its own (link_grpc.c).
 * So hooks run only if something has come, or if it is long ago: what then comes may wait for one.
 */
static void handle_all(int64_t idle)
{
	bool any = idle >= CATCH_UP_ALL;
	int n, misses = 0;

	for (n = 0; !any && n < CATCH_UP_MISSES; n++)
		any = handle_next(engine_choose(), 0);
	for (n = 0; any && n < CATCH_UP_MAX && misses < CATCH_UP_MISSES; n++)
		misses = poll_once(0) ? 0 : misses + 1;
}

static void catch_up(void *arg)
{
	struct engine_waiter self;

	engine_waiter_init(&self, false);
	pthread_mutex_lock(&engine.lock);
	if (!engine.leader) {
		take_lead(&self);
		handle_all(*(int64_t *)arg);
		resign();
		engine_promote(false);
		engine_watch_left();
	}
	pthread_mutex_unlock(&engine.lock);
	engine_waiter_fini(&self);
}

void engine_catch_up(void)
{
	int64_t idle;

	if (atomic_load_explicit(&engine.leader, memory_order_relaxed))
		return; /* who handles what comes at once */
	idle = engine_now() - atomic_load_explicit(&engine.left_at, memory_order_relaxed);
	if (idle >= ENGINE_TICK)
		stack_call(catch_up, &idle);
}
