/* SPDX-License-Identifier: MIT */
/* What the engine polls: descriptors, gRPC core, and both. */
#include <dirent.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <grpc/grpc.h>
#include <grpc/support/time.h>

#include "base/tsan.h"
#include "engine/engine.h"
#include "test.h"

enum { PATIENCE_S = 30, ROUNDS = 2000 };

static int64_t patience(void)
{
	return engine_now() + PATIENCE_S * INT64_C(1000000000);
}

/* One end of a pair of sockets, which is watched: counts the bytes that come. */
struct watched {
	struct engine_source source;
	int other;
	atomic_int n;
	int wanted;
	struct engine_waiter waiter;
};

static void on_ready(struct engine_source *source, uint32_t events)
{
	struct watched *w = (struct watched *)source;
	char byte;

	CHECK(events & EPOLLIN);
	CHECK(engine_leading() != NULL);
	if (read(source->fd, &byte, 1) == 1 && atomic_fetch_add(&w->n, 1) + 1 == w->wanted)
		engine_wake(&w->waiter);
}

static void watched_begin(struct watched *w)
{
	int fds[2];

	REQUIRE(engine_start() == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	*w = (struct watched){ .source = { fds[0], on_ready }, .other = fds[1], .wanted = 1 };
	engine_waiter_init(&w->waiter, false);
	REQUIRE(engine_source_add(&w->source, EPOLLIN));
}

/* In the leader, as it has to be. */
struct removing {
	struct engine_hook hook;
	struct watched *watched;
	struct engine_waiter done;
};

static void remove_it(struct engine_hook *hook)
{
	struct removing *r = (struct removing *)hook;

	engine_source_remove(&r->watched->source);
	engine_wake(&r->done);
}

static void watched_end(struct watched *w)
{
	struct removing r = { .hook = { .run = remove_it }, .watched = w };

	engine_waiter_init(&r.done, false);
	engine_before_poll(&r.hook);
	REQUIRE(engine_wait(&r.done, patience()));
	engine_waiter_fini(&r.done);
	engine_waiter_fini(&w->waiter);
	close(w->source.fd);
	close(w->other);
}

static int threads_of_process(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = -2;

	REQUIRE(dir != NULL);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* The first: later ones start it. */
TEST(without_core_there_is_one_thread_more)
{
	struct watched w;
	int before = threads_of_process();

	(void)before;

	watched_begin(&w);
	CHECK(write(w.other, "x", 1) == 1);
	CHECK(engine_wait(&w.waiter, patience()));
#if !defined(__SANITIZE_THREAD__) /* which has one of its own */
	CHECK(threads_of_process() <= before + 1);
#endif
	CHECK(engine_queue() == NULL);
	watched_end(&w);
}

TEST(a_descriptor_is_told_while_it_is_readable)
{
	struct watched w;

	watched_begin(&w);
	w.wanted = 3;
	CHECK(write(w.other, "abc", 3) == 3); /* read one by one */
	CHECK(engine_wait(&w.waiter, patience()));
	CHECK_INT(atomic_load(&w.n), 3);
	engine_source_set(&w.source, 0); /* not looked at any more */
	atomic_store(&w.waiter.ready, false);
	w.wanted = 4;
	CHECK(write(w.other, "d", 1) == 1);
	CHECK(!engine_wait(&w.waiter, engine_now() + 20 * ENGINE_MS));
	engine_source_set(&w.source, EPOLLIN);
	CHECK(engine_wait(&w.waiter, patience()));
	watched_end(&w);
}

static void *write_later(void *data)
{
	struct watched *w = data;

	while (!engine_is_led())
		sched_yield();
	CHECK_INT((int)write(w->other, "x", 1), 1);
	return NULL;
}

TEST(a_descriptor_ends_the_poll_of_who_waits)
{
	struct watched w;
	pthread_t thread;

	watched_begin(&w);
	REQUIRE(engine_thread(&thread, write_later, &w) == 0);
	CHECK(engine_wait(&w.waiter, patience()));
	pthread_join(thread, NULL);
	watched_end(&w);
}

/* ---- core ---- */

struct posted {
	struct engine_event event;
	grpc_call *call;
	atomic_int n;
	int wanted;
	struct engine_waiter waiter;
};

static void on_posted(struct engine_event *event, bool ok)
{
	struct posted *p = (struct posted *)event;

	(void)ok;
	CHECK(engine_leading() != NULL);
	if (atomic_fetch_add(&p->n, 1) + 1 == p->wanted)
		engine_wake(&p->waiter);
}

static void posted_begin(struct posted *p)
{
	grpc_channel *lame;

	*p = (struct posted){ .event = { on_posted }, .wanted = 1 };
	engine_waiter_init(&p->waiter, false);
	engine_core_enter();
	lame = grpc_lame_client_channel_create("test", GRPC_STATUS_UNAVAILABLE, "test");
	p->call = grpc_channel_create_call(lame, NULL, GRPC_PROPAGATE_DEFAULTS, engine_queue(),
					   grpc_slice_from_static_string("/test"), NULL,
					   gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	grpc_channel_destroy(lame);
}

static void post(struct posted *p)
{
	TSAN_RELEASE(&p->event);
	CHECK(grpc_call_start_batch(p->call, NULL, 0, &p->event, NULL) == GRPC_CALL_OK);
}

static void posted_end(struct posted *p)
{
	grpc_call_unref(p->call);
	engine_waiter_fini(&p->waiter);
	engine_core_leave();
}

/* Core comes while the leader polls descriptors, and descriptors while it polls core. */
static void *post_later(void *data)
{
	while (!engine_is_led())
		sched_yield();
	post(data);
	return NULL;
}

TEST(who_polls_core_is_told_of_descriptors_that_come)
{
	struct posted p;
	struct watched w;
	pthread_t thread;

	posted_begin(&p);
	REQUIRE(engine_thread(&thread, post_later, &p) == 0);
	CHECK(engine_wait(&p.waiter, patience()));
	pthread_join(thread, NULL);
	watched_begin(&w);
	REQUIRE(engine_thread(&thread, write_later, &w) == 0);
	CHECK(engine_wait(&w.waiter, patience()));
	pthread_join(thread, NULL);
	watched_end(&w);
	posted_end(&p);
}

/* One event of each at a time, handled by whoever waits. */
TEST(descriptors_and_core_are_polled_side_by_side)
{
	struct posted p;
	struct watched w;
	int i;

	posted_begin(&p);
	watched_begin(&w);
	for (i = 0; i < ROUNDS; i++) {
		p.wanted = w.wanted = i + 1;
		atomic_store(&p.waiter.ready, false);
		atomic_store(&w.waiter.ready, false);
		post(&p);
		CHECK(write(w.other, "x", 1) == 1);
		REQUIRE(engine_wait(&p.waiter, patience()));
		REQUIRE(engine_wait(&w.waiter, patience()));
	}
	CHECK_INT(atomic_load(&p.n), ROUNDS);
	CHECK_INT(atomic_load(&w.n), ROUNDS);
	watched_end(&w);
	p.wanted = ROUNDS + 1; /* and core alone again */
	atomic_store(&p.waiter.ready, false);
	post(&p);
	CHECK(engine_wait(&p.waiter, patience()));
	posted_end(&p);
}

int main(void)
{
	static const struct test_case tests[] = {
		T(without_core_there_is_one_thread_more),
		T(a_descriptor_is_told_while_it_is_readable),
		T(a_descriptor_ends_the_poll_of_who_waits),
		T(who_polls_core_is_told_of_descriptors_that_come),
		T(descriptors_and_core_are_polled_side_by_side),
	};

	return test_main("engine_sources", tests, sizeof(tests) / sizeof(tests[0]));
}
