/* SPDX-License-Identifier: MIT */
/*
 * The cases of gRPC's interoperability tests, as calls of generated stubs: testing-client MODE
 * ADDRESS [CASE...]. MODE: auto or plain. Prints "ok CASE" or what was wrong in "not ok CASE: ...".
 * Without a CASE all run but the last three, for which the server does something.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "testing.h"

enum { LARGE_REQUEST = 271828, LARGE_RESPONSE = 314159, TIMEOUT_MS = 20000, N_SOAK = 1000 };
enum { N_LARGE = 100, N_CHANNELS = 100, MAX_METADATA = 4000 };

#define WANT(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return wrong(__LINE__, #condition);                                        \
	} while (0)

typedef struct grpc_testing_TestService service;
typedef struct grpc_testing_SimpleRequest simple_request;
typedef struct grpc_testing_SimpleResponse simple_response;
typedef struct grpc_testing_StreamingOutputCallRequest output_request;
typedef struct grpc_testing_StreamingOutputCallResponse output_response;

static uint8_t zeros[20 << 20];
static const char *address;
static struct pyr_proxy_options options;
static const struct grpc_testing_Empty nothing;

static const char *wrong(int line, const char *what)
{
	static char text[1024];
	const pyr_error *error = pyr_last_error();

	snprintf(text, sizeof(text), "line %d: %s (last error: %s: %s)", line, what,
		 pyr_status_name(error->code), error->message);
	return text;
}

static struct grpc_testing_Payload payload_of(size_t n)
{
	return (struct grpc_testing_Payload){ .body = { .n = n, .items = zeros } };
}

static simple_request large_request(void)
{
	return (simple_request){ .response_size = LARGE_RESPONSE,
				 .has_payload = true,
				 .payload = payload_of(LARGE_REQUEST) };
}

/* Takes a response; whether it is good. */
static bool is_large(int err, simple_response *response)
{
	bool is = err == 0 && response->payload.body.n == LARGE_RESPONSE;

	if (err == 0)
		pyr_free(response);
	return is;
}

/* ---- unary ---- */

static const char *empty_unary(service *s)
{
	struct grpc_testing_Empty *ret = NULL;

	WANT(grpc_testing_TestService_EmptyCall(s, &nothing, &ret) == 0);
	pyr_free(ret);
	return NULL;
}

static const char *large_unary(service *s)
{
	simple_request request = large_request();
	simple_response *response = NULL;
	int err = grpc_testing_TestService_UnaryCall(s, &request, &response);

	WANT(is_large(err, response));
	return NULL;
}

static pyr_future *start_large(size_t i, void *data)
{
	simple_request request = large_request();

	(void)i;
	return grpc_testing_TestService_UnaryCall_start(data, &request);
}

static int get_large(size_t i, pyr_future *future, void *data)
{
	simple_response *response = NULL;
	int err = grpc_testing_TestService_UnaryCall_get(future, &response);

	(void)i;
	(void)data;
	return err < 0 ? err : is_large(err, response) ? 0 : -PYR_DATA_LOSS;
}

static const char *concurrent_large_unary(service *s)
{
	WANT(pyr_map(N_LARGE, N_LARGE, start_large, get_large, s) == 0);
	return NULL;
}

static const char *rpc_soak(service *s)
{
	const char *said = NULL;
	int i;

	for (i = 0; i < N_SOAK && !said; i++)
		said = empty_unary(s);
	return said ? said : large_unary(s);
}

static const char *with_new_channel(const char *(*run)(service *s))
{
	char uri[512];
	service *s;
	const char *said;

	snprintf(uri, sizeof(uri), "PYRO:testing@%s", address);
	s = grpc_testing_TestService_proxy_with(uri, &options);
	WANT(s);
	said = run(s);
	grpc_testing_TestService_free(s);
	return said;
}

/* Each call over a connection of its own. */
static const char *channel_soak(service *s)
{
	const char *said = NULL;
	int i;

	for (i = 0; i < N_CHANNELS && !said; i++) {
		pyr_proxy_release(grpc_testing_TestService_as_proxy(s));
		said = with_new_channel(large_unary);
	}
	return said;
}

/* ---- streams ---- */

static const char *client_streaming(service *s)
{
	static const size_t sizes[] = { 27182, 8, 1828, 45904 };
	struct grpc_testing_StreamingInputCallResponse *response = NULL;
	struct grpc_testing_StreamingInputCallRequest request = { .has_payload = true };
	pyr_stream *stream = NULL;
	size_t i;

	WANT(grpc_testing_TestService_StreamingInputCall(s, &stream) == 0);
	for (i = 0; i < 4; i++) {
		request.payload = payload_of(sizes[i]);
		WANT(grpc_testing_TestService_StreamingInputCall_write(stream, &request) == 0);
	}
	WANT(grpc_testing_TestService_StreamingInputCall_finish(stream, &response) == 0);
	WANT(response->aggregated_payload_size == 74922);
	pyr_free(response);
	return NULL;
}

