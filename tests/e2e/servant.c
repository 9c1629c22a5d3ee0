/* SPDX-License-Identifier: MIT */
#include "servant.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void work_init(struct work *work, pyr_daemon *daemon)
{
	pthread_condattr_t attr;

	memset(work, 0, sizeof(*work));
	work->daemon = daemon;
	pthread_mutex_init(&work->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&work->changed, &attr);
	pthread_condattr_destroy(&attr);
}

void work_fini(struct work *work)
{
	int i;

	for (i = 0; i < WORK_PLACES; i++)
		pyr_deferred_free(work->held[i].deferred);
	pthread_cond_destroy(&work->changed);
	pthread_mutex_destroy(&work->lock);
}

/* Waits for a change, for 2 ms at most: a cancel wakes nobody. With the lock. */
static void wait_change(struct work *work)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += 2000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	pthread_cond_timedwait(&work->changed, &work->lock, &t);
}

void work_open(struct work *work, int gate)
{
	pthread_mutex_lock(&work->lock);
	work->is_open[gate] = true;
	pthread_cond_broadcast(&work->changed);
	pthread_mutex_unlock(&work->lock);
}

bool work_logged(struct work *work, const char *part)
{
	int64_t until = now_ms() + PATIENCE_MS;
	bool found;

	pthread_mutex_lock(&work->lock);
	while (!(found = strstr(work->log, part) != NULL) && now_ms() < until)
		wait_change(work);
	pthread_mutex_unlock(&work->lock);
	return found;
}

bool work_has_inside(struct work *work, int n)
{
	int64_t until = now_ms() + PATIENCE_MS;
	bool reached;

	pthread_mutex_lock(&work->lock);
	while (!(reached = work->n_inside == n) && now_ms() < until)
		wait_change(work);
	pthread_mutex_unlock(&work->lock);
	return reached;
}

static int n_held(const struct work *work)
{
	int i, n = 0;

	for (i = 0; i < WORK_PLACES; i++)
		n += work->held[i].deferred != NULL;
	return n;
}

bool work_holds(struct work *work, int n)
{
	int64_t until = now_ms() + PATIENCE_MS;
	bool reached;

	pthread_mutex_lock(&work->lock);
	while (!(reached = n_held(work) == n) && now_ms() < until)
		wait_change(work);
	pthread_mutex_unlock(&work->lock);
	return reached;
}

bool work_told(struct work *work, int n)
{
	int64_t until = now_ms() + PATIENCE_MS;
	bool reached;

	pthread_mutex_lock(&work->lock);
	while (!(reached = work->n_told == n) && now_ms() < until)
		wait_change(work);
	pthread_mutex_unlock(&work->lock);
	return reached;
}

static struct work *work_of(const pyr_call *call)
{
	return pyr_call_data(call);
}

static bool is_place(int32_t place)
{
	return place >= 0 && place < WORK_PLACES;
}

/* ---- simple ones ---- */

static int who(pyr_call *call, const char **ret)
{
	*ret = pyr_call_object(call);
	return 0;
}

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = (int32_t)((uint32_t)x + (uint32_t)y);
	return 0;
}

static int echo(pyr_call *call, const char *text, const char **ret)
{
	(void)call;
	*ret = text;
	return 0;
}

static int time_left(pyr_call *call, int64_t *ret)
{
	*ret = pyr_call_time_left(call);
	return 0;
}

static int caller(pyr_call *call, const char **ret)
{
	*ret = pyr_call_peer(call);
	return 0;
}

static int returns(pyr_call *call, int32_t value, int32_t *ret)
{
	(void)call;
	*ret = value;
	return value;
}

static int stop(pyr_call *call)
{
	pyr_daemon_stop(work_of(call)->daemon);
	return 0;
}

/* ---- gates ---- */

/* With the lock. */
static void say(struct work *work, const char *format, int gate)
{
	size_t n = strlen(work->log);

	snprintf(work->log + n, sizeof(work->log) - n, format, gate);
	pthread_cond_broadcast(&work->changed);
}

