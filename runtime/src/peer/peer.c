/* SPDX-License-Identifier: MIT */
/* A peer's life, what it sends and when, and to whom each frame goes that comes. */
#include "peer/peer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/audit.h"
#include "base/config.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "exec/exec.h"
#include "key/key.h"
#include "tls/tls.h"
#include "wire/frame.h"

static const struct link_events events;

static void on_before_poll(struct engine_hook *hook);
static void on_linger(struct engine_timer *timer);
static void hold_cork(struct exec_cork *cork);
static void flush_cork(struct exec_cork *cork);

/* budget: taken; NULL: memory is out. */
static struct peer *new_peer(struct peer_host *host, enum peer_side side, struct budget *budget)
{
	struct peer *peer = budget ? calloc(1, sizeof(*peer)) : NULL;

	if (!peer) {
		budget_unref(budget);
		return NULL;
	}
	peer->refs = 1;
	peer->side = side;
	peer->host = host;
	peer->handlers = host->handlers;
	peer->budget = budget;
	peer->made.max_calls = PEER_MAX_CALLS;
	peer->limits = host->limits;
	if (host->is_process)
		peer->limits.max_message = config_number(CONFIG_MAX_MESSAGE);
	if (!peer->limits.max_references)
		peer->limits.max_references = config_number(CONFIG_MAX_REFERENCES);
	peer->theirs.max_message = UINT32_MAX;
	peer->theirs.window = PEER_WINDOW_FIRST;
	peer->connect_until = ENGINE_FOREVER;
	peer->out.flush_later.run = on_before_poll;
	peer->linger.fire = on_linger;
	peer->out.cork = (struct exec_cork){ hold_cork, flush_cork };
	peer->out.stall.backlog = &peer->out.backlog;
	peer->out.aside.hook.run = peer_flush_aside;
	pthread_mutex_init(&peer->out.aside.lock, NULL);
	pthread_mutex_init(&peer->lock, NULL);
	(void)random_bytes(peer->id, sizeof(peer->id));
	return peer;
}

void peer_ref(struct peer *peer)
{
	atomic_fetch_add_explicit(&peer->refs, 1, memory_order_relaxed);
}

void peer_unref(struct peer *peer)
{
	if (!peer || atomic_fetch_sub(&peer->refs, 1) != 1)
		return;
	if (peer->link)
		link_free(peer->link);
	if (peer->handlers->freed)
		peer->handlers->freed(peer);
	buf_free(&peer->out.aside.frames);
	buf_free(&peer->out.urgent);
	wire_free(&peer->out.wire);
	numtab_free(&peer->taken.calls);
	numtab_free(&peer->taken.answered);
	numtab_free(&peer->taken.replies);
	numtab_free(&peer->taken.sessions);
	numtab_free(&peer->made.sessions);
	budget_release(peer->budget, peer->out.n_charged);
	budget_unref(peer->budget);
	free(peer->made.slots);
	peer_auth_free(peer->auth);
	tls_settings_unref(peer->shared.tls);
	key_settings_unref(peer->shared.keys);
	free(peer->shared.key);
	pthread_mutex_destroy(&peer->out.aside.lock);
	pthread_mutex_destroy(&peer->lock);
	free(peer);
}

uint32_t peer_window(bool is_local)
{
	return is_local ? PEER_WINDOW_NEAR : PEER_WINDOW_FAR;
}

/* Who is to prove a key is greeted by that. Returns false when memory is out. */
static bool begin(struct peer *peer, struct key_settings *keys, bool is_local)
{
	peer->shared.keys = key_settings_ref(keys);
	if (!keys)
		peer_say_hello(peer, is_local, (struct span){ 0 }, (struct span){ 0 });
	return !keys || peer_auth_begin(peer, is_local);
}

struct peer *peer_connect(const struct link_target *target, struct peer_host *host,
			  struct key_settings *keys, uint32_t connect_timeout_ms)
{
	struct link_target to = *target;
	size_t max = budget_of_connection(config_number(CONFIG_MAX_MESSAGE));
	struct peer *peer = new_peer(host, PEER_CONNECTED, budget_new(NULL, max));

