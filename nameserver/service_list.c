/* SPDX-License-Identifier: MIT */
/*
 * Looks through many names. Each call does so for a slice of time, or until its reply is full, and
 * says where the next call goes on, so that no list keeps others waiting.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "pattern.h"
#include "service_own.h"

enum {
	PAGE_ENTRIES = 1024,
	PAGE_BYTES = 40 * 1024, /* leaves room in a message for what surrounds the texts, and for
				   all of a shared name */
	ENTRY_BYTES = 32,       /* numbers, tags and lengths around the texts of one entry */
	TAG_BYTES = 4,          /* and of one of its tags */
	CLOCK_EVERY = 16,       /* names between two looks at the clock, where each costs little */
	TOGETHER = 15           /* records that are removed at a time where others change them, too:
				   as many, and all of a shared name, as etcd takes at once */
};

/* Which names, and how far. */
struct search {
	struct registry *registry;
	struct registry_claim caller;
	const char *prefix;      /* "": any */
	struct pattern *pattern; /* NULL: any */
	const struct pyr_string_seq *tags;
	bool all_tags;
	char name[REGISTRY_NAME_MAX + 1]; /* the last one looked at, */
	char at[REGISTRY_KEY_SIZE];       /* by the key of its record */
	unsigned n_looks;
	int64_t until;
	bool is_too_much;       /* the pattern took too long on it */
	unsigned n_found, most; /* that fit; most: then it ends with a name; 0: any number */
};

static void start(struct search *search, pyr_call *call, struct registry *registry,
		  const char *after)
{
	search->registry = registry;
	search->caller = service_caller(call);
	search->until = clock_ms() + SERVICE_SLICE_MS;
	/* one that is longer than any name sorts as its beginning does, as good as */
	strncat(search->name, after, REGISTRY_NAME_MAX);
	if (after[0]) /* behind all records of the name: no uri begins so */
		snprintf(search->at, sizeof(search->at), "%s \xff", search->name);
}

static bool has_tag(const struct record *record, const char *tag)
{
	size_t i;

	for (i = 0; i < record->n_tags; i++)
		if (strcmp(record->tags[i], tag) == 0)
			return true;
	return false;
}

static bool fits_tags(const struct search *search, const struct record *record)
{
	const struct pyr_string_seq *tags = search->tags;
	size_t i;

	for (i = 0; i < tags->n; i++)
		if (has_tag(record, tags->items[i]) != search->all_tags)
			break;
	/* all: none was missing; any: one was there */
	return tags->n > 0 && (i == tags->n) == search->all_tags;
}

static bool fits(struct search *search, const struct record *record)
{
	enum pattern_answer answer;

	if (!registry_is_alive(search->registry, record))
		return false;
	if (search->tags)
		return fits_tags(search, record);
	if (!search->pattern)
		return true;
	answer = pattern_match(search->pattern, record->name);
	search->is_too_much = answer == PATTERN_TOO_MUCH;
	return answer == PATTERN_YES;
}

/* A match may take as long as a slice. At least one name is looked at in each, and each name to its
 * end. */
static bool is_late(struct search *search, const struct record *record)
{
	unsigned n;

	if (strcmp(search->name, record->name) == 0)
		return false;
	n = search->n_looks++;
	if (search->most > 0 && search->n_found >= search->most)
		return true;
	return n > 0 && (search->pattern || n % CLOCK_EVERY == 0) && clock_ms() >= search->until;
}

static const struct record *look_on(struct search *search)
{
	const struct pyr_string_seq *tags = search->tags;

	if (!tags)
		return registry_next(search->registry, search->prefix, search->at);
	return registry_next_tagged(search->registry, (const char *const *)tags->items, tags->n,
				    search->all_tags, search->prefix, search->at);
}

/* The next name that fits. NULL: there is none, the time is up (has_more), or it was too much. */
static const struct record *next(struct search *search, bool *has_more)
{
	const struct record *record;

	*has_more = false;
	while ((record = look_on(search)) != NULL) {
		*has_more = is_late(search, record);
		if (*has_more)
			return NULL;
		strcpy(search->name, record->name);
		strcpy(search->at, record->key);
		if (fits(search, record))
			return record;
		if (search->is_too_much)
			return NULL;
	}
	return NULL;
}

