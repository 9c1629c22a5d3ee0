/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_SERVICE_H
#define PYRITE_NS_SERVICE_H
/*
 * The registry as an object: pyrite.NameServer. Its daemon must be serial, because the registry has
 * no locks. A change is answered later, by a thread of the store, when it is safe.
 */
#include "naming.h"

#include "registry.h"

enum {
	SERVICE_MESSAGE_MAX = 65536, /* what the daemon should take and give at most */
	SERVICE_DRAIN_MS = 100,      /* attendances do not end by themselves: not worth waiting */
	SERVICE_SLICE_MS = 20,       /* of a look through the names */
	SERVICE_RENEWALS = 1024      /* names of one renewal */
};

struct service;

/* The methods; the object's data is a struct service. */
extern const struct pyrite_NameServer_methods service_methods;

/* registry is taken, also on failure. Returns: owned; NULL when memory is out. */
struct service *service_new(struct registry *registry);
/* When no method runs any more, and before the daemon is freed. */
void service_free(struct service *service);

/* The daemon that is to serve it, which is not freed before it. Returns false when memory is out.
 */
bool service_set_daemon(struct service *service, pyr_daemon *daemon);

/* Registers the name server under its own name. Returns false with *problem told. */
bool service_add_self(struct service *service, const char *uri, struct registry_problem *problem);

/* ---- between the service's files ---- */

/* Where every method begins. */
struct registry *service_registry(pyr_call *call);

/* What a change is answered with. */
struct service_answer {
	enum {
		ANSWER_GRANT,
		ANSWER_METADATA,
		ANSWER_REMOVE,
		ANSWER_SHARE,
		ANSWER_ASSIGN,
		ANSWER_PREFIX,
		ANSWER_MATCHING
	} kind;
	const void *result; /* memory of the call; NULL for METADATA, REMOVE and SHARE */
	const char *action; /* for the audit log: what was done, */
	const char *name;   /* to which name, or to those with which prefix or regex */
};
/* Returns what the method returns. */
int service_answer_when_safe(pyr_call *call, struct service_answer answer);

int service_read_secret(pyr_call *call, const struct pyr_bytes *secret, const uint8_t **ret);
int service_read_claim(pyr_call *call, const struct pyrite_NameClaim *claim,
		       struct registry_claim *ret);
/* Who calls, without a right of any kind. */
struct registry_claim service_caller(pyr_call *call);
/* Ends the method with the problem that there is with the action on the name. */
int service_fail(pyr_call *call, const char *action, const char *name,
		 const struct registry_problem *problem);

/* As service_read_claim(), if the name server's rules allow the caller to "register" or "remove"
 * that name or set its "metadata"; a claim that forces what it does needs "replace", too. */
int service_claim(pyr_call *call, const char *action, const char *name,
		  const struct pyrite_NameClaim *claim, struct registry_claim *ret);

/* Lists and removals of many names, in parts. */
int service_list(pyr_call *call, const char *prefix, const char *after,
		 const struct pyrite_NamePage **ret);
int service_list_matching(pyr_call *call, const char *regex, const char *after,
			  const struct pyrite_NamePage **ret);
int service_list_metadata(pyr_call *call, const struct pyr_string_seq *tags, bool all,
			  const char *after, const struct pyrite_NamePage **ret);
int service_remove_prefix(pyr_call *call, const char *prefix, const char *after,
			  const struct pyrite_NameClaim *claim,
			  const struct pyrite_NameRemoval **ret);
int service_remove_matching(pyr_call *call, const char *regex, const char *after,
			    const struct pyrite_NameClaim *claim,
			    const struct pyrite_NameRemoval **ret);
/* Memory of the call. Returns false when it is out. */
bool service_copy_record(pyr_call *call, const struct record *record, struct pyrite_NameEntry *ret);
/* Whose the name is, if the caller may know. Returns as service_copy_record(). */
bool service_copy_owner(pyr_call *call, struct registry *registry,
			const struct registry_claim *caller, struct pyrite_NameEntry *entry);
/* The same for another record of a shared name. */
bool service_copy_share(pyr_call *call, const struct record *record,
			struct pyrite_NameEntry *entry);
#endif
