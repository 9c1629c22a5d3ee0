/* SPDX-License-Identifier: MIT */
/*
 * What etcd takes: bench-etcd ADDRESS MODE[:N] [-n N] [--calls N] [--ms MS] [--server PID]. Modes:
 *   txn:KEYS       transactions that look at a key's revision and put it, with a lease, -n in
 * flight keepalive:N    N leases are renewed in turn over one stream, -n in flight grant leases are
 * granted, -n in flight fill:KEYS      so many keys are put, a hundred in a transaction and under a
 * lease range:PAGE     all keys are read in pages of so many watch:N        as txn, while N watch
 * all keys; each must hear of each change expire:N       N leases with ten keys each end at once;
 * how long until a watch has heard of all Keys and values are as long as those that a name server
 * keeps there.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "etcd.h"
#include "measure.h"

#define PREFIX     "pyrite/n/"
#define PREFIX_END "pyrite/n0"

enum {
	KEYS = 10000,
	LEASES = 100,
	LEASE_S = 600,
	GROUP = 100, /* keys of a transaction that fills */
	EACH = 10,   /* keys of a lease that ends */
	SHORT_S = 5, /* such a lease */
	VALUE_BYTES = 230,
	WATCHES = 256, /* most */
	WAIT_S = 60
};

struct request {
	pyr_future *future;
	int64_t since;
};

/* A key to be put, and all that the stub wants of it. */
struct put {
	char key[40], value[VALUE_BYTES + 1];
	struct etcdserverpb_Compare compare;
	struct etcdserverpb_RequestOp op;
};

static char uri[300];
static struct etcdserverpb_KV *kv;
static struct etcdserverpb_Lease *lease;
static uint64_t number;
static int64_t leases[LEASES];

static struct pyr_bytes bytes_of(char *text)
{
	return (struct pyr_bytes){ strlen(text), (uint8_t *)text };
}

static void fill_in(struct put *put, uint64_t i, int64_t id)
{
	int n;

	snprintf(put->key, sizeof(put->key), PREFIX "bench.%07llu", (unsigned long long)i);
	n = snprintf(put->value, sizeof(put->value),
		     "{\"at\":%lld,\"uri\":\"PYRO:some.object@h:12345\",\"",
		     (long long)bench_now());
	memset(put->value + n, 'x', (size_t)(VALUE_BYTES - n));
	put->value[VALUE_BYTES] = '\0';
	put->compare = (struct etcdserverpb_Compare){ .result = etcdserverpb_Compare_GREATER,
						      .target = etcdserverpb_Compare_MOD,
						      .key = bytes_of(put->key),
						      .has_mod_revision = true,
						      .mod_revision = -1 };
	put->op = (struct etcdserverpb_RequestOp){ .has_request_put = true };
	put->op.request_put =
		(struct etcdserverpb_PutRequest){ bytes_of(put->key), bytes_of(put->value), id };
}

/* ---- leases ---- */

static int64_t grant(int64_t ttl_s)
{
	struct etcdserverpb_LeaseGrantRequest request = { .TTL = ttl_s };
	struct etcdserverpb_LeaseGrantResponse *response;
	int64_t id;

	if (etcdserverpb_Lease_LeaseGrant(lease, &request, &response) < 0)
		bench_fail("grant: %s", pyr_errmsg());
	id = response->ID;
	pyr_free(response);
	return id;
}

static void start_grant(struct request *request)
{
	struct etcdserverpb_LeaseGrantRequest wanted = { .TTL = LEASE_S };

	request->since = bench_now();
	request->future = etcdserverpb_Lease_LeaseGrant_start(lease, &wanted);
	if (!request->future)
		bench_fail("grant: %s", pyr_errmsg());
}

static int64_t get_grant(struct request *request)
{
	struct etcdserverpb_LeaseGrantResponse *response;
	int64_t id;

	if (etcdserverpb_Lease_LeaseGrant_get(request->future, &response) < 0)
		bench_fail("grant: %s", pyr_errmsg());
	id = response->ID;
	pyr_free(response);
	return id;
}

static void grant_phase(const struct bench_options *options, const struct bench_limit *limit,
			struct bench_times *times, void *data)
{
	struct request *ring = calloc(options->n, sizeof(*ring));
	uint64_t started = 0;
	unsigned i;

	(void)data;
	if (!ring)
		bench_fail("out of memory");
	for (; started < options->n; started++)
		start_grant(&ring[started]);
	for (; bench_more(limit, started, bench_now()); started++) {
		(void)get_grant(&ring[started % options->n]);
		bench_add(times, bench_now() - ring[started % options->n].since);
		start_grant(&ring[started % options->n]);
	}
	for (i = 0; i < options->n; i++, started++) {
		(void)get_grant(&ring[started % options->n]);
		bench_add(times, bench_now() - ring[started % options->n].since);
	}
	free(ring);
}

