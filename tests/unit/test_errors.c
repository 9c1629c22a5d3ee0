/* SPDX-License-Identifier: MIT */
/* Errors that go through several daemons, as they are caught, traced, printed and told to hooks. */
#include "hop.h"

#include "test.h"

#include <stdio.h>

enum { HOPS = 3 };

static struct hop hops[HOPS];
static struct hops_Hop *first;
static const char *uris[HOPS];
static const struct pyr_string_seq way = { HOPS - 1, uris + 1 }, nowhere;

static const struct hop_way pool;

static void begin_at(const struct hop_way *at, const struct pyr_daemon_options *options)
{
	REQUIRE(hop_open_all(hops, HOPS, at, options, uris));
	first = hops_Hop_proxy(uris[0]);
	REQUIRE(first != NULL);
}

static void begin(const struct pyr_daemon_options *options)
{
	begin_at(&pool, options);
}

static void finish(void)
{
	hops_Hop_free(first);
	CHECK(hop_close_all(hops, HOPS));
}

/* Puts "<n>" for the address of daemon n. */
static void hide_addresses(char *text)
{
	char rest[8192], *at;
	const char *address;
	int i;

	for (i = 0; i < HOPS; i++) {
		address = pyr_daemon_address(hops[i].daemon);
		while ((at = strstr(text, address))) {
			snprintf(rest, sizeof(rest), "<%d>%s", i, at + strlen(address));
			strcpy(at, rest);
		}
	}
}

/* Puts "#" for the numbers of lines. */
static void hide_lines(char *text)
{
	char *at = text, *end;

	while ((at = strstr(at, "hop.c:"))) {
		at += strlen("hop.c:");
		end = at + strspn(at, "0123456789");
		*at++ = '#';
		memmove(at, end, strlen(end) + 1);
	}
}

static void print(char *text, size_t n)
{
	FILE *stream = fmemopen(text, n, "w");

	REQUIRE(stream != NULL);
	pyr_error_print(NULL, stream);
	fclose(stream);
	hide_addresses(text);
	hide_lines(text);
}

static void check_path(const struct hop_way *at)
{
	char text[8192] = "";

	begin_at(at, NULL);
	CHECK_INT(pyr_set_correlation_id("request 17"), 0);
	CHECK_INT(hops_Hop_fail(first, &way, PYR_NOT_FOUND, "no such thing"), -PYR_NOT_FOUND);
	CHECK_STR(pyr_errmsg(), "no such thing");
	print(text, sizeof(text));
	CHECK_STR(text, "Trace (most recent call last):\n"
			"  calling hops.Hop.fail of 'hop' at <0>\n"
			"NOT_FOUND: no such thing\n"
			" +--- This error occurred remotely (Pyrite) - Remote trace:\n"
			" | Trace (most recent call last):\n"
			" |   hop.c:# in hops.Hop.fail of 'hop' at <0>\n"
			" |   in hops.Hop.fail of 'hop' at <1>\n"
			" |   hop.c:# in hops.Hop.fail of 'hop' at <2>\n"
			" | NOT_FOUND: no such thing\n"
			" | correlation id: request 17\n"
			" +--- End of remote trace\n");
	CHECK_INT(pyr_set_correlation_id(NULL), 0);
	finish();
}

TEST(e3_an_error_raised_three_hops_away_prints_its_whole_path)
{
	hop_each_way(check_path);
}

TEST(e3_traces_go_to_whom_the_daemon_lets_them)
{
	begin(&(struct pyr_daemon_options){ .traces = PYR_NO });
	CHECK_INT(hops_Hop_fail(first, &nowhere, PYR_NOT_FOUND, "x"), -PYR_NOT_FOUND);
	CHECK_STR(pyr_last_error()->trace, "");
	finish();
}

