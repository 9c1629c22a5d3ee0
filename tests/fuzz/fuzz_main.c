/* SPDX-License-Identifier: MIT */
/*
 * A stateful fuzzer of links: fuzz_link [--seed S] [--steps N] [--episode N] [--seconds N]
 * [--role daemon|proxies] [--lane none|tcp|unix|tls] [--threads yes|no] [--skip A-B,C...].
 * README.md tells more.
 */
#include "fuzz.h"
#include "fuzz_place.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOG_MAX = 1 << 20 };

static struct {
	uint64_t seed, n_steps, done, n_episodes;
	unsigned length; /* of an episode */
	unsigned seconds;
	const char *role, *threads, *lane;
	bool *skip;
	struct fuzz_episode episode;
	const char *now; /* the role */
	pthread_mutex_t lock;
	/* lock: */
	char log[LOG_MAX];
	size_t n_log;
} fuzz = { .n_steps = 100000, .length = 400, .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- chance ---- */

uint64_t fuzz_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) + b + UINT64_C(0x632be59bd9b4e019);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

struct chance chance_of(uint64_t seed, uint64_t step)
{
	return (struct chance){ fuzz_mix(seed, step) };
}

uint64_t chance_next(struct chance *c)
{
	return c->state = fuzz_mix(c->state, 1);
}

unsigned chance_below(struct chance *c, unsigned n)
{
	return (unsigned)(chance_next(c) >> 32) % n;
}

bool chance_one_in(struct chance *c, unsigned n)
{
	return chance_below(c, n) == 0;
}

static const char *const lanes[N_LANES] = { "none", "tcp", "unix", "tls" };

/* ---- the log, findings ---- */

void fuzz_say(const char *format, ...)
{
	va_list args;
	size_t room;
	int n;

	pthread_mutex_lock(&fuzz.lock);
	room = LOG_MAX - fuzz.n_log;
	va_start(args, format);
	n = vsnprintf(fuzz.log + fuzz.n_log, room, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n + 1 < room) {
		fuzz.n_log += (size_t)n;
		fuzz.log[fuzz.n_log++] = '\n';
	}
	pthread_mutex_unlock(&fuzz.lock);
}

/* Also when a sanitizer or a signal ends the process: no lock, no stdio. */
static void print_log(void)
{
	char line[256];
	int n;

	n = snprintf(line, sizeof(line), "---- what was done ----\n");
	(void)!write(STDERR_FILENO, line, (size_t)n);
	(void)!write(STDERR_FILENO, fuzz.log, fuzz.n_log);
	n = snprintf(line, sizeof(line),
		     "---- after %llu steps; again: --role %s --lane %s --threads %s --episode %u "
		     "--seed %llu "
		     "--steps %u\n",
		     (unsigned long long)fuzz.done, fuzz.now ? fuzz.now : "?",
		     lanes[fuzz.episode.lane], fuzz.episode.has_threads ? "yes" : "no",
		     fuzz.episode.n_steps, (unsigned long long)fuzz.episode.seed,
		     fuzz.episode.n_steps);
	(void)!write(STDERR_FILENO, line, (size_t)n);
}

/* The same. Nothing stays in the folder for temporary files. */
static void end_badly(void)
{
	print_log();
	place_remove();
}

void fuzz_finding(const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	n = n < (int)sizeof(text) - 2 ? n : (int)sizeof(text) - 2;
	text[n++] = '\n';
	(void)!write(STDERR_FILENO, "FINDING: ", 9);
	(void)!write(STDERR_FILENO, text, (size_t)n);
	end_badly();
	_exit(1);
}

