/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_COMMAND_H
#define PYRITE_COMMAND_H
/* What the program pyrite is made of: commands, each with options of its own. */

enum { COMMAND_OK = 0, COMMAND_USAGE = 1, COMMAND_REFUSED = 2, COMMAND_UNREACHABLE = 3 };

struct command {
	const char *name;
	/* argv[0] is "pyrite NAME"; returns an exit code. */
	int (*run)(int argc, char **argv);
};

int call_main(int argc, char **argv);
int describe_main(int argc, char **argv);
int keys_main(int argc, char **argv);
int list_main(int argc, char **argv);
int ping_main(int argc, char **argv);
int rules_main(int argc, char **argv);
#endif
