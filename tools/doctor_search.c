/* SPDX-License-Identifier: MIT */
/* The steps of pyrite doctor that find name servers, and tell which of several answer. */
#include <pyrite/settings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

enum { SERVERS = 16 };

static void tell_step(struct doctor *d, const struct pyr_ns_step *step, bool has_found)
{
	if (step->verdict == PYR_NS_TAKEN)
		doctor_say(d, DOCTOR_OK, step->name, "%s: %s: taken", step->place, step->text);
	else if (step->verdict == PYR_NS_PASSED_OVER)
		doctor_say(d, DOCTOR_SKIP, step->name, "%s: %s: not taken, as %s", step->place,
			   step->text,
			   has_found ? "an earlier source has addresses" : "the search has ended");
	else
		doctor_say(d, step->verdict == PYR_NS_WRONG ? DOCTOR_WRONG : DOCTOR_SKIP,
			   step->name, "%s: %s", step->place, step->text);
}

bool doctor_search(struct doctor *d)
{
	struct pyr_ns_search *all;
	bool has_found;
	size_t i;

	if (pyr_ns_find(&all) < 0)
		return true; /* pyr_ns_locate() will tell */
	has_found = all->servers;
	for (i = 0; i < all->n; i++)
		tell_step(d, all->steps[i], has_found);
	if (!has_found)
		doctor_advise(d, "the search ends at an error, because a later source could lead "
				 "to another name server than the intended one");
	pyr_free(all);
	return has_found;
}

/* ---- several ---- */

struct server {
	const char *address;
	bool answers;
	char why[300];
};

struct servers {
	unsigned n;
	struct server items[SERVERS];
};

static int try_one(void *data)
{
	struct server *server = data;
	pyr_ns *ns = pyr_ns_locate_with(server->address,
					&(struct pyr_ns_locate_options){ .wait_ms = PYR_NONE });

	server->answers = ns;
	if (!ns)
		snprintf(server->why, sizeof(server->why), "%s", pyr_errmsg());
	pyr_ns_free(ns);
	return 0;
}

/* At the same time, so that all take no longer than one. */
static int try_all(void *data)
{
	struct servers *servers = data;
	unsigned i;

	for (i = 0; i < servers->n; i++)
		pyr_task_free(pyr_task_start(try_one, &servers->items[i]));
	return 0;
}

void doctor_each(struct doctor *d, const char *list)
{
	struct servers servers = { 0 };
	char text[2048], *rest = text, *one;
	unsigned i;

	snprintf(text, sizeof(text), "%s", list);
	while (servers.n < SERVERS && (one = strsep(&rest, ",")))
		servers.items[servers.n++].address = one;
	if (pyr_tasks_run(try_all, &servers) < 0)
		return;
	for (i = 0; i < servers.n; i++) {
		if (servers.items[i].answers)
			doctor_say(d, DOCTOR_OK, "name server", "answers at %s",
				   servers.items[i].address);
		else
			doctor_say(d, DOCTOR_NOTE, "name server", "%s", servers.items[i].why);
	}
}