void work_pass(struct work *work, const pyr_call *call, int gate)
{
	int64_t until = now_ms() + PATIENCE_MS;

	pthread_mutex_lock(&work->lock);
	work->last_thread = pthread_self();
	if (++work->n_inside > work->n_most)
		work->n_most = work->n_inside;
	say(work, "<%d ", gate);
	while (!work->is_open[gate] && !pyr_call_is_cancelled(call) && now_ms() < until)
		wait_change(work);
	if (pyr_call_is_cancelled(call))
		say(work, "x%d ", gate);
	say(work, "%d> ", gate);
	work->n_inside--;
	pthread_mutex_unlock(&work->lock);
}

static int pass(pyr_call *call, int32_t gate)
{
	if (!is_place(gate))
		return pyr_fail(call, PYR_OUT_OF_RANGE, "no gate %d", gate);
	work_pass(work_of(call), call, gate);
	return 0;
}

static int open_gate(pyr_call *call, int32_t gate)
{
	if (!is_place(gate))
		return pyr_fail(call, PYR_OUT_OF_RANGE, "no gate %d", gate);
	work_open(work_of(call), gate);
	return 0;
}

static int shut_gate(pyr_call *call, int32_t gate)
{
	struct work *work = work_of(call);

	if (!is_place(gate))
		return pyr_fail(call, PYR_OUT_OF_RANGE, "no gate %d", gate);
	pthread_mutex_lock(&work->lock);
	work->is_open[gate] = false;
	pthread_mutex_unlock(&work->lock);
	return 0;
}

static int log_so_far(pyr_call *call, const char **ret)
{
	struct work *work = work_of(call);

	pthread_mutex_lock(&work->lock);
	*ret = pyr_call_strdup(call, work->log);
	work->log[0] = '\0';
	pthread_mutex_unlock(&work->lock);
	return 0;
}

/* ---- answers that come later ---- */

static void on_cancel(pyr_deferred *deferred, void *data)
{
	struct work *work = data;
	int i;

	pthread_mutex_lock(&work->lock);
	for (i = 0; i < WORK_PLACES; i++)
		if (work->held[i].deferred == deferred)
			work->held[i].told++;
	work->n_told++;
	pthread_cond_broadcast(&work->changed);
	pthread_mutex_unlock(&work->lock);
}

static int hold(pyr_call *call, int32_t key, int32_t *ret)
{
	struct work *work = work_of(call);
	pyr_deferred *deferred;

	(void)ret;
	if (!is_place(key))
		return pyr_fail(call, PYR_OUT_OF_RANGE, "no key %d", key);
	if (pyr_call_defer(call, &deferred) < 0)
		return -pyr_last_error()->code;
	pthread_mutex_lock(&work->lock);
	if (work->held[key].deferred) {
		pthread_mutex_unlock(&work->lock);
		return pyr_deferred_fail(deferred, PYR_ALREADY_EXISTS, "key %d is held", key);
	}
	work->held[key] = (struct held){ deferred, 0 };
	pthread_cond_broadcast(&work->changed);
	pthread_mutex_unlock(&work->lock);
	pyr_deferred_set_on_cancel(deferred, on_cancel, work);
	return 0;
}

static pyr_deferred *take(struct work *work, int key)
{
	pyr_deferred *deferred = NULL;

	pthread_mutex_lock(&work->lock);
	if (is_place(key)) {
		deferred = work->held[key].deferred;
		work->held[key].deferred = NULL;
	}
	pthread_cond_broadcast(&work->changed);
	pthread_mutex_unlock(&work->lock);
	return deferred;
}

static int answer(pyr_call *call, int32_t key, int32_t value)
{
	pyr_deferred *deferred = take(work_of(call), key);

	if (!deferred)
		return pyr_fail(call, PYR_NOT_FOUND, "nothing is held under %d", key);
	return e2e_Work_hold_reply(deferred, value);
}

