/* SPDX-License-Identifier: MIT */
/*
 * What a newcomer may send to a door that wants TLS: a ClientHello and whatever follows, in pieces;
 * and what a server may send to a proxy. The first byte says which end it is, and how long the
 * pieces are. Certificates are made at the start.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "fuzz_tls.h"

#include <sys/socket.h>
#include <unistd.h>

enum { PIECES = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void step(struct tls *tls, bool *is_shaken)
{
	uint8_t bytes[256];
	size_t n;

	if (!*is_shaken && tls_handshake(tls) == TLS_DONE)
		*is_shaken = true;
	if (*is_shaken && tls_peek(tls, bytes, sizeof(bytes), &n) == TLS_DONE)
		(void)tls_read(tls, bytes, sizeof(bytes), &n);
	(void)tls_has_more(tls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_settings *settings;
	bool is_shaken = false;
	struct tls *tls;
	size_t piece;
	int fds[2];

	if (!settings)
		settings = fuzz_settings(PYR_YES);
	if (size == 0 || !settings || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		return 0;
	tls = data[0] & 1 ? tls_connect(settings, fds[0], "fuzz", "fuzz:1", TLS_ALPN_FRAMES)
			  : tls_accept(settings, fds[0]);
	piece = (size_t)1 << (data[0] >> 1) % 12;
	data++;
	size--;
	if (piece < size / PIECES) /* each costs a system call or three */
		piece = size / PIECES;
	for (; size > 0; data += piece, size -= piece) {
		if (piece > size)
			piece = size;
		if (send(fds[1], data, piece, MSG_NOSIGNAL) < 0)
			break;
		step(tls, &is_shaken);
	}
	shutdown(fds[1], SHUT_WR);
	step(tls, &is_shaken);
	if (is_shaken)
		abort(); /* nobody in here has the key */
	tls_free(tls);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
