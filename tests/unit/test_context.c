/* SPDX-License-Identifier: MIT */
/* What goes along with calls: ids, annotations, deadlines and cancels through several hops; and
 * what stays with a session. */
#include "hop.h"

#include "test.h"

#include <stdio.h>

enum { HOPS = 3 };

static struct hop hops[HOPS];
static struct hops_Hop *first;
static const char *uris[HOPS];
static const struct pyr_string_seq way = { HOPS - 1, uris + 1 }, one_hop = { 1, uris + 1 }, nowhere;
#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void begin_at(const struct hop_way *at)
{
	REQUIRE(hop_open_all(hops, HOPS, at, NULL, uris));
	first = hops_Hop_proxy(uris[0]);
	REQUIRE(first != NULL);
}

static void begin(unsigned threads)
{
	begin_at(&(struct hop_way){ .threads = threads });
}

static void finish(void)
{
	hops_Hop_free(first);
	CHECK(hop_close_all(hops, HOPS));
}

static const char *looked_with(const struct pyr_string_seq *through,
			       const struct pyr_call_options *options)
{
	static char text[8192];
	char *seen = NULL;

	text[0] = '\0';
	CHECK_INT(hops_Hop_look(hops_Hop_with(first, options), through, &seen), 0);
	if (seen)
		snprintf(text, sizeof(text), "%s", seen);
	pyr_free(seen);
	return text;
}

static const char *looked(const struct pyr_string_seq *through)
{
	return looked_with(through, NULL);
}

/* ---- ids ---- */

static void check_id(const struct hop_way *at)
{
	begin_at(at);
	CHECK_INT(pyr_set_correlation_id("order 4711"), 0);
	CHECK_STR(looked(&way), "id=order 4711 parent=\nid=order 4711 parent=\n"
				"id=order 4711 parent=\n");
	CHECK_STR(looked_with(&nowhere, &(struct pyr_call_options){ .correlation_id = "another" }),
		  "id=another parent=\n");
	CHECK_STR(looked(&nowhere), "id=order 4711 parent=\n");
	CHECK_INT(pyr_set_correlation_id(NULL), 0);
	finish();
}

TEST(f2_a_correlation_id_reaches_every_hop)
{
	hop_each_way(check_id);
}

TEST(f2_all_hops_see_the_same_id_where_none_was_given)
{
	char id[64], again[64], expected[256];

	begin(0);
	REQUIRE(sscanf(looked(&way), "id=%32[0-9a-f] ", id) == 1);
	snprintf(expected, sizeof(expected), "id=%s parent=\n", id);
	CHECK_INT(strlen(id), 32);
	CHECK_HAS(looked(&nowhere), "parent=\n");
	REQUIRE(sscanf(looked(&way), "id=%32[0-9a-f] parent=\nid=%32[0-9a-f]", id, again) == 2);
	CHECK_STR(again, id);
	CHECK_INT(strncmp(expected + 3, id, 32) != 0, 1); /* another request has another */
	CHECK_INT(hops_Hop_fail(first, &nowhere, PYR_NOT_FOUND, "x"), -PYR_NOT_FOUND);
	CHECK_INT(strlen(pyr_last_error()->correlation_id), 32);
	finish();
}

TEST(f2_a_method_may_name_the_request)
{
	begin(0);
	CHECK_INT(hops_Hop_name_request(first, &way, "named on the way"), 0);
	CHECK(hop_logged(&hops[0], "id=named on the way parent=\nid=named on the way parent=\n"));
	CHECK_HAS(looked(&nowhere), "parent=\n"); /* and that of no other */
	CHECK(strstr(looked(&nowhere), "named") == NULL);
	CHECK_INT(hops_Hop_name_request(first, &way, "\a"), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "correlation id");
	finish();
}

