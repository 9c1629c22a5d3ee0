/* SPDX-License-Identifier: MIT */
/* Hooks of calls, at both ends: annotations that go with each message, and what comes back with the
 * answers; on pools and serial daemons, TCP and unix sockets. */
#include "hop.h"

#include "test.h"

#include <pyrite/pyrite.h>

#include <stdio.h>

static struct hop hop;
static struct hops_Hop *proxy;
static const struct pyr_string_seq nowhere;

/* ---- hooks that count ---- */

static atomic_int n_answered; /* calls, by on_answer */

static void on_answer(pyr_call *call, void *data)
{
	bool is_session = strcmp(pyr_call_operation(call), "<connect>") == 0;
	char number[16];

	(void)data;
	snprintf(number, sizeof(number), "%d",
		 is_session ? 0 : atomic_fetch_add(&n_answered, 1) + 1);
	CHECK_INT(pyr_call_set_annotation(call, "answer", number, strlen(number)), 0);
	CHECK_INT(pyr_call_set_annotation(call, "of", pyr_call_operation(call),
					  strlen(pyr_call_operation(call))),
		  0);
}

/* What a proxy's hooks saw. */
struct seen {
	char log[512]; /* "operation result(answer) " for each answer */
	int n_calls;
	int adds; /* annotations of each call, else one */
	struct hops_Hop *uses;
	int greeted; /* pyr_reply_annotation("answer") in on_handshake */
};

static void on_call(const char *operation, pyr_annotations *annotations, void *data)
{
	struct seen *seen = data;
	int i;

	if (seen->uses)
		CHECK_INT(hops_Hop_add(seen->uses, 1, 2, NULL), 0);
	seen->n_calls++;
	CHECK_INT(pyr_annotations_add(annotations, "by", operation, strlen(operation)), 0);
	for (i = 0; i < seen->adds; i++)
		CHECK_INT(pyr_annotations_add(annotations, "more", "", 0), 0);
	CHECK_INT(pyr_annotations_add(annotations, "no key", "", 0), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_annotations_add(annotations, NULL, "", 0), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_annotations_add(NULL, "x", "", 0), -PYR_INVALID_ARGUMENT);
}

static void on_reply(const char *operation, int result, void *data)
{
	struct seen *seen = data;
	const char *answer = pyr_reply_annotation("answer", NULL);
	size_t n = strlen(seen->log);

	snprintf(seen->log + n, sizeof(seen->log) - n, "%s %d(%s) ", operation, result,
		 answer ? answer : "");
	if (seen->uses) /* whose answer is another */
		CHECK_INT(hops_Hop_fail(seen->uses, &nowhere, PYR_ABORTED, "x"), -PYR_ABORTED);
}

static int on_handshake(const struct pyr_bytes *answer, char *why, size_t n_why, void *data)
{
	struct seen *seen = data;
	const char *number = pyr_reply_annotation("answer", NULL);

	(void)why;
	(void)n_why;
	CHECK_INT(answer->n, 0);
	seen->greeted = number ? atoi(number) : -1;
	return 0;
}

static struct hops_Hop *proxy_with(struct seen *seen)
{
	struct pyr_proxy_options options = { .on_call = on_call,
					     .on_reply = on_reply,
					     .hook_data = seen };

	return hops_Hop_proxy_with(hop.uri, &options);
}

static void begin(const struct hop_way *way, struct pyr_daemon_options *options)
{
	const char *uri;

	atomic_store(&n_answered, 0);
	REQUIRE(hop_open_all(&hop, 1, way, options, &uri));
}

static const char *look_with(const struct pyr_call_options *options)
{
	static char text[1024];
	char *got = NULL;

	text[0] = '\0';
	CHECK_INT(hops_Hop_look(hops_Hop_with(proxy, options), &nowhere, &got), 0);
	if (got)
		snprintf(text, sizeof(text), "%s", got);
	pyr_free(got);
	return text;
}

