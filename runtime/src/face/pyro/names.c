/* SPDX-License-Identifier: MIT */
/*
 * The object "Pyro.NameServer" of a daemon that has a "Pyrite.NameServer". Names that programs for
 * Pyro register lead elsewhere for whoever wants, and stay until they are removed: they have no
 * lease. Those of Pyrite's programs are leased, and nobody else's to change.
 */
#include <pyrite/naming.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uri.h"
#include "face/pyro/adapter.h"
#include "face/pyro/pyro_own.h"

#define OWN_NAME "Pyro.NameServer"

static const char *const own_tags[] = { "class:Pyro4.naming.NameServer",
					"class:Pyro5.nameserver.NameServer" };
enum {
	OWN_TAGS = 2,
	LIST_MAX = 16 << 20 /* bytes of a list, which has no pages */
};

static struct pyrite_NameServer *server_of(const struct adapter_call *call)
{
	return (struct pyrite_NameServer *)call->proxy;
}

/* Where it is itself. Returns buf. */
static const char *own_uri(const struct adapter_call *call, char buf[URI_MAX])
{
	snprintf(buf, URI_MAX, "PYRO:%s@%s", OWN_NAME,
		 call->request->connection->face->host->address);
	return buf;
}

static void begin_array(struct ser_sink *sink)
{
	sink->sink.kind->array(&sink->sink);
}

static void end_array(struct ser_sink *sink)
{
	sink->sink.kind->array_end(&sink->sink);
}

/* ---- arguments ---- */

/* Tags: any collection of text. *ret: in the request's memory. Returns 1 with the fault. */
static int read_tags(const struct adapter_call *call, uint32_t at, const char *name,
		     struct pyr_string_seq *ret)
{
	const struct ser_data *data = &call->request->data;
	uint32_t n = ser_count(data, at), item;
	struct span text;
	char *copy;

	if (ser_type(data, at) != SOURCE_ARRAY)
		return fault_say(call->fault, adapter_protocol(call), "builtins.TypeError",
				 "%s should not be a str, but another iterable (set, list, etc)",
				 name);
	*ret = (struct pyr_string_seq){ 0 };
	ret->items = arena_alloc(&call->request->arena, (n + 1u) * sizeof(*ret->items));
	for (item = ser_first(data, at); item != SER_NONE; item = ser_next(data, at, item)) {
		text = ser_text(data, item);
		if (ser_type(data, item) != SOURCE_STRING ||
		    (text.n > 0 && memchr(text.p, '\0', text.n)))
			return fault_say(call->fault, adapter_protocol(call), "builtins.TypeError",
					 "%s: a tag is a str", name);
		copy = arena_alloc(&call->request->arena, text.n + 1);
		if (!ret->items || !copy)
			return fault_say(call->fault, adapter_protocol(call), "PyroError",
					 "out of memory");
		if (text.n > 0)
			memcpy(copy, text.p, text.n);
		ret->items[ret->n++] = copy;
	}
	return 0;
}

/* The name that has to be there. Returns 1 with the fault. */
static int read_name(const struct adapter_call *call, const char **ret)
{
	if (adapter_text(call, 0, "name", ret) != 0)
		return 1;
	if (*ret)
		return 0;
	return fault_say(call->fault, adapter_protocol(call), "builtins.TypeError",
			 "name must be a str");
}

/* ---- one name ---- */

static void put_tags(const struct adapter_call *call, const char *const *tags, size_t n)
{
	size_t i;

	begin_array(call->results);
	for (i = 0; i < n; i++)
		ser_put_text(call->results, tags[i]);
	end_array(call->results);
}

/* URI, or (URI, [tags]). */
static int put_found(const struct adapter_call *call, const char *uri, const char *const *tags,
		     size_t n)
{
	bool has_tags = adapter_flag(call, 1, "return_metadata", false);

	if (has_tags)
		ser_tuple(call->results);
	ser_put_uri(call->results, uri);
	if (has_tags) {
		put_tags(call, tags, n);
		end_array(call->results);
	}
	return 0;
}

static int lookup(const struct adapter_call *call)
{
	struct pyrite_NameEntry *entry;
	char uri[URI_MAX];
	const char *name;

	if (read_name(call, &name) != 0)
		return 1;
	if (pyrite_NameServer_lookup_entry(server_of(call), name, &entry) == 0) {
		put_found(call, entry->uri, (const char *const *)entry->tags.items, entry->tags.n);
		pyr_free(entry);
		return 0;
	}
	if (strcmp(name, OWN_NAME) == 0)
		return put_found(call, own_uri(call, uri), own_tags, OWN_TAGS);
	return adapter_failed(call);
}

static bool is_registered(const struct adapter_call *call, const char *name)
{
	char *uri = NULL;
	bool is = pyrite_NameServer_lookup(server_of(call), name, &uri) == 0;

	pyr_free(uri);
	return is || strcmp(name, OWN_NAME) == 0;
}

/* What is no name or URI is for Pyro an error of its own. */
static int refused(const struct adapter_call *call)
{
	const pyr_error *error = pyr_last_error();

	return error->code == PYR_INVALID_ARGUMENT ? fault_say(call->fault, adapter_protocol(call),
							       "PyroError", "%s", error->message)
						   : adapter_failed(call);
}

