/* SPDX-License-Identifier: MIT */
/*
 * Several name servers for a client, in memory: each knows names of its own, so that an answer
 * tells which one was asked. They are killed, stopped, cut off, and started again.
 */
#define _GNU_SOURCE /* pipe2() */
#include "two_servers.h"

#include <pyrite/naming.h>
#include <pyrite/value.h>
#include <stdatomic.h>

#include "relay.h"

TEST(the_first_that_is_up_is_asked)
{
	pyr_ns *ns = begin();
	struct pyr_ns_entries *entries;
	uint32_t n = 0;

	CHECK_STR(pyr_ns_address(ns), both);
	CHECK_INT(asked(ns, NULL), 'a');
	CHECK_INT(pyr_ns_count(ns, &n), 0);
	CHECK_INT(n, 2);
	REQUIRE(pyr_ns_list(ns, "who", &entries) == 0);
	CHECK_INT(entries->n, 1);
	CHECK_STR(entries->items[0].uri, "PYRO:of.a@h:1");
	pyr_free(entries);
	pyr_ns_free(ns);
}

TEST(an_answer_is_an_answer_also_if_it_is_no)
{
	pyr_ns *ns = begin();
	char *uri;

	mark(&b, "only.b");
	CHECK_INT(pyr_ns_lookup(ns, "only.b", &uri), -PYR_NOT_FOUND);
	CHECK_HAS(pyr_errmsg(), a.address);
	CHECK(pyr_last_error()->remote);
	pyr_ns_free(ns);
}

TEST(one_that_is_killed_is_left_at_once_and_comes_back)
{
	pyr_ns *ns = begin();
	int64_t ms;

	CHECK_INT(asked(ns, NULL), 'a');
	end(&a, SIGKILL);
	CHECK_INT(asked(ns, &ms), 'b');
	CHECK(ms < KNOWN_MS);
	run(&a);
	mark(&a, "who");
	CHECK(comes_back(ns, 'a'));
	pyr_ns_free(ns);
}

TEST(one_that_is_stopped_is_left_within_a_second_and_comes_back)
{
	pyr_ns *ns = begin();
	int64_t ms;

	kill(a.pid, SIGSTOP);
	CHECK_INT(asked(ns, &ms), 'b');
	CHECK(ms >= 200 && ms < SOON_MS);
	CHECK_INT(asked(ns, &ms), 'b');
	CHECK(ms < KNOWN_MS); /* it is known now, */
	pyr_ns_free(ns);
	ns = pyr_ns_locate(both);
	REQUIRE(ns != NULL);
	CHECK_INT(asked(ns, &ms), 'b'); /* in the whole process */
	CHECK(ms < KNOWN_MS);
	kill(a.pid, SIGCONT);
	CHECK(comes_back(ns, 'a'));
	pyr_ns_free(ns);
}

TEST(one_behind_a_network_that_swallows_all_is_left)
{
	pyr_ns *ns = begin();
	static struct relay relay;
	char list[400];
	int64_t ms;

	pyr_ns_free(ns);
	REQUIRE(relay_open(&relay, a.address));
	snprintf(list, sizeof(list), "%s,%s", relay.address, b.address);
	ns = pyr_ns_locate(list);
	REQUIRE(ns != NULL);
	CHECK_INT(asked(ns, NULL), 'a');
	relay_pause(&relay);
	CHECK_INT(asked(ns, &ms), 'b');
	CHECK(ms < SOON_MS);
	pyr_ns_free(ns);
	ns = pyr_ns_locate(list); /* a connection that is never answered */
	REQUIRE(ns != NULL);
	CHECK_INT(asked(ns, NULL), 'b');
	relay_go_on(&relay);
	CHECK(comes_back(ns, 'a'));
	pyr_ns_free(ns);
	relay_close(&relay);
}

