/* SPDX-License-Identifier: MIT */
#include "service_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reach.h"
#include "text_put.h"

enum { TICK_MS = 500 /* of a replica, which looks after itself */ };

#define OWN_TAG "class:pyrite.NameServer"

void service_set_max_stale(struct service *service, int64_t ms)
{
	service->max_stale_ms = ms;
}

static struct registry *settle(struct service *service)
{
	service->is_void |= registry_settle(service->registry);
	attendances_end(service->attendances, service->registry);
	return service->registry;
}

static struct registry *registry_for_watchers(void *data, bool *is_void)
{
	struct service *service = data;
	struct registry *registry = settle(service);

	*is_void = service->is_void;
	service->is_void = false;
	return registry;
}

struct service *service_new(struct registry *registry)
{
	struct service *service = registry ? calloc(1, sizeof(*service)) : NULL;

	if (!service) {
		registry_free(registry);
		return NULL;
	}
	service->registry = registry;
	service->last_again = &service->again;
	service->attendances = attendances_new();
	service->watchers = watchers_new(registry_for_watchers, service);
	if (service->attendances && service->watchers)
		return service;
	service_free(service);
	return NULL;
}

/* The store has something to do, or somebody is to be tried again. */
static void on_time(pyr_timer *timer, void *data)
{
	struct service *service = data;

	if (registry_is_replica(service->registry)) /* before: what wakes from here on counts */
		(void)pyr_timer_set(timer, TICK_MS);
	(void)settle(service);
	if (registry_is_replica(service->registry)) {
		registry_sweep(service->registry);
		(void)settle(service);
	}
	service_change_again(service);
	if (registry_is_replica(service->registry) && service->again)
		(void)pyr_timer_set(timer, 0);
}

static bool is_here(const uint8_t *secret, void *data)
{
	return attendances_has(data, secret);
}

static void wake(void *data)
{
	(void)pyr_timer_set(data, 0);
}

bool service_set_daemon(struct service *service, pyr_daemon *daemon)
{
	service->timer = pyr_timer_new(daemon, on_time, service);
	if (!service->timer)
		return false;
	registry_set_wake(service->registry, wake, service->timer);
	registry_set_presence(service->registry, is_here, service->attendances);
	return watchers_set_daemon(service->watchers, daemon);
}

void service_free(struct service *service)
{
	if (!service)
		return;
	watchers_free(service->watchers);
	registry_free(service->registry); /* what is not safe yet is made so, and answered */
	service_change_give_up(service);
	pyr_timer_free(service->timer);
	attendances_free(service->attendances);
	free(service);
}

struct registry *service_registry(pyr_call *call)
{
	return settle(pyr_call_data(call));
}

int service_reader(pyr_call *call, struct registry **ret)
{
	struct service *service = pyr_call_data(call);

	*ret = settle(service);
	service->age_ms = registry_age_ms(*ret);
	if (service->max_stale_ms == 0 || service->age_ms <= service->max_stale_ms)
		return 0;
	return pyr_fail(call, PYR_UNAVAILABLE,
			"NamingError: the store cannot be reached, and the names are %lld s old, "
			"more than --max-stale allows",
			(long long)service->age_ms / 1000);
}

bool service_add_self(struct service *service, const char *uri, struct registry_problem *problem)
{
	static const char *const tags[] = { OWN_TAG };
	struct registry_request self = {
		.name = pyrite_NAME_SERVER_ID, .uri = uri, .is_own = true, .tags = tags, .n_tags = 1
	};

	const char *at = strchr(uri, '@');

	snprintf(service->address, sizeof(service->address), "%s", at ? at + 1 : "");
	return registry_register(service->registry, &self, problem) != NULL;
}

/* ---- methods ---- */

int service_read_secret(pyr_call *call, const struct pyr_bytes *secret, const uint8_t **ret)
{
	if (secret->n != 0 && secret->n != SECRET_SIZE)
		return pyr_fail(call, PYR_INVALID_ARGUMENT,
				"a secret has %d bytes or none, not %zu", SECRET_SIZE, secret->n);
	*ret = secret->n ? secret->items : NULL;
	return 0;
}

static bool ask_rules(void *call, const char *action, const char *name)
{
	return pyr_call_may(call, action, name);
}

/* Everybody on a unix socket has a uid, without having asked for it: users own names where somebody
 * has written rules. */
struct registry_claim service_caller(pyr_call *call)
{
	struct registry_claim caller = { .who = pyr_call_identity(call), .data = call };
	bool has_rules = pyr_call_has_rules(call);

