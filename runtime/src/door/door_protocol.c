/* SPDX-License-Identifier: MIT */
/* Which protocol a newcomer speaks, from its first bytes. */
#include <string.h>

#include "door/door.h"
#include "wire/frame.h"

#define BEGINS(text, protocol)                                                                     \
	{                                                                                          \
		text, sizeof(text) - 1, protocol                                                   \
	}

static const struct {
	const char *bytes;
	size_t n;
	enum door_protocol protocol;
} beginnings[] = {
	/* The whole preface, so that a peer who stalls inside it is the door's trouble and not
	   core's. */
	BEGINS("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", DOOR_HTTP2),
	BEGINS(FRAME_PREFACE, DOOR_FRAMES),
	BEGINS("PYRO", DOOR_PYRO),
	BEGINS("\x16\x03", DOOR_TLS),
	BEGINS("GET ", DOOR_HTTP1),
	BEGINS("HEAD ", DOOR_HTTP1),
	BEGINS("POST ", DOOR_HTTP1),
	BEGINS("PUT ", DOOR_HTTP1),
	BEGINS("PATCH ", DOOR_HTTP1),
	BEGINS("DELETE ", DOOR_HTTP1),
	BEGINS("OPTIONS ", DOOR_HTTP1),
	BEGINS("CONNECT ", DOOR_HTTP1),
	BEGINS("TRACE ", DOOR_HTTP1),
};

enum door_protocol door_classify(const uint8_t *data, size_t n)
{
	enum door_protocol protocol = DOOR_OTHER;
	size_t i;

	for (i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		size_t common = n < beginnings[i].n ? n : beginnings[i].n;

		if (memcmp(data, beginnings[i].bytes, common) != 0)
			continue;
		if (common == beginnings[i].n)
			return beginnings[i].protocol;
		protocol = DOOR_UNDECIDED;
	}
	return protocol;
}

const char *door_protocol_name(enum door_protocol protocol)
{
	static const char *const names[] = {
		[DOOR_UNDECIDED] = "a protocol that is not known yet",
		[DOOR_HTTP2] = "HTTP/2",
		[DOOR_FRAMES] = "frames",
		[DOOR_HTTP1] = "HTTP/1",
		[DOOR_TLS] = "TLS",
		[DOOR_PYRO] = "Pyro's own protocol",
		[DOOR_OTHER] = "an unknown protocol",
	};

	return (unsigned)protocol <= DOOR_OTHER ? names[protocol] : "?";
}
