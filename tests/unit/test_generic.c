/* SPDX-License-Identifier: MIT */
/* Objects called by the names of their operations, with values as JSON: no stub knows them. */
#include "flow_servant.h"
#include "node.h"
#include "servant.h"

#include <pyrite/value.h>

#include "test.h"

#include <pyrite/gen.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/budget.h"
#include "context/call_wish.h"
#include "generic/generic.h"
#include "value/json_read.h"

static struct place place;

static pyr_proxy *open_work(void)
{
	pyr_proxy *proxy;

	REQUIRE(place_open(&place, &(struct pyr_daemon_options){ .threads = 2 }));
	proxy = pyr_proxy_new(place.uri);
	REQUIRE(proxy != NULL);
	return proxy;
}

static void close_work(pyr_proxy *proxy)
{
	pyr_proxy_free(proxy);
	CHECK_INT(place_close(&place), 0);
}

/* What the call returns, or its error's message; valid until the next. */
static const char *called(pyr_proxy *proxy, const char *operation, const char *args)
{
	static char text[1024];
	char *json = NULL;

	if (pyr_proxy_call_json(proxy, operation, args, &json) < 0)
		snprintf(text, sizeof(text), "%s", pyr_last_error()->message);
	else
		snprintf(text, sizeof(text), "%s", json);
	pyr_free(json);
	return text;
}

TEST(b22_an_object_is_called_by_the_names_of_its_operations)
{
	pyr_proxy *work = open_work();

	CHECK_STR(called(work, "add", "{\"x\": 1, \"y\": 2}"), "3");
	CHECK_STR(called(work, "e2e.Work.add", "[40, \"2\"]"), "42");
	CHECK_STR(called(work, "echo", "[\"\\u20ac\"]"), "\"\u20ac\"");
	CHECK_STR(called(work, "who", NULL), "\"work\"");
	CHECK_STR(called(work, "open", "[3]"), "null");
	CHECK_STR(called(work, "held", ""), "{\"ret\": 0, \"told\": 0}");
	CHECK_INT(pyr_proxy_call_json(work, "open", "[3]", NULL), 0);
	close_work(work);
}

