/* SPDX-License-Identifier: MIT */
/* The short forms of the name server's operations, against a pyrite-ns of this test's own, and
 * against name servers that lie. */
#define _GNU_SOURCE /* pipe2() */
#include "naming.h"
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <pyrite/naming.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static char ns_address[64];
static pid_t ns_pid;

/* "127.0.0.1:port" from the first line that it prints. */
static bool read_address(int fd)
{
	char line[200];
	FILE *file = fdopen(fd, "r");
	bool got = file && fgets(line, sizeof(line), file) &&
		   sscanf(line, "NS running on %63s", ns_address) == 1;

	if (file)
		fclose(file);
	else
		close(fd);
	return got;
}

static bool start_name_server(void)
{
	const char *bin = getenv("PYRITE_BIN");
	char path[1024];
	char *argv[] = { path, "--port", "0", "--storage", "memory", NULL };
	posix_spawn_file_actions_t actions;
	int pipes[2], status;

	snprintf(path, sizeof(path), "%s/pyrite-ns", bin ? bin : "bin");
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	status = posix_spawn(&ns_pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	return read_address(pipes[0]) && status == 0;
}

static pyr_ns *locate(void)
{
	pyr_ns *ns;

	if (!ns_pid)
		REQUIRE(start_name_server());
	ns = pyr_ns_locate(ns_address);
	REQUIRE(ns != NULL);
	return ns;
}

TEST(a_name_server_that_is_not_there_is_told_with_its_address)
{
	pyr_error_free(pyr_error_take());
	CHECK(pyr_ns_locate("127.0.0.1:1") == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "NamingError: failed to locate the name server at 127.0.0.1:1: ");
	CHECK_INT(pyr_ns_register(NULL, "x", "PYRO:o@h:1"), -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "127.0.0.1:1");
}

TEST(a_bad_address_is_told)
{
	CHECK(pyr_ns_locate("h:x") == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "name server: address 'h:x': the port is no number from 1 to 65535 "
				"(byte 3)");
}

TEST(null_is_answered)
{
	pyr_ns *ns = locate();
	uint32_t n;
	char *uri;

	pyr_error_free(pyr_error_take());
	CHECK_INT(pyr_ns_ping(NULL), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "ns is NULL");
	CHECK_INT(pyr_ns_register(ns, NULL, "PYRO:o@h:1"), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "name is NULL");
	CHECK_INT(pyr_ns_register(ns, "x", NULL), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "uri is NULL");
	CHECK_INT(pyr_ns_lookup(ns, NULL, &uri), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_lookup(ns, "x", NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_remove(ns, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_count(NULL, &n), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_list(ns, NULL, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_ns_address(NULL), "");
	pyr_ns_free(NULL);
	pyr_ns_free(ns);
}

TEST(a_name_is_registered_found_counted_and_removed)
{
	pyr_ns *ns = locate();
	uint32_t before = 0, after = 0;
	char *uri = NULL;

	CHECK_STR(pyr_ns_address(ns), ns_address);
	CHECK_INT(pyr_ns_ping(ns), 0);
	CHECK_INT(pyr_ns_count(ns, &before), 0);
	CHECK_INT(pyr_ns_register(ns, "a.name", "pyro:o@HOST:1"), 0);
	CHECK_INT(pyr_ns_count(ns, &after), 0);
	CHECK_INT(after, before + 1);
	REQUIRE(pyr_ns_lookup(ns, "a.name", &uri) == 0);
	CHECK_STR(uri, "PYRO:o@host:1");
	pyr_free(uri);
	CHECK_INT(pyr_ns_remove(ns, "a.name"), 0);
	uri = NULL;
	CHECK_INT(pyr_ns_lookup(ns, "a.name", &uri), -PYR_NOT_FOUND);
	CHECK(uri == NULL);
	CHECK(pyr_last_error()->remote);
	CHECK_HAS(pyr_errmsg(), "NamingError: unknown name: a.name (name server at 127.0.0.1:");
	CHECK_INT(pyr_ns_remove(ns, "a.name"), -PYR_NOT_FOUND);
	pyr_ns_free(ns);
}

TEST(a_bad_name_or_uri_is_refused)
{
	pyr_ns *ns = locate();

	CHECK_INT(pyr_ns_register(ns, "x", "NOTAURI"), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "uri 'NOTAURI'");
	CHECK_INT(pyr_ns_register(ns, "x y", "PYRO:o@h:1"), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "NamingError: invalid name: 'x y'");
	pyr_ns_free(ns);
}

TEST(a_name_of_any_length_does_no_harm)
{
	pyr_ns *ns = locate();
	char *big = malloc(200001), *found;

	REQUIRE(big != NULL);
	memset(big, 'x', 200000);
	big[200000] = '\0';
	CHECK_INT(pyr_ns_lookup(ns, big, &found), -PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(pyr_errmsg(), "MessageTooLarge");
	big[60000] = '\0';
	CHECK_INT(pyr_ns_lookup(ns, big, &found), -PYR_NOT_FOUND);
	CHECK_INT(pyr_ns_remove(ns, big), -PYR_NOT_FOUND);
	CHECK_INT(pyr_ns_register(ns, big, "PYRO:o@h:1"), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "1 to 255 bytes, not 60000");
	CHECK_INT(pyr_ns_ping(ns), 0);
	free(big);
	pyr_ns_free(ns);
}

/* The name server itself, by its interface. */
static struct pyrite_NameServer *name_server(void)
{
	char uri[128];

	snprintf(uri, sizeof(uri), "PYRO:Pyrite.NameServer@%s", ns_address);
	return pyrite_NameServer_proxy(uri);
}

TEST(a_secret_of_another_length_is_refused)
{
	uint8_t bytes[16] = { 0 };
	struct pyrite_NameTerms terms = { .ttl_ms = 1000 };
	struct pyrite_NameClaim claim = { .secret = { 3, bytes } };
	struct pyrite_NameServer *proxy;
	struct pyrite_NameGrant *grant;
	pyr_ns *ns = locate();

	proxy = name_server();
	CHECK_INT(pyrite_NameServer_register_name(proxy, "x", "PYRO:o@h:1", &terms, &claim, &grant),
		  -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "a secret has 16 bytes or none, not 3");
	CHECK_INT(pyrite_NameServer_remove(proxy, "x", &claim), -PYR_INVALID_ARGUMENT);
	claim.secret.n = 0;
	CHECK_INT(pyrite_NameServer_attend(proxy, &claim.secret), -PYR_INVALID_ARGUMENT);
	terms.ttl_ms = 60000;
	REQUIRE(pyrite_NameServer_register_name(proxy, "x", "PYRO:o@h:1", &terms, &claim, &grant) ==
		0);
	CHECK_INT(grant->ttl_ms, 60000);
	CHECK_INT(grant->secret.n, 16);
	CHECK_INT(pyrite_NameServer_remove(proxy, "x", &claim), -PYR_ALREADY_EXISTS);
	claim.secret = grant->secret;
	CHECK_INT(pyrite_NameServer_remove(proxy, "x", &claim), 0);
	pyr_free(grant);
	pyrite_NameServer_free(proxy);
	pyr_ns_free(ns);
}

/* Takes a name away without the secret of this process. */
static int steal(const char *name)
{
	struct pyrite_NameServer *proxy = name_server();
	struct pyrite_NameClaim none = { 0 };
	int status;

	status = pyrite_NameServer_remove(proxy, name, &none);
	pyrite_NameServer_free(proxy);
	return status;
}

/* The same, whoever owns it. */
static int seize(const char *name)
{
	pyr_ns *ns = pyr_ns_locate(ns_address);
	int status;

	pyr_ns_set_force(ns, true);
	status = pyr_ns_remove(ns, name);
	pyr_ns_free(ns);
	return status;
}

static int answer_ping(pyr_call *call)
{
	(void)call;
	return 0;
}

TEST(a_uri_of_a_daemon_of_this_process_is_leased)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer_ping };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pyr_ns *ns = locate();
	const char *uri = pyrite_NameServer_register(daemon, NULL, &methods, NULL);
	char *found;

	REQUIRE(uri != NULL);
	CHECK_INT(pyr_ns_register(ns, "leased", uri), 0);
	CHECK_INT(pyr_ns_register(ns, "not.leased", "PYRO:o@127.0.0.1:2"), 0);
	CHECK_INT(steal("leased"), -PYR_ALREADY_EXISTS);
	CHECK_INT(steal("not.leased"), 0);

	naming_daemon_closing("127.0.0.1:2");
	CHECK_INT(pyr_ns_lookup(ns, "leased", &found), 0);
	pyr_free(found);
	CHECK_INT(pyr_ns_remove(ns, "no.such.name"), -PYR_NOT_FOUND);
	naming_daemon_closing(pyr_daemon_address(daemon));
	CHECK_HAS(pyr_errmsg(), "no.such.name"); /* it leaves the last error alone */
	CHECK_INT(pyr_ns_lookup(ns, "leased", &found), -PYR_NOT_FOUND);
	pyr_ns_free(ns);
	pyr_daemon_free(daemon);
}

TEST(a_daemon_that_is_freed_takes_its_names_with_it)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer_ping };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pyr_ns *ns = locate();
	const char *uri = pyrite_NameServer_register(daemon, NULL, &methods, NULL);
	char *found;

	CHECK_INT(pyr_ns_register(ns, "freed", uri), 0);
	pyr_daemon_free(daemon);
	CHECK_INT(pyr_ns_lookup(ns, "freed", &found), -PYR_NOT_FOUND);
	pyr_ns_free(ns);
}

TEST(a_process_may_lead_its_own_name_elsewhere)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer_ping };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pyr_ns *ns = locate();
	const char *uri = pyrite_NameServer_register(daemon, "o", &methods, NULL);
	char *found = NULL;

	CHECK_INT(pyr_ns_register(ns, "moving", "PYRO:o@h:1"), 0);
	CHECK_INT(pyr_ns_register(ns, "moving", uri), 0);
	CHECK_INT(steal("moving"), -PYR_ALREADY_EXISTS);
	CHECK_INT(pyr_ns_register(ns, "moving", "PYRO:o@h:2"), 0);
	REQUIRE(pyr_ns_lookup(ns, "moving", &found) == 0);
	CHECK_STR(found, "PYRO:o@h:2");
	pyr_free(found);
	CHECK_INT(steal("moving"), 0);
	pyr_ns_free(ns);
	pyr_daemon_free(daemon);
}

