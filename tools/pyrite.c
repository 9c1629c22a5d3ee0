/* SPDX-License-Identifier: MIT */
/*
 * pyrite: a program of commands, each of which has its own options and help. Exit codes: 0
 * done, 1 wrong usage, 2 not found or refused, 3 not reachable.
 */
#include <argp.h>
#include <pyrite/pyrite.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

const char *argp_program_version = "pyrite " PYR_VERSION;

const struct command tool_commands[] = {
	{ "bench", "measure calls of an operation", &bench_argp, bench_main },
	{ "call", "call an operation of an object", &call_argp, call_main },
	{ "complete", NULL, &complete_argp, complete_main },
	{ "config", "print the settings, and where each comes from", &config_argp, config_main },
	{ "describe", "print the interface of an object as IDL", &describe_argp, describe_main },
	{ "doctor", "find out why an object cannot be reached", &doctor_argp, doctor_main },
	{ "keys", "make keys and certificates for TLS", &keys_argp, keys_main },
	{ "list", "list the objects of a daemon, or names", &list_argp, list_main },
	{ "ping", "test whether a daemon answers", &ping_argp, ping_main },
	{ "rules", "check a file of rules, explain a decision", &rules_argp, rules_main },
	{ "watch", "print names as they come and go", &watch_argp, watch_main },
	{ 0 },
};

struct choice {
	const struct command *command;
	int first; /* index of the command's name in argv */
};

static void choose(struct argp_state *state, const char *name)
{
	struct choice *choice = state->input;
	const struct command *command = tool_commands;

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

/* The list of commands is made of the table. Returns: owned. */
static char *add_commands(int key, const char *text, void *input)
{
	const struct command *command;
	char *all = NULL;
	size_t n = 0;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC || !(out = open_memstream(&all, &n)))
		return (char *)text;
	fputs("Commands:\n", out);
	for (command = tool_commands; command->name; command++)
		if (command->help)
			fprintf(out, "  %-21s %s\n", command->name, command->help);
	fprintf(out, "\n%s", text);
	fclose(out);
	return all;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_option,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Calls objects, finds out where they are, and sets up Pyrite.\v"
		       "'pyrite COMMAND --help' describes a command.\n\n"
		       "Exit codes: 0 success, 1 wrong usage, 2 not found or refused, 3 not "
		       "reachable.",
		.help_filter = add_commands,
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
