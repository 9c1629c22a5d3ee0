/* SPDX-License-Identifier: MIT */
/* Rules: what lines mean, which are refused, and what callers of a daemon are told. Over unix
 * sockets, where the system tells who calls, and within TLS. */
#include "hop.h"
#include "keys.h"

#include <poll.h>

#include "rules/rules.h"
#include "rules/rules_set.h"

/* ---- the file ---- */

static bool says(const char *text, const char *who, const char *action, const char *target,
		 const char *object, unsigned line)
{
	struct rules_question question = { who, action, target, object, "" };
	struct rules_problem problem = { .text = "" };
	struct rules_set *set = rules_set_parse(text, strlen(text), "rules", &problem);
	unsigned by = 0;
	bool allows;

	CHECK_STR(problem.text, "");
	REQUIRE(set != NULL);
	allows = rules_set_allow(set, &question, &by);
	CHECK_INT(by, line);
	rules_set_free(set);
	return allows;
}

TEST(the_first_line_that_fits_decides_and_none_means_no)
{
	static const char text[] = "# who may do what\n"
				   "group ops cert:alice  cert:bob\n"
				   "group all group:ops \"cert:Carol Jones\" uid:10??\n"
				   "\n"
				   "deny  cert:bob  call  *.shutdown\n"
				   "allow group:ops call  *\n"
				   "allow cert:web-*,nobody  call  shop.Catalog.* at catalog-*\n"
				   "allow group:all inspect # to look around\n"
				   "allow * bank:withdraw savings-*\n";

	CHECK(says(text, "cert:alice", "call", "a.B.shutdown", "x", 6));
	CHECK(!says(text, "cert:bob", "call", "a.B.shutdown", "x", 5));
	CHECK(says(text, "cert:bob", "call", "a.B.other", "x", 6));
	CHECK(says(text, "cert:web-1", "call", "shop.Catalog.list", "catalog-2", 7));
	CHECK(says(text, "", "call", "shop.Catalog.list", "catalog-2", 7));
	CHECK(!says(text, "cert:web-1", "call", "shop.Catalog.list", "catalog", 0));
	CHECK(!says(text, "cert:web-1", "call", "shop.Cart.list", "catalog-2", 0));
	CHECK(!says(text, "cert:nobody", "call", "shop.Catalog.list", "catalog-2", 0));
	CHECK(says(text, "cert:Carol Jones", "inspect", "", "", 8));
	CHECK(says(text, "uid:1000", "inspect", "", "", 8));
	CHECK(!says(text, "uid:100", "inspect", "", "", 0));
	CHECK(!says(text, "", "inspect", "", "", 0));
	CHECK(says(text, "cert:mallory", "bank:withdraw", "savings-1", "", 9));
	CHECK(!says(text, "cert:mallory", "bank:deposit", "savings-1", "", 0));
	CHECK(!says("", "cert:alice", "call", "a.B.c", "x", 0));
	CHECK(says("allow * call *", "", "call", "a.B.c", "x", 1));
	CHECK(says("allow\t*\tcall\r\n", "", "call", "a.B.c", "x", 1));
}