TEST(a_long_list_comes_whole_and_sorted)
{
	enum { N = 3000 };
	pyr_ns *ns = locate();
	struct pyr_ns_entries *entries = NULL;
	char name[64];
	size_t i;

	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "list.%04zu", i * 7 % N);
		REQUIRE(pyr_ns_register(ns, name, "PYRO:some.object@some.host.example:12345") == 0);
	}
	REQUIRE(pyr_ns_list(ns, "list.", &entries) == 0);
	CHECK_INT(entries->n, N);
	for (i = 0; i < entries->n; i++) {
		snprintf(name, sizeof(name), "list.%04zu", i);
		REQUIRE(strcmp(entries->items[i].name, name) == 0);
		REQUIRE(strcmp(entries->items[i].uri, "PYRO:some.object@some.host.example:12345") ==
			0);
	}
	pyr_free(entries);
	REQUIRE(pyr_ns_list(ns, NULL, &entries) == 0);
	CHECK_INT(entries->n, N + 1);
	CHECK_STR(entries->items[0].name, "Pyrite.NameServer");
	pyr_free(entries);
	REQUIRE(pyr_ns_list(ns, "nothing", &entries) == 0);
	CHECK_INT(entries->n, 0);
	pyr_free(entries);
	pyr_ns_free(ns);
}

