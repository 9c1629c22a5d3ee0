/* SPDX-License-Identifier: MIT */
#include "proxy/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stack.h"
#include "face/grpc/link_plain_open.h"
#include "key/key.h"
#include "link/link_process.h"
#include "link/link_socket.h"
#include "protocol/protocol.h"
#include "reference/references.h"
#include "tls/tls.h"

enum { EXIT_MS = 200 };

static struct links {
	pthread_mutex_t lock; /* before a peer's */
	struct peer *first;
	struct peer *closing; /* without users, until their links are closed; counted */
	bool has_exit;        /* at_exit() is registered */
} links = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void close_idle(struct peer *peer);

static void link_in(struct peer **list, struct peer *peer)
{
	peer->shared.prev = NULL;
	peer->shared.next = *list;
	if (*list)
		(*list)->shared.prev = peer;
	*list = peer;
}

static void unlink_peer(struct peer **list, struct peer *peer)
{
	if (peer->shared.prev)
		peer->shared.prev->shared.next = peer->shared.next;
	else
		*list = peer->shared.next;
	if (peer->shared.next)
		peer->shared.next->shared.prev = peer->shared.prev;
}

/* It gets no more users. With the lock. */
static void retire(struct peer *peer)
{
	peer->shared.is_listed = false;
	unlink_peer(&links.first, peer);
	if (peer->shared.has_closed)
		return;
	peer_ref(peer);
	peer->shared.is_closing = true;
	link_in(&links.closing, peer);
}

/* In the leader. */
static void on_closed(struct peer_host *host, struct peer *peer)
{
	bool was_closing;

	(void)host;
	pthread_mutex_lock(&links.lock);
	was_closing = peer->shared.is_closing;
	if (was_closing)
		unlink_peer(&links.closing, peer);
	peer->shared.is_closing = false;
	peer->shared.has_closed = true;
	pthread_mutex_unlock(&links.lock);
	if (was_closing)
		peer_unref(peer);
}

static size_t count(const struct peer *peer)
{
	size_t n = 0;

	for (; peer; peer = peer->shared.next)
		n++;
	return n;
}

static size_t collect(struct peer **peers, size_t n, struct peer *peer)
{
	for (; peer; peer = peer->shared.next)
		peer_ref(peers[n++] = peer);
	return n;
}

/*
 * The process ends with links open, or about to close: what was queued still leaves, and the
 * daemons see an orderly end. Only if nobody holds the lock, and not for long: the threads that
 * could are not ours to wait for.
 */
static void close_all(void *unused)
{
	struct peer **peers;
	size_t n, i;
	int64_t until;

	(void)unused;
	if (engine_is_forked() || engine_leading() || pthread_mutex_trylock(&links.lock) != 0)
		return;
	n = count(links.first) + count(links.closing);
	peers = calloc(n, sizeof(struct peer *));
	if (peers)
		(void)collect(peers, collect(peers, 0, links.first), links.closing);
	pthread_mutex_unlock(&links.lock); /* who waits may lead, and look what is idle */
	until = engine_now() + EXIT_MS * (int64_t)ENGINE_MS;
	for (i = 0; peers && i < n; i++) {
		peer_close_wait(peers[i], until);
		peer_unref(peers[i]);
	}
	free(peers);
}

static void at_exit(void)
{
	stack_call(close_all, NULL); /* also when a task exits: the others run no more */
}

/* A peer that is in the list and has a user. */
static void add(struct peer *peer, bool is_own)
{
	if (!links.has_exit)
		engine_at_exit(at_exit);
	links.has_exit = true;
	peer->shared.is_own = is_own;
	link_in(&links.first, peer);
	peer->shared.n_users++;
	peer->shared.is_listed = true;
	atomic_store(&peer->shared.idle, close_idle);
}

/* A socket is used once: there is nothing to fall back to. */
static link_open *const *kinds_given(enum pyr_lane lane)
{
	static link_open *const grpc[] = { link_grpc_connect, NULL };
	static link_open *const socket[] = { link_socket_connect, NULL };

	return lane == PYR_LANE_GRPC ? grpc : socket;
}

