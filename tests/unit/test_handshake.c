/* SPDX-License-Identifier: MIT */
/* Handshakes and the hooks that are asked about sessions, on pools and serial daemons, TCP and unix
 * sockets. Names of tests begin with the row of Pyro's table that they stand for. */
#include "guard.h"
#include "servant.h"

#include "test.h"

#include "proxy/proxy.h"

static struct guard guard;
static struct place place;

/* ---- daemons with hooks ---- */

static void guarded(const struct pyr_daemon_options *like, void (*body)(void))
{
	struct pyr_daemon_options options = *like;

	guard_init(&guard);
	options.on_connect = guard_connect;
	options.on_disconnect = guard_disconnect;
	options.hook_data = &guard;
	REQUIRE(place_open(&place, &options));
	body();
	CHECK_INT(place_close(&place), 0);
}

static void everywhere(void (*body)(void))
{
	char folder[] = "/tmp/pyrite-test-XXXXXX", path[64];
	struct pyr_daemon_options options;
	int i;

	REQUIRE(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/socket", folder);
	for (i = 0; i < 4; i++) {
		options = (struct pyr_daemon_options){ .threads = i & 1 ? 1 : 4 };
		options.socket = i & 2 ? path : NULL;
		guarded(&options, body);
	}
	CHECK_INT(rmdir(folder), 0);
}

/* TEST whose body runs everywhere. */
#define EVERYWHERE(name)                                                                           \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		everywhere(name##_body);                                                           \
	}                                                                                          \
	static void name##_body(void)

/* ---- proxies ---- */

static struct pyr_bytes bytes(const char *text)
{
	return (struct pyr_bytes){ strlen(text), (uint8_t *)text };
}

static struct e2e_Work *proxy_saying(const char *handshake)
{
	struct pyr_proxy_options options = { .handshake = bytes(handshake) };
	struct e2e_Work *work = e2e_Work_proxy_with(place.uri, &options);

	CHECK(work != NULL);
	return work;
}

static void check_fails(int err, int code, const char *part)
{
	CHECK_INT(err, -code);
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_last_error()->message, part);
}

static const char *rejected(const char *why)
{
	static char text[300];

	snprintf(text, sizeof(text), "connection to %s rejected: %s",
		 pyr_daemon_address(place.daemon), why);
	return text;
}

/* What on_handshake saw, and is to say. */
struct seen {
	char answer[64], annotation[64];
	size_t n;
	int calls, err;
	const char *why;
	struct e2e_Work *uses; /* a proxy to call */
	int used;              /* what that came to */
};

static int on_handshake(const struct pyr_bytes *answer, char *why, size_t n_why, void *data)
{
	struct seen *seen = data;
	int32_t sum;

	seen->calls++;
	seen->n = answer->n;
	memset(seen->answer, 0, sizeof(seen->answer));
	memcpy(seen->answer, answer->items, answer->n < 63 ? answer->n : 63);
	if (seen->uses)
		seen->used = e2e_Work_add(seen->uses, 1, 2, &sum);
	if (seen->why)
		snprintf(why, n_why, "%s", seen->why);
	return seen->err;
}

static struct e2e_Work *proxy_asking(const char *handshake, struct seen *seen)
{
	struct pyr_proxy_options options = { .handshake = bytes(handshake),
					     .on_handshake = on_handshake,
					     .hook_data = seen };

	return e2e_Work_proxy_with(place.uri, &options);
}

/* ---- G7: on_connect ---- */

