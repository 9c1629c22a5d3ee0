/* SPDX-License-Identifier: MIT */
/*
 * Linked before core (-Wl,--wrap): makes its keepalive FAULTS_KEEPALIVE times quicker, so that a
 * test need not wait for 80 s to see that a silent end is found.
 */
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <stdlib.h>
#include <string.h>

enum { ARGS = 32 };

grpc_server *__real_grpc_server_create(const grpc_channel_args *args, void *reserved);
grpc_server *__wrap_grpc_server_create(const grpc_channel_args *args, void *reserved);
grpc_channel *__real_grpc_channel_create(const char *target, grpc_channel_credentials *credentials,
					 const grpc_channel_args *args);
grpc_channel *__wrap_grpc_channel_create(const char *target, grpc_channel_credentials *credentials,
					 const grpc_channel_args *args);

static int is_time(const char *key)
{
	return strstr(key, "keepalive_time") || strstr(key, "ping_interval");
}

/* A copy in room, with the times divided. */
static grpc_channel_args quicker(const grpc_channel_args *args, grpc_arg *room)
{
	const char *text = getenv("FAULTS_KEEPALIVE");
	int by = text ? atoi(text) : 1;
	size_t i, n = args->num_args < ARGS ? args->num_args : ARGS;

	for (i = 0; i < n; i++) {
		room[i] = args->args[i];
		if (by > 1 && room[i].type == GRPC_ARG_INTEGER && is_time(room[i].key))
			room[i].value.integer /= by;
	}
	return (grpc_channel_args){ n, room };
}

grpc_server *__wrap_grpc_server_create(const grpc_channel_args *args, void *reserved)
{
	grpc_arg room[ARGS];
	grpc_channel_args quick = quicker(args, room);

	return __real_grpc_server_create(&quick, reserved);
}

grpc_channel *__wrap_grpc_channel_create(const char *target, grpc_channel_credentials *credentials,
					 const grpc_channel_args *args)
{
	grpc_arg room[ARGS];
	grpc_channel_args quick = quicker(args, room);

	return __real_grpc_channel_create(target, credentials, &quick);
}
