/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_SHAKE_H
#define PYRITE_LINK_SHAKE_H
/* A client's TLS handshake, and what its failure means to a link. */
#include "link/link.h"
#include "tls/tls.h"

/* How a link ended, with the text in it. */
struct link_failure {
	struct link_end end; /* its text is `text` */
	char text[512];
};

/* Nothing was told to the server yet. */
void link_fail(struct link_failure *ret, const char *address, int code, const char *why);

/* One step. alpn: what was offered, of which `speaks` is the name for people. Returns true once
 * that is agreed on. Else *events is what to wait for (EPOLLIN or EPOLLOUT), or 0: *ret says why
 * not. */
bool link_shake(struct tls *tls, const char *alpn, const char *speaks, const char *address,
		uint32_t *events, struct link_failure *ret);
#endif
