/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "link/link_pump.h"

#include <pyrite/pyrite.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/budget.h"
#include "engine/engine.h"
#include "link/h2_guard.h"
#include "tls/tls.h"

enum { ROUNDS = 8, ROOM = 2 * TLS_RECORD, LAST_MS = 5000, LOST_MS = 100 };
enum { SPARE = 8 }; /* one descriptor in so many is left to the program */

/* What one side has sent and the other has not taken yet. */
struct half {
	size_t at, n;   /* at: bytes that are taken already; at < n, or both are 0 */
	bool has_ended; /* no more comes */
	bool is_dry;    /* nothing is left to read: the poller tells when there is more */
	uint8_t bytes[ROOM];
};

/* It ends once core has closed its end, which may be after the daemon has gone. */
struct pump {
	struct engine_source outer, inner; /* the connection, and core's socket pair */
	uint32_t outer_for, inner_for;     /* the events that these are watched for */
	struct engine_hook begin;
	struct engine_timer late; /* once is_left */
	struct tls *tls;          /* NULL: none */
	bool is_guarded;          /* HTTP/2 comes */
	struct h2_guard guard;
	enum h2_guard_verdict verdict; /* of what came last */
	/* A server's: */
	struct budget *budget;     /* counted; NULL: none */
	uint32_t n_lost;           /* streams that core is not expected to hand over any more */
	int64_t held_since;        /* so many are on their way that no more is read; 0: not so */
	struct engine_source rest; /* its timer: looks again; fd -1: not made yet */

	bool is_left; /* core has closed its end: what it wrote before is still sent */
	/* A client's: */
	const struct pump_events *events; /* NULL: a server's */
	void *data;
	bool is_heard;
	uint32_t n_said;     /* bytes that core has said before that */
	uint32_t n_settings; /* the payload of its first frame */
	struct half in, out; /* to core, and from it */
};

static void tell_end(const struct pump *pump)
{
	const char *why = pump->tls ? tls_why(pump->tls) : "";
	int code = why[0] ? PYR_UNAUTHENTICATED : 0;

	if (pump->verdict == H2_GUARD_FOREIGN) {
		code = PYR_UNAVAILABLE;
		why = "it does not speak gRPC";
	} else if (pump->verdict == H2_GUARD_LONG) {
		code = PYR_RESOURCE_EXHAUSTED;
		why = "sends a header longer than 64 KiB, or in more than 9 frames";
	}
	pump->events->ended(pump->data, code, why);
}

static void end(struct pump *pump)
{
	engine_timer_cancel(&pump->late);
	budget_unref(pump->budget);
	if (pump->rest.fd >= 0) {
		engine_source_remove(&pump->rest);
		close(pump->rest.fd);
	}
	if (pump->tls)
		tls_end(pump->tls);
	engine_source_remove(&pump->outer);
	if (!pump->is_left)
		engine_source_remove(&pump->inner);
	if (pump->events)
		tell_end(pump);
	close(pump->outer.fd);
	close(pump->inner.fd);
	tls_free(pump->tls);
	free(pump);
}

/* In the runtime's thread: the leader is told of it, and ends the pump. */
static void on_late(struct engine_timer *timer)
{
	struct pump *pump = (struct pump *)((char *)timer - offsetof(struct pump, late));

	(void)shutdown(pump->outer.fd, SHUT_RDWR);
}

/* Core takes no more. The poller would report that end again and again, also while nothing can
 * be read from it because the peer takes nothing. A peer that takes nothing for LAST_MS is cut off:
 * TCP does so itself, a unix socket does not. If core has not closed its end, because the system
 * has no memory for what is sent to it, the shutdown tells it; what it wrote before can still be
 * read. */