TEST(e4_a_trace_names_file_and_line_operation_object_and_address)
{
	char text[512];

	begin(NULL);
	CHECK_INT(hops_Hop_fail(first, &nowhere, PYR_NOT_FOUND, "x"), -PYR_NOT_FOUND);
	snprintf(text, sizeof(text), " in hops.Hop.fail of 'hop' at %s\n",
		 pyr_daemon_address(hops[0].daemon));
	CHECK_INT(strncmp(pyr_last_error()->trace, "hop.c:", 6), 0);
	CHECK_HAS(pyr_last_error()->trace, text);
	finish();
}

static void check_typed(const struct hop_way *at)
{
	const struct hops_Broken *broken;

	begin_at(at, NULL);
	CHECK_INT(hops_Hop_raise(first, &way, 7), -PYR_ABORTED);
	broken = hops_Broken_caught();
	REQUIRE(broken != NULL);
	CHECK_INT(broken->at, 7);
	CHECK_STR(broken->why, "worn out");
	CHECK_STR(pyr_last_error()->exception, "hops.Broken");
	finish();
}

TEST(e2_an_exception_stays_typed_through_all_hops)
{
	hop_each_way(check_typed);
}

TEST(e2_an_exception_that_was_not_declared_travels_as_it_is)
{
	const struct hops_Broken *broken;

	begin(NULL);
	CHECK_INT(hops_Hop_slip(first, &way, 8), -PYR_ABORTED);
	broken = hops_Broken_caught();
	REQUIRE(broken != NULL);
	CHECK_INT(broken->at, 8);
	CHECK_STR(pyr_errmsg(), "hops.Broken");
	finish();
}

TEST(e6_a_connection_that_fails_a_method_is_its_error_and_not_its_callers)
{
	static const char *dead[] = { "PYRO:hop@127.0.0.1:1" };
	const struct pyr_string_seq to_dead = { 1, dead };
	int32_t sum;

	begin(NULL);
	CHECK_INT(hops_Hop_fail(first, &to_dead, 5, "x"), -PYR_UNAVAILABLE);
	CHECK(pyr_last_error()->remote);
	CHECK_HAS(pyr_errmsg(), "CommunicationError: cannot connect to 127.0.0.1:1");
	CHECK_HAS(pyr_last_error()->trace, "calling hops.Hop.fail of 'hop' at 127.0.0.1:1\n"
					   "in hops.Hop.fail of 'hop' at ");
	CHECK_INT(hops_Hop_add(first, 2, 3, &sum), 0);
	finish();
}

/* ---- classes ---- */

TEST(e1_errors_have_pyros_classes)
{
	struct pyr_error error = { .code = PYR_UNAVAILABLE };
	static const struct {
		const char *message, *name;
		bool is_communication;
	} cases[] = {
		{ "CommunicationError: cannot connect", "CommunicationError", true },
		{ "ConnectionClosed: 127.0.0.1:1", "ConnectionClosed", true },
		{ "TimeoutError: no answer", "TimeoutError", true },
		{ "ProtocolError: x", "ProtocolError", true },
		{ "MessageTooLarge: x", "MessageTooLarge", true },
		{ "NamingError: no name", "NamingError", false },
		{ "DaemonError: x", "DaemonError", false },
		{ "SecurityError: x", "SecurityError", false },
		{ "no account 7", "", false },
		{ "TimeoutErrors: x", "", false },
		{ "TimeoutError", "", false },
		{ "", "", false },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error.message = cases[i].message;
		CHECK_STR(pyr_error_class(&error), cases[i].name);
		CHECK_INT(pyr_error_is_communication(&error), cases[i].is_communication);
		error.raised = true; /* by a method: its words mean nothing here */
		CHECK_STR(pyr_error_class(&error), "");
		CHECK(!pyr_error_is_communication(&error));
		error.raised = false;
	}
}

/* ---- printing ---- */

static char printed[200000];

static const char *printed_of(const pyr_error *error)
{
	FILE *stream = fmemopen(printed, sizeof(printed), "w");

	if (!stream)
		return "";
	pyr_error_print(error, stream);
	fclose(stream);
	return printed;
}

