/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_RUN_NS_H
#define PYRITE_TEST_RUN_NS_H
/* Processes of pyrite-ns, in memory. Define _GNU_SOURCE before (pipe2()). */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "test.h"

extern char **environ;

/* "127.0.0.1:port" from the first line that it prints. */
static inline bool read_address(int fd, char ret[64])
{
	char line[200];
	FILE *file = fdopen(fd, "r");
	bool got = file && fgets(line, sizeof(line), file) &&
		   sscanf(line, "NS running on %63s", ret) == 1;

	if (file)
		fclose(file);
	else
		close(fd);
	return got;
}

/* Runs one on that port, "0": any, and waits until it says where it is. Returns false if it does
 * not; then there is none. */
static inline bool run_ns(char *port, pid_t *ret, char ret_address[64])
{
	const char *bin = getenv("PYRITE_BIN");
	char path[1024];
	char *argv[] = { path, "--port", port, "--storage", "memory", NULL };
	posix_spawn_file_actions_t actions;
	int pipes[2], status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/pyrite-ns", bin ? bin : "bin");
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	status = posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	if (read_address(pipes[0], ret_address) && status == 0) {
		*ret = pid;
		return true;
	}
	if (status == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return false;
}
#endif
