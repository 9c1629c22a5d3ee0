/* SPDX-License-Identifier: MIT */
/*
 * What following names costs and brings: bench-follow ADDRESS [idle SECONDS]. Serial calls through
 * a proxy that follows its name, beside one of the same object's PYRO uri that does not, in turn;
 * then how long it takes until calls reach a replica that has just been registered, and until they
 * leave one whose name is removed. With `idle`: 100 proxies of PYROMETA uris, of a tag each ten,
 * make a call each 100 ms for so long, and what the name server is asked meanwhile is for its
 * metrics to tell. With PYRITE_FOLLOW=0 nothing is followed.
 */
#include <pyrite/naming.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 200, CALLS = 200, ROUNDS = 15, PROXIES = 100, TAGS = 10, REPLICAS = 2 };

struct place {
	pyr_daemon *daemon;
	pthread_t thread;
	uint32_t number;
	const char *uri;
};

static struct place places[REPLICAS];
static pyr_ns *ns;

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	pyr_perror(what);
	exit(1);
}

static int say_number(pyr_call *call, uint32_t *ret)
{
	*ret = ((struct place *)pyr_call_data(call))->number;
	return 0;
}

static void *run_daemon(void *data)
{
	return (void *)(intptr_t)pyr_daemon_run(data);
}

static void start_place(uint32_t number)
{
	static const struct pyrite_NameServer_methods methods = { .count = say_number };
	struct pyr_daemon_options options = { .threads = 2 };
	struct place *place = &places[number];

	place->number = number;
	place->daemon = pyr_daemon_new(&options);
	place->uri = pyrite_NameServer_register(place->daemon, NULL, &methods, place);
	must(place->uri && pthread_create(&place->thread, NULL, run_daemon, place->daemon) == 0,
	     "daemon");
}

static struct pyrite_NameServer *proxy_of(const char *uri)
{
	struct pyr_proxy_options options = { .lane = PYR_LANE_WIRE };
	struct pyrite_NameServer *proxy = pyrite_NameServer_proxy_with(uri, &options);

	must(proxy != NULL, uri);
	return proxy;
}

static struct pyrite_NameServer *proxy_at(const char *scheme, const char *name)
{
	char uri[300];

	snprintf(uri, sizeof(uri), "%s:%s@%s", scheme, name, pyr_ns_address(ns));
	return proxy_of(uri);
}

static uint32_t ask(struct pyrite_NameServer *proxy)
{
	uint32_t number = UINT32_MAX;

	must(pyrite_NameServer_count(proxy, &number) == 0, "call");
	return number;
}

static void add(uint32_t number, const char *tag)
{
	const char *tags[] = { tag };
	struct pyr_ns_register_options options = { .tags = tags, .n_tags = 1 };
	char name[80];

	snprintf(name, sizeof(name), "bench.follow.%s.%u", tag, number);
	must(pyr_ns_register_with(ns, name, places[number].uri, &options) == 0, name);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t median(int64_t *times, size_t n)
{
	qsort(times, n, sizeof(times[0]), by_value);
	return times[n / 2];
}

static int64_t block(struct pyrite_NameServer *proxy)
{
	int64_t from = now_us();
	int i;

	for (i = 0; i < CALLS; i++)
		(void)ask(proxy);
	return now_us() - from;
}

static void compare(void)
{
	static int64_t with[BLOCKS], without[BLOCKS];
	struct pyrite_NameServer *followed, *plain;
	int64_t a, b;
	int i;

	must(pyr_ns_register(ns, "bench.follow", places[0].uri) == 0, "register");
	followed = proxy_at("PYRONAME", "bench.follow");
	plain = proxy_of(places[0].uri);
	for (i = 0; i < 20; i++) /* more than until it is followed */
		(void)block(followed), (void)block(plain);
	for (i = 0; i < BLOCKS; i++) {
		with[i] = block(followed);
		without[i] = block(plain);
	}
	a = median(with, BLOCKS);
	b = median(without, BLOCKS);
	printf("a call, us: %.2f followed, %.2f not; ratio %.3f\n", (double)a / CALLS,
	       (double)b / CALLS, (double)a / (double)b);
	pyrite_NameServer_free(followed);
	pyrite_NameServer_free(plain);
	(void)!pyr_ns_remove(ns, "bench.follow");
}

/* Until it is no wonder that something changes, at no particular moment. The calls here are
 * samples, half a millisecond apart: what is measured is when a proxy is seen to follow. */
static void go_on_calling(struct pyrite_NameServer *proxy, int i)
{
	int64_t until = now_us() + 1200000 + i * 67000;

	while (now_us() < until) {
		(void)ask(proxy);
		usleep(500);
	}
}

static void print_times(const char *what, int64_t *times)
{
	int64_t middle = median(times, ROUNDS); /* which sorts them */

	printf("%s after ms: median %.1f, worst %.1f\n", what, (double)middle / 1000,
	       (double)times[ROUNDS - 1] / 1000);
}

static void replicas(void)
{
	static int64_t seen[ROUNDS], left[ROUNDS];
	struct pyrite_NameServer *proxy;
	int64_t from, last;
	int i;

	add(0, "replica");
	proxy = proxy_at("PYROMETA", "replica");
	(void)ask(proxy);
	for (i = 0; i < ROUNDS; i++) {
		go_on_calling(proxy, i);
		add(1, "replica");
		from = now_us();
		while (ask(proxy) != 1)
			usleep(500);
		seen[i] = now_us() - from;
		go_on_calling(proxy, i);
		must(pyr_ns_remove(ns, "bench.follow.replica.1") == 0, "remove");
		from = last = now_us();
		while (now_us() - last < 100000 && now_us() - from < 5000000) {
			if (ask(proxy) == 1)
				last = now_us();
			usleep(500);
		}
		left[i] = last - from;
	}
	print_times("seen", seen);
	print_times("left", left);
	pyrite_NameServer_free(proxy);
}

static void idle(int seconds)
{
	static struct pyrite_NameServer *proxies[PROXIES];
	char tag[20];
	int64_t until;
	int i;

	for (i = 0; i < PROXIES; i++) {
		snprintf(tag, sizeof(tag), "t%d", i % TAGS);
		if (i < TAGS)
			add(0, tag);
		proxies[i] = proxy_at("PYROMETA", tag);
		(void)ask(proxies[i]);
	}
	sleep(1); /* what connecting has started is over; whoever measures begins at "go" */
	puts("go");
	fflush(stdout);
	for (until = now_us() + (int64_t)seconds * 1000000; now_us() < until; usleep(100000))
		for (i = 0; i < PROXIES; i++)
			(void)ask(proxies[i]);
	puts("done");
	fflush(stdout);
	(void)getchar();
	for (i = 0; i < PROXIES; i++)
		pyrite_NameServer_free(proxies[i]);
}

int main(int argc, char **argv)
{
	uint32_t i;

	if (argc != 2 && argc != 4) {
		fputs("usage: bench-follow ADDRESS [idle SECONDS]\n", stderr);
		return 2;
	}
	ns = pyr_ns_locate(argv[1]);
	must(ns != NULL, argv[1]);
	for (i = 0; i < REPLICAS; i++)
		start_place(i);
	if (argc == 4) {
		idle(atoi(argv[3]));
	} else {
		compare();
		replicas();
	}
	for (i = 0; i < REPLICAS; i++) {
		pyr_daemon_stop(places[i].daemon);
		pthread_join(places[i].thread, NULL);
		pyr_daemon_free(places[i].daemon);
	}
	pyr_ns_free(ns);
	return 0;
}
