/* SPDX-License-Identifier: MIT */
/* I_op_map(): pyr_map() over arrays, for operations that take and return scalars and strings. */
#include <string.h>

#include "base/abi.h"
#include "base/error.h"
#include "context/call_wish.h"
#include "future/future.h"
#include "proxy/group.h"
#include "wire/codec.h"

enum { MAP_SLOTS = 64 }; /* parameters and results of an operation, as the compiler has it */

struct op_map {
	pyr_proxy *proxy;
	const struct pyr__interface *interface;
	unsigned op;
	const struct pyr__operation *operation;
	pyr__in *in;
	void *const *out;
	const struct pyr_map_options *options;
	struct call_wish wish; /* I_with()'s, for each call */
	struct map_notes notes;
};

static const struct pyr__field *result(const struct op_map *map, unsigned k)
{
	return &map->operation->fields[map->operation->n_in + k];
}

static pyr_future *start(size_t i, void *data)
{
	struct op_map *map = data;
	union pyr__slot slots[MAP_SLOTS] = { 0 };
	struct call_wish wish = map->wish;
	pyr_future *future;
	size_t size;
	unsigned k;

	for (k = 0; k < map->operation->n_in; k++) {
		size = codec_natural_size(&map->operation->fields[k]);
		memcpy(&slots[k], (const char *)map->in[k].p + i * size, size);
	}
	if (wish.proxy)
		wish_swap(&wish);
	future = pyr__start(map->proxy, map->interface, map->op, slots);
	if (!future)
		map_note(&map->notes, i, -pyr_last_error()->code);
	return future;
}

static int get(size_t i, pyr_future *future, void *data)
{
	struct op_map *map = data;
	void *out[MAP_SLOTS] = { NULL };
	unsigned k;
	int err;

	for (k = 0; k < map->operation->n_out; k++)
		if (map->out[k])
			out[k] = (char *)map->out[k] + i * codec_natural_size(result(map, k));
	err = pyr__get(future, map->operation, out);
	map_note(&map->notes, i, err);
	return map->options->all ? 0 : err;
}

/* What is in the arrays of results before there are any. */
static void clear(const struct op_map *map, size_t n)
{
	unsigned k;
	size_t i;

	for (k = 0; k < map->operation->n_out; k++)
		if (map->out[k] && result(map, k)->kind == PYR__STRING)
			memset(map->out[k], 0, n * sizeof(char *));
	for (i = 0; map->options->status && i < n; i++)
		map->options->status[i] = -PYR_CANCELLED;
}

static int check(const struct op_map *map, size_t n)
{
	unsigned k;

	for (k = 0; n > 0 && k < map->operation->n_in; k++)
		if (!map->in[k].p)
			return error_missing(map->operation->fields[k].name);
	if (map->operation->n_in > MAP_SLOTS || map->operation->n_out > MAP_SLOTS)
		return error_set(PYR_UNIMPLEMENTED, "%s has more than %d parameters or results",
				 map->operation->name, MAP_SLOTS);
	return 0;
}

static void keep_wish(struct op_map *map)
{
	const struct pyr_call_options *options = wish_take(map->proxy);

	if (options)
		map->wish = (struct call_wish){ map->proxy, *options };
}

static size_t window_of(pyr_proxy *proxy)
{
	size_t n = proxy->group ? 4 * (size_t)group_size(proxy) : 0;

	return n > MAP_WINDOW ? n : MAP_WINDOW;
}

static int run(struct op_map *map, size_t n)
{
	struct future_map many = { .n = n, .start = start, .get = get, .data = map };
	int err = check(map, n);

	many.window = map->options->window ? map->options->window : window_of(map->proxy);
	many.goes_on = map->options->all;
	if (err < 0)
		return err;
	clear(map, n);
	map->notes.status = map->options->status;
	return map_result(&map->notes, future_map(&many));
}

int pyr__map(void *self, const struct pyr__interface *interface, unsigned op, size_t count,
	     pyr__in *in, void *const *out, const struct pyr_map_options *options, size_t size)
{
	struct pyr_map_options own;
	struct op_map map = { .proxy = self, .interface = interface, .op = op, .in = in };

	if (!self)
		return error_null(interface->name);
	map.operation = &interface->operations[op];
	map.out = out;
	map.options = &own;
	keep_wish(&map);
	if (abi_options(&own, sizeof(own), options, size, "pyr_map_options") < 0)
		return -pyr_last_error()->code;
	return run(&map, count);
}
