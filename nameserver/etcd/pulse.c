/* SPDX-License-Identifier: MIT */
/*
 * The task that looks after the endpoint in use. A barrier is a delete of a key that never is: it
 * goes through the log, so its answer proves that the endpoint has a leader and a quorum, and it
 * changes nothing. One is made when somebody asks for one, and twice a second anyway. The endpoint
 * that fails one is left, and the next is used that passes one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "own.h"

enum {
	BEAT_MS = 500,
	STUCK_MS = 3000, /* without progress, though it is behind, and a watch is made again */
	MARK_MS = 50,    /* that a watch may be behind a barrier before it is helped */
	FIRST_PAUSE_MS = 50,
	SHORT_MS = 2000,    /* an endpoint that was used less long was no good */
	LAST_PAUSE_MS = 500 /* between rounds in which no endpoint answers */
};

static struct pyr_bytes bytes_of(char *text)
{
	return (struct pyr_bytes){ strlen(text), (uint8_t *)text };
}

static void note_trouble(struct etcd *etcd, struct member *member)
{
	struct etcd_outcome outcome;

	(void)member_verdict(etcd, member, &outcome);
	snprintf(etcd->trouble, sizeof(etcd->trouble), "%s", outcome.text);
}

/* ---- barriers ---- */

static bool is_back_in_time(struct etcd *etcd, struct member *member, uint64_t revision)
{
	if (revision > 0 && revision >= etcd->seen.revision) /* which is written here alone */
		return false;
	snprintf(etcd->trouble, sizeof(etcd->trouble),
		 "etcd at %.80s is at revision %" PRIu64 ", and was at %" PRIu64 ": not used",
		 member->address, revision, etcd->seen.revision);
	return true;
}

/* Those who asked, before it was begun. */
static void answer(struct etcd *etcd, struct calls *asked, uint64_t revision)
{
	struct etcd_outcome outcome = { .result = ETCD_DONE, .revision = revision };
	struct call *call;

	while ((call = calls_take(asked)))
		call_end(etcd, call, &outcome);
}

/* What a watch has to reach. */
static void want(struct etcd *etcd, uint64_t revision)
{
	struct etcd_watch *watch;

	for (watch = etcd->watches; watch; watch = watch->next) {
		if (watch->position >= revision)
			continue;
		if (watch->position >= watch->wanted)
			watch->wanted_since = clock_ms();
		watch->wanted = revision;
	}
}

static bool pass(struct etcd *etcd, struct member *member,
		 const struct etcdserverpb_DeleteRangeResponse *response, int64_t begun)
{
	uint64_t revision = response->header.revision > 0 ? (uint64_t)response->header.revision : 0;

	if (!member_check(etcd, member, response->has_header, &response->header) ||
	    is_back_in_time(etcd, member, revision))
		return false;
	member_heard(member);
	pthread_mutex_lock(&etcd->lock);
	etcd->seen.at_ms = begun;
	etcd->seen.revision = revision;
	pthread_mutex_unlock(&etcd->lock);
	return true;
}

/* It took too long; but others were served meanwhile, so there is too much to do. */
static bool is_busy(const struct member *member, int64_t begun)
{
	return pyr_last_error()->code == PYR_DEADLINE_EXCEEDED && member->done_at >= begun;
}

/* Returns whether the endpoint is to be used. */
static bool make_barrier(struct etcd *etcd, struct member *member)
{
	struct etcdserverpb_DeleteRangeRequest request = { .key = bytes_of(etcd->barrier_key) };
	struct etcdserverpb_DeleteRangeResponse *response;
	struct pyr_annotation token;
	struct pyr_call_options options = member_options(member, PATIENCE_MS, &token);
	struct calls asked;
	int64_t begun = clock_ms();
	bool is_good;

	calls_init(&asked);
	calls_append(&asked, &etcd->barriers);
	etcd->must_beat = false;
	if (etcdserverpb_KV_DeleteRange(etcdserverpb_KV_with(member->kv, &options), &request,
					&response) < 0) {
		is_good = is_busy(member, begun);
		note_trouble(etcd, member);
	} else {
		is_good = pass(etcd, member, response, begun);
		if (is_good) {
			want(etcd, etcd->seen.revision);
			answer(etcd, &asked, etcd->seen.revision);
		}
		pyr_free(response);
	}
	calls_append(&asked, &etcd->barriers); /* which go on waiting, in their order */
	calls_append(&etcd->barriers, &asked);
	return is_good;
}