static void leave(struct pump *pump)
{
	unsigned ms = LAST_MS;

	if (pump->is_left)
		return;
	pump->is_left = true;
	pump->in.at = pump->in.n = 0;
	pump->out.is_dry = false;
	pump->out.has_ended |= pump->events && !pump->is_heard; /* the rest is not sent */
	engine_source_remove(&pump->inner);
	(void)shutdown(pump->inner.fd, SHUT_RDWR);
	if (setsockopt(pump->outer.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)) < 0 &&
	    engine_timer_set(&pump->late, engine_until(LAST_MS)) < 0)
		on_late(&pump->late);
}

static void taken(struct half *half, size_t n)
{
	half->at += n;
	if (half->at == half->n)
		half->at = half->n = 0;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void hear(struct pump *pump)
{
	if (!pump->events || pump->is_heard || pump->guard.is_unproved)
		return;
	pump->is_heard = true;
	pump->out.is_dry = false;
	pump->events->heard(pump->data, pump->tls);
}

/* How many bytes may be read from core now: a client's begins with the preface and SETTINGS. */
static size_t room_of(const struct pump *pump)
{
	enum { BEGIN = H2_GUARD_PREFACE + H2_GUARD_HEAD };

	if (!pump->events || pump->is_heard)
		return ROOM;
	if (pump->n_said < BEGIN)
		return BEGIN - pump->n_said;
	return least(ROOM, BEGIN + pump->n_settings - pump->n_said);
}

/* Core has said these bytes. */
static void note_said(struct pump *pump, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; pump->events && !pump->is_heard && i < n; i++, pump->n_said++)
		if (pump->n_said >= H2_GUARD_PREFACE && pump->n_said < H2_GUARD_PREFACE + 3)
			pump->n_settings = pump->n_settings << 8 | p[i]; /* its length */
}

/* Returns false if the connection must end: core sees only that. */
static bool passes(struct pump *pump)
{
	if (pump->is_guarded)
		pump->verdict = h2_guard_pass(&pump->guard, pump->in.bytes, pump->in.n);
	return pump->verdict == H2_GUARD_PASSES;
}

/* Like tls_read() and tls_write(), also without TLS. */

static enum tls_result get_outer(struct pump *pump, void *to, size_t n, size_t *ret_got)
{
	ssize_t got;

	if (pump->tls)
		return tls_read(pump->tls, to, n, ret_got);
	do
		got = recv(pump->outer.fd, to, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		*ret_got = (size_t)got;
		return TLS_DONE;
	}
	if (got == 0)
		return TLS_ENDED;
	return errno == EAGAIN || errno == EWOULDBLOCK ? TLS_WANTS_IN : TLS_LOST;
}

static enum tls_result put_outer(struct pump *pump, const void *p, size_t n, size_t *ret_sent)
{
	ssize_t sent;

	if (pump->tls)
		return tls_write(pump->tls, p, n, ret_sent);
	do
		sent = send(pump->outer.fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0) {
		*ret_sent = (size_t)sent;
		return TLS_DONE;
	}
	return errno == EAGAIN || errno == EWOULDBLOCK ? TLS_WANTS_OUT : TLS_LOST;
}

static void run(struct pump *pump);

static void on_rest(struct engine_source *source, uint32_t events)
{
	struct pump *pump = (struct pump *)((char *)source - offsetof(struct pump, rest));
	uint64_t n;

	(void)events;
	if (read(source->fd, &n, sizeof(n)) == sizeof(n))
		run(pump);
}

static bool make_timer(struct engine_source *source)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0)
		return false;
	*source = (struct engine_source){ .fd = fd, .ready = on_rest };
	if (engine_source_add(source, EPOLLIN))
		return true;
	close(fd);
	source->fd = -1;
	return false;
}

/* Has a look again in a millisecond. Returns false if there is no timer to be had. */
static bool rest(struct pump *pump)
{
	static const struct itimerspec soon = { .it_value.tv_nsec = ENGINE_MS };

	return (pump->rest.fd >= 0 || make_timer(&pump->rest)) &&
	       timerfd_settime(pump->rest.fd, 0, &soon, NULL) == 0;
}

