/* SPDX-License-Identifier: MIT */
/*
 * The way from a PYRONAME or PYROMETA to the PYRO uri of an object, and to all those that a
 * PYROMETA or a shared name leads to. Where one of them is wanted, each is as likely as the others.
 * Source: Pyro's core.resolve.
 */
#include "naming/naming.h"

#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "base/random.h"
#include "engine/engine.h"
#include "naming/naming_follow.h"
#include "naming/naming_rank.h"
#include "naming/naming_servers.h"
#include "proxy/proxy_session.h"

enum {
	MAX_HOPS = 8,    /* names that lead to names */
	MAX_PAGES = 4096 /* of names with the tags */
};

/* Where the name servers of a uri are; names in it are looked up until `until`. */
struct look {
	struct servers *servers;
	int64_t until;
};

static int begin(struct look *look, const pyr_uri *uri)
{
	struct uri_problem problem;
	int64_t left = (look->until - engine_now()) / ENGINE_MS;

	look->servers =
		servers_open(uri->address, look->until, left < 1 ? 1 : (uint32_t)left, &problem);
	return look->servers ? 0 : error_set(problem.code, "name server: %s", problem.text);
}

/* ---- PYROMETA ---- */

static uint32_t below(uint32_t n)
{
	uint32_t number = 0;

	(void)random_bytes((uint8_t *)&number, sizeof(number));
	return (uint32_t)((uint64_t)number * n >> 32);
}

/* The tags of a PYROMETA: one block (a task's stack has no room for them), free(). NULL when memory
 * is out. */
static const char **split(const char *text, size_t *n)
{
	size_t most = 1, size = strlen(text) + 1;
	const char *comma = text, **tags;
	char *rest;

	while ((comma = strchr(comma, ',')) && comma++)
		most++;
	tags = malloc(most * sizeof(tags[0]) + size);
	if (!tags)
		return NULL;
	rest = memcpy(tags + most, text, size);
	for (*n = 0; rest; (*n)++)
		tags[*n] = strsep(&rest, ",");
	return tags;
}

/* What is done with each name that has the tags. Returns false when memory is out. */
typedef bool take_entry(void *taker, const struct pyrite_NameEntry *entry);

/* The list may have more pages: but not for ever. */
static int check_time(const struct look *look, const char *address)
{
	if (engine_now() < look->until)
		return 0;
	return error_set(PYR_DEADLINE_EXCEEDED,
			 "TimeoutError: the list of the name server at %s has not ended in time",
			 address);
}

static int all_with_tags(const struct look *look, const struct pyr_string_seq *tags,
			 take_entry *take, void *taker)
{
	struct server_call call = {
		.op = &server_list_metadata, .more = "", .tags = tags, .all_tags = true
	};
	struct pyrite_NamePage *page, *before = NULL;
	const char *address;
	uint32_t n_pages = 0;
	int status;
	size_t i;

	do {
		status = servers_call(look->servers, &call, &page, &address);
		if (status < 0)
			break;
		for (i = 0; i < page->entries.n && status == 0; i++)
			if (!take(taker, &page->entries.items[i]))
				status = error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
		if (status == 0 && page->next[0] &&
		    (strcmp(page->next, call.more) <= 0 || ++n_pages == MAX_PAGES))
			status = error_set(PYR_INTERNAL,
					   "ProtocolError: the name server at %s "
					   "sent a list out of order",
					   address);
		else if (status == 0 && page->next[0])
			status = check_time(look, address);
		pyr_free(before);
		before = page;
		call.more = page->next;
	} while (status == 0 && call.more[0]);
	pyr_free(before);
	return status;
}

static int look_for_tags(const struct look *look, const char *text, take_entry *take, void *taker)
{
	size_t n = 0;
	const char **tags = split(text, &n);
	int status;

	if (!tags)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	status = all_with_tags(look, &(struct pyr_string_seq){ n, tags }, take, taker);
	free(tags);
	return status;
}

static int none_with_tags(const struct look *look, const char *text)
{
	return error_set(PYR_NOT_FOUND,
			 "NamingError: no registrations available with desired metadata "
			 "properties {%s} (name server at %s)",
			 text, servers_text(look->servers));
}

/* Of all seen so far each stays with the same probability. */
struct chosen {
	uint32_t n_seen;
	char *uri; /* owned; NULL: none yet */
};

static bool choose(void *taker, const struct pyrite_NameEntry *entry)
{
	struct chosen *chosen = taker;

	if (below(++chosen->n_seen) != 0)
		return true;
	free(chosen->uri);
	chosen->uri = strdup(entry->uri);
	return chosen->uri;
}

static int look_up_tags(const struct look *look, const char *text, char **ret)
{
	struct chosen chosen = { 0 };
	int status = look_for_tags(look, text, choose, &chosen);

	if (status == 0 && !chosen.uri)
		status = none_with_tags(look, text);
	if (status == 0)
		*ret = chosen.uri;
	else
		free(chosen.uri);
	return status;
}

/* ---- all that a PYROMETA or a shared name leads to ---- */

static bool rank_entry(void *taker, const struct pyrite_NameEntry *entry)
{
	return rank(taker, entry->uri);
}

/* The normal form; of a PYROMETA, what that leads to. One that leads nowhere is left out. */
static void make_normal(struct group_uris *uris, int64_t until)
{
	struct uri_problem problem;
	int64_t left;
	pyr_uri *uri, *end;
	size_t i, n = 0;
	char *text;

	for (i = 0; i < uris->n; i++) {
		uri = uri_parse(uris->items[i], &problem);
		free(uris->items[i]);
		if (uri && uri->scheme == PYR_URI_PYROMETA) {
			end = NULL;
			left = (until - engine_now()) / ENGINE_MS;
			if (left > 0)
				(void)naming_resolve(uri, (uint32_t)left, &end);
			pyr_uri_free(uri);
			uri = end;
		}
		text = uri ? strdup(uri->text) : NULL;
		pyr_uri_free(uri);
		if (text)
			uris->items[n++] = text;
	}
	uris->n = n;
}