	if (!peer || !begin(peer, keys, to.is_local)) { /* leaves with the first Bind and Call, */
		if (peer)                               /* unless a key is to be proved */
			peer_unref(peer);
		if (!to.uri)
			close(to.fd);
		return NULL;
	}
	peer->connect_until = engine_now() + (int64_t)connect_timeout_ms * ENGINE_MS;
	peer_ref(peer); /* the link's, until closed() */
	to.max_message = peer->limits.max_message;
	pthread_mutex_lock(&peer->lock);
	peer->link = link_connect(&to, &events, peer);
	pthread_mutex_unlock(&peer->lock);
	if (peer->link)
		return peer;
	peer_unref(peer);
	peer_unref(peer);
	return NULL;
}

struct peer *peer_accept(struct link *link, struct peer_host *host, struct budget *budget)
{
	struct peer *peer;

	budget_ref(budget);
	peer = new_peer(host, PEER_ACCEPTED, budget);
	if (!peer) {
		link_close(link, PYR_RESOURCE_EXHAUSTED, "out of memory");
		link_free(link);
		return NULL;
	}
	peer->link = link;
	peer->shared.tls = tls_settings_ref(host->tls);
	if (!begin(peer, link->is_own || link->is_vouched ? NULL : host->keys, link->is_local)) {
		link_close(link, PYR_RESOURCE_EXHAUSTED, "out of memory");
		peer_unref(peer);
		return NULL;
	}
	peer_ref(peer);
	if (link->wants_pings)
		peer_watch_silence(peer);
	link_start(link, &events, peer);
	return peer;
}

bool peer_has_sessions(struct peer *peer)
{
	bool has;

	pthread_mutex_lock(&peer->lock);
	has = peer->has_hello && !peer->link->is_plain;
	pthread_mutex_unlock(&peer->lock);
	return has;
}

bool peer_is_quiet(struct peer *peer)
{
	bool quiet;

	pthread_mutex_lock(&peer->lock);
	quiet = peer->is_closed || peer->auth ||
		(peer->taken.calls.n == 0 && atomic_load(&peer->out.backlog) == 0 &&
		 !peer->out.is_writing);
	pthread_mutex_unlock(&peer->lock);
	return quiet;
}

void peer_progress(struct peer *peer)
{
	if (atomic_load(&peer->host->stage) != HOST_SERVES)
		peer->host->progress(peer->host);
}

/* ---- what goes out ---- */

static void take_all(struct peer *peer)
{
	if (atomic_load_explicit(&peer->out.aside.is_there, memory_order_relaxed))
		peer_take_aside(peer);
	peer_take_urgent(peer);
	if (!peer->out.wire.buf.broken && peer->out.wire.buf.n < FRAME_MESSAGE_MAX)
		outbox_take_turns(peer);
}

/* Builds the next message. Returns false if there is nothing to send or a write is under way. */
static bool assemble(struct peer *peer)
{
	if (peer->out.is_writing || peer->is_closed || !peer->link || peer->out.has_lost)
		return false;
	wire_reset(&peer->out.wire);
	if (peer->auth)
		peer_auth_take(peer);
	else
		take_all(peer);
	peer->out.has_lost |= peer->out.wire.buf.broken || peer->out.urgent.broken;
	if (peer->out.has_lost || wire_size(&peer->out.wire) == 0)
		return false;
	wire_message(&peer->out.wire, &peer->out.message);
	atomic_fetch_sub(&peer->out.backlog, peer->out.message.n);
	peer->out.is_writing = true;
	return true;
}

/* Everything is on its way, and the link is to end then. */
static bool is_through(struct peer *peer)
{
	return peer->is_ending && !peer->out.is_writing && !peer->is_closed &&
	       peer->out.urgent.n == 0 && !peer->out.ring;
}

