/* SPDX-License-Identifier: MIT */
/* What the store asks of etcd, and what becomes of it. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "store_etcd_own.h"

enum { GRANTS = 3 /* times that a transaction may find a lease missing */ };

/* The worse, the further behind. */
static unsigned badness(enum etcd_result result)
{
	static const enum etcd_result order[] = { ETCD_DONE,     ETCD_CONFLICT,  ETCD_NO_LEASE,
						  ETCD_NO_SPACE, ETCD_COMPACTED, ETCD_REFUSED,
						  ETCD_NOT_RUN,  ETCD_UNKNOWN };
	unsigned i = 0;

	while (i + 1 < sizeof(order) / sizeof(order[0]) && order[i] != result)
		i++;
	return i;
}

/* What it waits for is not there yet, and will wake the owner. */
static bool waits_for_news(struct etcd_store *store, const struct etcd_outcome *outcome)
{
	return outcome->result == ETCD_DONE && outcome->revision > replica_heard(store->replica);
}

/* In etcd's thread, or where the request is made: one part has been answered, or was none. */
static void end_part(struct request *request, const struct etcd_outcome *outcome)
{
	struct etcd_store *store = request->store;
	uint64_t revision = request->outcome.revision;
	bool is_done;

	pthread_mutex_lock(&store->lock);
	if (outcome && badness(outcome->result) >= badness(request->outcome.result))
		request->outcome = *outcome;
	if (request->outcome.revision < revision)
		request->outcome.revision = revision;
	is_done = --request->n_parts == 0;
	if (is_done) {
		request->next = store->done;
		store->done = request;
	}
	pthread_mutex_unlock(&store->lock);
	if (is_done && (!outcome || !waits_for_news(store, outcome)))
		store_etcd_wake(store);
}

void request_ignore(const struct etcd_outcome *outcome, void *data)
{
	(void)outcome;
	(void)data;
}

static void grant(struct request *request);

/* What has expired is seen to be gone once the watch has come as far as etcd is now. */
static void on_lease_gone(const struct etcd_outcome *outcome, void *data)
{
	struct etcd_outcome gone = *outcome;

	if (gone.result == ETCD_DONE)
		gone.result = ETCD_CONFLICT;
	end_part(data, &gone);
}

/* What is put under a lease lives as long as that: it has all of its time before. */
static void on_lease(const struct etcd_outcome *outcome, void *data)
{
	struct request *request = data;

	if (outcome->result == ETCD_DONE)
		bundle_send(request);
	else if (outcome->result == ETCD_NO_LEASE && request->n_grants < GRANTS)
		grant(request);
	else if (outcome->result == ETCD_NO_LEASE)
		etcd_barrier(request->store->etcd, on_lease_gone, request);
	else
		end_part(request, outcome);
}

static void renew(struct request *request)
{
	request->renewed_ms = clock_ms();
	etcd_renew(request->store->etcd, request->message->lease.id, on_lease, request);
}

/* It may have been there already, with little time left. */
static void on_granted(const struct etcd_outcome *outcome, void *data)
{
	if (outcome->result == ETCD_DONE)
		renew(data);
	else
		end_part(data, outcome);
}

static void grant(struct request *request)
{
	const struct owned_lease *lease = &request->message->lease;

	request->n_grants++;
	etcd_grant(request->store->etcd, lease->id, lease->ttl_s, on_granted, request);
}

void request_on_transaction(const struct etcd_outcome *outcome, void *data)
{
	struct request *request = data;
	const struct trial_message *message = request->message;

	if (outcome->result != ETCD_NO_LEASE)
		end_part(request, outcome);
	else if (message->lease.id && request->n_grants < GRANTS)
		grant(request);
	else
		etcd_barrier(request->store->etcd, on_lease_gone, request);
}

static void on_renewed(const struct etcd_outcome *outcome, void *data)
{
	struct request *request = data;

	if (outcome->result == ETCD_NO_LEASE)
		etcd_barrier(request->store->etcd, on_lease_gone, request);
	else
		end_part(request, outcome);
}

static void on_barrier(const struct etcd_outcome *outcome, void *data)
{
	end_part(data, outcome);
}

void request_free(struct request *request)
{
	*request->link = request->later;
	if (request->later)
		request->later->link = request->link;
	trial_message_free(request->message);
	free(request->leases);
	free(request);
}

struct request *request_new(struct etcd_store *store, store_safe_cb callback, void *data)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->store = store;
	request->callback = callback;
	request->data = data;
	request->n_parts = 1; /* until all have been sent */
	request->sent_ms = clock_ms();
	request->later = store->open;
	request->link = &store->open;
	if (request->later)
		request->later->link = &request->later;
	store->open = request;
	return request;
}

static bool is_for(const struct request *request, const char *owner)
{
	size_t i;

	if (request->message && request->message->lease.id &&
	    strcmp(request->message->lease.owner, owner) == 0)
		return true;
	for (i = 0; i < request->n_leases; i++)
		if (strcmp(request->leases[i].owner, owner) == 0)
			return true;
	return false;
}

void request_lose(struct etcd_store *store, const char *owner, const uint8_t secret[SECRET_SIZE])
{
	struct request *request;

	for (request = store->open; request; request = request->later)
		if (is_for(request, owner)) {
			request->is_lost = true;
			memcpy(request->lost, secret, SECRET_SIZE);
		}
}

static void send_message(struct request *request)
{
	const struct owned_lease *lease = &request->message->lease;
	struct etcd_store *store = request->store;

	if (!lease->id || owner_leases_is_fresh(&store->leases, lease, clock_ms()))
		bundle_send(request);
	else if (owner_leases_has(&store->leases, lease))
		renew(request);
	else
		grant(request);
}

void request_send(struct request *request)
{
	size_t i;

	request->n_parts += request->n_leases + (request->message != NULL);
	if (request->message)
		send_message(request);
	for (i = 0; i < request->n_leases; i++)
		etcd_renew(request->store->etcd, request->leases[i].id, on_renewed, request);
	end_part(request, NULL);
}

void request_ask(struct request *request)
{
	request->n_parts++;
	etcd_barrier(request->store->etcd, on_barrier, request);
	end_part(request, NULL);
}
