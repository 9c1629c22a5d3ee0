/* SPDX-License-Identifier: MIT */
/*
 * pyrite-nsc: asks a name server from the shell; the words are those of Pyro's nsc. Exit codes: 0
 * done, 1 wrong usage, 2 not found or refused, 3 no name server reached.
 */
#define _GNU_SOURCE /* memrchr() */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsc.h"
#include "text_put.h"

const char *argp_program_version = "pyrite-nsc " PYR_VERSION;

static const struct argp_option options[] = {
	{ "host", 'n', "HOST", 0,
	  "Host of the name server, or a list of them (PYRITE_NS_HOST, 127.0.0.1)", 0 },
	{ "port", 'p', "PORT", 0, "Port of the name server (PYRITE_NS_PORT, 9090)", 0 },
	{ "unix-socket", 'u', "PATH", 0, "Unix socket of the name server, instead of host and port",
	  0 },
	{ "json", 'j', NULL, 0, "Print the result as one line of JSON", 0 },
	{ "force", 'f', NULL, 0,
	  "Change names of other owners too, and do not ask for confirmation", 0 },
	{ "shared", 's', NULL, 0, "Register a shared name, which may have several registrations",
	  0 },
	{ "verbose", 'v', NULL, 0, "Report progress, and generations of names", 0 },
	{ 0 },
};

/* After all options and arguments: which command, and are its arguments as many as it needs? */
static void choose_command(struct argp_state *state)
{
	struct nsc_settings *settings = state->input;
	const struct nsc_command *command = nsc_commands;

	if (settings->n_words == 0)
		argp_error(state, "no command given");
	while (command->name && strcmp(settings->words[0], command->name) != 0)
		command++;
	if (!command->name)
		argp_error(state, "unknown command '%s'", settings->words[0]);
	if (settings->n_words - 1 < command->min || settings->n_words - 1 > command->max)
		argp_error(state, "%s %s", command->name, command->needs);
	settings->command = command;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct nsc_settings *settings = state->input;

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
	case 'j':
		settings->json = true;
		return 0;
	case 'f':
		settings->force = true;
		return 0;
	case 's':
		settings->shared = true;
		return 0;
	case 'v':
		settings->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		if (settings->n_words == NSC_MAX_WORDS)
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

/* A host of n bytes, perhaps with a port of its own, at the port that was asked for. Returns what
 * was written, cut to fit. */
static size_t put_place(char *ret, size_t size, const char *host, size_t n, const char *port)
{
	const char *first = memchr(host, ':', n), *last = memrchr(host, ':', n);
	const char *bracket = memchr(host, ']', n);
	bool bare_v6 = host[0] != '[' && first != last;
	int written;

	if (n >= 4 && memcmp(host, "./u:", 4) == 0)
		bare_v6 = false, port = NULL;
	else if (port && last && !bare_v6 && (!bracket || last > bracket))
		n = (size_t)(last - host);
	written = snprintf(ret, size, "%s%.*s%s%s%s", bare_v6 ? "[" : "", (int)n, host,
			   bare_v6 ? "]" : "", port ? ":" : "", port ? port : "");
	return (size_t)written < size ? (size_t)written : size - 1;
}

/* The address asked for, or a list of them. Returns NULL if it was left to the environment. */
static const char *choose_address(const struct nsc_settings *settings, char *ret, size_t size)
{
	const char *host = settings->host;
	size_t at = 0, n;

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
	for (;; host += n + 1) {
		n = strcspn(host, ",");
		at += put_place(ret + at, size - at, host, n, settings->port);
		if (host[n] == '\0' || at + 1 >= size)
			return ret;
		ret[at++] = ',';
		ret[at] = '\0';
	}
}

/* What is said beside the answer. */
static void say(const struct nsc_settings *settings, const char *what, const char *more)
{
	FILE *out = settings->json ? stderr : stdout;

	if (!settings->verbose)
		return;
	fputs(what, out);
	text_put(out, more);
	putc('\n', out);
}

static int run(const struct nsc_settings *settings)
{
	struct nsc nsc = { .settings = settings,
			   .args = (char **)settings->words + 1,
			   .n = settings->n_words - 1 };
	char address[4096];
	int code;

	say(settings, "Locating name server...", "");
	nsc.ns = pyr_ns_locate(choose_address(settings, address, sizeof(address)));
	if (!nsc.ns)
		return nsc_complain("Error");
	say(settings, "Name server found: ", pyr_ns_address(nsc.ns));
	if (settings->force)
		say(settings, "Also changing names of other owners.", "");
	pyr_ns_set_force(nsc.ns, settings->force);
	code = settings->command->run(&nsc);
	pyr_ns_free(nsc.ns);
	if (code == NSC_OK)
		say(settings, "Done.", "");
	return code;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Queries and changes a Pyrite name server.\v"
		       "Commands:\n"
		       "  list [PREFIX]         list all names, or those that begin with PREFIX\n"
		       "  listmatching REGEX    list names that match from their first character\n"
		       "  listmeta_all TAG...   list names that have all of these tags\n"
		       "  listmeta_any TAG...   list names that have any of these tags\n"
		       "  lookup NAME           print the URI of a name\n"
		       "  register NAME URI     register a name that stays until it is removed\n"
		       "  remove NAME           remove a name\n"
		       "  removematching REGEX  remove names that match\n"
		       "  setmeta NAME [TAG...] replace the tags of a name\n"
		       "  export [PREFIX]       print all names as lines of JSON, for import\n"
		       "  import [FILE]         register the names of such lines (standard input)\n"
		       "  ping                  test whether the name server answers\n\n"
		       "Exit codes: 0 success, 1 wrong usage, 2 not found or refused, "
		       "3 no name server reached.",
	};
	struct nsc_settings settings = { 0 };
	int code;

	argp_err_exit_status = NSC_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &settings);
	code = run(&settings);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	perror("pyrite-nsc");
	return NSC_REFUSED;
}