TEST(what_comes_from_elsewhere_is_escaped_and_bounded)
{
	char *message = malloc(100001), *trace = malloc(100001);
	struct pyr_error error = { .code = PYR_ABORTED, .remote = true };
	size_t i;

	REQUIRE(message && trace);
	memset(message, '\x1b', 100000);
	for (i = 0; i < 100000; i++)
		trace[i] = i % 1000 == 999 ? '\n' : '\a';
	message[100000] = trace[100000] = '\0';
	error.message = message;
	error.trace = trace;
	error.object = error.operation = error.address = error.exception = "";
	error.correlation_id = "\n";
	CHECK(strlen(printed_of(&error)) < 100000);
	CHECK(!strchr(printed, '\x1b') && !strchr(printed, '\a'));
	CHECK_HAS(printed, " |   ... 68 more\n");
	CHECK_HAS(printed, " | correlation id: \\n\n");
	CHECK_HAS(printed, " +--- End of remote trace\n");
	free(message);
	free(trace);
}

TEST(an_error_found_here_has_no_remote_part)
{
	struct pyr_error error = { .code = PYR_DEADLINE_EXCEEDED, .may_have_run = true };

	error.message = "TimeoutError: no answer from 127.0.0.1:4000 in time";
	error.object = "acc";
	error.operation = "bank.Account.pay";
	error.address = "127.0.0.1:4000";
	error.exception = error.trace = error.correlation_id = "";
	CHECK_STR(printed_of(&error),
		  "Trace (most recent call last):\n"
		  "  calling bank.Account.pay of 'acc' at 127.0.0.1:4000, which may have run\n"
		  "DEADLINE_EXCEEDED: TimeoutError: no answer from 127.0.0.1:4000 in time\n");
	error.code = 0;
	CHECK_STR(printed_of(&error), "no error\n");
}

/* ---- the hook ---- */

static struct {
	pthread_mutex_t lock;
	int n;
	char text[2048];
	const char *poke; /* what the hook calls, and fails in */
} told = { .lock = PTHREAD_MUTEX_INITIALIZER };
static atomic_int n_told;

static void on_error(const pyr_call *call, const pyr_error *error, void *data)
{
	struct hops_Hop *hop;
	size_t n;

	CHECK(data == &told);
	if (told.poke) {
		hop = hops_Hop_proxy(told.poke);
		CHECK_INT(hops_Hop_add(hop, 1, 1, NULL), -PYR_NOT_FOUND);
		hops_Hop_free(hop);
	}
	pthread_mutex_lock(&told.lock);
	n = strlen(told.text);
	snprintf(told.text + n, sizeof(told.text) - n, "%s: %s: %s\n", pyr_call_operation(call),
		 pyr_status_name(error->code), error->message);
	pthread_mutex_unlock(&told.lock);
	atomic_fetch_add(&n_told, 1);
}

static void begin_hooked(const struct hop_way *at)
{
	struct pyr_daemon_options options = { 0 };

	told.text[0] = '\0';
	told.poke = NULL;
	atomic_store(&n_told, 0);
	options.on_call_error = on_error;
	options.hook_data = &told;
	begin_at(at, &options);
}

static void check_hook(const struct hop_way *at)
{
	begin_hooked(at);
	CHECK_INT(hops_Hop_fail(first, &nowhere, PYR_NOT_FOUND, "one"), -PYR_NOT_FOUND);
	CHECK_INT(hops_Hop_raise(first, &nowhere, 2), -PYR_ABORTED);
	CHECK_INT(hops_Hop_add(first, 1, 1, NULL), 0);
	CHECK_INT(n_told, 2); /* before the answer left */
	CHECK_STR(told.text, "hops.Hop.fail: NOT_FOUND: one\n"
			     "hops.Hop.raise: ABORTED: hops.Broken\n");
	CHECK_INT(hops_Hop_fail(first, &way, PYR_NOT_FOUND, "far"), -PYR_NOT_FOUND);
	CHECK_INT(n_told, 2 + HOPS); /* each daemon has its own */
	finish();
}

