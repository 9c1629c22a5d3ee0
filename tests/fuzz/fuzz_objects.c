/* SPDX-License-Identifier: MIT */
#include "fuzz_objects.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz_callee.h"

static int ask(pyr_call *call, int64_t key, int64_t *ret)
{
	if (callee_refuses(key))
		return pyr_fail(call, PYR_ABORTED, "refused");
	*ret = talk_result(key);
	return 0;
}

static int echo(pyr_call *call, int64_t key, const char *text, const char **ret)
{
	if (callee_refuses(key))
		return pyr_fail(call, PYR_ABORTED, "refused");
	*ret = text;
	return 0;
}

static int note(pyr_call *call, int64_t key)
{
	(void)call;
	(void)key;
	return 0;
}

static int down(pyr_call *call, int64_t key, int32_t n, int32_t size, pyr_stream *stream)
{
	int32_t i;
	char *text;
	int err = 0;

	(void)size;
	if (callee_refuses(key))
		return pyr_fail(call, PYR_ABORTED, "refused");
	for (i = 0; i < n && err == 0; i++) {
		text = talk_item(key, (uint64_t)i, callee_size(key));
		err = talk_Server_down_yield(stream, text);
		free(text);
	}
	return err;
}

static const struct talk_Server_methods methods = {
	.ask = ask,
	.echo = echo,
	.note = note,
	.down = down,
};

static void on_release(void *data)
{
	atomic_fetch_sub((atomic_int *)data, 1);
}

struct talk_Server *talk_object_new(atomic_int *n_alive)
{
	struct talk_Server *object;

	atomic_fetch_add(n_alive, 1);
	object = talk_Server_object(NULL, &methods, n_alive, on_release);
	if (!object)
		fuzz_finding("there is no object: %s", pyr_last_error()->message);
	return object;
}

bool talk_object_wait(atomic_int *n_alive, int seconds)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; i < seconds * 1000 && atomic_load(n_alive) > 0; i++)
		nanosleep(&pause, NULL);
	return atomic_load(n_alive) == 0;
}
