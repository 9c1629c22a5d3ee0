/* SPDX-License-Identifier: MIT */
/*
 * The yardsticks' client: bench-core-client ADDRESS MODE [-n N] [--lean]. The modes of drive.h make
 * unary calls; echo, duplex and late are the streams (core.h), one sum at a time; window, a duplex
 * stream with N sums on their way.
 */
#include "core.h"
#include "drive.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>

#include <stdlib.h>
#include <string.h>

struct client {
	grpc_completion_queue *queue;
	grpc_channel *channel;
	void *unary; /* core's name of the method */
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
	struct bench_call *of;
};

/* Takes the request. */
static struct unary *start_unary(struct client *client, grpc_byte_buffer *request,
				 struct bench_call *of)
{
	grpc_op ops[6] = {
		{ .op = GRPC_OP_SEND_INITIAL_METADATA },  { .op = GRPC_OP_SEND_MESSAGE },
		{ .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT }, { .op = GRPC_OP_RECV_INITIAL_METADATA },
		{ .op = GRPC_OP_RECV_MESSAGE },           { .op = GRPC_OP_RECV_STATUS_ON_CLIENT }
	};
	struct unary *unary = calloc(1, sizeof(*unary));

	if (!unary)
		bench_fail("out of memory");
	unary->of = of;
	unary->request = request;
	ops[1].data.send_message.send_message = unary->request;
	ops[3].data.recv_initial_metadata.recv_initial_metadata = &unary->initial;
	ops[4].data.recv_message.recv_message = &unary->answer;
	ops[5].data.recv_status_on_client.trailing_metadata = &unary->trailing;
	ops[5].data.recv_status_on_client.status = &unary->status;
	ops[5].data.recv_status_on_client.status_details = &unary->details;
	unary->call =
		grpc_channel_create_registered_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
						    client->queue, client->unary, never(), NULL);
	core_batch(unary->call, ops, 6, unary);
	return unary;
}

/* Waits for any call and frees it. Returns its answer; owned. */
static grpc_byte_buffer *end_unary(struct client *client, struct bench_call **ret_of)
{
	bool ok;
	struct unary *unary = core_next(client->queue, &ok);
	grpc_byte_buffer *ret;

	if (!unary || !ok || unary->status != GRPC_STATUS_OK)
		bench_fail("unary call: status %d", unary ? (int)unary->status : -1);
	ret = unary->answer;
	*ret_of = unary->of;
	grpc_byte_buffer_destroy(unary->request);
	grpc_metadata_array_destroy(&unary->initial);
	grpc_metadata_array_destroy(&unary->trailing);
	grpc_slice_unref(unary->details);
	grpc_call_unref(unary->call);
	free(unary);
	return ret;
}

static void start(void *end, struct bench_call *call)
{
	start_unary(end, request_of(call->sum), call);
}

static struct bench_call *finish(void *end, struct bench_call *oldest)
{
	grpc_byte_buffer *message = end_unary(end, &oldest);

	if (!core_unpack(message, &oldest->answer, 1))
		bench_fail("the answer is no number");
	grpc_byte_buffer_destroy(message);
	return oldest;
}

static int32_t add(void *end, struct bench_sum sum)
{
	struct bench_call call = { .sum = sum };

	start(end, &call);
	return finish(end, &call)->answer;
}

/* Neither end copies: the request stays where it is, the answer is looked at as it came. */
static void echo(void *end, const uint8_t *data, size_t n)
{
	grpc_slice slice = grpc_slice_from_static_buffer(data, n);
	grpc_byte_buffer_reader reader;
	struct bench_call *none;
	grpc_byte_buffer *came;
	size_t at = 0;

	start_unary(end, grpc_raw_byte_buffer_create(&slice, 1), NULL);
	came = end_unary(end, &none);
	if (!came || grpc_byte_buffer_length(came) != n ||
	    !grpc_byte_buffer_reader_init(&reader, came))
		bench_fail("%zu bytes came back otherwise", n);
	for (; grpc_byte_buffer_reader_next(&reader, &slice); grpc_slice_unref(slice)) {
		bench_check_bytes(data + at, GRPC_SLICE_LENGTH(slice), GRPC_SLICE_START_PTR(slice),
				  GRPC_SLICE_LENGTH(slice));
		at += GRPC_SLICE_LENGTH(slice);
	}
	grpc_byte_buffer_reader_destroy(&reader);
	grpc_byte_buffer_destroy(came);
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

static void lockstep_one(struct client *client, struct bench_sum sum, bool is_late)
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
			lockstep_one(client, sum, is_late);
		now = bench_now();
	}
	close_stream(client);
}