/* register(name, uri, safe=False, metadata=None) */
static int register_one(const struct adapter_call *call)
{
	uint32_t tags = adapter_argument(call, 3, "metadata");
	struct pyrite_NameTerms terms = { .replace = !adapter_flag(call, 2, "safe", false) };
	struct pyrite_NameClaim claim = { 0 };
	struct pyrite_NameGrant *grant;
	const char *name, *uri;

	if (read_name(call, &name) != 0 || adapter_text(call, 1, "uri", &uri) != 0 ||
	    (tags != SER_NONE && read_tags(call, tags, "metadata", &terms.tags) != 0))
		return 1;
	if (!uri)
		return fault_say(call->fault, adapter_protocol(call), "builtins.TypeError",
				 "only URIs or strings can be registered");
	if (!terms.replace && is_registered(call, name))
		return fault_say(call->fault, adapter_protocol(call), "NamingError",
				 "name already registered: %s", name);
	if (strcmp(name, OWN_NAME) == 0)
		return fault_say(call->fault, adapter_protocol(call), "NamingError",
				 "name already registered: %s", name);
	if (pyrite_NameServer_register_name(server_of(call), name, uri, &terms, &claim, &grant) < 0)
		return refused(call);
	pyr_free(grant);
	return adapter_null(call);
}

static int set_metadata(const struct adapter_call *call)
{
	uint32_t at = adapter_argument(call, 1, "metadata");
	struct pyrite_NameClaim claim = { 0 };
	struct pyr_string_seq tags = { 0 };
	const char *name;

	if (read_name(call, &name) != 0 ||
	    (at != SER_NONE && read_tags(call, at, "metadata", &tags) != 0))
		return 1;
	return pyrite_NameServer_set_metadata(server_of(call), name, &tags, &claim) < 0
		       ? adapter_failed(call)
		       : adapter_null(call);
}

/* ---- many names ---- */

/* What names are looked for; all NULL: all of them. */
struct filter {
	const char *prefix, *regex;
	struct pyr_string_seq tags;
	bool has_tags, all_tags;
};

static int next_page(const struct adapter_call *call, const struct filter *filter,
		     const char *after, struct pyrite_NamePage **ret)
{
	struct pyrite_NameServer *server = server_of(call);

	if (filter->has_tags)
		return pyrite_NameServer_list_metadata(server, &filter->tags, filter->all_tags,
						       after, ret);
	if (filter->regex)
		return pyrite_NameServer_list_matching(server, filter->regex, after, ret);
	return pyrite_NameServer_list(server, filter->prefix ? filter->prefix : "", after, ret);
}

static void put_entry(const struct adapter_call *call, bool has_tags, const char *name,
		      const char *uri, const char *const *tags, size_t n)
{
	ser_put_member(call->results, name);
	if (has_tags)
		ser_tuple(call->results);
	ser_put_text(call->results, uri);
	if (has_tags) {
		put_tags(call, tags, n);
		end_array(call->results);
	}
}

/* The name server itself, as Pyro's is among its names. */
static void put_own(const struct adapter_call *call, const struct filter *filter, bool has_tags)
{
	const char *prefix = filter->prefix ? filter->prefix : "";
	bool is_found = !filter->regex && !filter->has_tags &&
			strncmp(OWN_NAME, prefix, strlen(prefix)) == 0;
	size_t i, j;

	for (i = 0; i < filter->tags.n && !is_found; i++)
		for (j = 0; j < OWN_TAGS; j++)
			is_found |= strcmp(filter->tags.items[i], own_tags[j]) == 0 &&
				    (!filter->all_tags || filter->tags.n == 1);
	if (is_found) {
		char uri[URI_MAX];

		put_entry(call, has_tags, OWN_NAME, own_uri(call, uri), own_tags, OWN_TAGS);
	}
}

static int put_names(const struct adapter_call *call, const struct filter *filter, bool has_tags)
{
	struct pyrite_NamePage *page = NULL, *next;
	const struct pyrite_NameEntry *entry;
	size_t i, before;
	bool is_small = true;

	call->results->sink.kind->object(&call->results->sink);
	put_own(call, filter, has_tags);
	do {
		if (next_page(call, filter, page ? page->next : "", &next) < 0) {
			pyr_free(page);
			return adapter_failed(call);
		}
		pyr_free(page);
		page = next;
		before = call->results->out->n;
		for (i = 0; i < page->entries.n; i++) {
			entry = &page->entries.items[i];
			put_entry(call, has_tags, entry->name, entry->uri,
				  (const char *const *)entry->tags.items, entry->tags.n);
		}
		is_small = call->results->out->n <= LIST_MAX &&
			   request_charge(call->request, call->results->out->n - before);
	} while (page->next[0] && is_small);
	pyr_free(page);
	call->results->sink.kind->object_end(&call->results->sink);
	return is_small ? 0
			: fault_say(call->fault, adapter_protocol(call), "MessageTooLargeError",
				    "the list is too large: ask for part of it");
}

