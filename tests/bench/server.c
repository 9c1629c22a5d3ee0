/* SPDX-License-Identifier: MIT */
/*
 * Pyrite's server of the measurements: bench-server [--socket PATH] [--threads N]. It prints its
 * object's URI and serves until SIGTERM.
 */
#include "example.h"
#include "measure.h"

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static const struct example_Server_methods methods = { .add = add };

int main(int argc, char **argv)
{
	struct pyr_daemon_options daemon_options = { 0 };
	struct bench_options options;
	pyr_daemon *daemon;
	const char *uri;
	int err;

	bench_start(&options, argc, argv, false);
	daemon_options.socket = options.socket;
	daemon_options.threads = options.threads;
	daemon = pyr_daemon_new(&daemon_options);
	uri = daemon ? example_Server_register(daemon, "adder", &methods, NULL) : NULL;
	if (!uri) {
		pyr_daemon_free(daemon);
		return pyr_perror("bench-server");
	}
	bench_print_address(uri);
	err = pyr_daemon_run(daemon);
	pyr_daemon_free(daemon);
	return err < 0 ? pyr_perror("bench-server") : 0;
}
