/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <stdio.h>

enum { PERIOD_MS = 20 };

static unsigned wanted;

static int ticks(pyr_call *call, uint32_t *ret)
{
	const struct program *program = pyr_call_data(call);

	*ret = program->n_ticks;
	return 0;
}

static const struct loops_Clock_methods methods = { .ticks = ticks };

/* The daemon has stopped, whoever asked it to. */
static void on_stopped(pyr_daemon *daemon, void *data)
{
	struct program *program = data;

	(void)daemon;
	program->leave(program);
}

static void on_answer(pyr_future *future, void *data)
{
	struct program *program = data;
	uint32_t ticks;

	if (loops_Clock_ticks_get(future, &ticks) < 0) {
		program->status = pyr_perror("ticks");
		pyr_daemon_stop(program->daemon);
		return;
	}
	printf("%u ticks\n", ticks);
	if (++program->n_answers < wanted)
		(void)pyr_timer_set(program->timer, PERIOD_MS);
	else
		pyr_daemon_stop(program->daemon);
}

static void on_tick(pyr_timer *timer, void *data)
{
	struct program *program = data;

	(void)timer;
	program->n_ticks++;
	if (loops_Clock_ticks_async(program->clock, on_answer, program) == 0)
		return;
	program->status = pyr_perror("ticks");
	pyr_daemon_stop(program->daemon);
}

int program_begin(struct program *program, unsigned answers)
{
	const char *uri;

	wanted = answers;
	program->daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	uri = loops_Clock_register(program->daemon, NULL, &methods, program);
	program->clock = loops_Clock_proxy(uri);
	program->timer = pyr_timer_new(program->daemon, on_tick, program);
	if (!program->clock || (wanted > 0 && pyr_timer_set(program->timer, PERIOD_MS) < 0))
		return -pyr_last_error()->code;
	puts("Ready");
	return pyr_daemon_start(program->daemon, on_stopped, program);
}

int program_end(struct program *program)
{
	pyr_timer_free(program->timer);
	loops_Clock_free(program->clock);
	pyr_daemon_free(program->daemon);
	return program->status;
}
