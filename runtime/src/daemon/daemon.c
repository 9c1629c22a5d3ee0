/* SPDX-License-Identifier: MIT */
/*
 * A daemon: objects, a door, core servers, links' peers, method threads, and how all of it comes to
 * an end.
 */
#include "daemon/daemon_own.h"

#include <pyrite/gen.h>

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/budget.h"
#include "base/config.h"
#include "base/error.h"
#include "base/signals.h"
#include "base/stack.h"
#include "base/uri.h"
#include "daemon/daemon.h"
#include "daemon/daemon_inspect.h"
#include "door/door.h"
#include "engine/engine.h"
#include "exec/exec.h"
#include "face/grpc/plain.h"
#include "face/grpc/server.h"
#include "key/key.h"
#include "peer/peer.h"
#include "protocol/protocol.h"
#include "serve/peer_linger.h"
#include "tls/tls.h"
#include "wire/annotation.h"

struct executor *daemon_executor(pyr_daemon *daemon)
{
	return daemon->executor;
}

/* ---- links come and go; in the leader ---- */

void daemon_opened(void *data, struct peer *peer)
{
	struct pyr_daemon *d = data;

	pthread_mutex_lock(&d->lock);
	peer->served.prev = NULL;
	peer->served.next = d->peers;
	if (d->peers)
		d->peers->served.prev = peer;
	d->peers = peer;
	pthread_mutex_unlock(&d->lock);
	if (atomic_load(&d->host.stage) == HOST_SERVES)
		return;
	daemon_say_goaway(peer); /* too late to be told with the others */
	peer_flush(peer);
}

static void on_closed(struct peer_host *host, struct peer *peer)
{
	struct pyr_daemon *d = (struct pyr_daemon *)((char *)host - offsetof(pyr_daemon, host));

	pthread_mutex_lock(&d->lock);
	if (peer->served.prev)
		peer->served.prev->served.next = peer->served.next;
	else
		d->peers = peer->served.next;
	if (peer->served.next)
		peer->served.next->served.prev = peer->served.prev;
	engine_wake(&d->progress); /* with the lock: without it who waits for this may free d */
	pthread_mutex_unlock(&d->lock);
	peer_unref(peer);
}

static void on_progress(struct peer_host *host)
{
	struct pyr_daemon *d = (struct pyr_daemon *)((char *)host - offsetof(pyr_daemon, host));

	engine_wake(&d->progress);
}

static void on_plain_progress(void *data)
{
	pyr_daemon *d = data;

	engine_wake(&d->progress);
}

static void on_idle(void *data)
{
	pyr_daemon *d = data;

	if (atomic_load(&d->host.stage) != HOST_SERVES)
		engine_wake(&d->progress);
}

static void on_accepted(void *data, int fd, enum door_protocol speaks, const struct door_peer *peer,
			struct tls *tls)
{
	struct pyr_daemon *d = data;

	/* Somebody may have waited for the port: until all is there. */
	pthread_mutex_lock(&d->opening);
	pthread_mutex_unlock(&d->opening);
	if (speaks == DOOR_FRAMES)
		daemon_admit(d, fd, peer, tls);
	else if (speaks == DOOR_HTTP2)
		server_add(d->server, fd, peer, tls);
	else
		daemon_faces_take(d, fd, speaks, peer, tls);
}

/* ---- making ---- */

static unsigned default_threads(void)
{
	unsigned n = config_number(CONFIG_THREADS);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (n == 0)
		n = cores > 4 ? (unsigned)cores : 4;
	return n;
}

/* What a daemon is made of; what listens is taken by its door. */
struct making {
	const struct pyr_daemon_options *options;
	const int *fd; /* it listens already; NULL: by address */
	pyr_daemon *daemon;
};

