/* SPDX-License-Identifier: MIT */
/* Many servers behind one proxy: processes that are killed, come back, and are new. */
#define _GNU_SOURCE /* pipe2() */
#include "naming_server.h"

#include "crew.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHARED "crew.shared" /* a name that all have */

enum { N_WORKERS = 4, N_CALLS = 1000, MOST = 16 };

struct worker {
	pid_t pid;
	char uri[256];
	int n_calls; /* of those that were counted */
};

static struct worker workers[MOST];
static int n_workers;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Starts one, and waits until it says where it is. name: NULL: it has none. */
static struct worker *start_worker(const char *socket, const char *name)
{
	struct worker *worker = &workers[n_workers++];
	const char *bin = getenv("PYRITE_BIN");
	char path[1024], *argv[] = { path,
				     (char *)(socket ? socket : ""),
				     name ? ns_address : NULL,
				     (char *)name,
				     name && strcmp(name, SHARED) == 0 ? "shared" : NULL,
				     NULL };
	posix_spawn_file_actions_t actions;
	int pipes[2];
	FILE *file;

	snprintf(path, sizeof(path), "%s/crew-worker", bin ? bin : "bin");
	*worker = (struct worker){ 0 };
	REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	REQUIRE(posix_spawn(&worker->pid, path, &actions, NULL, argv, environ) == 0);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	file = fdopen(pipes[0], "r");
	REQUIRE(file && fgets(worker->uri, sizeof(worker->uri), file));
	fclose(file);
	worker->uri[strcspn(worker->uri, "\n")] = '\0';
	return worker;
}

static void end_worker(struct worker *worker, int sig)
{
	if (worker->pid <= 0)
		return;
	kill(worker->pid, sig);
	waitpid(worker->pid, NULL, 0);
	worker->pid = -1;
}

static void end_all(void)
{
	while (n_workers > 0)
		end_worker(&workers[--n_workers], SIGKILL);
}

static struct crew_Worker *proxy_of_all(enum pyr_pick pick)
{
	const char *others[MOST];
	struct pyr_proxy_options options = { .pick = pick, .others = others };
	int i;

	for (i = 1; i < n_workers; i++)
		others[options.n_others++] = workers[i].uri;
	return crew_Worker_proxy_with(workers[0].uri, &options);
}

static struct worker *worker_of(int32_t who)
{
	int i;

	for (i = 0; i < n_workers; i++)
		if (workers[i].pid == who)
			return &workers[i];
	return NULL;
}

/* One call; returns who took it. */
static struct worker *ask(struct crew_Worker *proxy, const char *key)
{
	struct pyr_call_options options = { .key = key };
	struct worker *worker;
	int32_t who = 0;
	int64_t twice;

	REQUIRE(crew_Worker_twice(crew_Worker_with(proxy, &options), 21, 0, &twice, &who) == 0);
	REQUIRE(twice == 42);
	worker = worker_of(who);
	REQUIRE(worker != NULL);
	worker->n_calls++;
	return worker;
}

/* Until all are connected, however slow the machine. */
static struct crew_Worker *warm(struct crew_Worker *proxy)
{
	int64_t until = now_ms() + 20000;
	int i, n = 0;

	while (n < n_workers && now_ms() < until)
		n += ask(proxy, NULL)->n_calls == 1;
	CHECK_INT(n, n_workers);
	for (i = 0; i < n_workers; i++)
		workers[i].n_calls = 0;
	return proxy;
}

static struct crew_Worker *proxy_of_four(enum pyr_pick pick)
{
	int i;

	for (i = 0; i < N_WORKERS; i++)
		start_worker(NULL, NULL);
	return warm(proxy_of_all(pick));
}

/* None answers before all have been started, so that how fast they are has no part in it. */
TEST(calls_that_wait_are_as_many_at_each)
{
	struct crew_Worker *proxy = proxy_of_four(PYR_PICK_LEAST);
	pyr_future *futures[16 * N_WORKERS];
	int64_t twice;
	int32_t who;
	int i;

	for (i = 0; i < N_WORKERS; i++) {
		REQUIRE(kill(workers[i].pid, SIGSTOP) == 0);
		REQUIRE(waitpid(workers[i].pid, NULL, WUNTRACED) == workers[i].pid);
	}
	for (i = 0; i < 16 * N_WORKERS; i++)
		futures[i] = crew_Worker_twice_start(proxy, i, 0);
	for (i = 0; i < N_WORKERS; i++)
		REQUIRE(kill(workers[i].pid, SIGCONT) == 0);
	for (i = 0; i < 16 * N_WORKERS; i++) {
		who = 0;
		CHECK_INT(crew_Worker_twice_get(futures[i], &twice, &who), 0);
		REQUIRE(worker_of(who) != NULL);
		worker_of(who)->n_calls++;
	}
	for (i = 0; i < N_WORKERS; i++)
		CHECK_INT(workers[i].n_calls, 16);
	crew_Worker_free(proxy);
	end_all();
}