/* The kinds of link that may do, the best first. is_here: a daemon of this process is there. */
static link_open *const *kinds_for(enum pyr_plain plain, enum pyr_lane lane, bool is_here)
{
	static link_open *const process[] = { link_process_connect, NULL };
	static link_open *const all[] = { link_socket_connect, link_grpc_connect,
					  link_plain_connect, NULL };
	static link_open *const frames[] = { link_socket_connect, link_grpc_connect, NULL };
	static link_open *const socket[] = { link_socket_connect, NULL };

	if (plain == PYR_PLAIN_ONLY)
		return all + 2;
	if (lane == PYR_LANE_PROCESS || (lane == PYR_LANE_AUTO && is_here))
		return process;
	if (lane == PYR_LANE_SOCKET)
		return socket;
	return (plain == PYR_PLAIN_NEVER ? frames : all) + (lane == PYR_LANE_GRPC);
}

/* What cannot be had of what is wished for, or NULL. */
static const char *contradiction(const struct link_wish *wish, enum pyr_plain plain)
{
	bool is_grpc = plain == PYR_PLAIN_ONLY || wish->lane == PYR_LANE_GRPC;

	if (plain == PYR_PLAIN_ONLY && wish->keys && !wish->tls)
		return "plain gRPC proves no shared key, and there is no TLS";
	if (plain != PYR_PLAIN_ONLY && is_grpc && wish->keys && wish->tls)
		return "gRPC's TLS cannot be bound to a shared key: use PYR_LANE_SOCKET";
	return NULL;
}

static link_open *const *kinds_of(const struct link_target *to, const struct link_wish *wish,
				  enum pyr_plain plain)
{
	enum pyr_lane lane = wish->lane;

	if (wish->keys && wish->tls && plain != PYR_PLAIN_ONLY)
		lane = to->is_here ? lane : PYR_LANE_SOCKET;
	if (wish->keys && plain != PYR_PLAIN_ONLY)
		plain = PYR_PLAIN_NEVER;
	return to->uri ? kinds_for(plain, lane, to->is_here) : kinds_given(lane);
}

/* Within the process there is nobody to prove anything to, and plain gRPC has TLS for that. */
static struct key_settings *keys_of(const struct link_target *to, const struct link_wish *wish,
				    enum pyr_plain plain)
{
	bool is_process = *to->kinds == link_process_connect;

	return is_process || plain == PYR_PLAIN_ONLY ? NULL : wish->keys;
}

static uint64_t visitor_of(const struct link_wish *wish)
{
	return wish->visitor ? wish->visitor->number : 0;
}

static void close_given(const struct link_target *to)
{
	if (!to->uri)
		close(to->fd);
}

/* Takes a descriptor in to, also on failure. */
static struct peer *connect_link(const struct link_target *to, enum pyr_plain plain,
				 const struct link_wish *wish, struct uri_problem *problem)
{
	const char *why = contradiction(wish, plain);
	struct peer_host *host = protocol_here();
	struct link_target target = *to;
	struct peer *peer = NULL;

	if (why) {
		problem->code = PYR_FAILED_PRECONDITION;
		snprintf(problem->text, sizeof(problem->text), "SecurityError: %.100s: %s",
			 to->address, why);
		close_given(to);
		return NULL;
	}
	target.tls = wish->tls;
	target.visitor = wish->visitor;
	target.kinds = kinds_of(to, wish, plain);
	target.may_be_pyro = !wish->keys && !wish->tls && plain != PYR_PLAIN_NEVER;
	if (host)
		atomic_store(&host->closed, on_closed);
	else
		close_given(to);
	if (host)
		peer = peer_connect(&target, host, keys_of(&target, wish, plain),
				    wish->connect_timeout_ms);
	if (peer) {
		peer->shared.plain = plain;
		peer->shared.lane = wish->lane;
		peer->shared.visitor = visitor_of(wish);
		peer->shared.tls = tls_settings_ref(wish->tls);
		if (!peer->shared.keys)
			peer->shared.keys = key_settings_ref(wish->keys);
	}
	if (peer)
		peer->shared.key = strdup(to->address);
	if (peer && peer->shared.key)
		return peer;
	why = peer ? NULL : engine_core_why();
	problem->code = why ? PYR_UNAVAILABLE : PYR_RESOURCE_EXHAUSTED;
	snprintf(problem->text, sizeof(problem->text), "%s", why ? why : "out of memory");
	if (peer) {
		peer_close(peer, PYR_RESOURCE_EXHAUSTED, "out of memory");
		peer_unref(peer);
	}
	return NULL;
}

