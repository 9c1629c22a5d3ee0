/* SPDX-License-Identifier: MIT */
/*
 * A door without descriptors. The process under test is a forked child with a low limit; the parent
 * floods it, because its own descriptors must not run out.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "door_visit.h"

#include <pyrite/pyrite.h>

#define LIMIT      64
#define FLOOD      100
#define HOLD_MS    500
#define CPU_MAX_MS 150 /* of HOLD_MS and the flood itself; one that spins takes all of HOLD_MS */

struct child {
	pid_t pid;
	int in;  /* it serves until this is closed; bytes are orders */
	int out; /* it writes its port, then a byte for each guest */
	uint16_t port;
};

static void report_guest(void *data, int fd, enum door_protocol speaks,
			 const struct door_peer *peer, struct tls *tls)
{
	(void)speaks;
	(void)peer;
	(void)tls;
	(void)!write(*(int *)data, "g", 1);
	close_unseen(fd);
}

static void set_limit(rlim_t n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		_exit(3);
	limit.rlim_cur = n;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		_exit(3);
}

/* Orders: 'l' no descriptor at all, not even one that was just closed; 'h' as before; each is
 * acknowledged. */
static void serve(int in, int out, unsigned max_links)
{
	struct door_options options = { .max_links = max_links,
					.accepted = report_guest,
					.data = &out };
	struct door_problem problem;
	struct door *door;
	uint16_t port;
	char order;
	int before;

	set_limit(LIMIT);
	before = test_open_fds();
	door = door_open(&options, &problem);
	if (!door)
		_exit(4);
	port = door_port(door);
	(void)!write(out, &port, sizeof(port));
	while (read(in, &order, 1) == 1) {
		set_limit(order == 'l' ? 3 : LIMIT);
		(void)!write(out, "a", 1);
	}
	door_free(door);
	_exit(test_open_fds() == before ? 0 : 5);
}

static struct child begin(unsigned max_links)
{
	struct child child;
	int in[2], out[2];

	REQUIRE(pipe(in) == 0);
	REQUIRE(pipe(out) == 0);
	child.pid = fork();
	REQUIRE(child.pid >= 0);
	if (child.pid == 0) {
		close(in[1]);
		close(out[0]);
		serve(in[0], out[1], max_links);
	}
	close(in[0]);
	close(out[1]);
	child.in = in[1];
	child.out = out[0];
	REQUIRE(read(child.out, &child.port, sizeof(child.port)) == sizeof(child.port));
	return child;
}

/* Returns the CPU time it took, in ms. */
static long end(struct child *child)
{
	struct rusage usage;
	int status;

	close(child->in);
	REQUIRE(wait4(child->pid, &status, 0, &usage) == child->pid);
	close(child->out);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
	return usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 +
	       usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000;
}

/* The next byte it says; '-' if it stays silent for so long. */
static char hear(const struct child *child, int ms)
{
	struct pollfd wait = { .fd = child->out, .events = POLLIN };
	char byte = '-';

	if (poll(&wait, 1, ms) == 1 && read(child->out, &byte, 1) != 1)
		return 'x';
	return byte;
}

/* Knocks until it is let in: as long as the door has not seen the last ones leave, it may turn a
 * newcomer away. */
static bool visit_within(const struct child *child, int ms)
{
	int64_t until = test_now_ms() + ms;
	bool in = false;

	while (!in && test_now_ms() < until) {
		int fd = knock_tcp(child->port);
		struct pollfd wait[2] = { { .fd = child->out, .events = POLLIN },
					  { .fd = fd, .events = POLLIN } };

		(void)!send(fd, PREFACE, PREFACE_BYTES, MSG_NOSIGNAL);
		in = poll(wait, 2, ms) > 0 && wait[0].revents && hear(child, 0) == 'g';
		close(fd);
	}
	return in;
}

TEST(a_flood_beyond_the_descriptors_is_turned_away_and_over_at_once)
{
	struct child child = begin(1000);
	int fds[FLOOD], i, closed = 0;
	struct pollfd wait = { .events = POLLIN };
	long cpu;

	CHECK(visit_within(&child, PATIENCE_MS));
	for (i = 0; i < FLOOD; i++)
		fds[i] = knock_tcp(child.port);
	CHECK(is_closed(fds[FLOOD - 1])); /* refused, not left hanging */
	CHECK_INT(hear(&child, HOLD_MS), '-');
	for (i = 0; i < FLOOD; i++) {
		wait.fd = fds[i];
		closed += poll(&wait, 1, 0);
	}
	CHECK(closed >= FLOOD - LIMIT && closed < FLOOD);
	for (i = 0; i < FLOOD; i++)
		close(fds[i]);
	CHECK(visit_within(&child, 1000));
	cpu = end(&child);
	if (cpu > CPU_MAX_MS)
		fprintf(stderr, "%ld ms of CPU\n", cpu);
	CHECK(cpu <= CPU_MAX_MS);
}

TEST(without_even_the_spare_descriptor_it_waits_and_recovers)
{
	struct child child = begin(1000);
	int fd;
	long cpu;

	REQUIRE(write(child.in, "l", 1) == 1);
	CHECK_INT(hear(&child, PATIENCE_MS), 'a');
	fd = knock_tcp(child.port);
	say(fd, PREFACE);
	CHECK_INT(hear(&child, HOLD_MS), '-');
	REQUIRE(write(child.in, "h", 1) == 1);
	CHECK_INT(hear(&child, PATIENCE_MS), 'a');
	CHECK_INT(hear(&child, 1000), 'g'); /* it was in the queue all the time */
	close(fd);
	cpu = end(&child);
	CHECK(cpu <= CPU_MAX_MS);
}

TEST(the_default_cap_is_half_of_what_is_left_of_the_limit)
{
	struct child child = begin(0);
	int fds[FLOOD], i, open = 0;
	struct pollfd wait = { .events = POLLIN };

	for (i = 0; i < FLOOD; i++)
		fds[i] = knock_tcp(child.port);
	CHECK(is_closed(fds[FLOOD - 1]));
	for (i = 0; i < FLOOD; i++) {
		wait.fd = fds[i];
		open += poll(&wait, 1, 0) == 0;
	}
	CHECK(open >= 8 && open <= (LIMIT - 16) / 2);
	CHECK_INT(hear(&child, 0), '-');
	for (i = 0; i < FLOOD; i++)
		close(fds[i]);
	CHECK(visit_within(&child, 1000));
	end(&child);
}

TESTS(door_flood, T(a_flood_beyond_the_descriptors_is_turned_away_and_over_at_once),
      T(without_even_the_spare_descriptor_it_waits_and_recovers),
      T(the_default_cap_is_half_of_what_is_left_of_the_limit))
