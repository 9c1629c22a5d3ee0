/* SPDX-License-Identifier: MIT */
/*
 * The yardsticks' client: bench-core-client ADDRESS MODE [-n N] [--lean]. Modes (core.h): unary,
 * with N gRPC calls in flight; echo, duplex and late, the streams, one sum at a time.
 */
#include "core.h"

#include <grpc/grpc_security.h>
#include <grpc/support/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct client {
	grpc_completion_queue *queue;
	grpc_channel *channel;
	grpc_call *stream;
	grpc_metadata_array initial, trailing; /* of the stream */
	grpc_status_code status;
	grpc_slice details;
	char opened, sent, received, ended; /* tags */
};

static gpr_timespec never(void)
{
	return gpr_inf_future(GPR_CLOCK_MONOTONIC);
}

static grpc_byte_buffer *request_of(struct bench_sum sum)
{
	return core_pack((const int32_t[]){ sum.x, sum.y }, 2);
}

/* Checks an answer and frees it. */
static void take_answer(grpc_byte_buffer *message, struct bench_sum sum)
{
	int32_t answer;

	if (!core_unpack(message, &answer, 1))
		bench_fail("the answer is no number");
	grpc_byte_buffer_destroy(message);
	bench_check(sum, answer);
}

/* ---- a gRPC call for each sum ---- */

struct unary {
	grpc_call *call;
	grpc_metadata_array initial, trailing;
	grpc_byte_buffer *request, *answer;
	grpc_status_code status;
	grpc_slice details;
	struct bench_sum sum;
	int64_t since;
};

static void start_unary(struct client *client, void *method, struct unary *unary, uint64_t i,
			int64_t now)
{
	grpc_op ops[6] = {
		{ .op = GRPC_OP_SEND_INITIAL_METADATA },  { .op = GRPC_OP_SEND_MESSAGE },
		{ .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT }, { .op = GRPC_OP_RECV_INITIAL_METADATA },
		{ .op = GRPC_OP_RECV_MESSAGE },           { .op = GRPC_OP_RECV_STATUS_ON_CLIENT }
	};

	unary->sum = bench_sum(i);
	unary->since = now;
	unary->request = request_of(unary->sum);
	unary->answer = NULL;
	grpc_metadata_array_init(&unary->initial);
	grpc_metadata_array_init(&unary->trailing);
	ops[1].data.send_message.send_message = unary->request;
	ops[3].data.recv_initial_metadata.recv_initial_metadata = &unary->initial;
	ops[4].data.recv_message.recv_message = &unary->answer;
	ops[5].data.recv_status_on_client.trailing_metadata = &unary->trailing;
	ops[5].data.recv_status_on_client.status = &unary->status;
	ops[5].data.recv_status_on_client.status_details = &unary->details;
	unary->call =
		grpc_channel_create_registered_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
						    client->queue, method, never(), NULL);
	core_batch(unary->call, ops, 6, unary);
}

/* Waits for any call. Returns it, free for another. */
static struct unary *end_unary(struct client *client, struct bench_times *times, int64_t *ret_now)
{
	bool ok;
	struct unary *unary = core_next(client->queue, &ok);

	if (!unary || !ok || unary->status != GRPC_STATUS_OK)
		bench_fail("unary call: status %d", unary ? (int)unary->status : -1);
	take_answer(unary->answer, unary->sum);
	grpc_byte_buffer_destroy(unary->request);
	grpc_metadata_array_destroy(&unary->initial);
	grpc_metadata_array_destroy(&unary->trailing);
	grpc_slice_unref(unary->details);
	grpc_call_unref(unary->call);
	*ret_now = bench_now();
	bench_add(times, *ret_now - unary->since);
	return unary;
}

static void unaries(const struct bench_options *options, const struct bench_limit *limit,
		    struct bench_times *times, void *data)
{
	struct client *client = data;
	void *method = grpc_channel_register_call(client->channel, CORE_UNARY, NULL, NULL);
	struct unary *all = calloc(options->n, sizeof(*all)), *unary;
	int64_t now = bench_now();
	uint64_t started = 0;

	if (!all)
		bench_fail("out of memory");
	for (; started < options->n; started++)
		start_unary(client, method, &all[started], started, now);
	while (bench_more(limit, started, now)) {
		unary = end_unary(client, times, &now);
		start_unary(client, method, unary, started++, now);
	}
	while (times->n < started)
		end_unary(client, times, &now);
	free(all);
}

/* ---- streams ---- */

static void await(struct client *client, const void *tag)
{
	bool ok;
	void *came = core_next(client->queue, &ok);

	if (came != tag || !ok)
		bench_fail("the stream broke");
}

