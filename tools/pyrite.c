/* SPDX-License-Identifier: MIT */
/*
 * pyrite: a program of commands, each of which has its own options and help. Exit codes: 0 done, 1
 * wrong usage, 2 not found or refused, 3 not reachable.
 */
#include <argp.h>
#include <pyrite/pyrite.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

const char *argp_program_version = "pyrite " PYR_VERSION;

/* Ends with an element without a name. */
static const struct command commands[] = {
	{ "call", call_main },
	{ "describe", describe_main },
	{ "keys", keys_main },
	{ "list", list_main },
	{ "ping", ping_main },
	{ "rules", rules_main },
	{ 0 },
};

struct choice {
	const struct command *command;
	int first; /* index of the command's name in argv */
};

static void choose(struct argp_state *state, const char *name)
{
	struct choice *choice = state->input;
	const struct command *command = commands;

	while (command->name && strcmp(command->name, name) != 0)
		command++;
	if (!command->name)
		argp_error(state, "unknown command '%s'", name);
	choice->command = command;
	choice->first = state->next - 1;
	state->next = state->argc; /* the rest is the command's */
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_ARG:
		choose(state, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no command given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_option,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Calls objects, and sets up Pyrite.\v"
		       "Commands:\n"
		       "  call                  call an operation of an object\n"
		       "  describe              print the interface of an object as IDL\n"
		       "  keys                  make keys and certificates for TLS\n"
		       "  list                  list the objects of a daemon, or names\n"
		       "  ping                  ask a daemon whether it is there\n"
		       "  rules                 check a file of rules, explain a decision\n\n"
		       "'pyrite COMMAND --help' describes a command.\n\n"
		       "Exit codes: 0 success, 1 wrong usage, 2 not found or refused, 3 not "
		       "reachable.",
	};
	struct choice choice = { 0 };
	char name[64];
	int code;

	argp_err_exit_status = COMMAND_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &choice);
	snprintf(name, sizeof(name), "pyrite %s", choice.command->name);
	argv[choice.first] = name;
	code = choice.command->run(argc - choice.first, argv + choice.first);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	perror("pyrite");
	return COMMAND_REFUSED;
}
