/* SPDX-License-Identifier: MIT */
/*
 * nng's request and reply sockets. A request of eight bytes is two numbers to add; any other comes
 * back as it is. Calls in flight have a context each.
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drive.h"

enum { WORKERS = 512 };

static void check(int err, const char *what)
{
	if (err)
		bench_fail("%s: %s", what, nng_strerror(err));
}

/* ---- server ---- */

struct worker {
	nng_ctx context;
	nng_aio *aio;
	bool is_sending;
};

static void add_numbers(nng_msg *message)
{
	int32_t numbers[2];

	if (nng_msg_len(message) != sizeof(numbers))
		return;
	memcpy(numbers, nng_msg_body(message), sizeof(numbers));
	numbers[0] += numbers[1];
	nng_msg_chop(message, sizeof(numbers[1]));
	memcpy(nng_msg_body(message), numbers, sizeof(numbers[0]));
}

static void work(void *data)
{
	struct worker *worker = data;
	nng_msg *message;

	if (nng_aio_result(worker->aio) && worker->is_sending) /* its client has gone */
		nng_msg_free(nng_aio_get_msg(worker->aio));
	else if (!worker->is_sending) {
		check(nng_aio_result(worker->aio), "receive");
		message = nng_aio_get_msg(worker->aio);
		add_numbers(message);
		nng_aio_set_msg(worker->aio, message);
		worker->is_sending = true;
		nng_ctx_send(worker->context, worker->aio);
		return;
	}
	worker->is_sending = false;
	nng_ctx_recv(worker->context, worker->aio);
}

static void serve(const struct bench_options *options)
{
	static struct worker workers[WORKERS];
	char url[300] = "tcp://127.0.0.1:0";
	nng_listener listener;
	nng_socket socket;
	int i, port;

	if (options->socket)
		snprintf(url, sizeof(url), "ipc://%s", options->socket);
	check(nng_rep0_open(&socket), "open");
	check(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0), "size");
	for (i = 0; i < WORKERS; i++) {
		check(nng_ctx_open(&workers[i].context, socket), "context");
		check(nng_aio_alloc(&workers[i].aio, work, &workers[i]), "aio");
		nng_ctx_recv(workers[i].context, workers[i].aio);
	}
	check(nng_listen(socket, url, &listener, 0), url);
	if (!options->socket) {
		check(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), "port");
		snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", port);
	}
	bench_print_address(url);
	for (;;)
		pause();
}

/* ---- client ---- */

static void *open_socket(const char *address)
{
	nng_socket *socket = malloc(sizeof(*socket));

	if (!socket)
		bench_fail("out of memory");
	check(nng_req0_open(socket), "open");
	check(nng_socket_set_size(*socket, NNG_OPT_RECVMAXSZ, 0), "size");
	check(nng_dial(*socket, address, NULL, 0), address);
	return socket;
}

static void close_socket(void *end)
{
	check(nng_close(*(nng_socket *)end), "close");
	free(end);
}

static nng_msg *message_of(const void *data, size_t n)
{
	nng_msg *ret;

	check(nng_msg_alloc(&ret, n), "message");
	memcpy(nng_msg_body(ret), data, n);
	return ret;
}

/* Reads an answer and frees it. */
static int32_t number_of(nng_msg *message)
{
	int32_t ret;

	if (nng_msg_len(message) != sizeof(ret))
		bench_fail("the answer is no number");
	memcpy(&ret, nng_msg_body(message), sizeof(ret));
	nng_msg_free(message);
	return ret;
}

/* Returns the answer; owned. */
static nng_msg *call(void *end, const void *data, size_t n)
{
	nng_msg *message = message_of(data, n);

	check(nng_sendmsg(*(nng_socket *)end, message, 0), "send");
	check(nng_recvmsg(*(nng_socket *)end, &message, 0), "receive");
	return message;
}

static int32_t add(void *end, struct bench_sum sum)
{
	return number_of(call(end, &sum, sizeof(sum)));
}

struct flying {
	nng_ctx context;
	nng_aio *aio;
};

/* A call keeps its context for the next one that is made in its place. */
static void start(void *end, struct bench_call *call)
{
	struct flying *flying = call->own;

	if (!flying) {
		call->own = flying = malloc(sizeof(*flying));
		if (!flying)
			bench_fail("out of memory");
		check(nng_ctx_open(&flying->context, *(nng_socket *)end), "context");
		check(nng_aio_alloc(&flying->aio, NULL, NULL), "aio");
	}
	nng_aio_set_msg(flying->aio, message_of(&call->sum, sizeof(call->sum)));
	nng_ctx_send(flying->context, flying->aio);
	nng_aio_wait(flying->aio);
	check(nng_aio_result(flying->aio), "send");
	nng_ctx_recv(flying->context, flying->aio);
}

static struct bench_call *finish(void *end, struct bench_call *oldest)
{
	struct flying *flying = oldest->own;

	(void)end;
	nng_aio_wait(flying->aio);
	check(nng_aio_result(flying->aio), "receive");
	oldest->answer = number_of(nng_aio_get_msg(flying->aio));
	return oldest;
}

static void echo(void *end, const uint8_t *data, size_t n)
{
	nng_msg *message = call(end, data, n);

	bench_check_bytes(data, n, nng_msg_body(message), nng_msg_len(message));
	nng_msg_free(message);
}

int main(int argc, char **argv)
{
	static const struct bench_peer peer = { .open = open_socket,
						.close = close_socket,
						.add = add,
						.start = start,
						.finish = finish,
						.echo = echo };

	return bench_either(argc, argv, &peer, serve);
}
