/* SPDX-License-Identifier: MIT */
/* How the model proves a shared key, to a daemon that wants one proved; and how it does not. */
#include <string.h>

#include "fuzz_caller.h"
#include "key/key.h"

struct key_ring *caller_key_ring(void)
{
	static const char text[] = FUZZ_KEY;
	struct key_problem problem;
	struct key_ring *ring = key_ring_parse(text, sizeof(text) - 1, "the model's key", &problem);

	if (!ring)
		fuzz_finding("%s", problem.text);
	return ring;
}

void caller_key_ask(struct caller_world *w, struct caller_link *l, struct frame *hello)
{
	unsigned how = chance_below(w->chance, 60), i;

	for (i = 0; i < KEY_NONCE; i++)
		l->nonce[i] = how == 0 ? 0 : (uint8_t)chance_next(w->chance);
	hello->token = (struct span){ l->nonce, how == 1 ? 31 : how == 2 ? 0 : KEY_NONCE };
	hello->handshake = key_ring_id(w->ring, 0);
	hello->handshake.n = how == 3 ? 7 : KEY_ID;
	caller_put(w, l, hello);
	if (how <= 3)
		caller_doom(w, l, "a Hello that proves nothing");
}

void caller_key_on_hello(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	if (!w->ring || l->may_be_doomed)
		return;
	if (frame->token.n != KEY_NONCE || frame->handshake.n != KEY_ID)
		fuzz_finding("%c: a Hello without a nonce or a key", l->name);
	memcpy(l->theirs, frame->token.p, KEY_NONCE);
}

/* What is not the proof that has to come next. */
static void put_wrong(struct caller_world *w, struct caller_link *l, struct frame *auth)
{
	static uint8_t wrong[KEY_PROOF];
	struct frame early = { .type = FRAME_BIND, .session = 1, .object = span_of("a") };
	unsigned how = chance_below(w->chance, 4);

	memcpy(wrong, auth->token.p, KEY_PROOF);
	wrong[chance_below(w->chance, KEY_PROOF)] ^= 1u << chance_below(w->chance, 8);
	auth->token.p = wrong;
	if (how == 0)
		auth->token.n = chance_below(w->chance, KEY_PROOF);
	caller_put(w, l, how == 1 ? &early : auth);
	caller_doom(w, l, "no proof of the key");
}

void caller_key_on_auth(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	struct key_facts facts = { .client = l->nonce,
				   .server = l->theirs,
				   .versions = { 1, 1, FRAME_VERSION_MIN, FRAME_VERSION_MAX } };
	struct frame auth = { .type = FRAME_AUTH };
	uint8_t proof[KEY_PROOF];

	fuzz_say("%u %c:     Auth", w->step, l->name);
	if (l->may_be_doomed)
		return;
	if (!w->ring || l->said_hello || !l->heard_hello)
		fuzz_finding("%c: an unexpected Auth", l->name);
	if (!key_is_proved(w->ring, 0, KEY_SERVER, &facts, frame->token))
		fuzz_finding("%c: the daemon's proof is wrong", l->name);
	if (!key_prove(w->ring, 0, KEY_CLIENT, &facts, proof))
		fuzz_finding("no HMAC");
	auth.token = (struct span){ proof, sizeof(proof) };
	l->said_hello = true; /* from now on it says what it likes */
	if (chance_one_in(w->chance, 15))
		put_wrong(w, l, &auth);
	else
		caller_put(w, l, &auth);
}