TEST(e5_the_daemons_hook_hears_of_every_error)
{
	hop_each_way(check_hook);
}

static void check_oneways(const struct hop_way *at)
{
	char expected[2048] = "", text[8];
	int i;

	begin_hooked(at);
	for (i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "%d", i);
		CHECK_INT(hops_Hop_shout(first, PYR_INTERNAL, text), 0);
		snprintf(expected + strlen(expected), 64, "hops.Hop.shout: INTERNAL: %d\n", i);
	}
	CHECK(hop_reaches(&n_told, 20));
	CHECK_STR(told.text, expected);
	CHECK_INT(hops_Hop_add(first, 1, 1, NULL), 0);
	finish();
}

TEST(d1_errors_of_oneways_reach_the_hook_in_order_and_nobody_else)
{
	hop_each_way(check_oneways);
}

TEST(e6_oneway_errors_are_not_told_to_the_caller)
{
	begin(NULL);
	CHECK_INT(hops_Hop_shout(first, PYR_INTERNAL, "who hears me"), 0);
	CHECK_INT(hops_Hop_add(first, 1, 1, NULL), 0);
	finish();
}

static void check_hook_that_fails(const struct hop_way *at)
{
	char missing[256], *session, *again;

	begin_hooked(at);
	snprintf(missing, sizeof(missing), "PYRO:nobody@%s", pyr_daemon_address(hops[1].daemon));
	told.poke = missing;
	CHECK_INT(hops_Hop_whose(first, &session), 0);
	CHECK_INT(hops_Hop_fail(first, &nowhere, PYR_DATA_LOSS, "the error of the method"),
		  -PYR_DATA_LOSS);
	CHECK_STR(pyr_errmsg(), "the error of the method");
	CHECK_INT(hops_Hop_fail(first, &way, PYR_OUT_OF_RANGE, "handed on"), -PYR_OUT_OF_RANGE);
	CHECK_STR(pyr_errmsg(), "handed on");
	CHECK_INT(hops_Hop_shout(first, PYR_INTERNAL, "x"), 0);
	CHECK(hop_reaches(&n_told, 2 + HOPS));
	CHECK_INT(hops_Hop_whose(first, &again), 0);
	CHECK_STR(again, session); /* the connection is still the same */
	pyr_free(session);
	pyr_free(again);
	finish();
}

TEST(t6_an_error_in_a_hook_ends_no_connection)
{
	hop_each_way(check_hook_that_fails);
}

TEST(t8_an_object_that_is_not_there_is_no_communication_error)
{
	struct hops_Hop *nobody;
	char uri[256];

	begin(NULL);
	snprintf(uri, sizeof(uri), "PYRO:nobody@%s", pyr_daemon_address(hops[0].daemon));
	nobody = hops_Hop_proxy(uri);
	CHECK_INT(hops_Hop_add(nobody, 1, 1, NULL), -PYR_NOT_FOUND);
	CHECK_HAS(pyr_errmsg(), "no object 'nobody' at ");
	CHECK(!pyr_error_is_communication(NULL));
	CHECK_INT(hops_Hop_add(first, 1, 1, NULL), 0);
	hops_Hop_free(nobody);
	finish();
}

/* ---- Pyro's messages (docs/pyro.md) ---- */

TEST(message_of_a_server_that_is_not_there)
{
	struct hops_Hop *nobody = hops_Hop_proxy("PYRO:hop@127.0.0.1:1");

	CHECK_INT(hops_Hop_add(nobody, 1, 1, NULL), -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "CommunicationError: cannot connect to 127.0.0.1:1: ");
	CHECK(!pyr_last_error()->may_have_run && !pyr_last_error()->remote);
	CHECK(pyr_error_is_communication(NULL));
	hops_Hop_free(nobody);
	CHECK(!pyr_ns_locate("127.0.0.1:1"));
	CHECK_HAS(pyr_errmsg(), "NamingError: failed to locate the name server at 127.0.0.1:1: ");
}