static struct grpc_testing_ResponseParameters response_sizes[] = {
	{ .size = 31415 }, { .size = 9 }, { .size = 2653 }, { .size = 58979 }
};
static const size_t request_sizes[] = { 27182, 8, 1828, 45904 };

static const char *server_streaming(service *s)
{
	output_request request = { .response_parameters = { 4, response_sizes } };
	output_response *response = NULL;
	pyr_stream *stream = NULL;
	size_t i;

	WANT(grpc_testing_TestService_StreamingOutputCall(s, &request, &stream) == 0);
	for (i = 0; i < 4; i++) {
		WANT(grpc_testing_TestService_StreamingOutputCall_next(stream, &response) == 1);
		WANT(response->payload.body.n == (size_t)response_sizes[i].size);
		pyr_free(response);
	}
	WANT(grpc_testing_TestService_StreamingOutputCall_next(stream, &response) == 0);
	pyr_stream_free(stream);
	return NULL;
}

static const char *ping_once(pyr_stream *stream, size_t i)
{
	output_request request = { .response_parameters = { 1, &response_sizes[i] },
				   .has_payload = true };
	output_response *response = NULL;

	request.payload = payload_of(request_sizes[i]);
	WANT(grpc_testing_TestService_FullDuplexCall_write(stream, &request) == 0);
	WANT(grpc_testing_TestService_FullDuplexCall_next(stream, &response) == 1);
	WANT(response->payload.body.n == (size_t)response_sizes[i].size);
	pyr_free(response);
	return NULL;
}

/* Ends a duplex stream in good order. */
static const char *end_duplex(pyr_stream *stream)
{
	output_response *response = NULL;

	WANT(pyr_stream_end(stream) == 0);
	WANT(grpc_testing_TestService_FullDuplexCall_next(stream, &response) == 0);
	pyr_stream_free(stream);
	return NULL;
}

static const char *ping_pong(service *s)
{
	pyr_stream *stream = NULL;
	const char *said = NULL;
	size_t i;

	WANT(grpc_testing_TestService_FullDuplexCall(s, &stream) == 0);
	for (i = 0; i < 4 && !said; i++)
		said = ping_once(stream, i);
	return said ? said : end_duplex(stream);
}

static const char *empty_stream(service *s)
{
	pyr_stream *stream = NULL;

	WANT(grpc_testing_TestService_FullDuplexCall(s, &stream) == 0);
	return end_duplex(stream);
}

/* ---- metadata ---- */

#define INITIAL  "x-grpc-test-echo-initial"
#define TRAILING "x-grpc-test-echo-trailing-bin"

static const char trailing_value[] = "\xab\xab\xab";
static const struct pyr_annotation echoed[] = { { INITIAL, "test_initial_metadata_value", 27 },
						{ TRAILING, trailing_value, 3 } };

static const char *was_echoed(void)
{
	const char *value;
	size_t n = 0;

	value = pyr_reply_annotation(INITIAL, &n);
	WANT(value && strcmp(value, "test_initial_metadata_value") == 0);
	value = pyr_reply_annotation(TRAILING, &n);
	WANT(value && n == 3 && memcmp(value, trailing_value, 3) == 0);
	return NULL;
}

static const char *custom_metadata(service *s)
{
	struct pyr_call_options with = { .annotations = echoed, .n_annotations = 2 };
	const char *said = large_unary(grpc_testing_TestService_with(s, &with));
	pyr_stream *stream = NULL;

	if (!said)
		said = was_echoed();
	if (said)
		return said;
	WANT(grpc_testing_TestService_FullDuplexCall(grpc_testing_TestService_with(s, &with),
						     &stream) == 0);
	said = ping_once(stream, 0);
	if (!said)
		said = end_duplex(stream);
	return said ? said : was_echoed();
}

static const char *large_metadata(service *s)
{
	static char value[MAX_METADATA + 1];
	struct pyr_annotation large = { "x-large", value, MAX_METADATA };
	struct pyr_call_options with = { .annotations = &large, .n_annotations = 1 };
	struct grpc_testing_Empty *ret = NULL;
	const char *said;

	memset(value, 'x', MAX_METADATA);
	said = empty_unary(grpc_testing_TestService_with(s, &with));
	if (said)
		return said;
	if (!pyr_proxy_is_plain(grpc_testing_TestService_as_proxy(s)))
		return NULL; /* a link carries more */
	large.size += 200;   /* beyond 4,096 bytes */
	large.value = zeros;
	WANT(grpc_testing_TestService_EmptyCall(grpc_testing_TestService_with(s, &with), &nothing,
						&ret) == -PYR_INVALID_ARGUMENT);
	return empty_unary(s);
}

