/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PUMP_H
#define PYRITE_PUMP_H
/*
 * HTTP/2 over TLS: core is given one end of a socket pair, and what it reads and writes there is
 * decrypted and encrypted on its way, in the leader. So connections with TLS come in by the same
 * door as others, with its limits, and their peers are known by their certificates. That costs two
 * more copies; what speaks frames has none of it.
 */
struct tls;

/* Takes both, the handshake done. Returns core's end, non-blocking; -1, both gone, when memory or
 * descriptors are out. Any thread. */
int pump_begin(int fd, struct tls *tls);
#endif
