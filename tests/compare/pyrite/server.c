/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "add.h"

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static const struct add_Adder_methods methods = { .add = add };

int main(void)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	const char *uri = add_Adder_register(daemon, "adder", &methods, NULL);

	if (!uri)
		return pyr_perror("server");
	puts(uri);
	return pyr_daemon_run(daemon) < 0 && pyr_perror("server");
}
