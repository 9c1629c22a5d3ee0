/* SPDX-License-Identifier: MIT */
/* sample-circular-client URI: goes round in circles, deeper and deeper. */
#include <stdio.h>
#include <string.h>

#include "circular.h"

/* The stations that the call went through, and that told so when it failed. */
static void print_chain(const char *trace)
{
	size_t n;
	int calls = 0;

	for (; *trace; trace += n + (trace[n] == '\n')) {
		n = strcspn(trace, "\n");
		if (calls++ < 2)
			printf("  %.*s\n", (int)n, trace);
	}
	printf("  and so on, %d calls\n", calls);
}

static void descend(struct circular_Station *station, uint32_t calls)
{
	if (circular_Station_descend(station, calls) == 0) {
		printf("%u calls deep, and back\n", calls);
		return;
	}
	puts(pyr_last_error()->message);
	print_chain(pyr_last_error()->trace);
}

int main(int argc, char **argv)
{
	struct circular_Station *station =
		circular_Station_proxy(argc > 1 ? argv[1] : "PYRONAME:example.station.A");
	char *way;

	if (circular_Station_travel(station, "", &way) < 0)
		return pyr_perror("travel");
	puts(way);
	pyr_free(way);
	descend(station, 200);
	descend(station, 300);
	descend(station, 200);
	circular_Station_free(station);
	return 0;
}
