/* SPDX-License-Identifier: MIT */
/* What a call from a loop of the program's own takes, beside a blocking one: microseconds for each
 * of thousands of add(), one after the other, medians of runs in turn. The daemon is another
 * process. */
#include "servant.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { N = 5000, RUNS = 21 };

static struct e2e_Work *work;
static int n_left;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int blocking(void)
{
	int32_t sum = 0;
	int i;

	for (i = 0; i < N; i++)
		if (e2e_Work_add(work, i, 1, &sum) < 0 || sum != i + 1)
			return pyr_perror("add");
	return 0;
}

static void on_sum(pyr_future *future, void *data)
{
	int *status = data;
	int32_t sum = 0;

	*status = e2e_Work_add_get(future, &sum);
	if (*status == 0 && --n_left > 0)
		*status = e2e_Work_add_async(work, n_left, 1, on_sum, data);
}

static int in_loop(void)
{
	struct pollfd wait = { .fd = pyr_fd(), .events = POLLIN };
	int status = 0;

	n_left = N;
	if (e2e_Work_add_async(work, 0, 1, on_sum, &status) < 0)
		return pyr_perror("add");
	while (n_left > 0 && status == 0)
		if (poll(&wait, 1, 1000) > 0 && pyr_dispatch(0) < 0)
			return pyr_perror("dispatch");
	return status;
}

static int measure(int (*run)(void), double *ret)
{
	double began = now_us();

	if (run() != 0)
		return 1;
	*ret = (now_us() - began) / N;
	return 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *took)
{
	qsort(took, RUNS, sizeof(*took), compare);
	return took[RUNS / 2];
}

static void serve(int out)
{
	pyr_daemon *daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	struct work servant;
	const char *uri;

	work_init(&servant, daemon);
	uri = e2e_Work_register(daemon, "work", &work_methods, &servant);
	dprintf(out, "%s", uri ? uri : "");
	close(out);
	_exit(uri && pyr_daemon_run(daemon) == 0 ? 0 : 1);
}

int main(void)
{
	double alone[RUNS], looped[RUNS];
	char uri[200] = "";
	int out[2], i, failed = 0;
	pid_t server;

	if (pipe(out) < 0 || (server = fork()) < 0)
		return 1;
	if (server == 0)
		serve(out[1]);
	close(out[1]);
	if (read(out[0], uri, sizeof(uri) - 1) <= 0 || !(work = e2e_Work_proxy(uri)))
		return 1;
	failed = blocking();
	for (i = 0; i < RUNS && !failed; i++)
		failed = measure(blocking, &alone[i]) || measure(in_loop, &looped[i]);
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	if (failed)
		return 1;
	printf("blocking %.2f us, in a loop %.2f us: %.2f times\n", median(alone), median(looped),
	       median(looped) / median(alone));
	e2e_Work_free(work);
	return 0;
}
