/* SPDX-License-Identifier: MIT */
/*
 * Leases one by one: until when they are ours, and what a name server has forgotten, which is told
 * again. With the lock, under which nothing is waited for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "naming/naming_keeper.h"

/* Names that are told again at a time: one more for each that is answered soon, one less for each
 * that is late. */
enum { FEW = 4, MANY = 64, SOON_MS = 150, LATE_MS = 500 };

struct lease **lease_find(struct keeper *keeper, const char *key)
{
	struct lease **place;

	for (place = &keeper->leases; *place; place = &(*place)->next)
		if (strcmp((*place)->key, key) == 0)
			break;
	return place;
}

void lease_free(struct lease *lease)
{
	pyr_future_free(lease->registering);
	told_unref(lease->told);
	free(lease->tags.items);
	free(lease);
}

void lease_unlink(struct lease **place)
{
	struct lease *lease = *place;

	*place = lease->next;
	lease_free(lease);
}

/* It is, as asked for then. */
void lease_is_ours(struct keeper *keeper, struct lease *lease, int64_t asked_at)
{
	lease->ends = asked_at + (int64_t)lease->ttl_ms * ENGINE_MS;
	if (!lease->is_doubtful || lease->ends <= engine_now())
		return;
	lease->is_doubtful = false;
	log_line(PYR_LOG_INFO, "the name %s at the name server at %s is this process's as before",
		 lease->name, keeper_address(keeper));
	told_post(lease->told, PYR_LEASE_HELD, lease->generation);
}

static void register_again(struct keeper *keeper, struct lease *lease)
{
	struct pyrite_NameTerms terms = { .ttl_ms = lease->ttl_ms,
					  .tags = lease->tags,
					  .shared = lease->is_shared };
	struct pyrite_NameClaim claim = { .secret = { LEASE_SECRET, keeper->secret } };

	lease->is_forgotten = false;
	if (!lease->is_refused)
		log_line(PYR_LOG_INFO,
			 "name server at %s forgot the name %s: it is registered again",
			 keeper_address(keeper), lease->name);
	lease->asked_at = engine_now();
	lease->registering = pyrite_NameServer_register_name_start(keeper->proxy, lease->name,
								   lease->uri, &terms, &claim);
}

/* Returns false if the lease is over: somebody else has the name. */
static bool take_registration(struct keeper *keeper, struct lease *lease)
{
	pyr_future *future = lease->registering;
	struct pyrite_NameGrant *grant;
	int code;

	lease->registering = NULL;
	if (pyrite_NameServer_register_name_get(future, &grant) == 0) {
		lease->ttl_ms = grant->ttl_ms;
		lease->is_refused = false;
		lease->generation = grant->generation;
		pyr_free(grant);
		lease_is_ours(keeper, lease, lease->asked_at);
		return true;
	}
	code = pyr_last_error()->code;
	if (code == PYR_ALREADY_EXISTS)
		told_post(lease->told, PYR_LEASE_TAKEN, lease->generation);
	if (code == PYR_ALREADY_EXISTS || (code == PYR_PERMISSION_DENIED && !lease->is_refused))
		log_line(PYR_LOG_WARNING, "the name %s at the name server at %s is lost: %s",
			 lease->name, keeper_address(keeper), pyr_errmsg());
	lease->is_refused = code == PYR_PERMISSION_DENIED;
	return code != PYR_ALREADY_EXISTS; /* else the next round tries again */
}

static void pace(struct keeper *keeper, int64_t took)
{
	if (took <= SOON_MS * (int64_t)ENGINE_MS && keeper->n_again < MANY)
		keeper->n_again++;
	else if (took > LATE_MS * (int64_t)ENGINE_MS && keeper->n_again > FEW)
		keeper->n_again--;
	keeper->look_ms = KEEPER_LOOK_MS; /* others may be told now */
}

unsigned keeper_take_told(struct keeper *keeper)
{
	struct lease **place = &keeper->leases, *lease;
	unsigned n_out = 0;

	while ((lease = *place) != NULL) {
		if (lease->registering && !pyr_future_is_ready(lease->registering)) {
			n_out++;
		} else if (lease->registering) {
			pace(keeper, engine_now() - lease->asked_at);
			if (!take_registration(keeper, lease)) {
				lease_unlink(place);
				continue;
			}
		}
		place = &lease->next;
	}
	return n_out;
}

/* A name server that has forgotten all names is told them by all owners: each tells a few at a
 * time, so that what the last one sends is answered before its time is over. */
void keeper_tell_again(struct keeper *keeper, unsigned n_out)
{
	struct lease *lease;

	if (keeper->n_again < FEW || !keeper_tells_again(keeper))
		keeper->n_again = FEW;
	for (lease = keeper->leases; lease && n_out < keeper->n_again; lease = lease->next)
		if (lease->is_forgotten) {
			register_again(keeper, lease);
			n_out++;
		}
}

bool keeper_tells_again(const struct keeper *keeper)
{
	const struct lease *lease;

	for (lease = keeper->leases; lease; lease = lease->next)
		if (lease->registering || lease->is_forgotten)
			break;
	return lease;
}
