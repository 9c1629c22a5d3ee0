/* SPDX-License-Identifier: MIT */
/* A workshop: what its clients are given is back when they have left, however they left. */
#include <stdio.h>
#include <string.h>

#include "workshop.h"

static pyr_daemon *daemon; /* serial, so that nothing here needs a lock */

static struct tool {
	const char *name;
	uint32_t uses;
	bool lent;
} tools[] = { { .name = "hammer" }, { .name = "saw" } };

static struct bench {
	uint32_t number;
	bool taken;
} benches[] = { { .number = 1 }, { .number = 2 } };

static const struct bench *vise; /* where it is; NULL: in the cupboard */

enum { TOOLS = sizeof(tools) / sizeof(tools[0]), BENCHES = sizeof(benches) / sizeof(benches[0]) };

/* ---- Tools: an object for each that is lent ---- */

static int use(pyr_call *call, uint32_t *ret)
{
	struct tool *tool = pyr_call_data(call);

	*ret = ++tool->uses;
	return 0;
}

static const struct workshop_Tool_methods tool_methods = { .use = use };

/* Nobody has the object any more. */
static void give_back(void *data)
{
	struct tool *tool = data;

	tool->lent = false;
	printf("The %s is back\n", tool->name);
}

static struct tool *find(const char *name)
{
	int i;

	for (i = 0; i < TOOLS; i++)
		if (strcmp(tools[i].name, name) == 0)
			return &tools[i];
	return NULL;
}

static int borrow(pyr_call *call, const char *name, struct workshop_Tool **ret)
{
	struct tool *tool = find(name);

	if (!tool)
		return pyr_fail(call, PYR_NOT_FOUND, "there is no %s", name);
	if (tool->lent)
		return workshop_Bench_raise_Taken(call, &(struct workshop_Taken){ name });
	*ret = workshop_Tool_give(call,
				  workshop_Tool_object(daemon, &tool_methods, tool, give_back));
	if (!*ret)
		return pyr_pass(call);
	tool->lent = true;
	printf("The %s is lent\n", name);
	return 0;
}

/* ---- The vise: a resource that is tracked ---- */

static void unclamp(void *data)
{
	(void)data;
	vise = NULL;
	puts("The vise is free");
}

static int clamp(pyr_call *call)
{
	if (vise)
		return workshop_Bench_raise_Taken(call, &(struct workshop_Taken){ "vise" });
	if (pyr_call_track(call, &vise, unclamp) < 0)
		return pyr_pass(call);
	vise = pyr_call_data(call);
	printf("The vise is at bench %u\n", vise->number);
	return 0;
}

/* ---- Benches: an instance for each session ---- */

static int get_number(pyr_call *call, uint32_t *ret)
{
	const struct bench *bench = pyr_call_data(call);

	*ret = bench->number;
	return 0;
}

static int set_up(pyr_call *call, void *data, void **ret)
{
	struct bench *bench = benches;

	(void)data;
	while (bench < benches + BENCHES && bench->taken)
		bench++;
	if (bench == benches + BENCHES)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "all benches are taken");
	bench->taken = true;
	printf("Bench %u is set up\n", bench->number);
	*ret = bench;
	return 0;
}

static void clear(void *data)
{
	struct bench *bench = data;

	bench->taken = false;
	printf("Bench %u is cleared\n", bench->number);
}

static const struct workshop_Bench_methods bench_methods = {
	.get_number = get_number,
	.borrow = borrow,
	.clamp = clamp,
};

int main(void)
{
	struct pyr_register_options life = {
		.mode = PYR_PER_SESSION,
		.create = set_up,
		.destroy_instance = clear,
	};
	const char *uri;

	daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	uri = workshop_Bench_register_with(daemon, NULL, &bench_methods, NULL, &life);
	if (pyr_ns_register(pyr_ns_locate(NULL), "example.workshop", uri) < 0)
		return pyr_perror("example.workshop");
	setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, in a pipe too */
	puts("Ready");
	return pyr_daemon_run(daemon);
}
