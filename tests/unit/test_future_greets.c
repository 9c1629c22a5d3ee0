/* SPDX-License-Identifier: MIT */
/* Futures of patient proxies whose on_handshake is asked: their attempts wait for the other end. */
#define _GNU_SOURCE /* pipe2() */
#include "patient_places.h"

#include <unistd.h>

enum { SILENT_MS = 20000, SOON_MS = 5000 };

static int accept_all(const struct pyr_bytes *answer, char *why, size_t n, void *data)
{
	(void)answer;
	(void)why;
	(void)n;
	(void)data;
	return 0;
}

/* A future of a proxy whose next attempt has begun, and waits for a server that says nothing. */
static pyr_future *start_at_silent(int listener, const char *uri, struct px_Counter **ret, int *fd)
{
	struct pyr_proxy_options options = { .wait_ms = SILENT_MS,
					     .connect_timeout_ms = SILENT_MS,
					     .on_handshake = accept_all };
	struct px_Counter *proxy = px_Counter_proxy_with(uri, &options);
	pyr_future *future = px_Counter_bump_start(proxy);

	REQUIRE(future != NULL);
	see_futures_pause(proxy, 1);
	REQUIRE(listen(listener, 1) == 0);
	*fd = accept(listener, NULL, NULL);
	REQUIRE(*fd >= 0);
	*ret = proxy;
	return future;
}

IN_PLACES(a_server_that_does_not_answer_holds_up_no_other_future)
{
	struct px_Counter *silent, *proxy = patient(place.uri, SILENT_MS, 0);
	pyr_future *stuck, *future;
	int listener, fd;
	uint16_t port;
	char uri[64];

	listener = bound_socket(&port);
	snprintf(uri, sizeof(uri), "PYRO:counter@127.0.0.1:%u", port);
	stuck = start_at_silent(listener, uri, &silent, &fd);
	future = px_Counter_bump_start(proxy);
	REQUIRE(future != NULL);
	REQUIRE(place_opens());
	CHECK_INT(pyr_future_wait(future, SOON_MS), 0);
	CHECK(!pyr_future_is_ready(stuck));
	pyr_future_free(future);
	px_Counter_free(proxy);
	pyr_future_free(stuck);
	px_Counter_free(silent);
	close(fd);
	close(listener);
	CHECK_INT(counter_close(&counter), 0);
}

TESTS(future_greets, T(a_server_that_does_not_answer_holds_up_no_other_future))