TEST(message_of_a_name_whose_name_server_is_not_there)
{
	struct hops_Hop *nobody = hops_Hop_proxy("PYRONAME:hop@127.0.0.1:1");

	CHECK_INT(hops_Hop_add(nobody, 1, 1, NULL), -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "CommunicationError: cannot connect to 127.0.0.1:1: ");
	CHECK_HAS(pyr_errmsg(), " (name server at 127.0.0.1:1)");
	CHECK(!pyr_last_error()->may_have_run && !pyr_last_error()->remote);
	CHECK(pyr_error_is_communication(NULL));
	hops_Hop_free(nobody);
}

TEST(message_of_an_answer_that_does_not_come)
{
	char text[256];

	begin(NULL);
	CHECK_INT(hops_Hop_add(first, 1, 1, NULL),
		  0); /* the link stands: what follows leaves at once */
	CHECK_INT(hops_Hop_linger(
			  hops_Hop_with(first, &(struct pyr_call_options){ .timeout_ms = 50 }),
			  &nowhere),
		  -PYR_DEADLINE_EXCEEDED);
	snprintf(text, sizeof(text), "TimeoutError: no answer from %s in time",
		 pyr_daemon_address(hops[0].daemon));
	CHECK_STR(pyr_errmsg(), text);
	CHECK(pyr_last_error()->may_have_run);
	CHECK_STR(pyr_error_class(NULL), "TimeoutError");
	finish();
}

TEST(message_of_what_is_too_large)
{
	char *text = calloc(1, 70001);

	REQUIRE(text != NULL);
	memset(text, 'x', 70000);
	begin(&(struct pyr_daemon_options){ .max_message = 65536 });
	CHECK_INT(pyr_proxy_bind(hops_Hop_as_proxy(first)), 0);
	CHECK_INT(hops_Hop_fail(first, &nowhere, 5, text), -PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(pyr_errmsg(), "MessageTooLarge: a request of 70");
	CHECK_HAS(pyr_errmsg(), " bytes, the maximum is 65536");
	finish();
	free(text);
}

TEST(message_of_a_daemon_that_is_run_again)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	char text[256];

	REQUIRE(daemon != NULL);
	pyr_daemon_stop(daemon);
	CHECK_INT(pyr_daemon_run(daemon), 0);
	CHECK_INT(pyr_daemon_run(daemon), -PYR_FAILED_PRECONDITION);
	snprintf(text, sizeof(text), "DaemonError: the daemon at %s was stopped: make another",
		 pyr_daemon_address(daemon));
	CHECK_STR(pyr_errmsg(), text);
	pyr_daemon_free(daemon);
}

TESTS(errors, T(e3_an_error_raised_three_hops_away_prints_its_whole_path),
      T(e3_traces_go_to_whom_the_daemon_lets_them),
      T(e4_a_trace_names_file_and_line_operation_object_and_address),
      T(e2_an_exception_stays_typed_through_all_hops),
      T(e2_an_exception_that_was_not_declared_travels_as_it_is),
      T(e6_a_connection_that_fails_a_method_is_its_error_and_not_its_callers),
      T(e1_errors_have_pyros_classes), T(what_comes_from_elsewhere_is_escaped_and_bounded),
      T(an_error_found_here_has_no_remote_part), T(e5_the_daemons_hook_hears_of_every_error),
      T(d1_errors_of_oneways_reach_the_hook_in_order_and_nobody_else),
      T(e6_oneway_errors_are_not_told_to_the_caller), T(t6_an_error_in_a_hook_ends_no_connection),
      T(t8_an_object_that_is_not_there_is_no_communication_error),
      T(message_of_a_server_that_is_not_there), T(message_of_a_name_whose_name_server_is_not_there),
      T(message_of_an_answer_that_does_not_come), T(message_of_what_is_too_large),
      T(message_of_a_daemon_that_is_run_again))
