/* SPDX-License-Identifier: MIT */
/*
 * flow-server [threads]: a flow.Flow for raw peers. Prints its address; ends on a signal, printing
 * "stopped", or with its standard input.
 * flow-server guarded THREADS: the same with a hook, which wants "open" as the handshake. "wait"
 * and "wait, no" print "asked" and are accepted or refused when a byte has come on standard input.
 * Each call that ends with an error prints its operation and the status. flow-server read URI:
 * count() of an object elsewhere: a line for each item, then "end", a status and the message.
 * flow-server again URI: the same; when the link is lost once: "lost", and it connects anew.
 * on. flow-server write URI: writes to its sum() until that fails; then the same line.
 */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "flow_servant.h"

static int told(int err)
{
	printf("end %d %s\n", -err, err < 0 ? pyr_errmsg() : "");
	return 0;
}

/* Whether the stream may go on. Returns false if it has ended. */
static bool connects_again(struct flow_Flow *flow)
{
	const pyr_error *error = pyr_last_error();

	if (error->code != PYR_UNAVAILABLE || !error->may_have_run)
		return false;
	puts("lost");
	return pyr_proxy_reconnect(flow_Flow_as_proxy(flow), 50, 20) == 0;
}

static int read_all(const char *uri, bool again)
{
	struct flow_Flow *flow = flow_Flow_proxy(uri);
	pyr_stream *stream = NULL;
	int32_t item;
	int more = flow_Flow_count(flow, 0, 1000, &stream);
	bool tries;

	if (more == 0)
		do {
			while ((more = flow_Flow_count_next(stream, &item)) > 0)
				printf("%d\n", (int)item);
			tries = more < 0 && again;
			again = false;
		} while (tries && connects_again(flow));
	told(more);
	pyr_stream_free(stream);
	flow_Flow_free(flow);
	return 0;
}

static int write_all(const char *uri)
{
	struct flow_Flow *flow = flow_Flow_proxy(uri);
	pyr_stream *stream = NULL;
	int64_t i;
	int err = flow_Flow_sum(flow, 0, &stream);

	for (i = 1; err == 0; i++)
		err = flow_Flow_sum_write(stream, i);
	told(err);
	pyr_stream_free(stream);
	flow_Flow_free(flow);
	return 0;
}

static sem_t gate; /* a place for each byte that has come */

static bool says(const struct pyr_bytes *handshake, const char *text)
{
	return handshake->n == strlen(text) && memcmp(handshake->items, text, handshake->n) == 0;
}

static int on_connect(pyr_call *call, const struct pyr_bytes *handshake,
		      struct pyr_bytes *ret_answer, void *data)
{
	bool waits = says(handshake, "wait") || says(handshake, "wait, no");

	(void)ret_answer;
	(void)data;
	if (waits) {
		puts("asked");
		fflush(stdout);
		while (sem_wait(&gate) < 0)
			;
	}
	return says(handshake, "wait") || says(handshake, "open")
		       ? 0
		       : pyr_fail(call, PYR_UNAUTHENTICATED, "say open");
}

static void on_call_error(const pyr_call *call, const pyr_error *error, void *data)
{
	(void)data;
	printf("%s %d\n", pyr_call_operation(call), error->code);
	fflush(stdout);
}

static void *watch_input(void *data)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		sem_post(&gate);
	_exit(3);
	return data;
}

int main(int argc, char **argv)
{
	struct flow_variant variant = { .name = "server", .threads = 4 };
	static struct flow_place place;
	pthread_t watcher;

	if (argc == 3 && strcmp(argv[1], "read") == 0)
		return read_all(argv[2], false);
	if (argc == 3 && strcmp(argv[1], "again") == 0)
		return read_all(argv[2], true);
	if (argc == 3 && strcmp(argv[1], "guarded") == 0) {
		variant.on_connect = on_connect;
		variant.on_call_error = on_call_error;
	} else if (argc == 3) {
		return write_all(argv[2]);
	}
	if (argc > 1)
		variant.threads = (unsigned)strtoul(argv[argc - 1], NULL, 10);
	sem_init(&gate, 0, 0);
	if (!flow_make(&place, &variant))
		return pyr_perror("flow-server");
	printf("%s\n", pyr_daemon_address(place.daemon));
	fflush(stdout);
	if (engine_thread(&watcher, watch_input, NULL) != 0) /* which takes no signals */
		return 1;
	pthread_detach(watcher);
	if (pyr_daemon_run(place.daemon) < 0)
		return pyr_perror("flow-server");
	puts("stopped");
	flow_Flow_free(place.self);
	pyr_daemon_free(place.daemon);
	return 0;
}
