/* SPDX-License-Identifier: MIT */
/*
 * An episode in which the library makes the calls: a few users, threads or tasks of one thread,
 * call through proxies whose connections lead to modelled daemons. What they get is what the model
 * says for their keys, or an error that the episode accounts for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz_cable.h"
#include "fuzz_callee.h"
#include "fuzz_objects.h"
#include "talk.h"

enum { USERS = 4, PROXIES = 3, HANG_S = 120 };

static struct proxies_world {
	struct fuzz_turn turn; /* the next step */
	struct engine_timer timer;
	struct callee_world callee;
	struct talk_Server *proxies[PROXIES];
	atomic_bool is_over; /* users begin nothing more */
	atomic_bool is_gone; /* they are through */
	struct engine_waiter ended;
	unsigned n_done;
	bool has_hooks;
	atomic_int n_objects; /* of the users, not released */
} * world;

struct user {
	unsigned number, n_ops;
	struct chance chance;
};

/* ---- what users do ---- */

static int64_t next_key(struct user *u)
{
	return (int64_t)(u->number + 1) * 100000 + ++u->n_ops;
}

/* An error has come that the episode accounts for. */
static void check_error(const char *what, int64_t key, int err)
{
	int code = -err;

	if (err == 0 || world->callee.is_hostile)
		return;
	switch (code) {
	case PYR_UNAVAILABLE:
	case PYR_CANCELLED:
	case PYR_DEADLINE_EXCEEDED:
	case PYR_RESOURCE_EXHAUSTED:
	case PYR_NOT_FOUND:
	case PYR_PERMISSION_DENIED:
		return;
	case PYR_ABORTED:
		if (callee_refuses(key))
			return;
		break;
	default:
		break;
	}
	fuzz_finding("%s, key %lld, fails with code %d for no reason: %s", what, (long long)key,
		     code, pyr_last_error()->message);
}

static void check_value(const char *what, int64_t key, int64_t value, int64_t wanted)
{
	if (!world->callee.is_hostile && value != wanted)
		fuzz_finding("%s, key %lld, gives another value", what, (long long)key);
}

static struct pyr_call_options options_of(struct user *u)
{
	struct pyr_call_options options = { .timeout_ms = 2000 };

	if (chance_one_in(&u->chance, 5))
		options.timeout_ms = 1 + chance_below(&u->chance, 10);
	return options;
}

static void do_ask(struct user *u, struct talk_Server *p)
{
	int64_t key = next_key(u), value = 0;
	struct pyr_call_options options = options_of(u);
	char text[80], *back = NULL;
	int err;

	p = talk_Server_with(p, &options);
	if (chance_one_in(&u->chance, 4)) {
		snprintf(text, sizeof(text), "text of %lld", (long long)key);
		err = talk_Server_echo(p, key, text, &back);
		if (err == 0 && !world->callee.is_hostile && strcmp(back, text) != 0)
			fuzz_finding("echo %lld gives %s", (long long)key, back);
		if (err == 0)
			pyr_free(back);
	} else if (chance_one_in(&u->chance, 6)) {
		err = talk_Server_note(p, key);
	} else {
		err = talk_Server_ask(p, key, &value);
		if (err == 0)
			check_value("ask", key, value, talk_result(key));
	}
	check_error("a call", key, err);
}

static void do_futures(struct user *u, struct talk_Server *p)
{
	struct pyr_call_options options;
	pyr_future *futures[6];
	int64_t keys[6], value;
	unsigned i, n = 1 + chance_below(&u->chance, 6);
	int err;

	for (i = 0; i < n; i++) {
		options = options_of(u);
		keys[i] = next_key(u);
		futures[i] = talk_Server_later_start(talk_Server_with(p, &options), keys[i]);
	}
	for (i = 0; i < n; i++) {
		if (!futures[i])
			continue;
		if (chance_one_in(&u->chance, 5))
			pyr_future_cancel(futures[i]);
		if (chance_one_in(&u->chance, 6)) {
			pyr_future_free(futures[i]);
			continue;
		}
		err = talk_Server_later_get(futures[i], &value);
		if (err == 0)
			check_value("later", keys[i], value, talk_result(keys[i]));
		check_error("a future", keys[i], err);
	}
}