TEST(a_map_goes_to_all_and_keeps_its_order)
{
	struct crew_Worker *proxy = proxy_of_four(PYR_PICK_LEAST);
	int32_t numbers[400], waits[400], who[400];
	int64_t results[400];
	int i;

	for (i = 0; i < 400; i++) {
		numbers[i] = i;
		waits[i] = 2;
	}
	CHECK_INT(crew_Worker_twice_map(proxy, 400, numbers, waits, results, who, NULL), 0);
	for (i = 0; i < 400; i++) {
		REQUIRE(results[i] == 2 * i && worker_of(who[i]) != NULL);
		worker_of(who[i])->n_calls++;
	}
	for (i = 0; i < N_WORKERS; i++)
		CHECK(workers[i].n_calls > 0);
	crew_Worker_free(proxy);
	end_all();
}

TEST(round_robin_takes_one_after_the_other)
{
	struct crew_Worker *proxy = proxy_of_four(PYR_PICK_ROUND_ROBIN);
	struct worker *first[N_WORKERS];
	int i;

	for (i = 0; i < N_WORKERS; i++)
		first[i] = ask(proxy, NULL);
	for (i = 0; i < 2 * N_WORKERS; i++)
		CHECK(ask(proxy, NULL) == first[i % N_WORKERS]);
	for (i = 0; i < N_WORKERS; i++)
		CHECK_INT(workers[i].n_calls, 3);
	crew_Worker_free(proxy);
	end_all();
}

TEST(calls_of_one_key_go_to_one_and_move_alone_when_it_is_lost)
{
	struct crew_Worker *proxy = proxy_of_four(PYR_PICK_LEAST);
	struct worker *of_key[64], *lost;
	char key[16];
	int i;

	for (i = 0; i < 64; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		of_key[i] = ask(proxy, key);
		CHECK(ask(proxy, key) == of_key[i]);
	}
	lost = of_key[0];
	for (i = 0; i < N_WORKERS; i++)
		CHECK(workers[i].n_calls > 0);
	end_worker(lost, SIGKILL);
	for (i = 0; i < 64; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		CHECK((ask(proxy, key) == of_key[i]) == (of_key[i] != lost));
	}
	crew_Worker_free(proxy);
	end_all();
}

/* once() may have run where its server was killed; twice() is made again elsewhere. */
TEST(a_call_that_may_have_run_is_not_made_again_unless_it_is_idempotent)
{
	struct crew_Worker *proxy, *direct;
	pyr_future *futures[2], *again;
	int32_t who = 0;
	int64_t twice = 0;
	int i, err;

	for (i = 0; i < 2; i++)
		start_worker(NULL, NULL);
	proxy = warm(proxy_of_all(PYR_PICK_LEAST));
	for (i = 0; i < 2; i++) /* one at each */
		REQUIRE((futures[i] = crew_Worker_once_start(proxy, 30000)) != NULL);
	again = crew_Worker_twice_start(proxy, 4, 500);
	REQUIRE(again != NULL);
	for (i = 0; i < 2; i++) { /* over the same links: those before have arrived */
		direct = crew_Worker_proxy(workers[i].uri);
		CHECK_INT(crew_Worker_twice(direct, 1, 0, &twice, &who), 0);
		crew_Worker_free(direct);
	}
	end_worker(&workers[0], SIGKILL);
	end_worker(&workers[1], SIGKILL);
	n_workers = 0;
	for (i = 0; i < 2; i++) {
		CHECK_INT(crew_Worker_once_get(futures[i], &who), -PYR_UNAVAILABLE);
		CHECK(pyr_last_error()->may_have_run);
	}
	err = crew_Worker_twice_get(again, &twice, &who); /* nobody is left */
	CHECK_INT(err, -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_last_error()->message, "none of the others");
	crew_Worker_free(proxy);
}

TEST(one_that_comes_back_is_used_again)
{
	char folder[] = "/tmp/pyrite-test-XXXXXX", path[2][80];
	struct crew_Worker *proxy;
	int64_t until;
	int i;

	REQUIRE(mkdtemp(folder) != NULL);
	for (i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/%d", folder, i);
		start_worker(path[i], NULL);
	}
	proxy = warm(proxy_of_all(PYR_PICK_LEAST));
	end_worker(&workers[0], SIGKILL);
	for (i = 0; i < 50; i++)
		CHECK(ask(proxy, NULL) == &workers[1]);
	(void)start_worker(path[0], NULL);
	CHECK_STR(workers[2].uri, workers[0].uri);
	until = now_ms() + 2000;
	while (workers[2].n_calls == 0 && now_ms() < until)
		(void)ask(proxy, NULL);
	CHECK(workers[2].n_calls > 0);
	crew_Worker_free(proxy);
	end_all();
	for (i = 0; i < 2; i++) {
		(void)unlink(path[i]);
		strcat(path[i], ".lock");
		(void)unlink(path[i]);
	}
	CHECK_INT(rmdir(folder), 0);
}

