/* SPDX-License-Identifier: MIT */
/* Sessions as the binding end sees them: opened, compared with what stands at the other end,
 * closed; and their queues. */
#include "session/session.h"
#include "base/log.h"
#include "wire/annotation.h"
#include "wire/shape_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Why the link is gone, in Pyro's words. */
void session_loss(const struct peer *peer, char *text, size_t n, bool had_left)
{
	const char *what = had_left ? "ConnectionClosed" : "CommunicationError";

	if (peer->closed_code && peer->closed_code != PYR_UNAVAILABLE)
		snprintf(text, n, "%s%s%s", peer->closed_text,
			 strstr(peer->closed_text, peer->link->address) ? "" : ", link with ",
			 strstr(peer->closed_text, peer->link->address) ? "" : peer->link->address);
	else
		snprintf(text, n, "%s: %s%s: %s", what,
			 peer->was_connected ? "" : "cannot connect to ", peer->link->address,
			 peer->closed_text);
}

static struct session *session_of(struct outbox *outbox)
{
	return (struct session *)((char *)outbox - offsetof(struct session, out));
}

static void hold(struct outbox *outbox)
{
	session_ref(session_of(outbox));
}

static void release(struct outbox *outbox)
{
	session_unref(session_of(outbox));
}

static const struct outbox_owner outbox_owner = { .hold = hold, .release = release };

struct session_ways *session_ways_ref(struct session_ways *ways)
{
	if (ways)
		atomic_fetch_add_explicit(&ways->refs, 1, memory_order_relaxed);
	return ways;
}

void session_ways_unref(struct session_ways *ways)
{
	if (!ways || atomic_fetch_sub(&ways->refs, 1) != 1)
		return;
	buf_free(&ways->handshake);
	buf_free(&ways->annotations);
	free(ways);
}

struct session *session_new(struct peer *peer, const char *object,
			    const struct codec_interface *interface, struct session_ways *ways)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->object = strdup(object);
	if (!session->object) {
		free(session);
		return NULL;
	}
	session->refs = 1;
	session->ways = session_ways_ref(ways);
	session->interface = interface;
	session->peer = peer;
	session->out.owner = &outbox_owner;
	peer_ref(peer);
	return session;
}

void session_ref(struct session *session)
{
	atomic_fetch_add_explicit(&session->refs, 1, memory_order_relaxed);
}

void session_unref(struct session *session)
{
	uint32_t i;

	if (!session || atomic_fetch_sub(&session->refs, 1) != 1)
		return;
	for (i = 0; session->operations && i < session->interface->table->n_operations; i++)
		free(session->operations[i].signature);
	free(session->operations);
	shape_verdict_unref(session->verdict);
	import_unref(session->import); /* after its last frame was taken: the ring held it */
	free(session->object);
	free(session->text);
	session_ways_unref(session->ways);
	if (atomic_load(&session->gift))
		session->gift->drop(session->gift);
	buf_free(&session->answer);
	buf_free(&session->notes);
	outbox_fini(&session->out);
	peer_unref(session->peer);
	free(session);
}

uint8_t *session_append(struct session *session, const struct frame *frame, size_t n_payload)
{
	return outbox_append(session->peer, &session->out, frame, n_payload);
}

bool session_append_fragments(struct session *session, const struct frame *frame,
			      struct span payload, struct block *block)
{
	return outbox_append_fragments(session->peer, &session->out, frame, payload, block);
}

/* What it is that is wanted of the object. */
static void describe(const struct session *session, struct frame *frame)
{
	const struct pyr__interface *table = session->interface->table;
	const struct session_relay *relay = session->relay;

	if (session->import)
		frame->reference = (struct span){ session->import->node.id, REFERENCE_ID };
	else
		frame->object = span_of(session->object);
	frame->interface = relay ? relay->interface : span_of(table->name);
	frame->fingerprint = relay ? relay->fingerprint : table->fingerprint;
	frame->shape = relay ? relay->shape : shape_packed(table);
}