TEST(what_does_not_fit_is_refused_before_anything_is_sent)
{
	pyr_proxy *work = open_work();

	CHECK_STR(called(work, "add", "[1, 4000000000]"),
		  "e2e.Work.add: parameter 'y': 4000000000 does not fit int32");
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_STR(called(work, "add", "[1]"), "e2e.Work.add: parameter 'y': is missing");
	CHECK_STR(called(work, "relay", "{\"uris\": [\"a\", 7], \"number\": 1}"),
		  "e2e.Work.relay: uris[1]: expected a string, got 7");
	CHECK_STR(called(work, "subtract", "[1]"), "e2e.Work has no operation 'subtract'");
	CHECK_INT(pyr_last_error()->code, PYR_UNIMPLEMENTED);
	CHECK_INT(pyr_proxy_call_json(NULL, "add", NULL, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_proxy_call_json(work, NULL, NULL, NULL), -PYR_INVALID_ARGUMENT);
	close_work(work);
}

TEST(exceptions_are_told_as_json)
{
	pyr_proxy *work = open_work();
	char *json;

	CHECK_INT(pyr_proxy_call_json(work, "raise", "[7, \"no\"]", NULL), -PYR_ABORTED);
	json = pyr_proxy_error_json(work);
	REQUIRE(json != NULL);
	CHECK_STR(json, "{\"@type\": \"e2e.Refused\", \"number\": 7, \"why\": \"no\"}");
	CHECK_STR(pyr_last_error()->exception, "e2e.Refused");
	pyr_free(json);
	CHECK_INT(pyr_proxy_call_json(work, "returns", "[-5]", NULL), -5);
	CHECK(pyr_proxy_error_json(work) == NULL);
	close_work(work);
}

/* The arguments of a call, or the error's message; valid until the next. */
static const char *typed(pyr_proxy *proxy, const char *operation, const char *a, const char *b)
{
	static char text[1024];
	const char *words[] = { a, b };
	char *json = NULL;

	if (pyr_proxy_args_json(proxy, operation, words, (a != NULL) + (b != NULL), &json) < 0)
		snprintf(text, sizeof(text), "%s", pyr_last_error()->message);
	else
		snprintf(text, sizeof(text), "%s", json);
	pyr_free(json);
	return text;
}

TEST(arguments_are_taken_as_people_type_them)
{
	pyr_proxy *work = open_work();

	CHECK_STR(typed(work, "add", "1", "2"), "{\"x\": 1, \"y\": 2}");
	CHECK_STR(typed(work, "add", "y=1", "2"), "{\"x\": 2, \"y\": 1}");
	CHECK_STR(typed(work, "add", "{\"x\": 1}", NULL), "{\"x\": 1}");
	CHECK_STR(typed(work, "add", "1", "two"), "{\"x\": 1, \"y\": \"two\"}");
	CHECK_STR(called(work, "add", "{\"x\": 1, \"y\": \"two\"}"),
		  "e2e.Work.add: parameter 'y': expected an integer, got two");
	CHECK_STR(typed(work, "add", NULL, NULL), "{}");
	CHECK_STR(typed(work, "refuse", "1", "it's \"so\""),
		  "{\"key\": 1, \"why\": \"it's \\\"so\\\"\"}");
	CHECK_STR(typed(work, "refuse", "why=a=b", "key=1"), "{\"key\": 1, \"why\": \"a=b\"}");
	CHECK_STR(typed(work, "echo", "7", NULL), "{\"text\": \"7\"}");
	CHECK_STR(typed(work, "echo", "\"7\"", NULL), "{\"text\": \"7\"}");
	CHECK_STR(typed(work, "relay", "[\"a\"]", "1"), "{\"uris\": [\"a\"], \"number\": 1}");
	CHECK_STR(typed(work, "add", "1, \"y\": 2", NULL),
		  "e2e.Work.add: parameter 'x': malformed JSON at byte 1: something follows the "
		  "value");
	CHECK_STR(typed(work, "add", "x=1", "x=2"), "e2e.Work.add: parameter 'x' occurs twice");
	CHECK_STR(typed(work, "echo", "a", "b"), "e2e.Work.echo: 'b' is one argument too many");
	close_work(work);
}

TEST(generated_proxies_are_called_by_json_and_described_too)
{
	pyr_proxy *learned = open_work();
	struct e2e_Work *work = e2e_Work_proxy(place.uri);
	char *a = NULL, *b = NULL;

	CHECK_STR(called(e2e_Work_as_proxy(work), "add", "[1, 2]"), "3");
	CHECK_INT(pyr_proxy_describe(learned, &a), 0);
	CHECK_INT(pyr_proxy_describe(e2e_Work_as_proxy(work), &b), 0);
	CHECK_STR(a, b);
	CHECK_HAS(a, "int32 add(in int32 x, in int32 y);");
	pyr_free(a);
	pyr_free(b);
	e2e_Work_free(work);
	close_work(learned);
}

TEST(a_proxy_is_not_made_of_what_is_not_there_or_not_shown)
{
	char uri[300];

	CHECK(pyr_proxy_new(NULL) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK(pyr_proxy_new("PYRO:") == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	REQUIRE(place_open(&place, &(struct pyr_daemon_options){ .inspect = PYR_NO }));
	CHECK(pyr_proxy_new(place.uri) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_PERMISSION_DENIED);
	snprintf(uri, sizeof(uri), "PYRO:nobody@%s", pyr_daemon_address(place.daemon));
	CHECK(pyr_proxy_new(uri) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_NOT_FOUND);
	CHECK_INT(place_close(&place), 0);
}

TEST(a_deadline_holds_for_a_call_by_json)
{
	pyr_proxy *work = open_work();

	pyr_proxy_set_timeout(work, 50);
	CHECK_INT(pyr_proxy_call_json(work, "pass", "[0]", NULL), -PYR_DEADLINE_EXCEEDED);
	work_open(&place.work, 0);
	close_work(work);
}

/* ---- streams ---- */

TEST(streams_are_read_and_written_item_by_item)
{
	struct flow_place flow;
	pyr_stream *stream = NULL;
	char *json = NULL;
	pyr_proxy *proxy;
	int n = 0;

	REQUIRE(flow_open(&flow, &flow_variants[0]));
	proxy = pyr_proxy_new(flow.uri);
	REQUIRE(proxy != NULL);
	CHECK_INT(pyr_proxy_operation_streams(proxy, "count"), PYR_STREAMS_READ);
	CHECK_INT(pyr_proxy_operation_streams(proxy, "sum"), PYR_STREAMS_WRITTEN);
	CHECK_INT(pyr_proxy_operation_streams(proxy, "peek"), 0);
	CHECK_INT(pyr_proxy_operation_streams(proxy, "x"), -PYR_UNIMPLEMENTED);
	REQUIRE(pyr_proxy_open_json(proxy, "count", "[5, 3]", &stream) == 0);
	while (pyr_stream_next_json(stream, &json) == 1) {
		CHECK_INT(atoi(json), 5 + n++);
		pyr_free(json);
	}
	CHECK_INT(n, 3);
	pyr_stream_free(stream);
	REQUIRE(pyr_proxy_open_json(proxy, "sum", "{\"start\": \"100\"}", &stream) == 0);
	CHECK_INT(pyr_stream_write_json(stream, "\"20\""), 0);
	CHECK_INT(pyr_stream_write_json(stream, "3"), 0);
	CHECK_INT(pyr_stream_write_json(stream, "x"), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_stream_finish_json(stream, &json), 0);
	CHECK_STR(json, "{\"ret\": \"123\", \"n\": 2}");
	pyr_free(json);
	REQUIRE(pyr_proxy_open_json(proxy, "points", NULL, &stream) == 0);
	CHECK_INT(pyr_stream_write_json(stream, "{\"x\": 1, \"name\": \"a\"}"), 0);
	CHECK_INT(pyr_stream_end(stream), 0);
	CHECK_INT(pyr_stream_next_json(stream, &json), 1);
	CHECK_STR(json, "{\"x\": 1, \"name\": \"a\"}");
	pyr_free(json);
	CHECK_INT(pyr_stream_next_json(stream, &json), 0);
	pyr_stream_free(stream);
	CHECK_INT(pyr_proxy_call_json(proxy, "count", "[1, 1]", NULL), -PYR_INVALID_ARGUMENT);
	pyr_proxy_free(proxy);
	CHECK_INT(flow_close(&flow), 0);
}

TEST(options_of_a_call_that_is_not_made_are_of_no_other)
{
	static const char *const wrong[][2] = { { "nothing", "[]" },
						{ "count", "[1, 1]" },
						{ "sum", "[[]]" } };
	struct flow_place flow;
	pyr_proxy *proxy;
	size_t i;

	REQUIRE(flow_open(&flow, &flow_variants[0]));
	proxy = pyr_proxy_new(flow.uri);
	REQUIRE(proxy != NULL);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		pyr__with(proxy, &(struct pyr_call_options){ .timeout_ms = 1 },
			  sizeof(struct pyr_call_options));
		CHECK(pyr_proxy_call_json(proxy, wrong[i][0], wrong[i][1], NULL) < 0);
		CHECK(!wish_is_for(proxy));
	}
	pyr_proxy_free(proxy);
	CHECK_INT(flow_close(&flow), 0);
}

/* ---- references ---- */

TEST(objects_are_passed_by_their_uris)
{
	struct node_place here, there;
	char args[300], wanted[300];
	pyr_proxy *proxy;

	REQUIRE(node_open(&here, &(struct pyr_daemon_options){ 0 }));
	REQUIRE(node_open(&there, &(struct pyr_daemon_options){ 0 }));
	proxy = pyr_proxy_new(here.uri);
	REQUIRE(proxy != NULL);
	snprintf(args, sizeof(args), "{\"other\": \"%s\", \"x\": 1, \"y\": 2}", there.uri);
	CHECK_STR(called(proxy, "ask", args), "3");
	snprintf(args, sizeof(args), "[\"%s\"]", there.uri);
	snprintf(wanted, sizeof(wanted), "\"%s\"", there.uri);
	CHECK_STR(called(proxy, "same", args), wanted);
	CHECK_STR(called(proxy, "same", "[null]"), "null");
	CHECK_HAS(called(proxy, "same", "[\"nonsense\"]"), "parameter 'x':");
	pyr_proxy_free(proxy);
	node_close(&there);
	node_close(&here);
}

/* Calls with that list of arguments; max: bytes that its values may take. */
static int call_within(pyr_proxy *proxy, const char *operation, const char *list, size_t max)
{
	struct budget *budget = budget_new(NULL, max);
	struct json json;
	struct generic_arguments arguments = { .positional = &json.source, .budget = budget };
	int err;

	json_begin(&json, list, strlen(list));
	err = generic_call(proxy, operation, &arguments, NULL);
	CHECK_INT(budget_used(budget), 0);
	budget_unref(budget);
	return err;
}

TEST(what_arguments_take_is_charged_to_who_sent_them)
{
	enum { N = 100000 };
	pyr_proxy *work = open_work();
	char *list = malloc(N + 5);

	REQUIRE(list != NULL);
	memset(list, 'x', N + 5);
	memcpy(list, "[\"", 2);
	memcpy(list + N, "\"]", 3);
	CHECK_INT(call_within(work, "echo", list, 4 * N), 0);
	CHECK_INT(call_within(work, "echo", list, N / 2), -PYR_RESOURCE_EXHAUSTED);
	free(list);
	close_work(work);
}

TEST(proxies_of_uris_that_are_passed_are_charged_too)
{
	enum { N = 1000 };
	struct node_place here;
	pyr_proxy *proxy;
	char list[N * 24 + 8];
	size_t n = 2;
	int i;

	REQUIRE(node_open(&here, &(struct pyr_daemon_options){ 0 }));
	proxy = pyr_proxy_new(here.uri);
	REQUIRE(proxy != NULL);
	memcpy(list, "[[", 2);
	for (i = 0; i < N; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s\"PYRO:x@[::1]:1\"",
				      i ? "," : "");
	snprintf(list + n, sizeof(list) - n, "]]");
	CHECK(call_within(proxy, "nodes", list, N * 120) < 0);
	CHECK_HAS(pyr_last_error()->message, "out of memory");
	pyr_proxy_free(proxy);
	node_close(&here);
}

TESTS(generic, T(b22_an_object_is_called_by_the_names_of_its_operations),
      T(what_does_not_fit_is_refused_before_anything_is_sent), T(exceptions_are_told_as_json),
      T(arguments_are_taken_as_people_type_them),
      T(generated_proxies_are_called_by_json_and_described_too),
      T(a_proxy_is_not_made_of_what_is_not_there_or_not_shown),
      T(a_deadline_holds_for_a_call_by_json), T(streams_are_read_and_written_item_by_item),
      T(options_of_a_call_that_is_not_made_are_of_no_other), T(objects_are_passed_by_their_uris),
      T(what_arguments_take_is_charged_to_who_sent_them),
      T(proxies_of_uris_that_are_passed_are_charged_too))
