/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sockets.h"
#include "way.h"

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- connections ---- */

static void reset_both(struct relay_pair *pair)
{
	relay_reset(&pair->near);
	relay_reset(&pair->far);
}

static bool has_room(struct relay *relay)
{
	size_t n = relay->max_pairs ? 2 * relay->max_pairs : 16;
	struct relay_pair **pairs;
	struct pollfd *polls;

	if (relay->n_pairs < relay->max_pairs)
		return true;
	pairs = realloc(relay->pairs, n * sizeof(*pairs));
	if (!pairs)
		return false;
	relay->pairs = pairs;
	polls = realloc(relay->polls, (2 + 2 * n) * sizeof(*polls));
	if (!polls)
		return false;
	relay->polls = polls;
	relay->max_pairs = n;
	return true;
}

static struct relay_pair *pair_new(int near, int far)
{
	struct relay_pair *pair = calloc(1, sizeof(*pair));

	if (!pair)
		return NULL;
	pair->near = near;
	pair->far = far;
	way_begin(&pair->there, &pair->near, &pair->far);
	way_begin(&pair->back, &pair->far, &pair->near);
	return pair;
}

static void pair_free(struct relay_pair *pair)
{
	reset_both(pair);
	way_free(&pair->there);
	way_free(&pair->back);
	free(pair);
}

static void take_connection(struct relay *relay)
{
	int far = -1, near = accept4(relay->fd, NULL, NULL, SOCK_CLOEXEC);
	bool is_mute = atomic_load(&relay->is_mute);
	struct relay_pair *pair = NULL;

	if (near < 0)
		return;
	relay_prepare(near);
	if (!is_mute && !atomic_load(&relay->is_refusing))
		far = relay_connect(relay->to);
	if ((far >= 0 || is_mute) && has_room(relay))
		pair = pair_new(near, far);
	if (!pair) {
		relay_reset(&near);
		relay_reset(&far);
		return;
	}
	pair->there.has_lost = is_mute;
	relay->pairs[relay->n_pairs++] = pair;
	atomic_fetch_add(&relay->n_taken, 1);
}

static void cut_all(struct relay *relay)
{
	size_t i;

	relay->there.is_stopped = relay->back.is_stopped = false;
	for (i = 0; i < relay->n_pairs; i++)
		reset_both(relay->pairs[i]);
}

static void count(struct relay *relay, size_t n)
{
	long long left = atomic_load(&relay->budget);

	if (left < 0)
		return;
	left -= (long long)n;
	atomic_store(&relay->budget, left < 0 ? -1 : left);
	if (left >= 0)
		return;
	cut_all(relay);
	atomic_fetch_add(&relay->n_cuts, 1);
}

/* The way has broken at one of its ends. Through a hole the other does not hear of it. */
static void broken(struct relay_pair *pair, const struct relay_way *way, bool is_hole)
{
	if (is_hole)
		relay_reset(way->from);
	else
		reset_both(pair);
}

static void serve_way(struct relay *relay, struct relay_pair *pair, struct relay_way *way, short in,
		      short out)
{
	struct relay_fault *fault = way == &pair->there ? &relay->there : &relay->back;
	int64_t now = now_ns();
	size_t n = 0;

	if (in && way_reads(way, fault) && way_read(relay, way, fault, now) == WAY_BROKEN)
		broken(pair, way, fault->is_hole);
	if (*way->to < 0 || !(out || in) || !way_writes(way, fault, now))
		return;
	if (way_write(way, fault, now, &n) == WAY_BROKEN)
		broken(pair, way, false);
	*(way == &pair->there ? &relay->n_there : &relay->n_back) += n;
	count(relay, n);
}

static bool is_over(const struct relay_pair *pair)
{
	if (pair->near < 0 && pair->far < 0)
		return true;
	if (pair->near < 0 || pair->far < 0) /* what is left of it has an end, too */
		return (pair->near < 0 ? &pair->back : &pair->there)->is_read;
	return pair->there.is_ended && pair->back.is_ended;
}

static void forget_ended(struct relay *relay)
{
	size_t i, kept = 0;

	for (i = 0; i < relay->n_pairs; i++) {
		if (is_over(relay->pairs[i]))
			pair_free(relay->pairs[i]);
		else
			relay->pairs[kept++] = relay->pairs[i];
	}
	relay->n_pairs = kept;
}

/* ---- orders ---- */

