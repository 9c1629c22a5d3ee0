/* SPDX-License-Identifier: MIT */
#include "link/link_shake.h"

#include <pyrite/pyrite.h>

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

void link_fail(struct link_failure *ret, const char *address, int code, const char *why)
{
	bool is_refusal = code == PYR_UNAUTHENTICATED;

	ret->end = (struct link_end){ .code = code, .is_refusal = is_refusal, .text = ret->text };
	if (code == PYR_UNAVAILABLE)
		snprintf(ret->text, sizeof(ret->text), "%s", why);
	else
		snprintf(ret->text, sizeof(ret->text), "%s%s: %s",
			 is_refusal ? "SecurityError: " : "", address, why);
}

/* It may speak something else, for all that we know. */
static void fail_as_other(struct link_failure *ret, const char *address, const char *speaks)
{
	char why[64];

	snprintf(why, sizeof(why), "does not speak %s", speaks);
	link_fail(ret, address, PYR_FAILED_PRECONDITION, why);
	ret->end.is_other = true;
}

bool link_shake(struct tls *tls, const char *alpn, const char *speaks, const char *address,
		uint32_t *events, struct link_failure *ret)
{
	enum tls_result result = tls_handshake(tls);

	*events = 0;
	if (result == TLS_WANTS_IN || result == TLS_WANTS_OUT)
		*events = result == TLS_WANTS_IN ? EPOLLIN : EPOLLOUT;
	else if (result == TLS_LOST || result == TLS_ENDED)
		link_fail(ret, address, PYR_UNAVAILABLE,
			  "the connection ended before TLS was agreed on: does it speak TLS?");
	else if (result != TLS_DONE && tls_why(tls)[0])
		link_fail(ret, address, PYR_UNAUTHENTICATED, tls_why(tls));
	else if (result != TLS_DONE || strcmp(tls_alpn(tls), alpn) != 0)
		fail_as_other(ret, address, speaks);
	else
		return true;
	return false;
}
