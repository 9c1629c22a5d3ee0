/* SPDX-License-Identifier: MIT */
/*
 * How a daemon that was told to stop comes to rest. Calls of the chains that are in flight by then
 * are still taken, else a call that waits for one of them would never end; which chains these are
 * is looked up in the leader, where no frame is read meanwhile. In the keeper, but for that.
 */
#include "daemon/daemon_own.h"

#include "base/log.h"
#include "exec/exec.h"
#include "face/grpc/plain.h"
#include "serve/peer_in.h"
#include "serve/peer_linger.h"

enum {
	LEAVE_MS = 250, /* for callers to hear of the Goaway: one that idles looks every 100 ms */
	CLOSE_MS = 500  /* for the last bytes of drained links */
};

static void each_peer(struct pyr_daemon *d, void (*fn)(struct peer *))
{
	struct peer *peer;

	pthread_mutex_lock(&d->lock);
	for (peer = d->peers; peer; peer = peer->served.next)
		fn(peer);
	pthread_mutex_unlock(&d->lock);
}

void daemon_say_goaway(struct peer *peer)
{
	peer_goaway(peer, "the daemon is stopping");
}

/* ---- which chains are in flight ---- */

struct beginning {
	struct engine_hook hook;
	struct engine_waiter done;
	struct pyr_daemon *daemon;
	bool is_whole; /* memory sufficed for all chains */
};

static void see(void *data, const uint8_t chain[16])
{
	struct beginning *b = data;

	if (!idset_add(&b->daemon->host.in_flight, chain))
		b->is_whole = false;
}

/* In the leader: what comes after it is measured by what it has found, and whoever is refused knows
 * why, as the Goaway goes first. */
static void begin(struct engine_hook *hook)
{
	struct beginning *b = (struct beginning *)((char *)hook - offsetof(struct beginning, hook));
	struct pyr_daemon *d = b->daemon;
	struct peer *peer;

	exec_close_guests(d->executor);
	plain_face_drain(d->plain);
	daemon_services_stop(d);
	plain_face_see_chains(d->plain, see, b);
	exec_see_keepers(d->executor, see, b);
	pthread_mutex_lock(&d->lock);
	for (peer = d->peers; peer; peer = peer->served.next)
		peer_see_chains(peer, see, b);
	pthread_mutex_unlock(&d->lock);
	idset_seal(&d->host.in_flight);
	atomic_store(&d->host.stage, d->host.in_flight.n > 0 ? HOST_FINISHES : HOST_LEAVES);
	each_peer(d, daemon_say_goaway);
	engine_wake(&b->done);
}

static void begin_in_leader(struct pyr_daemon *d)
{
	struct beginning b = { .hook.run = begin, .daemon = d, .is_whole = true };

	engine_waiter_init(&b.done, false);
	engine_before_poll(&b.hook);
	engine_wait(&b.done, ENGINE_FOREVER);
	engine_waiter_fini(&b.done);
	if (!b.is_whole)
		log_line(PYR_LOG_WARNING,
			 "the daemon at %s stops, and has no memory for calls that come back",
			 d->host.address);
}

/* ---- until nothing is left ---- */

static void close_peer(struct peer *peer)
{
	peer_close(peer, 0, "");
}

static void cut_peer(struct peer *peer)
{
	peer_close(peer, PYR_UNAVAILABLE, "the daemon has stopped");
}

void daemon_cut_links(struct pyr_daemon *d)
{
	each_peer(d, cut_peer);
}

static bool is_quiet(struct pyr_daemon *d)
{
	struct peer *peer;
	bool quiet = exec_load(d->executor) == 0 && plain_face_load(d->plain) == 0;

	pthread_mutex_lock(&d->lock);
	for (peer = d->peers; peer && quiet; peer = peer->served.next)
		quiet = peer_is_quiet(peer);
	pthread_mutex_unlock(&d->lock);
	return quiet;
}

static bool has_no_peers(struct pyr_daemon *d)
{
	bool none;

	pthread_mutex_lock(&d->lock);
	none = !d->peers;
	pthread_mutex_unlock(&d->lock);
	return none;
}

static bool has_no_newcomers(struct pyr_daemon *d)
{
	bool none;

	pthread_mutex_lock(&d->lock);
	none = d->n_arriving == 0;
	pthread_mutex_unlock(&d->lock);
	return none;
}

static void wait_until(struct pyr_daemon *d, bool (*done)(struct pyr_daemon *), int64_t until)
{
	for (;;) {
		atomic_store(&d->progress.ready, false);
		if (done(d) || engine_now() >= until)
			return;
		engine_wait(&d->progress, until);
	}
}

void daemon_wait_newcomers(struct pyr_daemon *d, int64_t until)
{
	wait_until(d, has_no_newcomers, until);
}

void daemon_wait_closed(struct pyr_daemon *d, int64_t until)
{
	wait_until(d, has_no_peers, until);
}

/*
 * Until nothing runs. A chain is in flight as long as one of its calls is, so that it is through
 * once all is quiet: then none of it is taken any more, but one may have come just before.
 */
static void finish_calls(struct pyr_daemon *d, int64_t until)
{
	wait_until(d, is_quiet, until);
	if (atomic_load(&d->host.stage) == HOST_LEAVES)
		return;
	atomic_store(&d->host.stage, HOST_LEAVES);
	each_peer(d, daemon_say_goaway);
	each_peer(d, peer_flush);
	wait_until(d, is_quiet, until);
}

/* Names go first, so that nobody new is sent here; running calls have drain_ms; then callers leave
 * (what they call meanwhile is turned away, and so not lost), and the links of those that do not
 * close. */
void daemon_drain(struct pyr_daemon *d)
{
	int64_t until = engine_now() + (int64_t)atomic_load(&d->drain_ms) * ENGINE_MS;
	int64_t leave;

	naming_here_close(&d->here);
	door_close(d->door);
	daemon_faces_stop(d);
	link_place_withdraw(&d->place);
	daemon_wait_newcomers(d, until);
	begin_in_leader(d);
	lingering_close(d->host.lingering); /* nobody can come for them */
	each_peer(d, peer_flush);
	finish_calls(d, until);
	leave = engine_now() + LEAVE_MS * (int64_t)ENGINE_MS;
	daemon_wait_closed(d, leave < until ? leave : until);
	each_peer(d, close_peer);
	daemon_wait_closed(d, engine_now() + CLOSE_MS * (int64_t)ENGINE_MS);
}
