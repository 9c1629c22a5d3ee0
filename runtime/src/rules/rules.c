/* SPDX-License-Identifier: MIT */
#include "rules/rules.h"

#include <pyrite/pyrite.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "rules/rules_set.h"

enum { LOOK_MS = 1000, TELL_MS = 1000 };

struct rules {
	atomic_int refs;
	atomic_uint generation;  /* of the set: changes with lock */
	pthread_mutex_t reading; /* held from reading the file until it is in force, so that nothing
				    older replaces it; before lock */
	pthread_mutex_t lock;
	struct rules_set *set;  /* lock */
	struct file_stamp seen; /* lock: of the file */
	int64_t looked_ms;      /* lock */
	_Atomic int64_t told_ms;
	struct audit *audit; /* counted; constant once others have the rules */
	char path[];
};

static struct rules_set *load(const char *path, struct rules_problem *problem)
{
	struct rules_set *set;
	char *text;
	size_t n;
	int number = file_read(path, &text, &n);

	if (number) {
		problem->code = number == ENOMEM ? PYR_RESOURCE_EXHAUSTED : PYR_INVALID_ARGUMENT;
		snprintf(problem->text, sizeof(problem->text), "cannot read %.300s: %s", path,
			 strerror(number));
		return NULL;
	}
	set = rules_set_parse(text, n, path, problem);
	free(text);
	return set;
}

/* ---- rules ---- */

struct rules *rules_open(const char *path, struct rules_problem *problem)
{
	size_t n = strlen(path) + 1;
	struct rules *rules = calloc(1, sizeof(*rules) + n);

	if (!rules) {
		problem->code = PYR_RESOURCE_EXHAUSTED;
		snprintf(problem->text, sizeof(problem->text), "out of memory");
		return NULL;
	}
	memcpy(rules->path, path, n);
	rules->seen = file_stamp_of(path); /* first: what changes meanwhile is seen */
	rules->set = load(path, problem);
	if (!rules->set) {
		free(rules);
		return NULL;
	}
	rules->refs = 1;
	rules->looked_ms = file_now();
	atomic_init(&rules->told_ms, rules->looked_ms - TELL_MS);
	pthread_mutex_init(&rules->reading, NULL);
	pthread_mutex_init(&rules->lock, NULL);
	return rules;
}

struct rules *rules_ref(struct rules *rules)
{
	if (rules)
		atomic_fetch_add_explicit(&rules->refs, 1, memory_order_relaxed);
	return rules;
}

void rules_unref(struct rules *rules)
{
	if (!rules || atomic_fetch_sub(&rules->refs, 1) != 1)
		return;
	rules_set_free(rules->set);
	pthread_mutex_destroy(&rules->reading);
	audit_unref(rules->audit);
	pthread_mutex_destroy(&rules->lock);
	free(rules);
}

void rules_set_audit(struct rules *rules, struct audit *audit)
{
	rules->audit = audit_ref(audit);
}

static bool has_changed(struct rules *rules, bool at_once)
{
	int64_t now = file_now();
	struct file_stamp seen;
	bool has = false;

	pthread_mutex_lock(&rules->lock);
	if (at_once || now - rules->looked_ms >= LOOK_MS) {
		rules->looked_ms = now;
		seen = file_stamp_of(rules->path);
		has = !file_stamp_is(&seen, &rules->seen);
		rules->seen = seen;
	}
	pthread_mutex_unlock(&rules->lock);
	return has;
}

/* Returns false with *problem told. */
static bool read_again(struct rules *rules, struct rules_problem *problem)
{
	struct rules_set *set, *old = NULL;

	pthread_mutex_lock(&rules->reading);
	set = load(rules->path, problem);
	if (set) {
		pthread_mutex_lock(&rules->lock);
		old = rules->set;
		rules->set = set;
		atomic_fetch_add(&rules->generation, 1);
		pthread_mutex_unlock(&rules->lock);
	}
	pthread_mutex_unlock(&rules->reading);
	rules_set_free(old);
	return set;
}

static void tell_reload(struct rules *rules, const char *why)
{
	struct audit_event event = { .action = "reload",
				     .target = rules->path,
				     .decision = why ? "failed" : "done",
				     .why = why };

	audit_say(rules->audit, &event);
	if (why)
		log_line(PYR_LOG_ERROR, "the old rules stay in force: %s", why);
	else
		log_line(PYR_LOG_INFO, "the rules were read again: %s", rules->path);
}

void rules_refresh(struct rules *rules, bool at_once)
{
	struct rules_problem problem;

	if (!has_changed(rules, at_once))
		return;
	tell_reload(rules, read_again(rules, &problem) ? NULL : problem.text);
}