/* What was swallowed is missing from what follows. */
static void heal(struct relay *relay)
{
	struct relay_pair *pair;
	size_t i;

	relay->there = relay->back = (struct relay_fault){ 0 };
	atomic_store(&relay->is_mute, false);
	atomic_store(&relay->is_refusing, false);
	for (i = 0; i < relay->n_pairs; i++) {
		pair = relay->pairs[i];
		if (pair->there.has_lost || pair->back.has_lost || pair->near < 0 || pair->far < 0)
			reset_both(pair);
	}
}

static void obey_one(struct relay_pair *pair, enum relay_what what)
{
	if (what == RELAY_RESET || what == RELAY_RESET_NEAR)
		relay_reset(&pair->near);
	if (what == RELAY_RESET || what == RELAY_RESET_FAR || what == RELAY_HALF_OPEN)
		relay_reset(&pair->far);
	if (what == RELAY_HALF_OPEN)
		pair->there.has_lost = true;
	if (what == RELAY_END_NEAR)
		(void)way_end(&pair->back, 0);
	if (what == RELAY_END_FAR)
		(void)way_end(&pair->there, 0);
}

static void obey(struct relay *relay, struct relay_order *order)
{
	size_t i;

	if (order->what == RELAY_SET) {
		relay->there = order->there;
		relay->back = order->back;
	} else if (order->what == RELAY_HEAL) {
		heal(relay);
	} else if (order->what == RELAY_REDIRECT) {
		snprintf(relay->to, sizeof(relay->to), "%s", order->to);
		cut_all(relay);
	} else if (order->what == RELAY_RESET) {
		cut_all(relay);
	} else if (order->what != RELAY_QUIT && order->what != RELAY_GET) {
		for (i = 0; i < relay->n_pairs; i++)
			obey_one(relay->pairs[i], order->what);
	}
	forget_ended(relay);
	order->there = relay->there;
	order->back = relay->back;
	order->n_open = relay->n_pairs;
	order->n_there = relay->n_there;
	order->n_back = relay->n_back;
}

void relay_tell(struct relay *relay, struct relay_order *order)
{
	pthread_mutex_lock(&relay->lock);
	while (relay->order)
		pthread_cond_wait(&relay->obeyed, &relay->lock);
	relay->order = order;
	if (write(relay->orders[1], "", 1) == 1)
		while (relay->order == order)
			pthread_cond_wait(&relay->obeyed, &relay->lock);
	pthread_mutex_unlock(&relay->lock);
}

/* Returns false when it is to end. */
static bool take_order(struct relay *relay)
{
	bool goes_on;
	char byte;

	if (read(relay->orders[0], &byte, 1) != 1)
		return true;
	pthread_mutex_lock(&relay->lock);
	obey(relay, relay->order);
	goes_on = relay->order->what != RELAY_QUIT;
	relay->order = NULL;
	pthread_cond_broadcast(&relay->obeyed);
	pthread_mutex_unlock(&relay->lock);
	return goes_on;
}

/* ---- the thread ---- */

static struct pollfd wanted(int fd, bool reads, bool writes)
{
	short events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));

	return (struct pollfd){ .fd = events ? fd : -1, .events = events };
}

static void sooner(int64_t *wake, int64_t due, int64_t now)
{
	if (due > now && due < *wake)
		*wake = due;
}

/* Returns when something is due, in ns. */
static int64_t ask_for(struct relay *relay, int64_t now)
{
	int64_t wake = INT64_MAX;
	struct relay_pair *pair;
	size_t i;

	for (i = 0; i < relay->n_pairs; i++) {
		pair = relay->pairs[i];
		relay->polls[2 + 2 * i] = wanted(pair->near, way_reads(&pair->there, &relay->there),
						 way_writes(&pair->back, &relay->back, now));
		relay->polls[3 + 2 * i] = wanted(pair->far, way_reads(&pair->back, &relay->back),
						 way_writes(&pair->there, &relay->there, now));
		sooner(&wake, way_due(&pair->there, &relay->there), now);
		sooner(&wake, way_due(&pair->back, &relay->back), now);
	}
	return wake;
}

static void serve_pairs(struct relay *relay)
{
	short in = POLLIN | POLLHUP | POLLERR, out = POLLOUT | POLLHUP | POLLERR, near, far;
	struct relay_pair *pair;
	size_t i;

	for (i = 0; i < relay->n_pairs; i++) {
		near = relay->polls[2 + 2 * i].revents;
		far = relay->polls[3 + 2 * i].revents;
		pair = relay->pairs[i];
		if (near || far) {
			serve_way(relay, pair, &pair->there, near & in, far & out);
			serve_way(relay, pair, &pair->back, far & in, near & out);
		}
	}
	forget_ended(relay);
}

