/* SPDX-License-Identifier: MIT */
#include "link/link_core.h"

#include <stdio.h>

#include "engine/core_api.h"
#include "tls/tls.h"

static grpc_arg text_arg(const char *key, const char *value)
{
	grpc_arg arg = { .type = GRPC_ARG_STRING, .key = (char *)key };

	arg.value.string = (char *)value;
	return arg;
}

/* A connection that core did not make says nothing of the server's name. Returns how many args
 * there are. */
static size_t add_server(const struct link_target *target, grpc_arg *args, size_t n, char name[256])
{
	bool is_named = target->uri && !target->uri->socket[0];

	if (!target->tls || !tls_settings_name(target->tls, name, 256))
		snprintf(name, 256, "%s", is_named ? target->address : "localhost");
	args[n++] = text_arg("grpc.default_authority", name);
	if (target->tls)
		args[n++] = text_arg("grpc.http2_scheme", "https");
	return n;
}

grpc_channel *link_core_channel(const struct link_target *target, int fd, grpc_arg *args, size_t n)
{
	grpc_channel_credentials *how = grpc_insecure_credentials_create();
	grpc_channel_args all = { n, args };
	grpc_channel *channel;
	char name[256];

	if (fd >= 0) {
		all.num_args = add_server(target, args, n, name);
		channel = grpc_channel_create_from_fd(target->target, fd, how, &all);
	} else {
		channel = grpc_channel_create(target->target, how, &all);
	}
	grpc_channel_credentials_release(how);
	return channel;
}
