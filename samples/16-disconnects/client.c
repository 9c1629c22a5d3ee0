/* SPDX-License-Identifier: MIT */
/* Reads "draw" and "last", asks the machine, and waits for it when it has gone away. */
#include <stdio.h>
#include <string.h>

#include "tickets.h"

enum { PAUSE_MS = 100 };

/* Says what is known of a draw that has failed, and waits until the machine is back. */
static void reconnect(struct tickets_Machine *machine)
{
	if (pyr_last_error()->may_have_run)
		puts("The machine is gone, and may have printed a ticket");
	else
		puts("The machine is gone, and has printed nothing");
	if (pyr_proxy_reconnect(tickets_Machine_as_proxy(machine), 0, PAUSE_MS) < 0)
		pyr_perror("reconnect");
	else
		puts("The machine is back");
}

static void draw(struct tickets_Machine *machine)
{
	uint32_t number;

	if (tickets_Machine_draw(machine, &number) == 0)
		printf("Ticket %u\n", number);
	else if (pyr_last_error()->raised) /* by the machine itself */
		pyr_perror("draw");
	else
		reconnect(machine);
}

/* The proxy makes this call again by itself. */
static void ask(struct tickets_Machine *machine)
{
	uint32_t number;

	if (tickets_Machine_last(machine, &number) == 0)
		printf("The last was %u\n", number);
	else
		pyr_perror("last");
}

int main(void)
{
	struct pyr_proxy_options patient = { .max_retries = 1000 };
	struct tickets_Machine *machine =
		tickets_Machine_proxy_with("PYRONAME:example.tickets", &patient);
	char line[256];

	setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, in a pipe too */
	while (fgets(line, sizeof(line), stdin))
		if (strcmp(line, "draw\n") == 0)
			draw(machine);
		else if (strcmp(line, "last\n") == 0)
			ask(machine);
	tickets_Machine_free(machine);
	return 0;
}