static struct peer *connect_to(const pyr_uri *uri, const char *address,
			       const struct link_wish *wish, struct uri_problem *problem)
{
	char target[URI_TARGET_MAX];
	struct link_target to = { .uri = uri, .target = target, .address = address };

	to.is_local = uri_is_local(uri->address);
	to.is_here = link_place_is_here(address);
	if (uri_target(uri, 0, target, sizeof(target)) < 0) {
		problem->code = PYR_INVALID_ARGUMENT;
		snprintf(problem->text, sizeof(problem->text),
			 "%.200s has no address to connect to", uri->text);
		return NULL;
	}
	return connect_link(&to, wish->plain, wish, problem);
}

/* What it turned out to be is what is wished for, whatever was wished when it was made. */
static bool goes(struct peer *peer, enum pyr_plain plain)
{
	return peer->shared.plain == plain ||
	       (plain != PYR_PLAIN_ONLY && peer->shared.plain != PYR_PLAIN_ONLY &&
		peer_has_sessions(peer));
}

/* One that a proxy which wishes so may use, and for which fits() is true; or NULL. With links.lock.
 */
static struct peer *find_shared(const char *address, const struct link_wish *wish,
				bool (*fits)(struct peer *))
{
	struct peer *peer;

	for (peer = links.first; peer; peer = peer->shared.next)
		if (!peer->shared.is_own && peer->shared.visitor == visitor_of(wish) &&
		    strcmp(peer->shared.key, address) == 0 && peer->shared.lane == wish->lane &&
		    peer->shared.tls == wish->tls && peer->shared.keys == wish->keys &&
		    goes(peer, wish->plain) && fits(peer))
			break;
	return peer;
}

/* A visitor who is gone uses no link of his any more, though others of his proxies may still be
 * about to leave it. */
static struct peer *find(const char *address, const struct link_wish *wish)
{
	struct peer *peer = NULL;

	if (wish->is_own || (wish->visitor && !atomic_load(&wish->visitor->place)))
		return NULL;
	if (wish->in_chain)
		peer = find_shared(address, wish, peer_takes_chains);
	return peer ? peer : find_shared(address, wish, peer_is_usable);
}

/* Its link, made now if there is none yet. With links.lock. */
static struct peer *get_given(const struct link_wish *wish, struct uri_problem *problem)
{
	struct given_socket *given = wish->given;
	struct link_target to = { .target = given->address, .address = given->address };

	to.is_local = given->is_local;
	to.fd = given->fd;
	if (to.fd > 0) {
		given->fd = 0;
		given->peer = connect_link(&to, PYR_PLAIN_NEVER, wish, problem);
		if (given->peer)
			add(given->peer, true);
	}
	if (given->peer &&
	    (peer_is_usable(given->peer) || (wish->in_chain && peer_takes_chains(given->peer)))) {
		given->peer->shared.n_users++;
		return given->peer;
	}
	problem->code = PYR_UNAVAILABLE;
	snprintf(problem->text, sizeof(problem->text),
		 "ConnectionClosed: %s: the socket that the proxy was given is closed, and cannot "
		 "be connected again",
		 given->address);
	return NULL;
}

/* What the wish, or PYRITE_KEYS, says of TLS: *ret is counted, NULL for none. */
static bool tls_for(const struct link_wish *wish, bool is_tcp, struct tls_settings **ret,
		    struct uri_problem *problem)
{
	static const struct pyr_tls_options standard;
	struct tls_problem tls;

