/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/* A file that names name servers (pyrite/ns). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "naming/naming_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[64];
	struct found_servers servers = { 0 };
	struct naming_step step = { 0 };
	struct uri_problem problem = { .text = "" };
	enum naming_verdict verdict;
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("ns", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (fd < 0 || fchmod(fd, 0600) < 0)
			abort();
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	verdict = naming_file_read(path, 9090, &servers, &step, &problem);
	if (verdict == NAMING_TAKEN ? servers.n == 0 || servers.n > FOUND_MAX
				    : verdict == NAMING_WRONG && !problem.text[0])
		abort();
	return 0;
}
