/* SPDX-License-Identifier: MIT */
/*
 * pyrite-echoserver: an object that has something of each kind, for clients to be tried against.
 * Serves until SIGTERM or SIGINT. Exit codes: 0 after a stop, 1 if it could not start.
 */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "echo.h"

const char *argp_program_version = "pyrite-echoserver " PYR_VERSION;

#define ID "test.echoserver"

/* The server's, and those that another() made. */
struct servant {
	struct server *server;
	atomic_ullong n_calls;
};

struct server {
	pyr_daemon *daemon;
	struct echo_Server *itself;
	atomic_bool is_verbose;
	bool may_shut_down;
	struct servant servant;
};

static struct servant *of(pyr_call *call)
{
	return pyr_call_data(call);
}

/* Every method begins with it. */
static void begin(pyr_call *call)
{
	struct servant *servant = of(call);

	atomic_fetch_add(&servant->n_calls, 1);
	if (!atomic_load(&servant->server->is_verbose))
		return;
	printf("%s from %s\n", pyr_call_operation(call), pyr_call_peer(call));
	fflush(stdout);
}

/* ---- back as it came ---- */

static int echo(pyr_call *call, const pyr_any *value, const pyr_any **ret)
{
	begin(call);
	*ret = value;
	return 0;
}

static int text(pyr_call *call, const char *value, const char **ret)
{
	begin(call);
	*ret = value;
	return 0;
}

static int bytes(pyr_call *call, const struct pyr_bytes *value, const struct pyr_bytes **ret)
{
	begin(call);
	*ret = value;
	return 0;
}

static int same(pyr_call *call, pyr_object *value, pyr_object **ret)
{
	begin(call);
	*ret = value;
	return 0;
}

/* ---- errors ---- */

static int error(pyr_call *call)
{
	begin(call);
	return pyr_fail(call, PYR_INVALID_ARGUMENT, "expected error from echoserver error()");
}

static int error_with_text(pyr_call *call, const char *why, int32_t number)
{
	begin(call);
	return echo_Server_raise_Expected(call, &(struct echo_Expected){ why, number });
}

static int nested_error(pyr_call *call, const char *why, int32_t number)
{
	begin(call);
	return echo_Server_error_with_text(of(call)->server->itself, why, number) < 0
		       ? pyr_pass(call)
		       : 0;
}

/* ---- oneways, time ---- */

static int note(pyr_call *call, const char *what)
{
	begin(call);
	if (atomic_load(&of(call)->server->is_verbose))
		printf("note: %s\n", what);
	fflush(stdout);
	return 0;
}

static int slow(pyr_call *call, const char *value, uint32_t ms, const char **ret)
{
	begin(call);
	*ret = value;
	return pyr_sleep(ms);
}

static int slow_note(pyr_call *call, const char *what, uint32_t ms)
{
	int err = note(call, what);

	return err < 0 ? err : pyr_sleep(ms);
}

/* ---- streams ---- */

static int generator(pyr_call *call, pyr_stream *stream)
{
	static const char *const words[] = { "one", "two", "three" };
	int i, err = 0;

	begin(call);
	for (i = 0; i < 3 && err == 0; i++)
		err = echo_Server_generator_yield(stream, words[i]);
	return err;
}

static int words(pyr_call *call, const char *value, pyr_stream *stream)
{
	char *rest = pyr_call_strdup(call, value), *word;
	int err = 0;

	begin(call);
	if (!rest)
		return -PYR_RESOURCE_EXHAUSTED;
	while (err == 0 && (word = strtok_r(rest, " \t\n", &rest)))
		err = echo_Server_words_yield(stream, word);
	return err;
}

static int echo_all(pyr_call *call, pyr_stream *stream)
{
	const char *item;
	int more, err = 0;

	begin(call);
	while (err == 0 && (more = echo_Server_echo_all_read(stream, &item)) > 0)
		err = echo_Server_echo_all_yield(stream, item);
	return err < 0 ? err : more;
}

static int count(pyr_call *call, pyr_stream *stream, uint64_t *ret)
{
	const char *item;
	int more;

	begin(call);
	while ((more = echo_Server_count_read(stream, &item)) > 0)
		++*ret;
	return more;
}

/* ---- numbers that are none ---- */

static int nan_(pyr_call *call, double *ret)
{
	begin(call);
	*ret = NAN;
	return 0;
}

static int inf(pyr_call *call, double *ret)
{
	begin(call);
	*ret = INFINITY;
	return 0;
}

/* ---- objects ---- */

static int call_back(pyr_call *call, struct echo_Listener *who, const char *value, uint32_t n)
{
	begin(call);
	if (!who)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "there is no object to call back");
	while (n-- > 0)
		if (echo_Listener_heard(who, value) < 0)
			return pyr_pass(call);
	return 0;
}

static int another(pyr_call *call, struct echo_Server **ret);

static int n_calls(pyr_call *call, uint64_t *ret)
{
	begin(call);
	*ret = atomic_load(&of(call)->n_calls);
	return 0;
}

