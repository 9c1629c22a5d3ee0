/* SPDX-License-Identifier: MIT */
/* The steps of pyrite doctor that find name servers, and tell which of several answer. */
#include <pyrite/settings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

enum { OTHERS = 16 };

static void tell_step(struct doctor *d, const struct pyr_ns_step *step)
{
	if (step->verdict == PYR_NS_TAKEN)
		doctor_say(d, DOCTOR_OK, step->name, "%s: %s: taken", step->place, step->text);
	else if (step->verdict == PYR_NS_PASSED_OVER)
		doctor_say(d, DOCTOR_SKIP, step->name,
			   "%s: %s: not taken, as what comes before names some", step->place,
			   step->text);
	else
		doctor_say(d, step->verdict == PYR_NS_WRONG ? DOCTOR_WRONG : DOCTOR_SKIP,
			   step->name, "%s: %s", step->place, step->text);
}

void doctor_search(struct doctor *d)
{
	struct pyr_ns_search *all;
	size_t i;

	if (pyr_ns_search(&all) < 0)
		return; /* pyr_ns_locate() will tell */
	for (i = 0; i < all->n; i++)
		tell_step(d, &all->steps[i]);
	if (all->servers)
		snprintf(d->servers, sizeof(d->servers), "%s", all->servers);
	else
		doctor_advise(d, "the search ends where something is wrong: to go on would lead to "
				 "another name server than the one that is meant");
	pyr_free(all);
}

/* ---- several ---- */

struct other {
	const char *address;
	bool answers;
	char why[300];
};

struct others {
	unsigned n;
	struct other items[OTHERS];
};

static int try_one(void *data)
{
	struct other *other = data;
	pyr_ns *ns = pyr_ns_locate_with(other->address,
					&(struct pyr_ns_locate_options){ .wait_ms = PYR_NONE });

	other->answers = ns;
	if (!ns)
		snprintf(other->why, sizeof(other->why), "%s", pyr_errmsg());
	pyr_ns_free(ns);
	return 0;
}

/* At the same time, so that all take no longer than one. */
static int try_all(void *data)
{
	struct others *others = data;
	unsigned i;

	for (i = 0; i < others->n; i++)
		pyr_task_free(pyr_task_start(try_one, &others->items[i]));
	return 0;
}

/* one may leave the port out. */
static bool is_same(const char *one, const char *asked)
{
	size_t n = strlen(one);

	return strncmp(one, asked, n) == 0 && (asked[n] == '\0' || asked[n] == ':');
}

void doctor_others(struct doctor *d, const char *list, const char *asked)
{
	struct others others = { 0 };
	char text[sizeof(d->servers)], *rest = text, *one;
	unsigned i;

	snprintf(text, sizeof(text), "%s", list ? list : d->servers);
	while ((one = strsep(&rest, ",")) && others.n < OTHERS)
		if (*one && !is_same(one, asked))
			others.items[others.n++].address = one;
	if (others.n == 0 || (list && !strchr(list, ',')))
		return;
	if (pyr_tasks_run(try_all, &others) < 0)
		return;
	for (i = 0; i < others.n; i++) {
		if (others.items[i].answers)
			doctor_say(d, DOCTOR_SKIP, "name server", "%s answers, too",
				   others.items[i].address);
		else
			doctor_say(d, DOCTOR_NOTE, "name server", "%s", others.items[i].why);
	}
}
