/* SPDX-License-Identifier: MIT */
/*
 * etcd's errors are told apart by their texts, which are part of its API (rpctypes), as several
 * share a code. An error of the connection says itself whether the call may have run. Of an error
 * of etcd's that is not known here, that is not known either, unless its code is one of those that
 * refuse a request.
 */
#include "verdict.h"

#include <stdio.h>
#include <string.h>

static const struct row {
	const char *text; /* the message begins with it */
	struct verdict verdict;
} rows[] = {
	{ "etcdserver: mvcc: database space exceeded", { .result = ETCD_NO_SPACE } },
	{ "etcdserver: no space", { .result = ETCD_NO_SPACE } },
	{ "etcdserver: requested lease not found", { .result = ETCD_NO_LEASE } },
	{ "etcdserver: lease already exists", { .result = ETCD_DONE } },
	{ "etcdserver: mvcc: required revision has been compacted", { .result = ETCD_COMPACTED } },
	/* Before it is proposed: */
	{ "etcdserver: too many requests", { .result = ETCD_NOT_RUN, .may_retry = true } },
	{ "raft proposal dropped", { .result = ETCD_NOT_RUN, .may_retry = true, .leaves = true } },
	{ "etcdserver: no leader", { .result = ETCD_NOT_RUN, .may_retry = true, .leaves = true } },
	{ "etcdserver: not capable",
	  { .result = ETCD_NOT_RUN, .may_retry = true, .leaves = true } },
	{ "etcdserver: invalid auth token",
	  { .result = ETCD_NOT_RUN, .may_retry = true, .wants_token = true } },
	{ "etcdserver: revision of auth store is old",
	  { .result = ETCD_NOT_RUN, .may_retry = true, .wants_token = true } },
	/* It may be behind the others: */
	{ "etcdserver: mvcc: required revision is a future revision",
	  { .result = ETCD_NOT_RUN, .may_retry = true, .leaves = true } },
	/* After that: */
	{ "etcdserver: request timed out", { .result = ETCD_UNKNOWN } },
	{ "etcdserver: leader changed", { .result = ETCD_UNKNOWN } },
	{ "etcdserver: server stopped", { .result = ETCD_UNKNOWN, .leaves = true } },
	{ "etcdserver: corrupt cluster", { .result = ETCD_REFUSED, .leaves = true } },
};

/* Refuses a request before it is executed. */
static bool is_refusal(int code)
{
	switch (code) {
	case PYR_INVALID_ARGUMENT:
	case PYR_NOT_FOUND:
	case PYR_ALREADY_EXISTS:
	case PYR_PERMISSION_DENIED:
	case PYR_FAILED_PRECONDITION:
	case PYR_OUT_OF_RANGE:
	case PYR_UNIMPLEMENTED:
	case PYR_UNAUTHENTICATED:
		return true;
	default:
		return false;
	}
}

/* The connection's, or this end's. */
static struct verdict of_connection(const pyr_error *error)
{
	struct verdict verdict = { .result = ETCD_UNKNOWN };

	verdict.leaves = error->code == PYR_UNAVAILABLE;
	if (error->may_have_run)
		return verdict;
	if (is_refusal(error->code) || error->code == PYR_RESOURCE_EXHAUSTED) {
		verdict.result = ETCD_REFUSED;
		return verdict;
	}
	if (error->code == PYR_UNAVAILABLE || error->code == PYR_DEADLINE_EXCEEDED ||
	    error->code == PYR_CANCELLED) {
		verdict.result = ETCD_NOT_RUN;
		verdict.may_retry = true;
	}
	return verdict;
}

struct verdict verdict_of(const pyr_error *error)
{
	size_t i;

	if (!error->remote)
		return of_connection(error);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strncmp(error->message, rows[i].text, strlen(rows[i].text)) == 0)
			return rows[i].verdict;
	return (struct verdict){ .result = is_refusal(error->code) ? ETCD_REFUSED : ETCD_UNKNOWN };
}

static const char *advice(const pyr_error *error, enum etcd_result result)
{
	if (result == ETCD_NO_SPACE)
		return "; make room (etcdctl compact, then defrag), then etcdctl alarm disarm, or "
		       "raise --quota-backend-bytes";
	if (error->remote && strcmp(error->message, "etcdserver: user name is empty") == 0)
		return "; etcd asks for a user and a password";
	return "";
}

void verdict_text(char text[ETCD_TEXT_SIZE], const char *address, const pyr_error *error,
		  enum etcd_result result)
{
	const char *tail = advice(error, result);
	bool has_address = strstr(error->message, address) != NULL;

	snprintf(text, ETCD_TEXT_SIZE, "%s%.80s%s%.*s%s", has_address ? "" : "etcd at ",
		 has_address ? "" : address, has_address ? "" : ": ",
		 (int)(ETCD_TEXT_SIZE - 92 - strlen(tail)), error->message, tail);
}
