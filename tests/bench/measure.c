/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { WARM_CALLS = 10, WARM_MS = 4 }; /* the part of calls and time that warms up */

void bench_fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_Exit(1);
}

/* ---- options ---- */

static void usage(void)
{
	fprintf(stderr,
		"usage: %s [--socket PATH] [--threads N] [--lean] [--cpu N]\n"
		"       %s ADDRESS MODE [-n N] [--calls N] [--ms N] [--server PID] [--lean] "
		"[--cpu N]\n",
		program_invocation_short_name, program_invocation_short_name);
	exit(2);
}

static long number(const char *text)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 0)
		usage();
	return value;
}

static bool set_option(struct bench_options *options, int key, const char *value)
{
	switch (key) {
	case 'n':
		options->n = (unsigned)number(value);
		return options->n > 0;
	case 'c':
		options->calls = (uint64_t)number(value);
		return true;
	case 'm':
		options->ms = number(value);
		return true;
	case 'p':
		options->server = (pid_t)number(value);
		return true;
	case 's':
		options->socket = value;
		return true;
	case 't':
		options->threads = (unsigned)number(value);
		return true;
	case 'l':
		options->lean = true;
		return true;
	case 'u':
		options->cpu = (int)number(value);
		return true;
	default:
		return false;
	}
}

static void stay_on(int cpu)
{
	cpu_set_t set;
	int i;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		bench_fail("sched_getaffinity: %s", strerror(errno));
	for (i = 0; cpu < 0 && i < CPU_SETSIZE; i++)
		if (CPU_ISSET(CPU_SETSIZE - 1 - i, &set))
			cpu = CPU_SETSIZE - 1 - i;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		bench_fail("core %d: %s", cpu, strerror(errno));
}

void bench_start(struct bench_options *options, int argc, char **argv, enum bench_end end)
{
	static const struct option names[] = {
		{ "calls", required_argument, NULL, 'c' },
		{ "ms", required_argument, NULL, 'm' },
		{ "server", required_argument, NULL, 'p' },
		{ "socket", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 't' },
		{ "lean", no_argument, NULL, 'l' },
		{ "cpu", required_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 },
	};
	int key, n_left;

	*options = (struct bench_options){ .n = 1, .calls = 1000, .ms = 1000, .cpu = -1 };
	while ((key = getopt_long(argc, argv, "n:", names, NULL)) != -1)
		if (!set_option(options, key, optarg))
			usage();
	n_left = argc - optind;
	if ((n_left != 0 || end == BENCH_CLIENT) && (n_left != 2 || end == BENCH_SERVER))
		usage();
	if (n_left == 2) {
		options->address = argv[optind];
		options->mode = argv[optind + 1];
	}
	stay_on(options->cpu);
}

void bench_print_address(const char *address)
{
	if (puts(address) < 0 || fflush(stdout) != 0)
		bench_fail("cannot print: %s", strerror(errno));
}

/* ---- clocks ---- */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		bench_fail("clock %d: %s", (int)clock, strerror(errno));
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bench_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static int64_t server_ns(pid_t server)
{
	clockid_t clock;
	int err;

	if (server == 0)
		return 0;
	err = clock_getcpuclockid(server, &clock);
	if (err)
		bench_fail("no CPU clock of process %d: %s", (int)server, strerror(err));
	return clock_ns(clock);
}

/* What the core did for whom, in nanoseconds since it was started. */
struct core_times {
	int64_t busy, steal;
};

/* /proc/stat, "cpuN user nice system idle iowait irq softirq steal ...", in ticks. */
static struct core_times core_times(int cpu)
{
	struct core_times ret = { 0, 0 };
	unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;
	int64_t tick = 1000000000 / sysconf(_SC_CLK_TCK);
	FILE *file = fopen("/proc/stat", "r");
	char line[256];
	int number;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "cpu%d %llu %llu %llu %llu %llu %llu %llu %llu", &number, &user,
			   &nice, &system, &idle, &iowait, &irq, &softirq, &steal) != 9 ||
		    number != cpu)
			continue;
		ret.busy = (int64_t)(user + nice + system + irq + softirq) * tick;
		ret.steal = (int64_t)steal * tick;
		break;
	}
	if (file)
		fclose(file);
	return ret;
}

struct mark {
	int64_t wall, client, server;
	struct core_times core;
};

