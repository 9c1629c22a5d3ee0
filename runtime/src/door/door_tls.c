/* SPDX-License-Identifier: MIT */
#include "door/door_tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/audit.h"
#include "tls/tls.h"

enum { PEEK = 24 };

static void refresh(const struct door_options *options)
{
	struct audit_event event = { .action = "reload", .target = "certificates" };
	struct tls_problem problem = { 0 };

	if (!tls_settings_refresh(options->tls, &problem))
		return;
	event.decision = problem.code ? "failed" : "done";
	event.why = problem.text;
	audit_say(options->audit, &event);
}

bool door_tls_begin(struct door_link *link, const struct door_options *options)
{
	refresh(options);
	link->tls = tls_accept(options->tls, door_link_fd(link));
	return link->tls;
}

/* Returns UNDECIDED if more is to come. */
static enum door_protocol failed(struct door_link *link, enum tls_result result, const char **why)
{
	if (result == TLS_WANTS_IN || result == TLS_WANTS_OUT)
		return DOOR_UNDECIDED;
	*why = result == TLS_LOST    ? strerror(errno)
	       : result == TLS_ENDED ? "it closed the connection"
				     : tls_why(link->tls);
	if (!**why)
		*why = "it speaks no protocol of this daemon";
	return DOOR_OTHER;
}

static bool is_agreed(const char *alpn, enum door_protocol protocol)
{
	if (!alpn[0])
		return true; /* it asked for nothing */
	return strcmp(alpn, TLS_ALPN_FRAMES) == 0  ? protocol == DOOR_FRAMES
	       : strcmp(alpn, TLS_ALPN_HTTP2) == 0 ? protocol == DOOR_HTTP2
						   : protocol == DOOR_HTTP1;
}

enum door_protocol door_tls_look(struct door_link *link, const char **why)
{
	enum door_protocol protocol;
	enum tls_result result = TLS_DONE;
	uint8_t data[PEEK];
	size_t n;

	if (!link->is_shaken)
		result = tls_handshake(link->tls);
	if (result != TLS_DONE)
		return failed(link, result, why);
	link->is_shaken = true;
	snprintf(link->peer.identity, sizeof(link->peer.identity), "%s", tls_identity(link->tls));
	result = tls_peek(link->tls, data, sizeof(data), &n);
	if (result != TLS_DONE)
		return failed(link, result, why);
	protocol = door_classify(data, n);
	if (protocol != DOOR_UNDECIDED && !is_agreed(tls_alpn(link->tls), protocol)) {
		*why = "it does not speak the protocol it agreed on";
		return DOOR_OTHER;
	}
	return protocol;
}

void door_tls_refuse(struct door_link *link)
{
	/* fatal, unexpected_message: RFC 8446, 6 */
	static const uint8_t alert[] = { TLS_ALERT, 3, 3, 0, 2, 2, 10 };

	uint8_t said[4096];

	/* What is closed with something unread is reset, and the alert perhaps never read. */
	(void)!recv(door_link_fd(link), said, sizeof(said), MSG_DONTWAIT);
	(void)!send(door_link_fd(link), alert, sizeof(alert), MSG_NOSIGNAL | MSG_DONTWAIT);
}