static void *relay_main(void *data)
{
	struct relay *relay = data;
	struct timespec pause;
	bool goes_on = true;
	int64_t now, wake;

	while (goes_on) {
		now = now_ns();
		wake = ask_for(relay, now);
		relay->polls[0] = (struct pollfd){ .fd = relay->orders[0], .events = POLLIN };
		relay->polls[1] = (struct pollfd){ .fd = relay->fd, .events = POLLIN };
		pause = (struct timespec){ (wake - now) / 1000000000, (wake - now) % 1000000000 };
		if (ppoll(relay->polls, 2 + 2 * relay->n_pairs, wake == INT64_MAX ? NULL : &pause,
			  NULL) < 0)
			continue;
		now = relay->polls[1].revents; /* what follows may move the array */
		goes_on = !relay->polls[0].revents;
		serve_pairs(relay);
		if (now)
			take_connection(relay);
		goes_on = goes_on || take_order(relay);
	}
	return NULL;
}

/* ---- from other threads ---- */

bool relay_open_at(struct relay *relay, const char *address, const char *own)
{
	char beside[160];

	memset(relay, 0, sizeof(*relay));
	snprintf(relay->to, sizeof(relay->to), "%s", address);
	pthread_mutex_init(&relay->lock, NULL);
	pthread_cond_init(&relay->obeyed, NULL);
	atomic_store(&relay->budget, -1);
	snprintf(beside, sizeof(beside), "%.140s.relay", address);
	if (!own)
		own = relay_is_unix(address) ? beside : "127.0.0.1:0";
	relay->fd = relay_listen(own, relay->address, sizeof(relay->address));
	return relay->fd >= 0 && has_room(relay) && pipe(relay->orders) == 0 &&
	       pthread_create(&relay->thread, NULL, relay_main, relay) == 0;
}

bool relay_open(struct relay *relay, const char *address)
{
	return relay_open_at(relay, address, NULL);
}

void relay_close(struct relay *relay)
{
	struct relay_order order = { .what = RELAY_QUIT };
	size_t i;

	relay_tell(relay, &order);
	pthread_join(relay->thread, NULL);
	for (i = 0; i < relay->n_pairs; i++)
		pair_free(relay->pairs[i]);
	free(relay->pairs);
	free(relay->polls);
	close(relay->fd);
	close(relay->orders[0]);
	close(relay->orders[1]);
	if (relay_is_unix(relay->address))
		unlink(relay->address + 4);
	pthread_cond_destroy(&relay->obeyed);
	pthread_mutex_destroy(&relay->lock);
}

void relay_set(struct relay *relay, const struct relay_fault *there, const struct relay_fault *back)
{
	struct relay_order order = { .what = RELAY_SET, .there = *there, .back = *back };

	relay_tell(relay, &order);
}

void relay_get(struct relay *relay, struct relay_fault *ret_there, struct relay_fault *ret_back)
{
	struct relay_order order = { .what = RELAY_GET };

	relay_tell(relay, &order);
	*ret_there = order.there;
	*ret_back = order.back;
}

static void tell(struct relay *relay, enum relay_what what)
{
	struct relay_order order = { .what = what };

	relay_tell(relay, &order);
}

void relay_heal(struct relay *relay)
{
	tell(relay, RELAY_HEAL);
}

void relay_cut(struct relay *relay)
{
	tell(relay, RELAY_RESET);
}

void relay_cut_near(struct relay *relay)
{
	relay_go_on(relay);
	tell(relay, RELAY_RESET_NEAR);
}

static void stop(struct relay *relay, bool is_stopped)
{
	struct relay_fault there, back;

	relay_get(relay, &there, &back);
	there.is_stopped = back.is_stopped = is_stopped;
	relay_set(relay, &there, &back);
}

void relay_pause(struct relay *relay)
{
	stop(relay, true);
}

void relay_go_on(struct relay *relay)
{
	stop(relay, false);
}

void relay_cut_after(struct relay *relay, long long n)
{
	atomic_store(&relay->budget, n);
}

void relay_redirect(struct relay *relay, const char *address)
{
	struct relay_order order = { .what = RELAY_REDIRECT, .to = address };

	relay_tell(relay, &order);
}
