/* SPDX-License-Identifier: MIT */
/* A daemon with another version of things.Thing. Prints its URI, and serves until SIGTERM. */
#include <stdio.h>

#include "things.h"

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static int echo(pyr_call *call, const struct things_Item *x, const struct things_Item **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int posted(pyr_call *call, const char **ret)
{
	(void)call;
	*ret = "nothing";
	return 0;
}

int main(void)
{
	static const struct things_Thing_methods methods = { .add = add,
							     .echo = echo,
							     .posted = posted };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	const char *uri = things_Thing_register(daemon, "thing", &methods, NULL);
	int status;

	if (!uri) {
		fprintf(stderr, "%s\n", pyr_errmsg());
		return 1;
	}
	puts(uri);
	fflush(stdout);
	status = pyr_daemon_run(daemon);
	pyr_daemon_free(daemon);
	return status == 0 ? 0 : 1;
}
