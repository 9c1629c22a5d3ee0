/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_LOST_LINKS_H
#define PYRITE_TEST_LOST_LINKS_H
/*
 * For D10, streams that survive the loss of their link: runs a test's body on pool and serial
 * daemons, over TCP and unix sockets, with a relay between proxy and daemon, which cuts the link.
 */
#include "flow_servant.h"
#include "relay.h"

#include "test.h"

#include <stdio.h>

enum { ITEMS = 10000 };

static struct flow_place place;
static struct relay relay;
static struct flow_Flow *flow;

static inline void check_fails(int err, int code, const char *part)
{
	CHECK_INT(err, -code);
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), part);
}

static inline struct flow_Flow *proxy_through(const char *address)
{
	char uri[256];

	snprintf(uri, sizeof(uri), "PYRO:flow@%s", address);
	return flow_Flow_proxy(uri);
}

static inline void open_all(const struct flow_variant *variant)
{
	REQUIRE(flow_open(&place, variant));
	REQUIRE(relay_open(&relay, pyr_daemon_address(place.daemon)));
	flow = proxy_through(relay.address);
	REQUIRE(flow != NULL);
}

static inline void close_all(void)
{
	flow_Flow_free(flow);
	CHECK_INT(flow_close(&place), 0);
	relay_close(&relay);
}

static inline void everywhere(void (*body)(void), uint32_t linger_ms)
{
	struct flow_variant variant;
	size_t i;

	for (i = 0; i < 4; i++) {
		variant = flow_variants[i];
		variant.stream_linger_ms = linger_ms;
		open_all(&variant);
		body();
		close_all();
	}
}

#define EVERYWHERE(name, linger_ms)                                                                \
	static void name##_here(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		everywhere(name##_here, linger_ms);                                                \
	}                                                                                          \
	static void name##_here(void)

static inline int reconnect(void)
{
	return pyr_proxy_reconnect(flow_Flow_as_proxy(flow), 50, 20);
}

/* The error of a stream whose link is gone and which goes on with another. */
static inline bool is_lost(int err)
{
	return err == -PYR_UNAVAILABLE && pyr_last_error()->may_have_run &&
	       strstr(pyr_errmsg(), "ConnectionClosed");
}

/* Two threads do so side by side: neither may take the other's session away. */
static inline int bind_again(void)
{
	int err, tries = 0;

	while ((err = pyr_proxy_bind(flow_Flow_as_proxy(flow))) < 0 && ++tries < 1000)
		;
	return err;
}
#endif
