/* SPDX-License-Identifier: MIT */
/* pyrite call: an operation of any object, with arguments as people type them. */
#include <argp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "objects.h"
#include "words.h"

static const struct argp_option options[] = {
	{ "timeout", 't', "MS", 0,
	  "Deadline of the call, in milliseconds (PYRITE_TIMEOUT_MS, none)", 0 },
	{ "repeat", 'r', "N", 0, "Call N times (1)", 0 },
	WORDS_JSON("Print errors as JSON too; items that are read are JSON"),
	{ 0 },
};

struct input {
	struct words words; /* the URI, the operation, its arguments */
	uint32_t timeout_ms, repeat;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct input *input = state->input;

	switch (key) {
	case 't':
		input->timeout_ms = words_number(state, arg, "a time", 1, INT32_MAX);
		return 0;
	case 'r':
		input->repeat = words_number(state, arg, "a number", 1, UINT32_MAX - 1);
		return 0;
	default:
		return words_parse(key, arg, state, &input->words);
	}
}

/* A call in progress. */
struct call {
	const struct input *input;
	pyr_proxy *proxy;
	const char *operation;
	char *args; /* JSON */
	pyr_stream *stream;
};

static int complain(const struct call *call)
{
	return objects_complain("pyrite call", call->proxy, call->input->words.is_json);
}

/* json: freed. */
static void print(char *json)
{
	puts(json);
	fflush(stdout);
	pyr_free(json);
}

static int call_once(const struct call *call)
{
	char *json;

	if (pyr_proxy_call_json(call->proxy, call->operation, call->args, &json) < 0)
		return complain(call);
	print(json);
	return COMMAND_OK;
}

/* ---- streams ---- */

/* A line of the input is an item. Returns 0 or minus a status. */
static int write_line(const struct call *call, char *line)
{
	char *item = NULL;
	int err;

	line[strcspn(line, "\r\n")] = '\0';
	err = call->input->words.is_json ? 0 : pyr_stream_item_json(call->stream, line, &item);
	if (err == 0)
		err = pyr_stream_write_json(call->stream, item ? item : line);
	pyr_free(item);
	return err;
}

/* Until the input ends. */
static int write_lines(const struct call *call)
{
	char *line = NULL;
	size_t room = 0;
	int err = 0;

	while (err == 0 && getline(&line, &room, stdin) >= 0)
		err = write_line(call, line);
	free(line);
	return err < 0 ? err : pyr_stream_end(call->stream);
}

/* The input is read beside the answers, so that each line may have its own. If it is still read
 * when the answers end, the program ends with it. */
static void *write_beside(void *data)
{
	const struct call *call = data;

	if (write_lines(call) < 0) {
		complain(call);
		pyr_stream_cancel(call->stream);
	}
	return NULL;
}

static int read_items(const struct call *call)
{
	char *json;
	int n;

	while ((n = pyr_stream_next_json(call->stream, &json)) > 0)
		print(json);
	return n < 0 ? complain(call) : COMMAND_OK;
}

static int write_and_finish(const struct call *call)
{
	char *json;
	int err = write_lines(call), code;

	if (err < 0) {
		code = complain(call);
		pyr_stream_free(call->stream);
		return code;
	}
	if (pyr_stream_finish_json(call->stream, &json) < 0)
		return complain(call);
	print(json);
	return COMMAND_OK;
}

static int call_streams(struct call *call, int streams)
{
	pthread_t writer;
	int code;

	if (pyr_proxy_open_json(call->proxy, call->operation, call->args, &call->stream) < 0)
		return complain(call);
	if (!(streams & PYR_STREAMS_READ))
		return write_and_finish(call);
	if (!(streams & PYR_STREAMS_WRITTEN)) {
		code = read_items(call);
		pyr_stream_free(call->stream);
		return code;
	}
	if (pthread_create(&writer, NULL, write_beside, call) != 0) {
		pyr_stream_free(call->stream);
		fputs("pyrite call: no thread for the input\n", stderr);
		return COMMAND_REFUSED;
	}
	code = read_items(call);
	fflush(stdout);
	_exit(code); /* the other thread has the stream, perhaps for as long as nobody types */
}

static int run(struct call *call)
{
	const struct input *input = call->input;
	int streams = pyr_proxy_operation_streams(call->proxy, call->operation), code = COMMAND_OK;
	uint32_t i;

	if (streams < 0 || pyr_proxy_args_json(call->proxy, call->operation,
					       (const char *const *)input->words.list + 2,
					       (size_t)input->words.n - 2, &call->args) < 0)
		return complain(call);
	for (i = 0; code == COMMAND_OK && i < input->repeat; i++)
		code = streams ? call_streams(call, streams) : call_once(call);
	pyr_free(call->args);
	return code;
}

const struct argp call_argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "URI OPERATION [ARG...]",
	.doc = "Calls an operation of an object and prints what it returns, as JSON.\v"
	       "URI is PYRO:id@host:port, PYRONAME:name, PYROMETA:tag, or a name alone. "
	       "Arguments are values in the order of the parameters, or name=value; "
	       "strings, enumerators and URIs need no quotes of JSON, bytes are base64. "
	       "Items of a stream are printed line by line, or read from lines of the "
	       "input.\n\n"
	       "Example: pyrite call example.server add 1 2\n\n"
	       "Exit codes: 0 success, 1 wrong usage or arguments, 2 refused or failed, "
	       "3 not reachable, or too late.",
};

int call_main(int argc, char **argv)
{
	struct input input = { .repeat = 1 };
	struct call call = { .input = &input };
	char *uri;
	int code;

	input.words = (struct words){ .min = 2, .needs = "expected a URI and an operation" };
	input.words.takes_rest = true;
	argp_parse(&call_argp, argc, argv, ARGP_IN_ORDER, NULL, &input);
	uri = objects_uri(input.words.list[0]);
	call.operation = input.words.list[1];
	call.proxy = pyr_proxy_new(uri);
	free(uri);
	if (!call.proxy)
		return complain(&call);
	if (input.timeout_ms)
		pyr_proxy_set_timeout(call.proxy, input.timeout_ms);
	code = run(&call);
	pyr_proxy_free(call.proxy);
	return code;
}
