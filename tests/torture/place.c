/* SPDX-License-Identifier: MIT */
#include "place.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct place *place_of(pyr_call *call)
{
	return pyr_call_data(call);
}

/* ---- methods ---- */

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static int echo(pyr_call *call, const struct things_Item *x, const struct things_Item **ret)
{
	*ret = things_Item_dup(call, x);
	return *ret ? 0 : pyr_pass(call);
}

static int book(pyr_call *call, const struct pyr_string_things_Item_map *x,
		const struct pyr_string_things_Item_map **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int pass(pyr_call *call, const pyr_any *x, const pyr_any **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int post(pyr_call *call, int32_t n)
{
	atomic_fetch_add(&place_of(call)->sum, n);
	return 0;
}

static int posted(pyr_call *call, int32_t *ret)
{
	*ret = atomic_exchange(&place_of(call)->sum, 0);
	return 0;
}

static int refuse(pyr_call *call, const char *why)
{
	return things_Thing_raise_Refused(call,
					  &(struct things_Refused){ .number = 7, .why = why });
}

static int later(pyr_call *call, int32_t n, int32_t *ret)
{
	struct place *place = place_of(call);
	pyr_deferred *deferred;
	int status = pyr_call_defer(call, &deferred);

	(void)n;
	(void)ret;
	if (status != 0)
		return status;
	pthread_mutex_lock(&place->lock);
	place->deferred = deferred;
	pthread_cond_broadcast(&place->changed);
	pthread_mutex_unlock(&place->lock);
	return 0;
}

static int pour(pyr_call *call, int32_t n, pyr_stream *stream)
{
	const char *tags[] = { "wet", "cold" };
	struct things_Item item = { .name = "drop", .tags = { 2, tags } };
	int status = 0;

	(void)call;
	for (; item.number < n && status == 0; item.number++)
		status = things_Thing_pour_yield(stream, &item);
	return status;
}

static int take(pyr_call *call, pyr_stream *stream, int64_t *ret)
{
	const struct things_Item *item;
	int status;

	(void)call;
	*ret = 0;
	while ((status = things_Thing_take_read(stream, &item)) > 0)
		*ret += item->number;
	return status;
}

static int twice(pyr_call *call, pyr_stream *stream)
{
	int32_t number;
	int status;

	(void)call;
	while ((status = things_Thing_twice_read(stream, &number)) > 0)
		if ((status = things_Thing_twice_yield(stream, 2 * number)) < 0)
			break;
	return status;
}

static int same(pyr_call *call, struct things_Thing *x, struct things_Thing **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int make(pyr_call *call, struct things_Thing **ret)
{
	struct things_Thing *made =
		things_Thing_object(NULL, &thing_methods, pyr_call_data(call), NULL);

	if (!made)
		return pyr_pass(call);
	*ret = things_Thing_give(call, made);
	return *ret ? 0 : pyr_pass(call);
}

static int ask(pyr_call *call, struct things_Thing *other, int32_t x, int32_t y, int32_t *ret)
{
	return things_Thing_add(other, x, y, ret) < 0 ? pyr_pass(call) : 0;
}

static int keep(pyr_call *call, struct things_Thing *other)
{
	struct place *place = place_of(call);
	struct things_Thing *copy = things_Thing_dup(other), *before;

	if (!copy)
		return pyr_pass(call);
	pthread_mutex_lock(&place->lock);
	before = place->kept;
	place->kept = copy;
	pthread_mutex_unlock(&place->lock);
	things_Thing_free(before);
	return 0;
}

static int ask_kept(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	return things_Thing_add(place_of(call)->kept, x, y, ret) < 0 ? pyr_pass(call) : 0;
}

static int widen(pyr_call *call, const struct things_Wide *x, const struct things_Wide **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int turn(pyr_call *call, const struct things_Grid *x, const struct things_Grid **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int hold(pyr_call *call, const struct things_Holder *x, const struct things_Holder **ret)
{
	*ret = things_Holder_dup(call, x);
	return *ret ? 0 : pyr_pass(call);
}

static int find(pyr_call *call, pyr_object *x, pyr_object **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int hand(pyr_call *call)
{
	struct things_Handed handed = { .why = "not mine" };
	int status = make(call, &handed.thing);

	return status < 0 ? status : things_Thing_raise_Handed(call, &handed);
}

static int things(pyr_call *call, int32_t n, pyr_stream *stream)
{
	struct things_Thing *made;
	int status = 0;

	while (n-- > 0 && status == 0) {
		status = make(call, &made);
		if (status == 0)
			status = things_Thing_things_yield(stream, made);
	}
	return status;
}

static int use(pyr_call *call, pyr_stream *stream, int32_t *ret)
{
	struct things_Thing *thing;
	int32_t sum;
	int status;

	*ret = 0;
	while ((status = things_Thing_use_read(stream, &thing)) > 0) {
		if (things_Thing_add(thing, 1, 0, &sum) < 0)
			return pyr_pass(call);
		*ret += sum;
	}
	return status;
}

const struct things_Thing_methods thing_methods = {
	.add = add,
	.echo = echo,
	.book = book,
	.pass = pass,
	.post = post,
	.posted = posted,
	.refuse = refuse,
	.later = later,
	.pour = pour,
	.take = take,
	.twice = twice,
	.same = same,
	.make = make,
	.ask = ask,
	.keep = keep,
	.ask_kept = ask_kept,
	.widen = widen,
	.turn = turn,
	.hold = hold,
	.find = find,
	.hand = hand,
	.things = things,
	.use = use,
};

/* ---- a daemon in a thread ---- */

/* A daemon that cannot run closes, as a program does that ends then: its callers are not to wait
 * for what nobody serves. */
static void *run(void *data)
{
	struct place *place = data;
	int status = pyr_daemon_run(place->daemon);

	pthread_mutex_lock(&place->lock);
	place->status = status;
	if (status < 0) {
		note("pyr_daemon_run()", status);
		pyr_daemon_free(place->daemon);
		place->daemon = NULL;
	}
	pthread_mutex_unlock(&place->lock);
	return NULL;
}

int place_run(struct place *place)
{
	pthread_mutex_init(&place->lock, NULL);
	pthread_cond_init(&place->changed, NULL);
	if (pthread_create(&place->thread, NULL, run, place) != 0)
		abort();
	place->is_running = true;
	return 0;
}

int place_open(struct place *place, const struct pyr_daemon_options *options)
{
	const char *uri;
	int status = 0;

	memset(place, 0, sizeof(*place));
	GET(place->daemon, pyr_daemon_new(options));
	GET(uri, things_Thing_register(place->daemon, "thing", &thing_methods, place));
	snprintf(place->uri, sizeof(place->uri), "%s", uri);
	return place_run(place);
out:
	return status;
}

int place_close(struct place *place, int status)
{
	if (place->is_running) {
		pthread_mutex_lock(&place->lock);
		if (place->daemon)
			pyr_daemon_stop(place->daemon);
		pthread_mutex_unlock(&place->lock);
		pthread_join(place->thread, NULL);
	}
	things_Thing_free(place->kept);
	pyr_deferred_free(place->deferred);
	pyr_daemon_free(place->daemon);
	if (place->is_running) {
		pthread_mutex_destroy(&place->lock);
		pthread_cond_destroy(&place->changed);
	}
	if (status == -PYR_NOT_FOUND && place->status < 0)
		return place->status; /* a daemon that cannot run takes its names back */
	return status < 0 ? status : place->status;
}

int place_connect(struct place *place)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_port = htons((uint16_t)atoi(strrchr(place->uri, ':') + 1));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

pyr_deferred *place_deferred(struct place *place, pyr_future *future)
{
	struct timespec until;
	pyr_deferred *ret;

	pthread_mutex_lock(&place->lock);
	while (!place->deferred && !pyr_future_is_ready(future)) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&place->changed, &place->lock, &until);
	}
	ret = place->deferred;
	place->deferred = NULL;
	pthread_mutex_unlock(&place->lock);
	return ret;
}

struct pyr_proxy_options proxy_options(enum pyr_lane lane)
{
	return (struct pyr_proxy_options){ .own_link = true,
					   .lane = lane,
					   .timeout_ms = PATIENCE_MS,
					   .connect_timeout_ms = PATIENCE_MS };
}

int with_both(const struct pyr_daemon_options *daemon, const struct pyr_proxy_options *options,
	      part_fn part)
{
	struct things_Thing *thing = NULL;
	struct place place;
	int status;

	TRY(place_open(&place, daemon));
	GET(thing, things_Thing_proxy_with(place.uri, options));
	status = part(&place, thing);
out:
	things_Thing_free(thing);
	return place_close(&place, status);
}

int part_add(struct place *place, struct things_Thing *thing)
{
	int32_t sum = 0;
	int status;

	(void)place;
	TRY(things_Thing_add(thing, 1, 2, &sum));
	EXPECT(sum == 3);
out:
	return status;
}

int part_call(struct place *place, struct things_Thing *thing)
{
	const char *tags[] = { "one", "two" };
	struct things_Item item = { .number = 3, .name = "three", .tags = { 2, tags } };
	struct things_Item *back = NULL;
	int status = part_add(place, thing);

	if (status < 0)
		return status;
	TRY(things_Thing_echo(thing, &item, &back));
	EXPECT(back->number == 3 && strcmp(back->name, "three") == 0 && back->tags.n == 2);
out:
	pyr_free(back);
	return status;
}
