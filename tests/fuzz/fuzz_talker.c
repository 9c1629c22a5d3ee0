/* SPDX-License-Identifier: MIT */
#include "fuzz_talker.h"

#include <string.h>

enum { MAX_ITEMS = 8, MAX_SIZE = 4096 };

static int ask(pyr_call *call, int64_t key, int64_t *ret)
{
	(void)call;
	*ret = key;
	return 0;
}

static int later(pyr_call *call, int64_t key, int64_t *ret)
{
	pyr_deferred *deferred;
	int err = pyr_call_defer(call, &deferred);

	(void)ret;
	if (err == 0)
		(void)talk_Server_later_reply(deferred, key);
	return err;
}

static int echo(pyr_call *call, int64_t key, const char *text, const char **ret)
{
	(void)key;
	*ret = pyr_call_strdup(call, text);
	return 0;
}

static int note(pyr_call *call, int64_t key)
{
	(void)call;
	(void)key;
	return 0;
}

static int refuse(pyr_call *call, int64_t key)
{
	return talk_Server_raise_Refused(call, &(struct talk_Refused){ .key = key });
}

static int down(pyr_call *call, int64_t key, int32_t n, int32_t size, pyr_stream *stream)
{
	char text[MAX_SIZE + 1];
	int err = 0;

	(void)call;
	(void)key;
	memset(text, 'x', sizeof(text));
	text[(unsigned)size % MAX_SIZE] = '\0';
	for (n = (int32_t)((unsigned)n % MAX_ITEMS); n > 0 && err == 0; n--)
		err = talk_Server_down_yield(stream, text);
	return err;
}

static int up(pyr_call *call, int64_t key, pyr_stream *stream, int64_t *ret)
{
	const char *item;
	int n;

	(void)call;
	for (*ret = key; (n = talk_Server_up_read(stream, &item)) > 0;)
		*ret += (int64_t)strlen(item) & 0xff;
	return n;
}

static int both(pyr_call *call, int64_t key, pyr_stream *stream)
{
	const char *item;
	int n;

	(void)call;
	(void)key;
	while ((n = talk_Server_both_read(stream, &item)) > 0)
		if ((n = talk_Server_both_yield(stream, item)) < 0)
			break;
	return n;
}

static int another(pyr_call *call, int64_t key, struct talk_Server **ret)
{
	(void)key;
	*ret = talk_Server_give(call, talk_Server_object(NULL, &talker_methods, NULL, NULL));
	return *ret ? 0 : -PYR_RESOURCE_EXHAUSTED;
}

static int same(pyr_call *call, int64_t key, struct talk_Server *x, struct talk_Server **ret)
{
	(void)call;
	(void)key;
	*ret = x;
	return 0;
}

const struct talk_Server_methods talker_methods = {
	.ask = ask,
	.later = later,
	.echo = echo,
	.note = note,
	.refuse = refuse,
	.down = down,
	.up = up,
	.both = both,
	.meddle = ask,
	.another = another,
	.same = same,
};
