/* SPDX-License-Identifier: MIT */
/* Name servers by DNS, asked of servers that answer well, badly, and with malice. */
#include "naming/naming_dns.h"

#include <arpa/nameser.h>

#include "answerer.h"
#include "engine/engine.h"
#include "say_dns.h"

static struct found_servers servers;
static struct naming_step step;
static struct uri_problem problem;
static uint32_t ttl;

static enum naming_verdict ask_at(const char *server, const char *domain)
{
	struct naming_dns_question question = { domain, server };

	memset(&servers, 0, sizeof(servers));
	memset(&step, 0, sizeof(step));
	problem.code = 0;
	ttl = UINT32_MAX;
	return naming_dns_ask(&question, &servers, &ttl, &step, &problem);
}

/* One answer to one question. */
static enum naming_verdict ask(const struct said *said)
{
	struct answerer dns = { .answer = say_dns, .data = said };
	enum naming_verdict verdict;
	char server[32];

	answerer_start(&dns);
	verdict = ask_at(answerer_address(&dns, server), "example.test");
	answerer_stop(&dns);
	return verdict;
}

TEST(servers_come_by_priority)
{
	struct said said = { .n = 3,
			     .srv = { { 20, 0, 1, "c.test" },
				      { 10, 0, 65535, "b.test" },
				      { 5, 7, 9090, "A.Test" } } };

	CHECK_INT(ask(&said), NAMING_TAKEN);
	CHECK_STR(servers.text, "a.test:9090,b.test:65535,c.test:1");
	CHECK_STR(step.text, "a.test:9090,b.test:65535,c.test:1");
	CHECK_STR(step.place, "_pyrite._tcp.example.test");
	CHECK_INT(ttl, 60);
}

/* 30,000 to 10,000: of 300 some 225. Less than 180 or more than 270 has a chance of 1 in 10^8. */
TEST(and_by_chance_as_their_weights_are)
{
	struct said said = {
		.n = 3,
		.srv = { { 0, 10000, 1, "small" }, { 0, 0, 1, "none" }, { 0, 30000, 1, "large" } }
	};
	struct answerer dns = { .answer = say_dns, .data = &said };
	int i, n_large = 0, n_none = 0;
	char server[32];

	answerer_start(&dns);
	answerer_address(&dns, server);
	for (i = 0; i < 300; i++) {
		naming_dns_set_seed((uint64_t)i + 1);
		CHECK_INT(ask_at(server, "example.test"), NAMING_TAKEN);
		n_large += strncmp(servers.text, "large:", 6) == 0;
		n_none += strncmp(servers.text, "none:", 5) == 0;
	}
	answerer_stop(&dns);
	CHECK(n_large > 180 && n_large < 270);
	CHECK(n_none < 5);
	naming_dns_set_seed(0);
}

/* The list is what a process knows its registrations by. */
TEST(the_order_of_a_process_stays)
{
	struct said said = { .n = 5,
			     .srv = { { 0, 1, 1, "a" },
				      { 0, 1, 1, "b" },
				      { 0, 1, 1, "c" },
				      { 0, 0, 1, "d" },
				      { 0, 1, 1, "e" } } };
	char first[sizeof(servers.text)];
	unsigned turn;

	CHECK_INT(ask(&said), NAMING_TAKEN);
	snprintf(first, sizeof(first), "%s", servers.text);
	for (turn = 0; turn < 5; turn++) {
		said.srv[5] = said.srv[0]; /* as resolvers do, in turn */
		memmove(&said.srv[0], &said.srv[1], 5 * sizeof(said.srv[0]));
		CHECK_INT(ask(&said), NAMING_TAKEN);
		CHECK_STR(servers.text, first);
	}
}

TEST(an_alias_is_followed)
{
	struct said said = { .alias = "_x._tcp.elsewhere.test",
			     .n = 1,
			     .srv = { { 0, 0, 5, "a" } } };

	CHECK_INT(ask(&said), NAMING_TAKEN);
	CHECK_STR(servers.text, "a:5");
}

TEST(records_of_other_names_are_not_taken)
{
	struct said said = { .owner = "_pyrite._tcp.evil.test",
			     .n = 1,
			     .srv = { { 0, 0, 5, "a" } } };

	CHECK_INT(ask(&said), NAMING_NOTHING);
	CHECK_INT(servers.n, 0);
}

TEST(a_domain_without_records_has_none)
{
	CHECK_INT(ask(&(struct said){ .rcode = ns_r_nxdomain }), NAMING_NOTHING);
	CHECK_STR(step.text, "no SRV records");
	CHECK_INT(ask(&(struct said){ .n = 0 }), NAMING_NOTHING);
	CHECK_STR(step.text, "no SRV records");
}

TEST(a_domain_may_say_that_it_has_none)
{
	CHECK_INT(ask(&(struct said){ .n = 1, .srv = { { 0, 0, 0, "" } } }), NAMING_NOTHING);
	CHECK_STR(step.text, "the domain says that it has no name server");
}

TEST(what_is_no_host_is_left_out)
{
	struct said said = { .n = 4,
			     .srv = { { 0, 0, 1, "a b.test" },
				      { 1, 0, 0, "c.test" },
				      { 2, 0, 9, "d.test" },
				      { 3, 0, 9, "x\x1b[2J@y" } } };

	CHECK_INT(ask(&said), NAMING_TAKEN);
	CHECK_STR(servers.text, "d.test:9");
	CHECK_STR(step.text, "d.test:9; 3 records without a host are ignored");
	said.n = 2;
	CHECK_INT(ask(&said), NAMING_WRONG);
	CHECK_INT(problem.code, PYR_FAILED_PRECONDITION);
	CHECK_STR(problem.text, "_pyrite._tcp.example.test: the SRV records have no host and port");
}

