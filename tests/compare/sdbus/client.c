/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <systemd/sd-bus.h>

int main(int argc, char **argv)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	sd_bus *bus = NULL;
	int32_t sum;

	if (sd_bus_open_user(&bus) < 0 ||
	    sd_bus_call_method(bus, argc > 1 ? argv[1] : "", "/org/example/Adder",
			       "org.example.Adder", "Add", &error, &reply, "ii", 1, 2) < 0 ||
	    sd_bus_message_read(reply, "i", &sum) < 0) {
		fprintf(stderr, "add: %s\n", error.message ? error.message : "it failed");
		return 1;
	}
	printf("%d\n", sum);
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	sd_bus_unref(bus);
	return 0;
}
