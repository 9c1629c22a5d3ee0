/* SPDX-License-Identifier: MIT */
/* The options of pyrite keys, and which command takes which. */
#include "keys.h"

#include <argp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "command.h"

enum { MAX_DAYS = 36500 };

static const struct argp_option options[] = {
	{ "dir", 'd', "DIR", 0, "Folder of the CA (PYRITE_KEYS_DIR, ./pyrite-keys)", 0 },
	{ "host", 'H', "HOST", 0,
	  "DNS name or address of a server; may be repeated (localhost, 127.0.0.1, ::1)", 0 },
	{ "uri", 'u', "URI", 0, "URI in the certificate, as spiffe://example.org/service", 0 },
	{ "days", 'n', "N", 0, "How long it is valid (365; a CA 3650)", 0 },
	{ "type", 't', "TYPE", 0, "Kind of all keys of a CA: ec (P-256) or ed25519 (ec)", 0 },
	{ "json", 'j', NULL, 0, "Print the list as one line of JSON", 0 },
	{ "quiet", 'q', NULL, 0, "Print only errors", 0 },
	{ 0 },
};

struct keys_command {
	const char *name, *options; /* options: keys of those it takes, beside d and q */
	bool has_name;
	bool is_issued; /* the name has a certificate already */
	int (*run)(const struct keys_settings *settings);
};

static const struct keys_command commands[] = {
	{ "init", "nt", false, false, keys_init },
	{ "add", "Hun", true, false, keys_server },
	{ "server", "Hun", true, false, keys_server },
	{ "client", "un", true, false, keys_client },
	{ "list", "j", false, false, keys_list },
	{ "renew", "n", true, true, keys_renew },
	{ "revoke", "", true, true, keys_revoke },
	{ "shared", "", false, false, keys_shared },
	{ 0 },
};

struct input {
	struct keys_settings settings;
	const char *words[2]; /* the command, the name */
	int n_words;
	char given[sizeof(options) / sizeof(*options)]; /* keys of the options there are */
	const struct keys_command *command;
};

static void check(struct argp_state *state, const char *what, const char *problem)
{
	if (problem)
		argp_error(state, "'%s': %s", what, problem);
}

static const char *option_name(char key)
{
	const struct argp_option *option = options;

	while (option->key != key)
		option++;
	return option->name;
}

/* After all options and arguments: do they go with the command? */
static void choose_command(struct argp_state *state)
{
	struct input *input = state->input;
	const struct keys_command *command = commands;
	size_t surplus;

	if (input->n_words == 0)
		argp_error(state, "no command given");
	while (command->name && strcmp(input->words[0], command->name) != 0)
		command++;
	if (!command->name)
		argp_error(state, "unknown command '%s'", input->words[0]);
	if (input->n_words - 1 != command->has_name)
		argp_error(state, "%s %s", command->name,
			   command->has_name ? "requires one argument: name"
					     : "requires no arguments");
	surplus = strspn(input->given, command->options);
	if (input->given[surplus])
		argp_error(state, "--%s is not for %s", option_name(input->given[surplus]),
			   command->name);
	if (command->has_name)
		check(state, input->words[1],
		      command->is_issued ? names_check_issued(input->words[1])
					 : names_check(input->words[1]));
	input->settings.name = input->words[1];
	input->command = command;
}

static void add_host(struct argp_state *state, const char *host)
{
	struct keys_settings *settings = &((struct input *)state->input)->settings;

	check(state, host, names_check_host(host));
	if (settings->n_hosts == KEYS_MAX_HOSTS)
		argp_error(state, "at most %d hosts", KEYS_MAX_HOSTS);
	settings->hosts[settings->n_hosts++] = host;
}

static long parse_days(struct argp_state *state, const char *text)
{
	char *end;
	long days = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || days < 1 || days > MAX_DAYS)
		argp_error(state, "'%s' is not a number of days from 1 to %d", text, MAX_DAYS);
	return days;
}

static void add_word(struct argp_state *state, const char *word)
{
	struct input *input = state->input;

	if (input->n_words == 2)
		argp_error(state, "too many arguments");
	input->words[input->n_words++] = word;
}

/* That an option that not all commands take was given. */
static void note(struct input *input, int key)
{
	if (!strchr(input->given, key))
		input->given[strlen(input->given)] = (char)key;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct input *input = state->input;
	struct keys_settings *settings = &input->settings;

	if (key > 0 && key < 128 && strchr("Hutnj", key))
		note(input, key);
	switch (key) {
	case 'd':
		settings->dir = arg;
		return 0;
	case 'H':
		add_host(state, arg);
		return 0;
	case 'u':
		check(state, arg, names_check_uri(arg));
		settings->uri = arg;
		return 0;
	case 'n':
		settings->days = parse_days(state, arg);
		return 0;
	case 't':
		if (strcmp(arg, "ec") != 0 && strcmp(arg, "ed25519") != 0)
			argp_error(state, "'%s' is not a type of key: use ec or ed25519", arg);
		settings->type = arg;
		return 0;
	case 'j':
		settings->json = true;
		return 0;
	case 'q':
		settings->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		add_word(state, arg);
		return 0;
	case ARGP_KEY_END:
		choose_command(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A crash leaves no file with keys in it, and other processes of the user cannot look in. */
static void hide_memory(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of write() */
}

const char *keys_folder(const struct keys_settings *settings)
{
	const char *dir = settings->dir ? settings->dir : getenv("PYRITE_KEYS_DIR");

	return dir && dir[0] ? dir : "pyrite-keys";
}

const struct argp keys_argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "COMMAND [NAME]",
	.doc = "Makes keys and certificates for TLS, signed by a small CA of your own, or "
	       "a shared key.\v"
	       "Commands:\n"
	       "  init                  make the CA: DIR/ca\n"
	       "  add NAME              make a key and certificate: DIR/NAME\n"
	       "  server NAME           the same\n"
	       "  client NAME           the same for a program that only makes calls\n"
	       "  list                  list what was issued and until when it is valid\n"
	       "  renew NAME            replace key and certificate, with the same hosts\n"
	       "  revoke NAME           refuse all certificates of a name from now on\n"
	       "  shared                make a shared key, for programs without "
	       "certificates: DIR/shared-key\n\n"
	       "DIR/NAME is what a program needs to prove its name. DIR/ca has the CA's "
	       "own "
	       "key: keep it on one machine, and a backup.\n\n"
	       "Exit codes: 0 success, 1 wrong usage, 2 not found or refused.",
};

int keys_main(int argc, char **argv)
{
	struct input input = { 0 };

	argp_parse(&keys_argp, argc, argv, 0, NULL, &input);
	hide_memory();
	return input.command->run(&input.settings);
}
