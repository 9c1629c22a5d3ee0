/* SPDX-License-Identifier: MIT */
/*
 * The servant that clients of other languages call: interop-server [DRAIN-MS [UNIX-SOCKET]]. It
 * prints its address and serves until its standard input ends.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "interop.h"

#define MAX_MESSAGE (8u << 20)
#define MEET_MAX    64
#define HANG_MAX    256
#define PATIENCE_S  20

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pyr_deferred *waiting[MEET_MAX]; /* of meet() */
	uint32_t n_waiting;
	pyr_deferred *hanging[HANG_MAX]; /* of hang() */
	uint32_t n_hanging, n_ended;
	uint32_t n_working; /* calls of work() */
	uint32_t n_notes;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

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

static int divide(pyr_call *call, int32_t x, int32_t y, int32_t *ret, int32_t *ret_rest)
{
	if (y == 0)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "cannot divide %d by zero", (int)x);
	*ret = x / y;
	*ret_rest = x % y;
	return 0;
}

static int withdraw(pyr_call *call, int64_t amount)
{
	const struct interop_NoFunds e = { .missing = amount - 100, .account = "k\xc3\xb6nto" };

	if (amount <= 100)
		return 0;
	return interop_Calculator_raise_NoFunds(call, &e);
}

static int complain(pyr_call *call, const char *text)
{
	return pyr_fail(call, PYR_ABORTED, "%s", text);
}

static int lose(pyr_call *call, const char *text)
{
	return interop_Calculator_raise_NoText(call, &(struct interop_NoText){ .text = text });
}

static int echo(pyr_call *call, const struct interop_Item *item, const struct interop_Item **ret)
{
	(void)call;
	*ret = item;
	return 0;
}

static int doubled(pyr_call *call, const pyr_any *what, const pyr_any **ret)
{
	struct interop_Point *point;

	*ret = what;
	if (strcmp(pyr_any_type(what), "interop.Point") != 0)
		return 0;
	if (interop_Point_from_any(what, &point) < 0)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "%s", pyr_errmsg());
	point->x *= 2;
	point->y *= 2;
	*ret = interop_Point_to_any(call, point);
	pyr_free(point);
	return *ret ? 0 : -PYR_INTERNAL;
}

static int count(pyr_call *call, const struct interop_Words *words,
		 const struct interop_Counts **ret, uint32_t *ret_total)
{
	struct interop_Counts *counts = pyr_call_alloc(call, sizeof(*counts));
	size_t i, j;

	if (!counts)
		return -PYR_RESOURCE_EXHAUSTED;
	counts->items = pyr_call_alloc(call, words->n * sizeof(*counts->items));
	if (!counts->items)
		return -PYR_RESOURCE_EXHAUSTED;
	for (i = 0; i < words->n; i++) {
		for (j = 0; j < counts->n && strcmp(counts->items[j].key, words->items[i]); j++)
			continue;
		if (j == counts->n)
			counts->items[counts->n++].key = words->items[i];
		counts->items[j].value++;
	}
	*ret = counts;
	*ret_total = (uint32_t)words->n;
	return 0;
}

/* n bytes made of data, again and again. */
static int blob(pyr_call *call, uint32_t n, const struct pyr_bytes *data,
		const struct pyr_bytes **ret)
{
	struct pyr_bytes *bytes = pyr_call_alloc(call, sizeof(*bytes));
	uint32_t i;

	if (!bytes || data->n == 0)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "data is empty");
	bytes->items = pyr_call_alloc(call, n);
	if (!bytes->items)
		return -PYR_RESOURCE_EXHAUSTED;
	bytes->n = n;
	for (i = 0; i < n; i++)
		bytes->items[i] = data->items[i % data->n];
	*ret = bytes;
	return 0;
}

static int address_of_caller(pyr_call *call, const char **ret)
{
	*ret = pyr_call_strdup(call, pyr_call_peer(call));
	return 0;
}

static int time_left(pyr_call *call, int64_t *ret)
{
	*ret = pyr_call_time_left(call);
	return 0;
}

