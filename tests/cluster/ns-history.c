/* SPDX-License-Identifier: MIT */
/*
 * ns-history [-t THREADS] [-k KEYS] [-r TURN] [-p PAUSE_US] [-d DEADLINE_MS] [-l TTL_MS] [-w]
 * HOST:PORT...: clients that register, replace, remove and look up a few names at several name
 * servers, and what each of them saw, as lines of JSON on stdout, with times of CLOCK_MONOTONIC in
 * ns. Ends when its stdin does: then it makes a last change, waits until it is everywhere, and
 * reads all names once more at each server (kind "final"). history.py says whether
 * what is told can be true.
 *
 * Names are "hPID.TURN.KEY": after so many operations others are used, so that what is not known to
 * have run (a call without an answer) stays with a few operations; and "hPID.all.KEY", which stay.
 * Each registration leads to a uri of its own, so that who finds it knows which one it was.
 */
#include <inttypes.h>
#include <pthread.h>
#include <pyrite/naming.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SERVERS = 8, THREADS = 64, TEXT = 64, SECRET = 16, LONG_TTL_MS = 3600000, LAST_MS = 15000 };

/* What all names of this process begin with; and the name of the last change: who has it has all */
static char prefix[24], last_name[TEXT];

static struct settings {
	uint32_t threads, keys, turn, pause_us, deadline_ms, ttl_ms;
	bool watches;
	size_t n_servers;
	char *servers[SERVERS];
} settings = { 8, 4, 200, 1000, 3000, 0, false, 0, { NULL } };

static atomic_ulong n_made;
static atomic_bool is_over;
static atomic_uint heard_last; /* a bit for each watcher */
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;

struct client {
	unsigned number;
	uint64_t random, n;
	uint8_t secret[SECRET];
	struct pyrite_NameServer *proxies[SERVERS];
};

struct operation {
	const char *kind; /* "register", "remove", "lookup", "final" */
	size_t server;
	char name[TEXT], uri[TEXT];
	uint32_t ttl_ms;
	bool replace, force, has_secret;
};

struct outcome {
	int64_t begin, end;
	int status;
	bool may_have_run, remote;
	uint64_t generation;
	int64_t age_ms; /* of a look-up; -1: it is told as it is */
	char uri[TEXT], secret[2 * SECRET + 1], message[200];
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint32_t draw(struct client *client, uint32_t n)
{
	client->random = client->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(client->random >> 33) % n;
}

static void write_hex(const uint8_t *bytes, size_t n, char *ret)
{
	size_t i;

	for (i = 0; i < n && i < SECRET; i++)
		sprintf(ret + 2 * i, "%02x", bytes[i]);
}

/* ---- one operation ---- */

static struct pyrite_NameClaim claim_of(struct client *client, const struct operation *operation)
{
	struct pyrite_NameClaim claim = { .force = operation->force };

	if (operation->has_secret)
		claim.secret = (struct pyr_bytes){ SECRET, client->secret };
	return claim;
}

static int run_register(struct client *client, const struct operation *operation,
			struct outcome *ret)
{
	struct pyrite_NameClaim claim = claim_of(client, operation);
	struct pyrite_NameTerms terms = { .ttl_ms = operation->ttl_ms,
					  .replace = operation->replace };
	struct pyrite_NameGrant *grant;
	int status =
		pyrite_NameServer_register_name(client->proxies[operation->server], operation->name,
						operation->uri, &terms, &claim, &grant);

	if (status < 0)
		return status;
	ret->generation = grant->generation;
	write_hex(grant->secret.items, grant->secret.n, ret->secret);
	pyr_free(grant);
	return 0;
}

static int run_lookup(struct client *client, const struct operation *operation, struct outcome *ret)
{
	struct pyrite_NameEntry *entry;
	int status = pyrite_NameServer_lookup_entry(client->proxies[operation->server],
						    operation->name, &entry);

	if (status < 0)
		return status;
	snprintf(ret->uri, sizeof(ret->uri), "%s", entry->uri);
	ret->generation = entry->has_generation ? entry->generation : 0;
	ret->age_ms = entry->has_age_ms ? (int64_t)entry->age_ms : -1;
	pyr_free(entry);
	return 0;
}

static int run_remove(struct client *client, const struct operation *operation)
{
	struct pyrite_NameClaim claim = claim_of(client, operation);

	return pyrite_NameServer_remove(client->proxies[operation->server], operation->name,
					&claim);
}

/* What stands between quotes. */
static void copy_plain(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i]; i++)
		to[i] = (unsigned char)from[i] < ' ' || strchr("\"\\", from[i]) ? '\'' : from[i];
	to[i] = 0;
}

