/* SPDX-License-Identifier: MIT */
/* In a loop of poll(2), which may wait for other descriptors as well. */
#include "program.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

static bool is_over;

static void leave(struct program *program)
{
	(void)program;
	is_over = true;
}

int main(int argc, char **argv)
{
	struct program program = { .leave = leave };
	struct pollfd fds[] = { { .fd = pyr_fd(), .events = POLLIN } };

	if (program_begin(&program, argc > 1 ? (unsigned)atoi(argv[1]) : 3) < 0)
		return pyr_perror("begin");
	while (!is_over) {
		if (poll(fds, 1, -1) < 0 && errno != EINTR)
			return 1;
		if (pyr_dispatch(0) < 0)
			return pyr_perror("dispatch");
	}
	return program_end(&program);
}
