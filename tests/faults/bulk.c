/* SPDX-License-Identifier: MIT */
/*
 * stream-bulk [MiB]: so much through a stream each way between two processes, and a reader that
 * never reads. Prints rate, memory and checksums beside their goals; ends with 1 if one is missed.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bulk.h"

enum { BLOCK = 64000, MIB = 1 << 20, GROWTH_MAX = 16 * MIB, UNREAD_MAX = 256 * 1024 };

static uint64_t settled; /* bytes of memory in use at settle() */
static atomic_ullong n_yielded;

/* ---- memory ---- */

/* A line of /proc/self/status, in bytes. */
static uint64_t status(const char *what)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	uint64_t kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, what, strlen(what)) == 0)
			kib = strtoull(line + strlen(what), NULL, 10);
	if (file)
		fclose(file);
	return kib * 1024;
}

/* Forgets the peak so far. */
static void settle(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");

	if (file) {
		fputs("5\n", file);
		fclose(file);
	}
	settled = status("VmRSS:");
}

static uint64_t growth(void)
{
	uint64_t peak = status("VmHWM:");

	return peak > settled ? peak - settled : 0;
}

/* ---- data ---- */

/* Both ends make the same numbers; the sum tells their order. */
struct data {
	uint64_t next, sum;
};

static void fill(struct data *data, uint8_t *block, size_t n)
{
	uint64_t word;
	size_t i;

	for (i = 0; i < n; i += sizeof(word)) {
		word = data->next++ * UINT64_C(0x9e3779b97f4a7c15);
		memcpy(block + i, &word, sizeof(word));
	}
}

static void add(struct data *data, const uint8_t *block, size_t n)
{
	uint64_t word;
	size_t i;

	for (i = 0; i + sizeof(word) <= n; i += sizeof(word)) {
		memcpy(&word, block + i, sizeof(word));
		data->sum = (data->sum ^ word) * UINT64_C(0x100000001b3);
	}
}

static uint64_t sum_of(uint64_t n_bytes)
{
	uint8_t block[BLOCK];
	struct data data = { 0 };

	for (; n_bytes > 0; n_bytes -= BLOCK) {
		fill(&data, block, BLOCK);
		add(&data, block, BLOCK);
	}
	return data.sum;
}

/* ---- server ---- */

static int do_get(pyr_call *call, uint64_t n_bytes, pyr_stream *stream)
{
	uint8_t items[BLOCK];
	struct pyr_bytes block = { BLOCK, items };
	struct data data = { 0 };
	int err = 0;

	(void)call;
	atomic_store(&n_yielded, 0);
	for (; n_bytes > 0 && err == 0; n_bytes -= BLOCK) {
		fill(&data, items, BLOCK);
		err = bulk_Bulk_get_yield(stream, &block);
		atomic_fetch_add(&n_yielded, err == 0 ? BLOCK : 0);
	}
	return err;
}

static int do_put(pyr_call *call, pyr_stream *stream, uint64_t *ret, uint64_t *ret_n_bytes)
{
	const struct pyr_bytes *block;
	struct data data = { 0 };
	uint64_t n_bytes = 0;
	int more;

	(void)call;
	while ((more = bulk_Bulk_put_read(stream, &block)) > 0) {
		add(&data, block->items, block->n);
		n_bytes += block->n;
	}
	*ret = data.sum;
	*ret_n_bytes = n_bytes;
	return more;
}

static int do_yielded(pyr_call *call, uint64_t *ret)
{
	(void)call;
	*ret = atomic_load(&n_yielded);
	return 0;
}

static int do_growth(pyr_call *call, uint64_t *ret)
{
	(void)call;
	*ret = growth();
	return 0;
}

static int do_settle(pyr_call *call)
{
	(void)call;
	settle();
	return 0;
}

static int serve(int out)
{
	static const struct bulk_Bulk_methods methods = { .get = do_get,
							  .put = do_put,
							  .yielded = do_yielded,
							  .growth = do_growth,
							  .settle = do_settle };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	const char *uri = bulk_Bulk_register(daemon, "bulk", &methods, NULL);

	if (!uri || write(out, uri, strlen(uri)) < 0)
		return pyr_perror("bulk");
	close(out);
	return pyr_daemon_run(daemon) < 0;
}