static int look_for_name(const struct look *look, const char *name, struct ranked *ranked)
{
	struct server_call call = { .op = &server_lookup_entry, .text = name };
	struct pyrite_NameEntry *entry;
	int status = servers_call(look->servers, &call, &entry, NULL);
	bool ok;
	size_t i;

	if (status < 0)
		return status;
	ok = rank(ranked, entry->uri);
	for (i = 0; entry->has_others && i < entry->others.n && ok; i++)
		ok = rank(ranked, entry->others.items[i].uri);
	pyr_free(entry);
	return ok ? 0 : error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
}

static int naming_list_uris(const pyr_uri *uri, uint32_t timeout_ms, uint64_t seed,
			    struct group_uris *ret)
{
	struct look look = { .until = engine_now() + (int64_t)timeout_ms * ENGINE_MS };
	struct ranked ranked = { .seed = seed, .uris = ret };
	int status = begin(&look, uri);

	ret->n = 0;
	if (status < 0)
		return status;
	if (uri->scheme == PYR_URI_PYRONAME)
		status = look_for_name(&look, uri->object, &ranked);
	else
		status = look_for_tags(&look, uri->object, rank_entry, &ranked);
	if (status == 0 && ret->n == 0)
		status = none_with_tags(&look, uri->object);
	servers_close(look.servers);
	if (status == 0)
		make_normal(ret, look.until);
	return status;
}

/* ---- both ---- */

/* *ret_shared: whether the name is; then *ret is untouched. */
static int look_up_entry(const struct look *look, const char *name, char **ret, bool *ret_shared)
{
	struct server_call call = { .op = &server_lookup_entry, .text = name };
	struct pyrite_NameEntry *entry;
	int status = servers_call(look->servers, &call, &entry, NULL);

	if (status < 0)
		return status;
	*ret_shared = entry->shared;
	if (!entry->shared && !(*ret = strdup(entry->uri)))
		status = error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	pyr_free(entry);
	return status;
}

/* One step: what the name of a PYRONAME, or one with the tags of a PYROMETA, leads to. ret_shared:
 * as of look_up_entry(); NULL: a shared name leads to one of its own. */
static int look_up(const pyr_uri *uri, int64_t until, pyr_uri **ret, bool *ret_shared)
{
	struct server_call lookup = { .op = &server_lookup, .text = uri->object };
	struct look look = { .until = until };
	struct uri_problem problem;
	char *text = NULL;
	int status = begin(&look, uri);

	if (status < 0)
		return status;
	if (uri->scheme == PYR_URI_PYROMETA)
		status = look_up_tags(&look, uri->object, &text);
	else if (ret_shared)
		status = look_up_entry(&look, uri->object, &text, ret_shared);
	else
		status = servers_call(look.servers, &lookup, &text, NULL);
	if (status == 0 && text) {
		*ret = uri_parse(text, &problem);
		pyr_free(text);
		if (!*ret)
			status = error_set(
				problem.code,
				"NamingError: name %s has an invalid URI: %s (name server at %s)",
				uri->object, problem.text, servers_text(look.servers));
	}
	servers_close(look.servers);
	return status;
}

static pyr_uri *copy_uri(const pyr_uri *uri)
{
	struct uri_problem problem;
	pyr_uri *copy = uri_parse(uri->text, &problem);

	if (!copy)
		(void)error_set(problem.code, "%s", problem.text);
	return copy;
}

static int64_t latest(uint32_t timeout_ms)
{
	return engine_now() +
	       (int64_t)(timeout_ms ? timeout_ms : config_number(CONFIG_LOOKUP_TIMEOUT_MS)) *
		       ENGINE_MS;
}

/* at: taken. As naming_resolve(). */
static int follow(pyr_uri *at, const char *given, int64_t until, pyr_uri **ret)
{
	pyr_uri *next;
	int hops, status = 0;

	for (hops = 0; at->scheme != PYR_URI_PYRO && hops < MAX_HOPS && status == 0; hops++) {
		status = look_up(at, until, &next, NULL);
		if (status == 0) {
			pyr_uri_free(at);
			at = next;
		}
	}
	if (status == 0 && at->scheme == PYR_URI_PYRO) {
		*ret = at;
		return 0;
	}
	if (status == 0)
		status = error_set(PYR_FAILED_PRECONDITION,
				   "NamingError: %s leads to other names, not to an object", given);
	pyr_uri_free(at);
	return status;
}

int naming_resolve(const pyr_uri *uri, uint32_t timeout_ms, pyr_uri **ret)
{
	pyr_uri *at = copy_uri(uri);

	return at ? follow(at, uri->text, latest(timeout_ms), ret) : -pyr_last_error()->code;
}

/* The same, but 1 for a name that is shared. */
static int resolve_for_proxy(const pyr_uri *uri, uint32_t timeout_ms, pyr_uri **ret)
{
	int64_t until = latest(timeout_ms);
	bool is_shared = false;
	pyr_uri *at;
	int status;

	if (uri->scheme != PYR_URI_PYRONAME)
		return naming_resolve(uri, timeout_ms, ret);
	status = look_up(uri, until, &at, &is_shared);
	if (status < 0 || is_shared)
		return status < 0 ? status : 1;
	return follow(at, uri->text, until, ret);
}

static void __attribute__((constructor)) serve_proxies(void)
{
	proxy_set_resolver(naming_resolve, resolve_for_proxy);
	group_set_lister(naming_list_uris);
	proxy_set_follow(&naming_follow);
}