/* The names of a list with their tags: "a[x y] b[] ". */
static const char *names_of(struct pyr_ns_entries *entries)
{
	static char text[1024];
	size_t i, j;

	text[0] = '\0';
	for (i = 0; i < entries->n; i++) {
		strcat(strcat(text, entries->items[i].name), "[");
		for (j = 0; j < entries->items[i].n_tags; j++)
			strcat(strcat(text, j ? " " : ""), entries->items[i].tags[j]);
		strcat(text, "] ");
	}
	pyr_free(entries);
	return text;
}

TEST(names_have_metadata_and_are_found_by_it)
{
	static const char *const both[] = { "red", "blue" }, *const none[] = { "green" };
	struct pyr_ns_register_options options = { .tags = both, .n_tags = 2 };
	struct pyr_ns_entries *entries = NULL;
	struct pyr_ns_entry *entry = NULL;
	pyr_ns *ns = locate();

	CHECK_INT(pyr_ns_register_with(ns, "meta.a", "PYRO:o@h:1", &options), 0);
	CHECK_INT(pyr_ns_register_with(ns, "meta.b", "PYRO:o@h:1", NULL), 0);
	CHECK_INT(pyr_ns_set_metadata(ns, "meta.b", both, 1), 0);
	REQUIRE(pyr_ns_lookup_entry(ns, "meta.a", &entry) == 0);
	CHECK_STR(entry->name, "meta.a");
	CHECK_STR(entry->uri, "PYRO:o@h:1");
	CHECK_INT(entry->n_tags, 2);
	CHECK_STR(entry->tags[0], "blue");
	CHECK_STR(entry->tags[1], "red");
	pyr_free(entry);
	REQUIRE(pyr_ns_list_metadata_all(ns, both, 2, &entries) == 0);
	CHECK_STR(names_of(entries), "meta.a[blue red] ");
	REQUIRE(pyr_ns_list_metadata_any(ns, both, 2, &entries) == 0);
	CHECK_STR(names_of(entries), "meta.a[blue red] meta.b[red] ");
	REQUIRE(pyr_ns_list_metadata_any(ns, none, 1, &entries) == 0);
	CHECK_STR(names_of(entries), "");
	REQUIRE(pyr_ns_list_metadata_all(ns, NULL, 0, &entries) == 0);
	CHECK_STR(names_of(entries), "");
	CHECK_INT(pyr_ns_set_metadata(ns, "meta.b", NULL, 0), 0);
	REQUIRE(pyr_ns_list(ns, "meta.", &entries) == 0);
	CHECK_STR(names_of(entries), "meta.a[blue red] meta.b[] ");
	CHECK_INT(pyr_ns_set_metadata(ns, "no.such.name", both, 2), -PYR_NOT_FOUND);
	CHECK_INT(pyr_ns_remove_prefix(ns, "meta.", NULL), 0);
	pyr_ns_free(ns);
}