EVERYWHERE(g7_the_hook_sees_who_comes_and_its_answer_reaches_the_proxy)
{
	struct pyr_annotation lang = { "lang", "de", 2 };
	struct pyr_proxy_options options = { .handshake = bytes("hello"),
					     .annotations = &lang,
					     .n_annotations = 1 };
	struct seen seen = { 0 };
	struct e2e_Work *work;
	char *caller = NULL;
	int32_t sum = 0;

	options.on_handshake = on_handshake;
	options.hook_data = &seen;
	work = e2e_Work_proxy_with(place.uri, &options);
	REQUIRE(work != NULL);
	CHECK_INT(e2e_Work_add(work, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_STR(guard.log, "+work:hello ");
	CHECK_STR(guard.lang, "de");
	CHECK_INT(strlen(guard.session) > 16, 1);
	CHECK_INT(e2e_Work_caller(work, &caller), 0);
	CHECK_STR(guard.peer, caller);
	pyr_free(caller);
	CHECK_STR(seen.answer, "HELLO");
	CHECK_INT(seen.calls, 1);
	e2e_Work_free(work);
}

EVERYWHERE(b17_a_handshake_goes_with_every_connect)
{
	struct e2e_Work *work = proxy_saying("one");
	pyr_proxy *proxy = e2e_Work_as_proxy(work);

	CHECK_INT(pyr_proxy_bind(proxy), 0);
	CHECK_INT(pyr_proxy_bind(proxy), 0); /* it was */
	CHECK_STR(guard.log, "+work:one ");
	pyr_proxy_release(proxy);
	CHECK(guard_logged(&guard, "-work"));
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	CHECK_STR(guard.log, "+work:one -work +work:one ");
	CHECK_INT(pyr_proxy_set_handshake(proxy, "two", 3), 0);
	CHECK_INT(pyr_proxy_reconnect(proxy, 1, 0), 0);
	CHECK(guard_logged(&guard, "+work:two "));
	CHECK_INT(pyr_proxy_set_handshake(proxy, NULL, 0), 0);
	CHECK_INT(pyr_proxy_reconnect(proxy, 1, 0), 0);
	CHECK(guard_logged(&guard, "+work: "));
	e2e_Work_free(work);
}

EVERYWHERE(g7_a_refusal_is_the_first_calls_error_and_nothing_runs)
{
	struct e2e_Work *work = proxy_saying("nobody");
	pyr_future *future;
	int32_t sum = 7;
	char *log = NULL;

	check_fails(e2e_Work_pass(work, 1), PYR_UNAUTHENTICATED,
		    rejected("nobody is not the word"));
	CHECK(pyr_last_error()->remote && !pyr_last_error()->may_have_run);
	check_fails(e2e_Work_add(work, 1, 2, &sum), PYR_UNAUTHENTICATED, rejected("nobody"));
	CHECK_INT(sum, 7);
	check_fails(e2e_Work_post(work, 1), PYR_UNAUTHENTICATED, rejected("nobody"));
	future = e2e_Work_add_start(work, 1, 2);
	check_fails(e2e_Work_add_get(future, &sum), PYR_UNAUTHENTICATED, rejected("nobody"));
	check_fails(pyr_proxy_bind(e2e_Work_as_proxy(work)), PYR_UNAUTHENTICATED,
		    rejected("nobody is not the word"));
	CHECK_INT(pyr_proxy_set_handshake(e2e_Work_as_proxy(work), "yes", 3), 0);
	CHECK_INT(e2e_Work_log(work, &log), 0); /* the proxy is good all the same */
	CHECK_STR(log, "");
	pyr_free(log);
	e2e_Work_free(work);
}

static int return_strange(pyr_call *call)
{
	(void)call;
	return 4711;
}

static int return_bare(pyr_call *call)
{
	(void)call;
	return -PYR_PERMISSION_DENIED;
}

static int defer(pyr_call *call)
{
	pyr_deferred *deferred;

	return pyr_call_defer(call, &deferred) ? pyr_pass(call) : 0;
}

EVERYWHERE(g7_whatever_the_hook_returns_has_a_text)
{
	struct e2e_Work *work = proxy_saying("x");

	guard.first = return_strange;
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_UNKNOWN,
		    rejected("<connect> returned 4711, which is not a status"));
	guard.first = return_bare;
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_PERMISSION_DENIED,
		    rejected("PERMISSION_DENIED"));
	guard.first = defer;
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_FAILED_PRECONDITION,
		    rejected("<connect>: a hook cannot defer a call"));
	guard.first = NULL;
	guard.answers = PYR_HANDSHAKE_MAX + 1;
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_INTERNAL,
		    rejected("on_connect answered with 16385 bytes, the maximum is 16384"));
	guard.answers = PYR_HANDSHAKE_MAX;
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	e2e_Work_free(work);
}

