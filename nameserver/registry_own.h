/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_REGISTRY_OWN_H
#define PYRITE_NS_REGISTRY_OWN_H
/* The registry from the inside, for the files registry*.c. */
#include "registry.h"

struct registry {
	struct store *store;
	size_t max_names, max_bytes;
	int64_t keep_ms;
	uint32_t ttl_step_ms;
	registry_clock_cb clock;
	void *data;
	struct revoked_list *revoked;
	unsigned turn;             /* of look-ups of shared names */
	store_change_cb on_change; /* NULL: nobody else hears of changes */
	void *change_data;
};

/* ---- registry.c ---- */

/* The number of the change that is about to be made. */
uint64_t registry_next_revision(const struct registry *registry);
/* The record if it is still alive. */
const struct record *registry_find(struct registry *registry, const char *key);
/* A record that has been found good. NULL with *problem told. */
const struct record *registry_put(struct registry *registry, struct record *record,
				  struct registry_problem *problem);
/* registry_sweep() of what nobody else changes. */
void registry_sweep_own(struct registry *registry);
/* Removes it, as the next change; is_revoked: its owner is told. Returns false when memory is out.
 */
bool registry_drop(struct registry *registry, const char *key, bool is_revoked);
/* The same on purpose: its owner is told. Returns 0 or minus a status. */
int registry_remove_record(struct registry *registry, const struct record *record,
			   struct registry_problem *problem);
/* Whether whoever makes the claim may remove the record or change its tags. */
bool registry_may_change(const struct record *record, const struct registry_claim *claim);
int registry_check_change(const struct record *record, const struct registry_claim *claim,
			  const char *what, struct registry_problem *problem);
/* Whether there is room for record in place of old (NULL: none). */
int registry_check_room(struct registry *registry, const struct record *record,
			const struct record *old, struct registry_problem *problem);
int registry_unknown(const char *name, struct registry_problem *problem);
/* "127.0.0.1:4000" of a uri in its normal form. */
const char *registry_address(const char *uri);

/* ---- registry_deeds.c ---- */

/* Whether the claim's maker may register or change the name as far as its owner is concerned.
 * is_shared: as a shared one. Returns 0 or minus a status. */
int registry_deed_check(struct registry *registry, const char *name,
			const struct registry_claim *claim, bool is_shared,
			struct registry_problem *problem);
/* Whether the record may be renewed by him. */
bool registry_deed_is_near(struct registry *registry, const struct record *record,
			   const struct registry_claim *claim);
/* The record is about to be put, which registry_deed_check() allowed. Returns 0 or minus a status.
 */
int registry_deed_take(struct registry *registry, const struct record *record,
		       const struct registry_claim *claim, struct registry_problem *problem);
/* Whether the name was still kept for its owner, and is not any more, as the claim's maker wants.
 */
bool registry_deed_give_up(struct registry *registry, const char *name,
			   const struct registry_claim *claim);
/* Makes it nobody's. Returns false when memory is out. */
bool registry_deed_drop(struct registry *registry, const char *name);
/* A record of the name is there or gone: the time until its owner is forgotten stops or begins. */
void registry_deed_look(struct registry *registry, const char *name);
void registry_deeds_sweep(struct registry *registry);

/* ---- registry_shared.c ---- */

/* uri: NULL for a name that is not shared. */
void registry_make_key(char ret[REGISTRY_KEY_SIZE], const char *name, const char *uri);
/* Whether the request's record may be put: as one that is shared or not, as the name is, and if it
 * is, whether there is room among the others. Returns 0 or minus a status. */
int registry_check_shares(struct registry *registry, const struct registry_request *request,
			  const struct record *record, struct registry_problem *problem);
/* Removes what has made way for the record: those of the name that are shared if it is not, and the
 * reverse. Returns false with *problem told. */
bool registry_drop_others(struct registry *registry, const struct record *record,
			  struct registry_problem *problem);
/* NULL: the name is not shared. */
const struct record *registry_share_in_turn(struct registry *registry, const char *name);
/* For a name that is shared or unknown. */
int registry_remove_shares(struct registry *registry, const char *name,
			   const struct registry_claim *claim, struct registry_problem *problem);
int registry_set_share_tags(struct registry *registry, const char *name, const char *const *tags,
			    size_t n_tags, const struct registry_claim *claim,
			    struct registry_problem *problem);
#endif
