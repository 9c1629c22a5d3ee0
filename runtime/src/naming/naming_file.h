/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_FILE_H
#define PYRITE_NAMING_FILE_H
/*
 * Files that name name servers: `pyrite/ns` in the user's folder of settings, which is
 * $XDG_CONFIG_HOME, else ~/.config (XDG Base Directory Specification), and /etc/pyrite/ns. A line
 * holds addresses as PYRITE_NS_HOST has them, and '#' begins a comment. A file that somebody else
 * than this user and root may write is refused, as ssh refuses its own: who writes it says whom
 * this process believes. Any thread.
 */
#include "naming/naming_found.h"

/* The path of the user's file, as the environment was at the first call; "" if it names no folder.
 */
const char *naming_file_own(void);
#define NAMING_FILE_SYSTEM "/etc/pyrite/ns"
enum { NAMING_FILE_MAX = 64 << 10 };

/* Reads a file. *servers: empty before. Returns NAMING_TAKEN if it names some, NAMING_NOTHING if it
 * is not there or names none, NAMING_WRONG with *problem and the step's text told. */
enum naming_verdict naming_file_read(const char *path, uint16_t default_port,
				     struct found_servers *servers, struct naming_step *step,
				     struct uri_problem *problem);
#endif