struct keeping {
	pyr_stream *stream;
	int64_t *ids;
};

static int64_t send_renewal(struct keeping *keeping, uint64_t i)
{
	struct etcdserverpb_LeaseKeepAliveRequest request = { keeping->ids[i % number] };
	int64_t now = bench_now();

	if (etcdserverpb_Lease_LeaseKeepAlive_write(keeping->stream, &request) < 0)
		bench_fail("keepalive: %s", pyr_errmsg());
	return now;
}

static void take_renewal(struct keeping *keeping)
{
	struct etcdserverpb_LeaseKeepAliveResponse *response;

	if (etcdserverpb_Lease_LeaseKeepAlive_next(keeping->stream, &response) != 1)
		bench_fail("keepalive: %s", pyr_errmsg());
	if (response->TTL <= 0)
		bench_fail("a lease has ended");
	pyr_free(response);
}

static void keepalive_phase(const struct bench_options *options, const struct bench_limit *limit,
			    struct bench_times *times, void *data)
{
	int64_t *since = calloc(options->n, sizeof(*since));
	uint64_t started, taken = 0;

	if (!since)
		bench_fail("out of memory");
	for (started = 0; started < options->n; started++)
		since[started] = send_renewal(data, started);
	while (taken < started) {
		take_renewal(data);
		bench_add(times, bench_now() - since[taken % options->n]);
		taken++;
		if (bench_more(limit, started, bench_now())) {
			since[started % options->n] = send_renewal(data, started);
			started++;
		}
	}
	free(since);
}

static int64_t *grant_many(uint64_t n, int64_t ttl_s)
{
	struct request ring[GROUP];
	struct etcdserverpb_LeaseGrantRequest wanted = { .TTL = ttl_s };
	int64_t *ids = calloc(n, sizeof(*ids));
	uint64_t i;

	for (i = 0; ids && i < n + GROUP; i++) {
		if (i >= GROUP && i - GROUP < n)
			ids[i - GROUP] = get_grant(&ring[i % GROUP]);
		if (i < n)
			ring[i % GROUP].future =
				etcdserverpb_Lease_LeaseGrant_start(lease, &wanted);
	}
	if (!ids)
		bench_fail("out of memory");
	return ids;
}

static void measure_keepalive(const struct bench_options *options)
{
	struct pyr_call_options without_end = { .timeout_ms = PYR_NONE };
	struct keeping keeping = { .ids = grant_many(number, LEASE_S) };

	if (etcdserverpb_Lease_LeaseKeepAlive(etcdserverpb_Lease_with(lease, &without_end),
					      &keeping.stream) < 0)
		bench_fail("keepalive: %s", pyr_errmsg());
	bench_measure(options, keepalive_phase, &keeping);
	pyr_stream_free(keeping.stream);
	free(keeping.ids);
}

/* ---- transactions ---- */

static pyr_future *start_txn(struct put *puts, size_t n)
{
	struct etcdserverpb_Compare compares[GROUP];
	struct etcdserverpb_RequestOp ops[GROUP];
	struct etcdserverpb_TxnRequest request = { .compare = { n, compares },
						   .success = { n, ops } };
	pyr_future *future;
	size_t i;

	for (i = 0; i < n; i++) {
		compares[i] = puts[i].compare;
		ops[i] = puts[i].op;
	}
	future = etcdserverpb_KV_Txn_start(kv, &request);
	if (!future)
		bench_fail("transaction: %s", pyr_errmsg());
	return future;
}

static void get_txn(pyr_future *future)
{
	struct etcdserverpb_TxnResponse *response;

	if (etcdserverpb_KV_Txn_get(future, &response) < 0)
		bench_fail("transaction: %s", pyr_errmsg());
	if (!response->succeeded)
		bench_fail("a transaction did not succeed");
	pyr_free(response);
}

static void depart(struct request *request, uint64_t i)
{
	struct put put;

	request->since = bench_now();
	fill_in(&put, i % number, leases[i % LEASES]);
	request->future = start_txn(&put, 1);
}

static void arrive(struct request *request, struct bench_times *times)
{
	get_txn(request->future);
	bench_add(times, bench_now() - request->since);
}

static void txn_phase(const struct bench_options *options, const struct bench_limit *limit,
		      struct bench_times *times, void *data)
{
	struct request *ring = calloc(options->n, sizeof(*ring));
	uint64_t *n_all = data, started = 0;