static struct outcome run(struct client *client, const struct operation *operation)
{
	struct outcome outcome = { .begin = now_ns() };
	const pyr_error *error;

	if (strcmp(operation->kind, "register") == 0)
		outcome.status = run_register(client, operation, &outcome);
	else if (strcmp(operation->kind, "remove") == 0)
		outcome.status = run_remove(client, operation);
	else
		outcome.status = run_lookup(client, operation, &outcome);
	outcome.end = now_ns();
	if (outcome.status == 0)
		return outcome;
	error = pyr_last_error();
	outcome.may_have_run = error->may_have_run;
	outcome.remote = error->remote;
	copy_plain(outcome.message, sizeof(outcome.message), error->message);
	return outcome;
}

/* "ok", "exists", "missing"; "fail": it did not run; "unknown": it may have run. */
static const char *word_of(const struct outcome *outcome)
{
	switch (-outcome->status) {
	case PYR_OK:
		return "ok";
	case PYR_ALREADY_EXISTS:
		return "exists";
	case PYR_NOT_FOUND:
		return "missing";
	case PYR_INVALID_ARGUMENT:
	case PYR_PERMISSION_DENIED:
	case PYR_RESOURCE_EXHAUSTED:
	case PYR_FAILED_PRECONDITION:
	case PYR_UNIMPLEMENTED:
		return "fail";
	default:
		return outcome->remote || outcome->may_have_run ? "unknown" : "fail";
	}
}

static void tell(const struct client *client, const struct operation *operation,
		 const struct outcome *outcome)
{
	char own[2 * SECRET + 1] = "";

	if (operation->has_secret)
		write_hex(client->secret, SECRET, own);
	pthread_mutex_lock(&out_lock);
	printf("{\"kind\":\"%s\",\"thread\":%u,\"server\":%zu,\"name\":\"%s\",\"begin\":%" PRId64
	       ",\"end\":%" PRId64 ",\"result\":\"%s\"",
	       operation->kind, client->number, operation->server, operation->name, outcome->begin,
	       outcome->end, word_of(outcome));
	if (strcmp(operation->kind, "register") == 0)
		printf(",\"uri\":\"%s\",\"ttl\":%u,\"replace\":%s,\"generation\":%" PRIu64
		       ",\"granted\":\"%s\"",
		       operation->uri, operation->ttl_ms, operation->replace ? "true" : "false",
		       outcome->generation, outcome->secret);
	else if (outcome->uri[0])
		printf(",\"uri\":\"%s\",\"generation\":%" PRIu64 ",\"age_ms\":%" PRId64,
		       outcome->uri, outcome->generation, outcome->age_ms);
	if (own[0])
		printf(",\"secret\":\"%s\"", own);
	if (operation->force)
		printf(",\"force\":true");
	if (outcome->status < 0)
		printf(",\"code\":%d,\"message\":\"%s\"", -outcome->status, outcome->message);
	puts("}");
	pthread_mutex_unlock(&out_lock);
}

/* ---- which operation ---- */

static void choose_name(struct client *client, unsigned long turn, char *ret)
{
	uint32_t key = draw(client, settings.keys);

	if (draw(client, 25) == 0)
		snprintf(ret, TEXT, "%sall.%u", prefix, key % 2);
	else
		snprintf(ret, TEXT, "%s%lu.%u", prefix, turn, key);
}

static void choose_register(struct client *client, struct operation *ret)
{
	uint32_t dice = draw(client, 100);

	ret->kind = "register";
	snprintf(ret->uri, TEXT, "PYRO:o%u.%" PRIu64 "@h:1", client->number, client->n);
	ret->has_secret = dice < 65;
	if (dice < 45)
		ret->ttl_ms = settings.ttl_ms ? settings.ttl_ms : LONG_TTL_MS;
	ret->replace = draw(client, 100) < 50;
	ret->force = draw(client, 100) < 10;
}

