/* SPDX-License-Identifier: MIT */
/* The rules of a daemon: their file is watched, and methods may ask them. */
#include "daemon/daemon_own.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/config.h"
#include "base/error.h"
#include "incall/incall.h"
#include "rules/rules.h"

/* ---- the file; the watch is of the engine's, in the leader ---- */

/* A file that is replaced is another one: so its folder is watched, too. */
struct rules_watch {
	struct engine_source source;
	struct engine_hook hook; /* ends it */
	struct rules *rules;     /* counted */
};

static void on_change(struct engine_source *source, uint32_t events)
{
	struct rules_watch *watch = (struct rules_watch *)source;
	char notes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)events;
	while (read(source->fd, notes, sizeof(notes)) > 0)
		continue;
	rules_refresh(watch->rules, true);
}

static bool add_watches(int fd, const char *path)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
	const char *where = slash == folder ? "/" : slash ? folder : ".";
	bool ok = folder;

	if (slash)
		*slash = '\0';
	ok = ok && inotify_add_watch(fd, where,
				     IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE) >= 0;
	free(folder);
	return ok;
}

/* NULL: it cannot be watched; who connects looks. */
static struct rules_watch *watch_new(struct rules *rules, const char *path)
{
	struct rules_watch *watch = calloc(1, sizeof(*watch));
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (watch && fd >= 0 && add_watches(fd, path)) {
		watch->source = (struct engine_source){ .fd = fd, .ready = on_change };
		watch->rules = rules_ref(rules);
		if (engine_source_add(&watch->source, EPOLLIN))
			return watch;
		rules_unref(rules);
	}
	if (fd >= 0)
		close(fd);
	free(watch);
	return NULL;
}

static void end_watch(struct engine_hook *hook)
{
	struct rules_watch *watch =
		(struct rules_watch *)((char *)hook - offsetof(struct rules_watch, hook));

	engine_source_remove(&watch->source);
	close(watch->source.fd);
	rules_unref(watch->rules);
	free(watch);
}

void daemon_rules_free(pyr_daemon *d)
{
	if (d->watch) {
		d->watch->hook.run = end_watch;
		engine_before_poll(&d->watch->hook);
	}
	rules_unref(d->rules);
}

bool daemon_rules(pyr_daemon *d, const struct pyr_daemon_options *options)
{
	const char *path = options->rules ? options->rules : config_text(CONFIG_RULES);
	struct rules_problem problem;

	if (!path[0])
		return true;
	d->rules = d->host.rules = rules_open(path, &problem);
	if (!d->rules) {
		error_constructor(problem.code, "SecurityError: rules: %s", problem.text);
		return false;
	}
	rules_set_audit(d->rules, d->audit);
	d->watch = watch_new(d->rules, path);
	return true;
}

/* ---- asked by methods ---- */

static bool ask(const pyr_call *call, const char *action, const char *target, unsigned *line)
{
	char uid[IDENTITY_UID];
	struct rules_question question = { incall_identity(call, uid), action, target, "", NULL };
	struct rules *rules = call ? incall_rules(call) : NULL;

	if (rules && strcmp(action, "call") == 0 && call->object->id)
		question.object = call->object->id; /* it calls that one */
	*line = 0;
	return !rules || rules_allow(rules, &question, line);
}

bool pyr_call_may(const pyr_call *call, const char *action, const char *target)
{
	unsigned line;

	return call && action && target && ask(call, action, target, &line);
}

bool pyr_call_has_rules(const pyr_call *call)
{
	return call && incall_rules(call);
}

int pyr_call_refuse(pyr_call *call, const char *action, const char *target)
{
	char uid[IDENTITY_UID], text[512];
	struct rules_question question = { .who = incall_identity(call, uid),
					   .action = action ? action : "",
					   .target = target ? target : "",
					   .object = "" };
	struct rules *rules = call ? incall_rules(call) : NULL;
	unsigned line;

	question.from = call ? pyr_call_peer(call) : "";
	(void)ask(call, question.action, question.target, &line);
	rules_refuse(rules, &question, line, text, sizeof(text));
	if (!rules)
		pyr_call_audit(call, action, target, PYR_PERMISSION_DENIED, text);
	return pyr_call_fail(call, NULL, 0, PYR_PERMISSION_DENIED, "%s", text);
}

int pyr__rules_explain(const char *path, const struct pyr_rules_question *question, size_t size,
		       bool *ret_allows)
{
	struct pyr_rules_question own;
	struct rules_question asked;
	struct rules_problem problem;
	struct rules *rules;
	unsigned line;

	if (!path || !question || !ret_allows)
		return error_set(PYR_INVALID_ARGUMENT, "path, question or ret_allows is NULL");
	if (abi_options(&own, sizeof(own), question, size, "pyr_rules_question") < 0)
		return -pyr_last_error()->code;
	if (!own.who || !own.action)
		return error_set(PYR_INVALID_ARGUMENT, "who or action is NULL");
	rules = rules_open(path, &problem);
	if (!rules)
		return error_set(problem.code, "%s", problem.text);
	asked = (struct rules_question){ own.who, own.action, own.target ? own.target : "",
					 own.object ? own.object : "", NULL };
	*ret_allows = rules_allow(rules, &asked, &line);
	rules_unref(rules);
	return (int)line;
}
