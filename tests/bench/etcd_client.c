/* SPDX-License-Identifier: MIT */
/*
 * What the name server's client of etcd costs: bench-etcd-client HOST:PORT MODE [-n N]. Modes: stub
 * and client, which make the same transactions, N in flight, the first by generated stubs alone;
 * barrier, of the client. A transaction compares the revision of a key and puts 200 bytes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etcd/etcd.h"
#include "measure.h"
#include "rpc.h"

enum { VALUE_SIZE = 200, MAX_FLIGHT = 4096 };

static char value[VALUE_SIZE + 1];

static void put_key(char key[32], uint64_t i)
{
	snprintf(key, 32, "bench/client/%08u", (unsigned)(i % 100000));
}

/* ---- generated stubs alone ---- */

struct request {
	pyr_future *future;
	int64_t since;
};

static struct pyr_bytes bytes_of(char *text)
{
	return (struct pyr_bytes){ strlen(text), (uint8_t *)text };
}

static pyr_future *start_stub(struct etcdserverpb_KV *kv, uint64_t i)
{
	char key[32];
	struct etcdserverpb_Compare compare = { .result = etcdserverpb_Compare_GREATER,
						.target = etcdserverpb_Compare_MOD,
						.has_mod_revision = true,
						.mod_revision = -1 };
	struct etcdserverpb_RequestOp op = { .has_request_put = true };
	struct etcdserverpb_TxnRequest txn = { { 1, &compare }, { 1, &op } };

	put_key(key, i);
	compare.key = op.request_put.key = bytes_of(key);
	op.request_put.value = bytes_of(value);
	return etcdserverpb_KV_Txn_start(kv, &txn);
}

static void get_stub(struct request *request, struct bench_times *times)
{
	struct etcdserverpb_TxnResponse *answer;

	if (etcdserverpb_KV_Txn_get(request->future, &answer) < 0)
		bench_fail("%s", pyr_last_error()->message);
	if (!answer->succeeded)
		bench_fail("a transaction failed");
	pyr_free(answer);
	bench_add(times, bench_now() - request->since);
}

static void phase_stub(const struct bench_options *options, const struct bench_limit *limit,
		       struct bench_times *times, void *data)
{
	static struct request ring[MAX_FLIGHT];
	struct request *at;
	uint64_t begun = 0, ended = 0;
	int64_t now = bench_now();

	while (ended < begun || bench_more(limit, begun, now)) {
		at = &ring[begun % options->n];
		if (begun >= ended + options->n || !bench_more(limit, begun, now)) {
			get_stub(&ring[ended % options->n], times);
			ended++;
			now = bench_now();
			continue;
		}
		at->since = bench_now();
		at->future = start_stub(data, begun++);
	}
}

/* ---- the client ---- */

struct flight {
	struct run *run;
	int64_t since;
};

struct run {
	struct etcd *etcd;
	bool is_barrier;
	const struct bench_limit *limit;
	struct bench_times *times;
	uint64_t begun, ended; /* the client's thread's, when all have been begun */
	struct flight flights[MAX_FLIGHT];
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool is_over;
};

static void on_done(const struct etcd_outcome *outcome, void *data);

static void begin(struct flight *flight)
{
	char key[32];
	struct etcd_compare compare = { .kind = ETCD_MOD_BELOW, .revision = INT64_MAX };
	struct etcd_op op = { .kind = ETCD_PUT, .value = { value, VALUE_SIZE } };

	put_key(key, flight->run->begun++);
	compare.key = op.key = (struct etcd_bytes){ key, strlen(key) };
	compare.end = (struct etcd_bytes){ key, strlen(key) + 1 }; /* and a NUL: the key alone */
	flight->since = bench_now();
	if (flight->run->is_barrier)
		etcd_barrier(flight->run->etcd, on_done, flight);
	else
		etcd_txn(flight->run->etcd, &compare, 1, &op, 1, on_done, flight);
}

static void on_done(const struct etcd_outcome *outcome, void *data)
{
	struct flight *flight = data;
	struct run *run = flight->run;
	int64_t now = bench_now();

	if (outcome->result != ETCD_DONE)
		bench_fail("%s", outcome->text);
	bench_add(run->times, now - flight->since);
	pthread_mutex_lock(&run->lock);
	run->ended++;
	if (bench_more(run->limit, run->begun, now)) {
		begin(flight);
	} else if (run->ended == run->begun) {
		run->is_over = true;
		pthread_cond_signal(&run->over);
	}
	pthread_mutex_unlock(&run->lock);
}

static void phase_client(const struct bench_options *options, const struct bench_limit *limit,
			 struct bench_times *times, void *data)
{
	struct run *run = data;
	unsigned i;

	run->limit = limit;
	run->times = times;
	run->begun = run->ended = 0;
	run->is_over = false;
	pthread_mutex_lock(&run->lock);
	for (i = 0; i < options->n; i++) {
		run->flights[i].run = run;
		begin(&run->flights[i]);
	}
	while (!run->is_over)
		pthread_cond_wait(&run->over, &run->lock);
	pthread_mutex_unlock(&run->lock);
}

/* ---- */

static void measure_stub(const struct bench_options *options)
{
	struct pyr_proxy_options way = { .plain = PYR_PLAIN_ONLY, .timeout_ms = 10000 };
	char uri[300];
	struct etcdserverpb_KV *kv;

	snprintf(uri, sizeof(uri), "PYRO:etcd@%.250s", options->address);
	kv = etcdserverpb_KV_proxy_with(uri, &way);
	if (!kv)
		bench_fail("%s", pyr_last_error()->message);
	bench_measure(options, phase_stub, kv);
	etcdserverpb_KV_free(kv);
}

static void measure_client(const struct bench_options *options, bool is_barrier)
{
	static struct run run = { .lock = PTHREAD_MUTEX_INITIALIZER,
				  .over = PTHREAD_COND_INITIALIZER };
	struct etcd_options way = { .endpoints = options->address,
				    .timeout_ms = 10000,
				    .own_prefix = "bench/client-own/" };
	struct store_problem problem;

	run.is_barrier = is_barrier;
	run.etcd = etcd_open(&way, &problem);
	if (!run.etcd)
		bench_fail("%s", problem.text);
	bench_measure(options, phase_client, &run);
	etcd_close(run.etcd);
}

int main(int argc, char *argv[])
{
	struct bench_options options;

	bench_start(&options, argc, argv, BENCH_CLIENT);
	if (options.n == 0 || options.n > MAX_FLIGHT)
		bench_fail("-n is 1 to %d", MAX_FLIGHT);
	memset(value, 'v', VALUE_SIZE);
	if (strcmp(options.mode, "stub") == 0)
		measure_stub(&options);
	else if (strcmp(options.mode, "client") == 0 || strcmp(options.mode, "barrier") == 0)
		measure_client(&options, options.mode[0] == 'b');
	else
		bench_fail("modes are stub, client and barrier");
	return 0;
}
