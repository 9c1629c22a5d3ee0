/* SPDX-License-Identifier: MIT */
/* Sessions of this process with a pool of this process: their calls need no frames. */
#include "direct/direct.h"
#include "serve/peer_in.h"

enum { HELD = 2 }; /* by the peer's table, and by what is offered */

/* Nothing is to be seen of a call but itself, and nobody asks whether it may be. */
static bool may_offer(const struct peer *peer)
{
	const struct peer_host *host = peer->host;
	const struct object_hooks *hooks = &host->objects->hooks;

	return link_process_is(peer->link) && (peer->link->is_own || !host->rules) &&
	       !hooks->on_error && !hooks->on_connect && !hooks->on_disconnect &&
	       !hooks->on_answer && host->n_annotations == 0 && exec_threads(host->executor) > 1 &&
	       peer->limits.max_calls >= exec_threads(host->executor);
}

static void drop(void *session)
{
	taken_session_drop(session);
}

void peer_offer_direct(struct taken_session *session)
{
	struct peer *peer = session->peer;
	struct direct_offer offer = { .executor = peer->host->executor,
				      .object = session->object,
				      .session = session,
				      .drop = drop,
				      .n_users = &session->refs,
				      .n_idle = HELD,
				      .n_came = &session->n_came,
				      .may_trace = peer_may_trace(peer),
				      .number = session->number };

	if (!may_offer(peer) || session->object->life)
		return;
	offer.who = peer_who(session);
	atomic_fetch_add(&session->refs, 1);
	session->direct = direct_new(&offer);
	if (session->direct)
		link_process_give(peer->link, direct_gift(session->direct));
}

void peer_close_direct(struct taken_session *session, bool is_lost)
{
	struct direct *direct = session->direct;

	session->direct = NULL;
	if (direct)
		direct_close(direct, is_lost);
}
