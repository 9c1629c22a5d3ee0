/* SPDX-License-Identifier: MIT */
#include "link/link_tunnel.h"

#include <pyrite/pyrite.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/config.h"
#include "base/same_user.h"
#include "engine/engine.h"
#include "link/link_dial.h"
#include "link/link_pump.h"
#include "link/link_shake.h"

/* Of the leader, once it has begun. */
struct tunnel {
	struct engine_source inner; /* tells that core has given it up */
	struct engine_source outer; /* fd -1: it is not connected yet */
	struct engine_hook begin;   /* there was an fd */
	bool is_new;                /* that hook is to come */
	bool is_left;               /* core has given it up before */
	bool is_heard;              /* connected() was told */
	const struct tunnel_events *events;
	void *owner;
	struct dial *dial; /* while it dials */
	struct tls_settings *settings;
	struct tls *tls;
	int fd; /* as it was given */
	char host[URI_HOST_MAX + 1];
	char address[128];
};

static void free_tunnel(struct tunnel *t)
{
	tls_free(t->tls);
	tls_settings_unref(t->settings);
	free(t);
}

/* Before bytes are pumped. */
static void give_up(struct tunnel *t, const struct link_end *end)
{
	if (t->outer.fd >= 0) {
		engine_source_remove(&t->outer);
		close(t->outer.fd);
	}
	engine_source_remove(&t->inner);
	t->events->ended(t->owner, end);
	close(t->inner.fd);
	free_tunnel(t);
}

static void fail(struct tunnel *t, int code, const char *why)
{
	struct link_failure failure;

	link_fail(&failure, t->address, code, why);
	give_up(t, &failure.end);
}

static void on_inner(struct engine_source *source, uint32_t events)
{
	struct tunnel *t = (struct tunnel *)((char *)source - offsetof(struct tunnel, inner));
	struct link_end end = { .text = "" };

	if (!(events & (EPOLLHUP | EPOLLERR)))
		return;
	t->is_left = true;
	if (t->is_new)
		return;
	dial_cancel(t->dial);
	give_up(t, &end);
}

static void on_heard(void *data, const struct tls *tls)
{
	struct tunnel *t = data;

	t->is_heard = true;
	t->events->connected(t->owner, tls ? tls_identity(tls) : NULL);
}

static void on_pumped(void *data, int code, const char *why)
{
	struct tunnel *t = data;
	struct link_failure failure = { .end.text = "" };

	if (code)
		link_fail(&failure, t->address, code, why);
	failure.end.was_connected = t->is_heard;
	t->events->ended(t->owner, &failure.end);
	free_tunnel(t);
}

static void run(struct tunnel *t)
{
	static const struct pump_events pump_events = { on_heard, on_pumped };
	struct tls *tls = t->tls;

	engine_source_remove(&t->inner);
	t->tls = NULL;
	if (pump_run(t->outer.fd, tls, t->inner.fd, &pump_events, t))
		return;
	t->tls = tls;
	fail(t, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

static void on_outer(struct engine_source *source, uint32_t events)
{
	struct tunnel *t = (struct tunnel *)((char *)source - offsetof(struct tunnel, outer));
	struct link_failure failure;

	if (link_shake(t->tls, TLS_ALPN_HTTP2, "gRPC", t->address, &events, &failure)) {
		engine_source_remove(&t->outer);
		run(t);
	} else if (events) {
		engine_source_set(&t->outer, events);
	} else {
		give_up(t, &failure.end);
	}
}

static void on_dialed(void *owner, int fd, const char *why)
{
	struct tunnel *t = owner;

	t->dial = NULL;
	if (fd < 0) {
		fail(t, PYR_UNAVAILABLE, why);
		return;
	}
	t->outer = (struct engine_source){ .fd = fd, .ready = on_outer };
	if (!t->settings) {
		run(t);
		return;
	}
	(void)tls_settings_refresh(t->settings, NULL);
	t->tls = tls_connect(t->settings, fd, t->host, t->address, TLS_ALPN_HTTP2);
	if (t->tls && engine_source_add(&t->outer, EPOLLIN | EPOLLOUT))
		return;
	close(fd);
	t->outer.fd = -1;
	fail(t, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

static void on_begin(struct engine_hook *hook)
{
	struct tunnel *t = (struct tunnel *)((char *)hook - offsetof(struct tunnel, begin));
	struct link_end end = { .text = "" };

	t->is_new = false;
	if (!t->is_left) {
		on_dialed(t, t->fd, "");
		return;
	}
	close(t->fd);
	give_up(t, &end);
}

/* Core's end is still ours: until it is given away there is nothing that the leader could hear of
 * the other. */
static bool begin(struct tunnel *t, const struct link_target *target)
{
	t->is_new = !target->uri;
	if (!engine_source_add(&t->inner, 0))
		return false;
	if (!target->uri) {
		engine_before_poll(&t->begin);
		return true;
	}
	if (dial_begin(&t->dial, target->uri, on_dialed, t))
		return true;
	engine_source_remove(&t->inner);
	return false;
}

bool link_tunnel_is_needed(const struct link_target *target)
{
	if (target->tls || config_number(CONFIG_GUARD_OWN))
		return true;
	return target->uri ? !same_user_server(target->uri) : !same_user_peer(target->fd);
}

int link_tunnel(const struct link_target *target, const struct tunnel_events *events, void *owner)
{
	struct tunnel *t = calloc(1, sizeof(*t));
	int ends[2] = { -1, -1 };

	if (t && pump_pair(ends)) {
		t->inner = (struct engine_source){ .fd = ends[0], .ready = on_inner };
		t->outer.fd = -1;
		t->begin.run = on_begin;
		t->events = events;
		t->owner = owner;
		t->fd = target->fd;
		t->settings = tls_settings_ref(target->tls);
		snprintf(t->host, sizeof(t->host), "%s", target->uri ? target->uri->host : "");
		snprintf(t->address, sizeof(t->address), "%s", target->address);
		if (begin(t, target))
			return ends[1];
		close(ends[0]);
		close(ends[1]);
		tls_settings_unref(t->settings);
	}
	if (!target->uri)
		close(target->fd);
	free(t);
	return -1;
}
