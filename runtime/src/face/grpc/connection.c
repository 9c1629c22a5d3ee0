/* SPDX-License-Identifier: MIT */
#include "face/grpc/connection.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/config.h"
#include "base/same_user.h"
#include "base/tsan.h"
#include "engine/core_api.h"
#include "link/link_pump.h"

enum {
	ASKED = 8,            /* calls asked for at a time */
	LINKS_MAX = 8,        /* a peer opens one */
	CORE_LINKS = 16 << 20 /* bytes that core may hold of a connection that has links alone */
};

struct request {
	struct engine_event event;
	struct served *served;
	grpc_call *call;
	grpc_call_details details;
	grpc_metadata_array metadata;
};

struct served {
	struct connection base;
	struct connection_owner *owner;
	struct door_peer who;
	grpc_server *core;
	grpc_resource_quota *quota;
	struct budget *budget;
	bool has_tls;    /* constant */
	bool has_plain;  /* leader: the quota is one for plain calls, if the pool had room */
	size_t reserved; /* leader: bytes of the pool that this took */
	struct request requests[ASKED];
	struct engine_event shut;
	atomic_int n_pending;  /* requests and the shutdown that core holds, who makes it */
	atomic_bool is_ending; /* core is asked for no more */
};

static struct served *of(struct connection *connection)
{
	return (struct served *)connection;
}

/* ---- its end ---- */

static void release(struct served *c)
{
	if (atomic_fetch_sub(&c->n_pending, 1) != 1)
		return;
	budget_pool_give(c->owner->pool, c->reserved);
	budget_unref(c->budget);
	c->owner->gone(c->owner, &c->base); /* out of the list: nobody else has it */
	grpc_server_destroy(c->core);
	grpc_resource_quota_unref(c->quota);
	engine_core_leave();
	free(c);
}

static void on_shut(struct engine_event *event, bool ok)
{
	(void)ok;
	release((struct served *)((char *)event - offsetof(struct served, shut)));
}

void connection_end(struct connection *connection)
{
	struct served *c = of(connection);

	if (atomic_exchange(&c->is_ending, true))
		return;
	atomic_fetch_add(&c->n_pending, 1);
	c->shut.done = on_shut;
	TSAN_RELEASE(&c->shut);
	grpc_server_shutdown_and_notify(c->core, engine_queue(), &c->shut);
}

void connection_cancel(struct connection *connection)
{
	grpc_server_cancel_all_calls(of(connection)->core);
}

/* ---- calls that come; in the leader ---- */

static bool ask(struct request *r)
{
	r->call = NULL;
	grpc_call_details_init(&r->details);
	grpc_metadata_array_init(&r->metadata);
	atomic_fetch_add(&r->served->n_pending, 1);
	TSAN_RELEASE(&r->event);
	if (grpc_server_request_call(r->served->core, &r->call, &r->details, &r->metadata,
				     engine_queue(), engine_queue(), &r->event) == GRPC_CALL_OK)
		return true;
	release(r->served);
	return false;
}

static void refuse(grpc_call *call, const char *why)
{
	grpc_call_cancel_with_status(call, GRPC_STATUS_RESOURCE_EXHAUSTED, why, NULL);
	grpc_call_unref(call);
}

static void open_link(struct served *c, grpc_call *call)
{
	const struct door_peer *who = &c->who;
	struct link *link;
	struct peer *peer;

	if (!budget_enter(c->budget, LINKS_MAX)) {
		refuse(call, "too many links on one connection");
		return;
	}
	link = link_grpc_accept(call, who->address, who->is_local);
	if (!link) {
		budget_leave(c->budget);
		refuse(call, "out of memory");
		return;
	}
	if (who->identity[0] && !(link->identity = strdup(who->identity))) {
		link_close(link, PYR_RESOURCE_EXHAUSTED, "out of memory");
		link_free(link); /* rather than to take it for nobody */
		budget_leave(c->budget);
		return;
	}
	link->is_unbound = c->has_tls;
	link->has_credentials = who->has_credentials;
	link->credentials = (struct pyr_credentials){ who->pid, who->uid, who->gid };
	peer = peer_accept(link, c->owner->options.host, c->budget);
	if (peer) /* which leaves when its link is gone */
		c->owner->options.opened(c->owner->options.data, peer);
	else
		budget_leave(c->budget);
}

/* Their messages may be large: core may hold two of them, if the daemon's connections do not hold
 * too much in all. */
static void allow_plain(struct served *c)
{
	size_t n = 2 * (size_t)c->owner->options.host->limits.max_message;

	c->has_plain = true;
	if (!budget_pool_take(c->owner->pool, n))
		return;
	c->reserved = n;
	grpc_resource_quota_resize(c->quota, CORE_LINKS + n);
}

static void take(struct served *c, struct request *r)
{
	if (grpc_slice_str_cmp(r->details.method, "/pyrite.Link/Open") == 0) {
		open_link(c, r->call);
		return;
	}
	if (!c->has_plain)
		allow_plain(c);
	plain_take(c->owner->options.plain, r->call, &r->details, &r->metadata, &c->who, c->budget);
}

