/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_REGISTRY_H
#define PYRITE_NS_REGISTRY_H
/*
 * The rules of names: who may register, replace and remove one, and when a lease ends. Pure: no
 * network, no clock of its own; the store is one of store.h. One thread at a time.
 *
 * A leased name belongs to whoever knows its secret, until the lease ends; a persistent name
 * belongs to nobody, but leads elsewhere only for its secret or on purpose. A lease that has ended
 * is as good as removed: nothing sees it any more.
 *
 * Beside that, a name belongs to the first who registered it and had proved who he is: others are
 * refused, whatever they know, unless the rules of the name server say otherwise.
 *
 * A shared name has a record for each uri, each with an owner and a lease of its own. A name is
 * shared or it is not: whoever comes first says which.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

#define REGISTRY_NAME_MAX    255
#define REGISTRY_NAMES       1000000
#define REGISTRY_NAMES_MOST  100000000 /* that one may ask for */
#define REGISTRY_NAME_BYTES  512       /* that there are for each, on average */
#define REGISTRY_TAGS        64        /* of a name */
#define REGISTRY_TAG_BYTES   4096      /* of a name, each with one byte behind it */
#define REGISTRY_TTL_MIN_MS  100
#define REGISTRY_TTL_MAX_MS  3600000
#define REGISTRY_REVOKED     4096  /* remembered */
#define REGISTRY_SHARES      64    /* of a name, */
#define REGISTRY_SHARE_BYTES 12288 /* with their uris and tags, each with one byte behind it */
#define REGISTRY_KEEP_DAYS   30    /* that a name is kept for its owner when it is not registered */
#define REGISTRY_OWNER_MAX   300
#define REGISTRY_KEY_SIZE    2560 /* of what the longest name and uri make */

struct registry;

/* Milliseconds that never go back. */
typedef int64_t (*registry_clock_cb)(void *data);

struct registry_options {
	size_t max_names; /* 0: REGISTRY_NAMES */
	registry_clock_cb clock;
	void *data;
	size_t max_bytes;     /* 0: REGISTRY_NAME_BYTES for each name */
	int64_t keep_ms;      /* 0: REGISTRY_KEEP_DAYS */
	uint32_t ttl_step_ms; /* leases are whole multiples of it, two at least; 0: of anything */
};

/* Why not: a status (enum pyr_status, positive) and a text, "NamingError: unknown name: x". */
struct registry_problem {
	int code;
	char text[1024];
	const char *action; /* NULL; else of the rules, which refuse it: there is no text */
};

/* By what right a name is changed. */
struct registry_claim {
	const uint8_t *secret; /* SECRET_SIZE bytes; NULL: none */
	bool force;
	bool gives_up;   /* of a removal: the owner does not want the name any more */
	bool is_owner;   /* of what he registers first */
	const char *who; /* he proved to be; NULL or "": nobody */
	/* What the rules let him do with a name: "override" its owner, "share" it with him; and
	 * "inspect". NULL: there are no rules. */
	bool (*may)(void *data, const char *action, const char *name);
	void *data;
};

struct registry_request {
	const char *name, *uri;
	uint32_t ttl_ms;             /* 0: persistent; brought into REGISTRY_TTL_MIN_MS..MAX_MS */
	struct registry_claim claim; /* without a secret: a new one is made */
	bool replace;                /* also a persistent name that leads elsewhere */
	bool is_own;                 /* the name server's own name: a lease that never ends */
	bool is_shared;              /* beside others */
	const char *const *tags;
	size_t n_tags;
};

/* store is taken, also on failure. Returns: owned; NULL when memory is out. */
struct registry *registry_new(struct store *store, const struct registry_options *options);
void registry_free(struct registry *registry);

/* Takes over what the store held when it was opened, and begins its leases anew. Sets aside, and
 * tells, what these rules do not take. Returns false when memory is out. */
bool registry_adopt(struct registry *registry, store_aside_cb aside, void *data);

/* Returns the record, valid until the next change; NULL with *problem told. */
const struct record *registry_register(struct registry *registry,
				       const struct registry_request *request,
				       struct registry_problem *problem);

/* Gives a name these tags instead of those it had; of a shared one, the records that
 * registry_remove() would take. Returns 0 or minus a status. */
int registry_set_tags(struct registry *registry, const char *name, const char *const *tags,
		      size_t n_tags, const struct registry_claim *claim,
		      struct registry_problem *problem);

enum registry_renewal {
	RENEWAL_DONE,   /* the lease begins anew */
	RENEWAL_LOST,   /* it is not leased under the secret */
	RENEWAL_REVOKED /* nor should it be: somebody removed it on purpose */
};
/* key: a name, or "name uri" of a shared one. */
enum registry_renewal registry_renew(struct registry *registry, const char *key,
				     const struct registry_claim *claim);