static void on_signal(int signal_number)
{
	end_badly();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* UBSan's runtime is another library than ASan's: it comes here as a signal. */
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch_deaths(void)
{
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(end_badly);
	signal(SIGABRT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (!__sanitizer_set_death_callback)
		signal(SIGSEGV, on_signal);
}

/* ---- arguments ---- */

/* "3,7-9": those steps do nothing. */
static void read_skip(const char *text)
{
	unsigned long a, b, i;
	char *end;

	fuzz.skip = calloc(1, 1 << 20);
	if (!fuzz.skip)
		abort();
	while (*text) {
		a = b = strtoul(text, &end, 10);
		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		for (i = a; i <= b && i < 1 << 20; i++)
			fuzz.skip[i] = true;
		text = *end == ',' ? end + 1 : "";
	}
}

static bool is_lane(const char *name)
{
	unsigned i;

	for (i = 0; i < N_LANES; i++)
		if (strcmp(name, lanes[i]) == 0)
			return true;
	return false;
}

static bool take_option(const char *name, const char *value)
{
	if (strcmp(name, "--seed") == 0)
		fuzz.seed = strtoull(value, NULL, 10);
	else if (strcmp(name, "--steps") == 0)
		fuzz.n_steps = strtoull(value, NULL, 10);
	else if (strcmp(name, "--episode") == 0)
		fuzz.length = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(name, "--seconds") == 0)
		fuzz.seconds = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(name, "--role") == 0)
		fuzz.role = value;
	else if (strcmp(name, "--lane") == 0 && is_lane(value))
		fuzz.lane = value;
	else if (strcmp(name, "--threads") == 0)
		fuzz.threads = value;
	else if (strcmp(name, "--skip") == 0)
		read_skip(value);
	else
		return false;
	return true;
}

/* Half of the episodes go over sockets. */
static enum fuzz_lane choose_lane(struct chance *c)
{
	unsigned one = chance_below(c, 2 * (N_LANES - 1));
	enum fuzz_lane lane = one < N_LANES ? one : LANE_NONE, i;

	for (i = LANE_NONE; fuzz.lane && i < N_LANES; i++)
		if (strcmp(fuzz.lane, lanes[i]) == 0)
			lane = i;
	return lane;
}

static bool is_chosen(const char *wish, const char *one, bool by_chance)
{
	return wish ? strcmp(wish, one) == 0 : by_chance;
}

/* An episode's seed is the run's plus its number: it alone can be run again. */
static void run_episode(uint64_t left)
{
	struct fuzz_episode *e = &fuzz.episode;
	struct chance c;
	bool is_daemon;

	e->seed = fuzz.seed + fuzz.n_episodes++;
	e->n_steps = left < fuzz.length ? (unsigned)left : fuzz.length;
	e->skip = fuzz.skip;
	c = chance_of(e->seed, UINT64_MAX);
	is_daemon = is_chosen(fuzz.role, "daemon", chance_below(&c, 5) < 3);
	e->has_threads = is_chosen(fuzz.threads, "yes", chance_one_in(&c, 2));
	e->lane = choose_lane(&c);
	fuzz.n_log = 0;
	fuzz.now = is_daemon ? "daemon" : "proxies";
	fuzz.done += is_daemon ? fuzz_run_daemon(e) : fuzz_run_proxies(e);
}

static double now(void)
{
	return (double)engine_now() / 1e9;
}

int main(int argc, char **argv)
{
	double start = now();
	int i;

	fuzz.seed = (uint64_t)time(NULL) * 1000003;
	for (i = 1; i < argc; i += 2) {
		if (i + 1 < argc && take_option(argv[i], argv[i + 1]))
			continue;
		fprintf(stderr, "%s: what is %s?\n", argv[0], argv[i]);
		return 2;
	}
	printf("seed %llu\n", (unsigned long long)fuzz.seed);
	fflush(stdout);
	watch_deaths();
	while (fuzz.done < fuzz.n_steps && (!fuzz.seconds || now() - start < fuzz.seconds))
		run_episode(fuzz.n_steps - fuzz.done);
	printf("%llu steps in %llu episodes, %.1f s: no finding\n", (unsigned long long)fuzz.done,
	       (unsigned long long)fuzz.n_episodes, now() - start);
	return 0;
}
