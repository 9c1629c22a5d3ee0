/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attendance.h"
#include "reach.h"
#include "text_put.h"
#include "watchers.h"

#define OWN_TAG "class:pyrite.NameServer"

struct service {
	struct registry *registry;
	struct attendances *attendances;
	struct watchers *watchers;
	bool is_void;      /* changes were taken back, which the watchers do not know */
	char address[300]; /* as its URI has it */
	time_t warned;     /* of a name that leads nowhere */
};

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
	service->attendances = attendances_new();
	service->watchers = watchers_new(registry_for_watchers, service);
	if (service->attendances && service->watchers)
		return service;
	service_free(service);
	return NULL;
}

bool service_set_daemon(struct service *service, pyr_daemon *daemon)
{
	return watchers_set_daemon(service->watchers, daemon);
}

void service_free(struct service *service)
{
	if (!service)
		return;
	watchers_free(service->watchers);
	registry_free(service->registry); /* what is not safe yet is made so, and answered */
	attendances_free(service->attendances);
	free(service);
}

struct registry *service_registry(pyr_call *call)
{
	return settle(pyr_call_data(call));
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

/* ---- answers ---- */

struct pending {
	pyr_deferred *deferred;
	struct service_answer answer;
};

static int reply(pyr_deferred *deferred, const struct service_answer *answer)
{
	switch (answer->kind) {
	case ANSWER_GRANT:
		return pyrite_NameServer_register_name_reply(deferred, answer->result);
	case ANSWER_METADATA:
		return pyrite_NameServer_set_metadata_reply(deferred);
	case ANSWER_REMOVE:
		return pyrite_NameServer_remove_reply(deferred);
	case ANSWER_SHARE:
		return pyrite_NameServer_remove_share_reply(deferred);
	case ANSWER_ASSIGN:
		return pyrite_NameServer_assign_reply(deferred);
	case ANSWER_PREFIX:
		return pyrite_NameServer_remove_prefix_reply(deferred, answer->result);
	case ANSWER_MATCHING:
		return pyrite_NameServer_remove_matching_reply(deferred, answer->result);
	}
	return pyr_deferred_fail(deferred, PYR_INTERNAL, "no such answer");
}

/* Maybe in a thread of the store. The pending answer is memory of the call, and goes with it. */
static void on_safe(const struct store_problem *problem, void *data)
{
	struct pending *pending = data;
	pyr_deferred *deferred = pending->deferred;

	if (problem->code || pending->answer.kind < ANSWER_PREFIX) /* of many, each was told */
		pyr_call_audit(pyr_deferred_call(deferred), pending->answer.action,
			       pending->answer.name, problem->code, problem->text);
	/* whoever asked may be gone: then nobody is to be told */
	if (problem->code)
		(void)pyr_deferred_fail(deferred, problem->code, "%s", problem->text);
	else
		(void)reply(deferred, &pending->answer);
}

int service_answer_when_safe(pyr_call *call, struct service_answer answer)
{
	struct service *service = pyr_call_data(call);
	struct pending *pending = pyr_call_alloc(call, sizeof(*pending));
	int status;

	if (!pending)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	pending->answer = answer;
	status = pyr_call_defer(call, &pending->deferred);
	if (status < 0)
		return status;
	registry_when_safe(service->registry, on_safe, pending);
	return 0;
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

int service_read_claim(pyr_call *call, const struct pyrite_NameClaim *claim,
		       struct registry_claim *ret)
{
	*ret = service_caller(call);
	ret->force = claim->force;
	ret->gives_up = claim->give_up;
	return service_read_secret(call, &claim->secret, &ret->secret);
}

int service_claim(pyr_call *call, const char *action, const char *name,
		  const struct pyrite_NameClaim *claim, struct registry_claim *ret)
{
	if (!pyr_call_may(call, action, name))
		return pyr_call_refuse(call, action, name);
	if (claim->force && !pyr_call_may(call, "replace", name))
		return pyr_call_refuse(call, "replace", name);
	return service_read_claim(call, claim, ret);
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

static int register_name(pyr_call *call, const char *name, const char *uri,
			 const struct pyrite_NameTerms *terms, const struct pyrite_NameClaim *claim,
			 const struct pyrite_NameGrant **ret)
{
	struct registry_request request = { .name = name,
					    .uri = uri,
					    .ttl_ms = terms->ttl_ms,
					    .replace = terms->replace,
					    .is_shared = terms->shared,
					    .tags = (const char *const *)terms->tags.items,
					    .n_tags = terms->tags.n };
	struct pyrite_NameGrant *grant = pyr_call_alloc(call, sizeof(*grant));
	const char *action = claim->force ? "replace" : "register";
	struct registry_problem problem;
	const struct record *record;
	int status = service_claim(call, "register", name, claim, &request.claim);

	(void)ret;
	if (status < 0)
		return status;
	if (!grant || !(grant->secret.items = pyr_call_alloc(call, SECRET_SIZE)))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	record = registry_register(service_registry(call), &request, &problem);
	if (!record)
		return service_fail(call, action, name, &problem);
	warn_of_loopback(call, name, record->uri);
	memcpy(grant->secret.items, record->secret, SECRET_SIZE);
	grant->secret.n = SECRET_SIZE;
	grant->ttl_ms = record->ttl_ms;
	grant->generation = record->generation;
	grant->shared = record->is_shared;
	return service_answer_when_safe(
		call, (struct service_answer){ ANSWER_GRANT, grant, action, name });
}

static int renew(pyr_call *call, const struct pyr_bytes *secret, const struct pyr_string_seq *names,
		 const struct pyrite_NameRenewal **ret)
{
	struct pyrite_NameRenewal *renewal = pyr_call_alloc(call, sizeof(*renewal));
	struct registry *registry = service_registry(call);
	struct registry_claim claim = service_caller(call);
	struct pyr_string_seq *list;
	size_t i;
	enum registry_renewal result;
	int status = service_read_secret(call, secret, &claim.secret);

	if (status < 0)
		return status;
	if (names->n > SERVICE_RENEWALS)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED,
				"NamingError: at most %d names are renewed at a time, not %zu",
				SERVICE_RENEWALS, names->n);
	if (!renewal || !(renewal->lost.items = pyr_call_alloc(call, names->n * sizeof(char *))) ||
	    !(renewal->revoked.items = pyr_call_alloc(call, names->n * sizeof(char *))))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	for (i = 0; i < names->n; i++) {
		result = registry_renew(registry, names->items[i], &claim);
		list = result == RENEWAL_LOST ? &renewal->lost : &renewal->revoked;
		if (result != RENEWAL_DONE)
			list->items[list->n++] = names->items[i];
	}
	*ret = renewal;
	return 0;
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

static int set_metadata(pyr_call *call, const char *name, const struct pyr_string_seq *tags,
			const struct pyrite_NameClaim *claim)
{
	struct registry_problem problem;
	struct registry_claim known;
	int status = service_claim(call, "metadata", name, claim, &known);

	if (status < 0)
		return status;
	if (registry_set_tags(service_registry(call), name, (const char *const *)tags->items,
			      tags->n, &known, &problem) < 0)
		return service_fail(call, "metadata", name, &problem);
	return service_answer_when_safe(
		call, (struct service_answer){ ANSWER_METADATA, NULL, "metadata", name });
}

static int lookup(pyr_call *call, const char *name, const char **ret)
{
	struct registry_problem problem;
	const struct record *record = registry_lookup(service_registry(call), name, &problem);

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
	struct registry *registry = service_registry(call);
	const struct record *record = registry_lookup(registry, name, &problem);

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

static int remove_name(pyr_call *call, const char *name, const struct pyrite_NameClaim *claim)
{
	struct registry_problem problem;
	struct registry_claim known;
	int status = service_claim(call, "remove", name, claim, &known);

	if (status < 0)
		return status;
	if (registry_remove(service_registry(call), name, &known, &problem) < 0)
		return service_fail(call, "remove", name, &problem);
	return service_answer_when_safe(
		call, (struct service_answer){ ANSWER_REMOVE, NULL, "remove", name });
}

static int remove_share(pyr_call *call, const char *name, const char *uri,
			const struct pyrite_NameClaim *claim)
{
	struct registry_problem problem;
	struct registry_claim known;
	int status = service_claim(call, "remove", name, claim, &known);

	if (status < 0)
		return status;
	if (registry_remove_share(service_registry(call), name, uri, &known, &problem) < 0)
		return service_fail(call, "remove", name, &problem);
	return service_answer_when_safe(
		call, (struct service_answer){ ANSWER_SHARE, NULL, "remove", name });
}

static int assign(pyr_call *call, const char *name, const char *owner,
		  const struct pyrite_NameClaim *claim)
{
	struct registry_problem problem;
	struct registry_claim known;
	int status = service_read_claim(call, claim, &known);

	if (status < 0)
		return status;
	if (registry_assign(service_registry(call), name, owner, &known, &problem) < 0)
		return service_fail(call, "override", name, &problem);
	return service_answer_when_safe(
		call, (struct service_answer){ ANSWER_ASSIGN, NULL, "override", name });
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