TEST(names_are_found_and_removed_by_regex)
{
	static const char *const names[] = { "regex.1", "regex.2", "regex.x", "noregex.1" };
	struct pyr_ns_removal removal = { 7, 7 };
	struct pyr_ns_entries *entries = NULL;
	pyr_ns *ns = locate();
	size_t i;

	for (i = 0; i < 4; i++)
		REQUIRE(pyr_ns_register(ns, names[i], "PYRO:o@h:1") == 0);
	REQUIRE(pyr_ns_list_matching(ns, "regex\\.\\d", &entries) == 0);
	CHECK_STR(names_of(entries), "regex.1[] regex.2[] ");
	CHECK_INT(pyr_ns_list_matching(ns, "((((broken", &entries), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "NamingError: invalid regex: missing closing parenthesis at "
				"position 10 (name server at 127.0.0.1:");
	CHECK_INT(pyr_ns_remove_matching(ns, "(", &removal), -PYR_INVALID_ARGUMENT);
	CHECK_INT(removal.removed, 7);
	CHECK_INT(pyr_ns_remove_matching(ns, "regex\\.\\d$", &removal), 0);
	CHECK_INT(removal.removed, 2);
	CHECK_INT(removal.kept, 0);
	CHECK_INT(pyr_ns_remove_prefix(ns, "no", &removal), 0);
	CHECK_INT(removal.removed, 1);
	CHECK_INT(pyr_ns_remove_prefix(ns, "Pyrite.", &removal), 0);
	CHECK_INT(removal.removed, 0);
	CHECK_INT(pyr_ns_remove(ns, "regex.x"), 0);
	pyr_ns_free(ns);
}

