/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_NAMING_SERVER_H
#define PYRITE_TEST_NAMING_SERVER_H
/*
 * A pyrite-ns of a test's own, in memory, started at the first locate(); the_name_server_ends_well
 * is the last test. Define _GNU_SOURCE before (pipe2()).
 */
#include <pyrite/naming.h>

#include "run_ns.h"

static char ns_address[64];
static pid_t ns_pid;

static inline bool start_name_server(void)
{
	char any[] = "0";

	return run_ns(any, &ns_pid, ns_address);
}

static inline pyr_ns *locate(void)
{
	pyr_ns *ns;

	if (!ns_pid)
		REQUIRE(start_name_server());
	ns = pyr_ns_locate(ns_address);
	REQUIRE(ns != NULL);
	return ns;
}

/* The name server itself, by its interface. */
static inline struct pyrite_NameServer *name_server(void)
{
	char uri[128];

	snprintf(uri, sizeof(uri), "PYRO:Pyrite.NameServer@%s", ns_address);
	return pyrite_NameServer_proxy(uri);
}

/* Takes a name away without the secret of this process. */
static inline int steal(const char *name)
{
	struct pyrite_NameServer *proxy = name_server();
	struct pyrite_NameClaim none = { 0 };
	int status;

	status = pyrite_NameServer_remove(proxy, name, &none);
	pyrite_NameServer_free(proxy);
	return status;
}

TEST(the_name_server_ends_well)
{
	int status = -1;

	REQUIRE(ns_pid > 0 && kill(ns_pid, SIGTERM) == 0);
	REQUIRE(waitpid(ns_pid, &status, 0) == ns_pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#endif
