/* SPDX-License-Identifier: MIT */
#include "expiry.h"

#include <stdlib.h>

void expiry_fini(struct expiry *expiry)
{
	free(expiry->items);
	*expiry = (struct expiry){ 0 };
}

bool expiry_reserve(struct expiry *expiry)
{
	size_t room = expiry->room ? 2 * expiry->room : 64;
	struct expiry_item **items;

	if (expiry->n + 1 < expiry->room)
		return true;
	items = realloc(expiry->items, room * sizeof(items[0]));
	if (!items)
		return false;
	expiry->items = items;
	expiry->room = room;
	return true;
}

static void place(struct expiry *expiry, struct expiry_item *item, size_t at)
{
	expiry->items[at] = item;
	item->at = at;
}

static void rise(struct expiry *expiry, struct expiry_item *item, size_t at)
{
	for (; at > 1 && expiry->items[at / 2]->ends > item->ends; at /= 2)
		place(expiry, expiry->items[at / 2], at);
	place(expiry, item, at);
}

static void sink(struct expiry *expiry, struct expiry_item *item, size_t at)
{
	size_t child;

	for (; (child = 2 * at) <= expiry->n; at = child) {
		if (child < expiry->n &&
		    expiry->items[child + 1]->ends < expiry->items[child]->ends)
			child++;
		if (expiry->items[child]->ends >= item->ends)
			break;
		place(expiry, expiry->items[child], at);
	}
	place(expiry, item, at);
}

void expiry_add(struct expiry *expiry, struct expiry_item *item)
{
	rise(expiry, item, ++expiry->n);
}

void expiry_move(struct expiry *expiry, struct expiry_item *item, int64_t ends)
{
	bool is_sooner = ends < item->ends;

	item->ends = ends;
	if (is_sooner)
		rise(expiry, item, item->at);
	else
		sink(expiry, item, item->at);
}

void expiry_remove(struct expiry *expiry, struct expiry_item *item)
{
	struct expiry_item *last;
	size_t at = item->at;

	if (at == 0)
		return;
	last = expiry->items[expiry->n--];
	item->at = 0;
	if (last == item)
		return;
	if (last->ends < item->ends)
		rise(expiry, last, at);
	else
		sink(expiry, last, at);
}

struct expiry_item *expiry_first(const struct expiry *expiry)
{
	return expiry->n > 0 ? expiry->items[1] : NULL;
}

static size_t count_from(const struct expiry *expiry, size_t at, int64_t now)
{
	if (at > expiry->n || expiry->items[at]->ends > now)
		return 0;
	return 1 + count_from(expiry, 2 * at, now) + count_from(expiry, 2 * at + 1, now);
}

size_t expiry_count(const struct expiry *expiry, int64_t now)
{
	return count_from(expiry, 1, now);
}
