/* SPDX-License-Identifier: MIT */
/* What goes over a cable, both ways, and how it ends. */
#include "fuzz_cable_own.h"

#include <netinet/in.h>

#include <errno.h>
#include <linux/tcp.h> /* tcpi_bytes_received */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/engine_own.h"
#include "wire/frame.h"

enum { PUMP_MAX = 64, PIECE_MOST = 90000 };

/* ---- the engine, from within a step ---- */

/* The model's step is an event of a source: no hook is being run, and others may be. */
static void run_hooks(void)
{
	struct engine_hook *hook, *next;

	for (hook = atomic_exchange(&engine.hooks, NULL); hook; hook = next) {
		next = hook->next;
		hook->run(hook);
	}
}

void cable_pump(void)
{
	unsigned n, misses = 0;

	for (n = 0; n < PUMP_MAX && misses < 2; n++) {
		run_hooks();
		misses = engine_poll_sources(0) ? 0 : misses + 1;
	}
}

/* For a moment, or until there is something to cable_pump. */
static void pause_for_event(void)
{
	if (pthread_equal(engine.thread, pthread_self())) /* nobody else fires timers */
		(void)engine_fire_timers();
	atomic_store(&engine.polls, ENGINE_POLLS_SOURCES);
	(void)engine_poll_sources(atomic_load(&engine.hooks) ? 0 : engine_now() + ENGINE_MS);
}

bool cable_is_over(struct cable *w)
{
	bool is_over;

	pthread_mutex_lock(&w->fake->lock);
	is_over = w->fake->is_cut;
	pthread_mutex_unlock(&w->fake->lock);
	return is_over;
}

static bool is_closing(struct cable *w)
{
	return fake_is_closing(w->fake);
}

void cable_wait(struct cable *w, bool (*is_so)(struct cable *w), const char *what)
{
	int64_t until = engine_now() + WAIT_S * INT64_C(1000) * ENGINE_MS;

	for (cable_pump(); !is_so(w); cable_pump()) {
		if (engine_now() > until)
			fuzz_finding("%s: %s", w->fake->link.address, what);
		pause_for_event();
	}
}

/* ---- the library's side ---- */

static void on_message(void *owner, struct span message)
{
	struct fake *f = owner;

	f->link.events->message(f->link.owner, message);
}

static void on_written(void *owner)
{
	struct fake *f = owner;

	pthread_mutex_lock(&f->lock);
	if (!f->owes_written)
		fuzz_finding("%s: written() without a write", f->link.address);
	f->owes_written = false;
	pthread_mutex_unlock(&f->lock);
	f->link.events->written(f->link.owner);
}

static void on_closed(void *owner, const struct link_end *end)
{
	struct fake *f = owner;
	struct link *inner;

	pthread_mutex_lock(&f->lock);
	if (f->is_cut)
		fuzz_finding("%s: closed() is told twice", f->link.address);
	f->is_cut = true;
	f->owes_written = false;
	f->cable->was_closing = f->is_closing;
	pthread_mutex_unlock(&f->lock);
	inner = atomic_load(&f->cable->inner);
	f->link.is_orderly = inner && inner->is_orderly;
	f->link.events->closed(f->link.owner, end);
}

const struct link_events cable_events = { on_message, on_written, on_closed };

enum link_write cable_write(struct cable *w, const struct link_message *message)
{
	return w->inner->kind->write(w->inner, message);
}

void cable_close_inner(struct cable *w, int code, const char *text)
{
	w->inner->kind->close(w->inner, code, text);
}

void cable_free_inner(struct cable *w)
{
	w->inner->kind->free(w->inner);
}

void cable_start_inner(struct cable *w)
{
	link_start(w->inner, &cable_events, w->fake);
}

bool cable_has_input(struct cable *w)
{
	return link_has_input(w->inner);
}

void cable_be_like(struct fake *f, const struct link *inner)
{
	f->link.is_local = inner->is_local;
	f->link.lane = inner->lane;
	f->link.wants_pings = inner->wants_pings;
}

struct cable *cable_new(struct fake *fake, uint64_t seed)
{
	struct cable *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->fake = fake;
	w->fd = -1;
	w->chance = chance_of(seed, UINT64_MAX - 3);
	fake->cable = w;
	return w;
}

void cable_free(struct cable *w)
{
	if (!w)
		return;
	tls_free(w->tls);
	if (w->fd >= 0)
		close(w->fd);
	pyr_uri_free(w->uri);
	buf_free(&w->out);
	buf_free(&w->in);
	free(w);
}

/* ---- bytes ---- */