static bool open_door(struct pyr_daemon *d, struct making *m)
{
	const struct pyr_daemon_options *o = m->options;
	struct door_options door = { .accepted = on_accepted, .data = d };
	struct door_problem problem;
	struct door *opened;
	int status = 0;

	door.host = o->host ? o->host : config_text(CONFIG_HOST);
	door.port = o->port ? o->port : (uint16_t)config_number(CONFIG_PORT);
	door.socket = o->socket;
	door.is_given = m->fd;
	door.fd = m->fd ? *m->fd : -1;
	m->fd = NULL;
	door.insecure = o->insecure == PYR_YES;
	door.tls = d->host.tls = d->tls;
	door.has_key = (d->host.keys = d->keys);
	door.audit = d->audit;
	key_settings_set_audit(d->keys, d->audit);
	door.max_links = config_or(o->max_links, CONFIG_MAX_LINKS);
	door.others = daemon_faces_protocols(d);
	opened = door_open(&door, &problem);
	if (opened) {
		status = daemon_set_address(d, o, opened);
		atomic_store(&d->door, opened);
	}
	if (!opened)
		error_constructor(problem.code, "DaemonError: %s", problem.text);
	return opened && status == 0;
}

/* From where its connections come. */
static bool open_ways(struct pyr_daemon *d, struct making *m)
{
	bool is_open;

	pthread_mutex_lock(&d->opening);
	is_open = open_door(d, m);
	if (is_open) {
		d->place =
			(struct link_place){ .address = d->host.address, .arrive = daemon_arrive };
		link_place_offer(&d->place);
	}
	pthread_mutex_unlock(&d->opening);
	return is_open;
}

static bool keep_annotations(struct pyr_daemon *d, const struct pyr_daemon_options *o)
{
	struct buf all = { 0 };
	const char *problem;
	struct span body;
	size_t i;

	for (i = 0; i < o->n_annotations; i++)
		annotation_put(&all, ANNOTATIONS_OF_REPLY, &o->annotations[i]);
	body = (struct span){ all.data, all.n };
	problem = all.broken ? "out of memory" : annotations_problem(body, ANNOTATIONS_OF_REPLY);
	if (problem)
		error_constructor(all.broken ? PYR_RESOURCE_EXHAUSTED : PYR_INVALID_ARGUMENT,
				  "DaemonError: %s", problem);
	else
		d->host.n_annotations = annotations_read(body, ANNOTATIONS_OF_REPLY, &d->kept,
							 &d->host.annotations);
	buf_free(&all);
	return !problem;
}

/* Streams outlive their links, unless that is switched off. */
static bool keep_streams(struct pyr_daemon *d, const struct pyr_daemon_options *o)
{
	uint32_t ms = config_or_none(o->stream_linger_ms, CONFIG_STREAM_LINGER_MS);

	if (ms == 0)
		return true;
	d->host.limits.stream_linger_ms = ms;
	d->host.lingering = lingering_new(ms);
	return d->host.lingering != NULL;
}

/* What all connections together may make it hold: half of the machine's memory, but two of them as
 * much as they may. */
static size_t max_held(size_t max_message)
{
	size_t half = (size_t)sysconf(_SC_PHYS_PAGES) / 2 * (size_t)sysconf(_SC_PAGESIZE);
	size_t two = 2 * budget_of_connection(max_message);

	return half > two ? half : two;
}

