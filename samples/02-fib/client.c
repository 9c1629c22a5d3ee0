/* SPDX-License-Identifier: MIT */
/*
 * Maps fib over four numbers in parallel. The workers are those whose URIs are given; without any,
 * four are started here, which end with this program, however it ends.
 */
#include "fib.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 4, URI_SIZE = 512 };
static const uint32_t numbers[N] = { 30, 35, 40, 45 };
static const char program[] = "sample-fib-worker";

/* In the child: becomes the worker program, which lies beside this one. */
static void become_worker(pid_t parent, int output)
{
	char path[4096] = "";
	char *slash = NULL;

	if (readlink("/proc/self/exe", path, sizeof(path) - sizeof(program)) > 0)
		slash = strrchr(path, '/');
	/* SIGTERM when the parent is gone, be it interrupted or killed; it may be gone already. */
	if (slash && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent &&
	    dup2(output, STDOUT_FILENO) >= 0) {
		strcpy(slash + 1, program);
		execl(path, program, (char *)NULL);
	}
	perror(program);
	_exit(1);
}

/* Reads the line that a worker prints once it listens. Returns false if there is none. */
static bool read_uri(int fd, char *uri)
{
	FILE *file = fdopen(fd, "r");
	bool is_read = file && fgets(uri, URI_SIZE, file);

	if (is_read)
		uri[strcspn(uri, "\n")] = '\0';
	if (file)
		fclose(file);
	return is_read;
}

static void end_worker(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* Returns the worker's pid, -1 if it did not start. */
static pid_t start_worker(char *uri)
{
	pid_t parent = getpid(), pid;
	int fds[2];

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		become_worker(parent, fds[1]);
	}
	close(fds[1]);
	if (!read_uri(fds[0], uri) && pid > 0) {
		end_worker(pid);
		return -1;
	}
	return pid;
}

static void print(const uint64_t *results)
{
	int i;

	for (i = 0; i < N; i++)
		printf("%s%" PRIu64, i ? ", " : "[", results[i]);
	puts("]");
}

/* All calls are on their way before the first result is waited for: that makes it parallel. */
static int map(int n_uris, char **uris)
{
	struct fib_Worker *workers[N];
	pyr_future *futures[N];
	uint64_t results[N];
	int i, status = 0;

	for (i = 0; i < N; i++) {
		workers[i] = fib_Worker_proxy(uris[i % n_uris]);
		futures[i] = fib_Worker_fib_start(workers[i], numbers[i]);
		if (!futures[i])
			status = pyr_perror("fib");
	}
	for (i = 0; i < N; i++)
		if (futures[i] && fib_Worker_fib_get(futures[i], &results[i]) < 0)
			status = pyr_perror("fib");
	if (status == 0)
		print(results);
	for (i = 0; i < N; i++)
		fib_Worker_free(workers[i]);
	return status;
}

/* Forks before the first use of Pyrite: a process that has used it can only fork to exec. */
static int map_with_own_workers(void)
{
	char texts[N][URI_SIZE], *uris[N];
	int n, status = 1;
	pid_t pids[N];

	for (n = 0; n < N; n++) {
		uris[n] = texts[n];
		pids[n] = start_worker(texts[n]);
		if (pids[n] < 0)
			break;
	}
	if (n == N)
		status = map(N, uris);
	while (n-- > 0)
		end_worker(pids[n]);
	return status;
}

int main(int argc, char **argv)
{
	return argc > 1 ? map(argc - 1, argv + 1) : map_with_own_workers();
}