EVERYWHERE(g7_calls_wait_for_the_hook)
{
	struct e2e_Work *work = proxy_saying("wait");
	pyr_future *futures[5];
	int32_t sum = 0;
	int i;

	for (i = 0; i < 5; i++)
		futures[i] = e2e_Work_add_start(work, i, 1);
	CHECK(guard_logged(&guard, "+work:wait "));
	CHECK(!pyr_future_is_ready(futures[0]));
	pyr_future_cancel(futures[4]);
	guard_open(&guard);
	for (i = 0; i < 4; i++) {
		CHECK_INT(e2e_Work_add_get(futures[i], &sum), 0);
		CHECK_INT(sum, i + 1);
	}
	CHECK_INT(e2e_Work_add_get(futures[4], &sum), -PYR_CANCELLED);
	CHECK_STR(guard.log, "+work:wait ");
	e2e_Work_free(work);
}

EVERYWHERE(g7_what_is_not_there_is_told_to_the_accepted_alone)
{
	struct pyr_proxy_options options = { .handshake = bytes("no") };
	struct e2e_Work *work;
	struct e2e_Other *other;
	char uri[200];

	snprintf(uri, sizeof(uri), "PYRO:nothing@%s", pyr_daemon_address(place.daemon));
	work = e2e_Work_proxy_with(uri, &options);
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_UNAUTHENTICATED, rejected("no is not"));
	CHECK_STR(guard.log, "+nothing:no ");
	CHECK_INT(pyr_proxy_set_handshake(e2e_Work_as_proxy(work), "yes", 3), 0);
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_NOT_FOUND, "no object 'nothing' at ");
	check_fails(pyr_proxy_bind(e2e_Work_as_proxy(work)), PYR_NOT_FOUND, "no object 'nothing'");
	e2e_Work_free(work);
	CHECK(guard_logged(&guard, "-nothing ")); /* each that was accepted ends */
	other = e2e_Other_proxy_with(place.uri, &options);
	check_fails(e2e_Other_add(other, 1, 2, NULL), PYR_UNAUTHENTICATED, rejected("no is not"));
	CHECK_INT(pyr_proxy_set_handshake(e2e_Other_as_proxy(other), "yes", 3), 0);
	check_fails(e2e_Other_add(other, 1, 2, NULL), PYR_FAILED_PRECONDITION,
		    "has the interface e2e.Work, not e2e.Other");
	e2e_Other_free(other);
}

/* The hook calls the same daemon through a proxy of its own, which the hook is asked about too. */
static int call_inside(pyr_call *call)
{
	struct e2e_Work *inner;
	int32_t sum = 0;
	int err;

	guard.first = NULL;
	inner = proxy_saying("inner");
	err = e2e_Work_add(inner, 20, 3, &sum);
	e2e_Work_free(inner);
	if (err < 0)
		return pyr_pass(call);
	return sum == 23 ? 0 : -PYR_INTERNAL;
}

EVERYWHERE(g7_a_hook_may_make_calls_to_its_own_daemon_too)
{
	struct e2e_Work *work = proxy_saying("outer");
	int32_t sum;

	guard.first = call_inside;
	CHECK_INT(e2e_Work_add(work, 1, 2, &sum), 0);
	CHECK_HAS(guard.log, "+work:outer +work:inner ");
	e2e_Work_free(work);
}

EVERYWHERE(g7_a_method_that_calls_its_own_daemon_is_asked_about)
{
	struct pyr_string_seq uris = { 2, (const char *[]){ place.uri, place.uri } };
	struct e2e_Work *work = proxy_saying("x");

	CHECK_INT(e2e_Work_relay(work, &uris, 77), -PYR_ABORTED);
	REQUIRE(e2e_Refused_caught() != NULL);
	CHECK_INT(e2e_Refused_caught()->number, 77);
	CHECK_HAS(guard.log, "+work:x +work: +work: ");
	e2e_Work_free(work);
}