/*
 * Core keeps what it has of a call until that is handed over, also if the peer has reset the call
 * meanwhile: a peer that begins and resets calls faster than they are handed over could make it
 * hold any number. Those that core refuses by itself are never handed over: after LOST_MS they
 * count no more.
 */
static bool is_held(struct pump *pump)
{
	uint32_t n = pump->guard.n_streams - pump->n_lost - budget_n_handed(pump->budget);
	int64_t now;

	if (!pump->budget || (int32_t)n <= PUMP_AHEAD) {
		pump->held_since = 0;
		return false;
	}
	now = engine_now();
	if (!pump->held_since)
		pump->held_since = now;
	if (now - pump->held_since < LOST_MS * (int64_t)ENGINE_MS) {
		pump->in.has_ended |= !rest(pump);
		return true;
	}
	pump->n_lost += n;
	pump->held_since = 0;
	return false;
}

/* Each of these returns whether something has moved. */

static bool read_outer(struct pump *pump)
{
	struct half *in = &pump->in;
	enum tls_result result;

	if (in->n > 0 || in->has_ended || in->is_dry || pump->is_left || is_held(pump))
		return false;
	result = get_outer(pump, in->bytes, ROOM, &in->n);
	if (result == TLS_DONE && !passes(pump))
		result = TLS_BROKEN;
	if (result == TLS_DONE) {
		in->is_dry = !pump->tls && in->n < ROOM;
		hear(pump);
		return true;
	}
	in->n = 0;
	in->is_dry = result == TLS_WANTS_IN;
	in->has_ended = result != TLS_WANTS_IN && result != TLS_WANTS_OUT;
	return false;
}

