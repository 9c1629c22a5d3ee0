/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <thrift/c_glib/protocol/thrift_binary_protocol.h>
#include <thrift/c_glib/transport/thrift_buffered_transport.h>
#include <thrift/c_glib/transport/thrift_socket.h>

#include "add_adder.h"

int main(int argc, char **argv)
{
	GObject *socket = g_object_new(THRIFT_TYPE_SOCKET, "path", argc > 1 ? argv[1] : "", NULL);
	GObject *transport =
		g_object_new(THRIFT_TYPE_BUFFERED_TRANSPORT, "transport", socket, NULL);
	GObject *protocol = g_object_new(THRIFT_TYPE_BINARY_PROTOCOL, "transport", transport, NULL);
	GObject *client = g_object_new(ADD_TYPE_ADDER_CLIENT, "input_protocol", protocol,
				       "output_protocol", protocol, NULL);
	GError *error = NULL;
	gint32 sum;

	if (!thrift_transport_open(THRIFT_TRANSPORT(transport), &error) ||
	    !add_adder_if_add(ADD_ADDER_IF(client), &sum, 1, 2, &error)) {
		fprintf(stderr, "add: %s\n", error ? error->message : "it failed");
		return 1;
	}
	printf("%d\n", sum);
	thrift_transport_close(THRIFT_TRANSPORT(transport), NULL);
	g_object_unref(client);
	g_object_unref(protocol);
	g_object_unref(transport);
	g_object_unref(socket);
	return 0;
}