static const char *look(void)
{
	return look_with(NULL);
}

/* ---- F5 ---- */

static void check_both(const struct hop_way *way)
{
	struct pyr_daemon_options options = { .on_answer = on_answer };
	struct pyr_annotation own = { "by", "me", 2 };
	struct pyr_call_options mine = { .annotations = &own, .n_annotations = 1 };
	struct seen seen = { .n_calls = 0 };
	pyr_future *future;
	int32_t sum;

	begin(way, &options);
	proxy = proxy_with(&seen);
	CHECK_HAS(look(), " by=hops.Hop.look\n");
	CHECK_STR(pyr_reply_annotation("answer", NULL), "1");
	CHECK_STR(pyr_reply_annotation("of", NULL), "hops.Hop.look");
	CHECK_INT(hops_Hop_fail(proxy, &nowhere, PYR_NOT_FOUND, "x"), -PYR_NOT_FOUND);
	CHECK_STR(pyr_reply_annotation("answer", NULL), "2");
	CHECK_STR(pyr_last_error()->message, "x"); /* the hooks have failed since */
	future = hops_Hop_add_start(proxy, 1, 2);
	CHECK_INT(hops_Hop_add_get(future, &sum), 0);
	CHECK_STR(seen.log, "hops.Hop.look 0(1) hops.Hop.fail -5(2) hops.Hop.add 0(3) ");
	CHECK_HAS(look_with(&mine), " by=hops.Hop.look by=me\n"); /* the last of a name counts */
	CHECK_INT(seen.n_calls, 4);
	hops_Hop_free(proxy);
	CHECK(hop_close_all(&hop, 1));
}

TEST(f5_g9_hooks_of_both_ends_add_annotations_to_each_message)
{
	hop_each_way(check_both);
}

static void check_batch(const struct hop_way *way)
{
	struct pyr_daemon_options options = { .on_answer = on_answer };
	struct seen seen = { .n_calls = 0 };
	int32_t sums[3] = { 0 };
	pyr_batch *batch;
	int i;

	begin(way, &options);
	proxy = proxy_with(&seen);
	batch = pyr_batch_new(hops_Hop_as_proxy(proxy));
	for (i = 0; i < 3; i++)
		CHECK_INT(hops_Hop_add(hops_Hop_batch(batch), i, 1, &sums[i]), 0);
	CHECK_INT(pyr_batch_run(batch), 0);
	CHECK_INT(sums[2], 3);
	CHECK_STR(seen.log, "<batch> 0(1) "); /* it is one message each way */
	CHECK_STR(pyr_reply_annotation("of", NULL), "<batch>");
	CHECK_INT(seen.n_calls, 1);
	CHECK_INT(atomic_load(&n_answered), 1);
	pyr_batch_free(batch);
	hops_Hop_free(proxy);
	CHECK(hop_close_all(&hop, 1));
}

TEST(f5_a_batch_is_one_message)
{
	hop_each_way(check_batch);
}

static void check_nested(const struct hop_way *way)
{
	struct pyr_daemon_options options = { .on_answer = on_answer };
	struct seen seen = { .n_calls = 0 };

	begin(way, &options);
	proxy = proxy_with(&seen);
	seen.uses = hops_Hop_proxy(hop.uri);
	CHECK_HAS(look(), " by=hops.Hop.look\n");
	CHECK_STR(pyr_reply_annotation("answer", NULL), "2"); /* not that of on_reply's own call */
	CHECK_STR(seen.log, "hops.Hop.look 0(2) ");
	CHECK_INT(atomic_load(&n_answered), 3);
	hops_Hop_free(seen.uses);
	hops_Hop_free(proxy);
	CHECK(hop_close_all(&hop, 1));
}

TEST(f5_hooks_may_make_calls_of_their_own)
{
	hop_each_way(check_nested);
}

