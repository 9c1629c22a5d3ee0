/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_TWO_SERVERS_H
#define PYRITE_TEST_TWO_SERVERS_H
/*
 * Two name servers in memory, of which each knows names of its own, so that an answer tells which
 * one was asked. Define _GNU_SOURCE before (pipe2()).
 */
#include <pyrite/pyrite.h>

#include "engine/engine.h"
#include "naming/naming_health.h"
#include "port.h"
#include "run_ns.h"

enum { SOON_MS = 1000, WAIT_MS = 15000, PAUSE_MS = 10, PING_MS = 20, KNOWN_MS = 350 };

struct server {
	pid_t pid; /* 0: it does not run */
	uint16_t port;
	char address[64];
};

/* The two of them, and a list of both: a is preferred. */
static struct server a, b;
static char both[160];

static inline int64_t now_ms(void)
{
	return engine_now() / ENGINE_MS;
}

/* Runs a name server, on its port if it had one, and waits until it says that it is there. */
static inline void run(struct server *server)
{
	char port[8];

	if (!server->port)
		server->port = port_of_ours();
	snprintf(port, sizeof(port), "%u", server->port);
	REQUIRE(run_ns(port, &server->pid, server->address));
}

static inline void end(struct server *server, int signal)
{
	int status;

	if (!server->pid)
		return;
	/* In this order: a SIGCONT takes back the SIGSTOP with which LeakSanitizer looks at a
	 * process that ends, and then waits for ever. */
	kill(server->pid, SIGCONT);
	kill(server->pid, signal);
	REQUIRE(waitpid(server->pid, &status, 0) == server->pid);
	server->pid = 0;
}

/* A handle of that one alone: it is there, but a connection that was begun before may fail. */
static inline pyr_ns *at(const char *address)
{
	struct pyr_ns_locate_options patient = { .wait_ms = WAIT_MS };
	pyr_ns *ns = pyr_ns_locate_with(address, &patient);

	REQUIRE(ns != NULL);
	return ns;
}

/* Says at the server itself that the name leads to it. */
static inline void mark(const struct server *server, const char *name)
{
	pyr_ns *ns = at(server->address);
	char uri[128];

	snprintf(uri, sizeof(uri), "PYRO:of.%s@h:1", server == &a ? "a" : "b");
	REQUIRE(pyr_ns_register(ns, name, uri) == 0);
	pyr_ns_free(ns);
}

/* Whose answer a look-up gets: 'a' or 'b', '-' if none. *ret_ms: how long it took. */
static inline char asked(pyr_ns *ns, int64_t *ret_ms)
{
	int64_t begin_ms = now_ms();
	char *uri = NULL, who = '-';

	if (pyr_ns_lookup(ns, "who", &uri) == 0)
		who = uri[strlen("PYRO:of.")];
	pyr_free(uri);
	if (ret_ms)
		*ret_ms = now_ms() - begin_ms;
	return who;
}

/* Asks until that one answers; each look-up is answered, and none waits. */
static inline bool comes_back(pyr_ns *ns, char who)
{
	int64_t until = now_ms() + WAIT_MS, ms = 0;
	char answer;

	while ((answer = asked(ns, &ms)) != who && now_ms() < until) {
		CHECK(answer != '-');
		CHECK(ms < SOON_MS);
		CHECK_INT(pyr_sleep(PAUSE_MS), 0);
	}
	return answer == who;
}

/* Waits until it is known of the server whether it is up. */
static inline bool is_known_to_be(const struct server *server, bool up)
{
	int64_t until = now_ms() + WAIT_MS;

	while (health_is_up(server->address) != up && now_ms() < until)
		CHECK_INT(pyr_sleep(PAUSE_MS), 0);
	return health_is_up(server->address) == up;
}

/* Both run, each has the name "who", which leads to itself, and both are known to be up. */
static inline pyr_ns *begin(void)
{
	pyr_ns *ns;

	setenv("PYRITE_LEASE_TTL_MS", "2000", 1); /* before settings are read */
	health_set_pause(PING_MS);
	if (!a.pid)
		run(&a);
	if (!b.pid)
		run(&b);
	snprintf(both, sizeof(both), "%s,%s", a.address, b.address);
	mark(&a, "who");
	mark(&b, "who");
	health_hurry(a.address);
	health_hurry(b.address);
	ns = pyr_ns_locate(both);
	REQUIRE(ns != NULL && comes_back(ns, 'a'));
	REQUIRE(is_known_to_be(&b, true));
	return ns;
}

TEST(the_name_servers_end_well)
{
	end(&a, SIGTERM);
	end(&b, SIGTERM);
}

#endif