TEST(if_none_answers_the_error_tells_why_of_each)
{
	pyr_ns *ns = begin();
	char *uri = NULL;

	end(&a, SIGKILL);
	end(&b, SIGKILL);
	CHECK_INT(pyr_ns_lookup(ns, "who", &uri), -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "no name server answers");
	CHECK_HAS(pyr_errmsg(), a.address);
	CHECK_HAS(pyr_errmsg(), b.address);
	CHECK_HAS(pyr_errmsg(), "refused");
	CHECK_INT(pyr_ns_register(ns, "x", "PYRO:x@h:1"), -PYR_UNAVAILABLE);
	CHECK(!pyr_last_error()->may_have_run);
	CHECK(pyr_ns_locate(both) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "failed to locate the name server at");
	CHECK_HAS(pyr_errmsg(), b.address);
	run(&b);
	mark(&b, "who");
	CHECK_INT(asked(ns, NULL), 'b'); /* those that are down are asked if no other is left */
	pyr_ns_free(ns);
}

static void *start_late(void *unused)
{
	(void)unused;
	usleep(100 * 1000); /* the other thread looks for it meanwhile */
	run(&b);
	return NULL;
}

TEST(locating_waits_for_any_of_them)
{
	struct pyr_ns_locate_options patient = { .wait_ms = WAIT_MS };
	pthread_t thread;
	pyr_ns *ns = begin();
	int64_t begin_ms;

	pyr_ns_free(ns);
	end(&a, SIGKILL);
	end(&b, SIGKILL);
	patient.wait_ms = 50;
	begin_ms = now_ms();
	CHECK(pyr_ns_locate_with(both, &patient) == NULL);
	CHECK(now_ms() - begin_ms >= 50);
	REQUIRE(pthread_create(&thread, NULL, start_late, NULL) == 0);
	patient.wait_ms = WAIT_MS;
	ns = pyr_ns_locate_with(both, &patient);
	CHECK(ns != NULL);
	pthread_join(thread, NULL);
	pyr_ns_free(ns);
}

TEST(a_change_is_made_at_another_if_it_surely_was_not_made)
{
	pyr_ns *ns = begin(), *at_b = pyr_ns_locate(b.address);
	char *uri = NULL;

	REQUIRE(at_b != NULL);
	end(&a, SIGKILL);
	CHECK_INT(asked(ns, NULL), 'b');
	pyr_ns_free(ns); /* and with it the connection */
	ns = pyr_ns_locate(both);
	REQUIRE(ns != NULL);
	health_up(a.address); /* as if nobody knew */
	CHECK_INT(pyr_ns_register(ns, "change.1", "PYRO:x@h:1"), 0);
	CHECK_INT(pyr_ns_lookup(at_b, "change.1", &uri), 0);
	pyr_free(uri);
	CHECK_INT(pyr_ns_remove(ns, "change.1"), 0);
	CHECK_INT(pyr_ns_lookup(at_b, "change.1", &uri), -PYR_NOT_FOUND);
	pyr_ns_free(at_b);
	pyr_ns_free(ns);
}

TEST(a_change_that_may_have_been_made_is_not_made_again)
{
	pyr_ns *ns = begin(), *at_b = pyr_ns_locate(b.address);
	int64_t begin_ms;
	char *uri = NULL;

	REQUIRE(at_b != NULL && asked(ns, NULL) == 'a'); /* just heard: it is asked at once */
	kill(a.pid, SIGSTOP);
	begin_ms = now_ms();
	CHECK_INT(pyr_ns_register(ns, "change.2", "PYRO:x@h:1"), -PYR_UNAVAILABLE);
	CHECK(now_ms() - begin_ms < 3 * SOON_MS);
	CHECK(pyr_last_error()->may_have_run);
	CHECK_HAS(pyr_errmsg(), a.address);
	CHECK_INT(pyr_ns_lookup(at_b, "change.2", &uri), -PYR_NOT_FOUND);
	CHECK_INT(pyr_ns_register(ns, "change.3", "PYRO:x@h:1"), 0); /* it is known to hang */
	CHECK_INT(pyr_ns_lookup(at_b, "change.3", &uri), 0);
	pyr_free(uri);
	kill(a.pid, SIGCONT);
	CHECK(comes_back(ns, 'a'));
	pyr_ns_free(at_b);
	pyr_ns_free(ns);
}