static void on_linger(struct engine_timer *timer)
{
	struct peer *peer = (struct peer *)((char *)timer - offsetof(struct peer, linger));
	bool waits, proves;

	pthread_mutex_lock(&peer->lock);
	proves = peer->auth && peer->side == PEER_ACCEPTED;
	waits = peer->is_limited || !peer->has_hello; /* else it has much to send yet */
	pthread_mutex_unlock(&peer->lock);
	if (waits && proves)
		peer_auth_late(peer);
	else if (waits)
		link_close(peer->link, PYR_UNAVAILABLE, "the other end did not end the link");
}

/* It ends before the other end has said anything: nobody looks at the time to connect any more.
 * With the lock. */
static void limit_greeting(struct peer *peer)
{
	int64_t until = engine_now() + PEER_LINGER_MS * (int64_t)ENGINE_MS;

	if (peer->is_hurried || peer->is_closed)
		return;
	peer->is_hurried = true;
	if (peer->connect_until != ENGINE_FOREVER && peer->connect_until > until)
		until = peer->connect_until;
	(void)engine_timer_set(&peer->linger, until);
}

/* An orderly end needs the other end, which may not care. With the lock. */
static void limit_end(struct peer *peer)
{
	if (peer->is_limited)
		return;
	peer->is_limited = true;
	(void)engine_timer_set(&peer->linger, engine_now() + PEER_LINGER_MS * (int64_t)ENGINE_MS);
}

/* A message is through. Returns whether lanes may have waited for the backlog to shrink. With the
 * lock. */
static bool was_written(struct peer *peer)
{
	peer->out.is_writing = false;
	peer_progress(peer);
	return peer->host->executor &&
	       (peer->out.message.n >= FRAME_MESSAGE_MAX / 2 || exec_has_stalled(&peer->out.stall));
}

void peer_flush_unlock(struct peer *peer)
{
	enum link_write written = LINK_WRITTEN;
	struct peer_host *host = peer->host;
	struct link *link = peer->link;
	bool ends, ready, cuts, resumes = false;

	if (peer->is_ending && !peer->has_hello)
		limit_greeting(peer);
	while (written == LINK_WRITTEN) {
		ends = is_through(peer);
		ready = !ends && assemble(peer);
		cuts = peer->out.has_lost && !peer->out.is_cut;
		peer->out.is_cut |= cuts;
		if (ends)
			limit_end(peer);
		pthread_mutex_unlock(&peer->lock);
		if (ends)
			link_close(link, 0, "");
		if (cuts)
			link_close(link, PYR_UNAVAILABLE, "out of memory for what was to be sent");
		if (!ready)
			break;
		written = link_write(link, &peer->out.message);
		if (written == LINK_WRITTEN) {
			pthread_mutex_lock(&peer->lock);
			resumes |= was_written(peer);
		}
	}
	if (resumes)
		exec_resume(host->executor, &peer->out.stall);
}

static void on_before_poll(struct engine_hook *hook)
{
	struct peer *peer = (struct peer *)((char *)hook - offsetof(struct peer, out.flush_later));

	pthread_mutex_lock(&peer->lock);
	peer->out.will_flush = false;
	peer_flush_unlock(peer);
	peer_unref(peer);
}

void peer_flush_later_unlock(struct peer *peer)
{
	bool add = !peer->out.will_flush;

	if (engine_is_led() || peer->out.backlog > PEER_QUANTUM) {
		peer_flush_unlock(peer);
		return;
	}
	if (add) {
		peer->out.will_flush = true;
		peer_ref(peer);
	}
	pthread_mutex_unlock(&peer->lock);
	if (add)
		engine_before_poll(&peer->out.flush_later);
}

void peer_flush(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	peer_flush_unlock(peer);
}

static struct peer *corked(struct exec_cork *cork)
{
	return (struct peer *)((char *)cork - offsetof(struct peer, out.cork));
}

static void hold_cork(struct exec_cork *cork)
{
	peer_ref(corked(cork));
}

static void flush_cork(struct exec_cork *cork)
{
	peer_flush(corked(cork));
	peer_unref(corked(cork));
}

static void on_written(void *owner)
{
	struct peer *peer = owner;
	bool resume;

	pthread_mutex_lock(&peer->lock);
	resume = was_written(peer);
	peer_flush_unlock(peer);
	if (resume)
		exec_resume(peer->host->executor, &peer->out.stall);
}

