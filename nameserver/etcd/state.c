/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "own.h"

/* Whether it was logged lately; from now on it was. */
static bool was_logged(struct etcd *etcd, const char *text)
{
	uint64_t hash = 14695981039346656037U; /* FNV-1a */
	int64_t now = clock_ms();
	size_t i;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211U;
	for (i = 0; i < LOGGED; i++)
		if (etcd->logged[i].hash == hash && now - etcd->logged[i].at < 60000)
			return true;
	i = etcd->n_logged++ % LOGGED;
	etcd->logged[i].hash = hash;
	etcd->logged[i].at = now;
	return false;
}

void etcd_forget_logged(struct etcd *etcd)
{
	memset(etcd->logged, 0, sizeof(etcd->logged));
}

void etcd_log(struct etcd *etcd, const char *text)
{
	const char *at;

	if (was_logged(etcd, text))
		return;
	fputs("pyrite-ns: etcd: ", stderr);
	for (at = text; *at; at++) /* it may have words of a member: no lines, no escapes */
		putc((unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at, stderr);
	putc('\n', stderr);
}

void etcd_wake_locked(struct etcd *etcd)
{
	if (!etcd->is_woken && etcd->main)
		pyr_task_cancel(etcd->main);
	etcd->is_woken = true;
}

void etcd_wake(struct etcd *etcd)
{
	pthread_mutex_lock(&etcd->lock);
	etcd_wake_locked(etcd);
	pthread_mutex_unlock(&etcd->lock);
}

/* ---- tasks ---- */

void live_begin(struct etcd *etcd, struct live *live)
{
	*live = (struct live){ .etcd = etcd, .next = etcd->lives, .at = &etcd->lives };
	live->task = pyr_task_current();
	if (live->next)
		live->next->at = &live->next;
	etcd->lives = live;
}

void live_end(struct live *live)
{
	*live->at = live->next;
	if (live->next)
		live->next->at = live->at;
	live->at = NULL;
	pyr_task_free(live->task);
	live->task = NULL;
	live->etcd->n_tasks--;
}

void live_rest(struct live *live, int64_t ms)
{
	if (ms <= 0)
		return;
	live->rests = true;
	if (pyr_sleep(ms < 60000 ? (uint32_t)ms : 60000) < 0)
		live->was_cut = false;
	live->rests = false;
}

void live_cut(struct live *live)
{
	live->was_cut = true;
	pyr_task_cancel(live->task);
}

void live_nudge(struct live *live)
{
	if (live->rests)
		live_cut(live);
}

void live_settle(struct live *live)
{
	if (live->was_cut)
		(void)pyr_task_yield();
	live->was_cut = false;
}

void lives_cut(struct etcd *etcd, bool all)
{
	pyr_task *self = pyr_task_current();
	struct live *live;

	for (live = etcd->lives; live; live = live->next)
		if (live->task != self && (all || live->rests || !live->is_committed))
			live_cut(live);
	etcd_wake(etcd);
}

/* ---- the endpoint in use ---- */

struct member *etcd_member(const struct etcd *etcd)
{
	return etcd->is_suspect || etcd->is_ending ? NULL : etcd->current;
}

struct member *etcd_member_that_answers(struct etcd *etcd)
{
	struct member *member = etcd_member(etcd);

	if (!member || !member->silent_at || clock_ms() - member->silent_at < SILENCE_MS)
		return member;
	etcd->must_beat = true;
	live_nudge(&etcd->pulse_live);
	return NULL;
}

void member_sent(struct member *member)
{
	if (member->n_sent++ == 0)
		member->silent_at = clock_ms();
}

void member_over(struct member *member)
{
	if (--member->n_sent == 0)
		member->silent_at = 0;
}

void member_heard(struct member *member)
{
	member->silent_at = member->n_sent > 0 ? clock_ms() : 0;
}

void etcd_suspect(struct etcd *etcd, struct member *member, const char *why)
{
	if (why)
		snprintf(etcd->trouble, sizeof(etcd->trouble), "%.*s", ETCD_TEXT_SIZE - 1, why);
	if (member != etcd->current || etcd->is_suspect)
		return;
	etcd->is_suspect = true;
	live_nudge(&etcd->pulse_live);
}

struct pyr_call_options member_options(const struct member *member, int64_t timeout_ms,
				       struct pyr_annotation *token)
{
	struct pyr_call_options options = { .timeout_ms = PYR_NONE };

	if (timeout_ms >= 0)
		options.timeout_ms = timeout_ms > 0 ? (uint32_t)timeout_ms : 1;
	*token = (struct pyr_annotation){ "token", member->token, strlen(member->token) };
	if (token->size > 0) {
		options.annotations = token;
		options.n_annotations = 1;
	}
	return options;
}

static bool is_of_cluster(struct etcd *etcd, uint64_t cluster)
{
	uint64_t known;

	pthread_mutex_lock(&etcd->lock);
	if (!etcd->seen.cluster_id)
		etcd->seen.cluster_id = cluster;
	known = etcd->seen.cluster_id;
	pthread_mutex_unlock(&etcd->lock);
	return known == cluster;
}

bool member_check(struct etcd *etcd, struct member *member, bool has_header,
		  const struct etcdserverpb_ResponseHeader *header)
{
	char text[ETCD_TEXT_SIZE];
	bool is_good = has_header && header->cluster_id != 0;
	bool is_ours = is_good && is_of_cluster(etcd, header->cluster_id);

	if (is_ours)
		return true;
	snprintf(text, sizeof(text), "etcd at %.80s %s", member->address,
		 is_good ? "belongs to another cluster than before, and is not used"
			 : "does not answer as etcd does");
	etcd_log(etcd, text);
	etcd_suspect(etcd, member, text);
	return false;
}

static void note_space(struct etcd *etcd, const struct etcd_outcome *outcome)
{
	if (outcome->result != ETCD_NO_SPACE || etcd->is_full)
		return;
	etcd->is_full = true;
	etcd_log(etcd, outcome->text);
}

struct verdict member_verdict(struct etcd *etcd, struct member *member,
			      struct etcd_outcome *outcome)
{
	const pyr_error *error = pyr_last_error();
	struct verdict verdict = verdict_of(error);

	outcome->result = verdict.result;
	outcome->revision = 0;
	verdict_text(outcome->text, member->address, error, verdict.result);
	note_space(etcd, outcome);
	if (verdict.wants_token) {
		member->token[0] = '\0';
		verdict.may_retry = etcd->user != NULL;
		if (!etcd->user)
			outcome->result = verdict.result = ETCD_REFUSED;
	}
	if (verdict.leaves || (verdict.wants_token && etcd->user))
		etcd_suspect(etcd, member, outcome->text);
	return verdict;
}
