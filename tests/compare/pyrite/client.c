/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "add.h"

int main(int argc, char **argv)
{
	struct add_Adder *adder = add_Adder_proxy(argc > 1 ? argv[1] : "");
	int32_t sum;

	if (add_Adder_add(adder, 1, 2, &sum) < 0)
		return pyr_perror("add");
	printf("%d\n", sum);
	add_Adder_free(adder);
	return 0;
}
