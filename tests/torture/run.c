/* SPDX-License-Identifier: MIT */
/*
 * Runs one scenario again and again; in each run the n-th call of a kind fails, until runs do not
 * reach it. After each there is a run without a fault, which must succeed. Descriptors and
 * blocks that are there then and were not before are leaks.
 *
 *	torture SCENARIO memory|syscall [--from N] [--to N] [--stride N] [--variant N]
 *	torture SCENARIO memory|syscall --first 1 --from N [--variant N]
 *
 * The second form makes one run, the first in the process, so that what is made once can fail; then
 * leaks are not looked for. It prints "unreached" if it did not come to the n-th call.
 *
 * Prints "fault ..." for what is wrong, and at the end "done n=<calls>". It ends with 1 if anything
 * was wrong, and as the signal says if it crashed; the last line of "at ..." tells where it was.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "place.h"

/* BASE_MS: shorter than what links are kept for, which each run would have to wait for else.
 * BEYOND: runs in a row that do not reach the n-th call: threads make some more or less each time.
 */
enum { WARM = 6, BEYOND = 4, AGAIN = 4, RUN_S = 90, BASE_MS = 300, SETTLE_MS = 500 };

static const struct scenario *const groups[] = {
	call_scenarios,   stream_scenarios, reference_scenarios, secure_scenarios,
	name_scenarios,   face_scenarios,   text_scenarios,      many_scenarios,
	hidden_scenarios, asked_scenarios,  found_scenarios,     given_scenarios,
};

enum { NEVER = 63 }; /* the status of a wrong answer */

static struct {
	pthread_mutex_t lock;
	bool is_set;
	int status;
	char text[600];
} first = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct {
	const char *name, *kind;
	long n;
	int variant;
	unsigned n_wrong;
} at;

int note(const char *what, int status)
{
	pthread_mutex_lock(&first.lock);
	if (!first.is_set) {
		first.is_set = true;
		first.status = status;
		snprintf(first.text, sizeof(first.text), "%.200s: %s \"%.300s\"", what,
			 pyr_status_name(status), pyr_errmsg());
	}
	pthread_mutex_unlock(&first.lock);
	return status;
}

int note_wrong(const char *what)
{
	pthread_mutex_lock(&first.lock);
	snprintf(first.text, sizeof(first.text), "wrong: %.400s", what);
	first.is_set = true;
	first.status = -NEVER;
	pthread_mutex_unlock(&first.lock);
	return -NEVER;
}

/* ---- what a run leaves behind ---- */

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = -3;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

struct balance {
	int fds;
	size_t live;
};

static struct balance balance(void)
{
	return (struct balance){ open_fds(), torture_live() };
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until there is no more than before: gRPC closes by and by. */
static struct balance settle(const struct balance *before, int ms)
{
	int64_t until = now_ms() + ms;
	struct balance now = balance();

	while ((now.fds > before->fds || now.live > before->live) && now_ms() < until) {
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
		now = balance();
	}
	return now;
}

/* ---- runs ---- */

static void tell(const struct torture_hit *hit, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void tell(const struct torture_hit *hit, const char *format, ...)
{
	va_list args;

	at.n_wrong++;
	printf("fault %s %s n=%ld variant=%d %s %s %s %zx: ", at.name, at.kind, at.n, at.variant,
	       hit->function ? hit->function : "-", hit->fault ? hit->fault : "-",
	       hit->module ? hit->module : "-", hit->offset);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	torture_tell_frames(1);
}

static int run(const struct scenario *scenario)
{
	int status;

	first.is_set = false;
	alarm(RUN_S);
	status = scenario->run();
	alarm(0);
	return status;
}

/* What is in the way of nobody: EINTR and short transfers are to be handled. */
static bool is_transparent(const struct torture_hit *hit)
{
	return hit->fault &&
	       (strcmp(hit->fault, "EINTR") == 0 || strcmp(hit->fault, "a short transfer") == 0);
}

static void check_status(const struct scenario *scenario, const struct torture_hit *hit, int status)
{
	unsigned allowed = ALSO(PYR_RESOURCE_EXHAUSTED) | ALSO(PYR_UNAVAILABLE) | scenario->also;

	if (hit->fault && strcmp(hit->fault, "EACCES") == 0)
		allowed |= ALSO(PYR_PERMISSION_DENIED);
	if (status == 0)
		return;
	if (!hit->fault || is_transparent(hit))
		tell(hit, "failed although nothing is wrong: %s", first.text);
	else if (!(allowed & ALSO(-status)))
		tell(hit, "ended with %s; first %s", pyr_status_name(status), first.text);
}

/* What a thread keeps after its first error, say, is no leak: what is left must grow AGAIN times.
 */
static bool grows(const struct scenario *scenario, enum torture_kind kind, struct balance *base)
{
	struct torture_hit hit;
	struct balance now;

	torture_mark();
	torture_arm(kind, at.n, at.variant);
	run(scenario);
	torture_disarm(&hit);
	if (scenario->tidy)
		scenario->tidy();
	now = settle(base, SETTLE_MS);
	if (now.fds <= base->fds && now.live <= base->live)
		return false;
	*base = now;
	return true;
}

static void check_balance(const struct scenario *scenario, enum torture_kind kind,
			  struct balance *base, const struct torture_hit *hit)
{
	struct balance before = *base, now = settle(base, SETTLE_MS);
	int i;

	if (now.fds <= base->fds && now.live <= base->live)
		return;
	*base = before = now;
	for (i = 0; i < AGAIN; i++)
		if (!grows(scenario, kind, base))
			return;
	tell(hit, "%d descriptors and %zd blocks are left in %d runs", base->fds - before.fds,
	     (ssize_t)(base->live - before.live), AGAIN);
	torture_tell_live(1);
}

/* Returns whether the n-th call was reached. */
static bool try(const struct scenario *scenario, enum torture_kind kind, struct balance *base)
{
	struct torture_hit hit;
	bool is_reached;
	int status;

	torture_mark();
	torture_arm(kind, at.n, at.variant);
	status = run(scenario);
	is_reached = torture_disarm(&hit);
	check_status(scenario, &hit, status);
	if (scenario->tidy)
		scenario->tidy();
	if (hit.fault && run(scenario) != 0)
		tell(&hit, "the run after it fails: %s", first.text);
	check_balance(scenario, kind, base, &hit);
	return is_reached;
}

static void on_signal(int number)
{
	char line[200];
	struct torture_hit hit;
	int n;

	torture_disarm(&hit);
	n = snprintf(line, sizeof(line), "%s %s %s n=%ld variant=%d %s %s %s %zx: signal %d\n",
		     number == SIGALRM ? "hang" : "crash", at.name, at.kind, at.n, at.variant,
		     hit.function ? hit.function : "-", hit.fault ? hit.fault : "-",
		     hit.module ? hit.module : "-", hit.offset, number);
	if (write(1, line, (size_t)n) < 0)
		_exit(4);
	torture_tell_frames(1);
	if (number == SIGALRM && getenv("TORTURE_STOP"))
		pause();
	signal(number, SIG_DFL);
	raise(number == SIGALRM ? SIGKILL : number);
}

static void watch_signals(void)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM };
	static char stack[65536];
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	stack_t own = { .ss_sp = stack, .ss_size = sizeof(stack) };
	size_t i;

