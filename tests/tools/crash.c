/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program: its calls that change files are counted, and the one that CRASH_AT
 * numbers ends the process, or fails with EIO if CRASH_ERROR is set. Nothing waits for the disk:
 * what is written is there, as after the end of a process.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FOUND = 98, CRASHED = 99 };

/* Whether this call fails. */
static bool fails_here(void)
{
	static int n_calls;
	const char *at = getenv("CRASH_AT");

	if (!at || ++n_calls != atoi(at))
		return false;
	if (!getenv("CRASH_ERROR"))
		_exit(CRASHED);
	errno = EIO;
	return true;
}

/* The function that is stood in for; ISO C has no other cast. */
#define REAL(function) (*(__typeof__(&(function)) *)&(void *){ dlsym(RTLD_NEXT, #function) })

ssize_t write(int fd, const void *data, size_t n)
{
	return fails_here() ? -1 : REAL(write)(fd, data, n);
}

int fsync(int fd)
{
	(void)fd;
	return 0;
}

int renameat(int old_dir, const char *old, int new_dir, const char *new)
{
	return fails_here() ? -1 : REAL(renameat)(old_dir, old, new_dir, new);
}

int linkat(int old_dir, const char *old, int new_dir, const char *new, int flags)
{
	return fails_here() ? -1 : REAL(linkat)(old_dir, old, new_dir, new, flags);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	return fails_here() ? -1 : REAL(mkdirat)(dir, path, mode);
}

time_t time(time_t *ret)
{
	const char *days = getenv("CRASH_DAYS");
	time_t now = REAL(time)(NULL) + (days ? atoi(days) * 86400 : 0);

	if (ret)
		*ret = now;
	return now;
}

/* So that the process may read its own maps. */
int prctl(int option, ...)
{
	(void)option;
	return 0;
}

static bool is_at(const char *from, const char *to, const char *text, size_t n)
{
	const char *at = memmem(from, (size_t)(to - from), text, n);

	return at && (at != text || is_at(at + 1, to, text, n));
}

__attribute__((destructor)) static void seek(void)
{
	enum { SKIPPED = 90, TEXT = 32 };
	static char text[TEXT];
	const char *path = getenv("CRASH_SEEK"), *from, *to;
	int fd = path ? open(path, O_RDONLY) : -1;
	char line[512], mode[8];
	FILE *maps = fopen("/proc/self/maps", "r");

	if (fd < 0 || pread(fd, text, TEXT, SKIPPED) != TEXT || !maps)
		return;
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%p-%p %7s", (void **)&from, (void **)&to, mode) == 3 &&
		    strcmp(mode, "rw-p") == 0 && is_at(from, to, text, TEXT))
			_exit(FOUND);
	fclose(maps);
	close(fd);
}
