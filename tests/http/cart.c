/* SPDX-License-Identifier: MIT */
/* The servant of shop.idl. */
#include <pyrite/pyrite.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cart.h"

enum { LINES = 100 };

static struct {
	pthread_mutex_t lock;
	char owner[64];
	struct shop_Line lines[LINES];
	size_t n;
	atomic_uint n_cancelled;
} cart = { .lock = PTHREAD_MUTEX_INITIALIZER, .owner = "Ada" };

static int get_owner(pyr_call *call, const char **ret)
{
	pthread_mutex_lock(&cart.lock);
	*ret = pyr_call_strdup(call, cart.owner);
	pthread_mutex_unlock(&cart.lock);
	return 0;
}

static int set_owner(pyr_call *call, const char *owner)
{
	(void)call;
	pthread_mutex_lock(&cart.lock);
	snprintf(cart.owner, sizeof(cart.owner), "%s", owner);
	pthread_mutex_unlock(&cart.lock);
	return 0;
}

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = (int32_t)((uint32_t)x + (uint32_t)y);
	return 0;
}

static int echo(pyr_call *call, const char *text, const char **ret)
{
	(void)call;
	*ret = text;
	return 0;
}

static int scale(pyr_call *call, int32_t x, int32_t factor, double more, const char *unit,
		 enum shop_Size size, bool is_shown, const char **ret)
{
	char text[128];

	snprintf(text, sizeof(text), "%d%s %d%s", (int)(x * factor * more), unit, (int)size,
		 is_shown ? "" : " hidden");
	*ret = pyr_call_strdup(call, text);
	return 0;
}

static int put(pyr_call *call, const struct shop_Line *line)
{
	struct shop_Line *copy = shop_Line_dup(NULL, line);
	bool is_kept;

	pthread_mutex_lock(&cart.lock);
	is_kept = copy && cart.n < LINES;
	if (is_kept)
		cart.lines[cart.n++] = *copy; /* for good */
	pthread_mutex_unlock(&cart.lock);
	if (is_kept)
		return 0;
	pyr_free(copy);
	return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "the cart is full");
}

static int lines(pyr_call *call, const struct shop_Lines **ret)
{
	struct shop_Lines *all = pyr_call_alloc(call, sizeof(*all));

	if (!all)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	pthread_mutex_lock(&cart.lock);
	all->items = cart.lines;
	all->n = cart.n;
	pthread_mutex_unlock(&cart.lock);
	*ret = all;
	return 0;
}

static int total(pyr_call *call, const struct shop_Discount *discount, int64_t *ret, uint32_t *n)
{
	size_t i;

	(void)call;
	pthread_mutex_lock(&cart.lock);
	for (i = 0; i < cart.n; i++)
		*ret += cart.lines[i].cents;
	*n = (uint32_t)cart.n;
	pthread_mutex_unlock(&cart.lock);
	*ret -= discount->_d ? (int64_t)((double)*ret * discount->_u.percent / 100)
			     : discount->_u.cents;
	return 0;
}

static int pay(pyr_call *call, int64_t cents)
{
	return shop_Cart_raise_NoFunds(call, &(struct shop_NoFunds){ .missing = cents });
}

static int find(pyr_call *call, const char *name, const struct shop_Line **ret)
{
	size_t i;

	for (i = 0; i < cart.n; i++)
		if (strcmp(cart.lines[i].name, name) == 0) {
			*ret = &cart.lines[i];
			return 0;
		}
	return shop_Cart_raise_NoSuch(call, &(struct shop_NoSuch){ .name = name });
}

static int bytes(pyr_call *call, const struct pyr_bytes *data, const struct pyr_bytes **ret)
{
	(void)call;
	*ret = data;
	return 0;
}

static int fail(pyr_call *call, int32_t code, const char *text)
{
	return pyr_fail(call, code, "%s", text);
}

static int wait_for(pyr_call *call, uint32_t ms)
{
	uint32_t waited;

	for (waited = 0; waited < ms && !pyr_call_is_cancelled(call); waited += 5)
		usleep(5000);
	if (waited < ms)
		atomic_fetch_add(&cart.n_cancelled, 1);
	return 0;
}

static int cancelled(pyr_call *call, uint32_t *ret)
{
	(void)call;
	*ret = atomic_load(&cart.n_cancelled);
	return 0;
}

static int who(pyr_call *call, const char **ret, const char **correlation_id,
	       const char **traceparent, int64_t *left_ms)
{
	int64_t left = pyr_call_time_left(call);

	*ret = pyr_call_identity(call);
	*correlation_id = pyr_call_correlation_id(call);
	*traceparent = pyr_call_traceparent(call);
	*left_ms = left == INT64_MAX ? -1 : left;
	return 0;
}

static int slow(pyr_call *call)
{
	return wait_for(call, 10000);
}

static int note(pyr_call *call, const char *text)
{
	(void)call;
	(void)text;
	return 0;
}

static int numbers(pyr_call *call, int32_t from, int32_t n, uint32_t pause_ms, pyr_stream *stream)
{
	int32_t i;

	for (i = 0; i < n; i++) {
		if (i > 0 && pause_ms > 0)
			(void)wait_for(call, pause_ms);
		if (shop_Cart_numbers_yield(stream, from + i) < 0)
			return -PYR_CANCELLED;
	}
	if (n < 0)
		return shop_Cart_raise_NoFunds(call,
					       &(struct shop_NoFunds){ .missing = -(int64_t)n });
	return 0;
}

static int sum(pyr_call *call, const char *label, pyr_stream *stream, int64_t *ret)
{
	int64_t number;
	int err;

	(void)call;
	(void)label;
	while ((err = shop_Cart_sum_read(stream, &number)) > 0)
		*ret += number;
	return err;
}

static int shout(pyr_call *call, pyr_stream *stream)
{
	const char *word;
	char *copy, *p;
	int err;

	while ((err = shop_Cart_shout_read(stream, &word)) > 0) {
		if (!(copy = pyr_call_strdup(call, word)))
			return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
		for (p = copy; *p; p++)
			if (*p >= 'a' && *p <= 'z')
				*p = (char)(*p - 32);
		if ((err = shop_Cart_shout_yield(stream, copy)) < 0)
			break;
	}
	return err;
}

static int count_names(pyr_call *call, const struct pyr_string_seq *names,
		       const struct pyr_string_int32_map **ret)
{
	struct pyr_string_int32_map *map = pyr_call_alloc(call, sizeof(*map));
	size_t i, j;

	map->items = pyr_call_alloc_array(call, names->n + 1, sizeof(map->items[0]));
	for (i = 0; i < names->n; i++) {
		for (j = 0; j < map->n && strcmp(map->items[j].key, names->items[i]) != 0; j++)
			;
		map->items[j].key = names->items[i];
		map->items[j].value++;
		map->n += j == map->n;
	}
	*ret = map;
	return 0;
}

static int kinds(pyr_call *call, const struct shop_Kinds *value, const struct shop_Kinds **ret)
{
	(void)call;
	*ret = value;
	return 0;
}

const struct shop_Cart_methods cart_methods = {
	.get_owner = get_owner,
	.set_owner = set_owner,
	.add = add,
	.echo = echo,
	.scale = scale,
	.put = put,
	.lines = lines,
	.total = total,
	.pay = pay,
	.find = find,
	.bytes = bytes,
	.count_names = count_names,
	.fail = fail,
	.wait = wait_for,
	.cancelled = cancelled,
	.who = who,
	.slow = slow,
	.note = note,
	.numbers = numbers,
	.sum = sum,
	.shout = shout,
	.kinds = kinds,
};
