/* SPDX-License-Identifier: MIT */
/* Who comes by another protocol: a link within the process that is taken for his own. */
#include "servant.h"

#include "face/visitor.h"

#include <pyrite/value.h>

#include <stdio.h>

#include "daemon/daemon_own.h"
#include "test.h"

static struct place place;
static struct face_host host;

static const struct door_peer alice = { .is_local = false,
					.identity = "cert:alice",
					.address = "10.0.0.7:4000" };

static struct visitor *open_with(const struct pyr_daemon_options *options,
				 const struct door_peer *who)
{
	struct visitor *visitor;

	REQUIRE(place_open(&place, options));
	host = (struct face_host){ .objects = &place.daemon->objects,
				   .place = &place.daemon->place,
				   .address = place.daemon->host.address };
	visitor = visitor_new(&host, who);
	REQUIRE(visitor != NULL);
	return visitor;
}

static void close_all(struct visitor *visitor)
{
	visitor_free(visitor);
	CHECK_INT(place_close(&place), 0);
}

/* What a call of "work" returns, or its error's message; valid until the next. */
static const char *called(struct visitor *visitor, const char *operation, const char *args)
{
	static char text[1024];
	char *json = NULL;
	pyr_proxy *proxy = visitor_proxy(visitor, "work", NULL);

	if (!proxy || pyr_proxy_call_json(proxy, operation, args, &json) < 0)
		snprintf(text, sizeof(text), "%s", pyr_last_error()->message);
	else
		snprintf(text, sizeof(text), "%s", json);
	pyr_free(json);
	return text;
}

TEST(a_visitor_calls_as_who_he_is)
{
	const struct pyr_daemon_options pool = { .threads = 4 }, serial = { .threads = 1 };
	const struct pyr_daemon_options *ways[] = { &pool, &serial };
	struct visitor *visitor;
	int i;

	for (i = 0; i < 2; i++) {
		visitor = open_with(ways[i], &alice);
		CHECK_STR(called(visitor, "add", "[1, 2]"), "3");
		CHECK_STR(called(visitor, "caller", NULL), "\"10.0.0.7:4000\"");
		CHECK_STR(called(visitor, "raise", "[7, \"no\"]"), "e2e.Refused");
		CHECK(visitor_proxy(visitor, "work", NULL) == visitor_proxy(visitor, "work", NULL));
		CHECK(visitor_proxy(visitor, "nothing", NULL) == NULL);
		CHECK_INT(pyr_last_error()->code, PYR_NOT_FOUND);
		CHECK_HAS(pyr_last_error()->message, "no object 'nothing' at 127.0.0.1:");
		close_all(visitor);
	}
}

static const char *write_rules(const char *text)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/pyrite-visitor-XXXXXX");
	fd = mkstemp(path);
	REQUIRE(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	return path;
}

TEST(rules_are_asked_about_him_and_not_about_the_process)
{
	const char *rules = write_rules("allow cert:alice call e2e.Work.add\n");
	struct door_peer bob = alice;
	struct visitor *visitor =
		open_with(&(struct pyr_daemon_options){ .threads = 4, .rules = rules }, &alice);
	struct visitor *other;

	snprintf(bob.identity, sizeof(bob.identity), "cert:bob");
	other = visitor_new(&host, &bob);
	CHECK_STR(called(visitor, "add", "[1, 2]"), "3");
	CHECK_STR(called(visitor, "add", "[2, 2]"), "4");
	CHECK_HAS(called(visitor, "echo", "[\"x\"]"), "cert:alice");
	CHECK_INT(pyr_last_error()->code, PYR_PERMISSION_DENIED);
	CHECK_HAS(called(other, "add", "[1, 2]"), "cert:bob");
	CHECK_INT(pyr_last_error()->code, PYR_PERMISSION_DENIED);
	CHECK_STR(called(visitor, "add", "[3, 2]"), "5");
	visitor_free(other);
	close_all(visitor);
	unlink(rules);
}

TEST(what_he_has_proved_elsewhere_is_not_asked_again)
{
	const struct pyr_key_options key = { .text = "00112233445566778899aabbccddeeff" };
	struct visitor *visitor =
		open_with(&(struct pyr_daemon_options){ .threads = 4, .key = &key }, &alice);

	CHECK_STR(called(visitor, "add", "[1, 2]"), "3");
	close_all(visitor);
}

static void *pass(void *visitor)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s", called(visitor, "pass", "[1]"));
	return text;
}

TEST(his_calls_end_with_him)
{
	const unsigned threads[] = { 4, 1 };
	struct visitor *visitor;
	pthread_t thread;
	void *said;
	int i;

	for (i = 0; i < 2; i++) {
		visitor = open_with(&(struct pyr_daemon_options){ .threads = threads[i] }, &alice);
		REQUIRE(pthread_create(&thread, NULL, pass, visitor) == 0);
		CHECK(work_logged(&place.work, "<1 "));
		visitor_end(visitor);
		pthread_join(thread, &said);
		CHECK_HAS(said, "released");
		CHECK(work_logged(&place.work, "1> ")); /* its method was told */
		CHECK(visitor_proxy(visitor, "work", NULL) != NULL);
		called(visitor, "add", "[1, 2]");
		CHECK_INT(pyr_last_error()->code, PYR_UNAVAILABLE);
		close_all(visitor);
	}
}

