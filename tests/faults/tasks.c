/* SPDX-License-Identifier: MIT */
/*
 * Many tasks in the one thread of a client:
 *   faults-tasks sleepers URI N MS   each in a call that is answered after MS
 *   faults-tasks naps - N MS         each in pyr_sleep(MS)
 *   faults-tasks calls URI N CALLS   each makes so many calls, one after the other
 *   faults-tasks deep - N DEPTH      each calls itself so deep, with 512 bytes each time
 * Prints lines "name value": took (microseconds), rss and peak (bytes), threads.
 */
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct faults_Target *target;
static uint32_t amount;
static int n_done;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A number of /proc/self/status. */
static long long status(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	long long value = -1;
	char line[256];

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoll(line + strlen(name) + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static int done(int err)
{
	n_done += err == 0;
	return err;
}

static int call_sleep(void *data)
{
	(void)data;
	return done(faults_Target_sleep(target, amount));
}

static int nap(void *data)
{
	(void)data;
	return done(pyr_sleep(amount));
}

static int call_add(void *data)
{
	uint32_t i;
	int err = 0;

	(void)data;
	for (i = 0; i < amount && err == 0; i++)
		err = faults_Target_add(target, (int32_t)i, 1, NULL);
	return done(err);
}

static int deeper(uint32_t depth)
{
	volatile char room[512];

	room[0] = (char)depth;
	return depth == 0 ? room[0] : deeper(depth - 1) + room[0];
}

static int go_deep(void *data)
{
	(void)data;
	(void)deeper(amount);
	return done(pyr_sleep(1));
}

struct crowd {
	pyr_task_cb callback;
	int n;
};

static int start_all(void *data)
{
	const struct crowd *crowd = data;
	pyr_task *task;
	int i;

	for (i = 0; i < crowd->n; i++) {
		task = pyr_task_start(crowd->callback, NULL);
		if (!task)
			return -pyr_last_error()->code;
		pyr_task_free(task);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct crowd crowd = { .callback = call_add };
	int64_t begin;

	if (argc < 5)
		return 2;
	crowd.n = atoi(argv[3]);
	amount = (uint32_t)strtoul(argv[4], NULL, 10);
	if (strcmp(argv[1], "naps") == 0)
		crowd.callback = nap;
	else if (strcmp(argv[1], "deep") == 0)
		crowd.callback = go_deep;
	else if (!(target = faults_Target_proxy(argv[2])))
		return pyr_perror("proxy");
	else if (strcmp(argv[1], "sleepers") == 0)
		crowd.callback = call_sleep;
	begin = now_us();
	if (pyr_tasks_run(start_all, &crowd) < 0)
		return pyr_perror("tasks");
	printf("took %lld\n", (long long)(now_us() - begin));
	printf("peak %lld\n", status("VmHWM:") * 1024);
	printf("threads %lld\n", status("Threads:"));
	faults_Target_free(target);
	return n_done == crowd.n ? 0 : 1;
}