static void do_batch(struct user *u, struct talk_Server *p)
{
	pyr_batch *batch = pyr_batch_new(talk_Server_as_proxy(p));
	struct talk_Server *b = batch ? talk_Server_batch(batch) : NULL;
	struct pyr_call_options options;
	int64_t values[5] = { 0 }, keys[5];
	unsigned i, n = 1 + chance_below(&u->chance, 5);
	int err = 0;

	if (!b)
		fuzz_finding("there is no batch: %s", pyr_last_error()->message);
	for (i = 0; i < n && err == 0; i++) {
		keys[i] = next_key(u);
		err = talk_Server_ask(b, keys[i], &values[i]);
	}
	options = options_of(u);
	pyr_batch_set_options(batch, &options);
	err = pyr_batch_run(batch);
	for (i = 0; i < n && err == 0; i++)
		check_value("a batch", keys[i], values[i], talk_result(keys[i]));
	check_error("a batch", keys[0], err);
	pyr_batch_free(batch);
}

/* After a loss, perhaps: the stream goes on once its proxy has another link. */
static bool may_go_on(struct user *u, struct talk_Server *p, int err)
{
	if (err != -PYR_UNAVAILABLE || chance_one_in(&u->chance, 3))
		return false;
	err = pyr_proxy_reconnect(talk_Server_as_proxy(p), 1, 1);
	return err == 0;
}

static void check_text(int64_t key, uint64_t i, const char *text)
{
	char *wanted = talk_item(key, i, callee_size(key));

	if (!world->callee.is_hostile && strcmp(wanted, text) != 0)
		fuzz_finding("item %llu of stream %lld is another: %.40s", (unsigned long long)i,
			     (long long)key, text);
	free(wanted);
}

static void do_down(struct user *u, struct talk_Server *p)
{
	int64_t key = next_key(u);
	int32_t n = (int32_t)chance_below(&u->chance, 14);
	pyr_stream *stream;
	struct pyr_call_options options = options_of(u);
	uint64_t i = 0;
	char *text;
	int got;

	got = talk_Server_down(talk_Server_with(p, &options), key, n, 0, &stream);
	check_error("down", key, got);
	if (got < 0)
		return;
	do {
		while ((got = talk_Server_down_next(stream, &text)) > 0) {
			check_text(key, i++, text);
			pyr_free(text);
			if (chance_one_in(&u->chance, 20))
				goto out;
		}
	} while (got < 0 && may_go_on(u, p, got));
	check_error("down_next", key, got < 0 ? got : 0);
	if (got == 0 && !world->callee.is_hostile && i != (uint64_t)n)
		fuzz_finding("stream %lld ends after %llu items of %d", (long long)key,
			     (unsigned long long)i, n);
out:
	pyr_stream_free(stream);
}

static void do_up(struct user *u, struct talk_Server *p)
{
	int64_t key = next_key(u), value;
	unsigned i, n = chance_below(&u->chance, 8);
	struct pyr_call_options options = options_of(u);
	pyr_stream *stream;
	char *text;
	int err;

	err = talk_Server_up(talk_Server_with(p, &options), key, &stream);
	check_error("up", key, err);
	if (err < 0)
		return;
	for (i = 0; i < n && err == 0; i++) {
		text = talk_item(key, i, talk_size_up(key, i));
		do
			err = talk_Server_up_write(stream, text);
		while (err < 0 && may_go_on(u, p, err));
		free(text);
	}
	if (err == 0 && chance_one_in(&u->chance, 10))
		pyr_stream_cancel(stream);
	if (err < 0 && err != -PYR_OUT_OF_RANGE)
		check_error("up_write", key, err);
	if (err == 0 && !chance_one_in(&u->chance, 8)) {
		err = talk_Server_up_finish(stream, &value);
		if (err == 0)
			check_value("up", key, value, n);
		check_error("up_finish", key, err);
	} else {
		pyr_stream_free(stream); /* which finish does, too */
	}
}

static void lost(pyr_proxy *proxy, void *data)
{
	if (!proxy || data != world)
		fuzz_finding("who is told of a loss is told %p", data);
}

/* An object that the model makes: called, copied, freed. */
static void do_another(struct user *u, struct talk_Server *p)
{
	int64_t key = next_key(u);
	struct pyr_call_options options = options_of(u);
	struct talk_Server *made = NULL, *twin;
	unsigned n = chance_below(&u->chance, 3);
	int err = talk_Server_another(talk_Server_with(p, &options), key, &made);

	check_error("another", key, err);
	if (err < 0 || !made)
		return;
	if (chance_one_in(&u->chance, 3))
		check_error("on_lost", key,
			    pyr_proxy_on_lost(talk_Server_as_proxy(made), lost, world));
	while (n-- > 0)
		do_ask(u, made);
	if (chance_one_in(&u->chance, 3)) {
		twin = talk_Server_dup(made);
		talk_Server_free(made);
		made = twin;
		do_ask(u, made);
	}
	talk_Server_free(made);
}

