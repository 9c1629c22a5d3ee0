/* SPDX-License-Identifier: MIT */
#include "counter.h"

#include <stdio.h>
#include <time.h>

enum { PATIENCE_S = 20, MOST_TIMES = 100 };

static struct timespec patience(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += PATIENCE_S;
	return t;
}

/* One more has begun; it goes on when the counter is open. */
static int run(pyr_call *call)
{
	struct counter *counter = pyr_call_data(call);
	struct timespec until = patience();
	bool in_time = true;
	int n;

	pthread_mutex_lock(&counter->lock);
	n = ++counter->n_runs;
	pthread_cond_broadcast(&counter->changed);
	while (counter->is_shut && n > counter->n_let && in_time)
		in_time = pthread_cond_timedwait(&counter->changed, &counter->lock, &until) == 0;
	pthread_mutex_unlock(&counter->lock);
	return n;
}

static int runs(pyr_call *call, int32_t *ret)
{
	struct counter *counter = pyr_call_data(call);

	pthread_mutex_lock(&counter->lock);
	*ret = counter->n_runs;
	pthread_mutex_unlock(&counter->lock);
	return 0;
}

static int peek(pyr_call *call, int32_t *ret)
{
	*ret = run(call);
	return 0;
}

static int bump(pyr_call *call, int32_t *ret)
{
	*ret = run(call);
	return 0;
}

static int get_level(pyr_call *call, int32_t *ret)
{
	struct counter *counter = pyr_call_data(call);

	run(call);
	*ret = counter->level;
	return 0;
}

static int set_level(pyr_call *call, int32_t value)
{
	struct counter *counter = pyr_call_data(call);

	run(call);
	counter->level = value;
	return 0;
}

static int slow(pyr_call *call, int32_t *ret)
{
	*ret = run(call);
	return 0;
}

static int time_left(pyr_call *call, int64_t *ret)
{
	*ret = pyr_call_time_left(call);
	return 0;
}

static int greet(pyr_call *call, const char *name, const int32_t *times, const char *word,
		 const char **ret)
{
	char *text = pyr_call_alloc(call, 512);
	int n = 0, i, most = times ? *times : 1;

	*ret = text;
	if (!text || most > MOST_TIMES)
		return pyr_fail(call, PYR_OUT_OF_RANGE, "%d times is too often", most);
	for (i = 0; i < most && n < 400; i++)
		n += snprintf(text + n, 512 - (size_t)n, "%s%.64s %.64s", i ? ", " : "", word,
			      name);
	return 0;
}

static int mirror(pyr_call *call, const struct pyr_bytes *bytes, const struct pyr_bytes **ret)
{
	struct pyr_bytes *copy = pyr_call_alloc(call, sizeof(*copy));
	size_t i;

	if (!copy || !(copy->items = pyr_call_alloc(call, bytes->n)))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	copy->n = bytes->n;
	for (i = 0; i < copy->n; i++)
		copy->items[i] = bytes->items[copy->n - 1 - i];
	*ret = copy;
	return 0;
}

static const struct px_Counter_methods methods = {
	.runs = runs,
	.peek = peek,
	.bump = bump,
	.get_level = get_level,
	.set_level = set_level,
	.slow = slow,
	.time_left = time_left,
	.time_left_of_a_minute = time_left,
	.greet = greet,
	.mirror = mirror,
};

const struct px_Counter_methods *const counter_methods = &methods;

static void *serve(void *data)
{
	struct counter *counter = data;

	counter->result = pyr_daemon_run(counter->daemon);
	return NULL;
}

bool counter_open(struct counter *counter, const struct pyr_daemon_options *options)
{
	return counter_open_with(counter, options, &methods);
}

bool counter_open_with(struct counter *counter, const struct pyr_daemon_options *options,
		       const struct px_Counter_methods *others)
{
	*counter = (struct counter){ .result = -1 };
	pthread_mutex_init(&counter->lock, NULL);
	pthread_cond_init(&counter->changed, NULL);
	counter->daemon = pyr_daemon_new(options);
	counter->uri = px_Counter_register(counter->daemon, "counter", others, counter);
	return counter->uri && pthread_create(&counter->thread, NULL, serve, counter) == 0;
}

int counter_close(struct counter *counter)
{
	counter_shut(counter, false);
	pyr_daemon_stop(counter->daemon);
	pthread_join(counter->thread, NULL);
	pyr_daemon_free(counter->daemon);
	pthread_cond_destroy(&counter->changed);
	pthread_mutex_destroy(&counter->lock);
	return counter->result;
}

void counter_shut(struct counter *counter, bool is_shut)
{
	pthread_mutex_lock(&counter->lock);
	counter->is_shut = is_shut;
	pthread_cond_broadcast(&counter->changed);
	pthread_mutex_unlock(&counter->lock);
}

void counter_let(struct counter *counter, int n)
{
	pthread_mutex_lock(&counter->lock);
	counter->n_let = n;
	pthread_cond_broadcast(&counter->changed);
	pthread_mutex_unlock(&counter->lock);
}

bool counter_has_begun(struct counter *counter, int n)
{
	struct timespec until = patience();
	bool has_begun, in_time = true;

	pthread_mutex_lock(&counter->lock);
	while (counter->n_runs < n && in_time)
		in_time = pthread_cond_timedwait(&counter->changed, &counter->lock, &until) == 0;
	has_begun = counter->n_runs >= n;
	pthread_mutex_unlock(&counter->lock);
	return has_begun;
}
