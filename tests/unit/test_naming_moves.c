/* SPDX-License-Identifier: MIT */
/*
 * Leases and watchers of a client with two name servers move along when one is lost, and come back.
 * The servers share nothing: names that move are registered anew, watchers are told all again.
 */
#define _GNU_SOURCE /* pipe2() */
#include "two_servers.h"

#include "base/config.h"

/* Waits until the server knows the name. Returns how long that took, -1: it never did. */
static int64_t known_ms(const char *address, const char *name)
{
	int64_t begin_ms = now_ms();
	pyr_ns *ns = at(address);
	char *uri = NULL;
	int status;

	while ((status = pyr_ns_lookup(ns, name, &uri)) == -PYR_NOT_FOUND &&
	       now_ms() - begin_ms < WAIT_MS)
		CHECK_INT(pyr_sleep(PAUSE_MS), 0);
	CHECK_INT(status, 0);
	pyr_free(uri);
	pyr_ns_free(ns);
	return status == 0 ? now_ms() - begin_ms : -1;
}

static bool is_known(const char *address, const char *name)
{
	pyr_ns *ns = at(address);
	char *uri = NULL;
	int status;

	status = pyr_ns_lookup(ns, name, &uri);
	pyr_free(uri);
	pyr_ns_free(ns);
	return status == 0;
}

/* A daemon of this process, whose names are leased. */
static pyr_daemon *new_daemon(char uri[100])
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);

	REQUIRE(daemon != NULL);
	snprintf(uri, 100, "PYRO:thing@%s", pyr_daemon_address(daemon));
	return daemon;
}

TEST(a_lease_moves_at_once_and_comes_back)
{
	static const char *const tags[] = { "one", "two" };
	struct pyr_ns_register_options options = { .tags = tags, .n_tags = 2 };
	struct pyr_ns_entry *entry;
	pyr_ns *ns = begin(), *at_b;
	char uri[100];
	pyr_daemon *daemon = new_daemon(uri);

	CHECK_INT(pyr_ns_register_with(ns, "lease.1", uri, &options), 0);
	CHECK(is_known(a.address, "lease.1") && !is_known(b.address, "lease.1"));
	end(&a, SIGKILL);
	CHECK(known_ms(b.address, "lease.1") < SOON_MS); /* a renewal comes each 3 s */
	at_b = at(b.address);
	CHECK_INT(pyr_ns_lookup_entry(at_b, "lease.1", &entry), 0);
	CHECK_STR(entry->uri, uri);
	CHECK_INT(entry->n_tags, 2);
	pyr_free(entry);
	/* It is attended there, under the same secret. */
	CHECK_INT(pyr_ns_remove(at_b, "lease.1"), -PYR_ALREADY_EXISTS);
	CHECK_INT(pyr_ns_set_metadata(ns, "lease.1", tags, 1), 0);
	pyr_ns_free(at_b);
	run(&a);
	CHECK(known_ms(a.address, "lease.1") >= 0);
	pyr_daemon_free(daemon); /* gives its names back where they are */
	CHECK(!is_known(a.address, "lease.1"));
	pyr_ns_free(ns);
}

/* Nothing ends the connection: renewals and a ping that are not answered tell. */
TEST(a_lease_moves_from_one_that_hangs_before_it_ends)
{
	pyr_ns *ns = begin();
	char uri[100];
	pyr_daemon *daemon = new_daemon(uri);
	int64_t ms;

	CHECK_INT(pyr_ns_register(ns, "lease.2", uri), 0);
	kill(a.pid, SIGSTOP);
	ms = known_ms(b.address, "lease.2");
	CHECK(ms >= 0 && ms < (int64_t)config_number(CONFIG_LEASE_TTL_MS));
	kill(a.pid, SIGCONT);
	CHECK(known_ms(a.address, "lease.2") >= 0);
	pyr_daemon_free(daemon);
	pyr_ns_free(ns);
}

/* However long they were away: the pings of those that are down come less and less often. */
TEST(a_lease_is_back_with_the_next_round_when_all_were_away)
{
	pyr_ns *ns = begin();
	char uri[100];
	pyr_daemon *daemon = new_daemon(uri);
	int64_t ttl_ms = config_number(CONFIG_LEASE_TTL_MS);

	CHECK_INT(pyr_ns_register(ns, "lease.3", uri), 0);
	health_set_pause(WAIT_MS);
	end(&a, SIGKILL);
	end(&b, SIGKILL);
	CHECK(is_known_to_be(&a, false) && is_known_to_be(&b, false)); /* rounds fail */
	run(&b);
	CHECK(known_ms(b.address, "lease.3") <= ttl_ms / 3 + 2 * SOON_MS);
	pyr_daemon_free(daemon);
	pyr_ns_free(ns);
}

/* ---- watchers ---- */

/* What a watcher was told last of the name "who", and how often of each kind. */
struct seen {
	pthread_mutex_t lock;
	unsigned n[PYR_NS_LOST + 1];
	char uri[100];
	bool is_there;
};

static void see(const struct pyr_ns_event *event, void *data)
{
	struct seen *seen = data;

	pthread_mutex_lock(&seen->lock);
	seen->n[event->kind]++;
	if (event->kind == PYR_NS_RESYNC)
		seen->is_there = false;
	if (event->kind == PYR_NS_PUT && strcmp(event->name, "who") == 0) {
		snprintf(seen->uri, sizeof(seen->uri), "%s", event->uri);
		seen->is_there = true;
	}
	if (event->kind == PYR_NS_GONE && strcmp(event->name, "who") == 0)
		seen->is_there = false;
	pthread_mutex_unlock(&seen->lock);
}