void peer_close(struct peer *peer, int code, const char *text)
{
	pthread_mutex_lock(&peer->lock);
	if (code == 0) {
		peer->is_ending = true;
		peer_flush_unlock(peer);
		return;
	}
	pthread_mutex_unlock(&peer->lock);
	link_close(peer->link, code, text);
}

void peer_close_wait(struct peer *peer, int64_t until)
{
	struct engine_waiter waiter;
	bool is_open;

	engine_waiter_init(&waiter, false);
	peer_close(peer, 0, "");
	pthread_mutex_lock(&peer->lock);
	is_open = !peer->is_closed;
	peer->closing = is_open ? &waiter : NULL;
	pthread_mutex_unlock(&peer->lock);
	if (is_open)
		engine_wait(&waiter, until);
	pthread_mutex_lock(&peer->lock);
	peer->closing = NULL;
	pthread_mutex_unlock(&peer->lock);
	engine_waiter_fini(&waiter);
}

void peer_end_with_goaway(struct peer *peer, int code, const char *theirs, const char *own)
{
	struct frame frame = { .type = FRAME_GOAWAY, .code = (uint32_t)code };

	if (peer->auth)
		peer_auth_end(peer, false);
	frame.message = span_of(theirs);
	peer_queue(peer, &frame);
	peer->is_ending = true;
	/* Calls made here end now; the other end may take its time. */
	peer->closed_code = code;
	snprintf(peer->closed_text, sizeof(peer->closed_text), "%s", own);
	peer->was_connected = code != PYR_UNAUTHENTICATED; /* then nobody was let in */
	peer->handlers->end_made(peer);
}

void peer_audit(struct peer *peer, const char *action, const char *why)
{
	char uid[IDENTITY_UID];
	struct audit_event event = {
		.from = peer->link->address, .action = action, .decision = "refused", .why = why
	};

	event.who = link_identity(peer->link, uid);
	audit_say(peer->host->audit, &event);
}

void peer_protocol_error(struct peer *peer, const char *format, ...)
{
	char text[256];
	va_list args;
	int n = snprintf(text, sizeof(text), "ProtocolError: ");

	va_start(args, format);
	vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
	va_end(args);
	peer_audit(peer, "protocol", text);
	log_line(PYR_LOG_WARNING, "link with %s: %s", peer->link->address, text);
	if (!peer->is_ending || peer->auth)
		peer_end_with_goaway(peer, PYR_INTERNAL, text, text);
}

void peer_exhausted(struct peer *peer, const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), "%s of this connection take more than %zu bytes here", what,
		 budget_max(peer->budget));
	peer_audit(peer, "protocol", text);
	log_line(PYR_LOG_WARNING, "link with %s: %s", peer->link->address, text);
	if (!peer->is_ending || peer->auth)
		peer_end_with_goaway(peer, PYR_RESOURCE_EXHAUSTED, text, text);
}

/* ---- what comes in ---- */

static void refuse(struct peer *peer, const struct frame *frame, const char *why)
{
	struct frame error = { .type = FRAME_ERROR, .number = frame->number };

	error.code = PYR_UNIMPLEMENTED;
	error.message = span_of(why);
	peer_queue(peer, &error);
}

/* Of what else the Ping had nothing comes back. */
static void pong(struct peer *peer, const struct frame *ping)
{
	struct frame frame = { .type = FRAME_PONG, .number = ping->number, .value = ping->value };

	peer_queue(peer, &frame);
}

/* The other end does not take this one for whom it should be. */
static void tell_refusal(struct peer *peer, const struct frame *frame)
{
	char why[200], text[400];

	snprintf(why, sizeof(why), "%.*s", (int)frame->message.n,
		 frame->message.n ? (const char *)frame->message.p : "");
	snprintf(text, sizeof(text), "link with %s: it refuses this end: %s", peer->link->address,
		 text_clean(why));
	if (peer->shared.keys)
		key_settings_refused(peer->shared.keys, text);
	else
		log_line(PYR_LOG_WARNING, "%s", text);
}

