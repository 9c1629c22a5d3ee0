/* SPDX-License-Identifier: MIT */
/*
 * pyrite bench: how many calls a second, and how long each takes, as a caller sees it. Each client
 * is a process, as proxies of one process share a connection; calls in flight are threads that
 * share a proxy. The values are made of JSON, as by pyrite call, which costs some microseconds a
 * call. The first process makes no call itself: what it forks begins with a library that was not
 * used yet.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "objects.h"
#include "words.h"

/* Times in buckets whose width is a 32nd of what they hold: memory does not grow with the calls. */
enum { STEPS = 32, BUCKETS = 60 * STEPS };
enum { MAX_CLIENTS = 256, MAX_THREADS = 256, NS_PER_S = 1000000000 };

static const struct argp_option options[] = {
	{ "clients", 'c', "N", 0, "Processes that call, with a connection each (1)", 0 },
	{ "in-flight", 'f', "N", 0, "Calls in flight for each client (1)", 0 },
	{ "seconds", 's', "N", 0, "How long to call (3)", 0 },
	{ "calls", 'n', "N", 0, "Make N calls in all, instead of calling for a time", 0 },
	{ "timeout", 't', "MS", 0,
	  "Deadline of each call, in milliseconds (PYRITE_TIMEOUT_MS, none)", 0 },
	WORDS_JSON("Print JSON"),
	{ 0 },
};

struct input {
	struct words words;
	uint32_t clients, in_flight, seconds, calls, timeout_ms;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct input *input = state->input;

	switch (key) {
	case 'c':
		input->clients = words_number(state, arg, "a number", 1, MAX_CLIENTS);
		return 0;
	case 'f':
		input->in_flight = words_number(state, arg, "a number", 1, MAX_THREADS);
		return 0;
	case 's':
		input->seconds = words_number(state, arg, "a time", 1, 86400);
		return 0;
	case 'n':
		input->calls = words_number(state, arg, "a number", 1, UINT32_MAX - 1);
		return 0;
	case 't':
		input->timeout_ms = words_number(state, arg, "a time", 1, INT32_MAX);
		return 0;
	default:
		return words_parse(key, arg, state, &input->words);
	}
}

const struct argp bench_argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "URI OPERATION [ARG...]",
	.doc = "Calls an operation repeatedly, and prints calls per second and the latency.\vURI "
	       "and ARG are the same as for 'pyrite call'; the operation must have no streams. The "
	       "first call of each client is not counted. Failed calls are counted separately; a "
	       "client stops when its server is gone.\n\nExample: pyrite bench --clients 4 "
	       "example.server add 1 2\n\nExit codes: 0 success, 1 wrong usage or arguments, 2 "
	       "calls failed, 3 not reachable.",
};

/* What was measured; it is handed from process to process. */
struct result {
	uint64_t n, failed, buckets[BUCKETS];
	int64_t most, total;
	int code; /* of the last failure */
	char why[512];
};

/* What the threads of a client share. */
struct bench {
	const struct input *input;
	const char *operation;
	pyr_proxy *proxy;
	char *args;
	int64_t until;
	atomic_int_fast64_t left; /* calls */
};

struct caller {
	struct bench *bench;
	pthread_t thread;
	struct result result;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * (int64_t)NS_PER_S + now.tv_nsec;
}

static unsigned bucket_of(int64_t ns)
{
	unsigned exponent;

	if (ns < STEPS)
		return ns > 0 ? (unsigned)ns : 0;
	exponent = 63 - (unsigned)__builtin_clzll((uint64_t)ns) - 5;
	return (exponent + 1) * STEPS + (unsigned)((ns >> exponent) & (STEPS - 1));
}

/* The upper end of what it holds. */
static int64_t value_of(unsigned bucket)
{
	unsigned exponent = bucket / STEPS;

	if (exponent == 0)
		return bucket;
	return (int64_t)(STEPS + bucket % STEPS + 1) << (exponent - 1);
}

/* Returns whether there is one. */
static bool take_call(struct bench *bench)
{
	if (bench->input->calls > 0)
		return atomic_fetch_sub(&bench->left, 1) > 0;
	return now_ns() < bench->until;
}

/* Returns 0 or the status. */
static int call(const struct bench *bench, struct result *result)
{
	if (pyr_proxy_call_json(bench->proxy, bench->operation, bench->args, NULL) == 0)
		return 0;
	result->failed++;
	result->code = pyr_last_error()->code;
	snprintf(result->why, sizeof(result->why), "%s", pyr_last_error()->message);
	return result->code;
}