static void on_request(struct engine_event *event, bool ok)
{
	struct request *r = (struct request *)event;
	struct served *c = r->served;

	if (ok) {
		budget_count_handed(c->budget);
		take(c, r);
	}
	grpc_call_details_destroy(&r->details);
	grpc_metadata_array_destroy(&r->metadata);
	if (ok && !atomic_load(&c->is_ending))
		ask(r);
	release(c);
}

/* ---- its beginning ---- */

static grpc_arg quota_arg(grpc_resource_quota *quota)
{
	grpc_arg arg = { .type = GRPC_ARG_POINTER, .key = (char *)"grpc.resource_quota" };

	arg.value.pointer.p = quota;
	arg.value.pointer.vtable = grpc_resource_quota_arg_vtable();
	return arg;
}

/* A Link message has up to 256 KiB whatever a call may have, which is the peer's to check; a larger
 * one would end the link with all its calls. */
static int receive_max(const struct peer_host *host)
{
	uint32_t max = host->limits.max_message;

	if (max > INT32_MAX)
		return INT32_MAX;
	return max < 1 << 20 ? 1 << 20 : (int)max;
}

static grpc_server *new_core(const struct served *c)
{
	int keepalive = (int)config_number(CONFIG_KEEPALIVE_MS);
	grpc_arg args[] = {
		quota_arg(c->quota),
		core_int_arg("grpc.enable_channelz", 0),
		core_int_arg("grpc.so_reuseport", 0),
		core_int_arg("grpc.compression_enabled_algorithms_bitset", 1),
		core_int_arg("grpc.per_message_decompression", 0),
		core_int_arg("grpc.max_receive_message_length",
			     receive_max(c->owner->options.host)),
		core_int_arg("grpc.max_send_message_length", -1),
		core_int_arg("grpc.max_concurrent_streams", 1000),
		core_int_arg("grpc.keepalive_time_ms", 6 * keepalive),
		core_int_arg("grpc.keepalive_timeout_ms", 2 * keepalive),
		/* a connection without a call takes a place, too */
		core_int_arg("grpc.keepalive_permit_without_calls", 1),
		core_int_arg("grpc.http2.min_ping_interval_without_data_ms", keepalive / 2),
		/* of a caller's, whose setting may be the least there is */
		core_int_arg("grpc.http2.min_recv_ping_interval_without_data_ms", 50),
		core_int_arg("grpc.http2.max_pings_without_data", 0),
		core_int_arg("grpc.http2.bdp_probe", c->who.is_local ? 0 : 1),
		core_int_arg("grpc.http2.lookahead_bytes", 2 * FRAME_MESSAGE_MAX),
		core_int_arg("grpc.http2.max_frame_size", FRAME_MESSAGE_MAX),
	};
	grpc_channel_args all = { sizeof(args) / sizeof(args[0]), args };
	grpc_server *core = grpc_server_create(&all, NULL);

	grpc_server_register_completion_queue(core, engine_queue(), NULL);
	return core;
}

/* Takes the fd, whose first bytes are yet to be read. */
static void add_channel(struct served *c, int fd)
{
	grpc_server_credentials *plain = grpc_insecure_server_credentials_create();

	grpc_server_add_channel_from_fd(c->core, fd, plain);
	grpc_server_credentials_release(plain);
}

static bool begin(struct served *c)
{
	if (!engine_core_enter())
		return false;
	c->quota = grpc_resource_quota_create("connection");
	grpc_resource_quota_resize(c->quota, CORE_LINKS);
	c->core = new_core(c);
	grpc_server_start(c->core);
	return true;
}

static struct served *new_served(struct connection_owner *owner, const struct door_peer *who,
				 bool has_tls)
{
	struct served *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->owner = owner;
	c->who = *who;
	c->has_tls = has_tls;
	c->base.id = who->id;
	c->budget = budget_new(owner->pool,
			       budget_of_connection(owner->options.host->limits.max_message));
	if (c->budget)
		return c;
	free(c);
	return NULL;
}

struct connection *connection_new(struct connection_owner *owner, int fd,
				  const struct door_peer *who, struct tls *tls)
{
	struct served *c = new_served(owner, who, tls);
	int i;

	/* Programs of the same user go straight to core, which saves a third of the cost of a call:
	 * whatever they can make core do, they can do to this process anyway. */
	if (tls || config_number(CONFIG_GUARD_OWN) || !who->is_local || !same_user_peer(fd))
		fd = pump_begin(fd, tls, c ? c->budget : NULL);
	if (!c || fd < 0 || !begin(c)) {
		if (c)
			budget_unref(c->budget);
		free(c);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	for (i = 0; i < ASKED; i++) {
		c->requests[i].event.done = on_request;
		c->requests[i].served = c;
	}
	c->n_pending = 1; /* until connection_begin() */
	add_channel(c, fd);
	return &c->base;
}

void connection_begin(struct connection *connection)
{
	struct served *c = of(connection);
	int i;

	for (i = 0; i < ASKED; i++)
		ask(&c->requests[i]);
	release(c);
}
