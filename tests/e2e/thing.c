/* SPDX-License-Identifier: MIT */
#include "thing.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void things_init(struct things *things)
{
	memset(things, 0, sizeof(*things));
	pthread_mutex_init(&things->lock, NULL);
	pthread_cond_init(&things->changed, NULL);
}

void things_fini(struct things *things)
{
	life_Thing_free(things->kept);
	pyr_deferred_free(things->deferred);
	pthread_cond_destroy(&things->changed);
	pthread_mutex_destroy(&things->lock);
}

void thing_init(struct thing *thing, struct things *things)
{
	memset(thing, 0, sizeof(*thing));
	thing->things = things;
	thing->which = atomic_fetch_add(&things->n_made, 1) + 1;
	thing->is_there = true;
}

int thing_create(pyr_call *call, void *data, void **ret)
{
	struct things *things = data;
	struct thing *thing;
	int err;

	if (things->first && (err = things->first(call, data, ret)) != 0)
		return err;
	if (atomic_load(&things->refuse) > 0 && atomic_fetch_sub(&things->refuse, 1) > 0)
		return life_Thing_raise_Refused(call, &(struct life_Refused){ "not now" });
	thing = malloc(sizeof(*thing));
	if (!thing)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	thing_init(thing, things);
	*ret = thing;
	return 0;
}

void thing_destroy(void *data)
{
	struct thing *thing = data;
	struct things *things = thing->things;

	things_say(things, "end %d ", thing->which);
	thing->is_there = false;
	free(thing);
	atomic_fetch_add(&things->n_gone, 1);
}

void things_destroy(void *data)
{
	struct things *things = data;

	things_say(things, "over ");
	atomic_fetch_add(&things->n_over, 1);
}

void thing_released(void *data)
{
	struct thing *thing = data;

	thing->is_there = false;
	atomic_fetch_add(&thing->things->n_gone, 1);
}

void things_open(struct things *things, int gate)
{
	pthread_mutex_lock(&things->lock);
	things->is_open[gate] = true;
	pthread_cond_broadcast(&things->changed);
	pthread_mutex_unlock(&things->lock);
}

void things_say(struct things *things, const char *format, ...)
{
	size_t n;
	va_list args;

	pthread_mutex_lock(&things->lock);
	n = strlen(things->log);
	va_start(args, format);
	vsnprintf(things->log + n, sizeof(things->log) - n, format, args);
	va_end(args);
	pthread_mutex_unlock(&things->lock);
}

bool things_reach(atomic_int *number, int n)
{
	int64_t until = now_ms() + THING_PATIENCE_MS;

	while (atomic_load(number) != n && now_ms() < until)
		sched_yield();
	return atomic_load(number) == n;
}

bool things_logged(struct things *things, const char *part)
{
	int64_t until = now_ms() + THING_PATIENCE_MS;
	bool found = false;

	while (!found && now_ms() < until) {
		sched_yield();
		pthread_mutex_lock(&things->lock);
		found = strstr(things->log, part) != NULL;
		pthread_mutex_unlock(&things->lock);
	}
	return found;
}

/* ---- methods ---- */

/* It does something: counted with what else of its instance does. */
static struct thing *begin(pyr_call *call)
{
	struct thing *thing = pyr_call_data(call);
	int n = atomic_fetch_add(&thing->n_running, 1) + 1;
	int most = atomic_load(&thing->things->n_most);

	if (!thing->is_there)
		abort();
	while (n > most && !atomic_compare_exchange_weak(&thing->things->n_most, &most, n))
		;
	atomic_store(&thing->things->last_thread, pthread_self());
	return thing;
}

/* It waits, or is through. */
static void end(struct thing *thing)
{
	atomic_fetch_sub(&thing->n_running, 1);
}

static int add(pyr_call *call, int32_t n, int32_t *ret)
{
	struct thing *thing = begin(call);

	*ret = atomic_fetch_add(&thing->number, n) + n;
	things_say(thing->things, "+%d ", n);
	end(thing);
	return 0;
}

static int which(pyr_call *call, int32_t *ret)
{
	struct thing *thing = begin(call);

	*ret = thing->which;
	end(thing);
	return 0;
}

static int pass(pyr_call *call, int32_t gate)
{
	struct thing *thing = begin(call);
	struct things *things = thing->things;
	int64_t until = now_ms() + THING_PATIENCE_MS;
	bool is_open = false;

	atomic_fetch_add(&things->n_inside, 1);
	while (!is_open && !pyr_call_is_cancelled(call) && now_ms() < until) {
		sched_yield();
		pthread_mutex_lock(&things->lock);
		is_open = things->is_open[gate];
		pthread_mutex_unlock(&things->lock);
	}
	atomic_fetch_sub(&things->n_inside, 1);
	if (!thing->is_there) /* as long as a call runs */
		abort();
	end(thing);
	return 0;
}

static int post(pyr_call *call, int32_t n)
{
	struct thing *thing = begin(call);

	things_say(thing->things, "!%d ", n);
	end(thing);
	return 0;
}

