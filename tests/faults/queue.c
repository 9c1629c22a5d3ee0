/* SPDX-License-Identifier: MIT */
/*
 * The yardstick of faults-client's `rate`: what the machine itself gains from a second thread.
 * faults-queue THREADS IN_FLIGHT US MS: another process keeps so many numbers in flight over a
 * socket; THREADS threads take one each, compute for US, and send it back. No frames, no sessions,
 * one lock around the read. Prints {"rate": answers a second}.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_THREADS = 8, MOST_IN_FLIGHT = 1024, ROUNDS = 50000000 };

static int ends[2]; /* of the caller, of the threads */
static uint64_t rounds;
static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
static uint32_t came[MOST_IN_FLIGHT]; /* reading: numbers that were read and not taken */
static size_t n_came;

static int64_t now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* As faults-server's. */
static void turn(uint64_t n)
{
	for (; n > 0; n--)
		__asm__ volatile("" : "+r"(n));
}

static uint64_t rounds_of(uint64_t us)
{
	int64_t begin = now_us(CLOCK_THREAD_CPUTIME_ID);

	turn(ROUNDS);
	return ROUNDS * us / (uint64_t)(now_us(CLOCK_THREAD_CPUTIME_ID) - begin + 1);
}

/* Returns how many came, 0 at the end. */
static size_t receive(int fd, uint32_t *ret, size_t most)
{
	ssize_t n = read(fd, ret, most * sizeof(*ret));

	return n > 0 ? (size_t)n / sizeof(*ret) : 0;
}

static void *serve(void *unused)
{
	uint32_t number;

	(void)unused;
	for (;;) {
		pthread_mutex_lock(&reading);
		if (n_came == 0)
			n_came = receive(ends[1], came, MOST_IN_FLIGHT);
		if (n_came == 0)
			break;
		number = came[--n_came];
		pthread_mutex_unlock(&reading);
		turn(rounds);
		if (send(ends[1], &number, sizeof(number), MSG_NOSIGNAL) != sizeof(number))
			return NULL; /* the caller has ended */
	}
	pthread_mutex_unlock(&reading);
	return NULL;
}

/* In its own process. */
static int call(size_t n_in_flight, int64_t us)
{
	static uint32_t numbers[MOST_IN_FLIGHT];
	int64_t begin = now_us(CLOCK_MONOTONIC), n = 0;
	size_t more = n_in_flight;

	while (more > 0 && now_us(CLOCK_MONOTONIC) - begin < us) {
		if (write(ends[0], numbers, more * sizeof(*numbers)) < 0)
			return 1;
		more = receive(ends[0], numbers, n_in_flight);
		n += (int64_t)more;
	}
	printf("{\"rate\": %lld}\n", (long long)(n * 1000000 / (now_us(CLOCK_MONOTONIC) - begin)));
	return more == 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[MOST_THREADS];
	int n = argc == 5 ? atoi(argv[1]) : 0, n_in_flight = argc == 5 ? atoi(argv[2]) : 0, status,
	    i;
	pid_t caller;

	/* A stream, as TCP is, whose reads give all that is there. */
	if (n < 1 || n > MOST_THREADS || n_in_flight < 1 || n_in_flight > MOST_IN_FLIGHT ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return 2;
	rounds = rounds_of((uint64_t)atoi(argv[3]));
	caller = fork();
	if (caller == 0) {
		close(ends[1]);
		status = call((size_t)n_in_flight, (int64_t)atoi(argv[4]) * 1000);
		return status;
	}
	close(ends[0]);
	for (i = 0; i < n; i++)
		if (caller < 0 || pthread_create(&threads[i], NULL, serve, NULL) != 0)
			return 1;
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return waitpid(caller, &status, 0) != caller || status != 0;
}
