/* SPDX-License-Identifier: MIT */
#include "example.h"
#include <stdio.h>

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	*ret = x + y;
	return 0;
}

static const struct example_Server_methods methods = { .add = add };

int main(void)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pyr_ns *ns = pyr_ns_locate(NULL);
	const char *uri = example_Server_register(daemon, NULL, &methods, NULL);

	if (pyr_ns_register(ns, "example.server", uri) < 0)
		return pyr_perror("example.server");
	puts("Ready");
	return pyr_daemon_run(daemon);
}
