/* SPDX-License-Identifier: MIT */
/* What the engine polls: descriptors, gRPC core, and both. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
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

/* ---- who calls, and who is called back ---- */

enum { TRIES = 100000 };

/* A connection: what is said to the other end comes back. 'r' is the reply that the caller waits
 * for, 'c' a callback, which is for a thread that gives way. */
struct line {
	struct watched watched; /* its waiter is the caller's */
	struct engine_waiter callee;
	pthread_t server, thread;
	atomic_int n_callbacks;
	atomic_bool is_over, is_callees; /* the last message was read by who is called back */
	bool begins;                     /* the callee, as soon as somebody leads */
};

static void say(struct line *line, char what)
{
	CHECK(write(line->watched.source.fd, &what, 1) == 1);
}

static void on_message(struct engine_source *source, uint32_t events)
{
	struct line *line = (struct line *)source;
	char what;

	(void)events;
	if (read(source->fd, &what, 1) != 1)
		return;
	atomic_store(&line->is_callees, engine_leading() == &line->callee);
	engine_wake(what == 'r' ? &line->watched.waiter : &line->callee);
}

static void *echo(void *data)
{
	struct line *line = data;
	char what;

	while (read(line->watched.other, &what, 1) == 1)
		CHECK(write(line->watched.other, &what, 1) == 1);
	return NULL;
}

/* Each callback brings the next, until one has come to this thread by itself. */
static void *be_called_back(void *data)
{
	struct line *line = data;
	int n;

	while (line->begins && !engine_is_led())
		sched_yield();
	if (line->begins)
		say(line, 'c');
	while (engine_wait(&line->callee, patience()) && !atomic_load(&line->is_over)) {
		atomic_store(&line->callee.ready, false);
		n = atomic_fetch_add(&line->n_callbacks, 1) + 1;
		if (line->begins)
			say(line, n == TRIES || atomic_load(&line->is_callees) ? 'r' : 'c');
	}
	return NULL;
}

static void line_begin(struct line *line, bool begins)
{
	*line = (struct line){ .begins = begins };
	watched_begin(&line->watched);
	line->watched.source.ready = on_message;
	REQUIRE(fcntl(line->watched.other, F_SETFL, 0) == 0);
	engine_waiter_init(&line->callee, true);
	line->callee.gives_way = true;
	engine_add_daemon(1); /* as who has threads for methods */
	REQUIRE(pthread_create(&line->server, NULL, echo, line) == 0);
	REQUIRE(pthread_create(&line->thread, NULL, be_called_back, line) == 0);
}

static void line_end(struct line *line)
{
	atomic_store(&line->is_over, true);
	engine_wake(&line->callee);
	pthread_join(line->thread, NULL);
	shutdown(line->watched.source.fd, SHUT_WR);
	pthread_join(line->server, NULL);
	engine_add_daemon(-1);
	watched_end(&line->watched);
	engine_waiter_fini(&line->callee);
}

/* A caller leads. It hands over the first callback, and those that follow need no hand-over. */
TEST(callbacks_in_a_call_come_to_the_thread_that_runs_them)
{
	struct line line;

	line_begin(&line, true);
	CHECK(engine_wait(&line.watched.waiter, patience()));
	CHECK(atomic_load(&line.n_callbacks) < TRIES);
	line_end(&line);
}

/* The other way round: who waits for callbacks leads. And when nobody calls any more it does again.
 */
TEST(replies_come_to_who_makes_call_after_call)
{
	struct line line;
	int n, until = (int)time(NULL) + PATIENCE_S;

	line_begin(&line, false);
	while (!engine_is_led())
		sched_yield();
	for (n = 0; n == 0 || (n < TRIES && atomic_load(&line.is_callees)); n++) {
		say(&line, 'r');
		REQUIRE(engine_wait(&line.watched.waiter, patience()));
		atomic_store(&line.watched.waiter.ready, false);
	}
	CHECK(n < TRIES);
	say(&line, 'c');
	while (atomic_load(&line.n_callbacks) == 0 && time(NULL) < until)
		poll(NULL, 0, 1);
	CHECK_INT(atomic_load(&line.n_callbacks), 1);
	line_end(&line);
}

int main(void)
{
	static const struct test_case tests[] = {
		T(without_core_there_is_one_thread_more),
		T(a_descriptor_is_told_while_it_is_readable),
		T(a_descriptor_ends_the_poll_of_who_waits),
		T(who_polls_core_is_told_of_descriptors_that_come),
		T(descriptors_and_core_are_polled_side_by_side),
		T(callbacks_in_a_call_come_to_the_thread_that_runs_them),
		T(replies_come_to_who_makes_call_after_call),
	};

	return test_main("engine_sources", tests, sizeof(tests) / sizeof(tests[0]));
}