bool rules_allow(struct rules *rules, const struct rules_question *question, unsigned *ret_line)
{
	bool allows;

	pthread_mutex_lock(&rules->lock);
	allows = rules_set_allow(rules->set, question, ret_line);
	pthread_mutex_unlock(&rules->lock);
	return allows;
}

/* What people call it. */
static const char *to_do(const char *action)
{
	return strcmp(action, "metadata") == 0   ? "set the metadata of"
	       : strcmp(action, "override") == 0 ? "override the owner of"
	       : strcmp(action, "inspect") == 0  ? "inspect this daemon"
						 : action;
}

static void tell_log(struct rules *rules, const char *text)
{
	int64_t now = file_now(), told = atomic_load(&rules->told_ms);

	if (now - told >= TELL_MS && atomic_compare_exchange_strong(&rules->told_ms, &told, now))
		log_line(PYR_LOG_WARNING, "refused: %s", text);
}

static void tell_audit(struct rules *rules, const struct rules_question *question, unsigned line)
{
	struct audit_event event = { .who = question->who,
				     .from = question->from,
				     .action = question->action,
				     .target = question->target,
				     .object = question->object,
				     .decision = "refused",
				     .file = rules->path,
				     .line = line,
				     .why = line ? NULL : "no rule allows it" };

	audit_say(rules->audit, &event);
}

char *rules_refuse(struct rules *rules, const struct rules_question *question, unsigned line,
		   char *text, size_t n)
{
	char by[64];

	if (line)
		snprintf(by, sizeof(by), "line %u of the rules", line);
	else
		snprintf(by, sizeof(by), "no rule allows it");
	snprintf(text, n, "SecurityError: %s may not %s%s%s (%s)",
		 question->who[0] ? question->who : "an unauthenticated caller",
		 to_do(question->action), question->target[0] ? " " : "", question->target, by);
	if (rules) {
		tell_audit(rules, question, line);
		tell_log(rules, text);
	}
	return text;
}

/* ---- rights ---- */

struct rights {
	struct rules *rules;  /* counted */
	pthread_mutex_t lock; /* guards generation and known */
	unsigned generation;  /* of what is known */
	unsigned n;
	struct rules_question asked; /* with who, from and object */
	uint32_t *known; /* for each operation: 0: nothing yet, ALLOWED, or DENIED and the line */
};

enum { ALLOWED = 1, DENIED = 2 };

static size_t texts_size(const struct rules_question *caller)
{
	return strlen(caller->who) + strlen(caller->from) + strlen(caller->object) + 3;
}

size_t rights_size(const struct rules_question *caller, unsigned n_operations)
{
	return sizeof(struct rights) + n_operations * sizeof(uint32_t) + texts_size(caller);
}

struct rights *rights_new(struct rules *rules, const struct rules_question *caller,
			  unsigned n_operations)
{
	struct rights *rights = calloc(1, rights_size(caller, n_operations));
	char *text;

	if (!rights)
		return NULL;
	rights->rules = rules_ref(rules);
	pthread_mutex_init(&rights->lock, NULL);
	rights->generation = atomic_load(&rules->generation);
	rights->n = n_operations;
	rights->known = (uint32_t *)(rights + 1);
	text = (char *)(rights->known + n_operations);
	rights->asked.action = "call";
	rights->asked.who = text_keep(&text, caller->who);
	rights->asked.from = text_keep(&text, caller->from);
	rights->asked.object = text_keep(&text, caller->object);
	return rights;
}

void rights_free(struct rights *rights)
{
	if (!rights)
		return;
	rules_unref(rights->rules);
	pthread_mutex_destroy(&rights->lock);
	free(rights);
}

bool rights_allow(struct rights *rights, unsigned place, const char *operation, char *why, size_t n)
{
	unsigned generation =
		atomic_load_explicit(&rights->rules->generation, memory_order_acquire);
	struct rules_question question = rights->asked;
	unsigned line;
	uint32_t known;

	question.target = operation;
	pthread_mutex_lock(&rights->lock);
	if (generation != rights->generation) {
		memset(rights->known, 0, rights->n * sizeof(*rights->known));
		rights->generation = generation;
	}
	known = place < rights->n ? rights->known[place] : 0;
	if (!known)
		known = rules_allow(rights->rules, &question, &line) ? ALLOWED : DENIED + line;
	if (place < rights->n)
		rights->known[place] = known;
	pthread_mutex_unlock(&rights->lock);
	if (known == ALLOWED)
		return true;
	(void)rules_refuse(rights->rules, &question, known - DENIED, why, n);
	return false;
}
