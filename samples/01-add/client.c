/* SPDX-License-Identifier: MIT */
#include "example.h"
#include <stdio.h>

int main(void)
{
	struct example_Server *server = example_Server_proxy("PYRONAME:example.server");
	int32_t result;

	if (example_Server_add(server, 1, 2, &result) < 0)
		return pyr_perror("add");
	printf("%d\n", result);
	example_Server_free(server);
	return 0;
}
