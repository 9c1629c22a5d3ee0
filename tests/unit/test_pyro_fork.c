/* SPDX-License-Identifier: MIT */
/* Connections of Pyro's protocol that a forked child inherits. */
#include "test.h"

#include <pyrite/pyrite.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { PATIENCE_MS = 20000, LOOK_MS = 300, CPU_MAX_MS = 100 };

static void *run(void *daemon)
{
	return pyr_daemon_run(daemon) == 0 ? daemon : NULL;
}

static int connect_to(pyr_daemon *daemon)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_port = htons((uint16_t)atoi(strrchr(pyr_daemon_address(daemon), ':') + 1));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	return fd;
}

/* Says something that ends the connection, and waits until it has ended. */
static void be_refused(pyr_daemon *daemon)
{
	static const char wrong[] = "PYRO, but no message";
	struct pollfd end;
	char answer[4096];

	end = (struct pollfd){ .fd = connect_to(daemon), .events = POLLIN };
	REQUIRE(send(end.fd, wrong, sizeof(wrong), MSG_NOSIGNAL) == sizeof(wrong));
	do
		REQUIRE(poll(&end, 1, PATIENCE_MS) == 1);
	while (recv(end.fd, answer, sizeof(answer), 0) > 0);
	close(end.fd);
}

static long cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* With its descriptor a child inherits what the epoll has of it, which outlives the connection. */
TEST(a_connection_that_a_child_inherits_is_forgotten_when_it_ends)
{
	static const struct pyr_daemon_options options = { .faces = "pyro" };
	pyr_daemon *daemon = pyr_daemon_new(&options);
	pthread_t thread;
	void *result;
	int fd, status;
	pid_t child;
	long before;

	REQUIRE(daemon != NULL);
	REQUIRE(pthread_create(&thread, NULL, run, daemon) == 0);
	fd = connect_to(daemon);
	REQUIRE(send(fd, "PYRO", 4, MSG_NOSIGNAL) == 4);
	be_refused(daemon); /* so the first one has been taken, too */
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		alarm(PATIENCE_MS / 1000);
		for (;;)
			pause();
	}
	close(fd);
	be_refused(daemon);
	before = cpu_ms();
	(void)poll(NULL, 0, LOOK_MS);
	CHECK(cpu_ms() - before < CPU_MAX_MS);
	be_refused(daemon);
	CHECK_INT(kill(child, SIGKILL), 0);
	CHECK(waitpid(child, &status, 0) == child);
	pyr_daemon_stop(daemon);
	REQUIRE(pthread_join(thread, &result) == 0);
	CHECK(result != NULL);
	pyr_daemon_free(daemon);
}

TESTS(pyro_fork, T(a_connection_that_a_child_inherits_is_forgotten_when_it_ends))
