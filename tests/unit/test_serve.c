/* SPDX-License-Identifier: MIT */
/* A server in one call: its objects, their names, its end, and what fails. */
#define _GNU_SOURCE /* pipe2() */
#undef TEST_SECONDS
#define TEST_SECONDS 60
#include "naming_server.h"
#include "servant.h"

#include "test.h"

static struct work work;

/* Before the library reads it. */
__attribute__((constructor)) static void shorten_leases(void)
{
	setenv("PYRITE_LEASE_TTL_MS", "400", 1);
}

struct server {
	struct pyr_serve_options options;
	const struct pyr_export *exports;
	pyr_daemon *_Atomic daemon;
	atomic_int is_ready;
	atomic_int n_doubtful;
	int result;
	pthread_t thread;
};

static int on_ready(pyr_daemon *daemon, void *data)
{
	struct server *server = data;

	atomic_store(&server->daemon, daemon);
	atomic_store(&server->is_ready, 1);
	return 0;
}

static void on_lease(const struct pyr_ns_lease_event *event, void *data)
{
	struct server *server = data;

	CHECK_STR(event->name, "test.serve");
	if (event->state == PYR_LEASE_DOUBTFUL)
		atomic_fetch_add(&server->n_doubtful, 1);
}

static bool loses_its_lease(struct server *server)
{
	int i;

	REQUIRE(kill(ns_pid, SIGSTOP) == 0);
	for (i = 0; i < PATIENCE_MS && !atomic_load(&server->n_doubtful); i++)
		pyr_sleep(1);
	REQUIRE(kill(ns_pid, SIGCONT) == 0);
	return atomic_load(&server->n_doubtful);
}

static void *serve(void *data)
{
	struct server *server = data;

	server->result = pyr_serve(&server->options, server->exports);
	return NULL;
}

static bool is_ready(struct server *server)
{
	int i;

	for (i = 0; i < PATIENCE_MS && !atomic_load(&server->is_ready); i++)
		pyr_sleep(1);
	return atomic_load(&server->is_ready);
}

static int add(const char *uri, int32_t *ret)
{
	struct e2e_Work *proxy = e2e_Work_proxy(uri);
	int err = e2e_Work_add(proxy, 1, 2, ret);

	e2e_Work_free(proxy);
	return err;
}

static atomic_int n_destroyed;

static void on_destroy(void *data)
{
	CHECK(data == &work);
	atomic_fetch_add(&n_destroyed, 1);
}

static int refuse(pyr_daemon *daemon, void *data)
{
	(void)daemon;
	(void)data;
	return -PYR_ABORTED;
}

TEST(g11_objects_are_registered_named_and_served_until_the_stop)
{
	struct pyr_register_options options = { .destroy = on_destroy, .serial = true };
	pyr_ns *ns = locate();
	struct pyr_export exports[] = {
		e2e_Work_export("test.serve", &work_methods, &work),
		e2e_Work_export(NULL, &work_methods, &work),
		{ 0 },
	};
	struct server server = { .exports = exports };
	char uri[200], *found;
	int32_t sum = 0;

	exports[1].id = "second";
	exports[1].options = &options;
	server.options = (struct pyr_serve_options){ .ns = ns_address, .ready = "" };
	server.options.on_ready = on_ready;
	server.options.on_lease = on_lease;
	server.options.data = &server;
	REQUIRE(pthread_create(&server.thread, NULL, serve, &server) == 0);
	REQUIRE(is_ready(&server));
	snprintf(uri, sizeof(uri), "PYRONAME:test.serve@%s", ns_address);
	CHECK_INT(add(uri, &sum), 0);
	CHECK_INT(sum, 3);
	snprintf(uri, sizeof(uri), "PYRO:second@%s", pyr_daemon_address(server.daemon));
	CHECK_INT(add(uri, &sum), 0);
	CHECK_INT(atomic_load(&n_destroyed), 0);
	CHECK(loses_its_lease(&server));
	pyr_daemon_stop(server.daemon);
	pthread_join(server.thread, NULL);
	CHECK_INT(atomic_load(&n_destroyed), 1);
	CHECK_INT(server.result, 0);
	CHECK_INT(pyr_ns_lookup(ns, "test.serve", &found), -PYR_NOT_FOUND);
	pyr_ns_free(ns);
}

/* Of an element of the array that a program passes: those of later versions have more members. */
struct later_export {
	struct pyr_export known;
	void *more[2];
};

TEST(an_array_of_later_headers_is_read_to_its_end)
{
	struct later_export exports[] = {
		{ .known = e2e_Work_export(NULL, &work_methods, &work) },
		{ .known = e2e_Work_export("test.later", &work_methods, &work) },
		{ .more = { NULL } },
	};
	struct pyr_serve_options options = { .ns = ns_address, .ready = "", .on_ready = refuse };

	CHECK_INT(pyr__serve(&options, sizeof(options), 0, &exports[0].known, sizeof(*exports)),
		  -PYR_ABORTED);
	exports[1].more[1] = &work;
	CHECK_INT(pyr__serve(&options, sizeof(options), 0, &exports[0].known, sizeof(*exports)),
		  -PYR_UNIMPLEMENTED);
	CHECK_HAS(pyr_errmsg(), "pyr_export");
}

TEST(what_fails_is_told_and_leaves_no_name)
{
	pyr_ns *ns = locate();
	struct pyr_export exports[] = {
		e2e_Work_export("test.first", &work_methods, &work),
		e2e_Work_export("Pyrite.NameServer", &work_methods, &work) /* its own */,
		{ 0 },
	};
	struct pyr_serve_options options = { .ns = ns_address, .ready = "" };
	char *found;

	CHECK(pyr_serve(&options, exports) < 0);
	CHECK_HAS(pyr_errmsg(), "Pyrite.NameServer");
	CHECK_INT(pyr_ns_lookup(ns, "test.first", &found), -PYR_NOT_FOUND);
	exports[0].id = exports[1].id = "same";
	exports[0].name = exports[1].name = NULL;
	CHECK_INT(pyr_serve(&options, exports), -PYR_ALREADY_EXISTS);
	CHECK_INT(pyr_serve(NULL, NULL), -PYR_INVALID_ARGUMENT);
	options.ns = "127.0.0.1:1";
	exports[0].name = "test.nowhere";
	CHECK_INT(pyr_serve(&options, exports), -PYR_UNAVAILABLE);
	options.daemon = &(struct pyr_daemon_options){ .host = "no such host" };
	CHECK(pyr_serve(&options, exports) < 0);
	pyr_ns_free(ns);
}

int main(void)
{
	static const struct test_case tests[] = {
		T(g11_objects_are_registered_named_and_served_until_the_stop),
		T(what_fails_is_told_and_leaves_no_name),
		T(an_array_of_later_headers_is_read_to_its_end),
		T(the_name_server_ends_well),
	};
	int failed;

	work_init(&work, NULL);
	failed = test_main("serve", tests, sizeof(tests) / sizeof(tests[0]));
	work_fini(&work);
	return failed;
}