EVERYWHERE(g7_the_hook_sees_that_the_caller_is_gone)
{
	struct pyr_proxy_options options = { .handshake = bytes("wait"), .own_link = true };
	struct e2e_Work *work = e2e_Work_proxy_with(place.uri, &options);
	pyr_future *future = e2e_Work_add_start(work, 1, 2);
	time_t until = time(NULL) + GUARD_PATIENCE_S;

	CHECK(guard_logged(&guard, "+work:wait "));
	e2e_Work_free(work);
	CHECK_INT(e2e_Work_add_get(future, NULL), -PYR_CANCELLED);
	pthread_mutex_lock(&guard.lock);
	while (!guard.saw_cancel && guard_wait(&guard, until))
		;
	CHECK(guard.saw_cancel);
	pthread_mutex_unlock(&guard.lock);
	CHECK(guard_logged(&guard, "-work ")); /* for it was accepted all the same */
}

/* ---- G8: on_disconnect ---- */

static void close_tracked(void *resource)
{
	guard_say(&guard, "%s%s ", resource, "");
}

static int track(pyr_call *call)
{
	return pyr_call_track(call, (void *)"closed", close_tracked);
}

EVERYWHERE(g8_on_disconnect_comes_once_and_before_resources_are_closed)
{
	struct e2e_Work *work = proxy_saying("a"), *refused = proxy_saying("no");

	guard.first = track;
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	CHECK_STR(guard.log, "+work:a ");
	pyr_proxy_release(e2e_Work_as_proxy(work));
	CHECK(guard_logged(&guard, "closed "));
	CHECK_STR(guard.log, "+work:a -work closed ");
	guard.first = NULL;
	CHECK(e2e_Work_add(refused, 1, 2, NULL) < 0);
	e2e_Work_free(refused);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	e2e_Work_free(work);
	CHECK(guard_logged(&guard, "+work:no +work:a -work "));
	CHECK_STR(guard.log, "+work:a -work closed +work:no +work:a -work ");
}

EVERYWHERE(g8_on_disconnect_comes_after_the_sessions_last_call)
{
	struct e2e_Work *work = proxy_saying("a"), *other = proxy_saying("b");
	pyr_future *future = e2e_Work_hold_start(work, 1);
	int32_t value;

	CHECK(future && work_holds(&place.work, 1));
	e2e_Work_free(work);
	CHECK_INT(e2e_Work_hold_get(future, &value), -PYR_CANCELLED);
	CHECK(work_told(&place.work, 1));
	CHECK_INT(e2e_Work_add(other, 1, 2, &value), 0);
	CHECK_STR(guard.log, "+work:a +work:b "); /* the deferred still belongs to it */
	CHECK_INT(e2e_Work_drop(other, 1), 0);
	CHECK(guard_logged(&guard, "-work "));
	e2e_Work_free(other);
}

static struct guard kept;

TEST(g8_a_daemon_that_stops_ends_its_sessions)
{
	static const struct pyr_daemon_options ways[] = { { .threads = 4 }, { .threads = 1 } };
	struct pyr_daemon_options options;
	struct e2e_Work *work;
	size_t i;

	for (i = 0; i < 2; i++) {
		guard_init(&kept);
		options = ways[i];
		options.on_disconnect = guard_disconnect; /* alone: all are accepted */
		options.hook_data = &kept;
		REQUIRE(place_open(&place, &options));
		work = proxy_saying("x");
		CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
		CHECK_STR(kept.log, "");
		CHECK_INT(place_close(&place), 0);
		CHECK_STR(kept.log, "-work ");
		e2e_Work_free(work);
	}
}

/* ---- B17: the proxy's side ---- */

