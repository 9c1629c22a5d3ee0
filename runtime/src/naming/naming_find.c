/* SPDX-License-Identifier: MIT */
#include "naming/naming_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "engine/engine.h"
#include "naming/naming_dns.h"
#include "naming/naming_file.h"
#include "naming/naming_udp.h"

static int fail(struct uri_problem *problem, int code, const char *text)
{
	problem->code = code;
	snprintf(problem->text, sizeof(problem->text), "%s", text);
	return -code;
}

/* ---- the steps ---- */

static uint16_t ns_port(void)
{
	return (uint16_t)config_number(CONFIG_NS_PORT);
}

/* Adds a list as settings have it. Returns 0 or minus a status. */
static int add_text(struct naming_search *s, const char *list)
{
	char *copy = strdup(list);
	int status;

	if (!copy)
		return fail(&s->problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	status = found_add_list(&s->servers, copy, ns_port(), &s->problem);
	free(copy);
	if (status == 0 && s->servers.n == 0)
		status = fail(&s->problem, PYR_INVALID_ARGUMENT, "an empty list of name servers");
	return status;
}

static enum naming_verdict ask_environment(struct naming_search *s, struct naming_step *step)
{
	const char *host, *port, *bad;

	config_given(CONFIG_NS_HOST, &host, &bad);
	config_given(CONFIG_NS_PORT, &port, &bad);
	snprintf(step->place, sizeof(step->place), "%s",
		 !host && port ? "PYRITE_NS_PORT" : "PYRITE_NS_HOST");
	if (!host && !port)
		return found_say(step, NAMING_NOTHING, "not set");
	if (add_text(s, host ? host : config_text(CONFIG_NS_HOST)) < 0)
		return found_say(step, NAMING_WRONG, "%s", s->problem.text);
	return found_say(step, NAMING_TAKEN, "%s", s->servers.text);
}

static enum naming_verdict ask_file(struct naming_search *s, struct naming_step *step,
				    const char *path)
{
	if (!path[0])
		return found_say(step, NAMING_NOTHING, "neither XDG_CONFIG_HOME nor HOME is set");
	snprintf(step->place, sizeof(step->place), "%s", path);
	return naming_file_read(path, ns_port(), &s->servers, step, &s->problem);
}

static enum naming_verdict ask_own_file(struct naming_search *s, struct naming_step *step)
{
	return ask_file(s, step, naming_file_own());
}

static enum naming_verdict ask_system_file(struct naming_search *s, struct naming_step *step)
{
	return ask_file(s, step, NAMING_FILE_SYSTEM);
}

static enum naming_verdict ask_dns(struct naming_search *s, struct naming_step *step)
{
	struct naming_dns_question question = { config_text(CONFIG_NS_DOMAIN),
						config_text(CONFIG_NS_DNS) };
	enum naming_verdict verdict;
	uint32_t ttl = UINT32_MAX;

	if (!question.domain[0])
		return found_say(step, NAMING_NOT_ASKED,
				 "not asked, as PYRITE_NS_DOMAIN is not set");
	s->was_network_asked = true;
	verdict = naming_dns_ask(&question, &s->servers, &ttl, step, &s->problem);
	if (verdict == NAMING_TAKEN && ttl < NAMING_KEEP_MS / 1000)
		s->keep_ms = ttl ? ttl * 1000 : 1000;
	return verdict;
}

static enum naming_verdict ask_udp(struct naming_search *s, struct naming_step *step)
{
	const char *addresses = config_text(CONFIG_NS_BROADCAST);

	if (!addresses[0])
		return found_say(step, NAMING_NOT_ASKED,
				 "not asked, as PYRITE_NS_BROADCAST is not set");
	s->was_network_asked = true;
	return naming_udp_ask(addresses, &s->servers, step, &s->problem);
}

static enum naming_verdict ask_default(struct naming_search *s, struct naming_step *step)
{
	if (found_add(&s->servers, config_settings[CONFIG_NS_HOST].text,
		      (uint16_t)config_settings[CONFIG_NS_PORT].value, &s->problem) < 0)
		return found_say(step, NAMING_WRONG, "%s", s->problem.text);
	return found_say(step, NAMING_TAKEN, "%s", s->servers.text);
}

static const struct step_kind {
	enum naming_verdict (*ask)(struct naming_search *s, struct naming_step *step);
	bool is_free;     /* asking costs nothing, so that a thorough search does it in any case */
	const char *name; /* its place, if it does not say */
} kinds[NAMING_SOURCES] = {
	[NAMING_BY_ENVIRONMENT] = { ask_environment, true, "PYRITE_NS_HOST" },
	[NAMING_BY_OWN_FILE] = { ask_own_file, true, "the user's file" },
	[NAMING_BY_SYSTEM_FILE] = { ask_system_file, true, NAMING_FILE_SYSTEM },
	[NAMING_BY_DNS] = { ask_dns, false, "DNS" },
	[NAMING_BY_UDP] = { ask_udp, false, "UDP" },
	[NAMING_BY_DEFAULT] = { ask_default, true, "the default" },
};

/* Another step was taken: what this one would have said. */
static void look_only(struct naming_search *s, struct naming_search *aside, enum naming_source i)
{
	struct naming_step *step = &s->steps[i];

	aside->servers.n = 0;
	aside->servers.length = 0;
	if (!kinds[i].is_free)
		found_say(step, NAMING_NOT_ASKED, "not asked, as %s",
			  s->problem.code ? "the search has ended"
					  : "an earlier source has addresses");
	else if (kinds[i].ask(aside, step) == NAMING_TAKEN)
		step->verdict = NAMING_LATER;
}

/* Takes the steps. Blocks if the network is asked. */
static void search(struct naming_search *s)
{
	struct naming_search *aside = s->is_thorough ? calloc(1, sizeof(*aside)) : NULL;
	enum naming_verdict verdict;
	int i;

	s->from = NAMING_SOURCES;
	s->keep_ms = NAMING_KEEP_MS;
	for (i = 0; i < NAMING_SOURCES; i++) {
		snprintf(s->steps[i].place, sizeof(s->steps[i].place), "%s", kinds[i].name);
		if (s->from < NAMING_SOURCES || s->problem.code) {
			if (aside)
				look_only(s, aside, i);
			continue;
		}
		verdict = kinds[i].ask(s, &s->steps[i]);
		if (verdict == NAMING_TAKEN)
			s->from = (enum naming_source)i;
	}
	if (s->from == NAMING_BY_DEFAULT && s->was_network_asked)
		s->keep_ms = NAMING_KEEP_DEFAULT_MS;
	free(aside);
	if (s->from < NAMING_SOURCES)
		log_line(PYR_LOG_INFO, "name server: %s (%s)", s->servers.text,
			 s->steps[s->from].place);
}

/* ---- one search at a time ---- */

/* Who waits for a job; on its stack. */
struct asker {
	struct engine_waiter waiter;
	struct asker *next;
};

/* A search, perhaps in a thread of its own. */
struct job {
	int refs;
	bool is_done;
	struct asker *askers;
	struct naming_search search;
};

static struct {
	pthread_mutex_t lock;
	struct job *job;           /* under way, for naming_find() */
	char text[FOUND_TEXT_MAX]; /* what the last one found */
	int64_t until;             /* as long as it is kept */
	int64_t again;             /* not to be searched anew before */
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool needs_network(void)
{
	const char *host, *bad;

	config_given(CONFIG_NS_HOST, &host, &bad);
	return !host && (config_text(CONFIG_NS_DOMAIN)[0] || config_text(CONFIG_NS_BROADCAST)[0]);
}

/* With the lock. */
static void job_unref(struct job *job)
{
	if (--job->refs == 0)
		free(job);
}

/* With the lock: what it found is kept, and those who wait are told. */
static void job_end(struct job *job)
{
	struct naming_search *s = &job->search;
	struct asker *asker;

	job->is_done = true;
	if (kept.job == job) {
		kept.job = NULL;
		kept.again = engine_now() + (int64_t)NAMING_AGAIN_MS * ENGINE_MS;
		kept.until = s->from < NAMING_SOURCES
				     ? engine_now() + (int64_t)s->keep_ms * ENGINE_MS
				     : 0;
		memcpy(kept.text, s->servers.text, sizeof(kept.text));
	}
	for (asker = job->askers; asker; asker = asker->next)
		engine_wake(&asker->waiter);
}

static void job_run(struct job *job)
{
	search(&job->search);
	pthread_mutex_lock(&kept.lock);
	job_end(job);
	job_unref(job);
	pthread_mutex_unlock(&kept.lock);
}

static void *job_main(void *data)
{
	job_run(data);
	return NULL;
}

/* With the lock: begins it, or makes it where nothing is to be waited for; the reference is then
 * gone. Returns 0 or minus a status. */
static int job_begin(struct job *job)
{
	pthread_t thread;
	int status;

	if (!needs_network()) {
		pthread_mutex_unlock(&kept.lock);
		job_run(job);
		pthread_mutex_lock(&kept.lock);
		return 0;
	}
	status = engine_thread(&thread, job_main, job);
	if (status == 0)
		pthread_detach(thread);
	return status;
}

/* With the lock, which it gives up meanwhile. Returns as engine_wait_or_cancel(). */
static int job_wait(struct job *job, int64_t until)
{
	struct asker asker = { .next = job->askers }, **at;
	int64_t latest = engine_until(NAMING_NETWORK_MS);
	int status;

	if (job->is_done)
		return 1;
	engine_waiter_init(&asker.waiter, false);
	job->askers = &asker;
	pthread_mutex_unlock(&kept.lock);
	status = engine_wait_or_cancel(&asker.waiter, until < latest ? until : latest);
	pthread_mutex_lock(&kept.lock);
	for (at = &job->askers; *at != &asker; at = &(*at)->next)
		;
	*at = asker.next;
	engine_waiter_fini(&asker.waiter);
	return job->is_done ? 1 : status;
}

/* With the lock. Returns one reference, and one is its own; NULL with *problem told. */
static struct job *job_new(bool is_thorough, struct uri_problem *problem)
{
	struct job *job = calloc(1, sizeof(*job));
	int status;

	if (!job) {
		(void)fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	job->refs = 2;
	job->search.is_thorough = is_thorough;
	if (!is_thorough)
		kept.job = job;
	status = job_begin(job);
	if (status == 0)
		return job;
	if (kept.job == job)
		kept.job = NULL;
	free(job);
	(void)fail(problem, -status, "cannot start a thread");
	return NULL;
}

/* With the lock. Returns 0 once it is done, else minus a status with *problem told. */
static int job_await(struct job *job, int64_t until, struct uri_problem *problem)
{
	int status = job_wait(job, until);

	if (status < 0)
		return fail(problem, PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	if (status == 0)
		return fail(problem, PYR_DEADLINE_EXCEEDED,
			    "no answer from DNS or UDP yet ('pyrite doctor' shows the search)");
	return 0;
}

static int copy_text(const char *text, char *ret, size_t size, struct uri_problem *problem)
{
	if (strlen(text) >= size)
		return fail(problem, PYR_RESOURCE_EXHAUSTED, "no room for the addresses");
	strcpy(ret, text);
	return 0;
}

static int cannot_start(struct uri_problem *problem)
{
	if (engine_is_forked())
		return fail(problem, PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
	return fail(problem, PYR_RESOURCE_EXHAUSTED, "cannot start a thread");
}

/* With the lock. */
static int find_anew(int64_t until, char *ret, size_t size, struct uri_problem *problem)
{
	struct job *job = kept.job;
	int status;

	if (job)
		job->refs++;
	else if (!(job = job_new(false, problem)))
		return -problem->code;
	status = job_await(job, until, problem);
	if (status == 0 && job->search.from == NAMING_SOURCES) {
		*problem = job->search.problem;
		status = -problem->code;
	} else if (status == 0) {
		status = copy_text(job->search.servers.text, ret, size, problem);
	}
	job_unref(job);
	return status;
}

int naming_find(int64_t until, char *ret, size_t size, struct uri_problem *problem)
{
	int status;

	if (engine_start() < 0)
		return cannot_start(problem);
	pthread_mutex_lock(&kept.lock);
	if (engine_now() < kept.until)
		status = copy_text(kept.text, ret, size, problem);
	else
		status = find_anew(until, ret, size, problem);
	pthread_mutex_unlock(&kept.lock);
	return status;
}

void naming_find_again(void)
{
	if (engine_is_forked())
		return; /* the lock may have been held by a thread that is not here */
	pthread_mutex_lock(&kept.lock);
	if (kept.until > kept.again)
		kept.until = kept.again;
	pthread_mutex_unlock(&kept.lock);
}

struct naming_search *naming_search(struct uri_problem *problem)
{
	struct naming_search *ret = NULL;
	struct job *job;

	if (engine_start() < 0) {
		(void)cannot_start(problem);
		return NULL;
	}
	pthread_mutex_lock(&kept.lock);
	job = job_new(true, problem);
	if (job && job_await(job, ENGINE_FOREVER, problem) == 0) {
		ret = malloc(sizeof(*ret));
		if (ret)
			*ret = job->search;
		else
			(void)fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	if (job)
		job_unref(job);
	pthread_mutex_unlock(&kept.lock);
	return ret;
}
