/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_COMMAND_H
#define PYRITE_COMMAND_H
/* What the program pyrite is made of: commands, each with options of its own. */

enum { COMMAND_OK = 0, COMMAND_USAGE = 1, COMMAND_REFUSED = 2, COMMAND_UNREACHABLE = 3 };

struct argp;
struct command {
	const char *name, *help; /* help: a line; NULL: it is not shown */
	const struct argp *argp;
	/* argv[0] is "pyrite NAME"; returns an exit code. */
	int (*run)(int argc, char **argv);
};
/* Ends with an element without a name. */
extern const struct command tool_commands[];

int bench_main(int argc, char **argv);
int call_main(int argc, char **argv);
int complete_main(int argc, char **argv);
int config_main(int argc, char **argv);
int describe_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int keys_main(int argc, char **argv);
int list_main(int argc, char **argv);
int ping_main(int argc, char **argv);
int rules_main(int argc, char **argv);
int watch_main(int argc, char **argv);
extern const struct argp bench_argp, call_argp, complete_argp, config_argp, describe_argp,
	doctor_argp, keys_argp, list_argp, ping_argp, rules_argp, watch_argp;
#endif
