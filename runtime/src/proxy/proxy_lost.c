/* SPDX-License-Identifier: MIT */
/*
 * Who is told that the link of a reference is gone. The leader finds that out with locks held, so
 * it posts a job, and the job calls back unless the watch was taken back meanwhile; who takes it
 * back waits for a callback that runs.
 *
 * The lock is one for all, and a leaf: it is taken when a callback begins and ends, and to take a
 * watch back.
 */
#include "proxy/proxy_lost.h"

#include <stdlib.h>

#include "base/error.h"
#include "engine/engine.h"
#include "exec/callbacks.h"
#include "reference/references.h"

struct proxy_lost {
	atomic_int refs;           /* its proxy's; its import's, then the job's */
	struct import_watch watch; /* first seen by who finds the link gone */
	struct exec_job job;
	struct executor *executor; /* counted */
	pyr_proxy *proxy;          /* as long as it is not taken back */
	pyr_lost_cb callback;
	void *data;
	bool is_taken_back, is_running; /* lock */
	pthread_t thread;               /* lock: while it runs */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t returned = PTHREAD_COND_INITIALIZER;

static void unref(struct proxy_lost *lost)
{
	if (atomic_fetch_sub(&lost->refs, 1) != 1)
		return;
	exec_unref(lost->executor);
	free(lost);
}

/* The job. */
static void run(struct exec_job *job)
{
	struct proxy_lost *lost =
		(struct proxy_lost *)((char *)job - offsetof(struct proxy_lost, job));
	pyr_error *kept = pyr_error_take();

	pthread_mutex_lock(&lock);
	if (!lost->is_taken_back) {
		lost->is_running = true;
		lost->thread = pthread_self();
		pthread_mutex_unlock(&lock);
		lost->callback(lost->proxy, lost->data);
		pthread_mutex_lock(&lock);
		lost->is_running = false;
		pthread_cond_broadcast(&returned);
	}
	pthread_mutex_unlock(&lock);
	error_restore(kept);
	unref(lost);
}

/* The link is gone: with its peer's lock. The import's reference becomes the job's. */
static void on_lost(struct import_watch *watch)
{
	struct proxy_lost *lost =
		(struct proxy_lost *)((char *)watch - offsetof(struct proxy_lost, watch));

	callbacks_post(lost->executor, &lost->job);
}

static void take_back(struct proxy_lost *lost)
{
	if (import_unwatch(lost->proxy->reference->import, &lost->watch))
		unref(lost);
	pthread_mutex_lock(&lock);
	lost->is_taken_back = true;
	while (lost->is_running && !pthread_equal(lost->thread, pthread_self()))
		pthread_cond_wait(&returned, &lock);
	pthread_mutex_unlock(&lock);
	unref(lost);
}

/* Returns what it replaces. */
static struct proxy_lost *replace(pyr_proxy *proxy, struct proxy_lost *lost)
{
	struct proxy_lost *before;

	pthread_mutex_lock(&proxy->lock);
	before = proxy->lost;
	proxy->lost = lost;
	pthread_mutex_unlock(&proxy->lock);
	return before;
}

void proxy_lost_forget(pyr_proxy *proxy)
{
	struct proxy_lost *before = replace(proxy, NULL);

	if (before)
		take_back(before);
}

static int watch(pyr_proxy *proxy, pyr_lost_cb callback, void *data)
{
	struct executor *e = callbacks_here();
	struct proxy_lost *lost = e ? calloc(1, sizeof(*lost)) : NULL, *before;

	if (!lost)
		return error_set(PYR_RESOURCE_EXHAUSTED, "no memory or thread for a callback");
	exec_ref(e);
	*lost = (struct proxy_lost){ .refs = 2, .executor = e, .proxy = proxy };
	lost->watch.lost = on_lost;
	lost->job.run = run;
	lost->callback = callback;
	lost->data = data;
	before = replace(proxy, lost);
	if (before)
		take_back(before);
	if (!import_watch(proxy->reference->import, &lost->watch))
		callbacks_post(e, &lost->job); /* it is gone already */
	return 0;
}

int pyr_proxy_on_lost(pyr_proxy *proxy, pyr_lost_cb callback, void *data)
{
	if (!proxy)
		return error_null("proxy");
	if (engine_is_forked())
		return error_set(PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
	if (proxy_object(proxy))
		return 0; /* it is here, and cannot be lost */
	if (!proxy->is_reference || !proxy->reference->import)
		return error_set(PYR_FAILED_PRECONDITION,
				 "%s: the proxy did not come over a connection", proxy->uri->text);
	if (callback)
		return watch(proxy, callback, data);
	proxy_lost_forget(proxy);
	return 0;
}
