/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

static int add(sd_bus_message *m, void *data, sd_bus_error *error)
{
	int32_t x, y;
	int err = sd_bus_message_read(m, "ii", &x, &y);

	(void)data;
	(void)error;
	return err < 0 ? err : sd_bus_reply_method_return(m, "i", x + y);
}

static const sd_bus_vtable methods[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Add", "ii", "i", add, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int main(void)
{
	sd_bus *bus = NULL;
	int err = sd_bus_open_user(&bus);

	if (err >= 0)
		err = sd_bus_add_object_vtable(bus, NULL, "/org/example/Adder", "org.example.Adder",
					       methods, NULL);
	if (err >= 0)
		err = sd_bus_request_name(bus, "org.example.Adder", 0);
	if (err >= 0) {
		puts("org.example.Adder");
		fflush(stdout);
	}
	while (err >= 0) {
		err = sd_bus_process(bus, NULL);
		if (err == 0)
			err = sd_bus_wait(bus, UINT64_MAX);
	}
	fprintf(stderr, "server: %s\n", strerror(-err));
	sd_bus_unref(bus);
	return 1;
}
