/* SPDX-License-Identifier: MIT */
/*
 * Transactions that go to etcd together. While a few are on their way the next ones gather, and
 * then are one transaction: one entry in etcd's log, one answer, one event of each watch. They are
 * each of another name, so none of them depends on another. If one of their compares does not hold
 * nothing has been done, and each is sent by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "store_etcd_own.h"

enum {
	FLYING = 2,         /* on their way at a time, */
	LATE_MS = 100,      /* but who has waited so long goes: etcd may answer none of them */
	MOST = 120,         /* compares, and operations: etcd takes 128 */
	MOST_BYTES = 500000 /* etcd takes 1.5 MiB */
};

struct bundle {
	struct etcd_store *store;
	struct request *requests[MOST];
	struct etcd_compare compares[MOST];
	struct etcd_op ops[MOST];
	size_t n, n_compares, n_ops, n_bytes;
};

static size_t bytes_of(const struct trial_message *message)
{
	size_t i, n = 0;

	for (i = 0; i < message->n_ops; i++)
		n += message->ops[i].key.n + message->ops[i].value.n;
	for (i = 0; i < message->n_compares; i++)
		n += message->compares[i].key.n + message->compares[i].end.n;
	return n;
}

static bool fits(const struct bundle *bundle, const struct trial_message *message)
{
	size_t i;

	if (bundle->n == 0)
		return true;
	if (bundle->n_compares + message->n_compares > MOST ||
	    bundle->n_ops + message->n_ops > MOST ||
	    bundle->n_bytes + bytes_of(message) > MOST_BYTES)
		return false;
	for (i = 0; i < bundle->n; i++)
		if (strcmp(bundle->requests[i]->message->subject, message->subject) == 0)
			return false;
	return true;
}

static void add(struct bundle *bundle, struct request *request)
{
	const struct trial_message *message = request->message;

	bundle->requests[bundle->n++] = request;
	bundle->n_bytes += bytes_of(message);
	memcpy(bundle->compares + bundle->n_compares, message->compares,
	       message->n_compares * sizeof(message->compares[0]));
	memcpy(bundle->ops + bundle->n_ops, message->ops, message->n_ops * sizeof(message->ops[0]));
	bundle->n_compares += message->n_compares;
	bundle->n_ops += message->n_ops;
}

static void send_alone(struct request *request)
{
	const struct trial_message *message = request->message;

	etcd_txn(request->store->etcd, message->compares, message->n_compares, message->ops,
		 message->n_ops, request_on_transaction, request);
}

/* Whether nothing was done, and one of them alone may be why. */
static bool may_be_one(const struct bundle *bundle, const struct etcd_outcome *outcome)
{
	return bundle->n > 1 &&
	       (outcome->result == ETCD_CONFLICT || outcome->result == ETCD_NO_LEASE ||
		outcome->result == ETCD_REFUSED);
}

static void send_some(struct etcd_store *store);

static void on_bundle(const struct etcd_outcome *outcome, void *data)
{
	struct bundle *bundle = data;
	struct etcd_store *store = bundle->store;
	bool sends_each = may_be_one(bundle, outcome);
	size_t i;

	pthread_mutex_lock(&store->lock);
	store->n_flying--;
	pthread_mutex_unlock(&store->lock);
	for (i = 0; i < bundle->n; i++)
		if (sends_each)
			send_alone(bundle->requests[i]);
		else
			request_on_transaction(outcome, bundle->requests[i]);
	free(bundle);
	send_some(store);
}

/* With the lock. */
static struct request *take_first(struct etcd_store *store)
{
	struct request *request = store->gathered;

	store->gathered = request->next;
	if (!store->gathered)
		store->last_gathered = &store->gathered;
	return request;
}

/* With the lock. */
static bool may_go(const struct etcd_store *store)
{
	return store->gathered &&
	       (store->n_flying < FLYING || clock_ms() - store->gathered->gathered_ms >= LATE_MS);
}

/* With the lock. */
static void fill(struct bundle *bundle)
{
	struct etcd_store *store = bundle->store;

	if (may_go(store))
		while (store->gathered && fits(bundle, store->gathered->message))
			add(bundle, take_first(store));
	store->n_flying += bundle->n > 0;
}

/* Returns false if there is none to go now. */
static bool send_next(struct etcd_store *store)
{
	struct bundle *bundle = malloc(sizeof(*bundle));
	struct request *alone = NULL;

	if (bundle) {
		bundle->store = store;
		bundle->n = bundle->n_compares = bundle->n_ops = bundle->n_bytes = 0;
	}
	pthread_mutex_lock(&store->lock);
	if (!bundle && store->gathered)
		alone = take_first(store);
	if (bundle)
		fill(bundle);
	pthread_mutex_unlock(&store->lock);
	if (bundle && bundle->n > 0) {
		etcd_txn(store->etcd, bundle->compares, bundle->n_compares, bundle->ops,
			 bundle->n_ops, on_bundle, bundle);
		return true;
	}
	free(bundle);
	if (alone)
		send_alone(alone);
	return alone;
}

static void send_some(struct etcd_store *store)
{
	while (send_next(store))
		continue;
}

void bundle_check(struct etcd_store *store)
{
	bool may;

	pthread_mutex_lock(&store->lock);
	may = may_go(store);
	pthread_mutex_unlock(&store->lock);
	if (may)
		send_some(store);
}

void bundle_send(struct request *request)
{
	struct etcd_store *store = request->store;
	const struct trial_message *message = request->message;

	if (!message->subject || message->n_compares > MOST || message->n_ops > MOST) {
		send_alone(request);
		return;
	}
	pthread_mutex_lock(&store->lock);
	request->next = NULL;
	request->gathered_ms = clock_ms();
	*store->last_gathered = request;
	store->last_gathered = &request->next;
	pthread_mutex_unlock(&store->lock);
	send_some(store);
}
