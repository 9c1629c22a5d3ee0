/* SPDX-License-Identifier: MIT */
/*
 * counter-server THREADS PORT|SOCKET [shut]: a px.Counter in a process that a test kills. Prints
 * "ready", and "begun" once a run has begun, which goes on only if it is not shut. Ends with its
 * standard input, so that none is left behind.
 */
#include "counter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *watch_input(void *data)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	_exit(3);
	return data;
}

int main(int argc, char **argv)
{
	struct pyr_daemon_options options = { 0 };
	static struct counter counter;
	pthread_t watcher;

	if (argc < 3)
		return 2;
	options.threads = (unsigned)atoi(argv[1]);
	if (argv[2][0] == '/')
		options.socket = argv[2];
	else
		options.port = (uint16_t)atoi(argv[2]);
	if (pthread_create(&watcher, NULL, watch_input, NULL) != 0)
		return 2;
	if (!counter_open(&counter, &options))
		return pyr_perror("counter");
	counter_shut(&counter, argc > 3 && strcmp(argv[3], "shut") == 0);
	puts("ready");
	fflush(stdout);
	while (!counter_has_begun(&counter, 1))
		;
	puts("begun");
	fflush(stdout);
	pthread_join(watcher, NULL);
	return 0;
}
