/* SPDX-License-Identifier: MIT */
/* Signals that come before a daemon runs. Each case is a process of its own: this one makes no
 * daemons, so that it may fork. */
#include "test.h"

#include <pyrite/pyrite.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { GIVEN_UP = 100 };

static pyr_daemon *make(void)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);

	if (!daemon)
		_exit(GIVEN_UP);
	return daemon;
}

/* Returns the wait status of a process in which fn runs with SIGTERM and SIGINT as they are. */
static int status_of(int (*fn)(void))
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		alarm(60);
		signal(SIGTERM, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		_exit(fn());
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	return status;
}

static void check_exit(int status, int code)
{
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), code);
}

static void check_death(int status, int number)
{
	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), number);
}

static int run_after(int number)
{
	pyr_daemon *daemon = make();

	raise(number);
	if (pyr_daemon_run(daemon) < 0)
		return GIVEN_UP;
	pyr_daemon_free(daemon);
	return 7;
}

static int run_after_term(void)
{
	return run_after(SIGTERM);
}

static int run_after_int(void)
{
	return run_after(SIGINT);
}

TEST(a_signal_between_making_and_running_ends_the_run)
{
	check_exit(status_of(run_after_term), 7);
	check_exit(status_of(run_after_int), 7);
}

/* Longer than a signal waits for a run. */
static int live_on_after_run(void)
{
	const struct timespec pause = { .tv_sec = 1, .tv_nsec = 500000000 };
	int code = run_after(SIGTERM);

	(void)nanosleep(&pause, NULL);
	return code;
}

TEST(a_signal_that_ended_a_run_does_not_come_again)
{
	check_exit(status_of(live_on_after_run), 7);
}

static int run_two(void)
{
	pyr_daemon *first = make(), *second = make();

	raise(SIGTERM);
	if (pyr_daemon_run(first) < 0 || pyr_daemon_run(second) < 0)
		return GIVEN_UP;
	pyr_daemon_free(first);
	pyr_daemon_free(second);
	return 7;
}

TEST(a_signal_before_they_run_ends_the_runs_of_all_daemons)
{
	check_exit(status_of(run_two), 7);
}

static int never_run(void)
{
	(void)make();
	raise(SIGTERM);
	while (pause() < 0)
		; /* the handler's return */
	return GIVEN_UP;
}

TEST(a_program_that_never_runs_its_daemon_dies_of_the_signal_all_the_same)
{
	check_death(status_of(never_run), SIGTERM);
}

static int be_told_twice(void)
{
	(void)make();
	raise(SIGINT);
	raise(SIGINT);
	return GIVEN_UP;
}

TEST(a_second_signal_before_the_run_kills_at_once)
{
	check_death(status_of(be_told_twice), SIGINT);
}

static int free_unrun(void)
{
	pyr_daemon *daemon = make();

	raise(SIGTERM);
	pyr_daemon_free(daemon);
	return GIVEN_UP;
}

TEST(a_daemon_that_is_freed_without_a_run_takes_no_signal_with_it)
{
	check_death(status_of(free_unrun), SIGTERM);
}

static int free_and_die(void)
{
	pyr_daemon_free(make());
	raise(SIGTERM);
	return GIVEN_UP;
}

static int leave_alone_and_die(void)
{
	struct pyr_daemon_options options = { .signals = PYR_NO };

	if (!pyr_daemon_new(&options))
		return GIVEN_UP;
	raise(SIGTERM);
	return GIVEN_UP;
}

TEST(without_daemons_that_want_them_signals_are_as_they_were)
{
	check_death(status_of(free_and_die), SIGTERM);
	check_death(status_of(leave_alone_and_die), SIGTERM);
}

static volatile sig_atomic_t n_own;

static void on_own(int number)
{
	(void)number;
	n_own++;
}

static int have_own(void)
{
	pyr_daemon *daemon;

	signal(SIGTERM, on_own);
	daemon = make();
	raise(SIGTERM);
	signal(SIGINT, on_own); /* also one that comes later */
	raise(SIGINT);
	pyr_daemon_free(daemon);
	raise(SIGTERM);
	raise(SIGINT);
	return n_own == 4 ? 7 : GIVEN_UP;
}

TEST(handlers_of_the_program_stay_before_a_run)
{
	check_exit(status_of(have_own), 7);
}

static int ignore(void)
{
	pyr_daemon *daemon;

	signal(SIGINT, SIG_IGN);
	daemon = make();
	raise(SIGINT);
	pyr_daemon_free(daemon);
	raise(SIGINT);
	return 7;
}

TEST(a_signal_that_is_ignored_stays_ignored)
{
	check_exit(status_of(ignore), 7);
}

/* One that is made and never run must not make the next signal the "second" one. */
static int run_beside_an_idle_one(void)
{
	pyr_daemon *idle = make();
	int i;

	for (i = 0; i < 2; i++)
		if (run_after(SIGTERM) != 7)
			return GIVEN_UP;
	pyr_daemon_free(idle);
	return 7;
}

TEST(runs_one_after_the_other_beside_a_daemon_that_never_ran_each_take_a_signal)
{
	check_exit(status_of(run_beside_an_idle_one), 7);
}

TESTS(signals, T(a_signal_between_making_and_running_ends_the_run),
      T(a_signal_that_ended_a_run_does_not_come_again),
      T(a_signal_before_they_run_ends_the_runs_of_all_daemons),
      T(a_program_that_never_runs_its_daemon_dies_of_the_signal_all_the_same),
      T(a_second_signal_before_the_run_kills_at_once),
      T(a_daemon_that_is_freed_without_a_run_takes_no_signal_with_it),
      T(without_daemons_that_want_them_signals_are_as_they_were),
      T(handlers_of_the_program_stay_before_a_run), T(a_signal_that_is_ignored_stays_ignored),
      T(runs_one_after_the_other_beside_a_daemon_that_never_ran_each_take_a_signal))
