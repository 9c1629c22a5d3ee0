/* SPDX-License-Identifier: MIT */
/*
 * What a proxy says when it binds, and what it makes of the answer. A proxy with on_handshake binds
 * before its first call instead of with it: nothing is sent to a daemon that it may yet refuse.
 */
#include "proxy/proxy_greet.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "context/context.h"
#include "engine/engine.h"
#include "proxy/group.h"
#include "wire/annotation.h"

#define TOO_LARGE "a handshake has at most 16384 bytes"
#define IS_PLAIN  "a proxy that is PYR_PLAIN_ONLY has no session for a handshake"

/* ---- ways ---- */

static struct session_ways *new_ways(const pyr_proxy *proxy, struct span handshake)
{
	struct session_ways *ways = calloc(1, sizeof(*ways));
	struct span rest = span_of_buf(&proxy->annotations);
	struct frame_entry entry;

	if (!ways)
		return NULL;
	ways->refs = 1;
	buf_append(&ways->handshake, handshake.p, handshake.n);
	while (frame_repeated(&rest, ANNOTATIONS_OF_CALL, &entry) > 0)
		frame_put_annotation(&ways->annotations, ANNOTATIONS_OF_BIND, entry.name,
				     entry.bytes);
	if (!ways->handshake.broken && !ways->annotations.broken)
		return ways;
	session_ways_unref(ways);
	return NULL;
}

static const char *problem(const pyr_proxy *proxy, size_t n, bool is_asked)
{
	if (n > PYR_HANDSHAKE_MAX)
		return TOO_LARGE;
	return proxy->wish.plain == PYR_PLAIN_ONLY && (n > 0 || is_asked) ? IS_PLAIN : NULL;
}

const char *greet_options(pyr_proxy *proxy, const struct pyr_proxy_options *options, int *code)
{
	struct span handshake;
	const char *wrong;

	if (!(options->handshake.n > 0 || options->n_annotations > 0 || options->on_handshake ||
	      options->on_call || options->on_reply))
		return NULL;
	wrong = problem(proxy, options->handshake.n, options->on_handshake);
	if (wrong)
		return wrong;
	handshake = (struct span){ options->handshake.items, options->handshake.n };
	proxy->ways = new_ways(proxy, handshake);
	if (!proxy->ways) {
		*code = PYR_RESOURCE_EXHAUSTED;
		return "out of memory";
	}
	proxy->ways->on_handshake = options->on_handshake;
	proxy->ways->on_call = options->on_call;
	proxy->ways->on_reply = options->on_reply;
	proxy->ways->data = options->hook_data;
	return NULL;
}

int pyr_proxy_set_handshake(pyr_proxy *proxy, const void *handshake, size_t n)
{
	struct session_ways *ways, *before;
	const char *wrong;

	if (!proxy || (!handshake && n > 0))
		return proxy ? error_missing("handshake") : error_null("proxy");
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	wrong = problem(proxy, n, false);
	if (wrong)
		return error_set(PYR_INVALID_ARGUMENT, "%s: %s", proxy->uri->text, wrong);
	ways = new_ways(proxy, (struct span){ handshake, n });
	if (!ways)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	pthread_mutex_lock(&proxy->lock);
	before = proxy->ways;
	if (before) {
		ways->on_handshake = before->on_handshake;
		ways->on_call = before->on_call;
		ways->on_reply = before->on_reply;
		ways->data = before->data;
	}
	proxy->ways = session_ways_ref(ways);
	pthread_mutex_unlock(&proxy->lock);
	session_ways_unref(before);
	if (proxy->group)
		group_set_ways(proxy, ways);
	session_ways_unref(ways);
	return 0;
}

struct session_ways *greet_ways(pyr_proxy *proxy, struct link_wish *ret)
{
	const struct session_ways *ways = proxy->ways;

	*ret = proxy->wish;
	if (ways && (ways->handshake.n > 0 || ways->on_handshake))
		ret->plain = PYR_PLAIN_NEVER;
	return session_ways_ref(proxy->ways);
}

/* ---- binding ---- */

static int set_error(const struct session *session, int code, const char *text)
{
	struct error_info error = { .code = code, .message = text };

	error.object = session->object;
	error.address = session->peer->link->address;
	return error_set_info(&error);
}

int greet_bind(struct session *session, int64_t until)
{
	char text[512];
	int code = session_bind(session, outcall_chain(), until, text, sizeof(text));

	return code ? set_error(session, code, text) : 0;
}

/* The answer does not change any more. What the callback does to the thread's last error is not
 * seen. */
static int ask(const struct session *session)
{
	const struct session_ways *ways = session->ways;
	struct pyr_bytes answer = { session->answer.n,
				    session->answer.n ? session->answer.data : (uint8_t *)"" };
	pyr_error *kept = pyr_error_take();
	char why[256] = "", text[512];
	int code, err;

	context_set_reply(span_of_buf(&session->notes), ANNOTATIONS_OF_BIND);
	err = ways->on_handshake(&answer, why, sizeof(why), ways->data);
	context_clear_reply();
	error_restore(kept);
	if (err == 0)
		return 0;
	code = err < 0 && err >= -PYR_UNAUTHENTICATED ? -err : PYR_UNKNOWN;
	why[sizeof(why) - 1] = '\0';
	snprintf(text, sizeof(text), "connection to %s rejected: %s", session->peer->link->address,
		 why[0] ? why : "refused by on_handshake");
	return set_error(session, code, text);
}

/* A release finds it there, and ends the wait. Returns false if there was one meanwhile. */
static bool set_greeted(pyr_proxy *proxy, struct session *session, unsigned n_released)
{
	bool is_wanted;

	pthread_mutex_lock(&proxy->lock);
	is_wanted = proxy->n_released == n_released;
	proxy->greeted = is_wanted ? session : NULL;
	pthread_mutex_unlock(&proxy->lock);
	if (!is_wanted)
		proxy_was_released(proxy);
	return is_wanted;
}

bool greet(pyr_proxy *proxy, struct session *session, int64_t until, unsigned n_released)
{
	int64_t latest = engine_now() + (int64_t)proxy->wish.connect_timeout_ms * ENGINE_MS;
	int err;

	if (!session->ways || !session->ways->on_handshake)
		return true;
	if (!set_greeted(proxy, session, n_released))
		return false;
	err = greet_bind(session, until < latest ? until : latest);
	return set_greeted(proxy, NULL, n_released) && err == 0 && ask(session) == 0;
}
