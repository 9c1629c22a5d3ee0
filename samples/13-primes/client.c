/* SPDX-License-Identifier: MIT */
/*
 * sample-primes-client [--kill] [N]: counts the primes below N, in slices that four worker
 * processes take as they come to it. With --kill it kills a worker after each quarter but the last.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "primes.h"
#include <pyrite/pool.h>

enum { WORKERS = 4, SLICES = 100, QUARTER = SLICES / 4, WINDOW = 4 * WORKERS, BAR = 50 };

struct work {
	pyr_pool *pool;
	struct primes_Worker *workers;
	uint32_t below;  /* which number to count */
	uint32_t primes; /* found so far */
	bool kills;
};

/* Where slice i begins, and the one before it ends. */
static uint32_t bound(const struct work *work, size_t i)
{
	return (uint32_t)((uint64_t)work->below * i / SLICES);
}

static pyr_future *start(size_t i, void *data)
{
	const struct work *work = data;

	return primes_Worker_count_start(work->workers, bound(work, i), bound(work, i + 1));
}

/* A bar that grows, on a terminal. */
static void draw(size_t done)
{
	char bar[BAR + 1] = "";

	memset(bar, '#', done * BAR / SLICES);
	printf("\r[%-*s] %zu %%", BAR, bar, done * 100 / SLICES);
	if (done == SLICES)
		puts("");
	fflush(stdout);
}

/* Elsewhere a line for each quarter. */
static void show(const struct work *work, size_t done)
{
	bool is_terminal = isatty(STDOUT_FILENO);

	if (is_terminal)
		draw(done);
	if (done == SLICES || (!is_terminal && done % QUARTER == 0))
		printf("%u primes below %u\n", work->primes, bound(work, done));
}

static void kill_worker(pyr_pool *pool, unsigned i)
{
	int pid = pyr_pool_pid(pool, i);

	if (pid > 0 && kill(pid, SIGKILL) == 0 && !isatty(STDOUT_FILENO))
		printf("Worker %u is killed\n", i);
}

/* Slices come in their order, whichever is counted first. */
static int get(size_t i, pyr_future *future, void *data)
{
	struct work *work = data;
	uint32_t primes;
	int err = primes_Worker_count_get(future, &primes);

	if (err < 0)
		return err;
	work->primes += primes;
	show(work, i + 1);
	if (work->kills && (i + 1) % QUARTER == 0 && i + 1 < SLICES)
		kill_worker(work->pool, (unsigned)(i / QUARTER));
	return 0;
}

int main(int argc, char **argv)
{
	struct work work = { .below = 2000000 };
	int i, err;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], "--kill") == 0)
			work.kills = true;
		else
			work.below = (uint32_t)strtoul(argv[i], NULL, 10);
	work.pool = pyr_pool_new(
		&(struct pyr_pool_options){ .n = WORKERS, .program = "sample-primes-worker" });
	if (!work.pool)
		return pyr_perror("pool");
	work.workers = primes_Worker_proxy(pyr_pool_uri(work.pool));
	err = pyr_map(SLICES, WINDOW, start, get, &work);
	if (err < 0)
		pyr_perror("primes");
	primes_Worker_free(work.workers);
	pyr_pool_free(work.pool);
	return err < 0;
}