static void open_stream(struct client *client, const char *method)
{
	grpc_op ops[2] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
			   { .op = GRPC_OP_RECV_INITIAL_METADATA } };
	grpc_op end = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };

	grpc_metadata_array_init(&client->initial);
	grpc_metadata_array_init(&client->trailing);
	ops[1].data.recv_initial_metadata.recv_initial_metadata = &client->initial;
	end.data.recv_status_on_client.trailing_metadata = &client->trailing;
	end.data.recv_status_on_client.status = &client->status;
	end.data.recv_status_on_client.status_details = &client->details;
	client->stream = grpc_channel_create_call(
		client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, client->queue,
		grpc_slice_from_static_string(method), NULL, never(), NULL);
	core_batch(client->stream, ops, 2, &client->opened);
	core_batch(client->stream, &end, 1, &client->ended);
	await(client, &client->opened);
}

static void close_stream(struct client *client)
{
	grpc_op end = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };
	int n_open = 2; /* it and the status, in whatever order */
	bool ok;

	core_batch(client->stream, &end, 1, &client->sent);
	while (n_open-- > 0)
		core_next(client->queue, &ok);
	if (client->status != GRPC_STATUS_OK)
		bench_fail("the stream ended with status %d", (int)client->status);
	grpc_metadata_array_destroy(&client->initial);
	grpc_metadata_array_destroy(&client->trailing);
	grpc_slice_unref(client->details);
	grpc_call_unref(client->stream);
}

static void echo_one(struct client *client, struct bench_sum sum)
{
	grpc_op ops[2] = { { .op = GRPC_OP_SEND_MESSAGE }, { .op = GRPC_OP_RECV_MESSAGE } };
	grpc_byte_buffer *request = request_of(sum), *answer = NULL;

	ops[0].data.send_message.send_message = request;
	ops[1].data.recv_message.recv_message = &answer;
	core_batch(client->stream, ops, 2, &client->received);
	await(client, &client->received);
	grpc_byte_buffer_destroy(request);
	take_answer(answer, sum);
}

static void duplex_one(struct client *client, struct bench_sum sum, bool is_late)
{
	grpc_op send = { .op = GRPC_OP_SEND_MESSAGE }, receive = { .op = GRPC_OP_RECV_MESSAGE };
	grpc_byte_buffer *request = request_of(sum), *answer = NULL;
	bool ok, is_sent = false, is_received = false;
	void *tag;

	send.data.send_message.send_message = request;
	receive.data.recv_message.recv_message = &answer;
	if (!is_late)
		core_batch(client->stream, &receive, 1, &client->received);
	core_batch(client->stream, &send, 1, &client->sent);
	if (is_late)
		core_batch(client->stream, &receive, 1, &client->received);
	while (!is_sent || !is_received) {
		tag = core_next(client->queue, &ok);
		if (!ok || (tag != &client->sent && tag != &client->received))
			bench_fail("the stream broke");
		is_sent = is_sent || tag == &client->sent;
		is_received = is_received || tag == &client->received;
	}
	grpc_byte_buffer_destroy(request);
	take_answer(answer, sum);
}

static void stream(const struct bench_options *options, const struct bench_limit *limit,
		   struct bench_times *times, void *data)
{
	bool is_echo = strcmp(options->mode, "echo") == 0;
	bool is_late = strcmp(options->mode, "late") == 0;
	struct client *client = data;
	struct bench_sum sum;
	int64_t now, before;

	open_stream(client, is_echo ? CORE_ECHO : is_late ? CORE_LATE : CORE_DUPLEX);
	for (now = bench_now(); bench_more(limit, times->n, now); bench_add(times, now - before)) {
		sum = bench_sum(times->n);
		before = now;
		if (is_echo)
			echo_one(client, sum);
		else
			duplex_one(client, sum, is_late);
		now = bench_now();
	}
	close_stream(client);
}

int main(int argc, char **argv)
{
	grpc_channel_credentials *credentials;
	struct client client = { 0 };
	struct bench_options options;
	bool ok;

	bench_start(&options, argc, argv, true);
	grpc_init();
	client.queue = grpc_completion_queue_create_for_next(NULL);
	credentials = grpc_insecure_credentials_create();
	client.channel = grpc_channel_create(options.address, credentials, core_args(&options));
	grpc_channel_credentials_release(credentials);
	if (strcmp(options.mode, "unary") == 0)
		bench_measure(&options, unaries, &client);
	else if (strcmp(options.mode, "echo") == 0 || strcmp(options.mode, "duplex") == 0 ||
		 strcmp(options.mode, "late") == 0)
		bench_measure(&options, stream, &client);
	else
		bench_fail("no mode '%s'", options.mode);
	grpc_channel_destroy(client.channel);
	grpc_completion_queue_shutdown(client.queue);
	while (core_next(client.queue, &ok))
		;
	grpc_completion_queue_destroy(client.queue);
	grpc_shutdown_blocking();
	return 0;
}