static int refuse(pyr_call *call, int32_t key, const char *why)
{
	pyr_deferred *deferred = take(work_of(call), key);

	if (!deferred)
		return pyr_fail(call, PYR_NOT_FOUND, "nothing is held under %d", key);
	return pyr_deferred_fail(deferred, PYR_OUT_OF_RANGE, "%s", why);
}

static int drop(pyr_call *call, int32_t key)
{
	pyr_deferred_free(take(work_of(call), key));
	return 0;
}

static int held(pyr_call *call, int32_t *ret, int32_t *ret_told)
{
	struct work *work = work_of(call);

	pthread_mutex_lock(&work->lock);
	*ret = n_held(work);
	*ret_told = work->n_told;
	pthread_mutex_unlock(&work->lock);
	return 0;
}

static int at_once(pyr_call *call, int32_t value, int32_t *ret)
{
	pyr_deferred *deferred;

	(void)ret;
	if (pyr_call_defer(call, &deferred) < 0)
		return -pyr_last_error()->code;
	return e2e_Work_at_once_reply(deferred, value);
}

/* ---- errors ---- */

static int fail(pyr_call *call, int32_t code, const char *text)
{
	return pyr_fail(call, code, "%s", text);
}

static int raise_refused(pyr_call *call, int32_t number, const char *why)
{
	struct e2e_Refused refused = { .number = number, .why = why };

	return e2e_Work_raise_Refused(call, &refused);
}

static int miss(pyr_call *call, const char *what)
{
	struct e2e_Missing missing = { .what = what };

	return e2e_Work_raise_Missing(call, &missing);
}

static int relay(pyr_call *call, const struct pyr_string_seq *uris, int32_t number)
{
	struct pyr_string_seq rest;
	struct e2e_Work *next;
	int err;

	if (uris->n == 0)
		return raise_refused(call, number, "the end of the chain");
	rest = (struct pyr_string_seq){ uris->n - 1, uris->items + 1 };
	next = e2e_Work_proxy(uris->items[0]);
	err = e2e_Work_relay(next, &rest, number);
	e2e_Work_free(next);
	return err;
}

static int bare(pyr_call *call, int32_t code, const char *swallow)
{
	if (swallow[0] && !e2e_Work_proxy(swallow))
		(void)pyr_last_error();
	(void)call;
	return -code;
}

const struct e2e_Work_methods work_methods = {
	.who = who,
	.add = add,
	.echo = echo,
	.pass = pass,
	.post = pass,
	.open = open_gate,
	.shut = shut_gate,
	.log = log_so_far,
	.hold = hold,
	.hold_soon = hold,
	.answer = answer,
	.refuse = refuse,
	.drop = drop,
	.held = held,
	.at_once = at_once,
	.time_left = time_left,
	.caller = caller,
	.fail = fail,
	.raise = raise_refused,
	.miss = miss,
	.relay = relay,
	.returns = returns,
	.bare = bare,
	.stop = stop,
};

/* ---- a daemon in a thread ---- */

static void *run(void *data)
{
	struct place *place = data;

	place->result = pyr_daemon_run(place->daemon);
	return NULL;
}

bool place_open(struct place *place, const struct pyr_daemon_options *options)
{
	return place_open_in(place, pyr_daemon_new(options));
}

bool place_open_in(struct place *place, pyr_daemon *daemon)
{
	place->result = -1;
	place->daemon = daemon;
	work_init(&place->work, place->daemon);
	place->uri = e2e_Work_register(place->daemon, "work", &work_methods, &place->work);
	return place->uri && pthread_create(&place->thread, NULL, run, place) == 0;
}

int place_close(struct place *place)
{
	pyr_daemon_stop(place->daemon);
	pthread_join(place->thread, NULL);
	pyr_daemon_free(place->daemon);
	work_fini(&place->work);
	return place->result;
}