	caller.is_owner = caller.who[0] && (has_rules || strncmp(caller.who, "uid:", 4) != 0);
	caller.may = has_rules ? ask_rules : NULL;
	return caller;
}

int service_fail(pyr_call *call, const char *action, const char *name,
		 const struct registry_problem *problem)
{
	if (problem->action)
		return pyr_call_refuse(call, problem->action, name);
	if (problem->code == PYR_PERMISSION_DENIED)
		pyr_call_audit(call, action, name, problem->code, problem->text);
	return pyr_fail(call, problem->code, "%s", problem->text);
}

struct registry_claim service_claim(pyr_call *call, const struct pyrite_NameClaim *claim)
{
	struct registry_claim ret = service_caller(call);

	ret.force = claim->force;
	ret.gives_up = claim->give_up;
	ret.secret = claim->secret.n ? claim->secret.items : NULL;
	return ret;
}

int service_check_claim(pyr_call *call, const char *action, const char *name,
			const struct pyrite_NameClaim *claim)
{
	const uint8_t *secret;

	if (action && !pyr_call_may(call, action, name))
		return pyr_call_refuse(call, action, name);
	if (action && claim->force && !pyr_call_may(call, "replace", name))
		return pyr_call_refuse(call, "replace", name);
	return service_read_secret(call, &claim->secret, &secret);
}

/* The name leads other hosts to themselves. At most one a second is told. */
static void warn_of_loopback(pyr_call *call, const char *name, const char *uri)
{
	struct service *service = pyr_call_data(call);
	const char *from = pyr_call_peer(call);
	time_t now = time(NULL);

	if (now == service->warned || !reach_is_none(service->address, from, uri))
		return;
	service->warned = now;
	fputs("pyrite-ns: warning: name ", stderr);
	text_put(stderr, name);
	fprintf(stderr, ", which %s registers, leads to ", from);
	text_put(stderr, uri);
	fputs(", which other hosts cannot reach\n", stderr);
}

/* ---- changes ---- */

/* A change by whoever makes the claim. Returns NULL when memory is out. */
static struct service_change *new_change(pyr_call *call, const char *action, const char *name,
					 const struct pyrite_NameClaim *claim)
{
	struct service_change *change = pyr_call_alloc(call, sizeof(*change));

	if (change)
		*change = (struct service_change){
			.call = call, .action = action, .name = name, .claim = claim
		};
	return change;
}

