/* SPDX-License-Identifier: MIT */
#include "context/call_wish.h"

#include <pyrite/gen.h>

#include "base/abi.h"
#include "base/error.h"

static _Thread_local struct call_wish wished;

void *pyr__with(void *self, const struct pyr_call_options *options, size_t size)
{
	wished.proxy = self;
	if (abi_options(&wished.options, sizeof(wished.options), options, size,
			"pyr_call_options") == 0)
		return self;
	wished.proxy = NULL;
	return error_from_constructor(); /* which the stub tells */
}

void wish_swap(struct call_wish *other)
{
	struct call_wish mine = wished;

	wished = *other;
	*other = mine;
}

bool wish_is_for(const pyr_proxy *proxy)
{
	return wished.proxy == proxy;
}

const struct pyr_call_options *wish_take(const pyr_proxy *proxy)
{
	if (wished.proxy != proxy)
		return NULL;
	wished.proxy = NULL;
	return &wished.options;
}