TEST(no_more_are_taken_than_there_is_room_for)
{
	struct said said = { .n = 100, .is_numbered = true };

	CHECK_INT(ask(&said), NAMING_TAKEN);
	CHECK_INT(servers.n, FOUND_MAX);
	CHECK(servers.length < FOUND_TEXT_MAX);
}

TEST(a_server_that_fails_ends_the_search)
{
	int rcodes[] = { ns_r_servfail, ns_r_refused, ns_r_notimpl };
	size_t i;

	for (i = 0; i < sizeof(rcodes) / sizeof(rcodes[0]); i++) {
		CHECK_INT(ask(&(struct said){ .rcode = rcodes[i] }), NAMING_WRONG);
		CHECK_INT(problem.code, PYR_UNAVAILABLE);
		CHECK_STR(problem.text, "_pyrite._tcp.example.test: DNS does not answer");
	}
	CHECK_INT(ask_at("127.0.0.1:1", "example.test"), NAMING_WRONG);
	CHECK_INT(problem.code, PYR_UNAVAILABLE);
}

TEST(one_that_is_silent_is_not_waited_for_long)
{
	struct answerer dns = { 0 };
	int64_t before = engine_now(), took;
	char server[32];

	answerer_start(&dns);
	CHECK_INT(ask_at(answerer_address(&dns, server), "example.test"), NAMING_WRONG);
	took = (engine_now() - before) / ENGINE_MS;
	CHECK(took >= 900 && took < NAMING_DNS_MS);
	CHECK_STR(step.text, "DNS does not answer");
	answerer_stop(&dns);
}

TEST(settings_that_make_no_sense_are_told)
{
	char longest[300];

	CHECK_INT(ask_at("dns.example", "example.test"), NAMING_WRONG);
	CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(problem.text, "PYRITE_NS_DNS is not an IPv4 address");
	CHECK_INT(ask_at("127.0.0.1:0", "example.test"), NAMING_WRONG);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CHECK_INT(ask_at("127.0.0.1:1", longest), NAMING_WRONG);
}

static void change(struct answerer *dns, struct said *said, size_t at, uint8_t value, size_t cut)
{
	pthread_mutex_lock(&dns->lock);
	said->at = at;
	said->value = value;
	said->cut = cut;
	pthread_mutex_unlock(&dns->lock);
}

/* Each byte of a good answer behind the question, and the counts of its parts, changed and cut
 * short: it is taken, or refused, and leads nowhere else. */
static void check_mutated(struct answerer *dns, struct said *said, size_t at, const char *server)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x0c, 0x3f, 0x7f, 0xc0, 0xff };
	enum naming_verdict verdict;
	size_t i;

	for (i = 0; i < sizeof(values); i++) {
		change(dns, said, at, values[i], 0);
		verdict = ask_at(server, "example.test");
		CHECK(verdict == NAMING_TAKEN || verdict == NAMING_NOTHING ||
		      verdict == NAMING_WRONG);
		CHECK((verdict == NAMING_TAKEN) == (servers.n > 0));
		CHECK((verdict == NAMING_WRONG) == (problem.code != 0));
	}
}

TEST(answers_that_were_tampered_with_do_no_harm)
{
	struct said said = { .alias = "_x.elsewhere.test",
			     .n = 2,
			     .srv = { { 1, 2, 3, "a.test" }, { 4, 5, 6, "b.test" } } };
	struct answerer dns = { .answer = say_dns, .data = &said };
	size_t i, n = said_size(&said);
	char server[32];

	answerer_start(&dns);
	answerer_address(&dns, server);
	for (i = 6; i < n; i++)
		if (i < NS_HFIXEDSZ || i >= said_question_end())
			check_mutated(&dns, &said, i, server);
	for (i = n - 1; i >= said_question_end(); i--) {
		change(&dns, &said, 0, 0, i);
		CHECK_INT(ask_at(server, "example.test"), NAMING_WRONG);
		CHECK_STR(step.text, "DNS sent a malformed answer");
	}
	answerer_stop(&dns);
}

TEST(names_that_lead_in_circles_are_refused)
{
	struct said said = { .n = 1, .srv = { { 0, 0, 5, "a" } }, .is_circle = true };

	CHECK_INT(ask(&said), NAMING_WRONG);
	CHECK_STR(step.text, "DNS sent a malformed answer");
}

TESTS(naming_dns, T(servers_come_by_priority), T(and_by_chance_as_their_weights_are),
      T(the_order_of_a_process_stays), T(an_alias_is_followed),
      T(records_of_other_names_are_not_taken), T(a_domain_without_records_has_none),
      T(a_domain_may_say_that_it_has_none), T(what_is_no_host_is_left_out),
      T(no_more_are_taken_than_there_is_room_for), T(a_server_that_fails_ends_the_search),
      T(one_that_is_silent_is_not_waited_for_long), T(settings_that_make_no_sense_are_told),
      T(answers_that_were_tampered_with_do_no_harm), T(names_that_lead_in_circles_are_refused))
