/* SPDX-License-Identifier: MIT */
/* The name server's client of etcd: what an operator writes, and what etcd's errors mean. */
#include "etcd/endpoints.h"
#include "etcd/verdict.h"
#include "test.h"

/* ---- endpoints ---- */

static struct endpoints endpoints;
static struct store_problem problem;

static bool reads(const char *text)
{
	problem = (struct store_problem){ 0 };
	return endpoints_read(text, &endpoints, &problem);
}

TEST(endpoints_have_hosts_and_ports)
{
	CHECK(reads("etcd.example.org:2379,10.0.0.1:12379"));
	CHECK_INT(endpoints.n, 2);
	CHECK_STR(endpoints.addresses[0], "etcd.example.org:2379");
	CHECK_STR(endpoints.addresses[1], "10.0.0.1:12379");
}

TEST(the_default_port_is_2379)
{
	CHECK(reads("a,[::1],[fe80::1%eth0]:99"));
	CHECK_INT(endpoints.n, 3);
	CHECK_STR(endpoints.addresses[0], "a:2379");
	CHECK_STR(endpoints.addresses[1], "[::1]:2379");
	CHECK_STR(endpoints.addresses[2], "[fe80::1%eth0]:99");
}

TEST(what_is_no_endpoint_is_refused_by_name)
{
	static const char *const bad[] = { "",       ",",     "a,",    "a:0",           "a:65536",
					   "a:x",    "a:1:2", "a b:1", "[::1:1",        "[]:1",
					   "::1",    "a:",    "a:-1",  "a:99999999999", "a/b:1",
					   "[::1]x", "[::1]1" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(!reads(bad[i]));
		CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
		CHECK_HAS(problem.text, "etcd endpoint '");
	}
	CHECK(!reads("http://127.0.0.1:2379"));
	CHECK_HAS(problem.text, "without http://");
	CHECK(!reads("a:1,a:1"));
	CHECK_STR(problem.text, "etcd endpoint a:1 is listed twice");
	CHECK(!reads(NULL));
}

TEST(endpoints_are_bounded)
{
	char text[1024] = "h0", host[300];
	int i;

	for (i = 1; i < 16; i++)
		snprintf(text + strlen(text), 16, ",h%d", i);
	CHECK(reads(text));
	CHECK_INT(endpoints.n, ETCD_MAX_ENDPOINTS);
	strcat(text, ",h16");
	CHECK(!reads(text));
	CHECK_STR(problem.text, "more than 16 etcd endpoints");
	memset(host, 'h', 255);
	host[255] = '\0';
	CHECK(reads(host));
	strcat(host, "h");
	CHECK(!reads(host));
}

/* ---- options ---- */

TEST(options_that_will_not_do_are_refused)
{
	struct etcd_options options = { .endpoints = "a", .own_prefix = "p/" };

	options.user = "u";
	CHECK(etcd_open(&options, &problem) == NULL);
	CHECK_HAS(problem.text, "a user needs a password");
	options.user = NULL;
	options.own_prefix = "";
	CHECK(etcd_open(&options, &problem) == NULL);
	CHECK_HAS(problem.text, "own_prefix");
	options.own_prefix = "p/";
	options.endpoints = "a:b";
	CHECK(etcd_open(&options, &problem) == NULL);
	CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
	options.endpoints = "a";
	options.ca = "/nonexistent/ca.pem";
	CHECK(etcd_open(&options, &problem) == NULL);
	CHECK_HAS(problem.text, "/nonexistent/ca.pem");
}

/* ---- verdicts ---- */

static struct verdict of(int code, bool remote, bool may_have_run, const char *message)
{
	pyr_error error = {
		.code = code, .remote = remote, .may_have_run = may_have_run, .message = message
	};

	return verdict_of(&error);
}

static enum etcd_result of_etcd(int code, const char *message)
{
	return of(code, true, false, message).result;
}