static void *run(void *data)
{
	struct caller *caller = data;
	struct result *result = &caller->result;
	int64_t begin, took;
	int status = 0;

	while (status != PYR_UNAVAILABLE && take_call(caller->bench)) {
		begin = now_ns();
		status = call(caller->bench, result);
		took = now_ns() - begin;
		if (status)
			continue;
		result->n++;
		result->buckets[bucket_of(took)]++;
		result->total += took;
		if (took > result->most)
			result->most = took;
	}
	return NULL;
}

/* ---- what came out ---- */

static void add(struct result *sum, const struct result *one)
{
	unsigned i;

	sum->n += one->n;
	sum->failed += one->failed;
	sum->total += one->total;
	if (one->most > sum->most)
		sum->most = one->most;
	if (one->failed) {
		sum->code = one->code;
		snprintf(sum->why, sizeof(sum->why), "%s", one->why);
	}
	for (i = 0; i < BUCKETS; i++)
		sum->buckets[i] += one->buckets[i];
}

static double mean_us(const struct result *sum)
{
	return sum->n ? (double)sum->total / (double)sum->n / 1e3 : 0;
}

static double percentile_us(const struct result *sum, double part)
{
	uint64_t wanted = (uint64_t)((double)sum->n * part) + 1, seen = 0;
	unsigned i;

	for (i = 0; i < BUCKETS; i++)
		if ((seen += sum->buckets[i]) >= wanted)
			break;
	if (i == BUCKETS || value_of(i) > sum->most)
		return (double)sum->most / 1e3;
	return (double)value_of(i) / 1e3;
}

static void print_json(const struct input *input, const struct result *sum, double seconds)
{
	printf("{\"calls\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"seconds\": %.3f, \"clients\": "
	       "%u, \"in_flight\": %u, \"calls_per_s\": %.0f, ",
	       sum->n, sum->failed, seconds, input->clients, input->in_flight,
	       seconds > 0 ? (double)sum->n / seconds : 0);
	printf("\"mean_us\": %.1f, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
	       "\"most_us\": %.1f}\n",
	       mean_us(sum), percentile_us(sum, 0.5), percentile_us(sum, 0.9),
	       percentile_us(sum, 0.99), (double)sum->most / 1e3);
}

static void print(const struct input *input, const struct result *sum, double seconds)
{
	printf("%u client%s, %u call%s of each at a time, %.3f s: %" PRIu64 " calls, %" PRIu64
	       " failed\n",
	       input->clients, input->clients == 1 ? "" : "s", input->in_flight,
	       input->in_flight == 1 ? "" : "s", seconds, sum->n, sum->failed);
	printf("%.0f calls/s\n", seconds > 0 ? (double)sum->n / seconds : 0);
	printf("mean %.1f us, p50 %.1f us, p90 %.1f us, p99 %.1f us, most %.1f us\n", mean_us(sum),
	       percentile_us(sum, 0.5), percentile_us(sum, 0.9), percentile_us(sum, 0.99),
	       (double)sum->most / 1e3);
}

/* ---- a client ---- */

static int complain(const struct input *input, pyr_proxy *proxy)
{
	return objects_complain("pyrite bench", proxy, input->words.is_json);
}

/* Makes the proxy of a client, and its first call. Returns an exit code. */
static int open_client(struct bench *bench)
{
	const struct input *input = bench->input;
	char *uri = objects_uri(input->words.list[0]);
	int streams;

	bench->operation = input->words.list[1];
	bench->proxy = pyr_proxy_new(uri);
	free(uri);
	if (!bench->proxy)
		return complain(input, NULL);
	if (input->timeout_ms)
		pyr_proxy_set_timeout(bench->proxy, input->timeout_ms);
	streams = pyr_proxy_operation_streams(bench->proxy, bench->operation);
	if (streams > 0) {
		fprintf(stderr, "pyrite bench: %s has streams\n", bench->operation);
		return COMMAND_USAGE;
	}
	if (streams < 0 ||
	    pyr_proxy_args_json(bench->proxy, bench->operation,
				(const char *const *)input->words.list + 2,
				(size_t)input->words.n - 2, &bench->args) < 0 ||
	    pyr_proxy_call_json(bench->proxy, bench->operation, bench->args, NULL) < 0)
		return complain(input, bench->proxy);
	return COMMAND_OK;
}

/* Returns an exit code. */
static int measure(struct bench *bench, struct result *ret)
{
	unsigned n = bench->input->in_flight, i, started = 0;
	struct caller *callers = calloc(n, sizeof(*callers));

	bench->until = now_ns() + (int64_t)bench->input->seconds * NS_PER_S;
	for (; callers && started < n; started++) {
		callers[started].bench = bench;
		if (pthread_create(&callers[started].thread, NULL, run, &callers[started]) != 0)
			break;
	}
	for (i = 0; i < started; i++) {
		pthread_join(callers[i].thread, NULL);
		add(ret, &callers[i].result);
	}
	free(callers);
	if (started == n)
		return COMMAND_OK;
	fputs("pyrite bench: no more threads\n", stderr);
	return COMMAND_REFUSED;
}