/* Sums on their way through a stream; answers come in order. */
struct window {
	struct client *client;
	grpc_byte_buffer *request, *answer; /* request: NULL if nothing is being sent */
	uint64_t n_sent, n_answered;
	int64_t *since; /* of sum number i: [i % options.n] */
};

static void send_one(struct window *window, const struct bench_options *options, int64_t now)
{
	grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };

	if (window->request || window->n_sent - window->n_answered == options->n)
		return;
	window->request = request_of(bench_sum(window->n_sent));
	window->since[window->n_sent++ % options->n] = now;
	op.data.send_message.send_message = window->request;
	core_batch(window->client->stream, &op, 1, &window->client->sent);
}

static void receive_one(struct window *window)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	op.data.recv_message.recv_message = &window->answer;
	core_batch(window->client->stream, &op, 1, &window->client->received);
}

/* A duplex stream with n sums on their way; core takes one message to send at a time. */
static void stream_window(const struct bench_options *options, const struct bench_limit *limit,
			  struct bench_times *times, void *data)
{
	struct window window = { .client = data };
	int64_t now = bench_now();
	bool ok;
	void *tag;

	window.since = calloc(options->n, sizeof(*window.since));
	if (!window.since)
		bench_fail("out of memory");
	open_stream(data, CORE_DUPLEX);
	receive_one(&window);
	send_one(&window, options, now);
	while (window.request || window.n_answered < window.n_sent) {
		tag = core_next(window.client->queue, &ok);
		if (!ok || (tag != &window.client->sent && tag != &window.client->received))
			bench_fail("the stream broke");
		if (tag == &window.client->sent) {
			grpc_byte_buffer_destroy(window.request);
			window.request = NULL;
		} else {
			take_answer(window.answer, bench_sum(window.n_answered));
			now = bench_now();
			bench_add(times, now - window.since[window.n_answered++ % options->n]);
			if (bench_more(limit, window.n_sent, now) ||
			    window.n_answered < window.n_sent)
				receive_one(&window);
		}
		if (bench_more(limit, window.n_sent, now))
			send_one(&window, options, now);
	}
	close_stream(data);
	free(window.since);
}

/* ---- ends ---- */

static const struct bench_options *the_options;

static void *open_channel(const char *address)
{
	grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		bench_fail("out of memory");
	client->queue = grpc_completion_queue_create_for_next(NULL);
	client->channel = grpc_channel_create(address, credentials, core_args(the_options));
	client->unary = grpc_channel_register_call(client->channel, CORE_UNARY, NULL, NULL);
	grpc_channel_credentials_release(credentials);
	return client;
}

static void close_channel(void *end)
{
	struct client *client = end;
	bool ok;

	grpc_channel_destroy(client->channel);
	grpc_completion_queue_shutdown(client->queue);
	while (core_next(client->queue, &ok))
		;
	grpc_completion_queue_destroy(client->queue);
	free(client);
}

static const struct bench_peer unary = {
	.open = open_channel,
	.close = close_channel,
	.add = add,
	.start = start,
	.finish = finish,
	.echo = echo,
};

int main(int argc, char **argv)
{
	struct bench_options options;
	bench_phase_cb phase = NULL;
	void *client;

	bench_start(&options, argc, argv, BENCH_CLIENT);
	the_options = &options;
	grpc_init();
	if (strcmp(options.mode, "echo") == 0 || strcmp(options.mode, "duplex") == 0 ||
	    strcmp(options.mode, "late") == 0)
		phase = stream;
	else if (strcmp(options.mode, "window") == 0)
		phase = stream_window;
	if (phase) {
		client = open_channel(options.address);
		bench_measure(&options, phase, client);
		close_channel(client);
	} else {
		bench_drive(&options, &unary);
	}
	grpc_shutdown_blocking();
	return 0;
}
