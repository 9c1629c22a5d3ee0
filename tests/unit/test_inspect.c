/* SPDX-License-Identifier: MIT */
/*
 * The object that each daemon is itself: what it says, and to whom. Names of tests begin with the
 * row of Pyro's table that they stand for.
 */
#include "everywhere.h"

#include <pyrite/health.h>
#include <pyrite/inspect.h>

#include <stdio.h>
#include <time.h>

static struct pyrite_Daemon *inspector(const struct pyr_proxy_options *options)
{
	char uri[300];
	struct pyrite_Daemon *ret;

	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_DAEMON_ID,
		 pyr_daemon_address(place.daemon));
	ret = pyrite_Daemon_proxy_with(uri, options);
	REQUIRE(ret != NULL);
	return ret;
}

static const struct pyr_proxy_options none;

EVERYWHERE(g6_a_daemon_says_what_it_is)
{
	struct pyrite_Daemon *daemon = inspector(&none);
	struct pyrite_DaemonInfo *info = NULL;
	int64_t age_ms;

	CHECK_INT(pyrite_Daemon_ping(daemon), 0);
	REQUIRE(pyrite_Daemon_info(daemon, &info) == 0);
	CHECK_STR(info->address, pyr_daemon_address(place.daemon));
	CHECK_STR(info->version, pyr_version());
	CHECK_INT(info->threads, n_method_threads);
	age_ms = (int64_t)time(NULL) * 1000 - info->started_ms;
	CHECK(age_ms > -2000 && age_ms < 600000);
	pyr_free(info);
	pyrite_Daemon_free(daemon);
}

EVERYWHERE(g6_it_counts_what_it_does)
{
	struct pyrite_Daemon *daemon = inspector(&none);
	struct pyrite_DaemonStatistics *before = NULL, *after = NULL;
	int32_t sum, i;

	CHECK_INT(e2e_Work_add(work, 1, 2, &sum), 0);
	REQUIRE(pyrite_Daemon_statistics(daemon, &before) == 0);
	for (i = 0; i < 5; i++)
		CHECK_INT(e2e_Work_add(work, i, 2, &sum), 0);
	REQUIRE(pyrite_Daemon_statistics(daemon, &after) == 0);
	CHECK_INT(after->n_calls - before->n_calls, 5); /* not its own */
	CHECK_INT(after->n_objects, before->n_objects);
	CHECK(after->n_links >= 1);
	CHECK(after->n_busy >= 1); /* this one */
	pyr_free(before);
	pyr_free(after);
	pyrite_Daemon_free(daemon);
}

/* Its operation of that name; REQUIREd. */
static const struct pyrite_OperationMetadata *operation(const struct pyrite_ObjectMetadata *object,
							const char *name)
{
	size_t i;

	for (i = 0; i < object->operations.n; i++)
		if (strcmp(object->operations.items[i].name, name) == 0)
			return &object->operations.items[i];
	REQUIRE(false);
	return NULL;
}

EVERYWHERE(g6_it_describes_an_object_from_its_tables)
{
	struct pyrite_Daemon *daemon = inspector(&none);
	struct pyrite_ObjectMetadata *object = NULL;
	const struct pyrite_OperationMetadata *add;

	REQUIRE(pyrite_Daemon_describe(daemon, "work", &object) == 0);
	CHECK_STR(object->id, "work");
	CHECK_STR(object->uri, place.uri);
	CHECK_STR(object->interface_name, "e2e.Work");
	add = operation(object, "e2e.Work.add");
	CHECK_STR(add->signature, "(int32, int32) -> int32");
	CHECK(!add->is_oneway);
	CHECK(add->fingerprint != 0);
	pyr_free(object);
	REQUIRE(pyrite_Daemon_describe(daemon, pyrite_DAEMON_ID, &object) == 0);
	CHECK(operation(object, "pyrite.Daemon.ping")->is_idempotent);
	pyr_free(object);
	CHECK_INT(pyrite_Daemon_describe(daemon, "nobody", &object), -PYR_NOT_FOUND);
	CHECK_HAS(pyr_errmsg(), "no object 'nobody' at ");
	pyrite_Daemon_free(daemon);
}

enum { MANY = 600 };

static int none_of_these(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x - y;
	return 0;
}

