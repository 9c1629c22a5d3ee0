/* SPDX-License-Identifier: MIT */
/* The short forms of the name server's operations, against a pyrite-ns of this test's own, and
 * against name servers that lie. */
#define _GNU_SOURCE /* pipe2() */
#include "naming/naming.h"
#include "naming/naming_here.h"
#include "naming_server.h"

#include <pthread.h>
#include <time.h>

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
	CHECK_STR(pyr_errmsg(),
		  "name server: address 'h:x': the port is not a number from 1 to 65535 "
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

	naming_here_close(&(struct naming_here){ .address = "127.0.0.1:2" });
	CHECK_INT(pyr_ns_lookup(ns, "leased", &found), 0);
	pyr_free(found);
	CHECK_INT(pyr_ns_remove(ns, "no.such.name"), -PYR_NOT_FOUND);
	naming_here_close(&(struct naming_here){ .address = pyr_daemon_address(daemon) });
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

TEST(a2_a_name_is_followed_to_an_object)
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
	CHECK(found == NULL);
	pyr_ns_free(ns);
}

TEST(a3_one_of_the_names_with_all_tags_is_picked)
{
	static const char *const both[] = { "blue", "printer" }, *const one[] = { "printer" };
	struct pyr_ns_register_options with_both = { .tags = both, .n_tags = 2 };
	struct pyr_ns_register_options with_one = { .tags = one, .n_tags = 1 };
	char name[16], uri[32];
	int n_found[4] = { 0 }, i;
	pyr_ns *ns = locate();
	pyr_uri *found;

	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "meta.%d", i);
		snprintf(uri, sizeof(uri), "PYRO:%d@h:1", i);
		CHECK_INT(pyr_ns_register_with(ns, name, uri, i == 3 ? &with_one : &with_both), 0);
	}
	for (i = 0; i < 100; i++) {
		REQUIRE(resolve("PYROMETA:printer,blue", &found) == 0);
		n_found[atoi(pyr_uri_object(found))]++;
		pyr_uri_free(found);
	}
	for (i = 0; i < 3; i++) /* each fails with (2/3)^100 */
		CHECK(n_found[i] > 0);
	CHECK_INT(n_found[3], 0);
	found = NULL;
	CHECK_INT(resolve("PYROMETA:printer,red", &found), -PYR_NOT_FOUND);
	CHECK_HAS(pyr_errmsg(), "NamingError: no registrations available with desired metadata "
				"properties {printer,red} (name server at ");
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
	static struct pyrite_NameEntry entry = { .name = "same", .uri = "PYRO:o@h:1" };
	static const struct pyrite_NamePage page = { { 1, &entry }, "same" };

	(void)call;
	(void)prefix;
	(void)after;
	*ret = &page;
	return 0;
}

/* In order, and without end: a longer name in each page. */
static int growing_list(pyr_call *call, const char *prefix, const char *after,
			const struct pyrite_NamePage **ret)
{
	static char name[4096];
	static struct pyrite_NameEntry entry = { .name = name, .uri = "PYRO:o@h:1" };
	static const struct pyrite_NamePage page = { { 1, &entry }, name };

	(void)call;
	(void)prefix;
	memset(name, 'a', strlen(after) + 1);
	name[strlen(after) + 1] = '\0';
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
	CHECK_HAS(pyr_errmsg(),
		  "NamingError: name x has an invalid URI: uri 'PYRO:': no object id");
	pyr_uri_free(uri);
	pyr_ns_free(ns);
	pyr_daemon_stop(daemon);
	REQUIRE(pthread_join(thread, NULL) == 0);
	pyr_daemon_free(daemon);
}

/* An owner of one name, who attends over a connection of his own. */
struct attendant {
	struct pyrite_NameServer *proxy;
	struct pyr_bytes secret;
	uint8_t bytes[16];
	pyr_future *attending;
};

static void begin_to_attend(struct attendant *owner, const char *name)
{
	struct pyrite_NameTerms terms = { .ttl_ms = 60000 };
	struct pyrite_NameClaim claim = { 0 };
	struct pyrite_NameGrant *grant;

	owner->proxy = name_server();
	memset(owner->bytes, name[0], sizeof(owner->bytes));
	owner->secret = (struct pyr_bytes){ sizeof(owner->bytes), owner->bytes };
	claim.secret = owner->secret;
	REQUIRE(pyrite_NameServer_register_name(owner->proxy, name, "PYRO:o@h:1", &terms, &claim,
						&grant) == 0);
	pyr_free(grant);
	owner->attending = pyrite_NameServer_attend_start(owner->proxy, &owner->secret);
	CHECK_INT(pyrite_NameServer_ping(owner->proxy), 0); /* answered after it */
}