/* ---- errors ---- */

static const char *has_failed(const char *text)
{
	const pyr_error *error = pyr_last_error();

	WANT(error->code == PYR_UNKNOWN);
	WANT(error->remote);
	WANT(strcmp(error->message, text) == 0);
	return NULL;
}

static const char *status_is(service *s, const char *text, bool also_in_a_stream)
{
	simple_request request = { .has_response_status = true, .response_status = { 2, text } };
	output_request item = { .has_response_status = true, .response_status = { 2, text } };
	simple_response *response = NULL;
	output_response *out = NULL;
	pyr_stream *stream = NULL;
	const char *said;

	WANT(grpc_testing_TestService_UnaryCall(s, &request, &response) == -PYR_UNKNOWN);
	said = has_failed(text);
	if (said || !also_in_a_stream)
		return said;
	WANT(grpc_testing_TestService_FullDuplexCall(s, &stream) == 0);
	WANT(grpc_testing_TestService_FullDuplexCall_write(stream, &item) == 0);
	(void)!pyr_stream_end(stream); /* the status may have come */
	WANT(grpc_testing_TestService_FullDuplexCall_next(stream, &out) == -PYR_UNKNOWN);
	said = has_failed(text);
	pyr_stream_free(stream);
	return said;
}

static const char *status_code_and_message(service *s)
{
	return status_is(s, "test status message", true);
}

static const char *special_status_message(service *s)
{
	return status_is(s,
			 "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP "
			 "\xf0\x9f\x98\x88\t\n",
			 false);
}

static const char *unimplemented_method(service *s)
{
	struct grpc_testing_Empty *ret = NULL;

	WANT(grpc_testing_TestService_UnimplementedCall(s, &nothing, &ret) == -PYR_UNIMPLEMENTED);
	return empty_unary(s);
}

static const char *unimplemented_service(service *s)
{
	struct grpc_testing_UnimplementedService *other;
	struct grpc_testing_Empty *ret = NULL;
	struct pyr_proxy_options plain = options;
	char uri[512];
	int err;

	(void)s;
	plain.plain = PYR_PLAIN_ONLY;
	snprintf(uri, sizeof(uri), "PYRO:testing@%s", address);
	other = grpc_testing_UnimplementedService_proxy_with(uri, &plain);
	WANT(other);
	err = grpc_testing_UnimplementedService_UnimplementedCall(other, &nothing, &ret);
	grpc_testing_UnimplementedService_free(other);
	WANT(err == -PYR_UNIMPLEMENTED);
	return NULL;
}

static const char *max_message_exceeded(service *s)
{
	simple_request request = { .has_payload = true };
	simple_response *response = NULL;

	request.payload = payload_of(sizeof(zeros)); /* more than any server here takes */
	WANT(grpc_testing_TestService_UnaryCall(s, &request, &response) == -PYR_RESOURCE_EXHAUSTED);
	return empty_unary(s);
}

/* ---- cancels and deadlines ---- */

static const char *cancel_after_begin(service *s)
{
	struct grpc_testing_StreamingInputCallResponse *response = NULL;
	pyr_stream *stream = NULL;

	WANT(grpc_testing_TestService_StreamingInputCall(s, &stream) == 0);
	pyr_stream_cancel(stream);
	WANT(grpc_testing_TestService_StreamingInputCall_finish(stream, &response) ==
	     -PYR_CANCELLED);
	return empty_unary(s);
}

static const char *cancel_after_first_response(service *s)
{
	output_response *response = NULL;
	pyr_stream *stream = NULL;
	const char *said;

	WANT(grpc_testing_TestService_FullDuplexCall(s, &stream) == 0);
	said = ping_once(stream, 0);
	if (said)
		return said;
	pyr_stream_cancel(stream);
	WANT(grpc_testing_TestService_FullDuplexCall_next(stream, &response) == -PYR_CANCELLED);
	pyr_stream_free(stream);
	return empty_unary(s);
}

static const char *timeout_on_sleeping_server(service *s)
{
	struct pyr_call_options soon = { .timeout_ms = 1 };
	output_request request = { .has_payload = true };
	output_response *response = NULL;
	pyr_stream *stream = NULL;
	int err;

	request.payload = payload_of(27182);
	err = grpc_testing_TestService_FullDuplexCall(grpc_testing_TestService_with(s, &soon),
						      &stream);
	if (err == 0)
		(void)!grpc_testing_TestService_FullDuplexCall_write(stream, &request);
	if (err == 0)
		err = grpc_testing_TestService_FullDuplexCall_next(stream, &response);
	pyr_stream_free(stream);
	WANT(err == -PYR_DEADLINE_EXCEEDED);
	return empty_unary(s);
}