TEST(f2_a_traceparent_reaches_every_hop_as_it_came)
{
	begin(0);
	CHECK_INT(pyr_set_correlation_id("c"), 0);
	CHECK_INT(pyr_set_traceparent(PARENT), 0);
	CHECK_STR(looked(&one_hop), "id=c parent=" PARENT "\nid=c parent=" PARENT "\n");
	CHECK_INT(pyr_set_traceparent(NULL), 0);
	CHECK_STR(looked(&nowhere), "id=c parent=\n");
	CHECK_INT(pyr_set_correlation_id(NULL), 0);
	finish();
}

TEST(ids_that_are_none_are_refused)
{
	static const char *const parents[] = {
		"",
		"00",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
		"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
		"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.",
	};
	char longest[131];
	size_t i;

	for (i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
		CHECK_INT(pyr_set_traceparent(parents[i]), -PYR_INVALID_ARGUMENT);
	CHECK_INT(
		pyr_set_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"),
		0);
	CHECK_INT(pyr_set_traceparent(NULL), 0);
	memset(longest, 'i', 130);
	longest[130] = longest[129] = '\0';
	CHECK_INT(pyr_set_correlation_id(longest), -PYR_INVALID_ARGUMENT);
	longest[128] = '\0';
	CHECK_INT(pyr_set_correlation_id(longest), 0);
	CHECK_INT(pyr_set_correlation_id(""), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_set_correlation_id("\x80"), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_set_correlation_id(NULL), 0);
}

/* ---- annotations ---- */

static const struct pyr_annotation two[] = { { "lang", "de", 2 }, { "note", "abc", 3 } };

TEST(f3_annotations_reach_the_method_and_no_call_inside)
{
	begin(0);
	CHECK_INT(pyr_set_correlation_id("c"), 0);
	CHECK_STR(looked_with(&one_hop,
			      &(struct pyr_call_options){ .annotations = two, .n_annotations = 2 }),
		  "id=c parent= lang=de note=abc\nid=c parent=\n");
	CHECK_STR(looked(&nowhere), "id=c parent=\n"); /* nothing stays set */
	CHECK_INT(pyr_set_correlation_id(NULL), 0);
	finish();
}

static void check_mirror(int code)
{
	struct pyr_call_options options = { .annotations = two, .n_annotations = 2 };
	size_t size = 0;

	CHECK_INT(hops_Hop_mirror(hops_Hop_with(first, &options), code), -code);
	CHECK_STR(pyr_reply_annotation("lang", &size), "DE");
	CHECK_INT(size, 2);
	CHECK_STR(pyr_reply_annotation("note", NULL), "ABC");
	CHECK(pyr_reply_annotation("other", NULL) == NULL);
	CHECK(pyr_reply_annotation(NULL, NULL) == NULL);
	CHECK_INT(hops_Hop_add(first, 1, 1, NULL), 0);
	CHECK(pyr_reply_annotation("lang", NULL) == NULL); /* of the last call alone */
}

static void check_mirrors(const struct hop_way *at)
{
	begin_at(at);
	check_mirror(0);
	check_mirror(PYR_NOT_FOUND);
	finish();
}

TEST(f4_the_answers_annotations_are_those_of_the_last_call)
{
	hop_each_way(check_mirrors);
}

TEST(f4_futures_bring_annotations_too)
{
	struct pyr_call_options options = { .annotations = two, .n_annotations = 2 };
	pyr_future *future;

	begin(0);
	future = hops_Hop_mirror_start(hops_Hop_with(first, &options), 0);
	CHECK_INT(hops_Hop_mirror_get(future), 0);
	CHECK_STR(pyr_reply_annotation("note", NULL), "ABC");
	finish();
}

static int with_annotations(const struct pyr_annotation *list, size_t n)
{
	return hops_Hop_add(hops_Hop_with(first, &(struct pyr_call_options){ .annotations = list,
									     .n_annotations = n }),
			    1, 1, NULL);
}

TEST(annotations_beyond_the_limits_are_refused)
{
	static char big[32768], key[66];
	struct pyr_annotation many[65];
	size_t i;

	begin(0);
	for (i = 0; i < 65; i++)
		many[i] = (struct pyr_annotation){ "k", "", 0 };
	CHECK_INT(with_annotations(many, 64), 0);
	CHECK_INT(with_annotations(many, 65), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "at most 64 annotations");
	many[0] = (struct pyr_annotation){ "k", big, sizeof(big) - 1 };
	CHECK_INT(with_annotations(many, 1), 0);
	many[0].size++;
	CHECK_INT(with_annotations(many, 1), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "32768 bytes");
	memset(key, 'k', 65);
	for (i = 0; i < 2; i++) {
		many[0] = (struct pyr_annotation){ key, NULL, 7 };
		CHECK_INT(with_annotations(many, 1), i ? 0 : -PYR_INVALID_ARGUMENT);
		key[64] = '\0';
	}
	many[0].key = "white space";
	CHECK_INT(with_annotations(many, 1), -PYR_INVALID_ARGUMENT);
	many[0].key = NULL;
	CHECK_INT(with_annotations(many, 1), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "the name of an annotation");
	finish();
}

TEST(f5_a_proxys_and_a_daemons_annotations_go_with_all_their_calls)
{
	struct pyr_daemon_options daemon = { .annotations = two, .n_annotations = 1 };
	struct pyr_proxy_options proxy = { .annotations = two + 1, .n_annotations = 1 };
	struct pyr_call_options call = { .annotations = two, .n_annotations = 1 };
	struct hops_Hop *twin;
	struct hop hop;
	char *seen = NULL;

	REQUIRE(hop_open(&hop, &daemon));
	first = hops_Hop_proxy_with(hop.uri, &proxy);
	CHECK_INT(hops_Hop_look(first, &nowhere, &seen), 0);
	CHECK_HAS(seen, " note=abc\n");
	pyr_free(seen);
	CHECK_STR(pyr_reply_annotation("lang", NULL), "de");
	CHECK_INT(hops_Hop_look(hops_Hop_with(first, &call), &nowhere, &seen), 0);
	CHECK_HAS(seen, " note=abc lang=de\n");
	pyr_free(seen);
	CHECK_INT(hops_Hop_fail(first, &nowhere, PYR_NOT_FOUND, "x"), -PYR_NOT_FOUND);
	CHECK_STR(pyr_reply_annotation("lang", NULL), "de");
	twin = hops_Hop_narrow(hops_Hop_as_proxy(first));
	REQUIRE(twin != NULL);
	CHECK_INT(hops_Hop_look(twin, &nowhere, &seen), 0);
	CHECK_HAS(seen, " note=abc\n");
	pyr_free(seen);
	hops_Hop_free(twin);
	hops_Hop_free(first);
	CHECK_INT(hop_close(&hop), 0);
	proxy.n_annotations = daemon.n_annotations = 1;
	proxy.annotations = daemon.annotations = &(struct pyr_annotation){ "", "", 0 };
	CHECK(!hops_Hop_proxy_with("PYRO:x@127.0.0.1:1", &proxy));
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK(!pyr_daemon_new(&daemon));
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
}

TEST(options_of_a_call_that_was_never_made_are_forgotten)
{
	struct pyr_annotation gone = { "k", "v", 1 };

	begin(0);
	CHECK_INT(hops_Hop_shout(
			  hops_Hop_with(first, &(struct pyr_call_options){ .annotations = &gone,
									   .n_annotations = 1 }),
			  3, NULL),
		  -PYR_INVALID_ARGUMENT);
	CHECK(strstr(looked(&nowhere), "k=v") == NULL);
	CHECK(!hops_Hop_name_request_start(
		hops_Hop_with(first, &(struct pyr_call_options){ .annotations = &gone,
								 .n_annotations = 1 }),
		&nowhere, NULL));
	CHECK(strstr(looked(&nowhere), "k=v") == NULL);
	CHECK(hops_Hop_add(hops_Hop_with(NULL, &(struct pyr_call_options){ .annotations = &gone,
									   .n_annotations = 1 }),
			   1, 1, NULL) < 0);
	CHECK(strstr(looked(&nowhere), "k=v") == NULL);
	finish();
}

/* ---- who ---- */

static void look_at_caller(const struct pyr_daemon_options *options, char *first_text,
			   char *second_text)
{
	struct hops_Hop *second;
	struct hop hop;
	char *text;

	REQUIRE(hop_open(&hop, options));
	first = hops_Hop_proxy(hop.uri);
	second = hops_Hop_proxy(hop.uri);
	CHECK_INT(hops_Hop_whose(first, &text), 0);
	strcpy(first_text, text);
	pyr_free(text);
	CHECK_INT(hops_Hop_whose(first, &text), 0);
	CHECK_STR(text, first_text);
	pyr_free(text);
	CHECK_INT(hops_Hop_whose(second, &text), 0);
	strcpy(second_text, text);
	pyr_free(text);
	hops_Hop_free(first);
	hops_Hop_free(second);
	CHECK_INT(hop_close(&hop), 0);
}

TEST(f1_a_method_knows_who_calls)
{
	char path[] = "/tmp/pyrite-context-XXXXXX", socket[64];
	char one[256], two_[256], expected[128];

	REQUIRE(mkdtemp(path) != NULL);
	snprintf(socket, sizeof(socket), "%s/s", path);
	look_at_caller(&(struct pyr_daemon_options){ .socket = socket }, one, two_);
	rmdir(path);
	snprintf(expected, sizeof(expected), "%d %u %u [", (int)getpid(), getuid(), getgid());
	CHECK_INT(strncmp(one, expected, strlen(expected)), 0);
	snprintf(expected, sizeof(expected), "] [uid:%u]", getuid());
	CHECK_HAS(one, expected);
	CHECK(strcmp(one, two_) != 0); /* two proxies are two sessions */
	CHECK_INT(strlen(strchr(one, '[')) > 20, 1);
	look_at_caller(NULL, one, two_);
	CHECK_INT(strncmp(one, "-1 0 0 [", 8), 0); /* TCP tells nothing of it */
	CHECK_HAS(one, "] []");
	CHECK(pyr_call_current() == NULL);
	CHECK_STR(pyr_call_session(NULL), "");
	CHECK_STR(pyr_call_correlation_id(NULL), "");
	CHECK(!pyr_call_credentials(NULL, NULL));
}

/* ---- resources ---- */

TEST(f6_tracked_resources_are_closed_when_the_session_ends)
{
	struct hops_Hop *other;
	char *log;
	bool was;

	begin(1);
	other = hops_Hop_proxy(uris[0]);
	CHECK_INT(hops_Hop_hold(first, "1"), 0);
	CHECK_INT(hops_Hop_hold(first, "2"), 0);
	CHECK_INT(hops_Hop_hold(first, "3"), 0);
	CHECK_INT(hops_Hop_hold(other, "4"), 0);
	CHECK_INT(hops_Hop_let_go(first, "2", &was), 0);
	CHECK(was);
	CHECK_INT(hops_Hop_let_go(other, "1", &was), 0);
	CHECK(!was); /* it is of another session */
	pyr_proxy_release(hops_Hop_as_proxy(first));
	CHECK(hop_logged(&hops[0], "closed 1\n"));
	CHECK_INT(hops_Hop_log(other, &log), 0);
	CHECK_STR(log, "closed 3\nclosed 1\n");
	pyr_free(log);
	hops_Hop_free(other);
	CHECK(hop_logged(&hops[0], "closed 4\n"));
	finish();
}

static void check_stop(const struct hop_way *at)
{
	begin_at(at);
	CHECK_INT(hops_Hop_hold(first, "5"), 0);
	pyr_daemon_stop(hops[0].daemon);
	CHECK(hop_logged(&hops[0], "closed 5\n"));
	CHECK_STR(hops[0].log, "closed 5\n");
	finish();
}

TEST(f6_a_daemon_that_stops_closes_them_too)
{
	hop_each_way(check_stop);
}

/* ---- cancels and deadlines ---- */

typedef pyr_future *(*start_fn)(struct hops_Hop *self, const struct pyr_string_seq *uris);

/* The last hop of three has begun. */
static pyr_future *start_and_meet(start_fn start)
{
	pyr_future *future = start(first, &way);

	CHECK(future && !pyr_future_is_ready(future));
	CHECK(hop_reaches(&hops[2].n_lingering, 1));
	return future;
}

static void check_cancel(const struct hop_way *at)
{
	pyr_future *future;

	begin_at(at);
	future = start_and_meet(hops_Hop_linger_start);
	pyr_future_cancel(future);
	CHECK(hop_reaches(&hops[2].n_over, 1));
	CHECK_INT(hops_Hop_linger_get(future), -PYR_CANCELLED);
	CHECK(hop_reaches(&hops[0].nested_code, PYR_CANCELLED));
	CHECK(hop_reaches(&hops[1].nested_code, PYR_CANCELLED));
	CHECK_INT(hops_Hop_add(first, 1, 1, NULL), 0);
	finish();
}

TEST(d16_a_cancel_reaches_the_last_hop)
{
	hop_each_way(check_cancel);
}

TEST(d16_a_caller_that_is_gone_cancels_the_last_hop)
{
	pyr_future *future;

	begin(0);
	future = start_and_meet(hops_Hop_linger_start);
	pyr_proxy_release(hops_Hop_as_proxy(first));
	CHECK(hop_reaches(&hops[2].n_over, 1));
	CHECK_INT(hops_Hop_linger_get(future), -PYR_CANCELLED);
	finish();
}

TEST(d16_a_cancel_ends_calls_that_no_thread_waits_for)
{
	pyr_future *future;

	begin(0);
	future = hops_Hop_linger_started_start(first, &one_hop);
	CHECK(future && !pyr_future_is_ready(future));
	CHECK(hop_reaches(&hops[1].n_lingering, 1));
	pyr_future_cancel(future);
	CHECK(hop_reaches(&hops[1].n_over, 1));
	atomic_store(&hops[0].nested_code, -1);
	CHECK_INT(hops_Hop_linger_started_get(future), -PYR_CANCELLED);
	finish();
}

TEST(d16_a_detached_call_goes_on_for_its_own_time)
{
	pyr_future *future;

	begin(0);
	future = hops_Hop_linger_detached_start(first, &one_hop);
	CHECK(future && !pyr_future_is_ready(future));
	CHECK(hop_reaches(&hops[0].n_lingering, 1));
	pyr_future_cancel(future);
	CHECK(hop_reaches(&hops[0].nested_code, PYR_DEADLINE_EXCEEDED));
	CHECK(hop_reaches(&hops[1].n_over, 1));
	CHECK_INT(hops_Hop_linger_detached_get(future), -PYR_CANCELLED);
	finish();
}

/* Returns false if the deadline passed before the call was at the last hop, and may not get there.
 */
static bool deadline_reaches(const struct hop_way *at, uint32_t ms)
{
	bool got_there;
	int code;

	begin_at(at);
	CHECK_INT(
		hops_Hop_linger(
			hops_Hop_with(first, &(struct pyr_call_options){ .timeout_ms = ms }), &way),
		-PYR_DEADLINE_EXCEEDED);
	got_there = atomic_load(&hops[2].n_lingering) == 1;
	if (got_there) {
		CHECK(hop_reaches(&hops[2].n_over, 1));
		code = hop_code(&hops[0]); /* its own clock, or the caller's cancel: who is first */
		CHECK(code == PYR_DEADLINE_EXCEEDED || code == PYR_CANCELLED);
	}
	finish();
	return got_there;
}

static void check_deadline(const struct hop_way *at)
{
	uint32_t ms = 500;

	while (!deadline_reaches(at, ms))
		ms *= 2;
}

TEST(d16_a_deadline_reaches_the_last_hop)
{
	hop_each_way(check_deadline);
}

TEST(b8_a_call_inside_a_call_has_no_more_time_than_is_left)
{
	int64_t left = 0;

	begin(0);
	CHECK_INT(hops_Hop_time_left(first, &way, 0, &left), 0);
	CHECK(left == INT64_MAX);
	CHECK_INT(hops_Hop_time_left(
			  hops_Hop_with(first, &(struct pyr_call_options){ .timeout_ms = 10000 }),
			  &way, 0, &left),
		  0);
	CHECK(left > 0 && left <= 10000);
	CHECK_INT(hops_Hop_time_left(
			  hops_Hop_with(first, &(struct pyr_call_options){ .timeout_ms = 10000 }),
			  &way, 500000, &left),
		  0);
	CHECK(left > 0 && left <= 10000);
	CHECK_INT(hops_Hop_time_left(
			  hops_Hop_with(first, &(struct pyr_call_options){ .timeout_ms = 100000 }),
			  &way, 5000, &left),
		  0);
	CHECK(left > 0 && left <= 5000);
	finish();
}

TEST(t14_oneways_of_a_proxy_run_in_order_and_have_no_deadline)
{
	static const char *const names[] = { "one", "two", "three" };
	struct pyr_call_options soon = { .timeout_ms = 100 };
	pyr_future *future;
	int i;

	begin(1);
	future = hops_Hop_linger_start(first, &nowhere); /* holds the one thread */
	CHECK(future && !pyr_future_is_ready(future));
	CHECK(hop_reaches(&hops[0].n_lingering, 1));
	for (i = 0; i < 3; i++) {
		CHECK_INT(hops_Hop_shout(hops_Hop_with(first, &soon), PYR_ABORTED, names[i]),
			  0); /* answered before it runs */
	}
	(void)pyr_future_wait(future, 150); /* their time is over */
	pyr_future_cancel(future);
	CHECK_INT(hops_Hop_linger_get(future), -PYR_CANCELLED);
	CHECK(hop_logged(&hops[0], "three!"));
	CHECK_STR(hops[0].log, "one!two!three!");
	finish();
}

TESTS(context, T(f2_a_correlation_id_reaches_every_hop),
      T(f2_all_hops_see_the_same_id_where_none_was_given), T(f2_a_method_may_name_the_request),
      T(f2_a_traceparent_reaches_every_hop_as_it_came), T(ids_that_are_none_are_refused),
      T(f3_annotations_reach_the_method_and_no_call_inside),
      T(f4_the_answers_annotations_are_those_of_the_last_call), T(f4_futures_bring_annotations_too),
      T(annotations_beyond_the_limits_are_refused),
      T(f5_a_proxys_and_a_daemons_annotations_go_with_all_their_calls),
      T(options_of_a_call_that_was_never_made_are_forgotten), T(f1_a_method_knows_who_calls),
      T(f6_tracked_resources_are_closed_when_the_session_ends),
      T(f6_a_daemon_that_stops_closes_them_too), T(d16_a_cancel_reaches_the_last_hop),
      T(d16_a_caller_that_is_gone_cancels_the_last_hop),
      T(d16_a_cancel_ends_calls_that_no_thread_waits_for),
      T(d16_a_detached_call_goes_on_for_its_own_time), T(d16_a_deadline_reaches_the_last_hop),
      T(b8_a_call_inside_a_call_has_no_more_time_than_is_left),
      T(t14_oneways_of_a_proxy_run_in_order_and_have_no_deadline))
