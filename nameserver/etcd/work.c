/* SPDX-License-Identifier: MIT */
/*
 * Transactions, grants and pages: each in a task, which goes on with the next when one is over. A
 * call that surely has not run is made again while there is time. Grants and pages may be made
 * twice, so they also leave an endpoint that is given up; a transaction stays where it was sent.
 */
#include <stdio.h>
#include <stdlib.h>

#include "own.h"

enum { PAUSE_MS = 20 };

/* One attempt. */
struct attempt {
	struct etcd *etcd;
	struct member *member;
	struct call *call;
	struct pyr_annotation token;
	struct pyr_call_options options;
	struct etcd_outcome outcome;
};

/* ---- what etcd answered ---- */

/* The answer is not to be trusted, so nor is what became of the call. */
static void doubt(struct attempt *a)
{
	a->outcome.result = ETCD_UNKNOWN;
	snprintf(a->outcome.text, sizeof(a->outcome.text), "%.*s", ETCD_TEXT_SIZE - 1,
		 a->etcd->trouble);
}

static void violate(struct attempt *a, const char *what)
{
	char text[ETCD_TEXT_SIZE];

	snprintf(text, sizeof(text), "etcd at %.80s answered with %s", a->member->address, what);
	etcd_suspect(a->etcd, a->member, text);
	doubt(a);
}

static bool check(struct attempt *a, bool has_header,
		  const struct etcdserverpb_ResponseHeader *header)
{
	a->outcome = (struct etcd_outcome){ .result = ETCD_DONE };
	if (!member_check(a->etcd, a->member, has_header, header)) {
		doubt(a);
		return false;
	}
	a->outcome.revision = (uint64_t)header->revision;
	if (header->revision > 0)
		return true;
	violate(a, "no revision");
	return false;
}

static int send_txn(struct attempt *a)
{
	struct etcdserverpb_TxnResponse *answer;
	int status = etcdserverpb_KV_Txn(etcdserverpb_KV_with(a->member->kv, &a->options),
					 &a->call->request.txn, &answer);

	if (status < 0)
		return status;
	if (check(a, answer->has_header, &answer->header) && !answer->succeeded) {
		a->outcome.result = ETCD_CONFLICT;
		snprintf(a->outcome.text, sizeof(a->outcome.text), "something has changed");
	}
	pyr_free(answer);
	return 0;
}

static int send_grant(struct attempt *a)
{
	struct etcdserverpb_LeaseGrantResponse *answer;
	int status = etcdserverpb_Lease_LeaseGrant(
		etcdserverpb_Lease_with(a->member->lease, &a->options), &a->call->request.grant,
		&answer);

	if (status < 0)
		return status;
	if (check(a, answer->has_header, &answer->header) &&
	    (answer->error[0] || answer->ID != a->call->request.grant.ID))
		violate(a, "another lease");
	pyr_free(answer);
	return 0;
}

/* ---- pages ---- */

/* Whether a page is one of what was asked for, and brings the reader on. */
static bool is_page(const struct etcdserverpb_RangeRequest *request,
		    const struct etcdserverpb_RangeResponse *answer)
{
	struct etcd_bytes last = bytes_lent(&request->key), end = bytes_lent(&request->range_end);
	struct etcd_bytes key;
	size_t i;

	if (answer->kvs.n > (size_t)request->limit || (answer->more && answer->kvs.n == 0))
		return false;
	for (i = 0; i < answer->kvs.n; i++) {
		key = bytes_lent(&answer->kvs.items[i].key);
		if (bytes_compare(key, last) < (i > 0 ? 1 : 0) || bytes_compare(key, end) >= 0 ||
		    answer->kvs.items[i].mod_revision <= 0)
			return false;
		last = key;
	}
	return true;
}

static void tell_page(struct attempt *a, const struct etcdserverpb_RangeResponse *answer)
{
	struct etcd_kv *kvs = calloc(answer->kvs.n + 1, sizeof(*kvs));
	struct call *call = a->call;
	size_t i;

	if (!kvs) {
		call_fail(a->etcd, call, ETCD_NOT_RUN, "out of memory");
		return;
	}
	for (i = 0; i < answer->kvs.n; i++)
		kvs[i] = kv_lent(&answer->kvs.items[i]);
	if (call->request.range.revision > 0)
		a->outcome.revision = (uint64_t)call->request.range.revision;
	call_tell(a->etcd, call, NULL);
	call->page(&a->outcome, kvs, answer->kvs.n, answer->more, call->data);
	free(kvs);
	free(call);
}

