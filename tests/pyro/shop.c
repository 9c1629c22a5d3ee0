/* SPDX-License-Identifier: MIT */
/* Servants that give objects away, and call objects of their clients. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "places.h"

enum { MOST = 32 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- callback ---- */

struct worker {
	pyr_daemon *daemon;
	int64_t number;
	struct demo_Callback *callback; /* owned */
};

static void free_worker(void *data)
{
	struct worker *worker = data;

	demo_Callback_free(worker->callback);
	free(worker);
}

static int work(pyr_call *call, uint32_t amount)
{
	struct worker *worker = pyr_call_data(call);

	sleep(amount);
	if (demo_Callback_done(worker->callback, worker->number) < 0)
		pyr_perror("done");
	(void)pyr_daemon_unregister(worker->daemon, pyr_call_object(call));
	return 0;
}

static const struct demo_Worker_methods worker_methods = { .work = work };

/* A reference to the object with that URI. */
static pyr_uri *parse(const char *uri)
{
	return uri ? pyr_uri_parse(uri) : NULL;
}

static int add_worker(pyr_call *call, struct demo_Callback *callback, struct demo_Worker **ret)
{
	static int64_t last;
	struct worker *worker = calloc(1, sizeof(*worker));
	const struct pyr_register_options options = { .destroy = free_worker };
	pyr_uri *uri;

	if (!callback || !worker) {
		free(worker);
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "TypeError: a callback is wanted");
	}
	worker->daemon = pyr_call_data(call);
	worker->callback = demo_Callback_dup(callback);
	pthread_mutex_lock(&lock);
	worker->number = ++last;
	pthread_mutex_unlock(&lock);
	uri = parse(
		demo_Worker_register_with(worker->daemon, NULL, &worker_methods, worker, &options));
	if (!uri)
		return pyr_pass(call);
	*ret = demo_Worker_object_of(worker->daemon, pyr_uri_object(uri));
	pyr_uri_free(uri);
	return *ret ? 0 : pyr_pass(call);
}

const struct demo_CallbackServer_methods place_callback = { .addworker = add_worker };

/* ---- shopping cart ---- */

static struct pyr_string_double_map_entry inventory[] = { { "paper", 1.25 },
							  { "bread", 1.50 },
							  { "milk", 0.80 },
							  { "pizza", 3.60 },
							  { "whiskey", 24.99 } };
static const struct pyr_string_double_map goods = { 5, inventory };

struct cart {
	char owner[32];
	char id[64];
	const char *items[MOST];
	size_t n;
};

static struct cart *carts[MOST];

static const char *find_good(const char *item)
{
	size_t i;

	for (i = 0; i < goods.n; i++)
		if (strcmp(goods.items[i].key, item) == 0)
			return goods.items[i].key;
	return NULL;
}

static int purchase(pyr_call *call, const char *item)
{
	struct cart *cart = pyr_call_data(call);
	const char *good = find_good(item);

	if (!good || cart->n == MOST)
		return pyr_fail(call, PYR_NOT_FOUND, "KeyError: %s", item);
	cart->items[cart->n++] = good;
	return 0;
}

static int empty(pyr_call *call)
{
	((struct cart *)pyr_call_data(call))->n = 0;
	return 0;
}

static int get_contents(pyr_call *call, const struct pyr_string_seq **ret)
{
	struct cart *cart = pyr_call_data(call);
	struct pyr_string_seq *list = pyr_call_alloc(call, sizeof(*list));

	*list = (struct pyr_string_seq){ cart->n, cart->items };
	*ret = list;
	return 0;
}

static const struct demo_Cart_methods cart_methods = { .purchase = purchase,
						       .empty = empty,
						       .getContents = get_contents };

static struct cart **place_of(const char *name)
{
	size_t i;

	for (i = 0; i < MOST; i++)
		if (carts[i] && strcmp(carts[i]->owner, name) == 0)
			return &carts[i];
	return NULL;
}

