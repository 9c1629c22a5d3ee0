/* SPDX-License-Identifier: MIT */
/* Calls: made and given by any thread, ended by the client's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

/* ---- lists ---- */

void calls_init(struct calls *calls)
{
	calls->first = NULL;
	calls->last = &calls->first;
}

void calls_add(struct calls *calls, struct call *call)
{
	call->next = NULL;
	*calls->last = call;
	calls->last = &call->next;
}

void calls_add_first(struct calls *calls, struct call *call)
{
	call->next = calls->first;
	calls->first = call;
	if (!call->next)
		calls->last = &call->next;
}

struct call *calls_take(struct calls *calls)
{
	struct call *call = calls->first;

	if (call && !(calls->first = call->next))
		calls->last = &calls->first;
	return call;
}

void calls_append(struct calls *calls, struct calls *others)
{
	if (!others->first)
		return;
	*calls->last = others->first;
	calls->last = others->last;
	calls_init(others);
}

/* ---- their end ---- */

static void tell(const struct call *call, const struct etcd_outcome *outcome)
{
	if (call->page)
		call->page(outcome, NULL, 0, false, call->data);
	else
		call->done(outcome, call->data);
}

void call_tell(struct etcd *etcd, struct call *call, const struct etcd_outcome *outcome)
{
	if (call->has_ended)
		return;
	call->has_ended = true;
	if (call->kind != CALL_TOO_MANY) {
		pthread_mutex_lock(&etcd->lock);
		etcd->n_calls--;
		etcd->n_bytes -= call->cost;
		pthread_mutex_unlock(&etcd->lock);
	}
	if (outcome)
		tell(call, outcome);
}

void call_end(struct etcd *etcd, struct call *call, const struct etcd_outcome *outcome)
{
	call_tell(etcd, call, outcome);
	free(call);
}

void call_fail(struct etcd *etcd, struct call *call, enum etcd_result result, const char *text)
{
	struct etcd_outcome outcome = { .result = result };

	snprintf(outcome.text, sizeof(outcome.text), "%s", text);
	call_end(etcd, call, &outcome);
}

void call_expire(struct etcd *etcd, struct call *call)
{
	char text[ETCD_TEXT_SIZE];

	if (call->was_sent)
		snprintf(text, sizeof(text), "etcd did not answer within %u ms", etcd->timeout_ms);
	else if (etcd->trouble[0])
		snprintf(text, sizeof(text), "%.*s", ETCD_TEXT_SIZE - 1, etcd->trouble);
	else
		snprintf(text, sizeof(text), "etcd did not take it within %u ms", etcd->timeout_ms);
	call_fail(etcd, call, call->was_sent ? ETCD_UNKNOWN : ETCD_NOT_RUN, text);
}

void call_close(struct etcd *etcd, struct call *call)
{
	call_fail(etcd, call, call->was_sent ? ETCD_UNKNOWN : ETCD_NOT_RUN,
		  "the client of etcd is closed");
}

/* ---- their beginning; any thread ---- */

/* With room for more behind it. Returns NULL, with the caller told, if memory is out. */
static struct call *new_call(enum call_kind kind, size_t more, etcd_done_cb done, etcd_page_cb page,
			     void *data)
{
	static const struct etcd_outcome none = { .result = ETCD_NOT_RUN, .text = "out of memory" };
	struct call given = { .kind = kind, .done = done, .page = page, .data = data };
	struct call *call = malloc(sizeof(*call) + more);

	if (!call) {
		tell(&given, &none);
		return NULL;
	}
	*call = given;
	call->cost = sizeof(*call) + more;
	return call;
}

static void give(struct etcd *etcd, struct call *call)
{
	call->deadline = clock_ms() + etcd->timeout_ms;
	pthread_mutex_lock(&etcd->lock);
	if (etcd->is_closing || etcd->n_calls >= ETCD_MAX_CALLS || etcd->n_bytes > MAX_BYTES) {
		call->kind = CALL_TOO_MANY;
	} else {
		etcd->n_calls++;
		etcd->n_bytes += call->cost;
	}
	calls_add(&etcd->inbox, call);
	etcd_wake_locked(etcd);
	pthread_mutex_unlock(&etcd->lock);
}

/* Copies bytes to a place that moves on. */
static struct pyr_bytes put(char **place, struct etcd_bytes bytes)
{
	struct pyr_bytes copy = { bytes.n, (uint8_t *)*place };