void session_put_bind(struct session *session, const uint8_t *chain)
{
	struct frame frame = { .type = FRAME_BIND };
	struct peer *peer = session->peer;

	do
		session->number = ++peer->made.last_session;
	while (session->number == 0 || numtab_get(&peer->made.sessions, session->number));
	if (!numtab_put(&peer->made.sessions, session->number, session))
		return;
	frame.session = session->number;
	describe(session, &frame);
	if (chain)
		frame.chain = (struct span){ chain, IDSET_ID };
	if (session->ways) {
		frame.handshake = span_of_buf(&session->ways->handshake);
		frame.body = span_of_buf(&session->ways->annotations);
	}
	if (!session_append(session, &frame, 0)) {
		numtab_remove(&peer->made.sessions, session->number);
		return;
	}
	session->state = SESSION_SENT;
	if (session->import)
		import_travels(session->import);
}

void session_wake_binders(struct session *session)
{
	struct session_binder *b;

	for (b = session->binders; b; b = b->next)
		engine_wake(&b->waiter);
}

/* bound: NULL: it will not be. */
static void tell_relay(struct session *session, const struct frame *bound)
{
	struct session_relay *relay = session->relay;

	session->relay = NULL;
	if (relay)
		relay->bound(relay, bound);
}

void session_end(struct session *session)
{
	tell_relay(session, NULL);
	session_wake_binders(session);
}

/* Called with the lock, which it drops meanwhile. Returns whether the task was cancelled. */
static bool wait_bound(struct session *session, int64_t until)
{
	struct session_binder binder = { .next = session->binders }, **at;
	bool is_cancelled;

	engine_waiter_init(&binder.waiter, false);
	session->binders = &binder;
	peer_flush_unlock(session->peer);
	is_cancelled = engine_wait_or_cancel(&binder.waiter, until) < 0;
	pthread_mutex_lock(&session->peer->lock);
	for (at = &session->binders; *at != &binder; at = &(*at)->next)
		;
	*at = binder.next;
	engine_waiter_fini(&binder.waiter);
	return is_cancelled;
}

static bool is_of_no_use(const struct session *session, char *text, size_t n);

/* What came of a Bind. */
static int bind_result(const struct session *session, char *text, size_t n)
{
	struct peer *peer = session->peer;

	if (session->state == SESSION_FAILED) {
		snprintf(text, n, "%s", session->text ? session->text : "");
		return session->code;
	}
	if (peer->is_closed || peer->is_ending) {
		session_loss(peer, text, n, false);
		return peer->closed_code ? peer->closed_code : PYR_UNAVAILABLE;
	}
	if (session->is_unbound) {
		snprintf(text, n, "the proxy was released");
		return PYR_CANCELLED;
	}
	if (is_of_no_use(session, text, n))
		return PYR_FAILED_PRECONDITION;
	if (session->state >= SESSION_EQUAL)
		return 0;
	snprintf(text, n, "TimeoutError: no answer from %s in time", peer->link->address);
	return PYR_DEADLINE_EXCEEDED;
}

int session_bind(struct session *session, const uint8_t *chain, int64_t until, char *text, size_t n)
{
	struct peer *peer = session->peer;
	bool may_bind, lacks_memory, is_cancelled = false;
	int code;

	pthread_mutex_lock(&peer->lock);
	may_bind = session_is_open(session);
	if (session->state == SESSION_NEW && may_bind)
		session_put_bind(session, chain);
	lacks_memory = session->state == SESSION_NEW && may_bind;
	if (session->state == SESSION_SENT && may_bind)
		is_cancelled = wait_bound(session, until);
	code = is_cancelled ? PYR_CANCELLED : bind_result(session, text, n);
	if (is_cancelled)
		snprintf(text, n, ENGINE_CANCELLED_TEXT);
	if (lacks_memory) {
		snprintf(text, n, "out of memory");
		code = PYR_RESOURCE_EXHAUSTED;
	}
	pthread_mutex_unlock(&peer->lock);
	return code;
}