static bool build(struct pyr_daemon *d, const struct pyr_daemon_options *o)
{
	struct server_options server = { .host = &d->host, .door = &d->door, .data = d };
	struct plain_options plain = { .objects = &d->objects };

	d->executor = exec_new(o->threads ? o->threads : default_threads());
	d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->objects.hooks = (struct object_hooks){
		.on_error = o->on_call_error,
		.on_connect = o->on_connect,
		.on_disconnect = o->on_disconnect,
		.on_answer = o->on_answer,
		.data = o->hook_data,
	};
	if (d->executor)
		exec_on_idle(d->executor, on_idle, d);
	d->host.traces = o->traces;
	d->host.handlers = &protocol;
	d->host.objects = &d->objects;
	d->host.executor = d->executor;
	d->host.limits.max_calls = config_or(o->max_calls, CONFIG_MAX_CALLS);
	d->host.limits.max_references = config_or(o->max_references, CONFIG_MAX_REFERENCES);
	d->host.limits.max_message = config_or(o->max_message, CONFIG_MAX_MESSAGE);
	d->host.stream_lifetime_ms =
		config_or_none(o->stream_lifetime_ms, CONFIG_STREAM_LIFETIME_MS);
	d->host.closed = on_closed;
	d->host.progress = on_progress;
	plain.executor = d->executor;
	plain.max_message = d->host.limits.max_message;
	plain.stream_lifetime_ms = d->host.stream_lifetime_ms;
	plain.max_calls = d->host.limits.max_calls;
	plain.address = "this daemon";
	plain.progress = on_plain_progress;
	plain.data = d;
	plain.is_guarded = o->on_connect;
	plain.rules = d->rules;
	plain.faces = d->face_host.faces;
	plain.has_key = d->keys;
	plain.audit = d->audit;
	server.opened = daemon_opened;
	server.max_held = max_held(d->host.limits.max_message);
	if (keep_streams(d, o) && d->executor && d->stop_fd >= 0)
		server.plain = d->plain = plain_face_new(&plain);
	if (d->plain)
		d->server = server_new(&server);
	return d->server != NULL;
}

