/* SPDX-License-Identifier: MIT */
#include "peer/server.h"

#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/tsan.h"

enum {
	ASKED = 32,
	KINDS = 2
}; /* calls asked for at a time, of each kind of server: local and remote */

struct request {
	struct engine_event event;
	struct server *server;
	grpc_server *core;
	grpc_call *call;
	grpc_call_details details;
	grpc_metadata_array metadata;
};

struct shutdown {
	struct engine_event event;
	struct server *server;
};

struct server {
	struct server_options options;
	grpc_server *core[KINDS];
	grpc_server_credentials *plain;
	struct request requests[KINDS][ASKED];
	struct shutdown shut[KINDS];
	atomic_int n_pending; /* requests and shutdowns that core holds */
	atomic_bool is_closing;
	struct engine_waiter done; /* n_pending is 0 */
};

static void release(struct server *server)
{
	if (atomic_fetch_sub(&server->n_pending, 1) == 1)
		engine_wake(&server->done);
}

static bool ask(struct request *r)
{
	r->call = NULL;
	grpc_call_details_init(&r->details);
	grpc_metadata_array_init(&r->metadata);
	atomic_fetch_add(&r->server->n_pending, 1);
	TSAN_RELEASE(&r->event);
	if (grpc_server_request_call(r->core, &r->call, &r->details, &r->metadata, engine_queue(),
				     engine_queue(), &r->event) == GRPC_CALL_OK)
		return true;
	release(r->server);
	return false;
}

static bool is_method(const struct request *r, const char *path)
{
	return grpc_slice_str_cmp(r->details.method, path) == 0;
}

/* Who calls: core knows the connection as "fd:N", the door by name. */
static void find_peer(const struct server *server, grpc_call *call, struct door_peer *ret)
{
	char *name = grpc_call_get_peer(call);
	int fd;

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->address, sizeof(ret->address), "?");
	if (name && sscanf(name, "fd:%d", &fd) == 1 && atomic_load(server->options.door))
		door_peer_of(atomic_load(server->options.door), fd, ret);
	gpr_free(name);
}

static void open_link(struct server *server, struct request *r, const struct door_peer *who)
{
	grpc_call *call = r->call;
	struct link *link = link_grpc_accept(call, who->address, who->is_local);
	struct peer *peer;

	if (!link) {
		grpc_call_cancel_with_status(call, GRPC_STATUS_RESOURCE_EXHAUSTED, "out of memory",
					     NULL);
		grpc_call_unref(call);
		return;
	}
	link->has_credentials = who->has_credentials;
	link->credentials = (struct pyr_credentials){ who->pid, who->uid, who->gid };
	peer = peer_accept(link, server->options.host);
	if (peer)
		server->options.opened(server->options.data, peer);
}

static void on_request(struct engine_event *event, bool ok)
{
	struct request *r = (struct request *)event;
	struct server *server = r->server;
	struct door_peer who;

	if (ok) {
		find_peer(server, r->call, &who);
		if (is_method(r, "/pyrite.Link/Open"))
			open_link(server, r, &who);
		else
			plain_take(server->options.plain, r->call, &r->details, &r->metadata, &who);
	}
	grpc_call_details_destroy(&r->details);
	grpc_metadata_array_destroy(&r->metadata);
	if (ok && !atomic_load(&server->is_closing))
		ask(r);
	release(server);
}

static grpc_arg int_arg(const char *key, int value)
{
	grpc_arg arg = { .type = GRPC_ARG_INTEGER, .key = (char *)key };

	arg.value.integer = value;
	return arg;
}

/* A Link message has up to 256 KiB whatever a call may have, which is the peer's to check; a larger
 * one would end the link with all its calls. */
static int receive_max(const struct peer_host *host)
{
	uint32_t max = host->max_message;

	if (max > INT32_MAX)
		return INT32_MAX;
	return max < 1 << 20 ? 1 << 20 : (int)max;
}

static grpc_server *new_core(const struct peer_host *host, bool is_local)
{
	grpc_arg args[] = {
		int_arg("grpc.so_reuseport", 0),
		int_arg("grpc.compression_enabled_algorithms_bitset", 1),
		int_arg("grpc.max_receive_message_length", receive_max(host)),
		int_arg("grpc.max_send_message_length", -1),
		int_arg("grpc.max_concurrent_streams", 1000),
		int_arg("grpc.keepalive_time_ms", 60000),
		int_arg("grpc.keepalive_timeout_ms", 20000),
		/* a connection without a call takes a place, too */
		int_arg("grpc.keepalive_permit_without_calls", 1),
		int_arg("grpc.http2.min_ping_interval_without_data_ms", 5000),
		int_arg("grpc.http2.min_recv_ping_interval_without_data_ms", 5000),
		int_arg("grpc.http2.max_pings_without_data", 0),
		int_arg("grpc.http2.bdp_probe", is_local ? 0 : 1),
	};
	grpc_channel_args all = { sizeof(args) / sizeof(args[0]), args };
	grpc_server *core = grpc_server_create(&all, NULL);

	grpc_server_register_completion_queue(core, engine_queue(), NULL);
	return core;
}

static void on_shut(struct engine_event *event, bool ok)
{
	(void)ok;
	release(((struct shutdown *)event)->server);
}

struct server *server_new(const struct server_options *options)
{
	struct server *server = calloc(1, sizeof(*server));
	struct request *r;
	int kind, i;

	if (!server)
		return NULL;
	server->options = *options;
	server->plain = grpc_insecure_server_credentials_create();
	engine_waiter_init(&server->done, false);
	for (kind = 0; kind < KINDS; kind++) {
		server->core[kind] = new_core(options->host, kind == 0);
		grpc_server_start(server->core[kind]);
		for (i = 0; i < ASKED; i++) {
			r = &server->requests[kind][i];
			r->event.done = on_request;
			r->server = server;
			r->core = server->core[kind];
			ask(r);
		}
	}
	return server;
}

void server_add(struct server *server, int fd, bool is_local)
{
	grpc_server_add_channel_from_fd(server->core[is_local ? 0 : 1], fd, server->plain);
}

void server_free(struct server *server)
{
	int kind;

	if (!server)
		return;
	atomic_store(&server->is_closing, true);
	atomic_fetch_add(&server->n_pending, KINDS);
	for (kind = 0; kind < KINDS; kind++) {
		server->shut[kind].event.done = on_shut;
		server->shut[kind].server = server;
		TSAN_RELEASE(&server->shut[kind].event);
		grpc_server_shutdown_and_notify(server->core[kind], engine_queue(),
						&server->shut[kind].event);
		grpc_server_cancel_all_calls(server->core[kind]);
	}
	engine_wait(&server->done, ENGINE_FOREVER);
	for (kind = 0; kind < KINDS; kind++)
		grpc_server_destroy(server->core[kind]);
	grpc_server_credentials_release(server->plain);
	engine_waiter_fini(&server->done);
	free(server);
}
