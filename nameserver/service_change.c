/* SPDX-License-Identifier: MIT */
/* Requests that change names: tried, made safe, answered; and tried again where others were faster.
 */
#include "service_own.h"

#include <stdio.h>

enum { TRIES = 32 /* of a request: those who are faster are not the same for ever */ };

/* ---- how it ends ---- */

static void audit(const struct service_change *change, int code, const char *text)
{
	if (change->action)
		pyr_call_audit(change->call, change->action, change->name, code, text);
}

/* Whoever asked may be gone: then nobody is to be told. */
static void fail(struct service_change *change, int code, const char *text)
{
	(void)pyr_deferred_fail(change->deferred, code, "%s", text);
}

static void finish(struct service_change *change, const struct store_problem *problem,
		   uint64_t revision)
{
	if (problem->code || !change->audits_each)
		audit(change, problem->code, problem->text);
	if (problem->code)
		fail(change, problem->code, problem->text);
	else
		(void)change->reply(change, revision);
}

/* It is refused, and has been deferred. */
static void refuse(struct service_change *change, const struct registry_problem *problem)
{
	const char *why = problem->text;
	char text[400];

	if (problem->action) {
		snprintf(text, sizeof(text), "SecurityError: the rules do not let %.60s %s %.255s",
			 pyr_call_identity(change->call), problem->action, change->name);
		why = text;
	}
	if (problem->code == PYR_PERMISSION_DENIED)
		audit(change, problem->code, why);
	fail(change, problem->code, why);
}

/* What it was refused for is safe, or never was. In any thread. */
static void on_reason_safe(const struct store_problem *problem, uint64_t revision, void *data)
{
	struct service_change *change = data;

	(void)revision;
	if (problem->code)
		finish(change, problem, 0);
	else
		refuse(change, change->refusal);
}

/* ---- again ---- */

static void try_again(struct service_change *change)
{
	struct service *service = pyr_call_data(change->call);

	change->next = NULL;
	*service->last_again = change;
	service->last_again = &change->next;
	(void)pyr_timer_set(service->timer, 0);
}

/* Where others change the names, this is in the method thread. */
static void on_safe(const struct store_problem *problem, uint64_t revision, void *data)
{
	struct service_change *change = data;

	change->is_confirmed = problem->code == PYR_ABORTED;
	if (change->is_confirmed && change->n_tries < TRIES)
		try_again(change);
	else
		finish(change, problem, revision);
}

static void on_caught_up(const struct store_problem *problem, uint64_t revision, void *data)
{
	struct service_change *change = data;

	(void)revision;
	change->is_confirmed = problem->code == 0;
	if (problem->code)
		finish(change, problem, 0);
	else
		try_again(change);
}

/* Whether it would be refused in any case. What the rules refuse may rest on whose a name is. */
static bool is_plain(struct registry *registry, const struct registry_problem *problem)
{
	return problem->code == PYR_INVALID_ARGUMENT ||
	       (problem->action && !registry_is_replica(registry));
}

static bool is_final(const struct service_change *change, struct registry *registry,
		     const struct registry_problem *problem)
{
	return change->is_confirmed || is_plain(registry, problem) ||
	       !registry_is_replica(registry) || change->n_tries >= TRIES;
}

static void try(struct service_change *change, struct registry *registry)
{
	struct registry_problem problem;

	change->n_tries++;
	if (change->attempt(change, registry, &problem) == 0)
		registry_when_safe(registry, on_safe, change);
	else if (is_final(change, registry, &problem))
		refuse(change, &problem);
	else
		registry_catch_up(registry, on_caught_up, change);
}

static struct service_change *take_first(struct service *service)
{
	struct service_change *change = service->again;

	if (change && !(service->again = change->next))
		service->last_again = &service->again;
	return change;
}

/* Those that are to be tried again because of these have their turn the next time. */
void service_change_again(struct service *service)
{
	struct service_change *all = service->again, *change;

	service->again = NULL;
	service->last_again = &service->again;
	while ((change = all) != NULL) {
		all = change->next;
		service->is_void |= registry_settle(service->registry);
		try(change, service->registry);
	}
}

void service_change_give_up(struct service *service)
{
	struct service_change *change;

	while ((change = take_first(service)) != NULL)
		fail(change, PYR_UNAVAILABLE, "the name server is stopping");
}

/* ---- in the method ---- */

/* A replica shows what is safe alone; else a refusal waits for what it was refused for. */
static int refuse_when_safe(struct service_change *change, struct registry *registry,
			    const struct registry_problem *problem)
{
	if (registry_is_replica(registry)) {
		registry_catch_up(registry, on_caught_up, change);
		return 0;
	}
	change->refusal = pyr_call_alloc(change->call, sizeof(*problem));
	if (!change->refusal)
		return pyr_deferred_fail(change->deferred, PYR_RESOURCE_EXHAUSTED, "out of memory");
	*change->refusal = *problem;
	registry_when_safe(registry, on_reason_safe, change);
	return 0;
}

int service_change(struct service_change *change)
{
	struct registry *registry = service_registry(change->call);
	struct registry_problem problem;
	int status;

	change->n_tries = 1;
	status = change->attempt(change, registry, &problem);
	if (status < 0 && is_plain(registry, &problem))
		return service_fail(change->call, change->action ? change->action : "",
				    change->name, &problem);
	if (pyr_call_defer(change->call, &change->deferred) < 0)
		return pyr_fail(change->call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	change->call = pyr_deferred_call(change->deferred);
	if (status < 0)
		return refuse_when_safe(change, registry, &problem);
	registry_when_safe(registry, on_safe, change);
	return 0;
}