	if (!ring)
		bench_fail("out of memory");
	for (; started < options->n; started++)
		depart(&ring[started], started);
	for (; bench_more(limit, started, bench_now()); started++) {
		arrive(&ring[started % options->n], times);
		depart(&ring[started % options->n], started);
	}
	while (times->n < started)
		arrive(&ring[times->n % options->n], times);
	*n_all += started;
	free(ring);
}

static void grant_leases(void)
{
	size_t i;

	for (i = 0; i < LEASES; i++)
		leases[i] = grant(LEASE_S);
}

static void measure_txn(const struct bench_options *options)
{
	uint64_t n_all = 0;

	grant_leases();
	bench_measure(options, txn_phase, &n_all);
}

/* Keys by the hundred, each hundred with a lease: what owners of a hundred names each leave there.
 */
static void fill(void)
{
	static struct put puts[GROUP];
	enum { AT_ONCE = 8 };
	pyr_future *futures[AT_ONCE] = { NULL };
	int64_t began = bench_now(), id;
	uint64_t i, k, n = number / GROUP;

	for (i = 0; i < n + AT_ONCE; i++) {
		if (futures[i % AT_ONCE])
			get_txn(futures[i % AT_ONCE]);
		futures[i % AT_ONCE] = NULL;
		if (i >= n)
			continue;
		id = grant(LEASE_S);
		for (k = 0; k < GROUP; k++)
			fill_in(&puts[k], i * GROUP + k, id);
		futures[i % AT_ONCE] = start_txn(puts, GROUP);
	}
	printf("keys=%llu seconds=%.2f\n", (unsigned long long)(n * GROUP),
	       (double)(bench_now() - began) / 1e9);
}

/* ---- reading all ---- */

static void read_all(void)
{
	char from[80] = PREFIX, end[] = PREFIX_END;
	struct etcdserverpb_RangeRequest request = { .limit = (int64_t)number };
	struct etcdserverpb_RangeResponse *response;
	int64_t began = bench_now();
	uint64_t n = 0, n_pages = 0;
	bool more = true;

	for (; more; n_pages++) {
		request.key = bytes_of(from);
		request.key.n += n_pages > 0; /* what comes after the last key, and a NUL */
		request.range_end = bytes_of(end);
		if (etcdserverpb_KV_Range(kv, &request, &response) < 0)
			bench_fail("range: %s", pyr_errmsg());
		n += response->kvs.n;
		more = response->more && response->kvs.n > 0;
		if (more)
			snprintf(from, sizeof(from), "%.*s",
				 (int)response->kvs.items[response->kvs.n - 1].key.n,
				 (char *)response->kvs.items[response->kvs.n - 1].key.items);
		pyr_free(response);
	}
	printf("keys=%llu pages=%llu seconds=%.3f\n", (unsigned long long)n,
	       (unsigned long long)n_pages, (double)(bench_now() - began) / 1e9);
}

/* ---- watching ---- */

struct watch {
	pthread_t thread;
	pyr_stream *stream;
	struct etcdserverpb_Watch *proxy;
	struct bench_times times;
};

static struct watch watches[WATCHES];
static atomic_ullong n_heard;
static atomic_llong first_gone, last_gone;

static void begin_watch(struct watch *watch)
{
	struct pyr_call_options without_end = { .timeout_ms = PYR_NONE };
	struct etcdserverpb_WatchRequest request = { .has_create_request = true };
	struct etcdserverpb_WatchResponse *response;
	char key[] = PREFIX, end[] = PREFIX_END;

	watch->proxy = etcdserverpb_Watch_proxy(uri);
	request.create_request.key = bytes_of(key);
	request.create_request.range_end = bytes_of(end);
	if (!watch->proxy ||
	    etcdserverpb_Watch_Watch(etcdserverpb_Watch_with(watch->proxy, &without_end),
				     &watch->stream) < 0 ||
	    etcdserverpb_Watch_Watch_write(watch->stream, &request) < 0 ||
	    etcdserverpb_Watch_Watch_next(watch->stream, &response) != 1)
		bench_fail("watch: %s", pyr_errmsg());
	if (!response->created)
		bench_fail("no watch was made");
	pyr_free(response);
}

static void hear(struct watch *watch, const struct etcdserverpb_Event *event)
{
	long long at, none = 0, now = bench_now();

	if (event->type == etcdserverpb_Event_DELETE) {
		atomic_compare_exchange_strong(&first_gone, &none, now);
		atomic_store(&last_gone, now);
	} else if (sscanf((char *)event->kv.value.items, "{\"at\":%lld,", &at) == 1) {
		bench_add(&watch->times, now - at);
	}
	atomic_fetch_add(&n_heard, 1);
}