/* An object of this process's, or of another modelled daemon's: passed, called back, and home
 * again.
 */
static void do_same(struct user *u, struct talk_Server *p)
{
	struct pyr_call_options options = options_of(u);
	struct talk_Server *x = NULL, *back = NULL;
	int64_t key = next_key(u);
	bool is_own = chance_one_in(&u->chance, 2);
	int err = 0;

	if (is_own)
		x = talk_object_new(&world->n_objects);
	else
		err = talk_Server_another(world->proxies[chance_below(&u->chance, PROXIES)], key,
					  &x);
	check_error("another", key, err);
	if (err < 0)
		return;
	err = talk_Server_same(talk_Server_with(p, &options), key, x, &back);
	check_error("same", key, err);
	if (err == 0 && back && !world->callee.is_hostile &&
	    !(is_own ? back == x
		     : pyr_proxy_same(talk_Server_as_proxy(back), talk_Server_as_proxy(x))))
		fuzz_finding("key %lld: what comes home is another", (long long)key);
	if (err == 0 && back)
		do_ask(u, back);
	if (err == 0)
		talk_Server_free(back);
	talk_Server_free(x);
}

/* The proxy itself: let go, connected again, bound, copied. */
static void do_proxy(struct user *u, struct talk_Server *p)
{
	struct talk_Server *twin;
	int err;

	switch (chance_below(&u->chance, 6)) {
	case 0:
		pyr_proxy_release(talk_Server_as_proxy(p));
		break;
	case 1:
		err = pyr_proxy_reconnect(talk_Server_as_proxy(p), 1, 1);
		check_error("reconnect", 1, err);
		break;
	case 2:
		twin = talk_Server_dup(p);
		do_ask(u, twin);
		talk_Server_free(twin);
		break;
	default:
		err = pyr_proxy_bind(talk_Server_as_proxy(p));
		check_error("bind", 1, err);
	}
}

static int use(void *data)
{
	struct user *u = data;
	struct talk_Server *p;

	while (!atomic_load(&world->is_over)) {
		p = world->proxies[chance_below(&u->chance, PROXIES)];
		switch (chance_below(&u->chance, 12)) {
		case 0:
		case 1:
			do_futures(u, p);
			break;
		case 2:
			do_batch(u, p);
			break;
		case 3:
		case 4:
			do_down(u, p);
			break;
		case 5:
		case 6:
			do_up(u, p);
			break;
		case 7:
			do_proxy(u, p);
			break;
		case 8:
			do_another(u, p);
			break;
		case 9:
			do_same(u, p);
			break;
		default:
			do_ask(u, p);
		}
		(void)pyr_task_yield();
	}
	return 0;
}

static void *use_in_thread(void *data)
{
	use(data);
	return NULL;
}

static int run_tasks(void *data)
{
	struct user *users = data;
	pyr_task *tasks[USERS];
	unsigned i;
	int err = 0;

	for (i = 0; i < USERS; i++)
		tasks[i] = pyr_task_start(use, &users[i]);
	for (i = 0; i < USERS; i++)
		err |= pyr_task_join(tasks[i]);
	return err;
}

/* ---- the model's side ---- */

static void do_step(struct proxies_world *w)
{
	struct callee_world *c = &w->callee;
	struct chance chance = chance_of(c->episode->seed, c->step);

	c->chance = &chance;
	c->is_finishing = c->step >= c->episode->n_steps;
	if (c->is_finishing)
		atomic_store(&w->is_over, true);
	else
		w->n_done++;
	if (!c->episode->skip || c->is_finishing || !c->episode->skip[c->step])
		callee_step(c);
	c->step++;
}

static void on_step(struct fuzz_turn *turn)
{
	struct proxies_world *w = (struct proxies_world *)turn;

	do_step(w);
	if (atomic_load(&w->is_gone) && callee_end(&w->callee))
		engine_wake(&w->ended);
	else if (w->callee.is_finishing)
		(void)engine_timer_set(&w->timer, engine_now() + ENGINE_MS / 4);
	else
		fuzz_post(turn);
}

static void on_timer(struct engine_timer *timer)
{
	struct proxies_world *w =
		(struct proxies_world *)((char *)timer - offsetof(struct proxies_world, timer));

	fuzz_post(&w->turn);
}