static const struct e2e_Other_methods other = { .add = none_of_these };

EVERYWHERE(g6_it_lists_all_objects_in_pages_and_not_itself)
{
	struct pyrite_Daemon *daemon = inspector(&none);
	struct pyrite_DaemonPage *page = NULL;
	char id[32], after[300] = "", last[300] = "";
	size_t n = 0, n_pages = 0, i;

	for (i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "other.%04zu", i);
		REQUIRE(e2e_Other_register(place.daemon, id, &other, NULL) != NULL);
	}
	do {
		REQUIRE(pyrite_Daemon_objects(daemon, after, &page) == 0);
		for (i = 0; i < page->objects.n; i++, n++) {
			CHECK(strcmp(page->objects.items[i].id, last) > 0);
			CHECK(strcmp(page->objects.items[i].id, pyrite_DAEMON_ID) != 0);
			snprintf(last, sizeof(last), "%s", page->objects.items[i].id);
		}
		snprintf(after, sizeof(after), "%s", page->next);
		pyr_free(page);
		n_pages++;
	} while (after[0]);
	CHECK(n >= MANY + 1); /* and what the servant has */
	CHECK(n_pages >= 3);
	pyrite_Daemon_free(daemon);
}

TEST(g6_its_id_cannot_be_registered)
{
	REQUIRE(place_open(&place, &(struct pyr_daemon_options){ .threads = 1 }));
	CHECK(e2e_Other_register(place.daemon, pyrite_DAEMON_ID, &other, NULL) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_ALREADY_EXISTS);
	CHECK_INT(pyr_daemon_unregister(place.daemon, pyrite_DAEMON_ID), -PYR_NOT_FOUND);
	CHECK_INT(place_close(&place), 0);
}

/* Also over plain gRPC, where no object need be named. */
TEST(g6_it_answers_plain_calls)
{
	struct pyr_proxy_options plain = { .plain = PYR_PLAIN_ONLY };
	struct pyrite_Daemon *daemon;
	struct pyrite_ObjectMetadata *object = NULL;

	REQUIRE(place_open(&place, &(struct pyr_daemon_options){ .threads = 2 }));
	daemon = inspector(&plain);
	CHECK_INT(pyrite_Daemon_ping(daemon), 0);
	REQUIRE(pyrite_Daemon_describe(daemon, "work", &object) == 0);
	CHECK_STR(object->interface_name, "e2e.Work");
	pyr_free(object);
	pyrite_Daemon_free(daemon);
	CHECK_INT(place_close(&place), 0);
}

TEST(g6_nobody_sees_the_objects_of_a_daemon_that_shows_them_to_nobody)
{
	struct pyr_daemon_options options = { .threads = 2, .inspect = PYR_NO };
	struct pyrite_ObjectMetadata *object = NULL;
	struct pyrite_DaemonStatistics *statistics = NULL;
	struct pyrite_DaemonPage *page = NULL;
	struct pyrite_DaemonInfo *info = NULL;
	struct pyrite_Daemon *daemon;

	REQUIRE(place_open(&place, &options));
	daemon = inspector(&none);
	CHECK_INT(pyrite_Daemon_ping(daemon), 0);
	CHECK_INT(pyrite_Daemon_info(daemon, &info), 0);
	pyr_free(info);
	CHECK_INT(pyrite_Daemon_describe(daemon, "work", &object), -PYR_PERMISSION_DENIED);
	CHECK_HAS(pyr_errmsg(), "may not inspect the daemon at ");
	CHECK_INT(pyrite_Daemon_describe(daemon, "nobody", &object), -PYR_PERMISSION_DENIED);
	CHECK_INT(pyrite_Daemon_objects(daemon, "", &page), -PYR_PERMISSION_DENIED);
	CHECK_INT(pyrite_Daemon_statistics(daemon, &statistics), -PYR_PERMISSION_DENIED);
	pyrite_Daemon_free(daemon);
	CHECK_INT(place_close(&place), 0);
}

static struct grpc_health_v1_Health *health(void)
{
	struct grpc_health_v1_Health *ret;
	char uri[300];

	snprintf(uri, sizeof(uri), "PYRO:grpc.health.v1.Health@%s",
		 pyr_daemon_address(place.daemon));
	ret = grpc_health_v1_Health_proxy(uri);
	REQUIRE(ret != NULL);
	return ret;
}

