/* SPDX-License-Identifier: MIT */
/* The end of a session that was opened here, and of the calls in it. */
#include "outcall/outcall.h"

/* release: calls that run are cancelled. */
static void unbind(struct session *session, bool release, bool keep_streams)
{
	struct frame frame = { .type = FRAME_UNBIND };
	struct peer *peer = session->peer;

	peer_ref(peer);
	pthread_mutex_lock(&peer->lock);
	session->is_unbound = true;
	session->relay = NULL;
	session->is_released = release;
	if (release)
		session_cancel_calls(session, keep_streams);
	session_wake_blocked(session);
	session_wake_binders(session);
	if (session->state != SESSION_NEW &&
	    numtab_get(&peer->made.sessions, session->number) == session) {
		numtab_remove(&peer->made.sessions, session->number);
		frame.session = session->number;
		if (!peer->is_closed && !session_append(session, &frame, 0))
			peer_lose_frame(peer); /* the other end would keep the session */
	}
	peer_flush_unlock(peer);
	session_unref(session);
	peer_unref(peer);
}

void session_close(struct session *session, bool keep_streams)
{
	unbind(session, true, keep_streams);
}

void session_leave(struct session *session)
{
	unbind(session, false, false);
}
