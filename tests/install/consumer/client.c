/* SPDX-License-Identifier: MIT */
#include "calc.h"
#include <inttypes.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct calc_Calculator *calculator = calc_Calculator_proxy(argc > 1 ? argv[1] : "");
	int64_t product;
	char *text;

	if (calc_Calculator_multiply(calculator, 6, 7, &product) < 0)
		return pyr_perror("multiply");
	if (calc_Calculator_repeat(calculator, "ab", 3, &text) < 0)
		return pyr_perror("repeat");
	printf("%" PRId64 " %s\n", product, text);
	pyr_free(text);
	if (calc_Calculator_repeat(calculator, "ab", 101, &text) != -PYR_OUT_OF_RANGE)
		return 1;
	puts(pyr_last_error()->message);
	calc_Calculator_free(calculator);
	return 0;
}