TEST(what_is_wrong_in_the_file_is_told_with_its_place)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "permit * call",
		  "rules:1:1: a line begins with allow, deny or group, not 'permit'" },
		{ "allow *", "rules:1:1: expected 'allow WHO ACTION'" },
		{ "\n allow bob call", "rules:2:8: 'bob' is not an identity: expected cert:NAME" },
		{ "allow cert:a,b call", "rules:1:7: 'b' is not an identity" },
		{ "allow cert:a, call", "rules:1:7: '' is not an identity" },
		{ "deny * cal *", "rules:1:8: 'cal' is not an action: call, inspect" },
		{ "allow * inspect x", "rules:1:17: 'x' is one word too many" },
		{ "allow * register a b", "rules:1:20: 'b' is one word too many" },
		{ "allow * call a in b", "rules:1:16: expected 'at OBJECT'" },
		{ "allow * call a at", "rules:1:16: expected 'at OBJECT'" },
		{ "allow * call a at b c", "rules:1:21: 'c' is one word too many" },
		{ "allow group:x call", "rules:1:7: group 'x' is not defined above" },
		{ "group x", "rules:1:1: expected 'group NAME WHO...'" },
		{ "group x group:x", "rules:1:9: group 'x' is not defined above" },
		{ "group x *\ngroup x *", "rules:2:7: group 'x' is already defined" },
		{ "group a,b *", "rules:1:7: 'a,b' is not a name for a group" },
		{ "allow \"cert:a call", "rules:1:7: the quotation mark is not closed" },
	};
	struct rules_problem problem;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		problem.text[0] = '\0';
		CHECK(rules_set_parse(cases[i].text, strlen(cases[i].text), "rules", &problem) ==
		      NULL);
		CHECK_INT(strncmp(problem.text, cases[i].why, strlen(cases[i].why)), 0);
		if (strncmp(problem.text, cases[i].why, strlen(cases[i].why)) != 0)
			CHECK_STR(problem.text, cases[i].why);
	}
	CHECK(rules_set_parse("allow * call\n\0", 14, "rules", &problem) == NULL);
	CHECK_STR(problem.text, "rules:2:1: a NUL byte");
	CHECK(rules_open("/nowhere/rules", &problem) == NULL);
	CHECK_STR(problem.text, "cannot read /nowhere/rules: No such file or directory");
}

/* Texts from a small alphabet, so that many lines are good: what is parsed can be asked and freed.
 */
TEST(whatever_a_file_holds_it_is_taken_or_refused)
{
	static const char *const pieces[] = {
		"allow", "deny", "group", " ",  "\t",     "\n", "*",    "cert:a", ",",
		"\"",    "#",    "call",  "at", "group:", "x",  "uid:", "nobody", "\x80"
	};
	uint32_t seed = 12345;
	char text[512];
	int i, n_good = 0;

	for (i = 0; i < 20000; i++) {
		struct rules_question question = { "cert:a", "call", "x", "x", "" };
		struct rules_problem problem;
		struct rules_set *set;
		unsigned line, words = 0;

		text[0] = '\0';
		do {
			seed = seed * 1664525 + 1013904223;
			strcat(text, pieces[(seed >> 16) % (sizeof(pieces) / sizeof(pieces[0]))]);
			if (seed >> 30)
				strcat(text, " ");
		} while (++words < 2 + (seed >> 8) % 40);
		set = rules_set_parse(text, strlen(text), "rules", &problem);
		if (set) {
			(void)rules_set_allow(set, &question, &line);
			n_good++;
		}
		rules_set_free(set);
	}
	CHECK(n_good > 10 && n_good < 20000);
}

/* ---- a daemon's ---- */

static char folder[] = "/tmp/pyrite-test-XXXXXX";
static char socket_path[64], rules_path[64];

/* In one go: as an editor does it. */
static void write_rules(const char *text)
{
	char other[80];
	FILE *file;

	snprintf(other, sizeof(other), "%s~", rules_path);
	file = fopen(other, "w");
	REQUIRE(file != NULL);
	fputs(text, file);
	REQUIRE(fclose(file) == 0 && rename(other, rules_path) == 0);
}

static void write_for_me(const char *format)
{
	char text[512];

	snprintf(text, sizeof(text), format, getuid());
	write_rules(text);
}

static bool open_hop(struct hop *hop, unsigned threads)
{
	struct pyr_daemon_options options = { .threads = threads,
					      .socket = socket_path,
					      .rules = rules_path };

	return hop_open(hop, &options);
}

static struct hops_Hop *proxy_by(const char *uri, enum pyr_lane lane, enum pyr_plain plain)
{
	struct pyr_proxy_options options = { .own_link = true, .lane = lane, .plain = plain };

	return hops_Hop_proxy_with(uri, &options);
}

static void check_denied(struct hops_Hop *proxy, const char *why)
{
	int32_t sum = 77;

	CHECK_INT(hops_Hop_add(proxy, 1, 2, &sum), -PYR_PERMISSION_DENIED);
	CHECK_HAS(pyr_last_error()->message, why);
	CHECK_INT(sum, 77);
}