/* Who serves calls may be inside one that came from there, and stays for what that one calls. */
static void on_goaway(struct peer *peer, const struct frame *frame)
{
	peer->is_going_away = true;
	peer->takes_chains = peer->side == PEER_CONNECTED && frame->code == 0 &&
			     !frame->takes_none && !peer->is_left &&
			     (engine_has_daemon() || peer->references);
	if (frame->code == 0) { /* a daemon that stops waits for us to leave */
		peer->is_left = peer->side == PEER_CONNECTED && !peer->takes_chains;
		peer_leave_if_idle(peer);
		return;
	}
	if (frame->code == PYR_UNAUTHENTICATED)
		tell_refusal(peer, frame);
	peer->closed_code = frame->code <= PYR_UNAUTHENTICATED ? (int)frame->code : PYR_UNKNOWN;
	snprintf(peer->closed_text, sizeof(peer->closed_text), "%.*s", (int)frame->message.n,
		 frame->message.n ? (const char *)frame->message.p : "");
}

static void on_frame(struct peer *peer, const struct frame *frame)
{
	if (frame->type == FRAME_HELLO)
		peer_on_hello(peer, frame);
	else if (frame->type == FRAME_PING)
		pong(peer, frame);
	else if (frame->type == FRAME_GOAWAY)
		on_goaway(peer, frame);
	else if (peer->handlers->frame[frame->type])
		peer->handlers->frame[frame->type](peer, frame);
	else if (frame->critical)
		refuse(peer, frame, "an unknown critical frame");
}

static void on_message(void *owner, struct span message)
{
	struct peer *peer = owner;
	const uint8_t *p = message.p, *end = span_end(message);
	struct frame frame;
	int more = 1;

	pthread_mutex_lock(&peer->lock);
	if (peer->link->wants_pings)
		peer->heard_at = engine_now();
	if (message.n > FRAME_MESSAGE_MAX)
		peer_protocol_error(peer, "a message of %zu bytes, the maximum is %d", message.n,
				    FRAME_MESSAGE_MAX);
	while ((!peer->is_ending || peer->auth) && !peer->is_closed &&
	       (more = frame_read(&p, end, &frame)) > 0)
		if (peer->has_hello || peer_may_come_first(peer, &frame))
			on_frame(peer, &frame);
	if (more < 0 && !peer->is_ending)
		peer_protocol_error(peer, "a message that is not a sequence of frames");
	peer_limit_aside(peer);
	peer_flush_unlock(peer);
}

/* Why calls made on the link fail, unless it is known already. */
static void describe_end(struct peer *peer, const struct link_end *end)
{
	bool is_other = end->is_other && !peer->has_hello;
	bool is_refused = end->is_refusal && !peer->has_hello;

	if (peer->closed_code)
		return;
	peer->was_connected = peer->has_hello || (end->was_connected && !is_other);
	peer->closed_code = is_other || is_refused ? end->code : PYR_UNAVAILABLE;
	snprintf(peer->closed_text, sizeof(peer->closed_text), "%s", end->text);
}

static void on_closed(void *owner, const struct link_end *end)
{
	struct peer *peer = owner;
	void (*closed)(struct peer_host *, struct peer *) = atomic_load(&peer->host->closed);

	pthread_mutex_lock(&peer->lock);
	if (!peer->is_closed) {
		peer->is_closed = true;
		describe_end(peer, end);
	}
	peer->handlers->end_made(peer);
	peer->handlers->end_taken(peer);
	atomic_store(&peer->out.backlog, 0);
	if (peer->closing)
		engine_wake(peer->closing);
	pthread_mutex_unlock(&peer->lock);
	engine_timer_cancel(&peer->linger); /* nobody sets it once the link is closed */
	engine_timer_cancel(&peer->silence);
	if (peer->host->executor) /* lanes that waited for its backlog */
		exec_resume(peer->host->executor, &peer->out.stall);
	if (peer->side == PEER_ACCEPTED) /* a place of its connection's */
		budget_leave(peer->budget);
	if (closed)
		closed(peer->host, peer);
	peer_unref(peer);
}

static const struct link_events events = { on_message, on_written, on_closed };
