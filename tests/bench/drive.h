/* SPDX-License-Identifier: MIT */
#ifndef DRIVE_H
#define DRIVE_H
/*
 * The client's side of a measurement, the same for each contender: a contender says how it connects
 * and calls (struct bench_peer), bench_drive() makes the calls that the mode asks for. Modes:
 *   serial         one blocking call after the other
 *   flight -n N    N calls in flight from one thread
 *   threads -n N   N threads make blocking calls, on one end where the contender allows it
 *   bytes -n N     N bytes there and back, one call after the other
 *   oneway         64 calls without an answer, then one with it
 *   count -n N     a stream of N numbers from the server; total: to the server
 *   connect        a connection, a call, and its end
 *   start          a process of the client from its start to its end, with one call
 *   once           one call, and the client's memory and threads after it
 *   idle -n N      what N connections that did one call take of the server's memory
 */
#include "measure.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A call in flight. */
struct bench_call {
	struct bench_sum sum;
	int32_t answer;
	void *own; /* the contender's */
	int64_t since;
};

/* What a contender can do; a function that is NULL it cannot. Whatever fails ends the process. */
struct bench_peer {
	void *(*open)(const char *address); /* an end: a connection, or a proxy */
	void (*close)(void *end);
	int32_t (*add)(void *end, struct bench_sum sum);
	/* Starts a call. finish() waits for a call and returns it with its answer: the oldest, or
	 * any where answers come in any order. */
	void (*start)(void *end, struct bench_call *call);
	struct bench_call *(*finish)(void *end, struct bench_call *oldest);
	/* There and back; bench_check_bytes() looks at what came. */
	void (*echo)(void *end, const uint8_t *data, size_t n);
	void (*note)(void *end, int32_t x); /* no answer */
	/* A stream of 0 to n - 1 from the server, or to it. They check every item, or the total. */
	void (*count)(void *end, int32_t n);
	void (*total)(void *end, int32_t n);
	bool is_shared; /* threads share an end */
};

/* Measures in options->mode. */
void bench_drive(const struct bench_options *options, const struct bench_peer *peer);
/* The main() of a program that is either end: the client where it is given an address. */
int bench_either(int argc, char **argv, const struct bench_peer *peer,
		 void (*serve)(const struct bench_options *options));

/* Fails if what came back is not what was sent; looks at its length and some of it. */
void bench_check_bytes(const uint8_t *sent, size_t n, const void *came, size_t n_came);

#ifdef __cplusplus
}
#endif
#endif
