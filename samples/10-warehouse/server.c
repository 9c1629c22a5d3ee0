/* SPDX-License-Identifier: MIT */
/* A warehouse. It asks its visitors for their names, and knows who has what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "warehouse.h"

/* The daemon is serial, so that nothing here needs a lock. */
static struct item {
	const char *name;
	struct warehouse_Person *holder; /* NULL: it is here */
} items[] = { { "bike", NULL }, { "couch", NULL }, { "flashlight", NULL } };

enum { N = sizeof(items) / sizeof(items[0]) };

static struct item *find(const char *name)
{
	int i;

	for (i = 0; i < N; i++)
		if (strcmp(items[i].name, name) == 0)
			return &items[i];
	return NULL;
}

static void hand_in(struct item *item)
{
	warehouse_Person_free(item->holder);
	item->holder = NULL;
}

/* Its holder has left, perhaps without a word. */
static void on_lost(pyr_proxy *holder, void *data)
{
	struct item *item = data;

	(void)holder;
	hand_in(item);
	printf("The %s was left behind\n", item->name);
}

static int get_contents(pyr_call *call, const struct pyr_string_seq **ret)
{
	struct pyr_string_seq *seq = pyr_call_alloc(call, sizeof(*seq));
	int i;

	if (!seq || !(seq->items = pyr_call_alloc_array(call, N, sizeof(*seq->items))))
		return -PYR_RESOURCE_EXHAUSTED;
	for (i = 0; i < N; i++)
		if (!items[i].holder)
			seq->items[seq->n++] = items[i].name;
	*ret = seq;
	return 0;
}

static int take(pyr_call *call, const char *name, struct warehouse_Person *who)
{
	struct item *item = find(name);
	char *whose;

	if (!item)
		return pyr_fail(call, PYR_NOT_FOUND, "there is no %s", name);
	if (item->holder)
		return warehouse_Warehouse_raise_Taken(
			call, &(struct warehouse_Taken){ item->name, item->holder });
	if (warehouse_Person_get_name(who, &whose) < 0)
		return pyr_pass(call);
	item->holder = warehouse_Person_dup(who); /* it was lent for this call */
	if (pyr_proxy_on_lost(warehouse_Person_as_proxy(item->holder), on_lost, item) < 0) {
		pyr_free(whose);
		hand_in(item);
		return pyr_pass(call);
	}
	printf("%s takes the %s\n", whose, name);
	pyr_free(whose);
	return 0;
}

static int store(pyr_call *call, const char *name, struct warehouse_Person *who)
{
	struct item *item = find(name);
	char *whose;

	if (!item || !item->holder ||
	    !pyr_proxy_same(warehouse_Person_as_proxy(item->holder),
			    warehouse_Person_as_proxy(who)))
		return pyr_fail(call, PYR_FAILED_PRECONDITION, "you do not have a %s", name);
	if (warehouse_Person_get_name(who, &whose) < 0)
		return pyr_pass(call);
	printf("%s stores the %s\n", whose, name);
	pyr_free(whose);
	hand_in(item);
	return 0;
}

static const struct warehouse_Warehouse_methods methods = {
	.get_contents = get_contents,
	.take = take,
	.store = store,
};

int main(void)
{
	struct pyr_daemon_options serial = { .threads = 1 };

	setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, in a pipe too */
	return pyr_serve(&(struct pyr_serve_options){ .daemon = &serial },
			 (struct pyr_export[]){
				 warehouse_Warehouse_export("example.warehouse", &methods, NULL),
				 { 0 } }) < 0 &&
	       pyr_perror("example.warehouse");
}
