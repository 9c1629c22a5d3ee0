/* SPDX-License-Identifier: MIT */
/*
 * The yardsticks' server: bench-core-server [--socket PATH] [--lean]. One thread, one completion
 * queue. It prints its address and serves until SIGTERM.
 */
#include "core.h"

#include <grpc/grpc_security.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNARIES = 256, STREAMS = 3 }; /* calls asked for at a time */

struct server {
	grpc_server *core;
	grpc_completion_queue *queue;
	void *unary, *echo, *duplex, *late; /* core's names of the methods */
	pthread_t stopper;
	bool is_stopping;
};

struct taken;

/* A tag: what to do, for which call. */
struct step {
	void (*done)(struct taken *taken, bool ok);
	struct taken *taken;
};

/* A call, from being asked for to its end; then it is asked for anew. */
struct taken {
	struct server *server;
	void *method;
	grpc_call *call;
	gpr_timespec deadline;
	grpc_metadata_array metadata;
	grpc_byte_buffer *request, *answer, *next; /* next: waits until answer has been sent */
	struct step asked, received, sent, closed, ended;
	unsigned n_open; /* batches that core holds */
	bool is_over;
	bool is_behind; /* the next message is not asked for: an answer waits for the one before */
	int cancelled;
};

/* ---- steps ---- */

static void batch(struct taken *taken, const grpc_op *ops, size_t n, struct step *step)
{
	taken->n_open++;
	core_batch(taken->call, ops, n, step);
}

static void ask(struct taken *taken)
{
	bool is_unary = taken->method == taken->server->unary;

	grpc_metadata_array_init(&taken->metadata);
	taken->request = taken->answer = taken->next = NULL;
	taken->call = NULL;
	taken->is_over = taken->is_behind = false;
	if (grpc_server_request_registered_call(
		    taken->server->core, taken->method, &taken->call, &taken->deadline,
		    &taken->metadata, is_unary ? &taken->request : NULL, taken->server->queue,
		    taken->server->queue, &taken->asked) != GRPC_CALL_OK)
		bench_fail("core takes no call");
}

static void forget(struct taken *taken)
{
	grpc_metadata_array_destroy(&taken->metadata);
	if (taken->call)
		grpc_call_unref(taken->call);
}

/* The last step of a call: once core holds nothing of it, the next may come. */
static void leave(struct taken *taken)
{
	if (taken->n_open > 0 || !taken->is_over)
		return;
	forget(taken);
	if (!taken->server->is_stopping)
		ask(taken);
}

/* Takes a request. Returns the sum of its two numbers, packed, or itself; NULL if there is none. */
static grpc_byte_buffer *answer(struct taken *taken)
{
	grpc_byte_buffer *request = taken->request;
	int32_t numbers[2];

	taken->request = NULL;
	if (!request || grpc_byte_buffer_length(request) != sizeof(numbers))
		return request;
	if (!core_unpack(request, numbers, 2))
		bench_fail("the request is no two numbers");
	grpc_byte_buffer_destroy(request);
	numbers[0] += numbers[1];
	return core_pack(numbers, 1);
}

static void finish_call(struct taken *taken)
{
	grpc_op op = { .op = GRPC_OP_SEND_STATUS_FROM_SERVER };

	if (taken->is_over)
		return;
	taken->is_over = true;
	op.data.send_status_from_server.status = GRPC_STATUS_OK;
	batch(taken, &op, 1, &taken->ended);
}

static void watch_close(struct taken *taken)
{
	grpc_op op = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };

	op.data.recv_close_on_server.cancelled = &taken->cancelled;
	batch(taken, &op, 1, &taken->closed);
}

/* ---- unary ---- */

/* The request has come along. A client that is gone already has sent none. */
static void unary_asked(struct taken *taken, bool ok)
{
	grpc_op ops[4] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
			   { .op = GRPC_OP_RECV_CLOSE_ON_SERVER },
			   { .op = GRPC_OP_SEND_STATUS_FROM_SERVER },
			   { .op = GRPC_OP_SEND_MESSAGE } };

	if (!ok) {
		forget(taken);
		return;
	}
	taken->answer = answer(taken);
	taken->is_over = true;
	ops[1].data.recv_close_on_server.cancelled = &taken->cancelled;
	ops[2].data.send_status_from_server.status = GRPC_STATUS_OK;
	ops[3].data.send_message.send_message = taken->answer;
	batch(taken, ops, taken->answer ? 4 : 3, &taken->ended);
}

/* ---- streams ---- */

static void on_ended(struct taken *taken, bool ok)
{
	(void)ok;
	if (taken->answer)
		grpc_byte_buffer_destroy(taken->answer);
	taken->answer = NULL;
	leave(taken);
}

static void on_closed(struct taken *taken, bool ok)
{
	(void)ok;
	leave(taken);
}

/* The first message of a stream is awaited together with the answer's metadata. */
static void stream_asked(struct taken *taken, bool ok)
{
	grpc_op ops[2] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
			   { .op = GRPC_OP_RECV_MESSAGE } };

	if (!ok) {
		forget(taken);
		return;
	}
	ops[1].data.recv_message.recv_message = &taken->request;
	watch_close(taken);
	batch(taken, ops, 2, &taken->received);
}