static int meet(pyr_call *call, uint32_t n, uint32_t *ret)
{
	pyr_deferred *all[MEET_MAX];
	uint32_t i, n_all = 0;
	int err;

	(void)ret;
	if (n == 0 || n > MEET_MAX)
		return pyr_fail(call, PYR_OUT_OF_RANGE, "at most %d meet", MEET_MAX);
	pthread_mutex_lock(&state.lock);
	err = pyr_call_defer(call, &state.waiting[state.n_waiting]);
	if (err == 0 && ++state.n_waiting == n) {
		n_all = n;
		memcpy(all, state.waiting, n * sizeof(all[0]));
		state.n_waiting = 0;
	}
	pthread_mutex_unlock(&state.lock);
	for (i = 0; i < n_all; i++)
		if (interop_Calculator_meet_reply(all[i], i) < 0)
			pyr_perror("meet");
	return err;
}

static void on_end(pyr_deferred *deferred, void *data)
{
	(void)deferred;
	(void)data;
	pthread_mutex_lock(&state.lock);
	state.n_ended++;
	pthread_cond_broadcast(&state.changed);
	pthread_mutex_unlock(&state.lock);
}

static int hang(pyr_call *call)
{
	pyr_deferred *deferred;
	int err;

	pthread_mutex_lock(&state.lock);
	if (state.n_hanging == HANG_MAX)
		err = pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "%d calls hang", HANG_MAX);
	else
		err = pyr_call_defer(call, &deferred);
	if (err == 0)
		state.hanging[state.n_hanging++] = deferred;
	pthread_cond_broadcast(&state.changed);
	pthread_mutex_unlock(&state.lock);
	if (err == 0)
		pyr_deferred_set_on_cancel(deferred, on_end, NULL);
	return err;
}

static bool have_all_ended(void)
{
	return state.n_hanging > 0 && state.n_ended == state.n_hanging;
}

/* With the lock. */
static void free_hanging(void)
{
	while (state.n_hanging)
		pyr_deferred_free(state.hanging[--state.n_hanging]);
	state.n_ended = 0;
}

static struct timespec end_of_patience(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	return until;
}

static int saw_end(pyr_call *call, bool *ret)
{
	struct timespec until = end_of_patience();
	int err = 0;

	(void)call;
	pthread_mutex_lock(&state.lock);
	while (!have_all_ended() && err == 0)
		err = pthread_cond_timedwait(&state.changed, &state.lock, &until);
	*ret = have_all_ended();
	free_hanging();
	pthread_mutex_unlock(&state.lock);
	return 0;
}

static int work(pyr_call *call, uint32_t ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	(void)call;
	pthread_mutex_lock(&state.lock);
	state.n_working++;
	pthread_cond_broadcast(&state.changed);
	pthread_mutex_unlock(&state.lock);
	nanosleep(&time, NULL);
	pthread_mutex_lock(&state.lock);
	state.n_working--;
	pthread_mutex_unlock(&state.lock);
	return 0;
}

static int await(pyr_call *call, bool hang, bool work)
{
	struct timespec until = end_of_patience();
	int err = 0;

	pthread_mutex_lock(&state.lock);
	while (((hang && !state.n_hanging) || (work && !state.n_working)) && err == 0)
		err = pthread_cond_timedwait(&state.changed, &state.lock, &until);
	pthread_mutex_unlock(&state.lock);
	return err ? pyr_fail(call, PYR_ABORTED, "no such call came") : 0;
}

static int note(pyr_call *call, const char *text)
{
	pthread_mutex_lock(&state.lock);
	state.n_notes++;
	pthread_mutex_unlock(&state.lock);
	return pyr_fail(call, PYR_ABORTED, "nobody hears of '%s'", text);
}

static int notes(pyr_call *call, uint32_t *ret)
{
	(void)call;
	pthread_mutex_lock(&state.lock);
	*ret = state.n_notes;
	pthread_mutex_unlock(&state.lock);
	return 0;
}

static atomic_int n_yielded;

static int numbers(pyr_call *call, int32_t n, int32_t fail_at, pyr_stream *stream)
{
	int32_t i;
	int err = 0;

	atomic_store(&n_yielded, 0);
	for (i = 0; i < n && err == 0; i++) {
		if (fail_at > 0 && i == fail_at)
			return interop_Calculator_raise_NoFunds(
				call, &(struct interop_NoFunds){ .account = "k" });
		err = interop_Calculator_numbers_yield(stream, i);
		atomic_fetch_add(&n_yielded, 1);
	}
	return err;
}