TEST(callers_are_refused_what_the_rules_do_not_allow)
{
	static const struct {
		enum pyr_lane lane;
		enum pyr_plain plain;
	} ways[] = { { PYR_LANE_SOCKET, PYR_PLAIN_NEVER },
		     { PYR_LANE_GRPC, PYR_PLAIN_NEVER },
		     { PYR_LANE_GRPC, PYR_PLAIN_ONLY } };
	struct hops_Hop *proxy;
	struct hop hop;
	int32_t sum;
	char *text;
	unsigned i;

	write_for_me("deny uid:%u call hops.Hop.add at hop\nallow * call hops.*\n");
	for (i = 0; i < 6; i++) {
		REQUIRE(open_hop(&hop, i < 3 ? 4 : 1));
		proxy = proxy_by(hop.uri, ways[i % 3].lane, ways[i % 3].plain);
		check_denied(proxy, "may not call hops.Hop.add (line 1 of the rules)");
		check_denied(proxy, "SecurityError: uid:"); /* again, as it is known now */
		CHECK_INT(hops_Hop_whose(proxy, &text), 0);
		pyr_free(text);
		hops_Hop_free(proxy);
		/* the process itself may all */
		proxy = proxy_by(hop.uri, PYR_LANE_PROCESS, PYR_PLAIN_AUTO);
		CHECK_INT(hops_Hop_add(proxy, 1, 2, &sum), 0);
		hops_Hop_free(proxy);
		CHECK_INT(hop_close(&hop), 0);
	}
}

static void check_batch(const char *uri)
{
	struct hops_Hop *proxy = proxy_by(uri, PYR_LANE_SOCKET, PYR_PLAIN_NEVER);
	pyr_batch *batch = pyr_batch_new(hops_Hop_as_proxy(proxy));
	int32_t sum = 0;
	char *log = NULL;

	CHECK_INT(hops_Hop_log(hops_Hop_batch(batch), &log), 0);
	CHECK_INT(hops_Hop_add(hops_Hop_batch(batch), 1, 2, &sum), 0);
	CHECK_INT(pyr_batch_run(batch), -PYR_PERMISSION_DENIED);
	CHECK_HAS(pyr_last_error()->message, "may not call hops.Hop.add");
	CHECK_INT(sum, 0);
	pyr_batch_free(batch);
	pyr_free(log);
	hops_Hop_free(proxy);
}

TEST(a_batch_has_no_more_rights_than_its_calls)
{
	struct hop hop;

	write_rules("deny * call hops.Hop.add\nallow * call *\n");
	REQUIRE(open_hop(&hop, 4));
	check_batch(hop.uri);
	CHECK_INT(hop_close(&hop), 0);
}

/* Until add() does what it should, which it must soon. */
static bool becomes(struct hops_Hop *proxy, int code)
{
	int64_t until = hop_now() + (int64_t)HOP_PATIENCE_MS * HOP_MS;
	int32_t sum;
	int is;

	while ((is = hops_Hop_add(proxy, 1, 2, &sum)) != code && hop_now() < until)
		poll(NULL, 0, 1);
	return is == code;
}

TEST(rules_that_change_hold_for_sessions_that_stand_and_bad_ones_change_nothing)
{
	struct hops_Hop *proxy;
	struct hop hop;
	char *text;

	write_rules("allow * call *\n");
	REQUIRE(open_hop(&hop, 4));
	proxy = proxy_by(hop.uri, PYR_LANE_SOCKET, PYR_PLAIN_NEVER);
	CHECK(becomes(proxy, 0));
	write_rules("allow * call *.whose\n");
	CHECK(becomes(proxy, -PYR_PERMISSION_DENIED));
	write_rules("alow * call *\n");
	CHECK_INT(hops_Hop_whose(proxy, &text), 0);
	pyr_free(text);
	check_denied(proxy, "no rule allows it");
	write_rules("allow * call *\n");
	CHECK(becomes(proxy, 0));
	REQUIRE(unlink(rules_path) == 0);
	write_rules("deny * call *\n");
	CHECK(becomes(proxy, -PYR_PERMISSION_DENIED));
	hops_Hop_free(proxy);
	CHECK_INT(hop_close(&hop), 0);
}

