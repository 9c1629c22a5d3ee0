/* SPDX-License-Identifier: MIT */
#include "exec/callbacks.h"

#include <pthread.h>

#include "base/log.h"
#include "engine/engine.h"

static struct callbacks {
	pthread_mutex_t lock;
	struct executor *executor;
} callbacks = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *callbacks_main(void *data)
{
	exec_work(data); /* for ever */
	return NULL;
}

struct executor *callbacks_executor(void)
{
	struct executor *e;
	pthread_t thread;

	pthread_mutex_lock(&callbacks.lock);
	if (!callbacks.executor && (e = exec_new(1))) {
		if (engine_thread(&thread, callbacks_main, e) == 0) {
			pthread_detach(thread);
			callbacks.executor = e;
		} else {
			exec_free(e);
		}
	}
	e = callbacks.executor;
	pthread_mutex_unlock(&callbacks.lock);
	return e;
}

struct executor *callbacks_here(void)
{
	struct executor *e = exec_current();

	return e ? e : callbacks_executor();
}

void callbacks_post(struct executor *executor, struct exec_job *job)
{
	struct executor *e;

	if (exec_post(executor, job))
		return;
	e = callbacks_executor();
	if (!e || !exec_post(e, job))
		log_line(PYR_LOG_ERROR, "a callback is lost: there is no thread for it");
}