TEST(null_and_bad_arguments_of_metadata_are_answered)
{
	static const char *const holes[] = { "a", NULL };
	struct pyr_ns_register_options options = { .tags = NULL, .n_tags = 1 };
	struct pyr_ns_entries *entries;
	struct pyr_ns_entry *entry;
	pyr_ns *ns = locate();

	CHECK_INT(pyr_ns_set_metadata(ns, "x", holes, 2), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "tags[1] is NULL");
	CHECK_INT(pyr_ns_register_with(ns, "x", "PYRO:o@h:1", &options), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "tags is NULL");
	CHECK_INT(pyr_ns_list_metadata_any(ns, holes, 2, &entries), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_list_metadata_all(NULL, holes, 1, &entries), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_list_matching(ns, NULL, &entries), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "regex is NULL");
	CHECK_INT(pyr_ns_lookup_entry(ns, NULL, &entry), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_remove_prefix(ns, NULL, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_remove_matching(NULL, "x", NULL), -PYR_INVALID_ARGUMENT);
	pyr_ns_set_force(NULL, true);
	pyr_ns_free(ns);
}

TEST(a_persistent_name_is_replaced_only_on_purpose)
{
	struct pyr_ns_register_options options = { .replace = true };
	struct pyrite_NameServer *proxy;
	struct pyrite_NameTerms terms = { 0 };
	struct pyrite_NameClaim claim = { 0 };
	struct pyrite_NameGrant *grant;
	pyr_ns *ns = locate();
	char *uri = NULL;

	proxy = name_server();
	REQUIRE(pyrite_NameServer_register_name(proxy, "old", "PYRO:o@h:1", &terms, &claim,
						&grant) == 0);
	pyr_free(grant);
	CHECK_INT(pyr_ns_register(ns, "old", "PYRO:p@h:2"), -PYR_ALREADY_EXISTS);
	CHECK_HAS(pyr_errmsg(), "NamingError: name already registered: old, persistently for an "
				"object at h:1: replace it or remove it first");
	CHECK_INT(pyr_ns_register_with(ns, "old", "PYRO:p@h:2", &options), 0);
	REQUIRE(pyr_ns_lookup(ns, "old", &uri) == 0);
	CHECK_STR(uri, "PYRO:p@h:2");
	pyr_free(uri);
	CHECK_INT(pyr_ns_remove(ns, "old"), 0);
	pyrite_NameServer_free(proxy);
	pyr_ns_free(ns);
}

/* Before the library reads it. */
__attribute__((constructor)) static void shorten_leases(void)
{
	setenv("PYRITE_LEASE_TTL_MS", "1000", 1);
}

/* Until a lease that nobody renews, a little longer than this process's, has come and gone. */
static void wait_for_renewals(void)
{
	struct pyrite_NameServer *proxy = name_server();
	struct pyrite_NameTerms terms = { .ttl_ms = 1100 };
	struct pyrite_NameClaim claim = { 0 };
	struct pyrite_NameGrant *grant;
	char *uri;

	REQUIRE(pyrite_NameServer_register_name(proxy, "witness", "PYRO:o@h:1", &terms, &claim,
						&grant) == 0);
	pyr_free(grant);
	while (pyrite_NameServer_lookup(proxy, "witness", &uri) == 0)
		pyr_free(uri);
	CHECK_INT(pyr_last_error()->code, PYR_NOT_FOUND);
	pyrite_NameServer_free(proxy);
}

TEST(a_leased_name_that_was_removed_on_purpose_stays_removed)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer_ping };
	static const char *const tags[] = { "t" };
	struct pyr_ns_register_options options = { .tags = tags, .n_tags = 1 };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	struct pyr_ns_removal removal;
	struct pyr_ns_entries *entries;
	pyr_ns *ns = locate();
	const char *uri = pyrite_NameServer_register(daemon, NULL, &methods, NULL);

	CHECK_INT(pyr_ns_register_with(ns, "lease.a", uri, &options), 0);
	CHECK_INT(pyr_ns_register(ns, "lease.b", uri), 0);
	CHECK_INT(pyr_ns_register(ns, "lease.c", uri), 0);
	CHECK_INT(steal("lease.a"), -PYR_ALREADY_EXISTS);
	CHECK_INT(pyr_ns_remove_matching(ns, "lease\\.b", &removal), 0);
	CHECK_INT(removal.removed, 1);
	CHECK_INT(seize("lease.c"), 0);
	wait_for_renewals();
	REQUIRE(pyr_ns_list(ns, "lease.", &entries) == 0);
	CHECK_STR(names_of(entries), "lease.a[t] ");
	CHECK_INT(pyr_ns_register(ns, "lease.b", uri), 0);
	wait_for_renewals();
	REQUIRE(pyr_ns_list(ns, "lease.", &entries) == 0);
	CHECK_STR(names_of(entries), "lease.a[t] lease.b[] ");
	pyr_ns_free(ns);
	pyr_daemon_free(daemon);
}

