/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "naming/naming_dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "engine/engine.h"
#include "naming/naming_inet.h"

enum { ANSWER_MAX = 4096 };

struct record {
	uint16_t priority, weight, port;
	char target[NS_MAXDNAME];
};

struct records {
	unsigned n, n_bad; /* bad: with a target that no host can have */
	bool has_none;     /* the target ".": decidedly no service here */
	uint32_t ttl;
	struct record items[NAMING_DNS_RECORDS];
};

/* ---- the order of RFC 2782 ---- */

static int compare(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	if ((x->weight != 0) != (y->weight != 0))
		return x->weight != 0 ? 1 : -1; /* those of weight 0 come first */
	if (x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return strcmp(x->target, y->target);
}

static _Atomic uint64_t process_seed; /* 0: not chosen yet */

void naming_dns_set_seed(uint64_t seed)
{
	atomic_store(&process_seed, seed);
}

static uint64_t get_seed(void)
{
	uint64_t kept = atomic_load(&process_seed), own = 0;

	if (kept)
		return kept;
	(void)random_bytes(&own, sizeof(own));
	own |= 1;
	return atomic_compare_exchange_strong(&process_seed, &kept, own) ? own : kept;
}

/* The next number of a sequence, as splitmix64 has it. */
static uint64_t next_number(uint64_t *state)
{
	return hash_mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

/* Of records of one priority, sorted as above, by chance: as likely as its weight. */
static unsigned choose(const struct record *records, unsigned n, uint64_t *state)
{
	uint32_t total = 0, at, sum = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		total += records[i].weight;
	at = (uint32_t)(next_number(state) % ((uint64_t)total + 1));
	for (i = 0; i < n - 1; i++) {
		sum += records[i].weight;
		if (sum >= at)
			break;
	}
	return i;
}

static void put_in_order(struct records *all)
{
	uint64_t state = get_seed();
	unsigned i, n, chosen;
	struct record first;

	qsort(all->items, all->n, sizeof(all->items[0]), compare);
	for (i = 0; i < all->n; i++) {
		for (n = 1; i + n < all->n; n++)
			if (all->items[i + n].priority != all->items[i].priority)
				break;
		chosen = i + choose(&all->items[i], n, &state);
		first = all->items[chosen];
		memmove(&all->items[i + 1], &all->items[i], (chosen - i) * sizeof(all->items[0]));
		all->items[i] = first;
	}
}

/* ---- the answer (RFC 1035, 4.1) ---- */

enum { QUESTIONS_AT = 4, ANSWERS_AT = 6 }; /* in the header */

/* What is left of a message; at: NULL once it ended too early. */
struct reader {
	const uint8_t *base, *at, *end;
};

static bool has(struct reader *r, size_t n)
{
	if (r->at && (size_t)(r->end - r->at) < n)
		r->at = NULL;
	return r->at;
}

static uint32_t number(struct reader *r, size_t n)
{
	uint32_t value = 0;

	if (!has(r, n))
		return 0;
	for (; n > 0; n--)
		value = value << 8 | *r->at++;
	return value;
}

/* A name, of which parts may stand elsewhere in the message. */
static void name(struct reader *r, char ret[NS_MAXDNAME])
{
	int n = r->at ? dn_expand(r->base, r->end, r->at, ret, NS_MAXDNAME) : -1;

	r->at = n < 0 ? NULL : r->at + n;
}

static void read_record(struct reader *r, struct records *all)
{
	struct record *record = &all->items[all->n];

	record->priority = (uint16_t)number(r, 2);
	record->weight = (uint16_t)number(r, 2);
	record->port = (uint16_t)number(r, 2);
	name(r, record->target);
	if (!r->at)
		return;
	if (record->target[0] == '\0' || strcmp(record->target, ".") == 0)
		all->has_none = true;
	else
		all->n++;
}

/* One of the answers. about: the name that is asked for, or what that is an alias of. */
static void read_resource(struct reader *r, char about[NS_MAXDNAME], struct records *all)
{
	char owner[NS_MAXDNAME];
	uint32_t type, class, ttl;
	size_t size;
	struct reader data = *r;

	name(r, owner);
	type = number(r, 2);
	class = number(r, 2);
	ttl = number(r, 4);
	size = number(r, 2);
	if (!has(r, size))
		return;
	data.at = r->at;
	r->at += size;
	if (class != ns_c_in || strcasecmp(owner, about) != 0)
		return;
	if (type == ns_t_cname)
		name(&data, about);
	else if (type == ns_t_srv)
		read_record(&data, all);
	else
		return;
	if (data.at != r->at) /* the data are longer or shorter than what they say */
		r->at = NULL;
	if (ttl < all->ttl)
		all->ttl = ttl;
}

/* Returns false if it is no answer. The resolver has compared the questions. */
static bool read_answer(const uint8_t *answer, int n, struct records *all)
{
	struct reader r = { answer, answer, answer + n };
	char about[NS_MAXDNAME];
	uint32_t n_answers, i;

	if (!has(&r, NS_HFIXEDSZ) || answer[QUESTIONS_AT] != 0 || answer[QUESTIONS_AT + 1] != 1)
		return false;
	r.at += ANSWERS_AT;
	n_answers = number(&r, 2);
	r.at = answer + NS_HFIXEDSZ;
	name(&r, about);
	(void)number(&r, 4); /* its type and class */
	for (i = 0; i < n_answers && all->n < NAMING_DNS_RECORDS && r.at; i++)
		read_resource(&r, about, all);
	return r.at;
}

/* Those that can be addresses, as far as there is room. */
static void take_all(struct records *all, struct found_servers *servers)
{
	struct uri_problem ignored;
	char address[NS_MAXDNAME + 8];
	unsigned i;

	put_in_order(all);
	for (i = 0; i < all->n && servers->n < FOUND_MAX; i++) {
		snprintf(address, sizeof(address), "%s:%u", all->items[i].target,
			 all->items[i].port);
		if (all->items[i].port == 0 || found_add(servers, address, 0, &ignored) < 0)
			all->n_bad++;
	}
}

/* ---- the question ---- */

static enum naming_verdict fail(struct uri_problem *problem, struct naming_step *step, int code,
				const char *what)
{
	problem->code = code;
	snprintf(problem->text, sizeof(problem->text), "%s: %s", step->place, what);
	return found_say(step, NAMING_WRONG, "%s", what);
}

static enum naming_verdict judge(struct records *all, struct found_servers *servers,
				 struct naming_step *step, struct uri_problem *problem)
{
	take_all(all, servers);
	if (servers->lacks) /* a list is kept: not one without what stands first */
		return fail(problem, step, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (servers->n > 0 && all->n_bad == 0)
		return found_say(step, NAMING_TAKEN, "%s", servers->text);
	if (servers->n > 0)
		return found_say(step, NAMING_TAKEN, "%s; %u records without a host are ignored",
				 servers->text, all->n_bad);
	if (all->n_bad > 0)
		return fail(problem, step, PYR_FAILED_PRECONDITION,
			    "the SRV records have no host and port");
	if (all->has_none)
		return found_say(step, NAMING_NOTHING,
				 "the domain says that it has no name server");
	return found_say(step, NAMING_NOTHING, "no SRV records");
}

/* One name. */
static enum naming_verdict ask_name(res_state state, const char *name,
				    struct found_servers *servers, uint32_t *ttl,
				    struct naming_step *step, struct uri_problem *problem)
{
	struct records *all = calloc(1, sizeof(*all) + ANSWER_MAX);
	uint8_t *answer = (uint8_t *)(all + 1);
	enum naming_verdict verdict;
	int n;

	snprintf(step->place, sizeof(step->place), "%.150s", name);
	if (!all)
		return fail(problem, step, PYR_RESOURCE_EXHAUSTED, "out of memory");
	all->ttl = UINT32_MAX;
	n = res_nquery(state, name, ns_c_in, ns_t_srv, answer, ANSWER_MAX);
	if (n < 0 && (state->res_h_errno == HOST_NOT_FOUND || state->res_h_errno == NO_DATA))
		verdict = found_say(step, NAMING_NOTHING, "no SRV records");
	else if (n < 0)
		verdict = fail(problem, step, PYR_UNAVAILABLE, "DNS does not answer");
	else if (!read_answer(answer, n > ANSWER_MAX ? ANSWER_MAX : n, all))
		verdict = fail(problem, step, PYR_UNAVAILABLE, "DNS sent a malformed answer");
	else
		verdict = judge(all, servers, step, problem);
	*ttl = all->ttl;
	free(all);
	return verdict;
}

static enum naming_verdict ask_domain(res_state state, const char *domain,
				      struct found_servers *servers, uint32_t *ttl,
				      struct naming_step *step, struct uri_problem *problem)
{
	char name[NS_MAXDNAME];

	if (snprintf(name, sizeof(name), NAMING_DNS_SERVICE ".%s", domain) >= (int)sizeof(name))
		return fail(problem, step, PYR_INVALID_ARGUMENT, "the name is too long for DNS");
	return ask_name(state, name, servers, ttl, step, problem);
}

static enum naming_verdict ask_search(res_state state, struct found_servers *servers, uint32_t *ttl,
				      struct naming_step *step, struct uri_problem *problem)
{
	enum naming_verdict verdict = NAMING_NOTHING;
	int64_t until = engine_until(NAMING_DNS_MS);
	int i;

	for (i = 0; i < MAXDNSRCH && state->dnsrch[i] && verdict == NAMING_NOTHING; i++) {
		if (i > 0 && engine_now() > until)
			return fail(problem, step, PYR_UNAVAILABLE, "DNS takes too long");
		verdict = ask_domain(state, state->dnsrch[i], servers, ttl, step, problem);
	}
	return i > 0 ? verdict
		     : found_say(step, NAMING_NOTHING, "resolv.conf has no domain to search in");
}

/* Sets what each query may take, and whom it goes to. Returns false if server makes no sense. */
static bool set_up(res_state state, const char *server)
{
	state->retrans = 1;
	state->retry = 1;
	state->options &= ~(RES_USEVC | RES_STAYOPEN | RES_DEBUG);
	state->options |= RES_USE_EDNS0 | RES_IGNTC;
	if (!server[0])
		return true;
	state->nscount = 1;
	return naming_inet_read(server, NS_DEFAULTPORT, &state->nsaddr_list[0]);
}

enum naming_verdict naming_dns_ask(const struct naming_dns_question *question,
				   struct found_servers *servers, uint32_t *ttl,
				   struct naming_step *step, struct uri_problem *problem)
{
	struct __res_state state = { 0 };
	enum naming_verdict verdict;

	snprintf(step->place, sizeof(step->place), NAMING_DNS_SERVICE ".%.130s", question->domain);
	if (res_ninit(&state) != 0)
		return fail(problem, step, PYR_UNAVAILABLE, "the resolver cannot be started");
	if (!set_up(&state, question->server))
		verdict = fail(problem, step, PYR_INVALID_ARGUMENT,
			       "PYRITE_NS_DNS is not an IPv4 address");
	else if (strcmp(question->domain, NAMING_DNS_SEARCH) == 0)
		verdict = ask_search(&state, servers, ttl, step, problem);
	else
		verdict = ask_domain(&state, question->domain, servers, ttl, step, problem);
	res_nclose(&state);
	return verdict;
}
