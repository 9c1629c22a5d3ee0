/* SPDX-License-Identifier: MIT */
/*
 * pyrite-nsc: asks a name server from the shell; the words are those of Pyro's nsc. Exit codes: 0
 * done, 1 wrong usage, 2 not found or refused, 3 no name server reached.
 */
#include <argp.h>
#include <pyrite/pyrite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 1, EXIT_REFUSED = 2, EXIT_UNREACHABLE = 3 };
enum { MAX_WORDS = 8 };

const char *argp_program_version = "pyrite-nsc " PYR_VERSION;

struct command {
	const char *name, *needs; /* needs: what to say if n is not within min..max */
	int min, max;
	int (*run)(pyr_ns *ns, char **args, int n);
};

struct settings {
	const char *host, *port, *socket;
	bool verbose;
	char *words[MAX_WORDS]; /* the command and its arguments */
	int n_words;
	const struct command *command;
};

/* Prints the last error. Returns the exit code for it. */
static int complain(const char *what)
{
	pyr_perror(what);
	switch (pyr_last_error()->code) {
	case PYR_INVALID_ARGUMENT:
		return EXIT_USAGE;
	case PYR_UNAVAILABLE:
	case PYR_DEADLINE_EXCEEDED:
		return EXIT_UNREACHABLE;
	default:
		return EXIT_REFUSED;
	}
}

static int run_list(pyr_ns *ns, char **args, int n)
{
	struct pyr_ns_entries *entries;
	char filter[512] = "";
	size_t i;

	if (pyr_ns_list(ns, n ? args[0] : NULL, &entries) < 0)
		return complain("Error");
	if (n)
		snprintf(filter, sizeof(filter), " - prefix '%.400s'", args[0]);
	printf("--------START LIST%s\n", filter);
	for (i = 0; i < entries->n; i++)
		printf("%s --> %s\n", entries->items[i].name, entries->items[i].uri);
	printf("--------END LIST%s\n", filter);
	pyr_free(entries);
	return 0;
}

static int run_lookup(pyr_ns *ns, char **args, int n)
{
	char *uri;

	(void)n;
	if (pyr_ns_lookup(ns, args[0], &uri) < 0)
		return complain("Error");
	puts(uri);
	pyr_free(uri);
	return 0;
}

static int run_register(pyr_ns *ns, char **args, int n)
{
	(void)n;
	if (pyr_ns_register(ns, args[0], args[1]) < 0)
		return complain("Error");
	printf("Registered %s\n", args[0]);
	return 0;
}

static int run_remove(pyr_ns *ns, char **args, int n)
{
	(void)n;
	if (pyr_ns_remove(ns, args[0]) < 0)
		return complain("Nothing removed");
	printf("Removed %s\n", args[0]);
	return 0;
}

static int run_ping(pyr_ns *ns, char **args, int n)
{
	(void)args;
	(void)n;
	if (pyr_ns_ping(ns) < 0)
		return complain("Error");
	puts("Name server ping ok.");
	return 0;
}

static const struct command commands[] = {
	{ "list", "requires at most one argument: prefix", 0, 1, run_list },
	{ "lookup", "requires one argument: name", 1, 1, run_lookup },
	{ "register", "requires two arguments: name uri", 2, 2, run_register },
	{ "remove", "requires one argument: name", 1, 1, run_remove },
	{ "ping", "requires no arguments", 0, 0, run_ping },
};

static const struct argp_option options[] = {
	{ "host", 'n', "HOST", 0, "Where the name server is (PYRITE_NS_HOST, 127.0.0.1)", 0 },
	{ "port", 'p', "PORT", 0, "Its port (PYRITE_NS_PORT, 9090)", 0 },
	{ "unix-socket", 'u', "PATH", 0, "Its unix socket, instead of host and port", 0 },
	{ "verbose", 'v', NULL, 0, "Say what is being done", 0 },
	{ 0 },
};

/* After all options and arguments: which command, and are its arguments as many as it needs? */
static void choose_command(struct argp_state *state)
{
	struct settings *settings = state->input;
	const struct command *command;
	size_t i;

	if (settings->n_words == 0)
		argp_error(state, "no command");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		command = &commands[i];
		if (strcmp(settings->words[0], command->name) != 0)
			continue;
		settings->command = command;
		if (settings->n_words - 1 < command->min || settings->n_words - 1 > command->max)
			argp_error(state, "%s %s", command->name, command->needs);
	}
	if (!settings->command)
		argp_error(state, "no command '%s'", settings->words[0]);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct settings *settings = state->input;

	switch (key) {
	case 'n':
		settings->host = arg;
		return 0;
	case 'p':
		settings->port = arg;
		return 0;
	case 'u':
		settings->socket = arg;
		return 0;
	case 'v':
		settings->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		if (settings->n_words == MAX_WORDS)
			argp_error(state, "too many arguments");
		settings->words[settings->n_words++] = arg;
		return 0;
	case ARGP_KEY_END:
		choose_command(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The address asked for. Returns NULL if it was left to the environment. */
static const char *choose_address(const struct settings *settings, char *ret, size_t size)
{
	const char *host = settings->host;
	bool bare_v6;

	if (settings->socket) {
		snprintf(ret, size, "./u:%s", settings->socket);
		return ret;
	}
	if (!host && !settings->port)
		return NULL;
	if (!host)
		host = getenv("PYRITE_NS_HOST");
	if (!host || !host[0])
		host = "127.0.0.1";
	bare_v6 = host[0] != '[' && strchr(host, ':') != strrchr(host, ':');
	snprintf(ret, size, "%s%s%s%s%s", bare_v6 ? "[" : "", host, bare_v6 ? "]" : "",
		 settings->port ? ":" : "", settings->port ? settings->port : "");
	return ret;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Asks a Pyrite name server.\v"
		       "Commands:\n"
		       "  list [PREFIX]       all names, or those that begin with PREFIX\n"
		       "  lookup NAME         the address of a name\n"
		       "  register NAME URI   give an address a name, until it is removed\n"
		       "  remove NAME         forget a name\n"
		       "  ping                is the name server there?\n\n"
		       "Exit codes: 0 done, 1 wrong usage, 2 not found or refused, "
		       "3 no name server reached.",
	};
	struct settings settings = { 0 };
	char address[512];
	pyr_ns *ns;
	int code;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &settings);
	if (settings.verbose)
		puts("Locating name server...");
	ns = pyr_ns_locate(choose_address(&settings, address, sizeof(address)));
	if (!ns)
		return complain("Error");
	if (settings.verbose)
		printf("Name server found: %s\n", pyr_ns_address(ns));
	code = settings.command->run(ns, settings.words + 1, settings.n_words - 1);
	pyr_ns_free(ns);
	if (settings.verbose && code == 0)
		puts("Done.");
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	perror("pyrite-nsc");
	return EXIT_REFUSED;
}
