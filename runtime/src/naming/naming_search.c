/* SPDX-License-Identifier: MIT */
/* The search for name servers, told step by step: pyr_ns_find(). */
#include <pyrite/settings.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "naming/naming_find.h"

static const char *const names[NAMING_SOURCES] = {
	[NAMING_BY_ENVIRONMENT] = "environment",
	[NAMING_BY_OWN_FILE] = "file",
	[NAMING_BY_SYSTEM_FILE] = "file",
	[NAMING_BY_DNS] = "DNS",
	[NAMING_BY_UDP] = "UDP",
	[NAMING_BY_DEFAULT] = "default",
};

static const enum pyr_ns_verdict verdicts[] = {
	[NAMING_NOT_ASKED] = PYR_NS_NOT_ASKED, [NAMING_NOTHING] = PYR_NS_NOTHING,
	[NAMING_WRONG] = PYR_NS_WRONG,         [NAMING_LATER] = PYR_NS_PASSED_OVER,
	[NAMING_TAKEN] = PYR_NS_TAKEN,
};

static size_t texts_of(const struct naming_search *s)
{
	size_t n = sizeof(s->servers.text) + sizeof(s->problem.text);
	int i;

	for (i = 0; i < NAMING_SOURCES; i++)
		n += strlen(s->steps[i].place) + strlen(s->steps[i].text) + 2;
	return n;
}

/* In one block; NULL when memory is out. */
static struct pyr_ns_search *pack(const struct naming_search *s)
{
	struct packed {
		struct pyr_ns_search all; /* first: what pyr_free() is given */
		const struct pyr_ns_step *places[NAMING_SOURCES];
		struct pyr_ns_step steps[NAMING_SOURCES];
		char texts[];
	} *packed = calloc(1, sizeof(*packed) + texts_of(s));
	struct pyr_ns_search *all;
	char *room;
	int i;

	if (!packed)
		return NULL;
	all = &packed->all;
	all->n = NAMING_SOURCES;
	all->steps = packed->places;
	room = packed->texts;
	if (s->from < NAMING_SOURCES)
		all->servers = text_keep(&room, s->servers.text);
	else
		all->problem = text_keep(&room, s->problem.text);
	for (i = 0; i < NAMING_SOURCES; i++) {
		packed->steps[i] = (struct pyr_ns_step){
			.name = names[i],
			.place = text_keep(&room, s->steps[i].place),
			.text = text_keep(&room, s->steps[i].text),
			.verdict = verdicts[s->steps[i].verdict],
		};
		packed->places[i] = &packed->steps[i];
	}
	return all;
}

int pyr_ns_find(struct pyr_ns_search **ret)
{
	struct uri_problem problem;
	struct naming_search *search;
	struct pyr_ns_search *all;

	if (!ret)
		return error_missing("ret");
	search = naming_search(&problem);
	if (!search)
		return error_set(problem.code, "search for name servers: %s", problem.text);
	all = pack(search);
	free(search);
	if (!all)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	*ret = all;
	return 0;
}
