/* SPDX-License-Identifier: MIT */
/*
 * faults-crowd <uri> <clients> <calls> exit|kill: so many processes, a batch of them at a time,
 * with so many calls in flight each. All of a batch end at once, without a word to the server: by
 * _exit(), or killed with -9. Prints how many had their calls under way.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

enum { BATCH = 50, MINUTE = 60000 };

struct crowd {
	const char *uri;
	int n_calls;
	int ready[2], go[2]; /* pipes: a byte of each that is ready; closed when all may end */
};

/* In the child, which says that it is not ready, and why. */
static void give_up(const struct crowd *crowd)
{
	int code = pyr_perror("faults-crowd");

	(void)!write(crowd->ready[1], "x", 1);
	_exit(code);
}

/* In the child: half of the calls wait there for a timer, the rest keep or wait for a thread. */
static void call_and_end(const struct crowd *crowd)
{
	struct faults_Target *target = faults_Target_proxy(crowd->uri);
	struct faults_Target *other = faults_Target_proxy(crowd->uri);
	char byte;
	int i;

	close(crowd->go[1]);
	if (pyr_proxy_bind(faults_Target_as_proxy(target)) < 0)
		give_up(crowd);
	for (i = 0; i < crowd->n_calls; i++)
		if (!(i % 2 ? faults_Target_sleep_start(target, MINUTE)
			    : faults_Target_block_start(target, MINUTE)))
			give_up(crowd);
	/* A bind needs no method thread. Its answer says that what was sent before has arrived. */
	if (pyr_proxy_bind(faults_Target_as_proxy(other)) < 0)
		give_up(crowd);
	if (write(crowd->ready[1], "", 1) < 0)
		_exit(1);
	(void)!read(crowd->go[0], &byte, 1);
	_exit(0);
}

/* Returns how many of the batch were ready. */
static int run_batch(struct crowd *crowd, int n, bool kills)
{
	pid_t children[BATCH];
	int i, n_said = 0, n_ready = 0;
	char byte;

	if (pipe(crowd->ready) < 0 || pipe(crowd->go) < 0)
		return 0;
	for (i = 0; i < n; i++) {
		children[i] = fork();
		if (children[i] == 0)
			call_and_end(crowd);
	}
	close(crowd->ready[1]);
	close(crowd->go[0]);
	for (; n_said < n && read(crowd->ready[0], &byte, 1) == 1; n_said++)
		n_ready += byte == 0;
	for (i = 0; i < n && kills; i++)
		if (children[i] > 0)
			kill(children[i], SIGKILL);
	close(crowd->go[1]);
	close(crowd->ready[0]);
	for (i = 0; i < n; i++)
		if (children[i] > 0)
			waitpid(children[i], NULL, 0);
	return n_ready;
}

int main(int argc, char **argv)
{
	struct crowd crowd = { 0 };
	int left, n, n_ready = 0;

	if (argc != 5)
		return 2;
	crowd.uri = argv[1];
	crowd.n_calls = atoi(argv[3]);
	for (left = atoi(argv[2]); left > 0; left -= n) {
		n = left < BATCH ? left : BATCH;
		n_ready += run_batch(&crowd, n, strcmp(argv[4], "kill") == 0);
	}
	printf("ready %d\n", n_ready);
	return 0;
}
