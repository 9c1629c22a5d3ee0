/* SPDX-License-Identifier: MIT */
/* Programs that scenarios talk to. libtorture.so is not loaded there. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"

static void become(const char *const *command, const int pipes[2])
{
	unsetenv("LD_PRELOAD");
	unsetenv("TORTURE_SITES");
	dup2(pipes[1], 1);
	close(pipes[0]);
	execvp(command[0], (char *const *)command);
	_exit(127);
}

pid_t start_program(const char *const *command, char *line, size_t size)
{
	FILE *file;
	pid_t pid;
	int pipes[2];

	if (pipe(pipes) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0)
		become(command, pipes);
	close(pipes[1]);
	file = fdopen(pipes[0], "r");
	if (file && fgets(line, (int)size, file)) {
		fclose(file);
		return pid;
	}
	stop_program(pid);
	return -1;
}

pid_t start_server(char *uri, size_t size)
{
	const char *bin = getenv("PYRITE_BIN");
	char path[600];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/torture", bin ? bin : ".");
	pid = start_program((const char *[]){ path, "--serve", NULL }, uri, size);
	uri[strcspn(uri, "\n")] = '\0';
	return pid;
}

void stop_program(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}
