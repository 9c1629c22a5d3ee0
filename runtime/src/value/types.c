/* SPDX-License-Identifier: MIT */
#include "value/types.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static void meet(struct types *types, const struct pyr__type *type)
{
	size_t i;

	for (i = 0; i < types->n; i++)
		if (types->items[i] == type)
			return;
	if (array_reserve(&types->items, &types->room, types->n + 1, sizeof(type)))
		types->items[types->n++] = type;
	else
		types->is_broken = true;
}

static void meet_fields(struct types *types, const struct pyr__field *fields, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (fields[i].type)
			meet(types, fields[i].type);
}

unsigned types_operation_fields(const struct pyr__operation *operation)
{
	return operation->n_in + operation->n_out + ((operation->flags & PYR__STREAM_IN) ? 1u : 0) +
	       ((operation->flags & PYR__STREAM_OUT) ? 1u : 0);
}

unsigned types_fields(const struct pyr__type *type)
{
	switch (type->kind) {
	case PYR__STRUCT:
	case PYR__UNION:
		return type->n_fields;
	case PYR__SEQUENCE:
	case PYR__ARRAY:
		return 1;
	case PYR__MAP:
		return 2;
	default:
		return 0;
	}
}

void types_of_interface(const struct pyr__interface *interface, struct types *ret)
{
	const struct pyr__operation *op = interface->operations;
	size_t i, j;

	*ret = (struct types){ 0 };
	for (i = 0; i < interface->n_operations; i++) {
		meet_fields(ret, op[i].fields, types_operation_fields(&op[i]));
		for (j = 0; op[i].raises && op[i].raises[j]; j++)
			meet(ret, op[i].raises[j]);
	}
	for (i = 0; i < ret->n; i++) /* each may add some */
		meet_fields(ret, ret->items[i]->fields, types_fields(ret->items[i]));
}

const struct pyr__type *types_find(const struct pyr__interface *interface, struct span name)
{
	const struct pyr__type *found = NULL;
	struct types types;
	size_t i;

	types_of_interface(interface, &types);
	for (i = 0; i < types.n && !found; i++)
		if (types.items[i]->kind != PYR__INTERFACE && types.items[i]->name &&
		    types.items[i]->name[0] && span_is(name, types.items[i]->name))
			found = types.items[i];
	free(types.items);
	return found;
}
