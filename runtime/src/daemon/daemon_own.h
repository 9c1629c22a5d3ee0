/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DAEMON_OWN_H
#define PYRITE_DAEMON_OWN_H
/* The daemon from the inside, for the files daemon*.c. */
#include <pyrite/pyrite.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/uri.h"
#include "door/door.h"
#include "engine/engine.h"
#include "face/face.h"
#include "link/link_process.h"
#include "naming/naming_here.h"
#include "object/object.h"
#include "peer/peer.h"

enum { DAEMON_FACES = 2 };

struct pyr_daemon {
	struct object_table objects;
	struct executor *executor;
	struct peer_host host;
	struct arena kept;         /* what host has copied of the options */
	struct audit *audit;       /* NULL: none */
	struct tls_settings *tls;  /* its own; NULL: none */
	struct key_settings *keys; /* the same */
	struct rules *rules;       /* NULL: none */
	struct rules_watch *watch; /* of their file; NULL: none */
	struct door *_Atomic door; /* written last of what a connection needs */
	struct server *server;
	struct plain_face *plain;
	char address[URI_HOST_MAX + 16]; /* as its URIs give it */
	int stop_fd;                     /* an eventfd: somebody wants it to stop */
	atomic_uint_fast32_t drain_ms;   /* pyr_daemon_free() has no time for it */
	bool signals;
	enum pyr_switch inspect;       /* constant: who may see the objects */
	int64_t started_ms;            /* constant: of CLOCK_REALTIME */
	pthread_mutex_t lock;          /* before a peer's */
	struct peer *peers;            /* lock */
	unsigned n_arriving;           /* lock: newcomers on their way to the leader */
	pthread_cond_t ended;          /* run() has returned */
	bool is_running, has_stopped;  /* lock */
	struct engine_waiter progress; /* of the keeper: something was answered or closed */
	struct naming_here here;
	struct link_place place;
	pthread_mutex_t opening; /* until connections may come; before the places' */
	struct face_host face_host;
	struct face *faces[DAEMON_FACES]; /* the door's thread; NULL: not used yet */
	struct health *health;            /* constant; NULL: switched off */
	struct reflection *reflection;    /* the same */
	unsigned threads;                 /* as its options had it */

	/* Of one that a loop serves (daemon_loop.c): */
	bool is_looped; /* it has or had this: */
	pthread_t keeper;
	struct daemon_stopped *stopped;
};
/* A run begins: it has its signals. Returns 0 or minus a status, with the last error. */
int daemon_will_run(pyr_daemon *d);
/* From then on to the last link. In the keeper. */
void daemon_keep(pyr_daemon *d);
/* It is over; unless the caller has the daemon, that may be freed now. */
void daemon_ran(pyr_daemon *d);

/* ---- daemon_loop.c ---- */
/* Its run is over: nobody is told any more. */
void daemon_loop_free(pyr_daemon *d);

/* A connection that carries frames: takes the fd and its TLS, if it has one. In the
 * door's thread. */
void daemon_admit(pyr_daemon *daemon, int fd, const struct door_peer *who, struct tls *tls);

/* ---- daemon_faces.c ---- */
/* What its options, or PYRITE_FACES, say of them. Returns false with the last error. */
bool daemon_faces(pyr_daemon *daemon, const struct pyr_daemon_options *options);
/* Protocols that they speak, for the door. */
unsigned daemon_faces_protocols(const pyr_daemon *daemon);
/* A connection with one of those: takes the fd and its TLS, if it has one. In the door's thread. */
void daemon_faces_take(pyr_daemon *daemon, int fd, enum door_protocol speaks,
		       const struct door_peer *who, struct tls *tls);
/* Once the door is closed. */
void daemon_faces_stop(pyr_daemon *daemon);
/* Once the links are cut. */
void daemon_faces_free(pyr_daemon *daemon);

/* ---- daemon_services.c ---- */
/* Those that its faces have. Returns false when memory is out. */
bool daemon_services(pyr_daemon *daemon);
/* It drains: their streams end. Any thread. */
void daemon_services_stop(pyr_daemon *daemon);
/* When nothing runs any more. */
void daemon_services_free(pyr_daemon *daemon);

/* ---- daemon_address.c ---- */
/* What its URIs say of where it is. Returns 0, or minus a status with the last error. */
int daemon_set_address(pyr_daemon *daemon, const struct pyr_daemon_options *options,
		       const struct door *door);

/* ---- daemon_audit.c ---- */
/* What its options, or PYRITE_AUDIT, say of an audit log. Returns false with the last error. */
bool daemon_audit(pyr_daemon *daemon, const struct pyr_daemon_options *options);
void daemon_audit_free(pyr_daemon *daemon);

/* ---- daemon_rules.c ---- */
/* What its options, or PYRITE_RULES, say of rules. Returns false with the last error. */
bool daemon_rules(pyr_daemon *daemon, const struct pyr_daemon_options *options);
void daemon_rules_free(pyr_daemon *daemon);

/* ---- daemon_tls.c ---- */
/* What its options, or PYRITE_KEYS, say of TLS: *ret is counted, NULL for none. given: the socket
 * that listens already; -1: none. Returns false with the last error. */
bool daemon_tls(const struct pyr_daemon_options *options, int given, struct tls_settings **ret);
/* The same of a shared key. */
bool daemon_keys(const struct pyr_daemon_options *options, int given, struct key_settings **ret);
/* Says what a key alone does not do. */
void daemon_tell_of_key(pyr_daemon *daemon);
/* Somebody connects within the process. In the leader. */
void daemon_arrive(struct link_place *place, struct link *link);
/* A link was opened: the peer is the daemon's. In the leader. */
void daemon_opened(void *daemon, struct peer *peer);

/* ---- daemon_objects.c ---- */
/* Returns 0, or minus a status with the last error; id: NULL will do. */
int daemon_check_id(const char *id);
/* Registers an object that nobody knows yet: its reference is taken, also on failure, when what its
 * end was to call is forgotten. Returns 0, or minus a status with the last error. */
int daemon_put(pyr_daemon *daemon, struct object *object, const struct pyr_register_options *o);

/* ---- daemon_handed.c ---- */
/* The listening socket that a pool, or systemd with FileDescriptorName=pyrite, has handed over to
 * this process: once. -1: there is none. */
int daemon_handed_over(void);

/* ---- daemon_drain.c ---- */
/* From the stop to the last link. In the keeper. */
void daemon_drain(struct pyr_daemon *d);
/* Tells the other end what this one still takes: queues that. */
void daemon_say_goaway(struct peer *peer);
/* Ends the links at once: of a daemon that did not run, or whose links did not close. */
void daemon_cut_links(struct pyr_daemon *d);
/* Until all who came in by the door are links; once it is closed there are no others. */
void daemon_wait_newcomers(struct pyr_daemon *d, int64_t until);
void daemon_wait_closed(struct pyr_daemon *d, int64_t until);
#endif