static void check_session(const struct hop_way *way)
{
	struct pyr_daemon_options options = { .on_answer = on_answer,

					      .annotations = &(struct pyr_annotation){ "d", "", 0 },
					      .n_annotations = 1 };
	struct pyr_proxy_options ways = { .on_handshake = on_handshake };
	struct seen seen = { .n_calls = 0 };

	begin(way, &options);
	ways.hook_data = &seen;
	proxy = hops_Hop_proxy_with(hop.uri, &ways);
	CHECK_INT(pyr_proxy_bind(hops_Hop_as_proxy(proxy)), 0);
	CHECK_INT(seen.greeted, 0);
	CHECK(pyr_reply_annotation("answer", NULL) == NULL); /* no call was made */
	hops_Hop_free(proxy);
	CHECK(hop_close_all(&hop, 1));
}

TEST(f5_the_answer_to_a_bind_is_a_message_too)
{
	hop_each_way(check_session);
}

TEST(f5_too_many_annotations_fail_the_call)
{
	struct seen seen = { .adds = 64 };

	begin(&(struct hop_way){ 0 }, NULL);
	proxy = proxy_with(&seen);
	CHECK_INT(hops_Hop_add(proxy, 1, 2, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "at most 64 annotations");
	seen.adds = 63;
	CHECK_INT(hops_Hop_add(proxy, 1, 2, NULL), 0);
	CHECK_STR(seen.log, "hops.Hop.add 0() "); /* what did not leave has no answer */
	hops_Hop_free(proxy);
	CHECK(hop_close_all(&hop, 1));
}

TEST(f5_a_lost_call_has_no_answer)
{
	struct seen seen = { .n_calls = 0 };

	begin(&(struct hop_way){ 0 }, NULL);
	proxy = proxy_with(&seen);
	CHECK(hop_close_all(&hop, 1));
	CHECK_INT(hops_Hop_add(proxy, 1, 2, NULL), -PYR_UNAVAILABLE);
	CHECK_STR(seen.log, "");
	hops_Hop_free(proxy);
}

/* ---- what the runtime refuses ---- */

static struct hops_Hop *hooks_own;
static atomic_int n_hook_calls;

/* Makes a call, which the thread that polls could not. */
static void on_answer_calling(pyr_call *call, void *data)
{
	(void)call;
	(void)data;
	if (hooks_own && atomic_fetch_add(&n_hook_calls, 1) == 0)
		CHECK_INT(hops_Hop_add(hooks_own, 1, 2, NULL), 0);
}

TEST(the_hook_is_not_called_for_what_is_refused_where_calls_come_in)
{
	struct pyr_daemon_options options = { .on_answer = on_answer_calling, .max_message = 1000 };
	struct pyr_proxy_options plain = { .plain = PYR_PLAIN_ONLY };
	char text[5000];

	begin(&(struct hop_way){ 0 }, &options);
	hooks_own = hops_Hop_proxy(hop.uri);
	proxy = hops_Hop_proxy_with(hop.uri, &plain);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK_INT(hops_Hop_fail(proxy, &nowhere, PYR_ABORTED, text), -PYR_RESOURCE_EXHAUSTED);
	CHECK_INT(atomic_load(&n_hook_calls), 0);
	CHECK_INT(hops_Hop_fail(proxy, &nowhere, PYR_ABORTED, "x"), -PYR_ABORTED);
	CHECK_INT(atomic_load(&n_hook_calls), 3); /* its own call and session, too */
	hops_Hop_free(proxy);
	hops_Hop_free(hooks_own);
	CHECK(hop_close_all(&hop, 1));
}

TESTS(hooks, T(f5_g9_hooks_of_both_ends_add_annotations_to_each_message),
      T(f5_a_batch_is_one_message), T(f5_hooks_may_make_calls_of_their_own),
      T(f5_the_answer_to_a_bind_is_a_message_too), T(f5_too_many_annotations_fail_the_call),
      T(f5_a_lost_call_has_no_answer),
      T(the_hook_is_not_called_for_what_is_refused_where_calls_come_in))
