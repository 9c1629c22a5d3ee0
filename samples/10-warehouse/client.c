/* SPDX-License-Identifier: MIT */
/* sample-warehouse-client NAME: takes what it reads the names of. */
#include <stdio.h>
#include <string.h>

#include "warehouse.h"

struct visitor {
	const char *name;
	struct warehouse_Person *me;
	struct warehouse_Warehouse *warehouse;
};

static int get_name(pyr_call *call, const char **ret)
{
	const struct visitor *v = pyr_call_data(call);

	*ret = v->name;
	return 0;
}

/* Runs in the callback thread, and calls the warehouse, which asks for the name. */
static int put_back(pyr_call *call, const char *item)
{
	const struct visitor *v = pyr_call_data(call);

	if (warehouse_Warehouse_store(v->warehouse, item, v->me) < 0)
		return pyr_pass(call);
	printf("The %s is wanted: put back\n", item);
	return 0;
}

static const struct warehouse_Person_methods methods = { get_name, put_back };

/* Asks who has it to put it back, and tries again. */
static void take_from(const struct visitor *v, struct warehouse_Person *holder, const char *item)
{
	char *name = NULL;

	if (warehouse_Person_get_name(holder, &name) < 0 ||
	    warehouse_Person_put_back(holder, item) < 0 ||
	    warehouse_Warehouse_take(v->warehouse, item, v->me) < 0)
		pyr_perror(item);
	else
		printf("The %s is mine: %s put it back\n", item, name);
	pyr_free(name);
}

static void take(const struct visitor *v, const char *item)
{
	struct warehouse_Person *holder;

	if (warehouse_Warehouse_take(v->warehouse, item, v->me) == 0) {
		printf("The %s is mine\n", item);
		return;
	}
	if (!warehouse_Taken_caught()) {
		pyr_perror(item);
		return;
	}
	holder = warehouse_Person_dup(warehouse_Taken_caught()->by); /* lent until the next error */
	if (holder == v->me)                                         /* it came home */
		printf("The %s is mine already\n", item);
	else
		take_from(v, holder, item);
	warehouse_Person_free(holder);
}

static int look_around(const struct visitor *v)
{
	struct pyr_string_seq *contents;
	size_t i;

	if (warehouse_Warehouse_get_contents(v->warehouse, &contents) < 0)
		return pyr_perror("contents");
	for (i = 0; i < contents->n; i++)
		printf("There is a %s\n", contents->items[i]);
	pyr_free(contents);
	return 0;
}

int main(int argc, char **argv)
{
	struct visitor v = { .name = argc > 1 ? argv[1] : "Nobody" };
	char line[256];
	int failed;

	setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, in a pipe too */
	v.warehouse = warehouse_Warehouse_proxy("PYRONAME:example.warehouse");
	v.me = warehouse_Person_object(NULL, &methods, &v, NULL);
	failed = look_around(&v);
	while (!failed && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		take(&v, line);
	}
	warehouse_Person_free(v.me);
	warehouse_Warehouse_free(v.warehouse);
	return failed;
}
