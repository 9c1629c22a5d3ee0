/* SPDX-License-Identifier: MIT */
/* sample-factory-client TOOL...: borrows tools, and keeps them until its standard input ends. */
#include <stdio.h>
#include <stdlib.h>

#include "workshop.h"

static void borrow(struct workshop_Bench *bench, const char *name, struct workshop_Tool **tool)
{
	uint32_t uses;

	if (workshop_Bench_borrow(bench, name, tool) < 0) {
		if (workshop_Taken_caught())
			printf("Somebody has the %s\n", workshop_Taken_caught()->what);
		else
			pyr_perror(name);
	} else if (workshop_Tool_use(*tool, &uses) < 0) {
		pyr_perror(name);
	} else {
		printf("The %s was used %u times\n", name, uses);
	}
}

static void clamp(struct workshop_Bench *bench)
{
	if (workshop_Bench_clamp(bench) == 0)
		puts("The vise is here");
	else if (workshop_Taken_caught())
		printf("Somebody has the %s\n", workshop_Taken_caught()->what);
	else
		pyr_perror("vise");
}

int main(int argc, char **argv)
{
	struct workshop_Bench *bench = workshop_Bench_proxy("PYRONAME:example.workshop");
	struct workshop_Tool **tools;
	uint32_t number;
	int i;

	if (workshop_Bench_get_number(bench, &number) < 0)
		return pyr_perror("bench");
	tools = calloc((size_t)argc, sizeof(struct workshop_Tool *));
	if (!tools)
		return 1;
	printf("I work at bench %u\n", number);
	clamp(bench);
	for (i = 1; i < argc; i++)
		borrow(bench, argv[i], &tools[i]);
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (i = 1; i < argc; i++)
		workshop_Tool_free(tools[i]); /* gives it back */
	workshop_Bench_free(bench);
	free(tools);
	return 0;
}