TEST(errors_of_etcd_are_told_apart_by_their_words)
{
	CHECK_INT(of_etcd(PYR_RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"),
		  ETCD_NO_SPACE);
	CHECK_INT(of_etcd(PYR_RESOURCE_EXHAUSTED, "etcdserver: too many requests"), ETCD_NOT_RUN);
	CHECK_INT(of_etcd(PYR_NOT_FOUND, "etcdserver: requested lease not found"), ETCD_NO_LEASE);
	CHECK_INT(of_etcd(PYR_FAILED_PRECONDITION, "etcdserver: lease already exists"), ETCD_DONE);
	CHECK_INT(
		of_etcd(PYR_OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"),
		ETCD_COMPACTED);
	CHECK_INT(of_etcd(PYR_PERMISSION_DENIED, "etcdserver: permission denied"), ETCD_REFUSED);
	CHECK_INT(of_etcd(PYR_INVALID_ARGUMENT, "etcdserver: too many operations in txn request"),
		  ETCD_REFUSED);
}

TEST(what_may_have_run_is_never_made_again)
{
	static const char *const doubts[] = {
		"etcdserver: request timed out",
		"etcdserver: request timed out, possibly due to previous leader failure",
		"etcdserver: leader changed", "etcdserver: server stopped", "anything else"
	};
	size_t i;

	for (i = 0; i < sizeof(doubts) / sizeof(doubts[0]); i++) {
		CHECK_INT(of_etcd(PYR_UNAVAILABLE, doubts[i]), ETCD_UNKNOWN);
		CHECK(!of(PYR_UNAVAILABLE, true, false, doubts[i]).may_retry);
	}
	CHECK_INT(of(PYR_UNAVAILABLE, false, true, "ConnectionClosed").result, ETCD_UNKNOWN);
	CHECK(!of(PYR_UNAVAILABLE, false, true, "ConnectionClosed").may_retry);
	CHECK_INT(of(PYR_DEADLINE_EXCEEDED, false, true, "TimeoutError").result, ETCD_UNKNOWN);
	CHECK_INT(of(PYR_RESOURCE_EXHAUSTED, false, true, "MessageTooLarge").result, ETCD_UNKNOWN);
}

TEST(what_has_not_run_is_made_again_elsewhere)
{
	struct verdict lost = of(PYR_UNAVAILABLE, false, false, "CommunicationError");
	struct verdict none = of(PYR_UNAVAILABLE, true, false, "etcdserver: no leader");
	struct verdict token =
		of(PYR_UNAUTHENTICATED, true, false, "etcdserver: invalid auth token");

	CHECK_INT(lost.result, ETCD_NOT_RUN);
	CHECK(lost.may_retry && lost.leaves);
	CHECK_INT(none.result, ETCD_NOT_RUN);
	CHECK(none.may_retry && none.leaves);
	CHECK_INT(token.result, ETCD_NOT_RUN);
	CHECK(token.may_retry && token.wants_token && !token.leaves);
}

TEST(texts_name_the_endpoint_and_what_to_do_and_fit)
{
	char text[ETCD_TEXT_SIZE], address[272], message[4096];
	pyr_error error = { .code = PYR_RESOURCE_EXHAUSTED, .remote = true, .message = message };

	snprintf(message, sizeof(message), "etcdserver: mvcc: database space exceeded");
	verdict_text(text, "h:1", &error, ETCD_NO_SPACE);
	CHECK_HAS(text, "etcd at h:1: etcdserver: mvcc: database space exceeded; make room");
	CHECK_HAS(text, "--quota-backend-bytes");
	memset(address, 'h', sizeof(address) - 1);
	address[sizeof(address) - 1] = '\0';
	memset(message, 'm', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	verdict_text(text, address, &error, ETCD_NO_SPACE);
	CHECK(strlen(text) < ETCD_TEXT_SIZE);
	CHECK_HAS(text, "--quota-backend-bytes");
}

TESTS(etcd_words, T(endpoints_have_hosts_and_ports), T(the_default_port_is_2379),
      T(what_is_no_endpoint_is_refused_by_name), T(endpoints_are_bounded),
      T(options_that_will_not_do_are_refused), T(errors_of_etcd_are_told_apart_by_their_words),
      T(what_may_have_run_is_never_made_again), T(what_has_not_run_is_made_again_elsewhere),
      T(texts_name_the_endpoint_and_what_to_do_and_fit))