/* Says that it is ready, waits for the others, calls, tells what it measured. Returns an exit code.
 */
static int be_client(const struct input *input, unsigned calls, int fd)
{
	struct bench bench = { .input = input };
	struct result *result = calloc(1, sizeof(*result));
	int code = result ? open_client(&bench) : COMMAND_REFUSED;
	char go = 'r';

	atomic_init(&bench.left, calls);
	if (code == COMMAND_OK &&
	    (write(fd, &go, 1) != 1 || read(fd, &go, 1) != 1)) /* another was not ready */
		code = COMMAND_REFUSED;
	else if (code == COMMAND_OK)
		code = measure(&bench, result);
	if (code == COMMAND_OK &&
	    send(fd, result, sizeof(*result), MSG_NOSIGNAL) != (ssize_t)sizeof(*result))
		code = COMMAND_REFUSED;
	pyr_free(bench.args);
	pyr_proxy_free(bench.proxy);
	free(result);
	return code;
}

/* ---- all of them ---- */

struct clients {
	unsigned n;
	struct {
		pid_t pid;
		int fd;
	} each[MAX_CLIENTS];
};

static bool fork_clients(const struct input *input, struct clients *clients)
{
	int ends[2];
	unsigned i, k;

	for (i = 0; i < input->clients; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
			break;
		clients->each[i].fd = ends[0];
		clients->each[i].pid = fork();
		if (clients->each[i].pid == 0) {
			for (k = 0; k <= i; k++)
				close(clients->each[k].fd);
			k = input->calls / input->clients + (i < input->calls % input->clients);
			_exit(be_client(input, k, ends[1]));
		}
		close(ends[1]);
		if (clients->each[i].pid < 0) {
			close(ends[0]);
			break;
		}
		clients->n++;
	}
	if (i < input->clients)
		perror("pyrite bench");
	return i == input->clients;
}

/* Returns the worst of their exit codes. */
static int wait_clients(struct clients *clients)
{
	int code = COMMAND_OK, status;
	unsigned i;

	for (i = 0; i < clients->n; i++) {
		close(clients->each[i].fd);
		if (waitpid(clients->each[i].pid, &status, 0) < 0 || !WIFEXITED(status))
			code = COMMAND_REFUSED;
		else if (WEXITSTATUS(status) > code)
			code = WEXITSTATUS(status);
	}
	return code;
}

static bool are_ready(const struct clients *clients)
{
	char ready;
	unsigned i;

	for (i = 0; i < clients->n; i++)
		if (read(clients->each[i].fd, &ready, 1) != 1)
			return false;
	return true;
}

/* Returns whether all told what they measured. */
static bool collect(const struct clients *clients, struct result *one, struct result *sum)
{
	unsigned i;

	for (i = 0; i < clients->n; i++)
		if (send(clients->each[i].fd, "g", 1, MSG_NOSIGNAL) != 1)
			return false;
	for (i = 0; i < clients->n; i++) {
		if (recv(clients->each[i].fd, one, sizeof(*one), MSG_WAITALL) !=
		    (ssize_t)sizeof(*one))
			return false;
		add(sum, one);
	}
	return true;
}

static int finish(const struct input *input, const struct result *sum, double seconds)
{
	if (input->words.is_json)
		print_json(input, sum, seconds);
	else
		print(input, sum, seconds);
	if (!sum->failed)
		return COMMAND_OK;
	fprintf(stderr, "pyrite bench: %s%s\n", sum->failed > 1 ? "the last failure: " : "",
		sum->why);
	return sum->code == PYR_UNAVAILABLE ? COMMAND_UNREACHABLE : COMMAND_REFUSED;
}

static int bench(const struct input *input)
{
	struct clients clients = { 0 };
	struct result *results = calloc(2, sizeof(*results));
	bool ok = results && fork_clients(input, &clients) && are_ready(&clients);
	int64_t begin = now_ns();
	double seconds;
	int code;

	ok = ok && collect(&clients, &results[0], &results[1]);
	seconds = (double)(now_ns() - begin) / NS_PER_S;
	code = wait_clients(&clients);
	if (ok)
		code = finish(input, &results[1], seconds);
	else if (code == COMMAND_OK)
		code = COMMAND_REFUSED;
	free(results);
	return code;
}

int bench_main(int argc, char **argv)
{
	struct input input = { .clients = 1, .in_flight = 1, .seconds = 3 };

	input.words = (struct words){ .min = 2, .needs = "expected a URI and an operation" };
	input.words.takes_rest = true;
	argp_parse(&bench_argp, argc, argv, ARGP_IN_ORDER, NULL, &input);
	return bench(&input);
}
