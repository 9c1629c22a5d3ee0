/* SPDX-License-Identifier: MIT */
/*
 * Renewals: many go over one stream, and are answered in order. There are several streams, as a
 * member that is not the leader asks that one about each, and answers the next one afterwards. A
 * renewal may be made twice, so those without an answer are made again over the next stream.
 */
#include <stdio.h>
#include <stdlib.h>

#include "own.h"

enum { PAUSE_MS = 20, LAST_PAUSE_MS = 1000 };

/* Writes what waits, as far as there is room. Returns false if the stream is over. */
static bool flush(struct lane *lane)
{
	struct call *call;
	int status = 0;

	while (lane->stream && (call = lane->waiting.first)) {
		status = etcdserverpb_Lease_LeaseKeepAlive_try_write(lane->stream,
								     &call->request.renew);
		if (status != 0)
			break;
		calls_add(&lane->sent, calls_take(&lane->waiting));
	}
	return status >= 0;
}

void lane_add(struct lane *lane, struct call *call)
{
	calls_add(&lane->waiting, call);
	if (!lane->stream)
		live_nudge(&lane->live);
	else if (!flush(lane))
		pyr_stream_cancel(lane->stream); /* whoever reads it begins another */
}

/* An answer. Returns false if it is none to the call that was sent first. */
static bool take(struct lane *lane, struct member *member,
		 const struct etcdserverpb_LeaseKeepAliveResponse *response)
{
	struct etcd_outcome outcome = { .result = ETCD_DONE };
	struct call *call;
	char text[ETCD_TEXT_SIZE];

	if (!member_check(lane->etcd, member, response->has_header, &response->header))
		return false;
	if (!lane->sent.first || lane->sent.first->request.renew.ID != response->ID) {
		snprintf(text, sizeof(text), "etcd at %.80s answered for a lease not asked about",
			 member->address);
		etcd_suspect(lane->etcd, member, text);
		return false;
	}
	call = calls_take(&lane->sent);
	if (response->TTL <= 0) {
		outcome.result = ETCD_NO_LEASE;
		snprintf(outcome.text, sizeof(outcome.text), "lease %llx has expired",
			 (unsigned long long)response->ID);
	}
	call_end(lane->etcd, call, &outcome);
	return true;
}

static int begin(struct lane *lane, struct member *member)
{
	struct pyr_annotation token;
	struct pyr_call_options options = member_options(member, -1, &token);
	pyr_stream *stream;
	int status = etcdserverpb_Lease_LeaseKeepAlive(
		etcdserverpb_Lease_with(member->lease, &options), &stream);

	if (status == 0)
		lane->stream = stream;
	return status;
}

/* Returns 0, or minus a status with the last error set, when the stream is over. */
static int follow(struct lane *lane, struct member *member)
{
	struct etcdserverpb_LeaseKeepAliveResponse *response;
	bool goes_on = true;
	int n = begin(lane, member);

	if (n < 0)
		return n;
	while (goes_on && flush(lane) && etcd_member(lane->etcd) == member) {
		n = etcdserverpb_Lease_LeaseKeepAlive_next(lane->stream, &response);
		if (n <= 0)
			break;
		goes_on = take(lane, member, response);
		pyr_free(response);
	}
	return n < 0 ? n : 0;
}

/* Those that are not over yet are made again, in their order. */
static void take_back(struct lane *lane)
{
	struct calls kept;
	struct call *call;

	calls_init(&kept);
	while ((call = calls_take(&lane->sent))) {
		call->was_sent = true;
		if (call->has_ended)
			free(call);
		else
			calls_add(&kept, call);
	}
	calls_append(&kept, &lane->waiting);
	calls_append(&lane->waiting, &kept);
}

static void serve(struct lane *lane, struct member *member)
{
	struct etcd_outcome outcome;
	pyr_stream *stream;

	live_settle(&lane->live);
	if (follow(lane, member) < 0 && pyr_last_error()->code != PYR_CANCELLED)
		(void)member_verdict(lane->etcd, member, &outcome);
	stream = lane->stream;
	lane->stream = NULL;
	pyr_stream_free(stream);
	take_back(lane);
}

/* The first has a stream also where nothing is renewed: its end tells at once that a connection is
 * lost, and that who answers next is to be looked at first. */
static bool is_sentry(const struct lane *lane)
{
	return lane == lane->etcd->lanes;
}

int lane_run(void *data)
{
	struct lane *lane = data;
	struct member *member;

	live_begin(lane->etcd, &lane->live);
	while (!lane->etcd->is_ending) {
		member = etcd_member(lane->etcd);
		if (member && (lane->waiting.first || is_sentry(lane))) {
			serve(lane, member);
			live_rest(&lane->live, PAUSE_MS);
		} else {
			live_rest(&lane->live, LAST_PAUSE_MS);
		}
	}
	live_end(&lane->live);
	return 0;
}

void lane_expire(struct lane *lane, int64_t now)
{
	struct etcd_outcome unknown = { ETCD_UNKNOWN, 0, "etcd did not answer a renewal" };
	struct call *call;
	bool is_stuck = false;

	for (call = lane->sent.first; call && call->deadline <= now; call = call->next) {
		is_stuck = is_stuck || !call->has_ended;
		call_tell(lane->etcd, call, &unknown);
	}
	if (is_stuck && lane->stream)
		pyr_stream_cancel(lane->stream);
	while ((call = lane->waiting.first) && call->deadline <= now)
		call_expire(lane->etcd, calls_take(&lane->waiting));
}

void lane_close(struct lane *lane)
{
	struct call *call;

	while ((call = calls_take(&lane->waiting)))
		call_close(lane->etcd, call);
}
