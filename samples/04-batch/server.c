/* SPDX-License-Identifier: MIT */
#include "calculator.h"
#include <stdio.h>

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	*ret = x + y;
	return 0;
}

static int divide(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	if (y == 0)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "%d divided by zero", x);
	*ret = y == -1 ? -x : x / y;
	return 0;
}

static const struct example_Calculator_methods methods = { .add = add, .divide = divide };

int main(void)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pyr_ns *ns = pyr_ns_locate(NULL);
	const char *uri = example_Calculator_register(daemon, NULL, &methods, NULL);

	if (pyr_ns_register(ns, "example.calculator", uri) < 0)
		return pyr_perror("example.calculator");
	puts("Ready");
	return pyr_daemon_run(daemon);
}
