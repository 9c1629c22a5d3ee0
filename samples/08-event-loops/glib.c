/* SPDX-License-Identifier: MIT */
/* In the main loop of GLib. */
#include "program.h"

#include <glib-unix.h>
#include <stdlib.h>

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
	(void)fd;
	(void)condition;
	(void)data;
	return pyr_dispatch(0) >= 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void leave(struct program *program)
{
	g_main_loop_quit(program->loop);
}

int main(int argc, char **argv)
{
	struct program program = { .leave = leave, .loop = g_main_loop_new(NULL, FALSE) };

	g_unix_fd_add(pyr_fd(), G_IO_IN, on_readable, NULL);
	if (program_begin(&program, argc > 1 ? (unsigned)atoi(argv[1]) : 3) < 0)
		return pyr_perror("begin");
	g_main_loop_run(program.loop);
	g_main_loop_unref(program.loop);
	return program_end(&program);
}
