/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_NAMING_SERVER_H
#define PYRITE_TEST_NAMING_SERVER_H
/*
 * A pyrite-ns of a test's own, in memory, started at the first locate(); the_name_server_ends_well
 * is the last test. Define _GNU_SOURCE before (pipe2()).
 */
#include <fcntl.h>
#include <pyrite/naming.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "test.h"

extern char **environ;

static char ns_address[64];
static pid_t ns_pid;

/* "127.0.0.1:port" from the first line that it prints. */
static inline bool read_address(int fd)
{
	char line[200];
	FILE *file = fdopen(fd, "r");
	bool got = file && fgets(line, sizeof(line), file) &&
		   sscanf(line, "NS running on %63s", ns_address) == 1;

	if (file)
		fclose(file);
	else
		close(fd);
	return got;
}

static inline bool start_name_server(void)
{
	const char *bin = getenv("PYRITE_BIN");
	char path[1024];
	char *argv[] = { path, "--port", "0", "--storage", "memory", NULL };
	posix_spawn_file_actions_t actions;
	int pipes[2], status;

	snprintf(path, sizeof(path), "%s/pyrite-ns", bin ? bin : "bin");
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	status = posix_spawn(&ns_pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	return read_address(pipes[0]) && status == 0;
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
