/* SPDX-License-Identifier: MIT */
/*
 * The service of gRPC's interoperability tests: testing-server. Prints its address and serves until
 * standard input ends.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "testing.h"

enum {
	MAX_SIZE = 8 << 20, /* bytes of a payload that is asked for */
	MAX_PAUSE_US = 2000000,
	MAX_MESSAGE = 16 << 20 /* core keeps 16 MiB and twice as much for a connection */
};

#define INITIAL  "x-grpc-test-echo-initial"
#define TRAILING "x-grpc-test-echo-trailing-bin"

/* The caller's metadata of that name goes back. */
static int echo(pyr_call *call, const char *name)
{
	size_t size;
	const void *value = pyr_call_annotation(call, name, &size);

	return value ? pyr_call_set_annotation(call, name, value, size) : 0;
}

static int echo_both(pyr_call *call)
{
	int err = echo(call, INITIAL);

	return err < 0 ? err : echo(call, TRAILING);
}

static int fail_as_told(pyr_call *call, bool is_told, const struct grpc_testing_EchoStatus *status)
{
	if (is_told && status->code > 0)
		return pyr_fail(call, status->code, "%s", status->message);
	return 0;
}

/* A payload of that many zeros. */
static int make_payload(pyr_call *call, int32_t size, struct grpc_testing_Payload *ret)
{
	if (size < 0 || size > MAX_SIZE)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "a payload of %d bytes", (int)size);
	ret->body.n = (size_t)size;
	ret->body.items = pyr_call_alloc(call, (size_t)size + 1);
	return ret->body.items ? 0 : pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

static int empty(pyr_call *call, const struct grpc_testing_Empty *request,
		 const struct grpc_testing_Empty **ret)
{
	*ret = request;
	return echo_both(call);
}

static int unary(pyr_call *call, const struct grpc_testing_SimpleRequest *request,
		 const struct grpc_testing_SimpleResponse **ret)
{
	struct grpc_testing_SimpleResponse *response = pyr_call_alloc(call, sizeof(*response));
	const char *authorization;
	int err = echo_both(call);

	if (err == 0)
		err = fail_as_told(call, request->has_response_status, &request->response_status);
	if (err == 0)
		err = make_payload(call, request->response_size, &response->payload);
	response->has_payload = true;
	response->username = response->oauth_scope = "";
	if (request->fill_username) /* the time that the caller's deadline leaves */
		response->username = pyr_call_strdup(
			call, pyr_call_time_left(call) == INT64_MAX ? "none" : "some");
	authorization = pyr_call_annotation(call, "authorization", NULL);
	if (request->fill_oauth_scope && authorization)
		response->oauth_scope = authorization;
	*ret = response;
	return err;
}

static void pause_for(pyr_call *call, int32_t us)
{
	struct timespec pause = { 0, 1000000 };
	int32_t done;

	for (done = 0; done < us && done < MAX_PAUSE_US && !pyr_call_is_cancelled(call);
	     done += 1000)
		nanosleep(&pause, NULL);
}

typedef int (*yield_function)(pyr_stream *stream,
			      const struct grpc_testing_StreamingOutputCallResponse *item);

static int put_responses(pyr_call *call, const struct grpc_testing_StreamingOutputCallRequest *r,
			 pyr_stream *stream, yield_function yield)
{
	struct grpc_testing_StreamingOutputCallResponse response = { .has_payload = true };
	size_t i;
	int err = 0;

	for (i = 0; i < r->response_parameters.n && err == 0; i++) {
		pause_for(call, r->response_parameters.items[i].interval_us);
		err = make_payload(call, r->response_parameters.items[i].size, &response.payload);
		if (err == 0)
			err = yield(stream, &response);
	}
	return err;
}

static int output(pyr_call *call, const struct grpc_testing_StreamingOutputCallRequest *request,
		  pyr_stream *stream)
{
	return put_responses(call, request, stream,
			     grpc_testing_TestService_StreamingOutputCall_yield);
}

static int input(pyr_call *call, pyr_stream *stream,
		 const struct grpc_testing_StreamingInputCallResponse **ret)
{
	struct grpc_testing_StreamingInputCallResponse *response =
		pyr_call_alloc(call, sizeof(*response));
	const struct grpc_testing_StreamingInputCallRequest *request;
	int n;

	while ((n = grpc_testing_TestService_StreamingInputCall_read(stream, &request)) > 0)
		response->aggregated_payload_size += (int32_t)request->payload.body.n;
	*ret = response;
	return n;
}

static int duplex(pyr_call *call, pyr_stream *stream)
{
	const struct grpc_testing_StreamingOutputCallRequest *request;
	int n, err = echo_both(call);

	if (err < 0)
		return err;
	while ((n = grpc_testing_TestService_FullDuplexCall_read(stream, &request)) > 0) {
		err = fail_as_told(call, request->has_response_status, &request->response_status);
		if (err == 0)
			err = put_responses(call, request, stream,
					    grpc_testing_TestService_FullDuplexCall_yield);
		if (err < 0)
			return err;
	}
	return n;
}

static const struct grpc_testing_TestService_methods methods = {
	.EmptyCall = empty,
	.UnaryCall = unary,
	.StreamingOutputCall = output,
	.StreamingInputCall = input,
	.FullDuplexCall = duplex, /* UnimplementedCall: none */
};

static void *serve(void *data)
{
	if (pyr_daemon_run(data) < 0)
		fprintf(stderr, "%s\n", pyr_last_error()->message);
	return NULL;
}

int main(void)
{
	struct pyr_daemon_options options = { .signals = PYR_NO, .max_message = MAX_MESSAGE };
	pyr_daemon *daemon = pyr_daemon_new(&options);
	pthread_t thread;

	if (!daemon || !grpc_testing_TestService_register(daemon, "testing", &methods, NULL) ||
	    pthread_create(&thread, NULL, serve, daemon) != 0) {
		fprintf(stderr, "%s\n", pyr_last_error()->message);
		return 1;
	}
	printf("%s\n", pyr_daemon_address(daemon));
	fflush(stdout);
	while (getchar() != EOF)
		;
	pyr_daemon_stop(daemon);
	pthread_join(thread, NULL);
	pyr_daemon_free(daemon);
	return 0;
}