static struct operation choose(struct client *client)
{
	struct operation operation = { .server = client->number % settings.n_servers };
	unsigned long turn = atomic_fetch_add(&n_made, 1) / settings.turn;
	uint32_t dice = draw(client, 100);

	client->n++;
	choose_name(client, turn, operation.name);
	if (draw(client, 5) == 0)
		operation.server = draw(client, (uint32_t)settings.n_servers);
	if (dice < 40) {
		choose_register(client, &operation);
	} else if (dice < 65) {
		operation.kind = "remove";
		operation.has_secret = draw(client, 2) == 0;
		operation.force = draw(client, 100) < 20;
	} else {
		operation.kind = "lookup";
	}
	return operation;
}

/* The pace of a client, which is part of the history. At its end it asks each server for the last
 * name: a watch would tell what is judged here. */
static void wait_us(uint64_t us)
{
	struct timespec pause = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };

	nanosleep(&pause, NULL);
}

static void *work(void *data)
{
	struct client *client = data;
	struct operation operation;
	struct outcome outcome;

	while (!atomic_load(&is_over)) {
		operation = choose(client);
		outcome = run(client, &operation);
		tell(client, &operation, &outcome);
		wait_us(settings.pause_us / 2 + draw(client, settings.pause_us + 1));
		if (outcome.status == -PYR_UNAVAILABLE)
			wait_us(20000); /* nobody is there: not as fast as it fails */
	}
	return NULL;
}

/* ---- who watches ---- */

static void on_event(const struct pyr_ns_event *event, void *data)
{
	static const char *const words[] = { "resync", "put", "gone", "ready", "lost" };

	pthread_mutex_lock(&out_lock);
	printf("{\"kind\":\"watch\",\"server\":%zu,\"event\":\"%s\",\"at\":%" PRId64
	       ",\"revision\":%" PRIu64,
	       (size_t)((char **)data - settings.servers), words[event->kind], now_ns(),
	       event->revision);
	if (event->kind == PYR_NS_PUT && strcmp(event->name, last_name) == 0)
		atomic_fetch_or(&heard_last, 1u << ((char **)data - settings.servers));
	if (event->name)
		printf(",\"name\":\"%s\",\"uri\":\"%s\"", event->name, event->uri);
	puts("}");
	pthread_mutex_unlock(&out_lock);
}

static pyr_ns_watcher *watch(size_t server)
{
	struct pyr_ns_watch_options options = { .prefix = prefix };
	pyr_ns *ns = pyr_ns_locate(settings.servers[server]);
	pyr_ns_watcher *watcher =
		ns ? pyr_ns_watch(ns, &options, on_event, &settings.servers[server]) : NULL;

	if (!watcher)
		exit(pyr_perror(settings.servers[server]));
	pyr_ns_free(ns);
	return watcher;
}

/* ---- all of it ---- */

static void open_client(struct client *client, unsigned number)
{
	struct pyr_proxy_options options = { .timeout_ms = settings.deadline_ms,
					     .connect_timeout_ms = 1000,
					     .own_link = true };
	char uri[300];
	size_t i;

	client->number = number;
	client->random = number * 2654435761u + (uint64_t)now_ns();
	memset(client->secret, (int)number + 1, SECRET);
	for (i = 0; i < settings.n_servers; i++) {
		snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID,
			 settings.servers[i]);
		client->proxies[i] = pyrite_NameServer_proxy_with(uri, &options);
		if (!client->proxies[i])
			exit(pyr_perror(uri));
	}
}

static void close_client(struct client *client)
{
	size_t i;

	for (i = 0; i < settings.n_servers; i++)
		pyrite_NameServer_free(client->proxies[i]);
}

/* Whether the last change is at all servers, and all who watch have heard of it. */
static bool is_everywhere(struct client *client, struct operation operation)
{
	struct outcome outcome;
	size_t i;

	operation.kind = "lookup";
	for (i = 0; i < settings.n_servers; i++) {
		operation.server = i;
		outcome = run(client, &operation);
		if (outcome.status < 0 || strcmp(outcome.uri, operation.uri) != 0 ||
		    (settings.watches && !(atomic_load(&heard_last) >> i & 1)))
			return false;
	}
	return true;
}

