/* SPDX-License-Identifier: MIT */
/* sd-bus, from end to end without a bus between them; one thread serves. */
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drive.h"

static void check(int err, const char *what)
{
	if (err < 0)
		bench_fail("%s: %s", what, strerror(-err));
}

/* ---- server ---- */

static int on_add(sd_bus_message *message, void *data, sd_bus_error *error)
{
	int x, y;

	(void)data;
	(void)error;
	check(sd_bus_message_read(message, "ii", &x, &y), "add");
	return sd_bus_reply_method_return(message, "i", x + y);
}

static int on_note(sd_bus_message *message, void *data, sd_bus_error *error)
{
	int x;

	(void)data;
	(void)error;
	return sd_bus_message_read(message, "i", &x) < 0 ? -EINVAL : 1;
}

static int on_echo(sd_bus_message *message, void *data, sd_bus_error *error)
{
	sd_bus_message *reply;
	const void *items;
	size_t n;

	(void)data;
	(void)error;
	check(sd_bus_message_read_array(message, 'y', &items, &n), "echo");
	check(sd_bus_message_new_method_return(message, &reply), "reply");
	check(sd_bus_message_append_array(reply, 'y', items, n), "reply");
	check(sd_bus_send(NULL, reply, NULL), "reply");
	sd_bus_message_unref(reply);
	return 1;
}

static const sd_bus_vtable table[] = {
	SD_BUS_VTABLE_START(0), SD_BUS_METHOD("add", "ii", "i", on_add, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("note", "i", "", on_note, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("echo", "ay", "ay", on_echo, SD_BUS_VTABLE_UNPRIVILEGED), SD_BUS_VTABLE_END
};

static int on_gone(sd_bus_message *message, void *data, sd_bus_error *error)
{
	(void)data;
	(void)error;
	sd_bus_close_unref(sd_bus_message_get_bus(message));
	return 0;
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *data)
{
	int on = 1, client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	sd_id128_t id = { 0 };
	sd_bus *bus;

	(void)events;
	(void)data;
	if (client < 0)
		return 0;
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	id.bytes[0] = 1;
	check(sd_bus_new(&bus), "bus");
	check(sd_bus_set_fd(bus, client, client), "descriptor");
	check(sd_bus_set_server(bus, 1, id), "server");
	check(sd_bus_set_anonymous(bus, 1), "anonymous");
	check(sd_bus_set_trusted(bus, 1), "trusted");
	check(sd_bus_start(bus), "start");
	check(sd_bus_add_object_vtable(bus, NULL, "/adder", "bench.Adder", table, NULL), "object");
	check(sd_bus_match_signal_async(bus, NULL, NULL, NULL, "org.freedesktop.DBus.Local",
					"Disconnected", on_gone, NULL, NULL),
	      "end");
	check(sd_bus_attach_event(bus, sd_event_source_get_event(source), 0), "event");
	return 0;
}

static void serve(const struct bench_options *options)
{
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	struct sockaddr_in port = { .sin_family = AF_INET };
	struct sockaddr *place = options->socket ? (void *)&path : (void *)&port;
	socklen_t n = options->socket ? sizeof(path) : sizeof(port);
	int fd = socket(place->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char text[300];
	sd_event *event;

	port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	snprintf(path.sun_path, sizeof(path.sun_path), "%s",
		 options->socket ? options->socket : "");
	if (fd < 0 || bind(fd, place, n) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, place, &n) < 0)
		bench_fail("listen: %s", strerror(errno));
	if (options->socket)
		snprintf(text, sizeof(text), "unix:path=%s", options->socket);
	else
		snprintf(text, sizeof(text), "tcp:host=127.0.0.1,port=%d", ntohs(port.sin_port));
	check(sd_event_default(&event), "event");
	check(sd_event_add_io(event, NULL, fd, 1 /* EPOLLIN */, on_client, NULL), "door");
	bench_print_address(text);
	check(sd_event_loop(event), "loop");
}

/* ---- client ---- */

static void *open_bus(const char *address)
{
	int on = 1;
	sd_bus *bus;

	check(sd_bus_new(&bus), "bus");
	check(sd_bus_set_address(bus, address), address);
	check(sd_bus_set_anonymous(bus, 1), "anonymous");
	check(sd_bus_start(bus), "start");
	(void)setsockopt(sd_bus_get_fd(bus), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return bus;
}

static void close_bus(void *end)
{
	sd_bus_flush_close_unref(end);
}

static sd_bus_message *method(sd_bus *bus, const char *name)
{
	sd_bus_message *ret;

	check(sd_bus_message_new_method_call(bus, &ret, NULL, "/adder", "bench.Adder", name), name);
	return ret;
}

/* Takes the request. Returns the answer; owned. */
static sd_bus_message *call(sd_bus *bus, sd_bus_message *request)
{
	sd_bus_message *ret;

	check(sd_bus_call(bus, request, 60000000, NULL, &ret), "call");
	sd_bus_message_unref(request);
	return ret;
}

static int32_t add(void *end, struct bench_sum sum)
{
	sd_bus_message *message = method(end, "add");
	int ret;

	check(sd_bus_message_append(message, "ii", sum.x, sum.y), "add");
	message = call(end, message);
	check(sd_bus_message_read(message, "i", &ret), "add");
	sd_bus_message_unref(message);
	return ret;
}

static struct bench_call *answered; /* the call whose answer came last */

static int on_answer(sd_bus_message *message, void *data, sd_bus_error *error)
{
	(void)error;
	answered = data;
	check(sd_bus_message_read(message, "i", &answered->answer), "add");
	return 1;
}

static void start(void *end, struct bench_call *call)
{
	sd_bus_message *message = method(end, "add");

	check(sd_bus_message_append(message, "ii", call->sum.x, call->sum.y), "add");
	check(sd_bus_call_async(end, NULL, message, on_answer, call, 60000000), "add");
	sd_bus_message_unref(message);
}

static struct bench_call *finish(void *end, struct bench_call *oldest)
{
	int err = 0;

	(void)oldest;
	for (answered = NULL; !answered && err >= 0;) {
		err = sd_bus_process(end, NULL);
		if (err == 0)
			err = sd_bus_wait(end, UINT64_MAX);
	}
	check(err, "process");
	return answered;
}

static void echo(void *end, const uint8_t *data, size_t n)
{
	sd_bus_message *message = method(end, "echo");
	const void *came;
	size_t n_came;

	check(sd_bus_message_append_array(message, 'y', data, n), "echo");
	message = call(end, message);
	check(sd_bus_message_read_array(message, 'y', &came, &n_came), "echo");
	bench_check_bytes(data, n, came, n_came);
	sd_bus_message_unref(message);
}

static void note(void *end, int32_t x)
{
	sd_bus_message *message = method(end, "note");

	check(sd_bus_message_set_expect_reply(message, 0), "note");
	check(sd_bus_message_append(message, "i", x), "note");
	check(sd_bus_send(end, message, NULL), "note");
	sd_bus_message_unref(message);
}

int main(int argc, char **argv)
{
	static const struct bench_peer peer = { .open = open_bus,
						.close = close_bus,
						.add = add,
						.start = start,
						.finish = finish,
						.echo = echo,
						.note = note };

	return bench_either(argc, argv, &peer, serve);
}