static bool write_inner(struct pump *pump)
{
	struct half *in = &pump->in;
	ssize_t n;

	if (in->n == 0)
		return false;
	do
		n = send(pump->inner.fd, in->bytes + in->at, in->n - in->at,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		taken(in, (size_t)n);
	else if (errno != EAGAIN && errno != EWOULDBLOCK)
		leave(pump); /* what it wrote before it went can be read */
	return n > 0;
}

static bool read_inner(struct pump *pump)
{
	struct half *out = &pump->out;
	size_t room = room_of(pump);
	ssize_t n;

	if (out->n > 0 || out->has_ended || out->is_dry || room == 0)
		return false;
	do
		n = recv(pump->inner.fd, out->bytes, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	out->is_dry = n < (ssize_t)room && !pump->is_left; /* nothing tells of one that was left */
	note_said(pump, out->bytes, n > 0 ? (size_t)n : 0);
	if (n > 0)
		out->n = (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		out->has_ended = true;
	return n > 0;
}

static bool write_outer(struct pump *pump)
{
	struct half *out = &pump->out;
	enum tls_result result;
	size_t n;

	if (out->n == 0)
		return false;
	result = put_outer(pump, out->bytes + out->at, out->n - out->at, &n);
	if (result == TLS_DONE)
		taken(out, n);
	else if (result != TLS_WANTS_IN && result != TLS_WANTS_OUT)
		pump->in.has_ended = true;
	return result == TLS_DONE;
}

static bool move(struct pump *pump)
{
	bool moved = read_outer(pump);

	moved |= write_inner(pump);
	moved |= read_inner(pump);
	return write_outer(pump) || moved;
}

/* One that cannot write, or that hears no more, has no use for the other. */
static bool is_over(const struct pump *pump)
{
	return (pump->in.has_ended && pump->in.n == 0) ||
	       (pump->out.has_ended && pump->out.n == 0) ||
	       (pump->in.has_ended && pump->out.has_ended);
}

static uint32_t wants(bool in, bool out)
{
	return (in ? (unsigned)EPOLLIN : 0u) | (out ? (unsigned)EPOLLOUT : 0u);
}

static void watch_for(struct engine_source *source, uint32_t *before, uint32_t events)
{
	if (events != *before)
		engine_source_set(source, events);
	*before = events;
}

/* is_behind: there is more to do than is done at a time. */
static void watch(struct pump *pump, bool is_behind)
{
	bool reads = pump->in.n == 0 && !pump->is_left && !pump->held_since;

	watch_for(&pump->outer, &pump->outer_for, wants(reads, pump->out.n > 0 || is_behind));
	if (!pump->is_left)
		watch_for(&pump->inner, &pump->inner_for,
			  wants(pump->out.n == 0 && room_of(pump) > 0, pump->in.n > 0));
}

static void run(struct pump *pump)
{
	unsigned i = 0;
	bool moved;

	do
		moved = move(pump);
	while (moved && !is_over(pump) && ++i < ROUNDS);
	if (is_over(pump))
		end(pump);
	else
		watch(pump, moved);
}

static void on_outer(struct engine_source *source, uint32_t events)
{
	struct pump *pump = (struct pump *)((char *)source - offsetof(struct pump, outer));

	if (events != EPOLLOUT)
		pump->in.is_dry = false;
	if (events & (EPOLLHUP | EPOLLERR) && (pump->in.n > 0 || pump->is_left))
		end(pump); /* the poller reports this until it is read, which is not possible now */
	else
		run(pump);
}

static void on_inner(struct engine_source *source, uint32_t events)
{
	struct pump *pump = (struct pump *)((char *)source - offsetof(struct pump, inner));

	pump->out.is_dry = false;
	if (events & (EPOLLHUP | EPOLLERR))
		leave(pump);
	run(pump);
}

static void begin(struct pump *pump)
{
	pump->outer_for = pump->inner_for = EPOLLIN;
	if (engine_source_add(&pump->outer, EPOLLIN) && engine_source_add(&pump->inner, EPOLLIN))
		run(pump); /* the first bytes may have been read already: tls_peek() */
	else
		end(pump);
}

static void on_begin(struct engine_hook *hook)
{
	begin((struct pump *)((char *)hook - offsetof(struct pump, begin)));
}

static struct pump *new_pump(int fd, int inner, struct tls *tls)
{
	struct pump *pump = calloc(1, sizeof(*pump));

	if (!pump)
		return NULL;
	pump->outer = (struct engine_source){ .fd = fd, .ready = on_outer };
	pump->inner = (struct engine_source){ .fd = inner, .ready = on_inner };
	pump->rest.fd = -1;
	pump->begin.run = on_begin;
	pump->late.fire = on_late;
	pump->tls = tls;
	return pump;
}

/* Each connection takes three descriptors: so many must not take all that the program has. */
static bool is_scarce(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	       (rlim_t)fd >= limit.rlim_cur - limit.rlim_cur / SPARE;
}

int pump_begin(int fd, struct tls *tls, struct budget *budget)
{
	struct pump *pump = NULL;
	int ends[2];

	if (!pump_pair(ends))
		ends[0] = ends[1] = -1;
	else if (!is_scarce(ends[1]))
		pump = new_pump(fd, ends[0], tls);
	if (pump) {
		pump->budget = budget;
		pump->is_guarded = budget;
		budget_ref(budget);
		engine_before_poll(&pump->begin);
		return ends[1];
	}
	if (ends[0] >= 0) {
		close(ends[0]);
		close(ends[1]);
	}
	tls_free(tls);
	close(fd);
	return -1;
}

bool pump_pair(int ret[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret) == 0;
}

bool pump_run(int fd, struct tls *tls, int inner, const struct pump_events *events, void *data)
{
	struct pump *pump = new_pump(fd, inner, tls);

	if (!pump)
		return false;
	pump->events = events;
	pump->data = data;
	pump->is_guarded = true;
	h2_guard_expect_server(&pump->guard);
	begin(pump);
	return true;
}