static void echo_received(struct taken *taken, bool ok)
{
	grpc_op ops[2] = { { .op = GRPC_OP_SEND_MESSAGE }, { .op = GRPC_OP_RECV_MESSAGE } };

	if (taken->answer)
		grpc_byte_buffer_destroy(taken->answer);
	taken->answer = answer(taken);
	if (!ok || !taken->answer) {
		finish_call(taken);
		return;
	}
	ops[0].data.send_message.send_message = taken->answer;
	ops[1].data.recv_message.recv_message = &taken->request;
	batch(taken, ops, 2, &taken->received);
}

static void send_next(struct taken *taken)
{
	grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };

	if (taken->answer || !taken->next)
		return;
	taken->answer = taken->next;
	taken->next = NULL;
	op.data.send_message.send_message = taken->answer;
	batch(taken, &op, 1, &taken->sent);
}

static void receive(struct taken *taken)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	op.data.recv_message.recv_message = &taken->request;
	batch(taken, &op, 1, &taken->received);
}

static void duplex_received(struct taken *taken, bool ok)
{
	taken->next = answer(taken);
	if (!ok || !taken->next) {
		finish_call(taken);
		return;
	}
	taken->is_behind = taken->answer != NULL;
	if (taken->is_behind)
		return;
	if (taken->method == taken->server->late)
		send_next(taken);
	receive(taken);
	send_next(taken);
}

static void duplex_sent(struct taken *taken, bool ok)
{
	grpc_byte_buffer_destroy(taken->answer);
	taken->answer = NULL;
	if (ok)
		send_next(taken);
	if (ok && taken->is_behind)
		receive(taken);
	taken->is_behind = false;
	leave(taken);
}

/* ---- the server ---- */

static struct taken *take(struct server *server, void *method)
{
	struct taken *taken = calloc(1, sizeof(*taken));

	if (!taken)
		bench_fail("out of memory");
	taken->server = server;
	taken->method = method;
	if (method == server->unary) {
		taken->asked.done = unary_asked;
	} else {
		taken->asked.done = stream_asked;
		taken->received.done = method == server->echo ? echo_received : duplex_received;
	}
	taken->sent.done = duplex_sent;
	taken->closed.done = on_closed;
	taken->ended.done = on_ended;
	taken->asked.taken = taken->received.taken = taken->sent.taken = taken;
	taken->closed.taken = taken->ended.taken = taken;
	ask(taken);
	return taken;
}

static void *await_signal(void *data)
{
	struct server *server = data;
	sigset_t set;
	int came;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &came);
	grpc_server_shutdown_and_notify(server->core, server->queue, NULL);
	grpc_server_cancel_all_calls(server->core);
	return NULL;
}

static void listen_on(struct server *server, const struct bench_options *options)
{
	grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
	char address[256] = "127.0.0.1:0";
	int port;

	if (options->socket)
		snprintf(address, sizeof(address), "unix:%s", options->socket);
	port = grpc_server_add_http2_port(server->core, address, credentials);
	grpc_server_credentials_release(credentials);
	if (port == 0)
		bench_fail("cannot listen on %s", address);
	if (!options->socket)
		snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	grpc_server_start(server->core);
	bench_print_address(address);
}

static void start(struct server *server, const struct bench_options *options)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL); /* core's threads inherit it */
	grpc_init();
	server->queue = grpc_completion_queue_create_for_next(NULL);
	server->core = grpc_server_create(core_args(options), NULL);
	grpc_server_register_completion_queue(server->core, server->queue, NULL);
	server->unary = grpc_server_register_method(server->core, CORE_UNARY, NULL,
						    GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
	server->echo = grpc_server_register_method(server->core, CORE_ECHO, NULL,
						   GRPC_SRM_PAYLOAD_NONE, 0);
	server->duplex = grpc_server_register_method(server->core, CORE_DUPLEX, NULL,
						     GRPC_SRM_PAYLOAD_NONE, 0);
	server->late = grpc_server_register_method(server->core, CORE_LATE, NULL,
						   GRPC_SRM_PAYLOAD_NONE, 0);
	listen_on(server, options);
	if (pthread_create(&server->stopper, NULL, await_signal, server) != 0)
		bench_fail("no thread");
}

/* Serves until the shutdown, whose tag is NULL, has come, and then what core still holds. */
static void serve(struct server *server)
{
	bool is_shut = false, ok;
	struct step *step;

	while ((step = core_next(server->queue, &ok)) || !is_shut) {
		if (!step) {
			is_shut = server->is_stopping = true;
			grpc_completion_queue_shutdown(server->queue);
			continue;
		}
		if (step != &step->taken->asked)
			step->taken->n_open--;
		step->done(step->taken, ok);
	}
}

int main(int argc, char **argv)
{
	struct taken *all[UNARIES + STREAMS];
	struct bench_options options;
	struct server server = { 0 };
	unsigned i;

	bench_start(&options, argc, argv, BENCH_SERVER);
	start(&server, &options);
	for (i = 0; i < UNARIES; i++)
		all[i] = take(&server, server.unary);
	all[UNARIES] = take(&server, server.echo);
	all[UNARIES + 1] = take(&server, server.duplex);
	all[UNARIES + 2] = take(&server, server.late);
	serve(&server);
	pthread_join(server.stopper, NULL);
	for (i = 0; i < UNARIES + STREAMS; i++)
		free(all[i]);
	grpc_server_destroy(server.core);
	grpc_completion_queue_destroy(server.queue);
	grpc_shutdown_blocking();
	return 0;
}
