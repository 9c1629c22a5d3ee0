/* SPDX-License-Identifier: MIT */
/*
 * pyrite-ns: the name server. Serves until SIGTERM or SIGINT. Exit codes: 0 after a stop, 1 if it
 * could not start.
 */
#include <argp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "discovery.h"
#include "notify.h"
#include "service.h"
#include "storage.h"
#include "text_put.h"

const char *argp_program_version = "pyrite-ns " PYR_VERSION;

enum {
	OPT_ETCD = 256, /* options without a letter */
	OPT_ETCD_PREFIX,
	OPT_ETCD_CA,
	OPT_ETCD_CERT,
	OPT_ETCD_KEY,
	OPT_ETCD_USER,
	OPT_MAX_STALE,
	FIRST_HANDED_OVER = 3, /* SD_LISTEN_FDS_START */
	DAY_MS = 24 * 3600 * 1000,
	MOST_DAYS = 36500,
	MOST_STALE_S = 31536000,
	STALE_S = 3600,
	ETCD_TTL_STEP_MS = 1000 /* etcd's leases are of whole seconds */
};

static const struct argp_option options[] = {
	{ "host", 'n', "HOST", 0, "Address to listen on (127.0.0.1)", 0 },
	{ "port", 'p', "PORT", 0, "Port to listen on (9090); 0: the system picks one", 0 },
	{ "unix-socket", 'u', "PATH", 0, "Listen on this unix socket instead", 0 },
	{ "storage", 's', "STORAGE", 0,
	  "Where to keep names: memory, sqlite[:PATH] (sqlite, at "
	  "$XDG_STATE_HOME/pyrite/ns.db), or etcd",
	  0 },
	{ "etcd", OPT_ETCD, "HOST:PORT[,...]", 0,
	  "The members of the etcd cluster, with --storage etcd; any number of name servers may "
	  "share one",
	  0 },
	{ "etcd-prefix", OPT_ETCD_PREFIX, "PREFIX", 0,
	  "Prefix of all keys in etcd (" STORE_ETCD_PREFIX ")", 0 },
	{ "etcd-ca", OPT_ETCD_CA, "FILE", 0,
	  "Connect to etcd by TLS, and trust the CA certificates in FILE (PEM)", 0 },
	{ "etcd-cert", OPT_ETCD_CERT, "FILE", 0, "Client certificate for etcd (PEM)", 0 },
	{ "etcd-key", OPT_ETCD_KEY, "FILE", 0, "Private key of that certificate (PEM)", 0 },
	{ "etcd-user", OPT_ETCD_USER, "NAME", 0,
	  "Log in to etcd as this user, with the password in PYRITE_ETCD_PASSWORD", 0 },
	{ "max-stale", OPT_MAX_STALE, "SECONDS", 0,
	  "How long to answer from known names while etcd cannot be reached (3600); 0: for ever",
	  0 },
	{ "advertise", 'a', "HOST[:PORT]", 0,
	  "Address in the URIs of the name server, if others reach it elsewhere than where it "
	  "listens",
	  0 },
	{ "audit", 'A', "FILE", 0,
	  "Append registrations, removals and refusals to FILE as lines of JSON; syslog: for "
	  "syslog",
	  0 },
	{ "keep", 'k', "DAYS", 0,
	  "How long to keep a name that is not registered for the identity that owns it (30)", 0 },
	{ "max-names", 'm', "N", 0,
	  "Most names to hold (1000000); each takes 512 bytes of memory on average", 0 },
	{ "discovery", 'd', "PORT", 0,
	  "UDP port for the discovery by Pyro programs (9091, if it is free); 0: none", 0 },
	{ "http", 'H', NULL, 0, "Serve HTTP at the same port, and a page that shows the names", 0 },
	{ "check-config", 'c', NULL, 0,
	  "Check whether the name server could start with these options, and exit with 0 or 1. A "
	  "running one is not disturbed",
	  0 },
	{ "insecure", 'I', NULL, 0,
	  "Allow an address that other hosts can reach; without TLS or a key they can change names",
	  0 },
	{ 0 },
};

struct settings {
	struct pyr_daemon_options daemon;
	bool has_address; /* somebody said where to listen */
	const char *storage;
	int64_t keep_ms;  /* 0: the default */
	size_t max_names; /* the same */
	bool only_checks;
	uint16_t discovery;
	int64_t max_stale_ms;
	struct store_etcd_options etcd;
};

static unsigned long parse_number(const char *arg, const char *what, unsigned long least,
				  unsigned long most, struct argp_state *state)
{
	char *end;
	unsigned long number = strtoul(arg, &end, 10);

	if (arg[0] < '0' || arg[0] > '9' || *end || number < least || number > most)
		argp_error(state, "'%s' is not a %s from %lu to %lu", arg, what, least, most);
	return number;
}

static uint16_t parse_port(const char *arg, struct argp_state *state)
{
	return (uint16_t)parse_number(arg, "port number", 0, 65535, state);
}

