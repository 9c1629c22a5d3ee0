/* SPDX-License-Identifier: MIT */
/* sample-bus-subscribe TOPIC...: prints what it hears, until its standard input ends. */
#include <stdio.h>
#include <stdlib.h>

#include "bus.h"

static int heard(pyr_call *call, const char *topic, const char *text, uint32_t missed)
{
	(void)call;
	if (missed > 0)
		printf("%s: (%u missed)\n", topic, missed);
	printf("%s: %s\n", topic, text);
	fflush(stdout);
	return 0;
}

static const struct bus_Subscriber_methods methods = { .heard = heard };

int main(int argc, char **argv)
{
	struct bus_Bus *bus = bus_Bus_proxy("PYRONAME:example.bus");
	struct bus_Subscriber *me = bus_Subscriber_object(NULL, &methods, NULL, NULL);
	struct bus_Subscription **topics = calloc((size_t)argc, sizeof(struct bus_Subscription *));
	int i;

	for (i = 1; i < argc; i++) {
		if (!topics || bus_Bus_subscribe(bus, argv[i], me, &topics[i]) < 0)
			return pyr_perror(argv[i]);
		printf("Subscribed to %s\n", argv[i]);
		fflush(stdout);
	}
	while (getchar() != EOF)
		;
	for (i = 1; i < argc; i++)
		bus_Subscription_free(topics[i]); /* ends it */
	free(topics);
	bus_Subscriber_free(me);
	bus_Bus_free(bus);
	return 0;
}