int session_bind_soon(struct session *session, const uint8_t *chain, char *text, size_t n)
{
	struct peer *peer = session->peer;
	int code = 0;

	pthread_mutex_lock(&peer->lock);
	if (!session_is_open(session)) {
		session_loss(peer, text, n, false);
		code = PYR_UNAVAILABLE;
	} else {
		session_put_bind(session, chain);
	}
	if (code == 0 && session->state == SESSION_NEW) {
		snprintf(text, n, "out of memory");
		code = PYR_RESOURCE_EXHAUSTED;
	}
	peer_flush_unlock(peer);
	return code;
}

bool session_is_plain(struct session *session)
{
	struct peer *peer = session->peer;
	bool is_plain;

	pthread_mutex_lock(&peer->lock);
	is_plain = peer->has_hello && peer->link->is_plain;
	pthread_mutex_unlock(&peer->lock);
	return is_plain;
}

/* ---- what comes of a Bind ---- */

enum { TEXT_MAX = 1024 }; /* bytes that are kept of what the other end says */

static char *keep_text(struct span text)
{
	text.n = text.n < TEXT_MAX ? text.n : TEXT_MAX;
	return span_dup(text);
}

static struct remote_operation *entry_of(struct session *session, struct span name)
{
	const struct pyr__interface *table = session->interface->table;
	uint32_t i;

	for (i = 0; i < table->n_operations; i++)
		if (span_is(name, table->operations[i].name))
			return &session->operations[i];
	return NULL;
}

/* What the other end says of each of its operations. */
static void take_operations(struct session *session, struct span rest)
{
	const struct pyr__operation *operations = session->interface->table->operations;
	struct remote_operation *op;
	struct frame_entry entry;
	size_t i;

	while (frame_repeated(&rest, 7, &entry) > 0) {
		op = entry_of(session, entry.name);
		if (!op || op->is_known)
			continue;
		i = (size_t)(op - session->operations);
		op->is_known = true;
		op->may_be_called =
			entry.value == operations[i].fingerprint ||
			(session->verdict && session->verdict->operations[i].is_compatible);
		op->signature = keep_text(entry.text);
	}
}

/* One line, for there may be many proxies of many operations. */
static void warn_of_differences(const struct session *session)
{
	const struct pyr__interface *table = session->interface->table;
	char text[1024], first[1024];
	uint32_t i, n = 0;

	for (i = 0; i < table->n_operations; i++)
		if (session_check_version(session, i, text, sizeof(text)) && n++ == 0)
			memcpy(first, text, sizeof(text));
	if (n > 0)
		log_line(PYR_LOG_WARNING,
			 "object '%s' at %s has another version of %s: %u of %u operations cannot "
			 "be called: %s",
			 session->object, session->peer->link->address, table->name, n,
			 table->n_operations, first);
}

/* Another version of the interface stands there: which operations may be called all the same? */
static void compare(struct session *session, const struct frame *frame)
{
	const struct pyr__interface *table = session->interface->table;

	session->operations = calloc(table->n_operations + 1, sizeof(*session->operations));
	if (!session->operations)
		return;
	session->verdict = shape_verdict_get(table, frame->shape);
	take_operations(session, frame->body);
	session->state = SESSION_DIFFERS;
	warn_of_differences(session);
}

static void fail(struct session *session, int code, struct span text)
{
	session->state = SESSION_FAILED;
	session->code = code;
	session->text = keep_text(text);
}