/* Follows a name at this test's name server. */
static int resolve(const char *text, pyr_uri **ret)
{
	char full[256];
	pyr_uri *uri;
	int status;

	snprintf(full, sizeof(full), "%s@%s", text, ns_address);
	uri = pyr_uri_parse(full);
	status = naming_resolve(uri, 0, ret);
	pyr_uri_free(uri);
	return status;
}

TEST(a_name_is_followed_to_an_object)
{
	pyr_ns *ns = locate();
	char to_name[128];
	pyr_uri *found = NULL;

	snprintf(to_name, sizeof(to_name), "PYRONAME:resolve.a@%s", ns_address);
	CHECK_INT(pyr_ns_register(ns, "resolve.a", "PYRO:o@h:1"), 0);
	CHECK_INT(pyr_ns_register(ns, "resolve.b", to_name), 0);
	REQUIRE(resolve("PYRONAME:resolve.a", &found) == 0);
	CHECK_STR(pyr_uri_text(found), "PYRO:o@h:1");
	pyr_uri_free(found);
	REQUIRE(resolve("PYRONAME:resolve.b", &found) == 0);
	CHECK_STR(pyr_uri_text(found), "PYRO:o@h:1");
	pyr_uri_free(found);
	REQUIRE(resolve("PYRO:itself", &found) == 0);
	CHECK_STR(pyr_uri_object(found), "itself");
	pyr_uri_free(found);
	pyr_ns_free(ns);
}

TEST(a_name_that_leads_nowhere_is_told)
{
	pyr_ns *ns = locate();
	char to_itself[128];
	pyr_uri *found = NULL;

	snprintf(to_itself, sizeof(to_itself), "PYRONAME:resolve.c@%s", ns_address);
	CHECK_INT(pyr_ns_register(ns, "resolve.c", to_itself), 0);
	CHECK_INT(resolve("PYRONAME:resolve.c", &found), -PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_errmsg(), "PYRONAME:resolve.c@");
	CHECK_INT(resolve("PYRONAME:no.such.name", &found), -PYR_NOT_FOUND);
	CHECK_HAS(pyr_errmsg(), "NamingError: unknown name: no.such.name (name server at ");
	CHECK_INT(resolve("PYROMETA:tag", &found), -PYR_UNIMPLEMENTED);
	CHECK(found == NULL);
	pyr_ns_free(ns);
}