static int begin(pyr_call *call, struct service_change *change)
{
	return change ? service_change(change)
		      : pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

struct registration {
	const char *uri;
	const struct pyrite_NameTerms *terms;
};

static int attempt_registration(struct service_change *change, struct registry *registry,
				struct registry_problem *problem)
{
	const struct registration *args = change->args;
	struct pyrite_NameGrant *grant = change->result;
	struct registry_request request = { .name = change->name,
					    .uri = args->uri,
					    .ttl_ms = args->terms->ttl_ms,
					    .replace = args->terms->replace,
					    .is_shared = args->terms->shared,
					    .tags = (const char *const *)args->terms->tags.items,
					    .n_tags = args->terms->tags.n,
					    .claim = service_claim(change->call, change->claim) };
	const struct record *record;

	if (!request.claim.secret && grant->secret.n > 0) /* tried before: no owner for each */
		request.claim.secret = grant->secret.items;
	record = registry_register(registry, &request, problem);
	if (!record)
		return -problem->code;
	warn_of_loopback(change->call, change->name, record->uri);
	memcpy(grant->secret.items, record->secret, SECRET_SIZE);
	grant->secret.n = SECRET_SIZE;
	grant->ttl_ms = record->ttl_ms;
	grant->generation = record->generation;
	grant->shared = record->is_shared;
	return 0;
}

static int reply_registration(struct service_change *change, uint64_t revision)
{
	struct pyrite_NameGrant *grant = change->result;

	if (revision)
		grant->generation = revision;
	return pyrite_NameServer_register_name_reply(change->deferred, grant);
}

static int register_name(pyr_call *call, const char *name, const char *uri,
			 const struct pyrite_NameTerms *terms, const struct pyrite_NameClaim *claim,
			 const struct pyrite_NameGrant **ret)
{
	struct service_change *change =
		new_change(call, claim->force ? "replace" : "register", name, claim);
	struct pyrite_NameGrant *grant = pyr_call_alloc(call, sizeof(*grant));
	struct registration *args = pyr_call_alloc(call, sizeof(*args));
	int status = service_check_claim(call, "register", name, claim);

	(void)ret;
	if (status < 0)
		return status;
	if (!change || !args || !grant ||
	    !(grant->secret.items = pyr_call_alloc(call, SECRET_SIZE)))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	*args = (struct registration){ uri, terms };
	change->args = args;
	change->result = grant;
	change->attempt = attempt_registration;
	change->reply = reply_registration;
	return begin(call, change);
}

struct renewal {
	const struct pyr_bytes *secret;
	const struct pyr_string_seq *names;
};

static int attempt_renewal(struct service_change *change, struct registry *registry,
			   struct registry_problem *problem)
{
	struct registry_claim claim = service_caller(change->call);
	struct pyrite_NameRenewal *renewal = change->result;
	const struct renewal *args = change->args;
	struct pyr_string_seq *list;
	size_t i;
	enum registry_renewal result;

	(void)problem;
	claim.secret = args->secret->n ? args->secret->items : NULL;
	renewal->lost.n = renewal->revoked.n = 0;
	for (i = 0; i < args->names->n; i++) {
		result = registry_renew(registry, args->names->items[i], &claim);
		list = result == RENEWAL_LOST ? &renewal->lost : &renewal->revoked;
		if (result != RENEWAL_DONE)
			list->items[list->n++] = args->names->items[i];
	}
	return 0;
}

static int reply_renewal(struct service_change *change, uint64_t revision)
{
	(void)revision;
	return pyrite_NameServer_renew_reply(change->deferred, change->result);
}

static int renew(pyr_call *call, const struct pyr_bytes *secret, const struct pyr_string_seq *names,
		 const struct pyrite_NameRenewal **ret)
{
	struct pyrite_NameRenewal *renewal = pyr_call_alloc(call, sizeof(*renewal));
	struct service_change *change = new_change(call, NULL, NULL, NULL);
	struct renewal *args = pyr_call_alloc(call, sizeof(*args));
	struct service *service = pyr_call_data(call);
	struct registry *registry = settle(service);
	const uint8_t *known = NULL;
	int status = service_read_secret(call, secret, &known);

	if (status < 0)
		return status;
	if (names->n > SERVICE_RENEWALS)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED,
				"NamingError: at most %d names are renewed at a time, not %zu",
				SERVICE_RENEWALS, names->n);
	if (!renewal || !change || !args ||
	    !(renewal->lost.items = pyr_call_alloc(call, names->n * sizeof(char *))) ||
	    !(renewal->revoked.items = pyr_call_alloc(call, names->n * sizeof(char *))))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (names->n == 0) {
		if (known)
			attendances_leave(service->attendances, known);
		*ret = renewal;
		return 0;
	}
	*args = (struct renewal){ secret, names };
	change->args = args;
	change->result = renewal;
	change->attempt = attempt_renewal;
	change->reply = reply_renewal;
	if (registry_is_replica(registry))
		return begin(call, change);
	*ret = renewal; /* a lease is not kept on a disk */
	return attempt_renewal(change, registry, NULL);
}

static int attend(pyr_call *call, const struct pyr_bytes *secret)
{
	struct service *service = pyr_call_data(call);
	const uint8_t *known = NULL;
	int status = service_read_secret(call, secret, &known);

	if (status < 0)
		return status;
	if (!known)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "an owner is known by its secret");
	(void)service_registry(call);
	return attendances_add(service->attendances, call, known);
}

static int attempt_metadata(struct service_change *change, struct registry *registry,
			    struct registry_problem *problem)
{
	struct registry_claim claim = service_claim(change->call, change->claim);
	const struct pyr_string_seq *tags = change->args;

	return registry_set_tags(registry, change->name, (const char *const *)tags->items, tags->n,
				 &claim, problem);
}

static int reply_metadata(struct service_change *change, uint64_t revision)
{
	(void)revision;
	return pyrite_NameServer_set_metadata_reply(change->deferred);
}

static int set_metadata(pyr_call *call, const char *name, const struct pyr_string_seq *tags,
			const struct pyrite_NameClaim *claim)
{
	struct service_change *change = new_change(call, "metadata", name, claim);
	int status = service_check_claim(call, "metadata", name, claim);

	if (status < 0)
		return status;
	if (change) {
		change->args = (void *)tags; /* it is only read */
		change->attempt = attempt_metadata;
		change->reply = reply_metadata;
	}
	return begin(call, change);
}

