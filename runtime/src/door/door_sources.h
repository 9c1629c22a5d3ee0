/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DOOR_SOURCES_H
#define PYRITE_DOOR_SOURCES_H
/*
 * How many handshakes of TLS each source has begun and not brought to a good end: 64 at once, and
 * one more every 50 ms. One that ends well costs nothing. So what somebody without a certificate
 * can make a door compute is bounded, and others do not wait behind it. Not locked.
 */
#include <stdbool.h>
#include <stdint.h>

enum {
	DOOR_SOURCE_MS = 50,    /* what one that did not end well costs */
	DOOR_SOURCE_BURST = 64, /* that many are free */
	DOOR_SOURCES = 256,     /* that are told apart at a time; a multiple of 8 */
};

/* An IPv4 address, or the first half of an IPv6 one, which is what one host may have all of. */
struct door_source {
	bool is_network; /* else a unix socket: the system tells who that is, and nobody is held */
	uint8_t address[16];
};

struct door_sources {
	struct {
		struct door_source source;
		int64_t until_ms; /* when it owes nothing any more */
	} known[DOOR_SOURCES];
};

struct door_source door_source_of(const char *address); /* as a peer's */
/* Whether it may begin one now. */
bool door_sources_begin(struct door_sources *sources, const struct door_source *source,
			int64_t now_ms);
/* One that it began has ended well. */
void door_sources_done(struct door_sources *sources, const struct door_source *source);
#endif
