/* SPDX-License-Identifier: MIT */
/*
 * pyrite-ns: the name server. Serves until SIGTERM or SIGINT. Exit codes: 0 after a stop, 1 if it
 * could not start.
 */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "service.h"

const char *argp_program_version = "pyrite-ns " PYR_VERSION;

static const struct argp_option options[] = {
	{ "host", 'n', "HOST", 0, "Address to listen on (127.0.0.1)", 0 },
	{ "port", 'p', "PORT", 0, "Port to listen on (9090); 0: the system picks one", 0 },
	{ "unix-socket", 'u', "PATH", 0, "Listen on this unix socket instead", 0 },
	{ "insecure", 'I', NULL, 0,
	  "Listen beyond this host all the same, where anybody may change names", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct pyr_daemon_options *daemon = state->input;
	unsigned long port;
	char *end;

	switch (key) {
	case 'n':
		daemon->host = arg;
		return 0;
	case 'p':
		port = strtoul(arg, &end, 10);
		if (arg[0] < '0' || arg[0] > '9' || *end || port > 65535)
			argp_error(state, "'%s' is no port from 0 to 65535", arg);
		daemon->port = (uint16_t)port;
		return 0;
	case 'u':
		daemon->socket = arg;
		return 0;
	case 'I':
		daemon->insecure = PYR_YES;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "what is '%s'? there are no arguments", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int64_t monotonic_ms(void *data)
{
	struct timespec now;

	(void)data;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int serve(pyr_daemon *daemon, struct service *service)
{
	struct registry_problem problem;
	const char *uri;

	uri = pyrite_NameServer_register(daemon, pyrite_NAME_SERVER_ID, &service_methods, service);
	if (!uri)
		return pyr_perror("pyrite-ns");
	if (!service_add_self(service, uri, &problem)) {
		fprintf(stderr, "pyrite-ns: %s\n", problem.text);
		return 1;
	}
	printf("NS running on %s\nURI = %s\n", pyr_daemon_address(daemon), uri);
	fflush(stdout);
	if (pyr_daemon_run(daemon) < 0)
		return pyr_perror("pyrite-ns");
	puts("NS shut down.");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "The Pyrite name server: maps names to the addresses of objects.",
	};
	struct pyr_daemon_options daemon_options = {
		.host = "127.0.0.1",
		.port = pyrite_NAME_SERVER_PORT,
		.threads = 1,
		.max_message = SERVICE_MESSAGE_MAX,
		.drain_ms = SERVICE_DRAIN_MS,
	};
	struct registry_options registry_options = { .clock = monotonic_ms };
	struct service *service;
	pyr_daemon *daemon;
	int status = 1;

	signal(SIGPIPE, SIG_IGN); /* whoever reads what it prints may go */
	argp_err_exit_status = 1;
	argp_parse(&argp, argc, argv, 0, NULL, &daemon_options);
	service = service_new(registry_new(store_memory_new(), &registry_options));
	daemon = pyr_daemon_new(&daemon_options);
	if (!daemon)
		pyr_perror("pyrite-ns");
	else if (!service)
		fputs("pyrite-ns: out of memory\n", stderr);
	else
		status = serve(daemon, service);
	service_free(service);
	pyr_daemon_free(daemon);
	return status;
}