/* Whether the page was too large for this end, and a smaller one is asked for. */
static bool shrink(struct call *call)
{
	const pyr_error *error = pyr_last_error();

	if (error->code != PYR_RESOURCE_EXHAUSTED || error->remote ||
	    call->request.range.limit <= 1)
		return false;
	call->request.range.limit /= 2;
	return true;
}

static int send_range(struct attempt *a)
{
	struct etcdserverpb_RangeResponse *answer;
	int status;

	do
		status = etcdserverpb_KV_Range(etcdserverpb_KV_with(a->member->kv, &a->options),
					       &a->call->request.range, &answer);
	while (status < 0 && shrink(a->call));
	if (status < 0)
		return status;
	if (check(a, answer->has_header, &answer->header) &&
	    !is_page(&a->call->request.range, answer))
		violate(a, "keys that were not asked for");
	if (a->outcome.result == ETCD_DONE) {
		tell_page(a, answer);
		a->call = NULL;
	}
	pyr_free(answer);
	return 0;
}

/* ---- a call ---- */

static int make(struct attempt *a)
{
	switch (a->call->kind) {
	case CALL_TXN:
		return send_txn(a);
	case CALL_GRANT:
		return send_grant(a);
	default:
		return send_range(a);
	}
}

static void note_room(struct etcd *etcd, const struct call *call)
{
	if (!etcd->is_full || call->kind != CALL_TXN || call->request.txn.success.n == 0 ||
	    !call->request.txn.success.items[0].has_request_put)
		return;
	etcd->is_full = false;
	etcd_log(etcd, "there is room again");
}

/* Ends the call, unless it may be made again: then it waits for its turn. */
static void judge(struct attempt *a, bool may_retry, struct live *live)
{
	struct etcd *etcd = a->etcd;
	struct call *call = a->call;

	if (call->kind != CALL_TXN && a->outcome.result == ETCD_UNKNOWN)
		may_retry = call->was_sent = true;
	if (!may_retry) {
		if (a->outcome.result == ETCD_DONE)
			note_room(etcd, call);
		call_end(etcd, call, &a->outcome);
		return;
	}
	if (etcd_member(etcd) == a->member)
		live_rest(live, PAUSE_MS);
	if (clock_ms() < call->deadline && !etcd->is_ending) {
		calls_add_first(&etcd->queue, call);
		return;
	}
	a->outcome.result = call->was_sent ? ETCD_UNKNOWN : ETCD_NOT_RUN;
	call_end(etcd, call, &a->outcome);
}

static void attempt(struct etcd *etcd, struct call *call, struct live *live)
{
	struct attempt a = { .etcd = etcd, .call = call, .member = etcd_member(etcd) };
	int64_t left = call->deadline - clock_ms();
	bool may_retry = false;
	int status;

	if (left <= 0) {
		call_expire(etcd, call);
		return;
	}
	live_settle(live);
	live->is_committed = call->kind == CALL_TXN;
	a.options = member_options(a.member, left, &a.token);
	member_sent(a.member);
	status = make(&a);
	member_over(a.member);
	if (status == 0)
		a.member->done_at = clock_ms();
	if (status == 0 || pyr_last_error()->remote)
		member_heard(a.member);
	if (status < 0)
		may_retry = member_verdict(etcd, a.member, &a.outcome).may_retry;
	if (a.call)
		judge(&a, may_retry, live);
}

int work_run(void *data)
{
	struct etcd *etcd = data;
	struct call *call;
	struct live live;

	live_begin(etcd, &live);
	while (etcd_member_that_answers(etcd) && (call = calls_take(&etcd->queue)))
		attempt(etcd, call, &live);
	live_end(&live);
	etcd->n_workers--;
	if (etcd->queue.first)
		etcd_wake(etcd);
	return 0;
}