/* Makes the last change, and waits for it. */
static void settle(struct client *client)
{
	struct operation operation = { .kind = "register", .uri = "PYRO:end@h:1", .replace = true };
	int64_t until = now_ns() + (int64_t)LAST_MS * 1000000;
	struct outcome outcome = { .status = -1 };

	strcpy(operation.name, last_name);
	while (outcome.status < 0 && now_ns() < until) {
		snprintf(operation.uri, TEXT, "PYRO:end.%" PRIu64 "@h:1", client->n++);
		outcome = run(client, &operation);
		tell(client, &operation, &outcome);
		wait_us(outcome.status < 0 ? 50000 : 0);
	}
	while (!is_everywhere(client, operation) && now_ns() < until)
		wait_us(10000);
}

static void read_at_the_end(struct client *client, struct operation operation)
{
	struct outcome outcome;

	operation.kind = "final";
	for (operation.server = 0; operation.server < settings.n_servers; operation.server++) {
		outcome = run(client, &operation);
		tell(client, &operation, &outcome);
	}
}

static void read_all(struct client *client)
{
	unsigned long turn, turns = atomic_load(&n_made) / settings.turn + 1;
	struct operation operation = { 0 };
	uint32_t key;

	strcpy(operation.name, last_name);
	read_at_the_end(client, operation);
	for (turn = 0; turn < turns; turn++) {
		for (key = 0; key < settings.keys; key++) {
			snprintf(operation.name, TEXT, "%s%lu.%u", prefix, turn, key);
			read_at_the_end(client, operation);
		}
	}
	for (key = 0; key < 2; key++) {
		snprintf(operation.name, TEXT, "%sall.%u", prefix, key);
		read_at_the_end(client, operation);
	}
}

static bool read_option(int option)
{
	static const char letters[] = "tkrpdl";
	uint32_t *values[] = { &settings.threads,  &settings.keys,        &settings.turn,
			       &settings.pause_us, &settings.deadline_ms, &settings.ttl_ms };
	const char *found = strchr(letters, option);

	if (option == 'w')
		settings.watches = true;
	else if (found)
		*values[found - letters] = (uint32_t)strtoul(optarg, NULL, 10);
	return option == 'w' || found;
}

static bool read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "t:k:r:p:d:l:w")) != -1)
		if (!read_option(option))
			return false;
	for (; optind < argc && settings.n_servers < SERVERS; optind++)
		settings.servers[settings.n_servers++] = argv[optind];
	return optind == argc && settings.n_servers > 0 && settings.threads > 0 &&
	       settings.threads <= THREADS && settings.keys > 0 && settings.turn > 0;
}

int main(int argc, char **argv)
{
	static struct client clients[THREADS];
	pyr_ns_watcher *watchers[SERVERS] = { NULL };
	pthread_t threads[THREADS];
	size_t i;

	if (!read_options(argc, argv)) {
		fputs("usage: ns-history [-t THREADS] [-k KEYS] [-r TURN] [-p PAUSE_US] "
		      "[-d DEADLINE_MS] [-l TTL_MS] [-w] HOST:PORT...\n",
		      stderr);
		return 2;
	}
	snprintf(prefix, sizeof(prefix), "h%ld.", (long)getpid());
	snprintf(last_name, sizeof(last_name), "%send", prefix);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; settings.watches && i < settings.n_servers; i++)
		watchers[i] = watch(i);
	for (i = 0; i < settings.threads; i++) {
		open_client(&clients[i], (unsigned)i);
		if (pthread_create(&threads[i], NULL, work, &clients[i]) != 0)
			return perror("ns-history"), 1;
	}
	while (getchar() != EOF)
		;
	atomic_store(&is_over, true);
	for (i = 0; i < settings.threads; i++)
		pthread_join(threads[i], NULL);
	settle(&clients[0]);
	read_all(&clients[0]);
	for (i = 0; i < settings.n_servers; i++)
		pyr_ns_watcher_free(watchers[i]);
	for (i = 0; i < settings.threads; i++)
		close_client(&clients[i]);
	return 0;
}
