/* SPDX-License-Identifier: MIT */
/*
 * e2e-server [option=value...]: a daemon with the objects "work" and "other" for tests from
 * outside. Prints its address; ends on pyr_daemon_stop() or a signal, printing "stopped", or with
 * its standard input, so that none is left behind. Options: threads, max_calls, max_message,
 * drain_ms, port, signals (1 yes, 2 no), keep (1: frees nothing at the end), guard (1: only those
 * whose handshake is "sesame" may come in, or "wait", when gate 15 is open).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "servant.h"

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static const struct e2e_Other_methods other_methods = { .add = add };

static int on_connect(pyr_call *call, const struct pyr_bytes *handshake,
		      struct pyr_bytes *ret_answer, void *data)
{
	static uint8_t welcome[] = "welcome";

	if (handshake->n == 4 && memcmp(handshake->items, "wait", 4) == 0)
		work_pass(data, call, 15);
	else if (handshake->n != 6 || memcmp(handshake->items, "sesame", 6) != 0)
		return pyr_fail(call, PYR_UNAUTHENTICATED, "say sesame");
	*ret_answer = (struct pyr_bytes){ 7, welcome };
	return 0;
}

static bool keeps; /* what it has made, until it ends */

static bool set(struct pyr_daemon_options *options, const char *text)
{
	const char *value = strchr(text, '=');
	unsigned number = value ? (unsigned)strtoul(value + 1, NULL, 10) : 0;
	size_t n = value ? (size_t)(value - text) : 0;

	if (n == 7 && memcmp(text, "threads", n) == 0)
		options->threads = number;
	else if (n == 9 && memcmp(text, "max_calls", n) == 0)
		options->max_calls = number;
	else if (n == 11 && memcmp(text, "max_message", n) == 0)
		options->max_message = number;
	else if (n == 8 && memcmp(text, "drain_ms", n) == 0)
		options->drain_ms = number;
	else if (n == 7 && memcmp(text, "signals", n) == 0)
		options->signals = (enum pyr_switch)number;
	else if (n == 4 && memcmp(text, "port", n) == 0)
		options->port = (uint16_t)number;
	else if (n == 4 && memcmp(text, "keep", n) == 0)
		keeps = number != 0;
	else if (n == 5 && memcmp(text, "guard", n) == 0)
		options->on_connect = number ? on_connect : NULL;
	else
		return false;
	return true;
}

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
	struct work work;
	pyr_daemon *daemon;
	pthread_t watcher;
	int i;

	for (i = 1; i < argc; i++)
		if (!set(&options, argv[i]))
			return 2;
	options.hook_data = &work;
	daemon = pyr_daemon_new(&options);
	work_init(&work, daemon);
	if (!e2e_Work_register(daemon, "work", &work_methods, &work) ||
	    !e2e_Other_register(daemon, "other", &other_methods, NULL))
		return pyr_perror("e2e-server");
	printf("%s\n", pyr_daemon_address(daemon));
	fflush(stdout);
	if (engine_thread(&watcher, watch_input, NULL) != 0) /* which takes no signals */
		return 1;
	pthread_detach(watcher);
	if (pyr_daemon_run(daemon) < 0)
		return pyr_perror("e2e-server");
	puts("stopped");
	if (keeps)
		return 0;
	pyr_daemon_free(daemon);
	work_fini(&work);
	return 0;
}
