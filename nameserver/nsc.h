/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NSC_H
#define PYRITE_NSC_H
/*
 * The parts of pyrite-nsc: commands that ask, and prints of what was answered, in Pyro's words or
 * as JSON.
 */
#include <pyrite/pyrite.h>

enum { NSC_OK = 0, NSC_USAGE = 1, NSC_REFUSED = 2, NSC_UNREACHABLE = 3 };
enum { NSC_MAX_WORDS = 80 };

struct nsc_settings {
	const char *host, *port, *socket;
	bool verbose, json, force, shared;
	char *words[NSC_MAX_WORDS]; /* the command and its arguments */
	int n_words;
	const struct nsc_command *command;
};

/* A command being run. */
struct nsc {
	pyr_ns *ns;
	const struct nsc_settings *settings;
	char **args;
	int n;
};

struct nsc_command {
	const char *name, *needs; /* needs: what to say if n is not within min..max */
	int min, max;
	int (*run)(const struct nsc *nsc); /* returns an exit code */
};

/* Ends with an element without a name. */
extern const struct nsc_command nsc_commands[];

/* The commands export and import. */
int nsc_export(const struct nsc *nsc);
int nsc_import(const struct nsc *nsc);

/* Prints the last error. Returns the exit code for it. */
int nsc_complain(const char *what);

/* ---- prints: one document to stdout; return an exit code ---- */

/* title: " - prefix 'x'" */
int nsc_print_list(const struct nsc *nsc, const struct pyr_ns_entries *entries, const char *title);
int nsc_print_entry(const struct nsc *nsc, const struct pyr_ns_entry *entry);
/* A line for people; the same as {"key": "value"} for programs. */
int nsc_print_text(const struct nsc *nsc, const char *line, const char *key, const char *value);
int nsc_print_removal(const struct nsc *nsc, const struct pyr_ns_removal *removal);
int nsc_print_tags(const struct nsc *nsc, const char *name, char **tags, int n);
#endif
