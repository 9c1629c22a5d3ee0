/* SPDX-License-Identifier: MIT */
#ifndef TEST_TLS_PLACE_H
#define TEST_TLS_PLACE_H
/* Daemons and proxies with keys of a CA of the test's own. */
#include "hop.h"
#include "keys.h"

static const struct keys_like usual;
static struct keys keys;

static inline struct pyr_tls_options of(const char *folder)
{
	static char paths[16][256];
	static unsigned n;

	return keys_of(&keys, folder, paths[n++ % 16]);
}

static inline bool open_with(struct hop *hop, const struct pyr_tls_options *tls, unsigned threads)
{
	struct pyr_daemon_options options = { .threads = threads, .tls = tls };

	return hop_open(hop, &options);
}

static inline struct hops_Hop *proxy_with(const char *uri, const struct pyr_tls_options *tls,
					  enum pyr_lane lane)
{
	struct pyr_proxy_options options = { .own_link = true, .tls = tls, .lane = lane };

	return hops_Hop_proxy_with(uri, &options);
}

/* Calls, and checks the sum. Returns what the call did. */
static inline int add(struct hops_Hop *proxy)
{
	int32_t sum = 0;
	int code = hops_Hop_add(proxy, 1, 2, &sum);

	if (code == 0)
		CHECK_INT(sum, 3);
	return code;
}

static inline int try(const char *uri, const struct pyr_tls_options *tls, enum pyr_lane lane,
		      char *why)
{
	struct hops_Hop *proxy = proxy_with(uri, tls, lane);
	int code = add(proxy);

	if (why)
		snprintf(why, 512, "%s", code ? pyr_last_error()->message : "");
	hops_Hop_free(proxy);
	return code;
}
#endif
