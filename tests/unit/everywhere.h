/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_EVERYWHERE_H
#define PYRITE_TEST_EVERYWHERE_H
/*
 * Runs a test's body against four daemons: a pool and a serial one, on TCP and on a unix socket.
 * The body finds the daemon's place in `place`, a proxy of its object in `work`, and how many
 * methods it runs at once in `n_method_threads`; all are another's with each run.
 */
#include "servant.h"

#include "test.h"

#include <stdio.h>

static struct place place;
static struct e2e_Work *work;
static int n_method_threads;

static inline void everywhere(void (*body)(void))
{
	char folder[] = "/tmp/pyrite-test-XXXXXX", path[64];
	struct pyr_daemon_options options;
	int i;

	REQUIRE(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/socket", folder);
	for (i = 0; i < 4; i++) {
		n_method_threads = i & 1 ? 1 : 4;
		options = (struct pyr_daemon_options){ .threads = (unsigned)n_method_threads };
		options.socket = i & 2 ? path : NULL;
		REQUIRE(place_open(&place, &options));
		work = e2e_Work_proxy(place.uri);
		REQUIRE(work != NULL);
		body();
		e2e_Work_free(work);
		CHECK_INT(place_close(&place), 0);
	}
	CHECK_INT(rmdir(folder), 0);
}

/* TEST whose body runs everywhere. */
#define EVERYWHERE(name)                                                                           \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		everywhere(name##_body);                                                           \
	}                                                                                          \
	static void name##_body(void)
#endif