/* ---- one that has no answer ---- */

static struct {
	pyr_daemon *daemon;
	pthread_t thread;
	atomic_int n_lookups, n_removals;
} cut_off;

static int ping_it(pyr_call *call)
{
	(void)call;
	return 0;
}

/* As a name server does that has lost its store. */
static int look_up_in_vain(pyr_call *call, const char *name, const char **ret)
{
	(void)name;
	(void)ret;
	atomic_fetch_add(&cut_off.n_lookups, 1);
	return pyr_fail(call, PYR_UNAVAILABLE, "NamingError: the store cannot be reached");
}

static int remove_in_vain(pyr_call *call, const char *name, const struct pyrite_NameClaim *claim)
{
	(void)name;
	(void)claim;
	atomic_fetch_add(&cut_off.n_removals, 1);
	return pyr_fail(call, PYR_UNAVAILABLE, "NamingError: the store cannot be reached");
}

static void *run_cut_off(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)pyr_daemon_run(cut_off.daemon);
}

TEST(one_that_says_that_it_is_cut_off_leads_to_the_next)
{
	static const struct pyrite_NameServer_methods methods = { .ping = ping_it,
								  .lookup = look_up_in_vain,
								  .remove = remove_in_vain };
	pyr_ns *ns = begin();
	char list[400];

	pyr_ns_free(ns);
	cut_off.daemon = pyr_daemon_new(NULL);
	REQUIRE(pyrite_NameServer_register(cut_off.daemon, pyrite_NAME_SERVER_ID, &methods, NULL) !=
		NULL);
	REQUIRE(pthread_create(&cut_off.thread, NULL, run_cut_off, NULL) == 0);
	snprintf(list, sizeof(list), "%s,%s", pyr_daemon_address(cut_off.daemon), b.address);
	ns = pyr_ns_locate(list);
	REQUIRE(ns != NULL);
	CHECK_INT(asked(ns, NULL), 'b');
	CHECK_INT(atomic_load(&cut_off.n_lookups), 1);
	CHECK_INT(asked(ns, NULL), 'b'); /* it answers, so it is asked again */
	CHECK_INT(atomic_load(&cut_off.n_lookups), 2);
	mark(&b, "gone.b");
	CHECK_INT(pyr_ns_remove(ns, "gone.b"), 0); /* it said that it has not been done */
	CHECK_INT(atomic_load(&cut_off.n_removals), 1);
	CHECK_INT(pyr_ns_remove(ns, "gone.b"), -PYR_NOT_FOUND);
	pyr_ns_free(ns);
	pyr_daemon_stop(cut_off.daemon);
	pthread_join(cut_off.thread, NULL);
	pyr_daemon_free(cut_off.daemon);
}

/* Addresses may come from others: by names that lead to names. */
TEST(no_more_than_64_are_known_to_be_down)
{
	char address[32];
	int i;

	health_set_pause(10 * WAIT_MS); /* nobody is pinged */
	for (i = 0; i < 65; i++) {
		snprintf(address, sizeof(address), "127.0.0.1:%d", i + 1);
		health_down(address);
		CHECK(!health_is_up(address));
		CHECK(!health_is_up("127.0.0.1:1")); /* it is asked for */
	}
	CHECK(health_is_up("127.0.0.1:2")); /* not asked for longest: forgotten */
	for (i = 0; i < 65; i++) {
		snprintf(address, sizeof(address), "127.0.0.1:%d", i + 1);
		health_up(address);
		CHECK(health_is_up(address));
	}
}

/* ---- lists ---- */