/* ---- marks ---- */

/* When the first watch is late; INT64_MAX: none is. */
static int64_t late_at(const struct etcd *etcd)
{
	const struct etcd_watch *watch;
	int64_t at = INT64_MAX;

	for (watch = etcd->watches; watch; watch = watch->next)
		if (watch->has_own_keys && watch->is_live && watch->position < watch->wanted &&
		    watch->wanted_since + MARK_MS < at)
			at = watch->wanted_since + MARK_MS;
	return at;
}

/* etcd 3.4 before 3.4.31 may forget a watch while it compacts. */
static void look_at(struct etcd *etcd, struct etcd_watch *watch)
{
	int64_t now = clock_ms();

	if (watch->position != watch->stuck_at || watch->position >= watch->wanted) {
		watch->stuck_at = watch->position;
		watch->stuck_since = now;
	} else if (watch->is_live && now - watch->stuck_since > STUCK_MS) {
		etcd_log(etcd, "a watch is silent: it is started again");
		watch->stuck_since = now;
		live_cut(&watch->live);
	}
}

/*
 * Others have changed keys that the watches do not tell of, so these cannot know how far they have
 * come. (etcd 3.4 before 3.4.25 answers a request for progress too early.) A change of a key that
 * is in their range tells them.
 */
static void put_mark(struct etcd *etcd, struct member *member)
{
	struct etcdserverpb_PutRequest request = { .key = bytes_of(etcd->mark_key) };
	struct etcdserverpb_PutResponse *response;
	struct pyr_annotation token;
	struct pyr_call_options options = member_options(member, PATIENCE_MS, &token);
	struct etcd_watch *watch;
	struct etcd_outcome outcome;

	if (etcdserverpb_KV_Put(etcdserverpb_KV_with(member->kv, &options), &request, &response) ==
	    0)
		pyr_free(response);
	else
		(void)member_verdict(etcd, member, &outcome);
	for (watch = etcd->watches; watch; watch = watch->next) {
		watch->wanted_since = clock_ms();
		look_at(etcd, watch);
	}
}

/* ---- which endpoint ---- */

static bool authenticate(struct etcd *etcd, struct member *member)
{
	struct etcdserverpb_AuthenticateRequest request = { etcd->user, etcd->password };
	struct etcdserverpb_AuthenticateResponse *response;
	struct pyr_call_options options = { .timeout_ms = 2 * PATIENCE_MS };
	bool is_good;

	if (!etcd->user || member->token[0])
		return true;
	if (etcdserverpb_Auth_Authenticate(etcdserverpb_Auth_with(member->auth, &options), &request,
					   &response) < 0) {
		note_trouble(etcd, member);
		return false;
	}
	is_good = member_check(etcd, member, response->has_header, &response->header);
	if (is_good && (!response->token[0] || strlen(response->token) >= TOKEN_SIZE)) {
		snprintf(etcd->trouble, sizeof(etcd->trouble), "etcd at %.80s gave no token",
			 member->address);
		is_good = false;
	}
	if (is_good)
		snprintf(member->token, TOKEN_SIZE, "%s", response->token);
	pyr_free(response);
	return is_good;
}

static void log_change(struct etcd *etcd, bool is_up, const char *text)
{
	if (etcd->was_up != is_up || !etcd->was_told)
		etcd_forget_logged(etcd);
	etcd_log(etcd, text);
	etcd->was_up = is_up;
	etcd->was_told = true;
}