static int too_much(const struct search *search, struct registry_problem *problem)
{
	return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED,
			       "NamingError: the regex takes too long to match name %s",
			       search->name);
}

static int read_tags(pyr_call *call, const struct pyr_string_seq *tags)
{
	if (tags->n <= REGISTRY_TAGS)
		return 0;
	return pyr_fail(call, PYR_RESOURCE_EXHAUSTED,
			"NamingError: a search is for at most %d tags, not %zu", REGISTRY_TAGS,
			tags->n);
}

static int read_pattern(pyr_call *call, const char *regex, struct pattern **ret)
{
	char why[256];

	*ret = pattern_new(regex, why, sizeof(why));
	if (!*ret)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "NamingError: invalid regex: %s", why);
	return 0;
}

/* ---- lists ---- */

static bool copy_tags(pyr_call *call, const struct record *record, struct pyr_string_seq *ret)
{
	size_t i;

	*ret = (struct pyr_string_seq){ 0 };
	if (record->n_tags == 0)
		return true;
	ret->items = pyr_call_alloc(call, record->n_tags * sizeof(ret->items[0]));
	if (!ret->items)
		return false;
	for (i = 0; i < record->n_tags; i++)
		if (!(ret->items[i] = pyr_call_strdup(call, record->tags[i])))
			return false;
	ret->n = record->n_tags;
	return true;
}

bool service_copy_record(pyr_call *call, const struct record *record, struct pyrite_NameEntry *ret)
{
	const struct service *service = pyr_call_data(call);

	ret->name = pyr_call_strdup(call, record->name);
	ret->uri = pyr_call_strdup(call, record->uri);
	ret->shared = record->is_shared;
	ret->has_ttl_ms = record->ttl_ms > 0;
	ret->ttl_ms = record->ttl_ms;
	ret->has_generation = true;
	ret->generation = record->generation;
	ret->has_age_ms = service->age_ms > 0;
	ret->age_ms = (uint32_t)service->age_ms;
	ret->has_others = false;
	ret->others.n = 0;
	ret->others.items = NULL;
	return ret->name && ret->uri && copy_tags(call, record, &ret->tags);
}

bool service_copy_owner(pyr_call *call, struct registry *registry,
			const struct registry_claim *caller, struct pyrite_NameEntry *entry)
{
	const char *owner = registry_owner(registry, entry->name);

	entry->has_owner = owner && registry_may_know(caller, entry->name, owner);
	entry->owner = entry->has_owner ? pyr_call_strdup(call, owner) : "";
	return entry->owner != NULL;
}

bool service_copy_share(pyr_call *call, const struct record *record, struct pyrite_NameEntry *entry)
{
	struct pyrite_NameShare *share;

	if (!entry->others.items)
		entry->others.items =
			pyr_call_alloc(call, REGISTRY_SHARES * sizeof(entry->others.items[0]));
	if (!entry->others.items)
		return false;
	if (entry->others.n == REGISTRY_SHARES) /* none could be registered beyond them */
		return true;
	entry->has_others = true;
	share = &entry->others.items[entry->others.n++];
	share->ttl_ms = record->ttl_ms;
	share->has_generation = true;
	share->generation = record->generation;
	share->uri = pyr_call_strdup(call, record->uri);
	return share->uri && copy_tags(call, record, &share->tags);
}

static size_t bytes_of(const struct record *record)
{
	size_t i, n = strlen(record->name) + strlen(record->uri) + ENTRY_BYTES;

	for (i = 0; i < record->n_tags; i++)
		n += strlen(record->tags[i]) + TAG_BYTES;
	return n;
}

/* Puts a record in, which may be another one of the last entry's name. Returns false when memory is
 * out. */