	sigaltstack(&own, NULL);
	for (i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* What start_server() starts. */
static int serve(void)
{
	struct pyr_daemon_options options = { .threads = 4 };
	struct place place;

	if (place_open(&place, &options) < 0)
		return 1;
	puts(place.uri);
	fflush(stdout);
	return pthread_join(place.thread, NULL) == 0 && place.status == 0 ? 0 : 1;
}

static const struct scenario *find(const char *name)
{
	const struct scenario *scenario;
	size_t i;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (scenario = groups[i]; scenario->name; scenario++)
			if (!name)
				puts(scenario->name);
			else if (strcmp(scenario->name, name) == 0)
				return scenario;
	return NULL;
}

static long option(int argc, char **argv, const char *name, long standard)
{
	int i;

	for (i = 3; i + 1 < argc; i += 2)
		if (strcmp(argv[i], name) == 0)
			return atol(argv[i + 1]);
	return standard;
}

/* The first run in this process. */
static int torture_first(const struct scenario *scenario, enum torture_kind kind)
{
	struct torture_hit hit;
	int status;

	torture_arm(kind, at.n, at.variant);
	status = run(scenario);
	if (!torture_disarm(&hit))
		printf("unreached\n");
	check_status(scenario, &hit, status);
	if (scenario->tidy)
		scenario->tidy();
	if (hit.fault && run(scenario) != 0)
		tell(&hit, "the run after it fails: %s", first.text);
	printf("done n=%ld\n", at.n);
	return at.n_wrong ? 1 : 0;
}

static int torture_it(const struct scenario *scenario, enum torture_kind kind, int argc,
		      char **argv)
{
	long to = option(argc, argv, "--to", 1000000), stride = option(argc, argv, "--stride", 1);
	struct balance base;
	int i, beyond = 0;

	at.variant = (int)option(argc, argv, "--variant", 0);
	at.n = option(argc, argv, "--from", 0);
	if (option(argc, argv, "--first", 0))
		return torture_first(scenario, kind);
	pyr_uri_free(pyr_uri_parse("")); /* each thread keeps its last error */
	for (i = 0; i < WARM + scenario->warm; i++)
		if (run(scenario) != 0) {
			printf("fault %s without a fault: %s\n", at.name, first.text);
			return 1;
		}
	base = balance();
	base = settle(&(struct balance){ base.fds, 0 }, BASE_MS);
	for (; at.n < to && beyond < BEYOND; at.n += stride)
		beyond = try(scenario, kind, &base) ? 0 : beyond + 1;
	printf("done n=%ld\n", at.n);
	return at.n_wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct scenario *scenario;
	int ret;

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		find(NULL);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--worker") == 0)
		return pool_worker();
	if (argc == 3 && strcmp(argv[1], "--remove") == 0)
		return remove_name(argv[2]);
	if (argc == 2 && strcmp(argv[1], "--serve") == 0)
		return serve();
	if (argc < 3 || !(scenario = find(argv[1]))) {
		fprintf(stderr, "usage: torture SCENARIO memory|syscall "
				"[--from N] [--to N] [--stride N] [--variant N]\n"
				"       torture --list\n");
		return 2;
	}
	at.name = argv[1];
	at.kind = argv[2];
	watch_signals();
	if (scenario->open && !scenario->open())
		return 3;
	ret = torture_it(scenario, argv[2][0] == 'm' ? TORTURE_MEMORY : TORTURE_SYSCALL, argc,
			 argv);
	if (scenario->close)
		scenario->close();
	return ret;
}
