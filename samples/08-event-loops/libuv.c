/* SPDX-License-Identifier: MIT */
/* In the loop of libuv. */
#include "program.h"

#include <stdlib.h>
#include <uv.h>

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)poll;
	(void)events;
	if (status == 0)
		(void)pyr_dispatch(0);
}

static void leave(struct program *program)
{
	uv_stop(program->loop);
}

int main(int argc, char **argv)
{
	struct program program = { .leave = leave, .loop = uv_default_loop() };
	uv_poll_t poll;

	if (uv_poll_init(program.loop, &poll, pyr_fd()) < 0 ||
	    uv_poll_start(&poll, UV_READABLE, on_readable) < 0)
		return 1;
	if (program_begin(&program, argc > 1 ? (unsigned)atoi(argv[1]) : 3) < 0)
		return pyr_perror("begin");
	uv_run(program.loop, UV_RUN_DEFAULT);
	return program_end(&program);
}
