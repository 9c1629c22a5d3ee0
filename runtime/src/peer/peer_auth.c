/* SPDX-License-Identifier: MIT */
/*
 * Ends that have a shared key prove it before anything else is said:
 *
 *     connecting end                    accepting end
 *     Hello (nonce, its keys)    ->
 *                                <-     Hello (nonce, the key), Auth
 *     Auth, Bind, Call ...       ->
 *
 * Until then all that the peer queues stays where it is, and what is said here is in a buffer of
 * its own. So nothing that a program says leaves before the other end has proved the key; without
 * one nothing of this is there. The first thing that is wrong ends the link. In the leader, but for
 * the beginning, and with the peer's lock.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/random.h"
#include "key/key.h"
#include "peer/peer.h"

enum { PROVE_MS = 10000 }; /* as long as a handshake of TLS may take */

struct peer_auth {
	struct key_ring *ring;
	uint8_t own[KEY_NONCE];
	struct buf out; /* what may be sent */
	bool is_local;
	bool has_hello; /* the other end's Hello came, and says: */
	struct key_facts facts;
	uint8_t theirs[KEY_NONCE];
	int key;
	struct frame hello; /* what of it is told once the key is proved */
};

/* ---- what is held back, and what is not ---- */

void peer_auth_free(struct peer_auth *auth)
{
	if (!auth)
		return;
	key_ring_unref(auth->ring);
	buf_free(&auth->out);
	free(auth);
}

void peer_auth_queue(struct peer *peer, const struct frame *frame)
{
	struct buf *out = &peer->auth->out;
	size_t before = out->n;

	if (!frame_append(out, frame))
		peer_lose_frame(peer);
	atomic_fetch_add(&peer->out.backlog, out->n - before);
}

void peer_auth_take(struct peer *peer)
{
	struct buf *out = &peer->auth->out;

	buf_append(&peer->out.wire.buf, out->data, out->n);
	buf_reset(out);
}

void peer_auth_end(struct peer *peer, bool goes)
{
	struct peer_auth *auth = peer->auth;
	struct buf *urgent = &peer->out.urgent, swap;
	size_t n_held = urgent->n - peer->out.urgent_at;

	if (goes)
		buf_append(&auth->out, urgent->data + peer->out.urgent_at, n_held);
	else
		atomic_fetch_sub(&peer->out.backlog, n_held);
	swap = *urgent;
	*urgent = auth->out;
	auth->out = swap;
	peer->out.urgent_at = 0;
	if (peer->out.n_control > urgent->n)
		peer->out.n_control = urgent->n;
	peer->auth = NULL;
	peer_auth_free(auth);
}

/* ---- the beginning ---- */

static struct span own_nonce(const struct peer_auth *auth)
{
	return (struct span){ auth->own, KEY_NONCE };
}

bool peer_auth_begin(struct peer *peer, bool is_local)
{
	struct peer_auth *auth = calloc(1, sizeof(*auth));
	uint8_t ids[KEYS_MAX * KEY_ID];

	peer->auth = auth;
	if (!auth || !random_bytes(auth->own, KEY_NONCE))
		return false;
	auth->ring = key_settings_ring(peer->shared.keys);
	auth->is_local = is_local;
	if (peer->side == PEER_CONNECTED)
		peer_say_hello(peer, is_local, own_nonce(auth),
			       (struct span){ ids, key_ring_ids(auth->ring, ids) });
	else /* its own waits for what the other end says */
		(void)engine_timer_set(&peer->linger, engine_now() + PROVE_MS * (int64_t)ENGINE_MS);
	return true;
}

bool peer_auth_has_hello(const struct peer *peer)
{
	return peer->auth->has_hello;
}

/* ---- the end ---- */

static void tell(struct peer *peer, const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), "link with %s: refused: %s", peer->link->address, what);
	peer_audit(peer, "connect", what);
	key_settings_refused(peer->shared.keys, text);
}

/* After that there is no peer->auth. */
void peer_auth_refuse(struct peer *peer, const char *theirs, const char *own)
{
	bool is_server = peer->side == PEER_ACCEPTED;
	char there[256], here[256];

	snprintf(there, sizeof(there), "SecurityError: %.100s%s%s",
		 is_server ? peer->host->address : "", is_server ? ": " : "", theirs);
	snprintf(here, sizeof(here), "SecurityError: %.100s: %s", peer->link->address, own);
	tell(peer, own);
	peer_end_with_goaway(peer, PYR_UNAUTHENTICATED, there, here);
}

void peer_auth_late(struct peer *peer)
{
	static const char why[] = "it did not prove a shared key in time";

	tell(peer, why);
	link_close(peer->link, PYR_UNAUTHENTICATED, why);
}

/* ---- what comes ---- */

/* Zeros come of who has forgotten to fill it in; its own, of who sends it back. Returns what is
 * wrong with it, or NULL. */
static const char *nonce_problem(const struct peer_auth *auth, struct span nonce)
{
	static const uint8_t zeros[KEY_NONCE];

	if (nonce.n != KEY_NONCE)
		return "a nonce has 32 bytes";
	if (memcmp(nonce.p, zeros, KEY_NONCE) == 0)
		return "a nonce is random, not zero";
	return memcmp(nonce.p, auth->own, KEY_NONCE) == 0 ? "this nonce is the other end's" : NULL;
}

