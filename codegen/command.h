/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_COMMAND_H
#define PYRITE_CODEGEN_COMMAND_H
/* pyrite-idl, as a function: tests run it many times in one process. */

/* As main(): returns EXIT_SUCCESS, or EXIT_FAILURE after saying on stderr what is wrong. Wrong
 * usage and --help end the process. */
int command_run(int argc, char **argv);
#endif