/* What an interface's name is has to be known; the list tells all of them. */
static int ask_health(enum pyr_switch inspect, int32_t *ret_list)
{
	struct pyr_daemon_options options = { .threads = 2, .inspect = inspect };
	struct grpc_health_v1_HealthCheckRequest what = { .service = "e2e.Work" };
	struct grpc_health_v1_HealthListRequest all = { 0 };
	struct grpc_health_v1_HealthCheckResponse *status = NULL;
	struct grpc_health_v1_HealthListResponse *list = NULL;
	struct grpc_health_v1_Health *proxy;
	int err;

	REQUIRE(place_open(&place, &options));
	proxy = health();
	err = grpc_health_v1_Health_Check(proxy, &what, &status);
	*ret_list = grpc_health_v1_Health_List(proxy, &all, &list);
	pyr_free(status);
	pyr_free(list);
	grpc_health_v1_Health_free(proxy);
	CHECK_INT(place_close(&place), 0);
	return err;
}

TEST(g6_the_list_of_health_is_for_those_who_may_see_the_objects)
{
	int32_t list;

	CHECK_INT(ask_health(PYR_YES, &list), 0);
	CHECK_INT(list, 0);
	CHECK_INT(ask_health(PYR_NO, &list), 0);
	CHECK_INT(list, -PYR_PERMISSION_DENIED);
}

/* What a watch says now that it has something to say. */
static int told(pyr_stream *watch)
{
	struct grpc_health_v1_HealthCheckResponse *item = NULL;
	int status;

	REQUIRE(grpc_health_v1_Health_Watch_next(watch, &item) == 1);
	status = (int)item->status;
	pyr_free(item);
	return status;
}

static pyr_stream *watch(struct grpc_health_v1_Health *proxy, const char *service)
{
	struct grpc_health_v1_HealthCheckRequest what = { .service = (char *)service };
	pyr_stream *ret = NULL;

	REQUIRE(grpc_health_v1_Health_Watch(proxy, &what, &ret) == 0);
	return ret;
}

TEST(a_watch_hears_of_objects_that_come_and_go)
{
	static struct e2e_Work_methods methods;
	struct pyr_daemon_options options = { .threads = 2 };
	struct grpc_health_v1_Health *proxy;
	pyr_stream *own, *built_in, *nobody, *all;

	REQUIRE(place_open(&place, &options));
	proxy = health();
	own = watch(proxy, "e2e.Work");
	built_in = watch(proxy, "grpc.health.v1.Health");
	nobody = watch(proxy, "e2e.Wor");
	all = watch(proxy, "");
	CHECK_INT(told(own), grpc_health_v1_HealthCheckResponse_SERVING);
	CHECK_INT(told(built_in), grpc_health_v1_HealthCheckResponse_SERVING);
	CHECK_INT(told(nobody), grpc_health_v1_HealthCheckResponse_SERVICE_UNKNOWN);
	CHECK_INT(told(all), grpc_health_v1_HealthCheckResponse_SERVING);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "work"), 0);
	CHECK_INT(told(own), grpc_health_v1_HealthCheckResponse_SERVICE_UNKNOWN);
	REQUIRE(e2e_Work_register(place.daemon, "again", &methods, NULL) != NULL);
	CHECK_INT(told(own), grpc_health_v1_HealthCheckResponse_SERVING);
	pyr_stream_free(own);
	pyr_stream_free(built_in);
	pyr_stream_free(nobody);
	pyr_stream_free(all);
	grpc_health_v1_Health_free(proxy);
	CHECK_INT(place_close(&place), 0);
}

TESTS(inspect, T(g6_a_daemon_says_what_it_is), T(g6_it_counts_what_it_does),
      T(g6_it_describes_an_object_from_its_tables),
      T(g6_it_lists_all_objects_in_pages_and_not_itself), T(g6_its_id_cannot_be_registered),
      T(g6_it_answers_plain_calls),
      T(g6_nobody_sees_the_objects_of_a_daemon_that_shows_them_to_nobody),
      T(a_watch_hears_of_objects_that_come_and_go),
      T(g6_the_list_of_health_is_for_those_who_may_see_the_objects))
