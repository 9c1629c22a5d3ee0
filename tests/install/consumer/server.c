/* SPDX-License-Identifier: MIT */
#include "calc.h"
#include <stdio.h>
#include <string.h>

static int multiply(pyr_call *call, int64_t a, int64_t b, int64_t *ret)
{
	(void)call;
	*ret = a * b;
	return 0;
}

static int repeat(pyr_call *call, const char *text, uint32_t times, const char **ret)
{
	size_t n = strlen(text);
	char *all;
	uint32_t i;

	if (times > 100)
		return pyr_fail(call, PYR_OUT_OF_RANGE, "%u times is too often", (unsigned)times);
	all = pyr_call_alloc(call, n * times + 1);
	if (!all)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	for (i = 0; i < times; i++)
		memcpy(all + i * n, text, n);
	*ret = all;
	return 0;
}

static const struct calc_Calculator_methods methods = { .multiply = multiply, .repeat = repeat };

int main(void)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	const char *uri = calc_Calculator_register(daemon, "calculator", &methods, NULL);
	int status;

	if (!uri)
		return pyr_perror("register");
	puts(uri);
	fflush(stdout);
	status = pyr_daemon_run(daemon);
	pyr_daemon_free(daemon);
	return status < 0 ? pyr_perror("run") : 0;
}