/* The library's socket; -1 if it has none, or reads no more of it. */
static int their_fd(struct cable *w)
{
	struct socket_link *ends = cable_is_over(w) ? NULL : atomic_load(&w->ends);

	return ends && !ends->is_deaf ? ends->source.fd : -1;
}

/* Bytes on their way over a TCP connection. */
static bool is_on_its_way(int from, int to)
{
	struct tcp_info sent, got;
	socklen_t n_sent = sizeof(sent), n_got = sizeof(got);

	if (getsockopt(from, IPPROTO_TCP, TCP_INFO, &sent, &n_sent) < 0 ||
	    getsockopt(to, IPPROTO_TCP, TCP_INFO, &got, &n_got) < 0)
		return false;
	return got.tcpi_bytes_received + sent.tcpi_bytes_retrans <
	       sent.tcpi_bytes_sent + sent.tcpi_notsent_bytes;
}

/* TLS has read more than its link. */
static bool is_behind(struct cable *w)
{
	struct socket_link *ends = atomic_load(&w->ends);
	bool is_behind;

	pthread_mutex_lock(&ends->lock);
	is_behind = ends->is_behind;
	pthread_mutex_unlock(&ends->lock);
	return is_behind;
}

/* All that was sent has come there and is read. */
static bool is_read(struct cable *w)
{
	int fd = their_fd(w), waits;

	if (fd < 0 || w->fd < 0)
		return true;
	if (!w->has_names && is_on_its_way(w->fd, fd))
		return false;
	return (ioctl(fd, FIONREAD, &waits) < 0 || waits == 0) && !(w->tls && is_behind(w));
}

static void put_message(struct cable *w, const void *data, size_t n, size_t n_told)
{
	uint8_t head[HEAD];
	size_t i;

	for (i = 0; i < HEAD; i++)
		head[i] = (uint8_t)(n_told >> (8 * i));
	buf_append(&w->out, head, HEAD);
	buf_append(&w->out, data, n);
}

static enum tls_result send_some(struct cable *w, const uint8_t *p, size_t n, size_t *ret_sent)
{
	ssize_t sent;

	if (w->tls)
		return tls_write(w->tls, p, n, ret_sent);
	sent = send(w->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? TLS_WANTS_OUT : TLS_LOST;
	*ret_sent = (size_t)sent;
	return TLS_DONE;
}

static void forget_rest(struct cable *w)
{
	buf_reset(&w->out);
	w->n_sent = w->n_begun = 0;
}

/* Sends a piece. Returns false if the socket takes nothing now. */
static bool send_piece(struct cable *w, size_t most)
{
	size_t left = w->out.n - w->n_sent, n = left < most ? left : most, sent;

	if (n < w->n_begun)
		n = w->n_begun;
	switch (send_some(w, w->out.data + w->n_sent, n, &sent)) {
	case TLS_DONE:
		w->n_sent += sent;
		w->n_begun = 0;
		return sent > 0;
	case TLS_WANTS_IN:
	case TLS_WANTS_OUT:
		w->n_begun = w->tls ? n : 0;
		return false;
	default: /* it is over there */
		forget_rest(w);
		return true;
	}
}

void cable_push(struct cable *w, bool all)
{
	static const unsigned sizes[] = { 1, 3, 5, 30, 300, 3000, PIECE_MOST, PIECE_MOST };
	bool goes_on = true;

	while (w->fd >= 0 && w->out.n > w->n_sent && (all || goes_on)) {
		if (!send_piece(w,
				1 + chance_below(&w->chance, sizes[chance_below(&w->chance, 8)]))) {
			cable_pump();
			if (cable_is_over(w) || their_fd(w) < 0)
				break;
			goes_on = false;
		} else if (chance_one_in(&w->chance, 2)) {
			cable_pump();
		}
		goes_on &= !chance_one_in(&w->chance, 6);
	}
	if (w->out.n == w->n_sent || w->fd < 0 || cable_is_over(w))
		forget_rest(w);
}

void cable_deliver(struct cable *w, const struct buf *message)
{
	put_message(w, message->data, message->n, message->n);
	cable_push(w, false);
}

/* A length that is too long, or garbage behind a message that seemed to end. */
void cable_spoil(struct cable *w)
{
	uint8_t bytes[40];
	unsigned i, n = 1 + chance_below(&w->chance, sizeof(bytes));

	fuzz_say("%s is spoilt", w->fake->link.address);
	w->is_spoilt = true;
	for (i = 0; i < n; i++)
		bytes[i] = (uint8_t)chance_next(&w->chance);
	if (chance_one_in(&w->chance, 2))
		put_message(w, bytes, n, n + 1 + chance_below(&w->chance, 70000));
	else
		buf_append(&w->out, bytes, n);
	cable_push(w, false);
}

bool cable_is_spoilt(const struct cable *w)
{
	return w->is_spoilt;
}

void cable_tend(struct cable *w)
{
	cable_push(w, false);
	cable_pump();
}

void cable_sync(struct cable *w)
{
	cable_push(w, true);
	cable_wait(w, is_read, "what was sent is not read");
}

/* ---- what comes ---- */

static enum tls_result receive_some(struct cable *w, uint8_t *to, size_t n, size_t *ret_got)
{
	ssize_t got;

