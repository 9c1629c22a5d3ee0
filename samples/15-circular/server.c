/* SPDX-License-Identifier: MIT */
/* sample-circular-server NAME NEXT: a station, which passes on to the next one what it is asked. */
#include <stdio.h>
#include <string.h>

#include "circular.h"

static struct circular_Station *next;

static int travel(pyr_call *call, const char *way, const char **ret)
{
	const char *name = pyr_call_object(call); /* the station's */
	char further[512];
	char *whole;

	snprintf(further, sizeof(further), "%s%s%s", way, *way ? " -> " : "", name);
	if (strstr(way, name)) {
		*ret = pyr_call_strdup(call, further);
		return 0;
	}
	if (circular_Station_travel(next, further, &whole) < 0)
		return pyr_pass(call);
	*ret = pyr_call_strdup(call, whole);
	pyr_free(whole);
	return 0;
}

static int descend(pyr_call *call, uint32_t calls)
{
	if (calls > 1 && circular_Station_descend(next, calls - 1) < 0)
		return pyr_pass(call);
	return 0;
}

static const struct circular_Station_methods methods = { .travel = travel, .descend = descend };

int main(int argc, char **argv)
{
	struct pyr_daemon_options serial = { .threads = 1 };
	struct pyr_export station;
	char name[128], uri[128];

	if (argc != 3) {
		fprintf(stderr, "usage: sample-circular-server NAME NEXT\n");
		return 2;
	}
	snprintf(name, sizeof(name), "example.station.%s", argv[1]);
	snprintf(uri, sizeof(uri), "PYRONAME:example.station.%s", argv[2]);
	next = circular_Station_proxy(uri); /* it need not be there yet */
	station = circular_Station_export(name, &methods, NULL);
	station.id = argv[1];
	return pyr_serve(&(struct pyr_serve_options){ .daemon = &serial },
			 (struct pyr_export[]){ station, { 0 } }) < 0 &&
	       pyr_perror(name);
}