EVERYWHERE(b17_a_proxy_may_refuse_the_answer)
{
	struct seen seen = { .err = -PYR_PERMISSION_DENIED, .why = "HELLO is too loud" };
	struct e2e_Work *work = proxy_asking("hello", &seen);
	pyr_future *future;
	char text[200];
	int32_t sum = 7;

	check_fails(e2e_Work_pass(work, 1), PYR_PERMISSION_DENIED, rejected("HELLO is too loud"));
	CHECK(!pyr_last_error()->remote && !pyr_last_error()->may_have_run);
	CHECK_HAS(pyr_proxy_text(e2e_Work_as_proxy(work), text, sizeof(text)), "not connected");
	CHECK(guard_logged(&guard, "-work "));
	check_fails(pyr_proxy_bind(e2e_Work_as_proxy(work)), PYR_PERMISSION_DENIED, "too loud");
	future = e2e_Work_add_start(work, 1, 2);
	CHECK(!future);
	CHECK_INT(pyr_last_error()->code, PYR_PERMISSION_DENIED);
	seen.err = 1;
	seen.why = NULL;
	check_fails(e2e_Work_add(work, 1, 2, &sum), PYR_UNKNOWN,
		    rejected("refused by on_handshake"));
	CHECK_INT(sum, 7);
	CHECK_INT(seen.calls, 4);
	seen.err = 0;
	CHECK_INT(e2e_Work_add(work, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_STR(place.work.log, "");
	e2e_Work_free(work);
}

static void *add_meanwhile(void *data)
{
	static int code;

	code = e2e_Work_add(data, 1, 2, NULL);
	return &code;
}

EVERYWHERE(b17_a_release_ends_the_wait_for_the_answer)
{
	struct seen seen = { 0 };
	struct e2e_Work *work = proxy_asking("wait", &seen);
	pthread_t thread;
	void *code;

	REQUIRE(pthread_create(&thread, NULL, add_meanwhile, work) == 0);
	CHECK(guard_logged(&guard, "+work:wait "));
	pyr_proxy_release(e2e_Work_as_proxy(work));
	pthread_join(thread, &code);
	CHECK_INT(*(int *)code, -PYR_CANCELLED);
	CHECK_INT(seen.calls, 0);
	guard_open(&guard);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0); /* it is good for another */
	CHECK_INT(seen.calls, 1);
	e2e_Work_free(work);
}

EVERYWHERE(b17_on_handshake_is_not_asked_about_what_the_daemon_refuses)
{
	struct seen seen = { 0 };
	struct e2e_Work *work = proxy_asking("no", &seen);

	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_UNAUTHENTICATED, rejected("no is not"));
	CHECK_INT(seen.calls, 0);
	e2e_Work_free(work);
}

EVERYWHERE(b17_on_handshake_may_call_but_not_through_its_own_proxy)
{
	struct seen seen = { 0 };
	struct e2e_Work *work = proxy_asking("a", &seen), *other = proxy_saying("b");

	seen.uses = work;
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	CHECK_INT(seen.used, -PYR_FAILED_PRECONDITION);
	pyr_proxy_release(e2e_Work_as_proxy(work));
	seen.uses = other;
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	CHECK_INT(seen.used, 0);
	CHECK_INT(seen.calls, 2);
	e2e_Work_free(work);
	e2e_Work_free(other);
}

EVERYWHERE(b17_copies_have_the_handshake_and_share_the_link)
{
	struct seen seen = { 0 };
	struct e2e_Work *work = proxy_asking("mine", &seen), *twin, *narrow, *without;
	char link[64];

	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	strcpy(link, guard.session);
	twin = e2e_Work_dup(work);
	narrow = e2e_Work_narrow(e2e_Work_as_proxy(work));
	without = e2e_Work_proxy(place.uri);
	CHECK_INT(e2e_Work_add(twin, 1, 2, NULL), 0);
	CHECK_STR(guard.log, "+work:mine +work:mine +work:mine ");
	CHECK_INT(seen.calls, 3);
	CHECK_INT(strncmp(link, guard.session, 16), 0);
	CHECK(strcmp(link, guard.session) != 0);
	CHECK_INT(e2e_Work_add(without, 1, 2, NULL), 0);
	CHECK_INT(strncmp(link, guard.session, 16), 0); /* also with one that says nothing */
	e2e_Work_free(work);
	e2e_Work_free(twin);
	e2e_Work_free(narrow);
	e2e_Work_free(without);
}

