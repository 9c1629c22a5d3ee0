/* SPDX-License-Identifier: MIT */
#include "exec/attempts.h"

#include <pthread.h>

#include "engine/engine.h"

enum { THREADS_MAX = 64, THREADS_KEPT = 4 };

static struct attempts {
	pthread_mutex_t lock; /* a leaf */
	pthread_cond_t posted;
	struct exec_job *jobs, **jobs_end;
	int n_threads, n_waiting; /* of them, those that wait for a session */
} attempts = { .lock = PTHREAD_MUTEX_INITIALIZER, .posted = PTHREAD_COND_INITIALIZER };

/* Returns NULL if the thread is one too many. */
static struct exec_job *next_job(void)
{
	struct exec_job *job;

	pthread_mutex_lock(&attempts.lock);
	while (!attempts.jobs && attempts.n_threads - attempts.n_waiting <= THREADS_KEPT)
		pthread_cond_wait(&attempts.posted, &attempts.lock);
	job = attempts.jobs;
	if (job)
		attempts.jobs = job->next;
	else
		attempts.n_threads--;
	pthread_mutex_unlock(&attempts.lock);
	return job;
}

static void *attempts_main(void *unused)
{
	struct exec_job *job;

	(void)unused;
	while ((job = next_job()) != NULL)
		job->run(job);
	return NULL;
}

/* With the lock: unless there is one that does not wait. */
static void start_thread(void)
{
	pthread_t thread;

	if (attempts.n_threads > attempts.n_waiting || attempts.n_threads == THREADS_MAX ||
	    engine_thread(&thread, attempts_main, NULL) != 0)
		return;
	pthread_detach(thread);
	attempts.n_threads++;
}

bool attempts_start(void)
{
	bool has_thread;

	pthread_mutex_lock(&attempts.lock);
	start_thread();
	has_thread = attempts.n_threads > 0;
	pthread_mutex_unlock(&attempts.lock);
	return has_thread;
}

void attempts_begin_wait(void)
{
	pthread_mutex_lock(&attempts.lock);
	attempts.n_waiting++;
	start_thread();
	pthread_mutex_unlock(&attempts.lock);
}

void attempts_end_wait(void)
{
	pthread_mutex_lock(&attempts.lock);
	attempts.n_waiting--;
	pthread_mutex_unlock(&attempts.lock);
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
