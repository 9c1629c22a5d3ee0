/* SPDX-License-Identifier: MIT */
#include "base/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

enum { DAEMONS_MAX = 1024, N_SIGNALS = 2, EARLY_SECONDS = 1 };

static struct signals {
	pthread_mutex_t lock;
	atomic_int fds[DAEMONS_MAX]; /* eventfd + 1; 0 = free. The handler reads them */
	bool runs[DAEMONS_MAX];
	unsigned n;
	pid_t owner; /* of the handlers; written before they are installed */
	bool is_ours[N_SIGNALS];
	/* Send a signal that came early again. Made once, before the handlers are installed. */
	timer_t timers[N_SIGNALS];
	bool has_timers;
	/* Between handlers and threads: */
	atomic_uint n_running, n_runs; /* now; ever */
	atomic_bool is_told[N_SIGNALS];
	atomic_bool is_early[N_SIGNALS]; /* told when nothing ran, and no run has begun since */
} signals = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const int numbers[N_SIGNALS] = { SIGTERM, SIGINT };

static void set_timer(int which, time_t seconds)
{
	struct itimerspec when = { .it_value.tv_sec = seconds };

	if (signals.has_timers)
		(void)timer_settime(signals.timers[which], 0, &when, NULL);
}

static void have_default_effect(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

static void tell_all(void)
{
	static const uint64_t one = 1;
	int i, fd;

	for (i = 0; i < DAEMONS_MAX; i++) {
		fd = atomic_load(&signals.fds[i]);
		if (fd > 0 && write(fd - 1, &one, sizeof(one)) < 0)
			continue; /* the counter is full: it was told */
	}
}

/* Nothing runs yet: the signal comes again, unless a run begins. The run looks after it has counted
 * itself, the handler after it has set the timer: one of them sees the other. */
static void await_run(int which, unsigned n_runs)
{
	atomic_store(&signals.is_early[which], true);
	set_timer(which, EARLY_SECONDS);
	if (atomic_load(&signals.n_runs) != n_runs) {
		atomic_store(&signals.is_early[which], false);
		set_timer(which, 0);
	}
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	int saved = errno, which = number == numbers[1];
	unsigned n_runs = atomic_load(&signals.n_runs);
	bool runs = atomic_load(&signals.n_running) > 0;

	(void)context;
	if (info->si_code == SI_TIMER && runs)
		return; /* a run began in time */
	/* Forked: the descriptors lead to the parent. Told before: the second has its own effect.
	 */
	if (getpid() != signals.owner || atomic_exchange(&signals.is_told[which], true) ||
	    (!runs && !signals.has_timers)) {
		have_default_effect(number);
		return;
	}
	tell_all();
	if (!runs)
		await_run(which, n_runs);
	errno = saved;
}

static void make_timers(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL };
	int i;

	for (i = 0; i < N_SIGNALS && !signals.has_timers; i++) {
		event.sigev_signo = numbers[i];
		if (timer_create(CLOCK_MONOTONIC, &event, &signals.timers[i]) == 0)
			continue;
		if (i > 0)
			(void)timer_delete(signals.timers[0]);
		return;
	}
	signals.has_timers = true;
}

static bool is_default(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
	       now.sa_handler == SIG_DFL;
}

static bool is_installed(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
	       now.sa_sigaction == on_signal;
}

static void install(void)
{
	struct sigaction ours = { .sa_sigaction = on_signal, .sa_flags = SA_RESTART | SA_SIGINFO };
	int i;

	sigemptyset(&ours.sa_mask);
	if (!signals.has_timers)
		make_timers();
	signals.owner = getpid();
	for (i = 0; i < N_SIGNALS; i++) {
		if (!is_default(numbers[i]))
			continue;
		atomic_store(&signals.is_told[i], false);
		signals.is_ours[i] = sigaction(numbers[i], &ours, NULL) == 0;
	}
}

/* A signal that came early, and that no run took up, is not lost. */
static void restore(void)
{
	int i;

	for (i = 0; i < N_SIGNALS; i++) {
		set_timer(i, 0);
		if (signals.is_ours[i] && is_installed(numbers[i])) {
			signal(numbers[i], SIG_DFL);
			if (atomic_exchange(&signals.is_early[i], false))
				kill(getpid(), numbers[i]);
		}
		signals.is_ours[i] = false;
	}
}

/* With the lock. Returns the daemon's place, -1 if there is none. */
static int find(int entry)
{
	int i;

	for (i = 0; i < DAEMONS_MAX; i++)
		if (atomic_load(&signals.fds[i]) == entry)
			return i;
	return -1;
}

static int take_place(int event_fd)
{
	int at = find(event_fd + 1);

	if (at >= 0)
		return at;
	at = find(0);
	if (at < 0)
		return -1;
	atomic_store(&signals.fds[at], event_fd + 1);
	if (signals.n++ == 0)
		install();
	return at;
}

bool signals_expect(int event_fd)
{
	bool found;

	pthread_mutex_lock(&signals.lock);
	found = take_place(event_fd) >= 0;
	pthread_mutex_unlock(&signals.lock);
	return found;
}

static void begin_run(int at)
{
	int i;

	signals.runs[at] = true;
	atomic_fetch_add(&signals.n_running, 1);
	atomic_fetch_add(&signals.n_runs, 1);
	for (i = 0; i < N_SIGNALS; i++) {
		set_timer(i, 0);
		atomic_store(&signals.is_early[i], false);
	}
	install(); /* the program may have put the default back since the daemon was made */
}

static void end_run(int at)
{
	int i;

	signals.runs[at] = false;
	if (atomic_fetch_sub(&signals.n_running, 1) == 1)
		for (i = 0; i < N_SIGNALS; i++)
			atomic_store(&signals.is_told[i], false);
}

bool signals_watch(int event_fd)
{
	int at;

	pthread_mutex_lock(&signals.lock);
	at = take_place(event_fd);
	if (at >= 0)
		begin_run(at);
	pthread_mutex_unlock(&signals.lock);
	return at >= 0;
}

void signals_forget(int event_fd)
{
	int at;

	pthread_mutex_lock(&signals.lock);
	at = find(event_fd + 1);
	if (at >= 0) {
		atomic_store(&signals.fds[at], 0);
		if (signals.runs[at])
			end_run(at);
		if (--signals.n == 0)
			restore();
	}
	pthread_mutex_unlock(&signals.lock);
}
