/* SPDX-License-Identifier: MIT */
#include "base/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

enum { DAEMONS_MAX = 64, N_SIGNALS = 2 };

static struct signals {
	pthread_mutex_t lock;
	atomic_int fds[DAEMONS_MAX]; /* eventfd + 1; 0 = free. The handler reads them */
	unsigned n;
	pid_t owner; /* of the handlers; written before they are installed */
	bool is_ours[N_SIGNALS];
	atomic_bool is_told[N_SIGNALS];
} signals = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const int numbers[N_SIGNALS] = { SIGTERM, SIGINT };

static void on_signal(int number)
{
	static const uint64_t one = 1;
	int saved = errno, is_interrupt = number == numbers[1], i, fd;

	/* Forked: the descriptors lead to the parent. Told before: the second has its own effect.
	 */
	if (getpid() != signals.owner || atomic_exchange(&signals.is_told[is_interrupt], true)) {
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	for (i = 0; i < DAEMONS_MAX; i++) {
		fd = atomic_load(&signals.fds[i]);
		if (fd > 0 && write(fd - 1, &one, sizeof(one)) < 0)
			continue; /* the counter is full: it was told */
	}
	errno = saved;
}

static void install(void)
{
	struct sigaction ours = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigaction old;
	int i;

	sigemptyset(&ours.sa_mask);
	signals.owner = getpid();
	for (i = 0; i < N_SIGNALS; i++) {
		atomic_store(&signals.is_told[i], false);
		signals.is_ours[i] = sigaction(numbers[i], NULL, &old) == 0 &&
				     !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_DFL &&
				     sigaction(numbers[i], &ours, NULL) == 0;
	}
}

static void restore(void)
{
	struct sigaction now;
	int i;

	for (i = 0; i < N_SIGNALS; i++)
		if (signals.is_ours[i] && sigaction(numbers[i], NULL, &now) == 0 &&
		    now.sa_handler == on_signal)
			signal(numbers[i], SIG_DFL);
}

bool signals_watch(int event_fd)
{
	bool found = false;
	int i;

	pthread_mutex_lock(&signals.lock);
	for (i = 0; i < DAEMONS_MAX && !found; i++)
		if (atomic_load(&signals.fds[i]) == 0) {
			atomic_store(&signals.fds[i], event_fd + 1);
			found = true;
		}
	if (found && signals.n++ == 0)
		install();
	pthread_mutex_unlock(&signals.lock);
	return found;
}

void signals_forget(int event_fd)
{
	int i;

	pthread_mutex_lock(&signals.lock);
	for (i = 0; i < DAEMONS_MAX; i++)
		if (atomic_load(&signals.fds[i]) == event_fd + 1) {
			atomic_store(&signals.fds[i], 0);
			if (--signals.n == 0)
				restore();
		}
	pthread_mutex_unlock(&signals.lock);
}