/* Who has no key may have proved more: a certificate. */
static bool has_certificate(const struct peer *peer)
{
	return peer->side == PEER_ACCEPTED && peer->link->identity && peer->link->identity[0];
}

static void refuse_without_key(struct peer *peer)
{
	if (peer->side == PEER_ACCEPTED)
		peer_auth_refuse(peer,
				 "it requires a shared key: set PYRITE_SHARED_KEY_FILE, or the "
				 "proxy's option key",
				 "it does not prove a shared key");
	else
		peer_auth_refuse(peer, "the other end requires a shared key, and this end has none",
				 "it does not prove a shared key, which this end requires: set its "
				 "PYRITE_SHARED_KEY_FILE, or the daemon's option key");
}

static void refuse_unknown_key(struct peer *peer)
{
	peer_auth_refuse(peer, "the shared key is different here",
			 "this end does not have its shared key");
}

/* Both nonces and the key are known. Returns false after the refusal. */
static bool gather(struct peer *peer, const struct frame *frame)
{
	struct peer_auth *auth = peer->auth;
	bool is_server = peer->side == PEER_ACCEPTED;
	const uint32_t *v = (const uint32_t[]){ frame->min_version, frame->max_version };
	enum link_bond bond = link_bond(peer->link, auth->facts.bond);
	const char *wrong = nonce_problem(auth, frame->token);

	if (bond == LINK_UNBOUND)
		wrong = "gRPC's TLS cannot be bound to a shared key: use PYR_LANE_SOCKET";
	auth->key = key_ring_find(auth->ring, frame->handshake);
	if (wrong) {
		peer_auth_refuse(peer, wrong, wrong);
		return false;
	}
	if (auth->key < 0) {
		refuse_unknown_key(peer);
		return false;
	}
	memcpy(auth->theirs, frame->token.p, KEY_NONCE);
	auth->facts.client = is_server ? auth->theirs : auth->own;
	auth->facts.server = is_server ? auth->own : auth->theirs;
	memcpy(auth->facts.versions + (is_server ? 0 : 2), v, 2 * sizeof(*v));
	auth->facts.versions[is_server ? 2 : 0] = FRAME_VERSION_MIN;
	auth->facts.versions[is_server ? 3 : 1] = FRAME_VERSION_MAX;
	auth->facts.is_bound = bond == LINK_BOUND;
	auth->hello = (struct frame){ .type = FRAME_HELLO };
	auth->hello.max_calls = frame->max_calls;
	auth->hello.window = frame->window;
	auth->hello.stream_linger_ms = frame->stream_linger_ms;
	auth->has_hello = true;
	return true;
}

/* Queues this end's proof. */
static void prove(struct peer *peer)
{
	struct peer_auth *auth = peer->auth;
	enum key_role role = peer->side == PEER_ACCEPTED ? KEY_SERVER : KEY_CLIENT;
	struct frame frame = { .type = FRAME_AUTH };
	uint8_t proof[KEY_PROOF];

	if (!key_prove(auth->ring, auth->key, role, &auth->facts, proof))
		memset(proof, 0, sizeof(proof)); /* which nobody believes */
	frame.token = (struct span){ proof, sizeof(proof) };
	peer_auth_queue(peer, &frame);
}

void peer_auth_on_hello(struct peer *peer, const struct frame *frame)
{
	struct peer_auth *auth = peer->auth;
	bool is_server = peer->side == PEER_ACCEPTED;

	if (frame->token.n == 0 && has_certificate(peer)) {
		peer_say_hello(peer, auth->is_local, (struct span){ 0 }, (struct span){ 0 });
		peer_auth_end(peer, true);
		peer_greeted(peer, frame);
		return;
	}
	if (frame->token.n == 0) {
		refuse_without_key(peer);
		return;
	}
	if (!gather(peer, frame) || !is_server)
		return;
	peer_say_hello(peer, auth->is_local, own_nonce(auth), key_ring_id(auth->ring, auth->key));
	prove(peer);
}

/* The certificate of who has one says more than a key that many have. */
static bool identify(struct peer *peer)
{
	const char *identity = key_ring_identity(peer->auth->ring, peer->auth->key);

	if (peer->link->identity && peer->link->identity[0])
		return true;
	return link_identify(peer->link, identity);
}

void peer_on_auth(struct peer *peer, const struct frame *frame)
{
	struct peer_auth *auth = peer->auth;
	enum key_role theirs = peer->side == PEER_ACCEPTED ? KEY_CLIENT : KEY_SERVER;
	struct frame hello;

	if (!auth) {
		peer_protocol_error(peer, "an unexpected Auth");
		return;
	}
	if (!key_is_proved(auth->ring, auth->key, theirs, &auth->facts, frame->token)) {
		peer_auth_refuse(peer, "the proof of the shared key is wrong",
				 "its proof of the shared key is wrong");
		return;
	}
	if (!identify(peer)) {
		peer_lose_frame(peer);
		return;
	}
	if (peer->side == PEER_CONNECTED)
		prove(peer);
	hello = auth->hello;
	peer_auth_end(peer, true);
	peer_greeted(peer, &hello);
}