static int doze(pyr_call *call, int32_t ms)
{
	struct thing *thing = begin(call);
	int err;

	end(thing);
	err = pyr_sleep((uint32_t)ms);
	thing = begin(call);
	end(thing);
	return err;
}

static int later(pyr_call *call, int32_t *ret)
{
	struct thing *thing = begin(call);
	int err;

	(void)ret;
	err = pyr_call_defer(call, &thing->things->deferred);
	things_say(thing->things, "deferred ");
	end(thing);
	return err;
}

static int items(pyr_call *call, int32_t n, pyr_stream *stream)
{
	struct thing *thing;
	int err = 0;

	for (int32_t i = 0; i < n && err == 0; i++) {
		thing = begin(call);
		end(thing);
		err = life_Thing_items_yield(stream, i);
	}
	return err;
}

static int to_and_fro(pyr_call *call, const char *there, const char *back, int32_t depth,
		      int32_t *ret)
{
	struct thing *thing = begin(call);
	struct life_Thing *other;
	int err = 0;

	*ret = 0;
	if (depth > 0) {
		other = life_Thing_proxy(there);
		end(thing);
		err = life_Thing_to_and_fro(other, back, there, depth - 1, ret);
		thing = begin(call);
		life_Thing_free(other);
		++*ret;
	}
	end(thing);
	return err ? pyr_pass(call) : 0;
}

struct errand {
	const char *there, *back;
	int32_t n[2];
};

static int go(struct errand *errand, int32_t *n)
{
	struct life_Thing *other = life_Thing_proxy(errand->there);
	int err = life_Thing_to_and_fro(other, errand->back, errand->there, 1, n);

	life_Thing_free(other);
	return err;
}

static int go_second(void *data)
{
	struct errand *errand = data;

	return go(errand, &errand->n[1]);
}

static int go_both(void *data)
{
	pyr_task *second = pyr_task_start(go_second, data);
	struct errand *errand = data;
	int err = go(errand, &errand->n[0]), other = pyr_task_join(second);

	return err ? err : other;
}

static int by_tasks(pyr_call *call, const char *there, const char *back, int32_t *ret)
{
	struct thing *thing = begin(call);
	struct errand errand = { .there = there, .back = back };
	int err;

	end(thing);
	err = pyr_tasks_run(go_both, &errand);
	thing = begin(call);
	*ret = errand.n[0] + errand.n[1];
	end(thing);
	return err;
}

static int meanwhile(pyr_call *call, const char *there, const char *back, int32_t *ret)
{
	struct thing *thing = begin(call);
	struct life_Thing *other = life_Thing_proxy(there);
	pyr_future *future = life_Thing_to_and_fro_start(other, back, there, 1);
	int64_t until = now_ms() + 50;
	int err;

	while (now_ms() < until) /* which is no wait: nothing may run meanwhile */
		sched_yield();
	end(thing);
	err = life_Thing_to_and_fro_get(future, ret);
	thing = begin(call);
	life_Thing_free(other);
	end(thing);
	return err ? pyr_pass(call) : 0;
}

static void closed(void *resource)
{
	struct thing *thing = resource;

	things_say(thing->things, "closed ");
}

static int hold(pyr_call *call, int32_t n)
{
	struct thing *thing = begin(call);
	int err = 0;

	for (; n > 0 && err == 0; n--)
		err = pyr_call_track(call, thing, closed);
	end(thing);
	return err;
}

static int keep(pyr_call *call, struct life_Thing *thing)
{
	struct thing *self = begin(call);

	self->things->kept = life_Thing_dup(thing);
	end(self);
	return 0;
}

static int hold_kept(pyr_call *call, int32_t n)
{
	struct thing *thing = begin(call);
	int err = life_Thing_hold(thing->things->kept, n);

	end(thing);
	return err ? pyr_pass(call) : 0;
}

static int let_go(pyr_call *call)
{
	struct thing *thing = begin(call);

	life_Thing_free(thing->things->kept);
	thing->things->kept = NULL;
	end(thing);
	return 0;
}

const struct life_Thing_methods thing_methods = {
	.add = add,
	.which = which,
	.pass = pass,
	.post = post,
	.doze = doze,
	.later = later,
	.items = items,
	.to_and_fro = to_and_fro,
	.by_tasks = by_tasks,
	.meanwhile = meanwhile,
	.hold = hold,
	.keep = keep,
	.hold_kept = hold_kept,
	.let_go = let_go,
};

/* ---- a place ---- */

static void *run(void *data)
{
	struct thing_place *place = data;

	place->result = pyr_daemon_run(place->daemon);
	return NULL;
}

bool thing_place_open(struct thing_place *place, const struct pyr_daemon_options *options)
{
	struct pyr_daemon_options own = options ? *options : (struct pyr_daemon_options){ 0 };

	own.signals = PYR_NO;
	place->daemon = pyr_daemon_new(&own);
	return place->daemon && pthread_create(&place->thread, NULL, run, place) == 0;
}

int thing_place_close(struct thing_place *place)
{
	pyr_daemon_stop(place->daemon);
	pthread_join(place->thread, NULL);
	pyr_daemon_free(place->daemon);
	return place->result;
}