/* ---- client ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool get(struct bulk_Bulk *bulk, uint64_t n_bytes, uint64_t *ret_sum)
{
	struct pyr_bytes *block;
	struct data data = { 0 };
	pyr_stream *stream;
	int more;

	if (bulk_Bulk_get(bulk, n_bytes, &stream) < 0)
		return false;
	while ((more = bulk_Bulk_get_next(stream, &block)) > 0) {
		add(&data, block->items, block->n);
		pyr_free(block);
	}
	pyr_stream_free(stream);
	*ret_sum = data.sum;
	return more == 0;
}

static bool put(struct bulk_Bulk *bulk, uint64_t n_bytes, uint64_t *ret_sum)
{
	uint8_t items[BLOCK];
	struct pyr_bytes block = { BLOCK, items };
	struct data data = { 0 };
	uint64_t n_read = 0, n;
	pyr_stream *stream;
	int err = 0;

	if (bulk_Bulk_put(bulk, &stream) < 0)
		return false;
	for (n = 0; n < n_bytes && err == 0; n += BLOCK) {
		fill(&data, items, BLOCK);
		err = bulk_Bulk_put_write(stream, &block);
	}
	return bulk_Bulk_put_finish(stream, ret_sum, &n_read) == 0 && n_read == n_bytes;
}

/* One direction, with its figures. Returns whether the goals are met. */
static bool run(struct bulk_Bulk *bulk, const char *name, uint64_t n_bytes,
		bool (*move)(struct bulk_Bulk *, uint64_t, uint64_t *))
{
	uint64_t sum = 0, theirs = 0, mine;
	double start, took;
	bool ok;

	if (!move(bulk, 100 * (uint64_t)BLOCK, &sum) || bulk_Bulk_settle(bulk) < 0)
		return pyr_perror(name), false;
	settle();
	start = now();
	if (!move(bulk, n_bytes, &sum))
		return pyr_perror(name), false;
	took = now() - start;
	mine = growth();
	if (bulk_Bulk_growth(bulk, &theirs) < 0)
		return pyr_perror(name), false;
	ok = sum == sum_of(n_bytes) && mine < GROWTH_MAX && theirs < GROWTH_MAX;
	printf("%s %s: %" PRIu64
	       " MiB in %.2f s, %.0f MB/s; memory grew by %.1f MiB here, %.1f MiB "
	       "there (goal: less than 16); checksum %s\n",
	       ok ? "ok" : "not ok", name, n_bytes / MIB, took, (double)n_bytes / took / 1e6,
	       (double)mine / MIB, (double)theirs / MIB,
	       sum == sum_of(n_bytes) ? "right" : "wrong");
	return ok;
}

/* What the method could yield to a reader that never reads: until it stays the same. */
static bool never_read(struct bulk_Bulk *bulk)
{
	uint64_t before = 0, held = 0;
	pyr_stream *stream;
	int same = 0;

	if (bulk_Bulk_get(bulk, 1000 * (uint64_t)BLOCK, &stream) < 0)
		return pyr_perror("get"), false;
	while (same < 2000) {
		if (bulk_Bulk_yielded(bulk, &held) < 0)
			return pyr_perror("yielded"), false;
		same = held > 0 && held == before ? same + 1 : 0;
		before = held;
	}
	pyr_stream_free(stream);
	printf("%s a_reader_that_never_reads_bounds_its_writer: %" PRIu64
	       " bytes (goal: less than %d)\n",
	       held < UNREAD_MAX ? "ok" : "not ok", held, UNREAD_MAX);
	return held < UNREAD_MAX;
}

static int measure(const char *uri, uint64_t n_bytes)
{
	struct bulk_Bulk *bulk = bulk_Bulk_proxy(uri);
	bool ok = bulk && run(bulk, "a_result_of_many_bytes", n_bytes, get);

	ok = bulk && run(bulk, "a_parameter_of_many_bytes", n_bytes, put) && ok;
	ok = bulk && never_read(bulk) && ok;
	bulk_Bulk_free(bulk);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint64_t n_mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 1024;
	char uri[256] = "";
	int pipes[2], failed;
	ssize_t n;
	pid_t pid;

	if (n_mib == 0 || pipe(pipes) < 0 || (pid = fork()) < 0)
		return 2;
	if (pid == 0)
		return serve(pipes[1]);
	close(pipes[1]);
	n = read(pipes[0], uri, sizeof(uri) - 1);
	failed = n > 0 ? measure(uri, n_mib * MIB / BLOCK * BLOCK) : 1;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return failed;
}