/* A server tells in `username` whether its caller has a deadline. */
static const char *deadline_propagation(service *s)
{
	struct pyr_call_options none = { .timeout_ms = PYR_NONE };
	simple_request request = { .fill_username = true };
	simple_response *response = NULL;

	WANT(grpc_testing_TestService_UnaryCall(s, &request, &response) == 0);
	WANT(strcmp(response->username, "some") == 0);
	pyr_free(response);
	s = grpc_testing_TestService_with(s, &none);
	WANT(grpc_testing_TestService_UnaryCall(s, &request, &response) == 0);
	WANT(strcmp(response->username, "none") == 0);
	pyr_free(response);
	return NULL;
}

/* ---- those for which the server does something ---- */

/* The server comes after the call. */
static const char *wait_for_ready(service *s)
{
	return empty_unary(s);
}

/* A server behind TLS that wants a token with each call. */
static const char *per_call_credentials(service *s)
{
	struct pyr_annotation token = { "authorization", "Bearer one", 10 };
	struct pyr_call_options with = { .annotations = &token, .n_annotations = 1 };
	struct grpc_testing_Empty *ret = NULL;
	const char *said;

	WANT(grpc_testing_TestService_EmptyCall(s, &nothing, &ret) == -PYR_UNAUTHENTICATED);
	said = empty_unary(grpc_testing_TestService_with(s, &with));
	if (said)
		return said;
	token.value = "Bearer two";
	WANT(grpc_testing_TestService_EmptyCall(grpc_testing_TestService_with(s, &with), &nothing,
						&ret) == -PYR_UNAUTHENTICATED);
	return NULL;
}

/* A server that compresses all that it sends. */
static const char *compressed_responses_are_refused(service *s)
{
	output_request request = { .response_parameters = { 4, response_sizes } };
	output_response *response = NULL;
	pyr_stream *stream = NULL;
	simple_request large = large_request();
	simple_response *answer = NULL;

	WANT(grpc_testing_TestService_StreamingOutputCall(s, &request, &stream) == 0);
	WANT(grpc_testing_TestService_StreamingOutputCall_next(stream, &response) ==
	     -PYR_UNIMPLEMENTED);
	WANT(!pyr_last_error()->remote);
	WANT(strstr(pyr_last_error()->message, "sends compressed messages"));
	pyr_stream_free(stream);
	WANT(grpc_testing_TestService_UnaryCall(s, &large, &answer) == -PYR_UNIMPLEMENTED);
	WANT(strstr(pyr_last_error()->message, "sends compressed messages"));
	return NULL;
}

#define CASE(name)                                                                                 \
	{                                                                                          \
#name, name, true                                                                  \
	}

static const struct {
	const char *name;
	const char *(*run)(service *s);
	bool is_always;
} cases[] = { CASE(empty_unary),
	      CASE(large_unary),
	      CASE(client_streaming),
	      CASE(server_streaming),
	      CASE(ping_pong),
	      CASE(empty_stream),
	      CASE(custom_metadata),
	      CASE(large_metadata),
	      CASE(status_code_and_message),
	      CASE(special_status_message),
	      CASE(unimplemented_method),
	      CASE(unimplemented_service),
	      CASE(cancel_after_begin),
	      CASE(cancel_after_first_response),
	      CASE(timeout_on_sleeping_server),
	      CASE(deadline_propagation),
	      CASE(max_message_exceeded),
	      CASE(concurrent_large_unary),
	      CASE(rpc_soak),
	      CASE(channel_soak),
	      { "compressed_responses_are_refused", compressed_responses_are_refused, false },
	      { "wait_for_ready", wait_for_ready, false },
	      { "per_call_credentials", per_call_credentials, false } };

static bool is_named(const char *name, char **names)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

int main(int argc, char *argv[])
{
	const char *said;
	int failed = 0;
	size_t i;

	if (argc < 3)
		return 2;
	options = (struct pyr_proxy_options){ .timeout_ms = TIMEOUT_MS };
	options.plain = strcmp(argv[1], "plain") == 0 ? PYR_PLAIN_ONLY : PYR_PLAIN_AUTO;
	address = argv[2];
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc > 3 ? !is_named(cases[i].name, argv + 3) : !cases[i].is_always)
			continue;
		said = with_new_channel(cases[i].run);
		if (said)
			printf("not ok %s: %s\n", cases[i].name, said);
		else
			printf("ok %s\n", cases[i].name);
		fflush(stdout);
		failed |= said != NULL;
	}
	return failed;
}