/* ---- a name server that lies ---- */

static int lying_lookup(pyr_call *call, const char *name, const char **ret)
{
	(void)call;
	(void)name;
	*ret = "PYRO:";
	return 0;
}

static int endless_list(pyr_call *call, const char *prefix, const char *after,
			const struct pyrite_NamePage **ret)
{
	static struct pyrite_NameEntry entry = { "same", "PYRO:o@h:1", { 0, NULL } };
	static const struct pyrite_NamePage page = { { 1, &entry }, "same" };

	(void)call;
	(void)prefix;
	(void)after;
	*ret = &page;
	return 0;
}

static void *run_daemon(void *data)
{
	return (void *)(intptr_t)pyr_daemon_run(data);
}

TEST(a_name_server_that_lies_is_not_believed)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer_ping,
								  .lookup = lying_lookup,
								  .list = endless_list };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	struct pyr_ns_entries *entries = NULL;
	pyr_uri *uri, *found = NULL;
	char text[128];
	pthread_t thread;
	pyr_ns *ns;

	REQUIRE(pyrite_NameServer_register(daemon, "Pyrite.NameServer", &methods, NULL) != NULL);
	REQUIRE(pthread_create(&thread, NULL, run_daemon, daemon) == 0);
	ns = pyr_ns_locate(pyr_daemon_address(daemon));
	REQUIRE(ns != NULL);
	CHECK_INT(pyr_ns_list(ns, NULL, &entries), -PYR_INTERNAL);
	CHECK_STR(pyr_errmsg(), "ProtocolError: the name server sent a list out of order");
	CHECK(entries == NULL);
	snprintf(text, sizeof(text), "PYRONAME:x@%s", pyr_daemon_address(daemon));
	uri = pyr_uri_parse(text);
	CHECK_INT(naming_resolve(uri, 0, &found), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "NamingError: name x leads nowhere: uri 'PYRO:': no object id");
	pyr_uri_free(uri);
	pyr_ns_free(ns);
	pyr_daemon_stop(daemon);
	REQUIRE(pthread_join(thread, NULL) == 0);
	pyr_daemon_free(daemon);
}

TEST(the_name_server_ends_well)
{
	int status = -1;

	REQUIRE(ns_pid > 0 && kill(ns_pid, SIGTERM) == 0);
	REQUIRE(waitpid(ns_pid, &status, 0) == ns_pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TESTS(naming, T(a_name_server_that_is_not_there_is_told_with_its_address), T(a_bad_address_is_told),
      T(null_is_answered), T(a_name_is_registered_found_counted_and_removed),
      T(a_bad_name_or_uri_is_refused), T(a_name_of_any_length_does_no_harm),
      T(a_secret_of_another_length_is_refused), T(a_uri_of_a_daemon_of_this_process_is_leased),
      T(a_daemon_that_is_freed_takes_its_names_with_it),
      T(a_process_may_lead_its_own_name_elsewhere), T(a_long_list_comes_whole_and_sorted),
      T(names_have_metadata_and_are_found_by_it), T(names_are_found_and_removed_by_regex),
      T(null_and_bad_arguments_of_metadata_are_answered),
      T(a_persistent_name_is_replaced_only_on_purpose),
      T(a_leased_name_that_was_removed_on_purpose_stays_removed),
      T(a_name_is_followed_to_an_object), T(a_name_that_leads_nowhere_is_told),
      T(a_name_server_that_lies_is_not_believed), T(the_name_server_ends_well))