	if (w->tls)
		return tls_read(w->tls, to, n, ret_got);
	got = recv(w->fd, to, n, MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? TLS_WANTS_IN : TLS_LOST;
	*ret_got = (size_t)got;
	return got > 0 ? TLS_DONE : TLS_ENDED;
}

static void receive(struct cable *w)
{
	enum tls_result result = TLS_DONE;
	uint8_t bytes[65536];
	size_t n;

	while (w->fd >= 0 && !w->is_eof && result == TLS_DONE) {
		result = receive_some(w, bytes, sizeof(bytes), &n);
		if (result == TLS_DONE)
			buf_append(&w->in, bytes, n);
		else
			w->is_eof = result != TLS_WANTS_IN && result != TLS_WANTS_OUT;
		if (result == TLS_BROKEN && !w->is_spoilt)
			fuzz_finding("%s: TLS is broken: %s", w->fake->link.address,
				     tls_why(w->tls));
	}
}

/* Returns false while the preface is not whole. */
static bool skip_preface(struct cable *w, size_t *at)
{
	for (; w->n_preface < PREFACE; w->n_preface++) {
		if (*at == w->in.n)
			return false;
		if (w->in.data[(*at)++] != (uint8_t)FRAME_PREFACE[w->n_preface])
			fuzz_finding("%s: it begins with another preface", w->fake->link.address);
	}
	return true;
}

/* Moves whole messages from `in`. */
static void take_messages(struct cable *w, struct buf *ret)
{
	size_t at = 0, n;
	const uint8_t *p;

	if (!skip_preface(w, &at))
		at = w->in.n;
	while (w->in.n - at >= HEAD) {
		p = w->in.data + at;
		n = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
		if (w->has_ended || n > FRAME_MESSAGE_MAX)
			fuzz_finding("%s: a message of %zu bytes%s", w->fake->link.address, n,
				     w->has_ended ? " comes after the end" : "");
		w->has_ended = n == 0;
		if (w->in.n - at - HEAD < n)
			break;
		buf_append(ret, p + HEAD, n);
		at += HEAD + n;
	}
	memmove(w->in.data, w->in.data + at, w->in.n - at);
	w->in.n -= at;
}

struct buf cable_take(struct cable *w)
{
	struct buf taken = { 0 };

	receive(w);
	if (w->in.n > 0)
		take_messages(w, &taken);
	if (w->is_eof && !is_closing(w) && !w->is_spoilt)
		fuzz_finding("%s: its socket is closed, and nobody closed it",
			     w->fake->link.address);
	return taken;
}

/* ---- the end ---- */

void cable_reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* In good order, and then perhaps more that is of no use; or by FIN, by half of one, by RST. */
void cable_close(struct cable *w, bool is_orderly)
{
	/* It would see a FIN behind what it does not read after PEER_LINGER_MS alone. */
	bool is_deaf = !cable_is_over(w) && their_fd(w) < 0;

	if (w->fd < 0)
		return;
	if (is_orderly) {
		put_message(w, NULL, 0, 0);
		if (chance_one_in(&w->chance, 4))
			buf_append(&w->out, "beyond", 6);
		cable_push(w, true);
	}
	if (w->tls && chance_one_in(&w->chance, 2))
		tls_end(w->tls);
	if (chance_one_in(&w->chance, 4)) {
		shutdown(w->fd, SHUT_WR);
		cable_pump();
	}
	if (chance_below(&w->chance, 8) < (is_deaf ? 7u : is_orderly ? 0u : 3u))
		cable_reset(w->fd);
	else
		close(w->fd);
	w->fd = -1;
	if (atomic_load(&w->inner))
		cable_wait(w, cable_is_over, "its end is not seen");
	if (w->is_accepted && !w->is_spoilt && !w->was_closing &&
	    w->fake->link.is_orderly != is_orderly)
		fuzz_finding("%s: it counts as %s", w->fake->link.address,
			     is_orderly ? "lost" : "ended in good order");
}