static pyr_daemon *new_daemon(struct making *m)
{
	const struct pyr_daemon_options *o = m->options;
	pyr_daemon *d;
	int err = engine_start();

	if (err < 0)
		return error_constructor(-err, "%s",
					 err == -PYR_FAILED_PRECONDITION
						 ? ENGINE_FORKED_TEXT
						 : "the runtime cannot be started");
	d = calloc(1, sizeof(*d));
	if (!d || objects_init(&d->objects) < 0) {
		free(d);
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->opening, NULL);
	pthread_cond_init(&d->ended, NULL);
	engine_waiter_init(&d->progress, false);
	d->signals = o->signals != PYR_NO;
	d->threads = o->threads;
	daemon_inspect_offer(d, o->inspect);
	atomic_init(&d->drain_ms, config_or_none(o->drain_ms, CONFIG_DRAIN_MS));
	d->stop_fd = -1;
	arena_init(&d->kept, NULL, 0);
	if (!daemon_audit(d, o) || !daemon_rules(d, o) || !daemon_faces(d, o) ||
	    !daemon_keys(o, m->fd ? *m->fd : -1, &d->keys)) {
		pyr_error *why = pyr_error_take();

		pyr_daemon_free(d);
		error_restore(why);
		return error_from_constructor();
	}
	if (!build(d, o) || !daemon_services(d)) {
		pyr_daemon_free(d);
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	if (!keep_annotations(d, o) || !daemon_tls(o, m->fd ? *m->fd : -1, &d->tls) ||
	    !open_ways(d, m)) {
		pyr_error *why = pyr_error_take();

		pyr_daemon_free(d);
		error_restore(why);
		return error_from_constructor();
	}
	daemon_tell_of_key(d);
	d->here.address = d->host.address;
	naming_here_add(&d->here);
	if (d->signals)
		(void)signals_expect(d->stop_fd); /* else they come with the run */
	return d;
}

static void make_daemon(void *arg)
{
	struct making *m = arg;

	m->daemon = new_daemon(m);
}

pyr_daemon *pyr__daemon_new(const struct pyr_daemon_options *options, size_t size)
{
	struct pyr_daemon_options own;
	struct making m = { .options = &own };
	int fd;

	if (abi_options(&own, sizeof(own), options, size, "pyr_daemon_options") < 0)
		return error_from_constructor();
	fd = daemon_handed_over();
	if (fd >= 0) {
		own.host = own.socket = NULL;
		own.port = 0;
		m.fd = &fd;
	}
	stack_call(make_daemon, &m); /* core's servers need more room than a task has */
	if (m.fd && fd >= 0)
		close(fd); /* no door has taken it */
	return m.daemon;
}

pyr_daemon *pyr__daemon_listen_fd(int fd, const struct pyr_daemon_options *options, size_t size)
{
	struct pyr_daemon_options own;
	struct making m = { .options = &own, .fd = &fd };

	if (abi_options(&own, sizeof(own), options, size, "pyr_daemon_options") < 0)
		error_from_constructor();
	else if (own.host || own.port || own.socket)
		error_constructor(PYR_INVALID_ARGUMENT,
				  "DaemonError: descriptor %d has its address: host, port and "
				  "socket are for daemons that make their own",
				  fd);
	else
		stack_call(make_daemon, &m);
	if (m.fd && fd >= 0)
		close(fd); /* no door has taken it */
	return m.daemon;
}

/* ---- the end ---- */

static void free_daemon(void *arg)
{
	pyr_daemon *daemon = arg;

	pthread_mutex_lock(&daemon->lock);
	if (daemon->is_running) {
		atomic_store(&daemon->drain_ms, 0);
		pyr_daemon_stop(daemon);
	}
	while (daemon->is_running)
		pthread_cond_wait(&daemon->ended, &daemon->lock);
	pthread_mutex_unlock(&daemon->lock);
	daemon_loop_free(daemon);
	if (daemon->door) {
		naming_here_close(&daemon->here); /* of one that did not run */
		naming_here_remove(&daemon->here);
		door_close(daemon->door);
		link_place_withdraw(&daemon->place);
		daemon_wait_newcomers(daemon, ENGINE_FOREVER);
	}
	if (daemon->stop_fd >= 0)
		signals_forget(daemon->stop_fd); /* of one that did not run */
	lingering_close(daemon->host.lingering);
	daemon_faces_stop(daemon);
	daemon_services_stop(daemon);
	daemon_cut_links(daemon);
	daemon_faces_free(daemon);
	server_free(daemon->server);
	plain_face_free(daemon->plain); /* after those who hand it calls */
	daemon_wait_closed(daemon, ENGINE_FOREVER);
	lingering_free(daemon->host.lingering);
	idset_free(&daemon->host.in_flight);
	objects_close(&daemon->objects); /* their data end as the last jobs of the executor */
	exec_free(daemon->executor);
	objects_free(&daemon->objects);
	daemon_services_free(daemon);
	door_free(daemon->door);
	tls_settings_unref(daemon->tls);
	key_settings_unref(daemon->keys);
	daemon_rules_free(daemon);
	daemon_audit_free(daemon);
	if (daemon->stop_fd >= 0)
		close(daemon->stop_fd);
	arena_clear(&daemon->kept);
	engine_waiter_fini(&daemon->progress);
	pthread_cond_destroy(&daemon->ended);
	pthread_mutex_destroy(&daemon->lock);
	pthread_mutex_destroy(&daemon->opening);
	free(daemon);
}

void pyr_daemon_free(pyr_daemon *daemon)
{
	if (daemon && !engine_is_forked())
		stack_call(free_daemon, daemon);
}

int pyr_daemon_serve_fd(pyr_daemon *daemon, int fd)
{
	int status;

	if (fd < 0 || !daemon || !door_prepare(fd)) {
		if (fd >= 0)
			close(fd);
		return daemon ? error_set(PYR_INVALID_ARGUMENT,
					  "DaemonError: descriptor %d is not a connected stream "
					  "socket",
					  fd)
			      : error_null("daemon");
	}
	status = door_take(daemon->door, fd);
	if (status == 0)
		return 0;
	if (status == -PYR_RESOURCE_EXHAUSTED)
		return error_set(PYR_RESOURCE_EXHAUSTED, "DaemonError: out of memory");
	return error_set(PYR_FAILED_PRECONDITION, "DaemonError: the daemon at %s was stopped",
			 daemon->host.address);
}