static void *follow(void *data)
{
	struct watch *watch = data;
	struct etcdserverpb_WatchResponse *response;
	size_t i;

	while (etcdserverpb_Watch_Watch_next(watch->stream, &response) == 1) {
		for (i = 0; i < response->events.n; i++)
			hear(watch, &response->events.items[i]);
		pyr_free(response);
	}
	return NULL;
}

static void watch_all(uint64_t n)
{
	uint64_t i;

	if (n > WATCHES)
		bench_fail("at most %d watches", WATCHES);
	for (i = 0; i < n; i++) {
		begin_watch(&watches[i]);
		if (pthread_create(&watches[i].thread, NULL, follow, &watches[i]) != 0)
			bench_fail("no thread");
	}
}

static void wait_until_heard(uint64_t n)
{
	int64_t until = bench_now() + (int64_t)WAIT_S * 1000000000;
	struct timespec pause = { 0, 1000000 };

	while (atomic_load(&n_heard) < n && bench_now() < until)
		nanosleep(&pause, NULL);
	if (atomic_load(&n_heard) != n)
		bench_fail("%llu of %llu changes were heard of",
			   (unsigned long long)atomic_load(&n_heard), (unsigned long long)n);
}

static void stop_watching(uint64_t n)
{
	uint64_t i;

	for (i = 0; i < n; i++) {
		pyr_stream_cancel(watches[i].stream);
		pthread_join(watches[i].thread, NULL);
		pyr_stream_free(watches[i].stream);
		etcdserverpb_Watch_free(watches[i].proxy);
		if (i > 0)
			bench_merge(&watches[0].times, &watches[i].times);
	}
}

static void measure_watch(const struct bench_options *options)
{
	uint64_t n_watches = number, n_all = 0;

	grant_leases();
	watch_all(n_watches);
	number = KEYS;
	bench_measure(options, txn_phase, &n_all);
	wait_until_heard(n_watches * n_all);
	stop_watching(n_watches);
	printf("watches=%llu heard=%llu p50_ms=%.2f p99_ms=%.2f\n", (unsigned long long)n_watches,
	       (unsigned long long)atomic_load(&n_heard),
	       bench_quantile(&watches[0].times, 0.5) / 1000,
	       bench_quantile(&watches[0].times, 0.99) / 1000);
}

/* ---- leases that end ---- */

static void measure_expiry(void)
{
	static struct put puts[EACH];
	int64_t *ids, granted;
	uint64_t i, k;

	ids = grant_many(number, SHORT_S);
	granted = bench_now();
	watch_all(1);
	for (i = 0; i < number; i++) {
		for (k = 0; k < EACH; k++)
			fill_in(&puts[k], i * EACH + k, ids[i]);
		get_txn(start_txn(puts, EACH));
	}
	if (bench_now() - granted > (int64_t)SHORT_S * 1000000000)
		bench_fail("too many for %d s", SHORT_S);
	wait_until_heard(2 * EACH * number);
	printf("leases=%llu keys=%llu first_s=%.2f last_s=%.2f\n", (unsigned long long)number,
	       (unsigned long long)(EACH * number), (double)(first_gone - granted) / 1e9,
	       (double)(last_gone - granted) / 1e9);
	stop_watching(1);
	free(ids);
}

static void run(const struct bench_options *options, const char *mode)
{
	if (strcmp(mode, "txn") == 0)
		measure_txn(options);
	else if (strcmp(mode, "keepalive") == 0)
		measure_keepalive(options);
	else if (strcmp(mode, "grant") == 0)
		bench_measure(options, grant_phase, NULL);
	else if (strcmp(mode, "fill") == 0)
		fill();
	else if (strcmp(mode, "range") == 0)
		read_all();
	else if (strcmp(mode, "watch") == 0)
		measure_watch(options);
	else if (strcmp(mode, "expire") == 0)
		measure_expiry();
	else
		bench_fail("no mode '%s'", mode);
}

int main(int argc, char **argv)
{
	static const struct pyr_proxy_options patient = { .timeout_ms = WAIT_S * 1000 };
	struct bench_options options;
	char mode[20] = "";
	unsigned long long n = KEYS;

	bench_start(&options, argc, argv, BENCH_CLIENT);
	if (sscanf(options.mode, "%19[a-z]:%llu", mode, &n) < 1 || n < 1)
		bench_fail("'%s' is no mode", options.mode);
	number = n;
	snprintf(uri, sizeof(uri), "PYRO:etcd@%s", options.address);
	kv = etcdserverpb_KV_proxy_with(uri, &patient);
	lease = etcdserverpb_Lease_proxy_with(uri, &patient);
	if (!kv || !lease)
		return pyr_perror(uri);
	run(&options, mode);
	etcdserverpb_KV_free(kv);
	etcdserverpb_Lease_free(lease);
	return 0;
}
