/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_SERVICE_OWN_H
#define PYRITE_NS_SERVICE_OWN_H
/* The service from the inside, for the files service*.c. */
#include <time.h>

#include "attendance.h"
#include "service.h"
#include "watchers.h"

struct service {
	struct registry *registry;
	struct attendances *attendances;
	struct watchers *watchers;
	bool is_void;      /* changes were taken back, which the watchers do not know */
	char address[300]; /* as its URI has it */
	time_t warned;     /* of a name that leads nowhere */
	int64_t max_stale_ms;
	int64_t age_ms;                             /* of what is read; 0: it is as it is */
	struct service_change *again, **last_again; /* to be tried again, by the */
	pyr_timer *timer; /* which is also set when the store has something to do */
};

/* Where every method begins. */
struct registry *service_registry(pyr_call *call);

/* Where every method begins that only reads: -UNAVAILABLE if what there is to read is too old. */
int service_reader(pyr_call *call, struct registry **ret);

/*
 * A request that changes names, memory of its call. It is tried by the rules and answered when it
 * is safe. Where others change the names, too, it is tried again when they were faster, and before
 * it is refused because of what they may have changed.
 */
struct service_change {
	struct service_change *next; /* of those that are to be tried again */
	pyr_call *call;
	pyr_deferred *deferred; /* NULL: in the method */
	/* Returns 0, or minus a status with *problem told. */
	int (*attempt)(struct service_change *change, struct registry *registry,
		       struct registry_problem *problem);
	/* In any thread; takes the deferred. revision: as of store_safe_cb. */
	int (*reply)(struct service_change *change, uint64_t revision);
	const char *action; /* for the audit log: what is done, */
	const char *name;   /* to which name, or to those with which prefix or regex */
	bool audits_each;   /* of many names: each was told when it was done */
	const struct pyrite_NameClaim *claim; /* as it was given; NULL: none */
	void *args, *result;                  /* of attempt and reply alone */
	struct registry_problem *refusal;     /* that waits until what it rests on is safe */
	unsigned n_tries;
	bool is_confirmed; /* what the next attempt is refused for is so everywhere */
};
/* Returns what the method returns. */
int service_change(struct service_change *change);
/* What was to be tried again is tried. In the method thread. */
void service_change_again(struct service *service);
/* They all fail. */
void service_change_give_up(struct service *service);

int service_read_secret(pyr_call *call, const struct pyr_bytes *secret, const uint8_t **ret);
/* Its secret, if it has one, has been looked at. */
struct registry_claim service_claim(pyr_call *call, const struct pyrite_NameClaim *claim);
/* Who calls, without a right of any kind. */
struct registry_claim service_caller(pyr_call *call);
/* Ends the method with the problem that there is with the action on the name. */
int service_fail(pyr_call *call, const char *action, const char *name,
		 const struct registry_problem *problem);

/* Whether the name server's rules allow the caller to "register" or "remove" that name or set its
 * "metadata" with a claim that makes sense; one that forces what it does needs "replace", too.
 * Returns 0, or what the method returns. */
int service_check_claim(pyr_call *call, const char *action, const char *name,
			const struct pyrite_NameClaim *claim);

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