/* Returns what is wrong with it, with *code set, or NULL. */
static const char *keep_answer(struct session *session, const struct frame *frame, int *code)
{
	if (!session->ways || !session->ways->on_handshake)
		return NULL;
	*code = PYR_INTERNAL;
	if (frame->handshake.n > PYR_HANDSHAKE_MAX)
		return "ProtocolError: the answer to the handshake is too large";
	buf_append(&session->answer, frame->handshake.p, frame->handshake.n);
	if (!annotations_problem(frame->body, ANNOTATIONS_OF_BIND))
		annotations_copy(frame->body, ANNOTATIONS_OF_BIND, &session->notes);
	*code = PYR_RESOURCE_EXHAUSTED;
	return session->answer.broken || session->notes.broken
		       ? "out of memory for the answer to the handshake"
		       : NULL;
}

void peer_on_bound(struct peer *peer, const struct frame *frame)
{
	struct session *session = numtab_get(&peer->made.sessions, frame->session);
	struct link_gift *gift = link_process_take(peer->link, frame->session);
	const char *wrong = NULL;
	int code = 0;

	if (!session || session->state != SESSION_SENT) {
		if (gift)
			gift->drop(gift);
		return; /* closed meanwhile */
	}
	atomic_store(&session->gift, gift);
	if (frame->code) /* each call in it gets its own Error */
		fail(session, frame->code <= PYR_UNAUTHENTICATED ? (int)frame->code : PYR_UNKNOWN,
		     frame->message);
	else if ((wrong = keep_answer(session, frame, &code))) {
		fail(session, code, span_of(wrong));
	} else if (session->relay || /* the other end of which compares */
		   frame->fingerprint == session->interface->table->fingerprint) {
		session->state = SESSION_EQUAL;
	} else {
		compare(session, frame);
	}
	tell_relay(session, frame);
	session_wake_binders(session);
}

const struct pyr__operation *session_operation(const struct codec_interface *interface,
					       unsigned operation)
{
	static const struct pyr__operation batches[] = {
		{ .name = FRAME_BATCH_NAME },
		{ .name = FRAME_BATCH_NAME, .flags = PYR__ONEWAY },
		{ .name = FRAME_BATCH_NAME, .flags = PYR__IDEMPOTENT },
		{ .name = FRAME_BATCH_NAME, .flags = PYR__ONEWAY | PYR__IDEMPOTENT },
	};

	if ((int)operation < 0)
		return &batches[SESSION_BATCH - (int)operation];
	return &interface->table->operations[operation];
}

/* Why a call cannot be sent because the other end's interface differs. Returns 0 if it can. */
int session_check_version(const struct session *session, unsigned operation, char *text, size_t n)
{
	const struct pyr__operation *table = session_operation(session->interface, operation);
	const struct remote_operation *op;
	const char *why, *dot = strrchr(table->name, '.');
	char mine[256];

	if (session->state != SESSION_DIFFERS || !session->operations ||
	    operation >= session->interface->table->n_operations)
		return 0;
	op = &session->operations[operation];
	if (op->is_known && op->may_be_called)
		return 0;
	if (!op->is_known) {
		snprintf(text, n, "no exposed operation or attribute '%s' on object '%s' at %s",
			 dot ? dot + 1 : table->name, session->object,
			 session->peer->link->address);
		return PYR_UNIMPLEMENTED;
	}
	codec_signature(table, mine, sizeof(mine));
	why = session->verdict ? session->verdict->operations[operation].why : NULL;
	snprintf(text, n, "%s: yours %s, theirs %.256s%s%s", dot ? dot + 1 : table->name, mine,
		 op->signature ? op->signature : "?", why ? ": " : "", why ? why : "");
	return PYR_FAILED_PRECONDITION;
}

/* None of the operations may be called. */
static bool is_of_no_use(const struct session *session, char *text, size_t n)
{
	const struct pyr__interface *table = session->interface->table;
	char why[1024];
	uint32_t i;

	if (session->state != SESSION_DIFFERS || table->n_operations == 0)
		return false;
	for (i = table->n_operations; i > 0; i--)
		if (!session_check_version(session, i - 1, why, sizeof(why)))
			return false;
	snprintf(text, n, "object '%s' at %s has another version of %s: %.256s", session->object,
		 session->peer->link->address, table->name, why);
	return true;
}