	if (bytes.n > 0)
		memcpy(*place, bytes.p, bytes.n);
	*place += bytes.n;
	return copy;
}

static void put_compare(char **place, const struct etcd_compare *from,
			struct etcdserverpb_Compare *to)
{
	bool is_range = from->kind == ETCD_MOD_BELOW;

	*to = (struct etcdserverpb_Compare){ .target = etcdserverpb_Compare_MOD };
	to->result = is_range ? etcdserverpb_Compare_LESS : etcdserverpb_Compare_EQUAL;
	to->key = put(place, from->key);
	if (is_range)
		to->range_end = put(place, from->end);
	to->has_mod_revision = true;
	to->mod_revision = (int64_t)from->revision;
}

static void put_op(char **place, const struct etcd_op *from, struct etcdserverpb_RequestOp *to)
{
	*to = (struct etcdserverpb_RequestOp){ .has_request_put = from->kind == ETCD_PUT };
	if (from->kind == ETCD_PUT) {
		to->request_put.key = put(place, from->key);
		to->request_put.value = put(place, from->value);
		to->request_put.lease = from->lease;
	} else {
		to->has_request_delete_range = true;
		to->request_delete_range.key = put(place, from->key);
	}
}

static size_t size_of(const struct etcd_compare *compares, size_t n_compares,
		      const struct etcd_op *ops, size_t n_ops)
{
	size_t n = n_compares * sizeof(struct etcdserverpb_Compare) +
		   n_ops * sizeof(struct etcdserverpb_RequestOp);
	size_t i;

	for (i = 0; i < n_compares; i++)
		n += compares[i].key.n + compares[i].end.n;
	for (i = 0; i < n_ops; i++)
		n += ops[i].key.n + ops[i].value.n;
	return n;
}

void etcd_txn(struct etcd *etcd, const struct etcd_compare *compares, size_t n_compares,
	      const struct etcd_op *ops, size_t n_ops, etcd_done_cb callback, void *data)
{
	struct call *call =
		new_call(CALL_TXN, size_of(compares, n_compares, ops, n_ops), callback, NULL, data);
	struct etcdserverpb_TxnRequest *txn;
	char *place;
	size_t i;

	if (!call)
		return;
	txn = &call->request.txn;
	txn->compare.n = n_compares;
	txn->compare.items = (struct etcdserverpb_Compare *)(call + 1);
	txn->success.n = n_ops;
	txn->success.items = (struct etcdserverpb_RequestOp *)(txn->compare.items + n_compares);
	place = (char *)(txn->success.items + n_ops);
	for (i = 0; i < n_compares; i++)
		put_compare(&place, &compares[i], &txn->compare.items[i]);
	for (i = 0; i < n_ops; i++)
		put_op(&place, &ops[i], &txn->success.items[i]);
	give(etcd, call);
}

void etcd_grant(struct etcd *etcd, int64_t id, int64_t ttl_s, etcd_done_cb callback, void *data)
{
	struct call *call = new_call(CALL_GRANT, 0, callback, NULL, data);

	if (!call)
		return;
	call->request.grant = (struct etcdserverpb_LeaseGrantRequest){ .TTL = ttl_s, .ID = id };
	give(etcd, call);
}

void etcd_renew(struct etcd *etcd, int64_t id, etcd_done_cb callback, void *data)
{
	struct call *call = new_call(CALL_RENEW, 0, callback, NULL, data);

	if (!call)
		return;
	call->request.renew = (struct etcdserverpb_LeaseKeepAliveRequest){ .ID = id };
	give(etcd, call);
}

void etcd_barrier(struct etcd *etcd, etcd_done_cb callback, void *data)
{
	struct call *call = new_call(CALL_BARRIER, 0, callback, NULL, data);

	if (call)
		give(etcd, call);
}

void etcd_read(struct etcd *etcd, const struct etcd_range *range, etcd_page_cb callback, void *data)
{
	struct call *call = new_call(CALL_RANGE, range->key.n + range->end.n, NULL, callback, data);
	char *place;

	if (!call)
		return;
	place = (char *)(call + 1);
	call->request.range =
		(struct etcdserverpb_RangeRequest){ .limit = range->limit ? (int64_t)range->limit
									  : 1000,
						    .revision = (int64_t)range->revision,
						    .keys_only = range->keys_only };
	call->request.range.key = put(&place, range->key);
	call->request.range.range_end = put(&place, range->end);
	give(etcd, call);
}