/* The owner who knows the secret is gone: until they are renewed, its leased names may be taken or
 * removed by anybody. */
void registry_orphan(struct registry *registry, const uint8_t *secret);

/* As registry_register(). Of a shared name: each in turn. */
const struct record *registry_lookup(struct registry *registry, const char *name,
				     struct registry_problem *problem);

/* The first record whose name begins with prefix and whose key sorts after `after` ("": any). NULL:
 * none. Where very many leases have just ended, some may still be there: see registry_is_alive().
 */
const struct record *registry_next(struct registry *registry, const char *prefix,
				   const char *after);

/* The same, but leaves those whose leases have ended where they are: so records that were found
 * stay valid. */
const struct record *registry_next_kept(struct registry *registry, const char *prefix,
					const char *after);
/* As that, of those that have any of the tags; if it is all, of those that have the one of them
 * which the fewest have: the others are to be looked at. */
const struct record *registry_next_tagged(struct registry *registry, const char *const *tags,
					  size_t n, bool all, const char *prefix,
					  const char *after);

bool registry_is_alive(struct registry *registry, const struct record *record);

/* Of a shared name: the first record whose key sorts after `after` (NULL: any). NULL: none. */
const struct record *registry_next_share(struct registry *registry, const char *name,
					 const char *after);

/* Of a shared name: all that are the claim's owner's; without any, all that anybody may remove.
 * Returns 0 or minus a status. */
int registry_remove(struct registry *registry, const char *name, const struct registry_claim *claim,
		    struct registry_problem *problem);
/* The same for the one record that leads to uri. */
int registry_remove_share(struct registry *registry, const char *name, const char *uri,
			  const struct registry_claim *claim, struct registry_problem *problem);
/* The same for that with the key. */
int registry_remove_key(struct registry *registry, const char *key,
			const struct registry_claim *claim, struct registry_problem *problem);

size_t registry_count(struct registry *registry);

/* Whose the name is, valid until the next change; NULL: nobody's. */
const char *registry_owner(struct registry *registry, const char *name);
/* Says whose the name is, registered or not; owner: "": nobody's. Returns 0 or minus a status. */
int registry_assign(struct registry *registry, const char *name, const char *owner,
		    const struct registry_claim *claim, struct registry_problem *problem);
/* Whether the rules, or that he is it, let the claim's maker know that the name is owner's. */
bool registry_may_know(const struct registry_claim *claim, const char *name, const char *owner);

/* Hears of each change of a registration as it is seen. callback: NULL: nobody. */
void registry_set_listener(struct registry *registry, store_change_cb callback, void *data);

/* The record with the key, if it is there. */
const struct record *registry_find_key(struct registry *registry, const char *key);
/* The number of the last change. */
uint64_t registry_revision(const struct registry *registry);
/* Removes some of what has ended. */
void registry_sweep(struct registry *registry);

/* See settle, when_safe, set_wake and age_ms in store.h. */
bool registry_settle(struct registry *registry);
void registry_when_safe(struct registry *registry, store_safe_cb callback, void *data);
void registry_set_wake(struct registry *registry, store_wake_cb callback, void *data);
int64_t registry_age_ms(struct registry *registry);
/* See epoch and set_presence in store.h. 0: changes are counted for this registry alone. */
uint64_t registry_epoch(struct registry *registry);
void registry_set_presence(struct registry *registry, store_presence_cb is_here, void *data);
/* Whether others change the store, so that what is refused may be so no longer: see catch_up. */
bool registry_is_replica(const struct registry *registry);
void registry_catch_up(struct registry *registry, store_safe_cb callback, void *data);

/* ---- what a name, a uri and tags are; of the registry's files alone ---- */

/* Writes *problem. Returns minus the code. */
__attribute__((format(printf, 3, 4))) int registry_refuse(struct registry_problem *problem,
							  int code, const char *format, ...);
int registry_check_name(const char *name, struct registry_problem *problem);

/* Whether a record from outside is, by itself, as it would be put today. */
bool registry_check_record(const struct record *record, struct registry_problem *problem);

/* Sorts the tags, each once, into ret, which has room for REGISTRY_TAGS. */
int registry_check_tags(const char *const *tags, size_t n, const char **ret, size_t *ret_n,
			struct registry_problem *problem);

/* Leases that others ended: their owners are told when they renew. */
struct revoked_list;
struct revoked_list *revoked_new(void);
void revoked_free(struct revoked_list *list);
void revoked_add(struct revoked_list *list, const struct record *record, int64_t now);
void revoked_drop(struct revoked_list *list, const char *key);
bool revoked_has(struct revoked_list *list, const char *key, const uint8_t *secret, int64_t now);
bool registry_knows_secret(const uint8_t *kept, const uint8_t *given);
#endif