static const char *refused(const char *list)
{
	CHECK(pyr_ns_locate(list) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	return pyr_errmsg();
}

TEST(what_is_wrong_with_a_list_is_told_with_its_place)
{
	CHECK_HAS(refused("h,"), "an empty address (byte 3)");
	CHECK_HAS(refused("h,,i"), "an empty address (byte 3)");
	CHECK_HAS(refused(",h"), "an empty address (byte 1)");
	CHECK_HAS(refused("h, i"), "not a character of a host name (byte 3)");
	CHECK_HAS(refused("h,i:x"), "the port is not a number from 1 to 65535 (byte 5)");
	CHECK_HAS(refused("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,b"), "at most 16 addresses (byte 33)");
}

TEST(each_server_counts_once)
{
	pyr_ns *ns = begin(), *again;
	char list[600];

	snprintf(list, sizeof(list), "%s,%s,%s", both, a.address, both);
	again = pyr_ns_locate(list);
	REQUIRE(again != NULL);
	CHECK_STR(pyr_ns_address(again), both);
	pyr_ns_free(again);
	pyr_ns_free(ns);
}

TEST(proxies_find_names_by_any_of_them)
{
	pyr_ns *ns = begin();
	pyr_proxy *proxy;
	char uri[400];

	end(&a, SIGKILL);
	snprintf(uri, sizeof(uri), "PYRONAME:Pyrite.NameServer@%s", both);
	proxy = pyr_proxy_new(uri);
	REQUIRE(proxy != NULL);
	CHECK_INT(pyr_proxy_bind(proxy), 0);
	pyr_proxy_free(proxy);
	snprintf(uri, sizeof(uri), "PYRO:Pyrite.NameServer@%s", both);
	CHECK(pyr_proxy_new(uri) == NULL);
	CHECK_HAS(pyr_errmsg(), "an object has one address");
	pyr_ns_free(ns);
}

/* ---- tasks ---- */

static bool is_looking;
static unsigned n_meanwhile;

static int count_meanwhile(void *unused)
{
	(void)unused;
	for (; is_looking; n_meanwhile++)
		CHECK_INT(pyr_sleep(PAUSE_MS), 0);
	return 0;
}

static int look_in_a_task(void *data)
{
	pyr_task *other;
	int64_t ms;

	is_looking = true;
	other = pyr_task_start(count_meanwhile, NULL);
	CHECK(other != NULL);
	CHECK_INT(asked(data, &ms), 'b');
	CHECK(ms < SOON_MS);
	is_looking = false;
	return pyr_task_join(other);
}

TEST(a_task_that_waits_for_the_next_holds_up_no_other)
{
	pyr_ns *ns = begin();

	kill(a.pid, SIGSTOP);
	CHECK_INT(pyr_tasks_run(look_in_a_task, ns), 0);
	CHECK(n_meanwhile >= 5);
	kill(a.pid, SIGCONT);
	CHECK(comes_back(ns, 'a'));
	pyr_ns_free(ns);
}

TESTS(naming_servers, T(the_first_that_is_up_is_asked), T(an_answer_is_an_answer_also_if_it_is_no),
      T(one_that_is_killed_is_left_at_once_and_comes_back),
      T(one_that_is_stopped_is_left_within_a_second_and_comes_back),
      T(one_behind_a_network_that_swallows_all_is_left),
      T(if_none_answers_the_error_tells_why_of_each), T(locating_waits_for_any_of_them),
      T(a_change_is_made_at_another_if_it_surely_was_not_made),
      T(a_change_that_may_have_been_made_is_not_made_again),
      T(one_that_says_that_it_is_cut_off_leads_to_the_next),
      T(no_more_than_64_are_known_to_be_down), T(what_is_wrong_with_a_list_is_told_with_its_place),
      T(each_server_counts_once), T(proxies_find_names_by_any_of_them),
      T(a_task_that_waits_for_the_next_holds_up_no_other), T(the_name_servers_end_well))