static void say_that_he_goes(struct attendant *owner)
{
	const struct pyr_string_seq none = { 0, NULL };
	struct pyrite_NameRenewal *renewal;

	REQUIRE(pyrite_NameServer_renew(owner->proxy, &owner->secret, &none, &renewal) == 0);
	CHECK(renewal->lost.n == 0 && renewal->revoked.n == 0);
	pyr_free(renewal);
}

static void attend_no_more(struct attendant *owner)
{
	pyr_future_free(owner->attending);
	pyrite_NameServer_free(owner->proxy);
}

/* As one does whose names are renewed at another name server from now on. */
TEST(an_owner_who_says_that_he_goes_keeps_his_names)
{
	struct attendant goes, returns, ends;
	pyr_ns *ns = locate();
	time_t until;

	begin_to_attend(&goes, "goes");
	begin_to_attend(&returns, "returns");
	begin_to_attend(&ends, "ends");
	say_that_he_goes(&goes);
	say_that_he_goes(&returns);
	pyr_future_free(returns.attending);
	returns.attending = pyrite_NameServer_attend_start(returns.proxy, &returns.secret);
	CHECK_INT(pyrite_NameServer_ping(returns.proxy), 0);
	attend_no_more(&goes);
	attend_no_more(&returns);
	attend_no_more(&ends); /* the last one that the name server hears of */
	until = time(NULL) + 20;
	while (steal("ends") == -PYR_ALREADY_EXISTS && time(NULL) < until)
		;
	CHECK_INT(steal("ends"), -PYR_NOT_FOUND);
	CHECK_INT(steal("goes"), -PYR_ALREADY_EXISTS);
	while (steal("returns") == -PYR_ALREADY_EXISTS && time(NULL) < until)
		;
	CHECK_INT(steal("returns"), -PYR_NOT_FOUND);
	pyr_ns_free(ns);
}

TEST(a_list_without_end_is_not_taken)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer_ping,
								  .list = growing_list };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	struct pyr_ns_entries *entries = NULL;
	size_t before = naming_list_max;
	pthread_t thread;
	pyr_ns *ns;

	REQUIRE(pyrite_NameServer_register(daemon, "Pyrite.NameServer", &methods, NULL) != NULL);
	REQUIRE(pthread_create(&thread, NULL, run_daemon, daemon) == 0);
	ns = pyr_ns_locate(pyr_daemon_address(daemon));
	REQUIRE(ns != NULL);
	naming_list_max = 65536;
	CHECK_INT(pyr_ns_list(ns, NULL, &entries), -PYR_RESOURCE_EXHAUSTED);
	CHECK_STR(pyr_errmsg(), "the name server's list is longer than 65536 bytes");
	CHECK(entries == NULL);
	naming_list_max = before;
	pyr_ns_free(ns);
	pyr_daemon_stop(daemon);
	REQUIRE(pthread_join(thread, NULL) == 0);
	pyr_daemon_free(daemon);
}

TESTS(naming, T(a_name_server_that_is_not_there_is_told_with_its_address), T(a_bad_address_is_told),
      T(null_is_answered), T(a_name_is_registered_found_counted_and_removed),
      T(a_bad_name_or_uri_is_refused), T(a_name_of_any_length_does_no_harm),
      T(a_secret_of_another_length_is_refused), T(a_uri_of_a_daemon_of_this_process_is_leased),
      T(a_daemon_that_is_freed_takes_its_names_with_it),
      T(a_process_may_lead_its_own_name_elsewhere), T(a_long_list_comes_whole_and_sorted),
      T(a2_a_name_is_followed_to_an_object), T(a_name_that_leads_nowhere_is_told),
      T(a3_one_of_the_names_with_all_tags_is_picked), T(a_name_server_that_lies_is_not_believed),
      T(a_list_without_end_is_not_taken), T(an_owner_who_says_that_he_goes_keeps_his_names),
      T(the_name_server_ends_well))