static int seen(pyr_call *call, int32_t *ret)
{
	(void)call;
	*ret = atomic_load(&n_yielded);
	return 0;
}

static int joined(pyr_call *call, pyr_stream *stream, const struct pyr_bytes **ret)
{
	struct pyr_bytes *all = pyr_call_alloc(call, sizeof(*all));
	const struct pyr_bytes *part;
	uint8_t *grown;
	int more;

	if (!all)
		return -PYR_RESOURCE_EXHAUSTED;
	while ((more = interop_Calculator_joined_read(stream, &part)) > 0) {
		grown = pyr_call_alloc(call, all->n + part->n + 1);
		if (!grown)
			return -PYR_RESOURCE_EXHAUSTED;
		if (all->n > 0)
			memcpy(grown, all->items, all->n);
		if (part->n > 0)
			memcpy(grown + all->n, part->items, part->n);
		all->items = grown;
		all->n += part->n;
	}
	*ret = all;
	return more;
}

static int total(pyr_call *call, int64_t start, pyr_stream *stream, int64_t *ret)
{
	int64_t number, sum = start;
	int more;

	(void)call;
	while ((more = interop_Calculator_total_read(stream, &number)) > 0)
		sum += number;
	*ret = sum;
	return more;
}

static int upper(pyr_call *call, pyr_stream *stream)
{
	const char *word;
	char text[64];
	size_t i;
	int more, err = 0;

	(void)call;
	while (err == 0 && (more = interop_Calculator_upper_read(stream, &word)) > 0) {
		for (i = 0; word[i] && i + 1 < sizeof(text); i++)
			text[i] = (char)toupper((unsigned char)word[i]);
		text[i] = '\0';
		err = interop_Calculator_upper_yield(stream, text);
	}
	return err < 0 ? err : more;
}

static const struct interop_Calculator_methods calculator = {
	.who = who,
	.add = add,
	.divide = divide,
	.withdraw = withdraw,
	.complain = complain,
	.lose = lose,
	.echo = echo,
	.doubled = doubled,
	.count = count,
	.blob = blob,
	.address_of_caller = address_of_caller,
	.time_left = time_left,
	.meet = meet,
	.hang = hang,
	.saw_end = saw_end,
	.work = work,
	.await = await,
	.note = note,
	.notes = notes,
	.numbers = numbers,
	.joined = joined,
	.total = total,
	.upper = upper,
	.seen = seen,
};

static int name(pyr_call *call, const char **ret)
{
	*ret = pyr_call_object(call);
	return 0;
}

static const struct interop_Counter_methods counter = { .name = name };
static const struct interop_Door_methods door = { .name = name };

static void *stop_at_end(void *data)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
	pyr_daemon_stop(data);
	return NULL;
}

static bool register_all(pyr_daemon *daemon)
{
	return interop_Calculator_register(daemon, "calculator", &calculator, NULL) &&
	       interop_Counter_register(daemon, "one", &counter, NULL) &&
	       interop_Counter_register(daemon, "two", &counter, NULL) &&
	       interop_Counter_register(daemon, "three", &counter, NULL) &&
	       interop_Door_register(daemon, "front", &door, NULL) &&
	       interop_Door_register(daemon, "back", &door, NULL) &&
	       pyr_daemon_set_default(daemon, "back") == 0;
}

int main(int argc, char **argv)
{
	struct pyr_daemon_options options = { .max_message = MAX_MESSAGE };
	pyr_daemon *daemon;
	pthread_t thread;
	int err;

	options.drain_ms = argc > 1 ? (uint32_t)atoi(argv[1]) : 2000;
	if (argc > 2)
		options.socket = argv[2];
	daemon = pyr_daemon_new(&options);
	if (!daemon || !register_all(daemon))
		return pyr_perror("interop-server");
	if (pthread_create(&thread, NULL, stop_at_end, daemon))
		return 1;
	printf("%s\n", pyr_daemon_address(daemon));
	fflush(stdout);
	err = pyr_daemon_run(daemon);
	pthread_join(thread, NULL);
	pyr_daemon_free(daemon);
	free_hanging();
	return err < 0 ? pyr_perror("interop-server") : 0;
}
