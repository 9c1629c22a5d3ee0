/* SPDX-License-Identifier: MIT */
/*
 * pyrite complete: what may stand where a shell's user types. The words are those behind the
 * program's name, the last of them the one that is typed, perhaps "". Prints a candidate a line,
 * with what it is behind a tab. Says nothing about what goes wrong: that would stand in the user's
 * line.
 */
#include <pyrite/settings.h>
#include <pyrite/value.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../nameserver/text_put.h"
#include "command.h"
#include "inspect.h"
#include "objects.h"
#include "words.h"

enum { PATIENCE_MS = 1000, PATIENCE_S = 3 };

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	return words_parse(key, arg, state, state->input);
}

const struct argp complete_argp = {
	.parser = parse_option,
	.args_doc = "PROGRAM [WORD...]",
	.doc = "Prints what may be typed instead of the last word, for shells.\v"
	       "PROGRAM is pyrite or pyrite-nsc.\n\nExit code: 0.",
};

/* What is typed, and what stands before it. */
struct line {
	char **words;
	int n; /* the last one is typed */
};

static const char *typed(const struct line *line)
{
	return line->words[line->n - 1];
}

/*
 * White space, and what bash, which puts a word into the line as it is, takes for its own: a name
 * from elsewhere such as a;{rm,x} would be a command once the user presses Enter.
 */
static const char of_shells[] = " \t\r\n'\"\\$`;&|<>(){}[]*?!~";

/* Controls in what it is are shown: a terminal would take them for its own. */
static void offer(const struct line *line, const char *before, const char *word, const char *what)
{
	size_t n = strlen(before);

	if (strncmp(typed(line), before, n) != 0 ||
	    strncmp(typed(line) + n, word, strlen(typed(line) + n)) != 0 ||
	    strpbrk(word, of_shells))
		return;
	fputs(before, stdout);
	text_put(stdout, word);
	if (what) {
		putchar('\t');
		text_put(stdout, what);
	}
	putchar('\n');
}

/* ---- options ---- */

static void offer_options(const struct line *line, const struct argp *argp)
{
	const struct argp_option *option = argp->options;

	for (; option && option->name; option++)
		offer(line, "--", option->name, option->doc);
	offer(line, "--", "help", "Give this help list");
}

/* The option that the word before is and that wants an argument; NULL: it is none. */
static const struct argp_option *option_before(const struct line *line, const struct argp *argp)
{
	const struct argp_option *option = argp->options;
	const char *word = line->n > 1 ? line->words[line->n - 2] : "";

	for (; option && option->name; option++) {
		if (!option->arg)
			continue;
		if ((word[0] == '-' && word[1] == option->key && !word[2]) ||
		    (strncmp(word, "--", 2) == 0 && strcmp(word + 2, option->name) == 0))
			return option;
	}
	return NULL;
}

/* How many words there are before the one that is typed that are no options. */
static int count_words(const struct line *line, const struct argp *argp, const char **ret, int max)
{
	struct line before = *line;
	int n = 0, i;

	for (i = 0; i < line->n - 1; i++) {
		before.n = i + 1;
		if (line->words[i][0] == '-' && n == 0)
			continue;
		if (n == 0 && option_before(&before, argp))
			continue;
		if (n < max)
			ret[n] = line->words[i];
		n++;
	}
	return n;
}

/* ---- what is live ---- */

static void offer_names(const struct line *line, const char *before)
{
	const char *prefix = typed(line);
	struct pyr_ns_entries *entries;
	pyr_ns *ns;
	size_t i;

	if (strncmp(prefix, before, strlen(before)) != 0 || !(ns = pyr_ns_locate(NULL)))
		return;
	if (pyr_ns_list(ns, prefix + strlen(before), &entries) == 0) {
		for (i = 0; i < entries->n; i++)
			if (i == 0 || strcmp(entries->items[i - 1].name, entries->items[i].name))
				offer(line, before, entries->items[i].name, entries->items[i].uri);
		pyr_free(entries);
	}
	pyr_ns_free(ns);
}

static void offer_uris(const struct line *line)
{
	offer_names(line, "");
	offer_names(line, "PYRONAME:");
	if (typed(line)[0] == 'P') {
		offer(line, "", "PYRO:", "an object at an address: PYRO:id@host:port");
		offer(line, "", "PYRONAME:", "a name");
		offer(line, "", "PYROMETA:", "tags");
	}
}

/* The object's metadata, NULL: nobody tells. Owned, pyr_free(). */
static struct pyrite_ObjectMetadata *ask(const char *word)
{
	char *uri = objects_uri(word), *address = objects_address(word), at[2048], *found = NULL;
	struct pyrite_ObjectMetadata *ret = NULL;
	struct pyrite_Daemon *daemon = NULL;
	pyr_uri *parsed;

	if (uri && address) {
		snprintf(at, sizeof(at), "PYRO:%s@%s", pyrite_DAEMON_ID, address);
		daemon = pyrite_Daemon_proxy(at);
	}
	if (daemon) {
		pyr_proxy_set_timeout(pyrite_Daemon_as_proxy(daemon), PATIENCE_MS);
		parsed = pyr_uri_parse(uri);
		if (parsed && pyr_uri_scheme(parsed) != PYR_URI_PYRO &&
		    (found = objects_found(uri))) {
			pyr_uri_free(parsed);
			parsed = pyr_uri_parse(found);
		}
		if (!parsed || pyrite_Daemon_describe(daemon, pyr_uri_object(parsed), &ret) < 0)
			ret = NULL;
		pyr_uri_free(parsed);
	}
	free(found);
	pyrite_Daemon_free(daemon);
	free(address);
	free(uri);
	return ret;
}

