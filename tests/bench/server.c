/* SPDX-License-Identifier: MIT */
/*
 * Pyrite's server of the measurements: bench-server [--socket PATH] [--threads N] [-n N]. It has N
 * objects, adder.0 and so on, prints the first one's URI and serves until SIGTERM.
 */
#include <stdio.h>

#include "bench.h"
#include "measure.h"

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static int note(pyr_call *call, int32_t x)
{
	(void)call;
	(void)x;
	return 0;
}

static int echo(pyr_call *call, const struct pyr_bytes *data, const struct pyr_bytes **ret)
{
	(void)call;
	*ret = data;
	return 0;
}

static int count(pyr_call *call, int32_t n, pyr_stream *stream)
{
	int err = 0;
	int32_t i;

	(void)call;
	for (i = 0; i < n && err == 0; i++)
		err = bench_Adder_count_yield(stream, i);
	return err;
}

static int total(pyr_call *call, pyr_stream *stream, int64_t *ret)
{
	int32_t item;
	int more;

	(void)call;
	*ret = 0;
	while ((more = bench_Adder_total_read(stream, &item)) > 0)
		*ret += item;
	return more;
}

static int call_back(pyr_call *call, struct bench_Listener *who, int32_t n, int32_t *ret)
{
	*ret = 0;
	while (n-- > 0)
		if (bench_Listener_add(who, *ret, 1, ret) < 0)
			return pyr_pass(call);
	return 0;
}

static const struct bench_Adder_methods methods = { .add = add,
						    .note = note,
						    .echo = echo,
						    .count = count,
						    .total = total,
						    .call_back = call_back };

static bool register_all(pyr_daemon *daemon, unsigned n)
{
	const char *uri;
	char id[32];
	unsigned i;

	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "adder.%u", i);
		uri = bench_Adder_register(daemon, id, &methods, NULL);
		if (!uri)
			return false;
		if (i == 0)
			bench_print_address(uri);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct pyr_daemon_options daemon_options = { 0 };
	struct bench_options options;
	pyr_daemon *daemon;
	int err = 0;

	bench_start(&options, argc, argv, BENCH_SERVER);
	daemon_options.socket = options.socket;
	daemon_options.threads = options.threads;
	daemon = pyr_daemon_new(&daemon_options);
	if (!daemon || !register_all(daemon, options.n) || pyr_daemon_run(daemon) < 0)
		err = pyr_perror("bench-server");
	pyr_daemon_free(daemon);
	return err;
}