/* Where names are kept. */
static error_t parse_storage(int key, char *arg, struct argp_state *state)
{
	struct settings *settings = state->input;

	switch (key) {
	case 's':
		if (!storage_is_known(arg))
			argp_error(state,
				   "'%s' is not a storage: use memory, sqlite, sqlite:PATH or etcd",
				   arg);
		settings->storage = arg;
		return 0;
	case OPT_ETCD:
		settings->etcd.endpoints = arg;
		return 0;
	case OPT_ETCD_PREFIX:
		settings->etcd.prefix = arg;
		return 0;
	case OPT_ETCD_CA:
		settings->etcd.ca = arg;
		return 0;
	case OPT_ETCD_CERT:
		settings->etcd.cert = arg;
		return 0;
	case OPT_ETCD_KEY:
		settings->etcd.key = arg;
		return 0;
	case OPT_ETCD_USER:
		settings->etcd.user = arg;
		return 0;
	case OPT_MAX_STALE:
		settings->max_stale_ms = 1000 * (int64_t)parse_number(arg, "number of seconds", 0,
								      MOST_STALE_S, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct settings *settings = state->input;
	struct pyr_daemon_options *daemon = &settings->daemon;

	settings->has_address |= key == 'n' || key == 'p' || key == 'u';
	switch (key) {
	case 'n':
		daemon->host = arg;
		return 0;
	case 'p':
		daemon->port = parse_port(arg, state);
		return 0;
	case 'd':
		settings->discovery = parse_port(arg, state);
		return 0;
	case 'u':
		daemon->socket = arg;
		return 0;
	case 'a':
		daemon->advertise = arg;
		return 0;
	case 'A':
		daemon->audit = arg;
		return 0;
	case 'k':
		settings->keep_ms =
			DAY_MS * (int64_t)parse_number(arg, "number of days", 1, MOST_DAYS, state);
		return 0;
	case 'H':
		daemon->faces = "+http";
		return 0;
	case 'c':
		settings->only_checks = true;
		return 0;
	case 'm':
		settings->max_names =
			parse_number(arg, "number of names", 1, REGISTRY_NAMES_MOST, state);
		return 0;
	case 'I':
		daemon->insecure = PYR_YES;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		return 0;
	default:
		return parse_storage(key, arg, state);
	}
}

static int64_t monotonic_ms(void *data)
{
	(void)data;
	return clock_ms();
}

static int complain(const char *text)
{
	fprintf(stderr, "pyrite-ns: %s\n", text);
	return 1;
}

/* What systemd's sd_listen_fds(3) would give: how many sockets were handed over, from descriptor 3
 * on, as text; NULL if there are none, or they are another process's. */
static const char *handed_over(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	char own[24];

	snprintf(own, sizeof(own), "%ld", (long)getpid());
	return pid && n && strcmp(pid, own) == 0 ? n : NULL;
}

/* Returns NULL, and says why, if it cannot listen. */
static pyr_daemon *new_daemon(const struct settings *settings)
{
	struct pyr_daemon_options how = settings->daemon;
	const char *n_sockets = handed_over();
	pyr_daemon *daemon;

	if (n_sockets && strcmp(n_sockets, "1") != 0) {
		complain("the environment's LISTEN_FDS is not 1: one socket can be served");
		return NULL;
	}
	if (n_sockets && settings->has_address) {
		complain("the environment's LISTEN_FDS has the socket: leave out --host, --port "
			 "and --unix-socket");
		return NULL;
	}
	if (n_sockets) {
		how.host = NULL;
		how.port = 0;
		daemon = pyr_daemon_listen_fd(FIRST_HANDED_OVER, &how);
	} else {
		daemon = pyr_daemon_new(&how);
	}
	if (!daemon)
		pyr_perror("pyrite-ns");
	return daemon;
}

/* Returns NULL, and says why, if nobody can ask. */
static struct discovery *answer_questions(pyr_daemon *daemon, uint16_t port)
{
	struct discovery *discovery;
	char text[200];

	if (!port || strncmp(pyr_daemon_address(daemon), "./u:", 4) == 0)
		return NULL;
	discovery = discovery_start(pyr_daemon_address(daemon), port, text, sizeof(text));
	if (!discovery && port != DISCOVERY_PORT)
		fprintf(stderr, "pyrite-ns: no discovery: %s\n", text);
	return discovery;
}

static int serve(pyr_daemon *daemon, struct service *service, const struct settings *settings,
		 size_t n_stored, bool is_stored)
{
	struct registry_problem problem;
	struct discovery *discovery;
	const char *uri;
	int status;

	service_set_max_stale(service, settings->max_stale_ms);
	if (!service_set_daemon(service, daemon))
		return complain("out of memory");
	uri = pyrite_NameServer_register(daemon, pyrite_NAME_SERVER_ID, &service_methods, service);
	if (!uri)
		return pyr_perror("pyrite-ns");
	if (!service_add_self(service, uri, &problem))
		return complain(problem.text);
	printf("NS running on %s\nURI = %s\n", pyr_daemon_address(daemon), uri);
	if (is_stored)
		printf("Persistent store contains %zu existing registration%s.\n", n_stored,
		       n_stored == 1 ? "" : "s");
	fflush(stdout);
	discovery = answer_questions(daemon, settings->discovery);
	notify("READY=1");
	status = pyr_daemon_run(daemon);
	notify("STOPPING=1");
	discovery_stop(discovery);
	if (status < 0)
		return pyr_perror("pyrite-ns");
	puts("NS shut down.");
	return 0;
}

static void tell_aside(const char *name, const char *why, void *data)
{
	const struct storage *storage = data;

	fputs("pyrite-ns: name ", stderr);
	text_put(stderr, name);
	fputs(" is set aside: ", stderr);
	text_put(stderr, why);
	if (storage->is_etcd)
		fprintf(stderr, ": see its key in etcd\n");
	else
		fprintf(stderr, ": see table set_aside of database %s\n", storage->path);
}

/* The names of before. Returns NULL, and says why, if there is no getting at them. */
static struct registry *open_registry(struct storage *storage, const struct settings *settings)
{
	struct registry_options rules = { .clock = monotonic_ms,
					  .keep_ms = settings->keep_ms,
					  .max_names = settings->max_names,
					  .ttl_step_ms = storage->is_etcd ? ETCD_TTL_STEP_MS : 0 };
	struct store_problem why;
	struct store *store = storage_open(storage, tell_aside, storage, &why);
	struct registry *registry;

	if (!store) {
		complain(why.text);
		return NULL;
	}
	registry = registry_new(store, &rules);
	if (registry && registry_adopt(registry, tell_aside, storage))
		return registry;
	complain("out of memory");
	registry_free(registry);
	return NULL;
}

/* Keys, rules, addresses and logs, by a daemon that listens elsewhere. */
static bool check_daemon(const struct settings *settings)
{
	struct pyr_daemon_options how = settings->daemon;
	pyr_daemon *daemon;

	how.port = 0;
	how.socket = NULL;
	daemon = pyr_daemon_new(&how);
	if (!daemon)
		pyr_perror("pyrite-ns");
	pyr_daemon_free(daemon);
	return daemon != NULL;
}

static int check_config(const struct settings *settings, struct storage *storage)
{
	struct store_problem problem;
	bool is_stored = storage_check(storage, &problem);

	if (!is_stored)
		complain(problem.text);
	if (!check_daemon(settings) || !is_stored)
		return 1;
	printf("Storage: %s\nConfiguration ok.\n", storage_name(storage));
	return 0;
}

static int run(const struct settings *settings, struct storage *storage)
{
	struct registry *registry = open_registry(storage, settings);
	bool is_stored = storage->is_etcd || storage->path[0];
	struct service *service;
	pyr_daemon *daemon;
	size_t n_stored;
	int status = 1;

	if (!registry)
		return 1;
	n_stored = registry_count(registry);
	service = service_new(registry);
	daemon = service ? new_daemon(settings) : NULL;
	if (!service)
		complain("out of memory");
	else if (daemon)
		status = serve(daemon, service, settings, n_stored, is_stored);
	service_free(service);
	pyr_daemon_free(daemon);
	return status;
}

/* What a core dump would have: the private key. Nobody else's program is decided about here. */
static void keep_keys(void)
{
	static const char *const keys[] = { "PYRITE_KEYS", "PYRITE_SHARED_KEY",
					    "PYRITE_SHARED_KEY_FILE", "PYRITE_ETCD_PASSWORD" };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]) && !getenv(keys[i]); i++)
		continue;
	if (i == sizeof(keys) / sizeof(keys[0]))
		return;
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
	prctl(PR_SET_DUMPABLE, 0);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "The Pyrite name server: maps names to the addresses of objects.\vIf "
		       "systemd passes a socket (LISTEN_FDS), it is used instead of HOST, PORT or "
		       "PATH.",
	};
	struct settings settings = {
		.daemon = { .host = "127.0.0.1",
			    .port = pyrite_NAME_SERVER_PORT,
			    .threads = 1,
			    .max_message = SERVICE_MESSAGE_MAX,
			    .drain_ms = SERVICE_DRAIN_MS,
			    .stream_linger_ms = PYR_NONE }, /* watchers come back by themselves */
		.storage = STORAGE_SQLITE,
		.discovery = DISCOVERY_PORT,
		.max_stale_ms = (int64_t)STALE_S * 1000,
	};
	static struct storage storage;
	struct store_problem problem;

	signal(SIGPIPE, SIG_IGN); /* whoever reads what it prints may go */
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a full disk */
	keep_keys();
	argp_err_exit_status = 1;
	argp_parse(&argp, argc, argv, 0, NULL, &settings);
	settings.etcd.password = getenv("PYRITE_ETCD_PASSWORD");
	if (storage_find(settings.storage, &settings.etcd, &storage, &problem) < 0)
		return complain(problem.text);
	return settings.only_checks ? check_config(&settings, &storage) : run(&settings, &storage);
}
