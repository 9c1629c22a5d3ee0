/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded: the wall clock of a process is off by as many seconds as the file
 * PYRITE_TEST_CLOCK says, which may change at any time. CLOCK_MONOTONIC is as it was.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int clock_get(clockid_t clock, struct timespec *ret);

static const _Atomic int64_t *offset; /* in the file, shared with whom changes it */
static clock_get *real;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("PYRITE_TEST_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd >= 0 ? mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (fd >= 0)
		close(fd);
	if (at != MAP_FAILED)
		offset = at;
	real = (clock_get *)(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int err = real ? real(clock, ret) : -1;

	if (err == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ret->tv_sec += (time_t)atomic_load(offset);
	return err;
}

time_t time(time_t *ret)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now = { 0 };

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
	return 0;
}