/* The CPU time of processes that were started and have ended. */
static int64_t children_ns(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_CHILDREN, &usage) < 0)
		bench_fail("getrusage: %s", strerror(errno));
	return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
	       ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static struct mark mark(const struct bench_options *options)
{
	return (struct mark){ bench_now(), clock_ns(CLOCK_PROCESS_CPUTIME_ID) + children_ns(),
			      server_ns(options->server), core_times(sched_getcpu()) };
}

/* ---- times ---- */

static unsigned bucket_of(int64_t ns)
{
	uint64_t v = ns > 0 ? (uint64_t)ns : 0;
	unsigned shift = 0, bucket;

	while (v >> shift >= 2u << BENCH_PRECISION)
		shift++;
	bucket = (shift << BENCH_PRECISION) + (unsigned)(v >> shift);
	return bucket < BENCH_BUCKETS ? bucket : BENCH_BUCKETS - 1;
}

/* The middle of a bucket, in nanoseconds. */
static double bucket_value(unsigned bucket)
{
	unsigned shift = bucket >> BENCH_PRECISION;

	if (shift == 0)
		return bucket;
	shift--; /* the lead bit of each range but the first is counted in the bucket's number */
	return ((double)(bucket - (shift << BENCH_PRECISION)) + 0.5) * (double)(1ull << shift);
}

void bench_add(struct bench_times *times, int64_t ns)
{
	times->n++;
	times->sum += ns;
	times->counts[bucket_of(ns)]++;
}

void bench_merge(struct bench_times *into, const struct bench_times *times)
{
	unsigned i;

	into->n += times->n;
	into->sum += times->sum;
	for (i = 0; i < BENCH_BUCKETS; i++)
		into->counts[i] += times->counts[i];
}

double bench_quantile(const struct bench_times *times, double part)
{
	uint64_t rank = (uint64_t)(part * (double)times->n), seen = 0;
	unsigned i;

	for (i = 0; i < BENCH_BUCKETS; i++) {
		seen += times->counts[i];
		if (seen > rank)
			return bucket_value(i) / 1e3;
	}
	return 0;
}

/* ---- measuring ---- */

bool bench_more(const struct bench_limit *limit, uint64_t calls, int64_t now)
{
	return calls < limit->calls || now < limit->until;
}

static void print(const struct mark *from, const struct mark *to, const struct bench_times *times)
{
	double wall = (double)(to->wall - from->wall), n = (double)times->n;
	double client = (double)(to->client - from->client);
	double server = (double)(to->server - from->server);
	double foreign = (double)(to->core.busy - from->core.busy) - client - server;

	printf("calls=%llu rate=%.1f client_us=%.3f server_us=%.3f mean_us=%.3f p50_us=%.3f "
	       "p99_us=%.3f steal=%.2f foreign=%.2f\n",
	       (unsigned long long)times->n, n / wall * 1e9, client / n / 1e3, server / n / 1e3,
	       (double)times->sum / n / 1e3, bench_quantile(times, 0.5),
	       bench_quantile(times, 0.99),
	       (double)(to->core.steal - from->core.steal) / wall * 100,
	       foreign > 0 ? foreign / wall * 100 : 0);
}

static void run(const struct bench_options *options, bench_phase_cb phase,
		struct bench_times *times, void *data)
{
	struct bench_limit limit = { options->calls, bench_now() + options->ms * 1000000 };

	phase(options, &limit, times, data);
}

void bench_measure(const struct bench_options *options, bench_phase_cb phase, void *data)
{
	static struct bench_times warm, times; /* in place before the clocks start */
	struct bench_options before = *options;
	struct mark from, to;

	before.calls = options->calls / WARM_CALLS + 1;
	before.ms = options->ms / WARM_MS;
	run(&before, phase, &warm, data);
	from = mark(options);
	run(options, phase, &times, data);
	to = mark(options);
	if (times.n < options->calls)
		bench_fail("%llu calls were made, %llu were asked for", (unsigned long long)times.n,
			   (unsigned long long)options->calls);
	print(&from, &to, &times);
}

struct bench_sum bench_sum(uint64_t i)
{
	return (struct bench_sum){ (int32_t)(i & 0xffff), 1000 };
}

void bench_check(struct bench_sum sum, int32_t answer)
{
	if (answer != sum.x + sum.y)
		bench_fail("%d + %d came back as %d", (int)sum.x, (int)sum.y, (int)answer);
}
