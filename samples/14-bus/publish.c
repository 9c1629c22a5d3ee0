/* SPDX-License-Identifier: MIT */
/* sample-bus-publish TOPIC: publishes each line that it reads. */
#include <stdio.h>
#include <string.h>

#include "bus.h"

int main(int argc, char **argv)
{
	struct bus_Bus *bus = bus_Bus_proxy("PYRONAME:example.bus");
	uint32_t lines = 0, subscribers = 0;
	char line[256];

	if (argc != 2) {
		fprintf(stderr, "usage: sample-bus-publish TOPIC\n");
		return 2;
	}
	for (; fgets(line, sizeof(line), stdin); lines++) {
		line[strcspn(line, "\n")] = '\0';
		if (bus_Bus_publish(bus, argv[1], line, &subscribers) < 0)
			return pyr_perror("publish");
	}
	printf("%u published, to %u subscribers\n", lines, subscribers);
	bus_Bus_free(bus);
	return 0;
}