static bool add_to_page(pyr_call *call, struct search *search, const struct record *record,
			struct pyrite_NamePage *page)
{
	struct pyrite_NameEntry *last = page->entries.items + page->entries.n - 1;

	if (page->entries.n > 0 && strcmp(last->name, record->name) == 0)
		return service_copy_share(call, record, last);
	page->entries.n++;
	return service_copy_record(call, record, last + 1) &&
	       service_copy_owner(call, search->registry, &search->caller, last + 1);
}

static int fill_page(pyr_call *call, struct search *search, struct pyrite_NamePage *page)
{
	char full[REGISTRY_NAME_MAX + 1] = "";
	struct registry_problem problem;
	const struct record *record;
	size_t bytes = 0;
	bool has_more;

	while ((record = next(search, &has_more)) != NULL) {
		has_more = full[0] && strcmp(full, record->name) != 0;
		if (has_more)
			break;
		bytes += bytes_of(record);
		if (!add_to_page(call, search, record, page))
			return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
		bytes += strlen(page->entries.items[page->entries.n - 1].owner);
		if (page->entries.n == PAGE_ENTRIES || bytes > PAGE_BYTES)
			strcpy(full, record->name);
	}
	if (search->is_too_much) {
		(void)too_much(search, &problem);
		return pyr_fail(call, problem.code, "%s", problem.text);
	}
	page->next = !has_more ? "" : pyr_call_strdup(call, full[0] ? full : search->name);
	return page->next ? 0 : pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

static int list(pyr_call *call, struct search *search, const char *after,
		const struct pyrite_NamePage **ret)
{
	struct pyrite_NamePage *page = pyr_call_alloc(call, sizeof(*page));
	struct registry *registry;
	int status;

	if (!page || !(page->entries.items =
			       pyr_call_alloc(call, PAGE_ENTRIES * sizeof(page->entries.items[0]))))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	status = service_reader(call, &registry);
	if (status < 0)
		return status;
	start(search, call, registry, after);
	status = fill_page(call, search, page);
	if (status == 0)
		*ret = page;
	return status;
}

int service_list(pyr_call *call, const char *prefix, const char *after,
		 const struct pyrite_NamePage **ret)
{
	struct search search = { .prefix = prefix };

	return list(call, &search, after, ret);
}

int service_list_matching(pyr_call *call, const char *regex, const char *after,
			  const struct pyrite_NamePage **ret)
{
	struct search search = { .prefix = "" };
	int status = read_pattern(call, regex, &search.pattern);

	if (status == 0)
		status = list(call, &search, after, ret);
	pattern_free(search.pattern);
	return status;
}

int service_list_metadata(pyr_call *call, const struct pyr_string_seq *tags, bool all,
			  const char *after, const struct pyrite_NamePage **ret)
{
	struct search search = { .prefix = "", .tags = tags, .all_tags = all };
	int status = read_tags(call, tags);

	return status < 0 ? status : list(call, &search, after, ret);
}

/* ---- removals ---- */

/* What a removal is asked for; of both the other is NULL. */
struct removal {
	const char *prefix, *regex, *after;
	struct removed *removed; /* NULL: each is told at once */
};

/* What is to be told once it is safe, and no more if it is not. */
struct removed {
	size_t n;
	char names[TOGETHER + REGISTRY_SHARES][REGISTRY_NAME_MAX + 1];
};

static bool may_remove(const pyr_call *call, const char *name, const struct registry_claim *claim)
{
	return pyr_call_may(call, "remove", name) &&
	       (!claim->force || pyr_call_may(call, "replace", name));
}

static int remove_one(pyr_call *call, struct search *search, const struct registry_claim *claim,
		      struct removed *removed, struct registry_problem *problem)
{
	int status = registry_remove_key(search->registry, search->at, claim, problem);

	search->n_found += status == 0;
	/* whoever writes to etcd may have a name shared by more */
	if (status == 0 && removed && removed->n < TOGETHER + REGISTRY_SHARES)
		strcpy(removed->names[removed->n++], search->name);
	else if (status == 0 || problem->code == PYR_PERMISSION_DENIED)
		pyr_call_audit(call, "remove", search->name, status,
			       status < 0 ? problem->text : NULL);
	return status;
}

static int remove_found(pyr_call *call, struct search *search, const struct registry_claim *claim,
			struct removed *removed, struct pyrite_NameRemoval *removal,
			struct registry_problem *problem)
{
	const struct record *record;
	bool has_more;

	while ((record = next(search, &has_more)) != NULL) {
		if (record->is_own)
			continue;
		if (!may_remove(call, record->name, claim))
			removal->kept++;
		else if (remove_one(call, search, claim, removed, problem) == 0)
			removal->removed++;
		else if (problem->code == PYR_RESOURCE_EXHAUSTED)
			return -problem->code;
		else
			removal->kept++;
	}
	if (search->is_too_much)
		return too_much(search, problem);
	removal->next = has_more ? pyr_call_strdup(call, search->name) : "";
	return removal->next ? 0
			     : registry_refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

static int attempt(struct service_change *change, struct registry *registry,
		   struct registry_problem *problem)
{
	struct registry_claim claim = service_claim(change->call, change->claim);
	struct pyrite_NameRemoval *removal = change->result;
	const struct removal *args = change->args;
	struct search search = { .prefix = args->prefix ? args->prefix : "",
				 .most = registry_is_replica(registry) ? TOGETHER : 0 };
	char why[256];
	int status;

	*removal = (struct pyrite_NameRemoval){ 0 };
	if (args->removed)
		args->removed->n = 0;
	if (args->regex && !(search.pattern = pattern_new(args->regex, why, sizeof(why))))
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED, "%s", why);
	start(&search, change->call, registry, args->after);
	status = remove_found(change->call, &search, &claim, args->removed, removal, problem);
	pattern_free(search.pattern);
	return status;
}

static int reply(struct service_change *change, uint64_t revision)
{
	const struct removal *args = change->args;
	size_t i;

	(void)revision;
	for (i = 0; args->removed && i < args->removed->n; i++)
		pyr_call_audit(change->call, "remove", args->removed->names[i], 0, NULL);
	if (args->prefix)
		return pyrite_NameServer_remove_prefix_reply(change->deferred, change->result);
	return pyrite_NameServer_remove_matching_reply(change->deferred, change->result);
}

static int remove_many(pyr_call *call, struct removal args, const struct pyrite_NameClaim *claim)
{
	struct service_change *change = pyr_call_alloc(call, sizeof(*change));
	struct pyrite_NameRemoval *removal = pyr_call_alloc(call, sizeof(*removal));
	struct removal *copy = pyr_call_alloc(call, sizeof(*copy));
	int status = service_check_claim(call, NULL, "", claim);

	if (status < 0)
		return status;
	if (!change || !removal || !copy)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	*copy = args;
	if (registry_is_replica(service_registry(call)) &&
	    !(copy->removed = pyr_call_alloc(call, sizeof(*copy->removed))))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	*change = (struct service_change){ .call = call,
					   .attempt = attempt,
					   .reply = reply,
					   .action = "remove",
					   .name = args.prefix ? args.prefix : args.regex,
					   .audits_each = true,
					   .claim = claim,
					   .args = copy,
					   .result = removal };
	return service_change(change);
}

int service_remove_prefix(pyr_call *call, const char *prefix, const char *after,
			  const struct pyrite_NameClaim *claim,
			  const struct pyrite_NameRemoval **ret)
{
	(void)ret;
	return remove_many(call, (struct removal){ .prefix = prefix, .after = after }, claim);
}

int service_remove_matching(pyr_call *call, const char *regex, const char *after,
			    const struct pyrite_NameClaim *claim,
			    const struct pyrite_NameRemoval **ret)
{
	struct pattern *pattern;
	int status = read_pattern(call, regex, &pattern);

	(void)ret;
	if (status < 0)
		return status;
	pattern_free(pattern);
	return remove_many(call, (struct removal){ .regex = regex, .after = after }, claim);
}