TEST(a_daemon_whose_rules_cannot_be_read_does_not_start)
{
	struct pyr_daemon_options options = { .rules = rules_path };

	write_rules("allow everybody call\n");
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_last_error()->message, ":1:7: 'everybody' is not an identity");
	options.rules = "/nowhere/rules";
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "cannot read /nowhere/rules");
}

TEST(a_decision_is_explained)
{
	struct pyr_rules_question question = { "cert:web-1", "call", "shop.Cart.add", "cart" };
	bool allows = true;

	write_rules("allow cert:web-* call shop.Catalog.*\n"
		    "deny cert:web-* call shop.Cart.*\n");
	CHECK_INT(pyr_rules_explain(rules_path, &question, &allows), 2);
	CHECK(!allows);
	question.target = "shop.Catalog.list";
	CHECK_INT(pyr_rules_explain(rules_path, &question, &allows), 1);
	CHECK(allows);
	question.who = "";
	CHECK_INT(pyr_rules_explain(rules_path, &question, &allows), 0);
	CHECK(!allows);
	CHECK_INT(pyr_rules_explain(NULL, &question, &allows), -PYR_INVALID_ARGUMENT);
	write_rules("allow");
	CHECK_INT(pyr_rules_explain(rules_path, &question, &allows), -PYR_INVALID_ARGUMENT);
}

TEST(a_certificate_has_the_rights_of_its_name)
{
	static const struct keys_like usual;
	struct pyr_daemon_options options = { .rules = rules_path };
	struct pyr_proxy_options own = { .own_link = true, .lane = PYR_LANE_WIRE };
	char at[256], a[256], b[256];
	struct pyr_tls_options server, alice, bob;
	struct hops_Hop *proxy;
	struct keys keys;
	struct hop hop;

	keys_init(&keys);
	keys_make(&keys, "server", "server", &usual);
	keys_make(&keys, "alice", "alice", &usual);
	keys_make(&keys, "bob", "bob", &usual);
	server = keys_of(&keys, "server", at);
	alice = keys_of(&keys, "alice", a);
	bob = keys_of(&keys, "bob", b);
	write_rules("allow cert:alice call hops.Hop.add\n");
	options.tls = &server;
	REQUIRE(hop_open(&hop, &options));
	own.tls = &alice;
	proxy = hops_Hop_proxy_with(hop.uri, &own);
	CHECK(becomes(proxy, 0));
	hops_Hop_free(proxy);
	own.tls = &bob;
	proxy = hops_Hop_proxy_with(hop.uri, &own);
	check_denied(proxy,
		     "SecurityError: cert:bob may not call hops.Hop.add (no rule allows it)");
	hops_Hop_free(proxy);
	CHECK_INT(hop_close(&hop), 0);
	keys_fini(&keys, (const char *const[]){ "server", "alice", "bob", NULL });
}

TEST(there_is_a_folder)
{
	REQUIRE(mkdtemp(folder) != NULL);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	snprintf(rules_path, sizeof(rules_path), "%s/rules", folder);
}

TEST(the_folder_is_removed)
{
	CHECK_INT(unlink(rules_path), 0);
	CHECK_INT(rmdir(folder), 0);
}

TESTS(rules, T(the_first_line_that_fits_decides_and_none_means_no),
      T(what_is_wrong_in_the_file_is_told_with_its_place),
      T(whatever_a_file_holds_it_is_taken_or_refused), T(there_is_a_folder),
      T(callers_are_refused_what_the_rules_do_not_allow),
      T(a_batch_has_no_more_rights_than_its_calls),
      T(rules_that_change_hold_for_sessions_that_stand_and_bad_ones_change_nothing),
      T(a_daemon_whose_rules_cannot_be_read_does_not_start), T(a_decision_is_explained),
      T(a_certificate_has_the_rights_of_its_name), T(the_folder_is_removed))