/* ---- the server itself ---- */

static int get_verbose(pyr_call *call, bool *ret)
{
	begin(call);
	*ret = atomic_load(&of(call)->server->is_verbose);
	return 0;
}

static int set_verbose(pyr_call *call, bool value)
{
	begin(call);
	atomic_store(&of(call)->server->is_verbose, value);
	return 0;
}

static int shut_down(pyr_call *call)
{
	struct server *server = of(call)->server;

	begin(call);
	if (!server->may_shut_down)
		return pyr_fail(call, PYR_PERMISSION_DENIED,
				"the server was not started with --shutdown");
	pyr_daemon_stop(server->daemon);
	return 0;
}

static const struct echo_Server_methods methods = {
	.echo = echo,
	.text = text,
	.bytes = bytes,
	.same = same,
	.error = error,
	.error_with_text = error_with_text,
	.nested_error = nested_error,
	.note = note,
	.slow = slow,
	.slow_note = slow_note,
	.generator = generator,
	.words = words,
	.echo_all = echo_all,
	.count = count,
	.nan = nan_,
	.inf = inf,
	.call_back = call_back,
	.another = another,
	.n_calls = n_calls,
	.get_verbose = get_verbose,
	.set_verbose = set_verbose,
	.shut_down = shut_down,
};

static int another(pyr_call *call, struct echo_Server **ret)
{
	struct server *server = of(call)->server;
	struct servant *made = calloc(1, sizeof(*made));
	struct echo_Server *value;

	begin(call);
	if (!made)
		return -PYR_RESOURCE_EXHAUSTED;
	made->server = server;
	value = echo_Server_object(server->daemon, &methods, made, free);
	if (!value) {
		free(made);
		return pyr_pass(call);
	}
	*ret = echo_Server_give(call, value);
	return *ret ? 0 : pyr_pass(call);
}

/* ---- options ---- */

static const struct argp_option options[] = {
	{ "host", 'H', "HOST", 0, "Address to listen on (127.0.0.1)", 0 },
	{ "port", 'p', "PORT", 0, "Port to listen on (0: the system picks one)", 0 },
	{ "unix-socket", 'u', "PATH", 0, "Listen on this unix socket instead", 0 },
	{ "naming", 'n', NULL, 0, "Register as " ID " at the name server", 0 },
	{ "verbose", 'v', NULL, 0, "Print the calls that come", 0 },
	{ "shutdown", 's', NULL, 0, "Let callers end the server with shut_down()", 0 },
	{ "insecure", 'I', NULL, 0, "Allow an address that other hosts can reach", 0 },
	{ 0 },
};

struct settings {
	struct pyr_daemon_options daemon;
	bool names, is_verbose, may_shut_down;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct settings *settings = state->input;
	unsigned long port;
	char *end;

	switch (key) {
	case 'H':
		settings->daemon.host = arg;
		return 0;
	case 'p':
		port = strtoul(arg, &end, 10);
		if (arg[0] < '0' || arg[0] > '9' || *end || port > 65535)
			argp_error(state, "'%s' is not a port number from 0 to 65535", arg);
		settings->daemon.port = (uint16_t)port;
		return 0;
	case 'u':
		settings->daemon.socket = arg;
		return 0;
	case 'n':
		settings->names = true;
		return 0;
	case 'v':
		settings->is_verbose = true;
		return 0;
	case 's':
		settings->may_shut_down = true;
		return 0;
	case 'I':
		settings->daemon.insecure = PYR_YES;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- */

static int serve(struct server *server, bool names)
{
	const char *uri = echo_Server_register(server->daemon, ID, &methods, &server->servant);
	pyr_ns *ns = names && uri ? pyr_ns_locate(NULL) : NULL;
	int err = 0;

	if (!uri || (names && !ns) || (ns && pyr_ns_register(ns, ID, uri) < 0))
		err = pyr_perror("pyrite-echoserver");
	server->itself = echo_Server_object_of(server->daemon, ID);
	if (err == 0) {
		printf("URI = %s\nechoserver running.\n", uri);
		err = pyr_daemon_run(server->daemon) < 0 ? pyr_perror("pyrite-echoserver") : 0;
	}
	echo_Server_free(server->itself);
	pyr_ns_free(ns);
	return err;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "Serves an object of echo.idl, which has operations of every kind, for "
		       "testing clients.",
	};
	struct settings settings = { .daemon = { .host = "127.0.0.1" } };
	struct server server = { .servant = { .server = &server } };
	int err;

	argp_err_exit_status = 1;
	argp_parse(&argp, argc, argv, 0, NULL, &settings);
	atomic_init(&server.is_verbose, settings.is_verbose);
	server.may_shut_down = settings.may_shut_down;
	server.daemon = pyr_daemon_new(&settings.daemon);
	err = server.daemon ? serve(&server, settings.names) : pyr_perror("pyrite-echoserver");
	pyr_daemon_free(server.daemon);
	return err;
}
