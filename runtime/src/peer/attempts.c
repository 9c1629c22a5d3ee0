/* SPDX-License-Identifier: MIT */
#include "peer/attempts.h"

#include <pthread.h>

#include "link/engine.h"

static struct attempts {
	pthread_mutex_t lock; /* a leaf */
	pthread_cond_t posted;
	struct exec_job *jobs, **jobs_end;
	bool has_thread;
} attempts = { .lock = PTHREAD_MUTEX_INITIALIZER, .posted = PTHREAD_COND_INITIALIZER };

static struct exec_job *next_job(void)
{
	struct exec_job *job;

	pthread_mutex_lock(&attempts.lock);
	while (!attempts.jobs)
		pthread_cond_wait(&attempts.posted, &attempts.lock);
	job = attempts.jobs;
	attempts.jobs = job->next;
	pthread_mutex_unlock(&attempts.lock);
	return job;
}

static void *attempts_main(void *unused)
{
	struct exec_job *job;

	(void)unused;
	for (;;) { /* for ever */
		job = next_job();
		job->run(job);
	}
	return NULL;
}

bool attempts_start(void)
{
	pthread_t thread;
	bool has_thread;

	pthread_mutex_lock(&attempts.lock);
	if (!attempts.has_thread && engine_thread(&thread, attempts_main, NULL) == 0) {
		pthread_detach(thread);
		attempts.has_thread = true;
	}
	has_thread = attempts.has_thread;
	pthread_mutex_unlock(&attempts.lock);
	return has_thread;
}

void attempts_post(struct exec_job *job)
{
	pthread_mutex_lock(&attempts.lock);
	job->next = NULL;
	if (!attempts.jobs)
		attempts.jobs_end = &attempts.jobs;
	*attempts.jobs_end = job;
	attempts.jobs_end = &job->next;
	pthread_cond_signal(&attempts.posted);
	pthread_mutex_unlock(&attempts.lock);
}