TEST(b17_without_hooks_a_handshake_is_answered_with_nothing)
{
	struct seen seen = { .n = 99 };
	struct e2e_Work *work;

	REQUIRE(place_open(&place, NULL));
	work = proxy_asking("hello", &seen);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	CHECK_INT(seen.n, 0);
	CHECK_INT(seen.calls, 1);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

EVERYWHERE(b17_a_handshake_has_at_most_16_kib)
{
	static uint8_t large[PYR_HANDSHAKE_MAX + 1];
	struct pyr_proxy_options options = { .handshake = { sizeof(large), large } };
	struct e2e_Work *work;
	struct seen seen = { 0 };

	CHECK(!e2e_Work_proxy_with(place.uri, &options));
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "a handshake has at most 16384 bytes");
	options.handshake.n--;
	options.on_handshake = on_handshake;
	options.hook_data = &seen;
	work = e2e_Work_proxy_with(place.uri, &options);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	CHECK_INT(seen.n, PYR_HANDSHAKE_MAX);
	check_fails(pyr_proxy_set_handshake(e2e_Work_as_proxy(work), large, sizeof(large)),
		    PYR_INVALID_ARGUMENT, "at most 16384 bytes");
	CHECK_INT(pyr_proxy_set_handshake(e2e_Work_as_proxy(work), NULL, 1), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_proxy_set_handshake(NULL, "", 0), -PYR_INVALID_ARGUMENT);
	e2e_Work_free(work);
}

EVERYWHERE(g7_plain_grpc_is_no_side_door)
{
	struct pyr_proxy_options options = { .plain = PYR_PLAIN_ONLY };
	struct e2e_Work *work = e2e_Work_proxy_with(place.uri, &options);

	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_FAILED_PRECONDITION,
		    "requires a handshake");
	check_fails(pyr_proxy_set_handshake(e2e_Work_as_proxy(work), "x", 1), PYR_INVALID_ARGUMENT,
		    "PYR_PLAIN_ONLY has no session");
	e2e_Work_free(work);
	options.handshake = bytes("x");
	CHECK(!e2e_Work_proxy_with(place.uri, &options));
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_STR(guard.log, "");
}

TESTS(handshake, T(g7_the_hook_sees_who_comes_and_its_answer_reaches_the_proxy),
      T(b17_a_handshake_goes_with_every_connect),
      T(g7_a_refusal_is_the_first_calls_error_and_nothing_runs),
      T(g7_whatever_the_hook_returns_has_a_text), T(g7_calls_wait_for_the_hook),
      T(g7_what_is_not_there_is_told_to_the_accepted_alone),
      T(g7_a_hook_may_make_calls_to_its_own_daemon_too),
      T(g7_a_method_that_calls_its_own_daemon_is_asked_about),
      T(g7_the_hook_sees_that_the_caller_is_gone),
      T(g8_on_disconnect_comes_once_and_before_resources_are_closed),
      T(g8_on_disconnect_comes_after_the_sessions_last_call),
      T(g8_a_daemon_that_stops_ends_its_sessions), T(b17_a_proxy_may_refuse_the_answer),
      T(b17_a_release_ends_the_wait_for_the_answer),
      T(b17_on_handshake_is_not_asked_about_what_the_daemon_refuses),
      T(b17_on_handshake_may_call_but_not_through_its_own_proxy),
      T(b17_copies_have_the_handshake_and_share_the_link),
      T(b17_without_hooks_a_handshake_is_answered_with_nothing),
      T(b17_a_handshake_has_at_most_16_kib), T(g7_plain_grpc_is_no_side_door))