static int lookup(pyr_call *call, const char *name, const char **ret)
{
	struct registry_problem problem;
	const struct record *record;
	struct registry *registry;
	int status = service_reader(call, &registry);

	if (status < 0)
		return status;
	record = registry_lookup(registry, name, &problem);
	if (!record)
		return pyr_fail(call, problem.code, "%s", problem.text);
	*ret = record->uri;
	return 0;
}

static int lookup_entry(pyr_call *call, const char *name, const struct pyrite_NameEntry **ret)
{
	struct pyrite_NameEntry *entry = pyr_call_alloc(call, sizeof(*entry));
	struct registry_claim caller = service_caller(call);
	struct registry_problem problem;
	const struct record *record;
	struct registry *registry;
	int status = service_reader(call, &registry);

	if (status < 0)
		return status;
	record = registry_lookup(registry, name, &problem);
	if (!record)
		return pyr_fail(call, problem.code, "%s", problem.text);
	if (record->is_shared)
		record = registry_next_share(registry, name, NULL);
	if (!entry || !service_copy_record(call, record, entry) ||
	    !service_copy_owner(call, registry, &caller, entry))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	while (record->is_shared &&
	       (record = registry_next_share(registry, name, record->key)) != NULL)
		if (!service_copy_share(call, record, entry))
			return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	*ret = entry;
	return 0;
}

static int attempt_removal(struct service_change *change, struct registry *registry,
			   struct registry_problem *problem)
{
	struct registry_claim claim = service_claim(change->call, change->claim);

	if (change->args)
		return registry_remove_share(registry, change->name, change->args, &claim, problem);
	return registry_remove(registry, change->name, &claim, problem);
}

static int reply_removal(struct service_change *change, uint64_t revision)
{
	(void)revision;
	if (change->args)
		return pyrite_NameServer_remove_share_reply(change->deferred);
	return pyrite_NameServer_remove_reply(change->deferred);
}

/* uri: NULL: of the whole name. */
static int remove_name_or_share(pyr_call *call, const char *name, const char *uri,
				const struct pyrite_NameClaim *claim)
{
	struct service_change *change = new_change(call, "remove", name, claim);
	int status = service_check_claim(call, "remove", name, claim);

	if (status < 0)
		return status;
	if (change) {
		change->args = (void *)uri; /* it is only read */
		change->attempt = attempt_removal;
		change->reply = reply_removal;
	}
	return begin(call, change);
}

static int remove_name(pyr_call *call, const char *name, const struct pyrite_NameClaim *claim)
{
	return remove_name_or_share(call, name, NULL, claim);
}

static int remove_share(pyr_call *call, const char *name, const char *uri,
			const struct pyrite_NameClaim *claim)
{
	return remove_name_or_share(call, name, uri, claim);
}

static int attempt_assignment(struct service_change *change, struct registry *registry,
			      struct registry_problem *problem)
{
	struct registry_claim claim = service_claim(change->call, change->claim);

	return registry_assign(registry, change->name, change->args, &claim, problem);
}

static int reply_assignment(struct service_change *change, uint64_t revision)
{
	(void)revision;
	return pyrite_NameServer_assign_reply(change->deferred);
}

static int assign(pyr_call *call, const char *name, const char *owner,
		  const struct pyrite_NameClaim *claim)
{
	struct service_change *change = new_change(call, "override", name, claim);
	int status = service_check_claim(call, NULL, name, claim);

	if (status < 0)
		return status;
	if (change) {
		change->args = (void *)owner; /* it is only read */
		change->attempt = attempt_assignment;
		change->reply = reply_assignment;
	}
	return begin(call, change);
}

static int watch(pyr_call *call, const struct pyrite_NameView *view, pyr_stream *stream)
{
	struct service *service = pyr_call_data(call);

	return watchers_add(service->watchers, call, view, stream);
}

static int ping(pyr_call *call)
{
	(void)call;
	return 0;
}

static int count(pyr_call *call, uint32_t *ret)
{
	*ret = (uint32_t)registry_count(service_registry(call));
	return 0;
}

const struct pyrite_NameServer_methods service_methods = {
	.register_name = register_name,
	.renew = renew,
	.attend = attend,
	.set_metadata = set_metadata,
	.lookup = lookup,
	.lookup_entry = lookup_entry,
	.list = service_list,
	.list_matching = service_list_matching,
	.list_metadata = service_list_metadata,
	.remove = remove_name,
	.remove_prefix = service_remove_prefix,
	.remove_matching = service_remove_matching,
	.ping = ping,
	.count = count,
	.remove_share = remove_share,
	.assign = assign,
	.watch = watch,
};
