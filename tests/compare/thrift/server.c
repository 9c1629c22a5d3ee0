/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <thrift/c_glib/protocol/thrift_binary_protocol_factory.h>
#include <thrift/c_glib/server/thrift_simple_server.h>
#include <thrift/c_glib/transport/thrift_buffered_transport_factory.h>
#include <thrift/c_glib/transport/thrift_server_socket.h>

#include "add_adder.h"

typedef struct {
	addAdderHandler parent;
} MyAdder;

typedef struct {
	addAdderHandlerClass parent;
} MyAdderClass;

GType my_adder_get_type(void);
G_DEFINE_TYPE(MyAdder, my_adder, ADD_TYPE_ADDER_HANDLER)

static gboolean my_add(addAdderIf *self, gint32 *sum, const gint32 x, const gint32 y,
		       GError **error)
{
	(void)self;
	(void)error;
	*sum = x + y;
	return TRUE;
}

static void my_adder_class_init(MyAdderClass *klass)
{
	klass->parent.add = my_add;
}

static void my_adder_init(MyAdder *self)
{
	(void)self;
}

int main(int argc, char **argv)
{
	GObject *handler = g_object_new(my_adder_get_type(), NULL);
	GObject *processor = g_object_new(ADD_TYPE_ADDER_PROCESSOR, "handler", handler, NULL);
	GObject *socket =
		g_object_new(THRIFT_TYPE_SERVER_SOCKET, "path", argc > 1 ? argv[1] : "", NULL);
	GObject *transports = g_object_new(THRIFT_TYPE_BUFFERED_TRANSPORT_FACTORY, NULL);
	GObject *protocols = g_object_new(THRIFT_TYPE_BINARY_PROTOCOL_FACTORY, NULL);
	GObject *server = g_object_new(
		THRIFT_TYPE_SIMPLE_SERVER, "processor", processor, "server_transport", socket,
		"input_transport_factory", transports, "output_transport_factory", transports,
		"input_protocol_factory", protocols, "output_protocol_factory", protocols, NULL);
	GError *error = NULL;

	puts(argv[1]);
	fflush(stdout);
	if (!thrift_server_serve(THRIFT_SERVER(server), &error)) {
		fprintf(stderr, "server: %s\n", error ? error->message : "it ended");
		return 1;
	}
	return 0;
}
