/* SPDX-License-Identifier: MIT */
#ifndef MEASURE_H
#define MEASURE_H
/*
 * What the measuring programs share: their options, the core they stay on, the clocks, the line of
 * results. A client says what one phase of calls is; bench_measure() runs it twice, to warm up and
 * to measure. Whoever cannot go on says why and exits: a figure of half a run is none.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench_options {
	const char *address; /* of the server, as it printed it; NULL: this is a server */
	const char *mode;    /* clients only */
	unsigned n;          /* calls in flight, threads, bytes, ... */
	uint64_t calls;      /* a phase makes at least so many, */
	int64_t ms;          /* and takes at least so long */
	pid_t server;        /* whose CPU time counts as well; 0: nobody's */
	const char *socket;  /* servers: path of a unix socket; NULL: TCP */
	unsigned threads;    /* servers: method threads; 0: the default */
	bool lean;           /* gRPC core with the channel arguments that Pyrite sets */
	int cpu;             /* the core to stay on; -1: the last one allowed */
};

/* Reads the options and puts the process on its core: before any thread is started. */
enum bench_end { BENCH_SERVER, BENCH_CLIENT, BENCH_EITHER /* a client if it has an address */ };
void bench_start(struct bench_options *options, int argc, char **argv, enum bench_end end);

/* Prints a server's address, its first line. */
void bench_print_address(const char *address);

/* Prints "name: what" and exits. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* CLOCK_MONOTONIC, nanoseconds. */
int64_t bench_now(void);

/* How long calls took: counts of times with 6 bits of precision. */
enum { BENCH_PRECISION = 6, BENCH_BUCKETS = 40 << BENCH_PRECISION };
struct bench_times {
	uint64_t n;
	int64_t sum;
	uint64_t counts[BENCH_BUCKETS];
};
void bench_add(struct bench_times *times, int64_t ns);
void bench_merge(struct bench_times *into, const struct bench_times *times);

/* The time that a part of the calls, 0 to 1, did not exceed; microseconds. */
double bench_quantile(const struct bench_times *times, double part);

/* When a phase may end: calls have been made, and the time has come. */
struct bench_limit {
	uint64_t calls;
	int64_t until;
};
bool bench_more(const struct bench_limit *limit, uint64_t calls, int64_t now);

/* Runs one phase and adds the time of each call. It has checked every answer when it returns. */
typedef void (*bench_phase_cb)(const struct bench_options *options, const struct bench_limit *limit,
			       struct bench_times *times, void *data);

/* Warms up, measures, prints one line of key=value. */
void bench_measure(const struct bench_options *options, bench_phase_cb phase, void *data);

/* The sum to ask for in call number i, and what must come back. */
struct bench_sum {
	int32_t x, y;
};
struct bench_sum bench_sum(uint64_t i);
void bench_check(struct bench_sum sum, int32_t answer);

#ifdef __cplusplus
}
#endif
#endif