/* Tags at that position. Returns 1 with the fault. */
static int read_tag_filter(const struct adapter_call *call, unsigned position, const char *name,
			   bool all, struct filter *ret)
{
	uint32_t at = adapter_argument(call, position, name);

	if (at == SER_NONE)
		return 0;
	if (ret->has_tags || ret->prefix || ret->regex)
		return fault_say(call->fault, adapter_protocol(call), "builtins.ValueError",
				 "you can only filter on one thing at a time");
	ret->has_tags = true;
	ret->all_tags = all;
	return read_tags(call, at, name, &ret->tags);
}

/* list(prefix, regex, metadata_all, metadata_any, return_metadata); of Pyro5 without metadata. */
static int list(const struct adapter_call *call)
{
	bool is_5 = adapter_protocol(call) == SER_PYRO5;
	struct filter filter = { 0 };

	if (adapter_text(call, 0, "prefix", &filter.prefix) != 0 ||
	    adapter_text(call, 1, "regex", &filter.regex) != 0)
		return 1;
	if (filter.prefix && filter.regex)
		return fault_say(call->fault, adapter_protocol(call), "builtins.ValueError",
				 "you can only filter on one thing at a time");
	if (!is_5 && (read_tag_filter(call, 2, "metadata_all", true, &filter) != 0 ||
		      read_tag_filter(call, 3, "metadata_any", false, &filter) != 0))
		return 1;
	if (filter.has_tags && filter.tags.n == 0) /* none is as good as nothing said */
		filter.has_tags = false;
	return put_names(call, &filter, adapter_flag(call, is_5 ? 2 : 4, "return_metadata", false));
}

/* yplookup(meta_all, meta_any, return_metadata=True) */
static int yplookup(const struct adapter_call *call)
{
	struct filter filter = { 0 };

	if (read_tag_filter(call, 0, "meta_all", true, &filter) != 0 ||
	    read_tag_filter(call, 1, "meta_any", false, &filter) != 0)
		return 1;
	if (!filter.has_tags || filter.tags.n == 0) {
		call->results->sink.kind->object(&call->results->sink);
		call->results->sink.kind->object_end(&call->results->sink);
		return 0;
	}
	return put_names(call, &filter, adapter_flag(call, 2, "return_metadata", true));
}

/* ---- removals ---- */

/* Returns -1 with the last error set, or how many. */
static int64_t remove_many(const struct adapter_call *call, const char *prefix, const char *regex)
{
	struct pyrite_NameServer *server = server_of(call);
	struct pyrite_NameClaim claim = { 0 };
	struct pyrite_NameRemoval *part = NULL, *next;
	int64_t n = 0;
	int err;

	do {
		err = prefix ? pyrite_NameServer_remove_prefix(
				       server, prefix, part ? part->next : "", &claim, &next)
			     : pyrite_NameServer_remove_matching(
				       server, regex, part ? part->next : "", &claim, &next);
		pyr_free(part);
		if (err < 0)
			return -1;
		part = next;
		n += part->removed;
	} while (part->next[0]);
	pyr_free(part);
	return n;
}

/* remove(name, prefix, regex): how many. */
static int remove_names(const struct adapter_call *call)
{
	const char *name, *prefix, *regex;
	struct pyrite_NameClaim claim = { 0 };
	int64_t n = 0;

	if (adapter_text(call, 0, "name", &name) != 0 ||
	    adapter_text(call, 1, "prefix", &prefix) != 0 ||
	    adapter_text(call, 2, "regex", &regex) != 0)
		return 1;
	if (name && name[0] && is_registered(call, name) && strcmp(name, OWN_NAME) != 0 &&
	    strcmp(name, pyrite_NAME_SERVER_ID) != 0)
		n = pyrite_NameServer_remove(server_of(call), name, &claim) == 0 ? 1 : -1;
	else if ((prefix && prefix[0]) || (regex && regex[0]))
		n = remove_many(call, prefix && prefix[0] ? prefix : NULL, regex);
	if (n < 0)
		return adapter_failed(call);
	call->results->sink.kind->integer(&call->results->sink, n, SINK_INT64);
	return 0;
}

/* ---- the rest ---- */

static int ping(const struct adapter_call *call)
{
	return pyrite_NameServer_ping(server_of(call)) < 0 ? adapter_failed(call)
							   : adapter_null(call);
}

static int count(const struct adapter_call *call)
{
	uint32_t n;

	if (pyrite_NameServer_count(server_of(call), &n) < 0)
		return adapter_failed(call);
	call->results->sink.kind->integer(&call->results->sink, n + 1, SINK_INT64); /* itself */
	return 0;
}

static const struct adapter_method methods[] = {
	{ "count", count },
	{ "list", list },
	{ "lookup", lookup },
	{ "ping", ping },
	{ "register", register_one },
	{ "remove", remove_names },
	{ "set_metadata", set_metadata },
	{ "yplookup", yplookup },
	{ NULL, NULL },
};

const struct pyro_adapter adapter_names = { OWN_NAME, pyrite_NAME_SERVER_ID, "NameServer",
					    methods };
