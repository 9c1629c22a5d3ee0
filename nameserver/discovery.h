/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_DISCOVERY_H
#define PYRITE_NS_DISCOVERY_H
/*
 * Where the name server is, for whoever asks by a datagram: "GET_NSURI" to UDP port 9091 is
 * answered with the URI of "Pyro.NameServer", as Pyro's name server does. Nothing is proved: who
 * asks the network believes whoever answers. A thread of its own.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISCOVERY_PORT = 9091 };

struct discovery;

/*
 * address: where the name server listens, "127.0.0.1:9090". Of loopback, it answers on loopback
 * alone; else also to broadcasts. Returns: owned; NULL with the reason in text: the port is taken,
 * or the name server listens on IPv6 or on a unix socket, which has no broadcasts.
 */
struct discovery *discovery_start(const char *address, uint16_t port, char *text, size_t n);
/* NULL: nothing. */
void discovery_stop(struct discovery *discovery);
#endif
