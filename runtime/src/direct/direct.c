/* SPDX-License-Identifier: MIT */
/* What both ends of a session have in common when they are in one process. */
#include "direct/direct_own.h"

#include <stdlib.h>

#include "base/random.h"

struct direct *direct_of(struct link_gift *gift)
{
	return (struct direct *)((char *)gift - offsetof(struct direct, gift));
}

struct link_gift *direct_gift(struct direct *d)
{
	return &d->gift;
}

/* ---- the end ---- */

/* What comes of a change, when the lock is given back. */
struct leavings {
	void *session;
	void (*drop)(void *session);
	struct direct_run *idle;
	bool is_last;
};

/* With the lock. */
static void sum_up(struct direct *d, struct leavings *ret)
{
	*ret = (struct leavings){ .is_last = d->refs == 0 };
	if (d->is_closed) {
		ret->idle = d->idle;
		d->idle = NULL;
	}
	if (d->is_over && d->n_runs == 0) {
		ret->session = d->offer.session;
		ret->drop = d->offer.drop;
		d->offer.session = NULL;
	}
}

/* d may be gone, unless it is the caller's to free. */
static void clear_away(struct direct *d, const struct leavings *leavings)
{
	struct direct_run *run, *next;

	for (run = leavings->idle; run; run = next) {
		next = run->next;
		incall_unref(run->call);
	}
	if (leavings->session)
		leavings->drop(leavings->session);
	if (!leavings->is_last)
		return;
	object_unref(d->offer.object);
	exec_unref(d->offer.executor);
	free(d);
}

static void unref(struct direct *d)
{
	struct leavings leavings;

	exec_lock(d->offer.executor);
	d->refs--;
	sum_up(d, &leavings);
	exec_unlock(d->offer.executor);
	clear_away(d, &leavings);
}

void direct_run_over(struct direct_run *run)
{
	struct direct *d = run->direct;

	exec_lock(d->offer.executor);
	d->n_runs--;
	exec_unlock(d->offer.executor);
	unref(d);
}

static void give_up_all(struct direct *d, enum direct_why why)
{
	struct direct_run *run;

	for (run = d->runs; run && why; run = run->next)
		direct_give_up(run, why);
}

void direct_close(struct direct *d, bool is_lost)
{
	struct leavings leavings;

	exec_lock(d->offer.executor);
	d->is_closed = d->is_over = true;
	give_up_all(d, is_lost ? DIRECT_LOST : DIRECT_WANTED);
	sum_up(d, &leavings);
	exec_unlock(d->offer.executor);
	clear_away(d, &leavings);
	unref(d);
}

static void close_other_end(struct direct *d, enum direct_why why)
{
	struct leavings leavings;

	exec_lock(d->offer.executor);
	d->is_closed = true;
	give_up_all(d, why);
	sum_up(d, &leavings);
	exec_unlock(d->offer.executor);
	clear_away(d, &leavings);
}

void direct_release(struct direct *d)
{
	close_other_end(d, DIRECT_RELEASED);
}

/* The other end's session is no more; calls that run may be all that is left of it. */
static void drop_gift(struct link_gift *gift)
{
	close_other_end(direct_of(gift), DIRECT_WANTED);
	unref(direct_of(gift));
}

/* ---- the beginning ---- */

struct direct *direct_new(const struct direct_offer *offer)
{
	struct direct *d = calloc(1, sizeof(*d));

	if (!d || !random_bytes(d->id, sizeof(d->id))) {
		free(d);
		offer->drop(offer->session);
		return NULL;
	}
	d->gift.number = offer->number;
	d->gift.drop = drop_gift;
	d->offer = *offer;
	d->refs = 2;
	object_ref(offer->object);
	exec_ref(offer->executor);
	return d;
}