static unsigned count(struct seen *seen, enum pyr_ns_event_kind kind)
{
	unsigned n;

	pthread_mutex_lock(&seen->lock);
	n = seen->n[kind];
	pthread_mutex_unlock(&seen->lock);
	return n;
}

/* Waits until it has been told one of that kind. */
static bool sees_one(struct seen *seen, enum pyr_ns_event_kind kind)
{
	int64_t until = now_ms() + WAIT_MS;

	while (count(seen, kind) == 0 && now_ms() < until)
		CHECK_INT(pyr_sleep(PAUSE_MS), 0);
	return count(seen, kind) > 0;
}

/* Waits until it has been told that all there is is the name at that one. */
static bool sees(struct seen *seen, char who, unsigned n_ready)
{
	int64_t until = now_ms() + WAIT_MS;
	bool is_seen = false;

	while (!is_seen && now_ms() < until) {
		CHECK_INT(pyr_sleep(PAUSE_MS), 0);
		pthread_mutex_lock(&seen->lock);
		is_seen = seen->is_there && seen->n[PYR_NS_READY] >= n_ready &&
			  seen->uri[strlen("PYRO:of.")] == who;
		pthread_mutex_unlock(&seen->lock);
	}
	return is_seen;
}

TEST(a_watcher_moves_along_and_comes_back)
{
	static struct seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pyr_ns *ns = begin(), *at_b = at(b.address);
	pyr_ns_watcher *watcher = pyr_ns_watch(ns, NULL, see, &seen);
	int64_t begin_ms;

	REQUIRE(watcher != NULL && sees(&seen, 'a', 1));
	begin_ms = now_ms();
	end(&a, SIGKILL);
	CHECK(sees(&seen, 'b', 2));
	CHECK(now_ms() - begin_ms < SOON_MS);
	CHECK_INT(count(&seen, PYR_NS_LOST), 0); /* there was another */
	CHECK_INT(count(&seen, PYR_NS_RESYNC), 2);
	CHECK_INT(pyr_ns_remove(at_b, "who"), 0);
	CHECK(sees_one(&seen, PYR_NS_GONE));
	run(&a);
	mark(&a, "who");
	CHECK(sees(&seen, 'a', 3));
	CHECK_INT(count(&seen, PYR_NS_LOST), 0);
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(at_b);
	pyr_ns_free(ns);
}

TEST(a_watcher_of_none_that_answers_is_told)
{
	static struct seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pyr_ns *ns = begin();
	pyr_ns_watcher *watcher = pyr_ns_watch(ns, NULL, see, &seen);

	REQUIRE(watcher != NULL && sees(&seen, 'a', 1));
	end(&a, SIGKILL);
	end(&b, SIGKILL);
	CHECK(sees_one(&seen, PYR_NS_LOST));
	run(&b);
	mark(&b, "who");
	CHECK(sees(&seen, 'b', 2));
	CHECK_INT(count(&seen, PYR_NS_LOST), 1);
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
}

/* A look-up that finds out that a server hangs takes the watchers along. */
TEST(a_watcher_leaves_one_that_hangs_with_the_look_ups)
{
	static struct seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pyr_ns *ns = begin();
	pyr_ns_watcher *watcher = pyr_ns_watch(ns, NULL, see, &seen);
	char *uri = NULL;

	REQUIRE(watcher != NULL && sees(&seen, 'a', 1));
	kill(a.pid, SIGSTOP);
	CHECK_INT(pyr_ns_lookup(ns, "who", &uri), 0);
	CHECK_STR(uri, "PYRO:of.b@h:1");
	pyr_free(uri);
	CHECK(sees(&seen, 'b', 2));
	kill(a.pid, SIGCONT);
	CHECK(sees(&seen, 'a', 3));
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
}

/* Freed while it waits for servers that do not answer. */
TEST(a_watcher_is_freed_whatever_it_waits_for)
{
	static struct seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pyr_ns *ns = begin();
	pyr_ns_watcher *watcher;
	int64_t begin_ms;

	kill(a.pid, SIGSTOP);
	kill(b.pid, SIGSTOP);
	watcher = pyr_ns_watch(ns, NULL, see, &seen);
	REQUIRE(watcher != NULL);
	CHECK_INT(pyr_sleep(5 * PAUSE_MS), 0); /* it has begun, or not: both must do */
	begin_ms = now_ms();
	pyr_ns_watcher_free(watcher);
	CHECK(now_ms() - begin_ms < SOON_MS);
	kill(a.pid, SIGCONT);
	kill(b.pid, SIGCONT);
	pyr_ns_free(ns);
}

TESTS(naming_moves, T(a_lease_moves_at_once_and_comes_back),
      T(a_lease_moves_from_one_that_hangs_before_it_ends),
      T(a_lease_is_back_with_the_next_round_when_all_were_away),
      T(a_watcher_moves_along_and_comes_back), T(a_watcher_of_none_that_answers_is_told),
      T(a_watcher_leaves_one_that_hangs_with_the_look_ups),
      T(a_watcher_is_freed_whatever_it_waits_for), T(the_name_servers_end_well))
