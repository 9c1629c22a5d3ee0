/* SPDX-License-Identifier: MIT */
/* sample-disconnects-server [MS]: prints tickets, and takes so long for each answer. */
#include <stdio.h>
#include <stdlib.h>

#include "tickets.h"

static uint32_t tickets; /* printed so far; the daemon is serial */
static uint32_t ms;      /* for each answer */

static int draw(pyr_call *call, uint32_t *ret)
{
	printf("Printing ticket %u\n", tickets + 1);
	if (pyr_sleep(ms) < 0)
		return pyr_pass(call);
	*ret = ++tickets;
	return 0;
}

static int last(pyr_call *call, uint32_t *ret)
{
	puts("Looking for the last ticket");
	if (pyr_sleep(ms) < 0)
		return pyr_pass(call);
	*ret = tickets;
	return 0;
}

static const struct tickets_Machine_methods methods = { .draw = draw, .last = last };

/* A client has ended its session, or was lost. */
static void on_disconnect(pyr_call *call, void *data)
{
	(void)call;
	(void)data;
	puts("A client has left");
}

int main(int argc, char **argv)
{
	struct pyr_daemon_options options = { .threads = 1, .on_disconnect = on_disconnect };

	ms = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, in a pipe too */
	return pyr_serve(&(struct pyr_serve_options){ .daemon = &options },
			 (struct pyr_export[]){
				 tickets_Machine_export("example.tickets", &methods, NULL),
				 { 0 } }) < 0 &&
	       pyr_perror("example.tickets");
}