TEST(one_that_stops_in_order_is_left_without_a_failure)
{
	struct crew_Worker *proxy = proxy_of_four(PYR_PICK_ROUND_ROBIN);
	struct crew_Worker *one = crew_Worker_proxy(workers[0].uri);
	int i;

	(void)ask(proxy, NULL);
	CHECK_INT(crew_Worker_stop(one), 0);
	for (i = 0; i < 200; i++)
		(void)ask(proxy, NULL);
	crew_Worker_free(one);
	crew_Worker_free(proxy);
	end_all();
}

/* ---- by their tags ---- */

static struct crew_Worker *proxy_of_tags(void)
{
	char uri[128], name[32];
	int i;

	pyr_ns_free(locate());
	for (i = 0; i < N_WORKERS; i++) {
		snprintf(name, sizeof(name), "crew.%d", i);
		start_worker(NULL, name);
	}
	snprintf(uri, sizeof(uri), "PYROMETA:crew@%s", ns_address);
	return warm(crew_Worker_proxy(uri));
}

struct map {
	struct crew_Worker *proxy;
	int64_t new_since;
};

static pyr_future *start(size_t i, void *data)
{
	struct map *map = data;

	return crew_Worker_twice_start(map->proxy, (int32_t)i, 5);
}

/* In the middle one is killed, and another is new. */
static int get(size_t i, pyr_future *future, void *data)
{
	struct map *map = data;
	int32_t who = 0;
	int64_t twice = 0;
	int err = crew_Worker_twice_get(future, &twice, &who);

	CHECK(err == 0 && twice == 2 * (int64_t)i);
	if (worker_of(who))
		worker_of(who)->n_calls++;
	if (i == N_CALLS / 3) {
		end_worker(&workers[0], SIGKILL);
		(void)start_worker(NULL, "crew.new");
		map->new_since = now_ms();
	}
	return err;
}

TEST(a_map_over_tags_survives_a_kill_and_uses_who_is_new)
{
	struct map map = { .proxy = proxy_of_tags() };
	int i, least = N_CALLS, most = 0;

	CHECK_INT(pyr_map(N_CALLS, 0, start, get, &map), 0);
	for (i = 1; i < N_WORKERS; i++) {
		least = workers[i].n_calls < least ? workers[i].n_calls : least;
		most = workers[i].n_calls > most ? workers[i].n_calls : most;
	}
	CHECK(10 * (most - least) <= 4 * (most + least) / 2); /* within 20 % of their mean */
	while (workers[N_WORKERS].n_calls == 0 && now_ms() < map.new_since + 2000)
		(void)ask(map.proxy, NULL);
	CHECK(workers[N_WORKERS].n_calls > 0);
	crew_Worker_free(map.proxy);
	end_all();
}

/* ---- by a shared name ---- */

TEST(a_shared_name_is_all_that_are_registered_under_it)
{
	struct pyr_call_options with_key = { .key = "some key" };
	struct crew_Worker *proxy;
	int32_t who[2] = { 0, 0 };
	int64_t twice, new_since;
	char uri[128];
	int i;

	pyr_ns_free(locate());
	for (i = 0; i < 3; i++)
		start_worker(NULL, SHARED);
	snprintf(uri, sizeof(uri), "PYRONAME:" SHARED "@%s", ns_address);
	proxy = crew_Worker_proxy(uri);
	for (i = 0; i < 2; i++) /* the first finds out that the name is shared */
		CHECK_INT(crew_Worker_twice(crew_Worker_with(proxy, &with_key), 1, 0, &twice,
					    &who[i]),
			  0);
	CHECK_INT(who[0], who[1]);
	warm(proxy);
	end_worker(&workers[0], SIGKILL);
	for (i = 0; i < 60; i++)
		CHECK(ask(proxy, NULL) != &workers[0]);
	CHECK(workers[1].n_calls > 0 && workers[2].n_calls > 0);
	(void)start_worker(NULL, SHARED);
	new_since = now_ms();
	while (workers[3].n_calls == 0 && now_ms() < new_since + 2000)
		(void)ask(proxy, NULL);
	CHECK(workers[3].n_calls > 0);
	crew_Worker_free(proxy);
	end_all();
}

TESTS(group, T(calls_that_wait_are_as_many_at_each), T(a_map_goes_to_all_and_keeps_its_order),
      T(round_robin_takes_one_after_the_other),
      T(calls_of_one_key_go_to_one_and_move_alone_when_it_is_lost),
      T(a_call_that_may_have_run_is_not_made_again_unless_it_is_idempotent),
      T(one_that_comes_back_is_used_again), T(one_that_stops_in_order_is_left_without_a_failure),
      T(a_map_over_tags_survives_a_kill_and_uses_who_is_new),
      T(a_shared_name_is_all_that_are_registered_under_it), T(the_name_server_ends_well))