static struct link *connect_fake(const struct link_target *target, const struct link_events *events,
				 void *owner)
{
	return callee_accept(&world->callee, target, events, owner);
}

/* ---- an episode ---- */

static int on_handshake(const struct pyr_bytes *answer, char *why, size_t n_why, void *data)
{
	atomic_uint *n = data;

	if (!world->callee.is_hostile &&
	    (answer->n != 7 || memcmp(answer->items, "welcome", 7) != 0))
		fuzz_finding("on_handshake gets %zu bytes", answer->n);
	if (atomic_fetch_add(n, 1) % 6 != 5)
		return 0;
	snprintf(why, n_why, "every sixth is refused");
	return -PYR_PERMISSION_DENIED;
}

static void make_proxies(struct proxies_world *w, struct chance *c)
{
	static atomic_uint n_handshakes;
	struct pyr_proxy_options o = { .connect_timeout_ms = 3000, .plain = PYR_PLAIN_NEVER };
	struct pyr_tls_options tls;
	unsigned i, place;
	char uri[96];

	if (w->callee.episode->lane == LANE_TLS) {
		tls = *place_tls_options();
		tls.name = "fuzz";
		o.tls = &tls;
	}

	for (i = 0; i < PROXIES; i++) {
		o.own_link = chance_one_in(c, 3);
		o.on_handshake = chance_one_in(c, 3) ? on_handshake : NULL;
		o.hook_data = &n_handshakes;
		place = chance_below(c, CABLE_PLACES);
		if (w->callee.episode->lane == LANE_NONE)
			snprintf(uri, sizeof(uri), "PYRO:a@127.0.0.1:%u", place + 1);
		else
			cable_uri(place, uri, sizeof(uri));
		w->proxies[i] = talk_Server_proxy_with(uri, &o);
		if (!w->proxies[i])
			fuzz_finding("there is no proxy: %s", pyr_last_error()->message);
	}
}

static void run_users(struct proxies_world *w)
{
	struct user users[USERS];
	pthread_t threads[USERS];
	unsigned i;

	for (i = 0; i < USERS; i++)
		users[i] = (struct user){ i, 0, chance_of(w->callee.episode->seed, ~(uint64_t)i) };
	if (!w->callee.episode->has_threads) {
		if (pyr_tasks_run(run_tasks, users) < 0)
			fuzz_finding("the tasks fail: %s", pyr_last_error()->message);
		return;
	}
	for (i = 0; i < USERS; i++)
		if (engine_thread(&threads[i], use_in_thread, &users[i]) < 0)
			abort();
	for (i = 0; i < USERS; i++)
		pthread_join(threads[i], NULL);
}

unsigned fuzz_run_proxies(const struct fuzz_episode *episode)
{
	struct proxies_world *w = calloc(1, sizeof(*w));
	struct chance c = chance_of(episode->seed, UINT64_MAX - 2);
	unsigned i, n_done;

	if (!w || engine_start() < 0)
		abort();
	world = w;
	w->turn.run = on_step;
	w->timer.fire = on_timer;
	w->callee.episode = episode;
	w->callee.is_hostile = chance_one_in(&c, 3);
	w->callee.linger_ms = chance_one_in(&c, 4) ? 0 : 30000;
	pthread_mutex_init(&w->callee.lock, NULL);
	engine_waiter_init(&w->ended, false);
	fuzz_say("daemons: linger %u ms%s", w->callee.linger_ms,
		 w->callee.is_hostile ? ", hostile" : "");
	fuzz_connect = connect_fake;
	cable_listen(episode->lane);
	make_proxies(w, &c);
	fuzz_post(&w->turn);
	run_users(w);
	for (i = 0; i < PROXIES; i++)
		talk_Server_free(w->proxies[i]);
	atomic_store(&w->is_gone, true);
	if (!engine_wait(&w->ended, engine_now() + (int64_t)HANG_S * 1000 * ENGINE_MS))
		fuzz_finding("links are not freed with their proxies");
	if (!talk_object_wait(&w->n_objects, HANG_S))
		fuzz_finding("%d objects are not released", atomic_load(&w->n_objects));
	engine_timer_cancel(&w->timer);
	fuzz_connect = NULL;
	cable_listen(LANE_NONE);
	callee_fini(&w->callee);
	engine_waiter_fini(&w->ended);
	n_done = w->n_done;
	free(w);
	return n_done;
}