static void offer_operations(const struct line *line, const char *word)
{
	struct pyrite_ObjectMetadata *metadata = ask(word);
	const char *name;
	size_t i;

	for (i = 0; metadata && i < metadata->operations.n; i++) {
		name = strrchr(metadata->operations.items[i].name, '.');
		name = name ? name + 1 : metadata->operations.items[i].name;
		offer(line, "", name, metadata->operations.items[i].signature);
	}
	pyr_free(metadata);
}

static void offer_settings(const struct line *line)
{
	struct pyr_setting setting;
	size_t i;

	for (i = 0; pyr_setting_get(i, &setting); i++)
		offer(line, "", setting.name, setting.value);
}

/* ---- by command ---- */

static void offer_commands(const struct line *line)
{
	const struct command *command;

	for (command = tool_commands; command->name; command++)
		if (command->help)
			offer(line, "", command->name, command->help);
}

static void offer_list(const struct line *line, const char *const *list)
{
	for (; *list; list++)
		offer(line, "", *list, NULL);
}

static void offer_words(const struct line *line, const char *command, int n,
			const char *const *before)
{
	static const char *const keys[] = { "init",  "add",    "server", "client", "list",
					    "renew", "revoke", "shared", NULL };
	static const char *const rules[] = { "check", NULL };

	if (strcmp(command, "call") == 0 || strcmp(command, "bench") == 0) {
		if (n == 0)
			offer_uris(line);
		else if (n == 1)
			offer_operations(line, before[0]);
	} else if (n > 0) {
		return;
	} else if (strcmp(command, "keys") == 0) {
		offer_list(line, keys);
	} else if (strcmp(command, "rules") == 0) {
		offer_list(line, rules);
	} else if (strcmp(command, "config") == 0) {
		offer_settings(line);
	} else if (strcmp(command, "watch") == 0) {
		offer_names(line, "");
	} else {
		offer_uris(line);
	}
}

static void complete_pyrite(struct line *line)
{
	const struct command *command = tool_commands;
	const char *before[2];
	int n;

	if (line->n == 1) {
		offer_commands(line);
		return;
	}
	while (command->name && strcmp(command->name, line->words[0]) != 0)
		command++;
	if (!command->name)
		return;
	line->words++;
	line->n--;
	n = count_words(line, command->argp, before, 2);
	if (option_before(line, command->argp))
		return; /* a number, or a file, which the shell knows */
	if (typed(line)[0] == '-' && n == 0)
		offer_options(line, command->argp);
	else
		offer_words(line, command->name, n, before);
}

static void complete_nsc(const struct line *line)
{
	static const char *const names[] = {
		"list",   "listmatching",   "listmeta_all", "listmeta_any", "lookup", "register",
		"remove", "removematching", "setmeta",      "export",       "import", "ping",
		NULL
	};
	static const char *const options[] = { "--host",    "--port",  "--unix-socket",
					       "--json",    "--force", "--shared",
					       "--verbose", "--help",  NULL };
	static const char with_name[] = " list lookup remove setmeta ";
	char word[32];
	int i, n = 0;

	if (typed(line)[0] == '-') {
		offer_list(line, options);
		return;
	}
	for (i = 0; i < line->n - 1; i++)
		n += line->words[i][0] != '-';
	if (n == 0) {
		offer_list(line, names);
		return;
	}
	for (i = 0; i < line->n - 1 && line->words[i][0] == '-'; i++)
		;
	snprintf(word, sizeof(word), " %s ", line->words[i]);
	if (n == 1 && strstr(with_name, word))
		offer_names(line, "");
}

static void give_up(int number)
{
	(void)number;
	_exit(COMMAND_OK);
}

/* A shell waits for it: it gives up soon, whatever it waits for, also where each answer of many is
 * in time. */
static void be_quick(void)
{
	struct rlimit limit = { PATIENCE_S, PATIENCE_S };

	signal(SIGALRM, give_up);
	alarm(PATIENCE_S);
	setenv("PYRITE_LOG", "off", 1);
	setenv("PYRITE_WAIT_MS", "0", 1);
	setenv("PYRITE_TIMEOUT_MS", "1000", 1);
	setenv("PYRITE_CONNECT_TIMEOUT_MS", "1000", 1);
	setenv("PYRITE_LOOKUP_TIMEOUT_MS", "1000", 1);
	setrlimit(RLIMIT_CPU, &limit);
}

int complete_main(int argc, char **argv)
{
	struct words words = { .min = 1, .needs = "expected a program", .takes_rest = true };
	struct line line;
	char empty[] = "", *nothing = empty;

	argp_parse(&complete_argp, argc, argv, ARGP_IN_ORDER, NULL, &words);
	be_quick();
	line = words.n > 1 ? (struct line){ words.list + 1, words.n - 1 }
			   : (struct line){ &nothing, 1 };
	if (strcmp(words.list[0], "pyrite-nsc") == 0)
		complete_nsc(&line);
	else
		complete_pyrite(&line);
	return COMMAND_OK;
}