static void set_up(struct etcd *etcd, struct member *member)
{
	pthread_mutex_lock(&etcd->lock);
	etcd->seen.is_up = member != NULL;
	if (member)
		memcpy(etcd->seen.endpoint, member->address, ETCD_ENDPOINT_SIZE);
	pthread_mutex_unlock(&etcd->lock);
	etcd->current = member;
	etcd->is_suspect = false;
}

static void use(struct etcd *etcd, struct member *member)
{
	char text[2 * ETCD_TEXT_SIZE];

	snprintf(text, sizeof(text), "uses the endpoint %.80s%s%.*s", member->address,
		 etcd->trouble[0] ? ", after: " : "", ETCD_TEXT_SIZE, etcd->trouble);
	set_up(etcd, member);
	etcd->trouble[0] = '\0';
	etcd->used_at = clock_ms();
	log_change(etcd, true, text);
	lives_cut(etcd, false);
}

/* Tries each. Returns whether one is used now. */
static bool seek(struct etcd *etcd)
{
	struct member *member;
	size_t i;

	for (i = 0; i < etcd->n_members && !etcd->is_ending; i++) {
		member = &etcd->members[etcd->at];
		if (authenticate(etcd, member) && make_barrier(etcd, member)) {
			use(etcd, member);
			return true;
		}
		etcd->at = (etcd->at + 1) % etcd->n_members;
	}
	return false;
}

static void leave(struct etcd *etcd)
{
	bool needs_token = etcd->user && !etcd->current->token[0];

	if (!needs_token)
		etcd->at = (etcd->at + 1) % etcd->n_members;
	etcd->n_short = clock_ms() - etcd->used_at < SHORT_MS ? etcd->n_short + 1 : 0;
	set_up(etcd, NULL);
	lives_cut(etcd, false);
}

/* Until one answers, or the end. */
static void find(struct etcd *etcd)
{
	int64_t pause = FIRST_PAUSE_MS;
	unsigned i;
	char text[2 * ETCD_TEXT_SIZE];

	for (i = etcd->n_members; i < etcd->n_short && i < etcd->n_members + 4; i++)
		live_rest(&etcd->pulse_live, pause *= 2);
	pause = FIRST_PAUSE_MS;
	while (!etcd->is_ending && !seek(etcd)) {
		if (etcd->is_ending)
			break;
		snprintf(text, sizeof(text), "no endpoint answers: %s", etcd->trouble);
		if (etcd->was_up || !etcd->was_told)
			log_change(etcd, false, text);
		live_rest(&etcd->pulse_live, pause);
		pause = 2 * pause < LAST_PAUSE_MS ? 2 * pause : LAST_PAUSE_MS;
	}
}

/* Until there is something to do. */
static void rest(struct etcd *etcd)
{
	int64_t beat = etcd->seen.at_ms + BEAT_MS, late = late_at(etcd);

	if (!etcd->barriers.first && !etcd->is_suspect && !etcd->must_beat && !etcd->is_ending)
		live_rest(&etcd->pulse_live, (late < beat ? late : beat) - clock_ms());
}

static bool is_due(const struct etcd *etcd)
{
	return etcd->barriers.first || etcd->must_beat || clock_ms() >= etcd->seen.at_ms + BEAT_MS;
}

int pulse_run(void *data)
{
	struct etcd *etcd = data;

	live_begin(etcd, &etcd->pulse_live);
	etcd->pulse_live.is_committed = true;
	while (!etcd->is_ending) {
		if (!etcd->current)
			find(etcd);
		rest(etcd);
		live_settle(&etcd->pulse_live);
		if (etcd->is_ending || !etcd->current)
			continue;
		if (late_at(etcd) <= clock_ms())
			put_mark(etcd, etcd->current);
		if (etcd->is_suspect)
			leave(etcd);
		else if (is_due(etcd) && !make_barrier(etcd, etcd->current))
			leave(etcd);
	}
	live_end(&etcd->pulse_live);
	return 0;
}