/* He does not give up: whenever a call is ended, he makes the next. */
static void *pass_again(void *visitor)
{
	do
		called(visitor, "pass", "[1]");
	while (pyr_last_error()->code == PYR_CANCELLED);
	return (void *)(intptr_t)pyr_last_error()->code;
}

TEST(no_call_of_his_begins_while_he_is_ended)
{
	enum { OTHERS = 900 };
	struct visitor *visitor = open_with(&(struct pyr_daemon_options){ .threads = 4 }, &alice);
	pthread_t thread;
	char id[32];
	void *code;
	int i;

	CHECK_STR(called(visitor, "add", "[1, 2]"), "3");
	for (i = 0; i < OTHERS; i++) { /* which hold his link until they are all released */
		snprintf(id, sizeof(id), "work%d", i);
		REQUIRE(e2e_Work_register(place.daemon, id, &work_methods, &place.work) != NULL);
		CHECK_INT(pyr_proxy_bind(visitor_proxy(visitor, id, NULL)), 0);
	}
	REQUIRE(pthread_create(&thread, NULL, pass_again, visitor) == 0);
	CHECK(work_logged(&place.work, "<1 "));
	visitor_end(visitor);
	pthread_join(thread, &code);
	CHECK_INT((int)(intptr_t)code, PYR_UNAVAILABLE);
	close_all(visitor);
}

TEST(an_object_may_be_another_one_by_now)
{
	static const struct e2e_Other_methods none;
	struct visitor *visitor = open_with(&(struct pyr_daemon_options){ .threads = 4 }, &alice);
	pyr_proxy *before = visitor_proxy(visitor, "work", NULL);

	REQUIRE(before != NULL);
	CHECK_STR(called(visitor, "who", NULL), "\"work\"");
	CHECK_INT(pyr_daemon_unregister(place.daemon, "work"), 0);
	CHECK(visitor_proxy(visitor, "work", NULL) == NULL);
	REQUIRE(e2e_Other_register(place.daemon, "work", &none, NULL) != NULL);
	CHECK_STR(called(visitor, "who", NULL), "e2e.Other has no operation 'who'");
	called(visitor, "add", "[1, 2]");
	CHECK_INT(pyr_last_error()->code, PYR_UNIMPLEMENTED);
	close_all(visitor);
}

TEST(he_may_stay_until_after_the_daemon_has_run)
{
	struct visitor *visitor = open_with(&(struct pyr_daemon_options){ .threads = 4 }, &alice);

	CHECK_STR(called(visitor, "add", "[1, 2]"), "3");
	pyr_daemon_stop(place.daemon);
	pthread_join(place.thread, NULL);
	called(visitor, "add", "[1, 2]");
	CHECK_INT(pyr_last_error()->code, PYR_UNAVAILABLE);
	visitor_free(visitor);
	pyr_daemon_free(place.daemon);
	work_fini(&place.work);
}

TEST(he_calls_so_many_objects_and_no_more)
{
	struct visitor *visitor = open_with(&(struct pyr_daemon_options){ .threads = 4 }, &alice);
	char id[32];
	int i;

	for (i = 0; i <= VISITOR_OBJECTS; i++) {
		snprintf(id, sizeof(id), "work%d", i);
		REQUIRE(e2e_Work_register(place.daemon, id, &work_methods, &place.work) != NULL);
		CHECK((visitor_proxy(visitor, id, NULL) != NULL) == (i < VISITOR_OBJECTS));
	}
	CHECK_INT(pyr_last_error()->code, PYR_RESOURCE_EXHAUSTED);
	close_all(visitor);
}

TEST(faces_are_named)
{
	unsigned faces;
	const char *wrong;
	int n;

	CHECK(face_names("", &faces, &wrong, &n));
	CHECK_INT(faces, FACE_STANDARD);
	CHECK(face_names("none", &faces, &wrong, &n));
	CHECK_INT(faces, 0);
	CHECK(face_names("http,health", &faces, &wrong, &n));
	CHECK_INT(faces, FACE_HTTP | FACE_HEALTH);
	CHECK(face_names("+http,-pyro", &faces, &wrong, &n));
	CHECK_INT(faces, (FACE_STANDARD | FACE_HTTP) & ~FACE_PYRO);
	CHECK(face_names("all,-grpc", &faces, &wrong, &n));
	CHECK_INT(faces, (FACE_STANDARD | FACE_HTTP) & ~FACE_GRPC);
	CHECK(!face_names("grpc,htp,http", &faces, &wrong, &n));
	CHECK_INT(n, 3);
	CHECK_INT(strncmp(wrong, "htp", 3), 0);
	CHECK(pyr_daemon_new(&(struct pyr_daemon_options){ .faces = "htp" }) == NULL);
	CHECK_STR(pyr_last_error()->message,
		  "DaemonError: 'htp' is not a face: grpc, reflection, health, pyro, http, all or "
		  "none");
}

TESTS(visitor, T(a_visitor_calls_as_who_he_is),
      T(rules_are_asked_about_him_and_not_about_the_process),
      T(what_he_has_proved_elsewhere_is_not_asked_again), T(his_calls_end_with_him),
      T(no_call_of_his_begins_while_he_is_ended), T(an_object_may_be_another_one_by_now),
      T(he_may_stay_until_after_the_daemon_has_run), T(he_calls_so_many_objects_and_no_more),
      T(faces_are_named))
