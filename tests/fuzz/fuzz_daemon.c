/* SPDX-License-Identifier: MIT */
/*
 * An episode in which the library is the daemon: its method threads are real, its links are fakes,
 * and who leads the engine runs the model's steps. With one method thread that thread does all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/daemon.h"
#include "daemon/daemon_own.h"
#include "door/door.h"
#include "exec/exec.h"
#include "fuzz_cable.h"
#include "fuzz_caller.h"
#include "fuzz_servant.h"
#include "key/key.h"

enum { SETTLE_MS = 20000, FREE_MS = 10000, HANG_S = 120 };

enum phase { STEPS, SETTLING, CLOSING, OVER };

static struct daemon_world {
	struct fuzz_turn turn;     /* the next step */
	struct engine_timer timer; /* which it waits for when there is nothing to do */
	struct caller_world caller;
	struct servant servant;
	pyr_daemon *daemon;
	struct place place; /* of the daemon */
	enum phase phase;
	unsigned n_done;
	int64_t settle_until;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* lock: */
	bool wants_completion; /* somebody is to answer what was deferred */
	bool is_over;
} * world;

static void enter(struct fake *fake)
{
	const struct caller_world *c = &world->caller;

	cable_enter(fake, &world->place, fuzz_mix(c->episode->seed, c->n_links));
}

static void knock(struct chance *chance)
{
	cable_knock(&world->place, chance);
}

static void accept_fake(struct fake *fake)
{
	pyr_daemon *d = world->daemon;
	struct budget *budget = budget_new(NULL, budget_of_connection(d->host.limits.max_message));
	struct peer *peer = budget ? peer_accept(&fake->link, &d->host, budget) : NULL;

	budget_unref(budget);
	if (!peer)
		abort();
	pthread_mutex_lock(&d->lock);
	peer->served.prev = NULL;
	peer->served.next = d->peers;
	if (d->peers)
		d->peers->served.prev = peer;
	d->peers = peer;
	pthread_mutex_unlock(&d->lock);
	peer_flush(peer);
}

static void tell_main(struct daemon_world *w, bool is_over)
{
	pthread_mutex_lock(&w->lock);
	w->wants_completion = true;
	w->is_over = is_over;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

/* Fakes whose peer has gone. Returns whether all have. */
static bool reap(struct caller_world *c)
{
	unsigned i, n = 0;

	for (i = 0; i < c->n_gone; i++)
		if (atomic_load(&c->gone[i]->is_free))
			fake_free(c->gone[i]);
		else
			c->gone[n++] = c->gone[i];
	c->n_gone = n;
	return n == 0;
}

static void next_phase(struct daemon_world *w, enum phase phase)
{
	w->phase = phase;
	w->settle_until = engine_now() + (int64_t)SETTLE_MS * ENGINE_MS;
	if (phase == SETTLING)
		tell_main(w, false);
	fuzz_say("---- %s", phase == SETTLING ? "what was begun is brought to its end"
					      : "the links are closed");
}

static void settle(struct daemon_world *w)
{
	struct caller_world *c = &w->caller;
	unsigned i;

	if (w->phase == SETTLING && caller_settle(c)) {
		next_phase(w, CLOSING);
		caller_fini(c);
	}
	if (w->phase == SETTLING && engine_now() > w->settle_until) {
		for (i = 0; i < c->n_calls; i++)
			if (c->calls[i].must_answer)
				fuzz_finding("call %u at %c, key %llx, is not answered",
					     c->calls[i].number, c->links[c->calls[i].link].name,
					     (long long)c->calls[i].key);
		for (i = 0; i < CALLER_LINKS; i++)
			if (!caller_has_all_back(&c->links[i]))
				fuzz_finding("%c: not all that was passed is given back",
					     c->links[i].name);
		fuzz_finding("a link that was told something wrong is not ended");
	}
	if (w->phase == CLOSING && exec_load(daemon_executor(w->daemon)) == 0)
		w->phase = OVER;
	if (w->phase == CLOSING && engine_now() > w->settle_until) /* lost streams linger */
		w->phase = OVER;
}

static bool is_skipped(const struct daemon_world *w)
{
	const struct fuzz_episode *e = w->caller.episode;

	return e->skip && e->skip[w->caller.step];
}

static void do_step(struct daemon_world *w)
{
	struct caller_world *c = &w->caller;
	struct chance chance = chance_of(c->episode->seed, c->step);

	c->chance = &chance;
	if (c->step < c->episode->n_steps) {
		if (!is_skipped(w))
			caller_step(c);
		w->n_done++;
	} else if (w->phase == STEPS) {
		next_phase(w, SETTLING);
	}
	if (w->phase != STEPS)
		settle(w);
	c->step++;
	reap(c);
}

static void on_step(struct fuzz_turn *turn)
{
	struct daemon_world *w = (struct daemon_world *)turn;

	do_step(w);
	if (w->phase == OVER)
		tell_main(w, true);
	else if (w->phase == STEPS)
		fuzz_post(turn);
	else
		(void)engine_timer_set(&w->timer, engine_now() + ENGINE_MS / 4);
}

static void on_timer(struct engine_timer *timer)
{
	struct daemon_world *w =
		(struct daemon_world *)((char *)timer - offsetof(struct daemon_world, timer));

	fuzz_post(&w->turn);
}

/* ---- the daemon ---- */

static pyr_daemon *make_daemon(struct daemon_world *w, struct chance *c)
{
	struct pyr_daemon_options o = { .threads = 1, .signals = PYR_NO, .drain_ms = 20 };
	static const struct pyr_key_options key = { .text = FUZZ_KEY };
	struct caller_world *model = &w->caller;

	w->place.lane = model->episode->lane;
	if (w->place.lane == LANE_UNIX) {
		place_name(&w->place);
		o.socket = w->place.path;
	} else if (w->place.lane == LANE_TLS) {
		o.tls = place_tls_options();
	}
	if (model->episode->has_threads)
		o.threads = 2 + chance_below(c, 3);
	if (chance_one_in(c, 4))
		o.max_calls = 1 + chance_below(c, 8);
	if (chance_one_in(c, 5))
		o.max_message = 100000 + chance_below(c, 200000);
	o.stream_linger_ms = chance_one_in(c, 5)   ? PYR_NONE
			     : chance_one_in(c, 3) ? 1 + chance_below(c, 20)
						   : CALLER_LINGER_MS;
	if (chance_one_in(c, 6))
		o.stream_lifetime_ms = 1 + chance_below(c, 20);
	model->has_hooks = chance_one_in(c, 2);
	if (model->has_hooks)
		servant_hooks(&w->servant, &o);
	model->ring = chance_one_in(c, 3) ? caller_key_ring() : NULL;
	if (model->ring)
		o.key = &key;
	model->is_serial = o.threads == 1;
	model->max_calls = o.max_calls;
	model->max_message = o.max_message;
	model->has_lifetime = o.stream_lifetime_ms > 0;
	model->linger_ms = o.stream_linger_ms == PYR_NONE ? 0 : o.stream_linger_ms;
	fuzz_say("daemon: %u threads, max_calls %u, max_message %u, linger %u ms, lifetime %u "
		 "ms%s%s",
		 o.threads, o.max_calls, o.max_message, model->linger_ms, o.stream_lifetime_ms,
		 model->has_hooks ? ", hooks" : "", model->ring ? ", a key" : "");
	return pyr_daemon_new(&o);
}

static void *run_daemon(void *data)
{
	struct daemon_world *w = data;

	if (pyr_daemon_run(w->daemon) < 0)
		fuzz_finding("the daemon does not run: %s", pyr_last_error()->message);
	return NULL;
}

/* Waits until the episode is over; answers what was deferred meanwhile. */
static void attend(struct daemon_world *w)
{
	struct timespec until;
	bool is_over = false, wants;

	while (!is_over) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += HANG_S;
		pthread_mutex_lock(&w->lock);
		while (!w->is_over && !w->wants_completion)
			if (pthread_cond_timedwait(&w->changed, &w->lock, &until) != 0)
				fuzz_finding("nothing happens for %d s", HANG_S);
		is_over = w->is_over;
		wants = w->wants_completion;
		w->wants_completion = false;
		pthread_mutex_unlock(&w->lock);
		if (wants)
			servant_complete(&w->servant, true);
	}
}