static int enter(pyr_call *call, const char *name, struct demo_Cart **ret)
{
	const struct pyr_register_options options = { .serial = true, .destroy = free };
	struct cart *cart = calloc(1, sizeof(*cart));
	pyr_daemon *daemon = pyr_call_data(call);
	pyr_uri *uri = NULL;
	size_t i;

	for (i = 0; i < MOST && carts[i]; i++)
		continue;
	if (cart && i < MOST)
		uri = parse(demo_Cart_register_with(daemon, NULL, &cart_methods, cart, &options));
	if (!uri)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "the shop is full");
	snprintf(cart->owner, sizeof(cart->owner), "%s", name);
	snprintf(cart->id, sizeof(cart->id), "%s", pyr_uri_object(uri));
	pyr_uri_free(uri);
	carts[i] = cart;
	*ret = demo_Cart_object_of(daemon, cart->id);
	return *ret ? 0 : pyr_pass(call);
}

static int customers(pyr_call *call, const struct pyr_string_seq **ret)
{
	struct pyr_string_seq *list = pyr_call_alloc(call, sizeof(*list));
	size_t i;

	list->items = pyr_call_alloc(call, MOST * sizeof(*list->items));
	for (i = 0; i < MOST; i++)
		if (carts[i])
			list->items[list->n++] = pyr_call_strdup(call, carts[i]->owner);
	*ret = list;
	return 0;
}

static int tell_goods(pyr_call *call, const struct pyr_string_double_map **ret)
{
	(void)call;
	*ret = &goods;
	return 0;
}

static int tell_receipt(pyr_call *call, const struct pyr_string_seq *items, const char **ret)
{
	char text[1024];
	double total = 0;
	size_t i, j, n;

	n = (size_t)snprintf(text, sizeof(text), "Receipt");
	for (i = 0; i < items->n && n < sizeof(text) - 64; i++)
		for (j = 0; j < goods.n; j++)
			if (strcmp(goods.items[j].key, items->items[i]) == 0) {
				total += goods.items[j].value;
				n += (size_t)snprintf(text + n, sizeof(text) - n, "\n%13s  %.2f",
						      items->items[i], goods.items[j].value);
			}
	snprintf(text + n, sizeof(text) - n, "\n%13s  %.2f", "total:", total);
	*ret = pyr_call_strdup(call, text);
	return 0;
}

static int pay_cart(pyr_call *call, struct demo_Cart *cart, const char **ret)
{
	struct pyr_string_seq *items;
	int err;

	if (demo_Cart_getContents(cart, &items) < 0)
		return pyr_pass(call);
	err = tell_receipt(call, items, ret);
	pyr_free(items);
	return demo_Cart_empty(cart) < 0 ? pyr_pass(call) : err;
}

static int pay_by_name(pyr_call *call, const char *name, const char **ret)
{
	struct cart **place = place_of(name);
	struct pyr_string_seq items;

	if (!place)
		return pyr_fail(call, PYR_NOT_FOUND, "KeyError: %s", name);
	items = (struct pyr_string_seq){ (*place)->n, (*place)->items };
	tell_receipt(call, &items, ret);
	(*place)->n = 0;
	return 0;
}

static int leave(pyr_call *call, const char *name)
{
	struct cart **place = place_of(name);

	if (!place)
		return pyr_fail(call, PYR_NOT_FOUND, "KeyError: %s", name);
	if ((*place)->n > 0)
		return pyr_fail(call, PYR_FAILED_PRECONDITION,
				"Exception: attempt to steal a full cart prevented");
	(void)pyr_daemon_unregister(pyr_call_data(call), (*place)->id);
	*place = NULL;
	return 0;
}

const struct demo_Shop_methods place_shop = { .enter = enter,
					      .customers = customers,
					      .goods = tell_goods,
					      .payByName = pay_by_name,
					      .payCart = pay_cart,
					      .leave = leave };