	*ret = NULL;
	if (wish->tls && (is_tcp || !wish->only_tcp))
		*ret = tls_settings_ref(wish->tls);
	if (wish->tls || wish->visitor || !is_tcp || !tls_settings_is_default())
		return true;
	*ret = tls_settings_share(&standard, &tls);
	if (*ret)
		return true;
	problem->code = tls.code;
	snprintf(problem->text, sizeof(problem->text), "SecurityError: TLS: %.200s", tls.text);
	return false;
}

/* The same of a key. */
static bool keys_for(const struct link_wish *wish, bool is_tcp, struct key_settings **ret,
		     struct uri_problem *problem)
{
	struct key_problem key;

	*ret = NULL;
	if (wish->keys && (is_tcp || !key_settings_is_environments(wish->keys)))
		*ret = key_settings_ref(wish->keys);
	if (wish->keys || wish->has_no_key || wish->visitor || !is_tcp ||
	    !key_settings_is_default())
		return true;
	*ret = key_settings_share(NULL, &key);
	if (*ret)
		return true;
	problem->code = key.code;
	snprintf(problem->text, sizeof(problem->text), "SecurityError: shared key: %.200s",
		 key.text);
	return false;
}

struct peer *links_get(const pyr_uri *uri, const struct link_wish *wish,
		       struct uri_problem *problem)
{
	char address[URI_TARGET_MAX];
	struct link_wish whole = *wish;
	struct peer *peer;

	if (wish->given) {
		pthread_mutex_lock(&links.lock);
		peer = get_given(wish, problem);
		pthread_mutex_unlock(&links.lock);
		return peer;
	}
	if (uri_address(uri, 0, address, sizeof(address)) < 0)
		snprintf(address, sizeof(address), "%.200s", uri->text);
	if (!tls_for(wish, !uri->socket[0], &whole.tls, problem))
		return NULL;
	if (!keys_for(wish, !uri->socket[0], &whole.keys, problem)) {
		tls_settings_unref(whole.tls);
		return NULL;
	}
	pthread_mutex_lock(&links.lock);
	peer = find(address, &whole);
	if (peer)
		peer->shared.n_users++;
	else if ((peer = connect_to(uri, address, &whole, problem)))
		add(peer, wish->is_own);
	pthread_mutex_unlock(&links.lock);
	tls_settings_unref(whole.tls);
	key_settings_unref(whole.keys);
	return peer;
}

bool links_share(struct peer *peer)
{
	bool is_used;

	if (peer->side == PEER_ACCEPTED) /* a daemon's: it closes it */
		return !peer_is_over(peer);
	pthread_mutex_lock(&links.lock);
	is_used = peer->shared.is_listed && !peer_is_over(peer);
	peer->shared.n_users += is_used;
	pthread_mutex_unlock(&links.lock);
	return is_used;
}

/* It has no users, but there are objects that are called over it. */
static bool is_kept(struct peer *peer)
{
	return !peer_is_over(peer) && references_any(peer);
}

static bool put(struct peer *peer)
{
	bool last;

	pthread_mutex_lock(&links.lock);
	last = peer->shared.is_listed && --peer->shared.n_users == 0 && !is_kept(peer);
	if (last)
		retire(peer);
	pthread_mutex_unlock(&links.lock);
	return last;
}

void links_put(struct peer *peer)
{
	if (!put(peer))
		return;
	peer_close(peer, 0, "");
	peer_unref(peer);
}

/* The last of what it was kept for may be gone. */
static void close_idle(struct peer *peer)
{
	bool ends;

	pthread_mutex_lock(&links.lock);
	ends = peer->shared.is_listed && peer->shared.n_users == 0 && !is_kept(peer);
	if (ends)
		retire(peer);
	pthread_mutex_unlock(&links.lock);
	if (!ends)
		return;
	peer_leave(peer);
	peer_unref(peer);
}

void links_leave(struct peer *peer)
{
	if (!put(peer))
		return;
	peer_leave(peer);
	peer_unref(peer);
}