/* What was deferred and is answered when the daemon has stopped ends in the callback thread: its
 * session, and with that the link. */
static bool are_freed_in_time(struct caller_world *c)
{
	static const struct timespec pause = { .tv_nsec = ENGINE_MS };
	int64_t until = engine_now() + FREE_MS * (int64_t)ENGINE_MS;

	while (!reap(c) && engine_now() < until)
		nanosleep(&pause, NULL);
	return c->n_gone == 0;
}

static void close_daemon(struct daemon_world *w, pthread_t thread)
{
	struct caller_world *c = &w->caller;

	pyr_daemon_stop(w->daemon);
	pthread_join(thread, NULL);
	pyr_daemon_free(w->daemon);
	engine_timer_cancel(&w->timer);
	if (!are_freed_in_time(c))
		fuzz_finding("%u links are not freed with their daemon, the first is %s", c->n_gone,
			     c->gone[0]->link.address);
	servant_fini(&w->servant);
}

unsigned fuzz_run_daemon(const struct fuzz_episode *episode)
{
	struct daemon_world *w = calloc(1, sizeof(*w));
	struct chance c = chance_of(episode->seed, UINT64_MAX - 1);
	pthread_t thread;
	unsigned n_done;

	if (!w)
		abort();
	world = w;
	w->turn.run = on_step;
	w->timer.fire = on_timer;
	w->caller.episode = episode;
	w->caller.accept = episode->lane != LANE_NONE ? enter : accept_fake;
	w->caller.knock = episode->lane != LANE_NONE ? knock : NULL;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	pthread_mutex_init(&w->servant.lock, NULL);
	w->daemon = make_daemon(w, &c);
	if (!w->daemon)
		fuzz_finding("there is no daemon: %s", pyr_last_error()->message);
	w->place.port = door_port(w->daemon->door);
	servant_init(&w->servant, w->daemon, w->caller.is_serial, &w->caller.has_mangled);
	if (engine_thread(&thread, run_daemon, w) < 0)
		abort();
	fuzz_post(&w->turn);
	attend(w);
	close_daemon(w, thread);
	n_done = w->n_done;
	key_ring_unref(w->caller.ring);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return n_done;
}
