/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_H
#define PYRITE_LINK_H
/*
 * How frames travel between two ends, whatever carries them. A link moves messages, in order,
 * one write at a time; it knows nothing of what is in them. What a thread waits on is the engine.
 * link_socket.c is the straight way, link_grpc.c the one through what knows HTTP/2, link_process.c
 * the one within a process. link_plain.c reads the frames: it speaks for a server that knows gRPC
 * alone, and link_pyro.c for one that knows Pyro's protocol alone.
 */
#include <pyrite/context.h>

#include <stdatomic.h>
#include <string.h>

#include "base/buf.h"
#include "base/identity.h"
#include "base/uri.h"

struct tls_settings;
struct link;
struct link_target;
struct link_visitor;

/* How a link ended. */
struct link_end {
	int code;           /* enum pyr_status */
	bool was_connected; /* else nothing can have reached the other side */
	bool is_refusal;    /* nobody was let in: it would be so again, and code says why */
	bool is_other;      /* the server may speak something else: it was told nothing */
	bool is_pyro;       /* it does: Pyro's protocol */
	const char *text;   /* borrowed; for people: what core says, perhaps shortened */
};

/* The owner's side. All are called by the leading thread, with no lock of the link held. */
struct link_events {
	/* borrowed; of one longer than FRAME_MESSAGE_MAX not all need be there */
	void (*message)(void *owner, struct span message);
	void (*written)(void *owner); /* the write is done: the next may go */
	/* Once, the last: the other side or the network ended it. */
	void (*closed)(void *owner, const struct link_end *end);
};

enum link_write {
	LINK_OVER,    /* the message was not taken: closed() comes or came */
	LINK_WRITING, /* the next may go after written() */
	LINK_WRITTEN  /* the next may go at once */
};

enum { LINK_PARTS = 9 };

/* A message to be written, in parts. */
struct link_message {
	struct span parts[LINK_PARTS];
	unsigned n_parts;
	size_t n; /* bytes of all */
};

/* All of it, one after the other. */
static inline void link_message_copy(const struct link_message *message, uint8_t *to)
{
	unsigned i;

	for (i = 0; i < message->n_parts; to += message->parts[i++].n)
		memcpy(to, message->parts[i].p, message->parts[i].n);
}

/* What tells this connection from all others, at both ends. */
enum link_bond {
	LINK_CLEAR,  /* nothing does: there is no TLS */
	LINK_BOUND,  /* this */
	LINK_UNBOUND /* there is TLS, of which that cannot be known */
};
enum { LINK_BOND = 32 };

struct link_kind {
	/* Hands over a message, which stays as it is until written(), or closed(). */
	enum link_write (*write)(struct link *link, const struct link_message *message);
	/* Ends it: after what was written if code is 0, at once otherwise. closed() still comes.
	 * Any thread, also twice. */
	void (*close)(struct link *link, int code, const char *text);
	/* Gives up the owner's reference; only after closed(), or of one that was not started. */
	void (*free)(struct link *link);
	/* Something has come that was not read yet: it is this end that is late. NULL: of one that
	 * does not want pings. Any thread. */
	bool (*has_input)(struct link *link);
	/* Of one that was accepted: begins, once events and owner are set. In the leader. */
	void (*start)(struct link *link);
	/* What ret is, for link_bond(). NULL: there is no TLS, or is_unbound. */
	enum link_bond (*bond)(struct link *link, uint8_t ret[LINK_BOND]);
	/* What it turned out to be, once the first message has come. NULL: itself. */
	struct link *(*inner)(struct link *link);
};

struct link {
	const struct link_kind *kind;
	const struct link_events *events;
	void *owner;
	const char *lane; /* for people: what carries it */
	bool is_local;    /* the other side is on this host */
	bool wants_pings; /* nothing below notices that the other side is silent */
	/* It is a plain gRPC server: known before the first message comes. */
	atomic_bool is_plain;
	bool is_own;          /* the other side is this process */
	bool is_vouched;      /* accepted: who is there has proved it elsewhere */
	bool is_unbound;      /* it has TLS of which no bond is known */
	bool is_orderly;      /* accepted; once closed: the other side ended it, it was not lost */
	bool has_credentials; /* accepted from a unix socket */
	struct pyr_credentials credentials;
	char *identity;    /* of who is there; owned, NULL: nothing was proved */
	char address[128]; /* of the other side, for messages: "127.0.0.1:9090", "./u:/path" */
};

/* Starts to connect, on a stack that has room for core. Returns NULL when memory is out. */
typedef struct link *link_open(const struct link_target *target, const struct link_events *events,
			       void *owner);

/* Where to connect, and by what kind of link. */
struct link_target {
	struct tls_settings *tls; /* borrowed; NULL: none */
	link_open *const *kinds;  /* to be tried in turn, until one fits; NULL ends them */
	const pyr_uri *uri;       /* borrowed; NULL: there is an fd */
	const char *target;       /* the same as gRPC writes it; borrowed */
	const char *address;      /* for messages; borrowed */
	bool is_local;
	bool may_be_pyro; /* nothing is wanted of the server that Pyro's protocol cannot prove */
	bool is_here;     /* a daemon of this process is there */
	uint32_t max_message;               /* bytes of a reply that the owner takes */
	int fd;                             /* a connected socket, taken, if there is no uri */
	const struct link_visitor *visitor; /* who connects within the process; NULL: it does */
};

/* Starts to connect as its target says; writes may follow at once. Returns NULL when memory is out.
 */
struct link *link_connect(const struct link_target *target, const struct link_events *events,
			  void *owner);

/* The system's reason out of core's account of why it cannot connect. For messages only: nothing
 * depends on what core says. Borrowed, of text. */
const char *link_reason(const char *text);

/* What the owner calls: the functions of its kind, on the thread's own stack, as link_connect(). */
enum link_write link_write(struct link *link, const struct link_message *message);
void link_close(struct link *link, int code, const char *text);
void link_free(struct link *link);
static inline bool link_has_input(struct link *link)
{
	return link->kind->has_input && link->kind->has_input(link);
}
/* Who is at the other side, as far as it has proved that: "cert:alice", "uid:1000", "". Borrowed,
 * of the link or of uid. */
const char *link_identity(const struct link *link, char uid[IDENTITY_UID]);
/* What a proof is bound to; ret is 0 unless it is LINK_BOUND. */
enum link_bond link_bond(struct link *link, uint8_t ret[LINK_BOND]);
/* From now on that is who is there. Before anybody can have asked. Returns false when memory is
 * out. */
bool link_identify(struct link *link, const char *identity);
/* One that was accepted gets an owner. In the leader. */
void link_start(struct link *link, const struct link_events *events, void *owner);

/* Frames over a stream of gRPC. */
link_open link_grpc_connect;

/* Takes a call of /pyrite.Link/Open that a core server was asked for, in the leader. */
struct grpc_call;
struct link *link_grpc_accept(struct grpc_call *call, const char *address, bool is_local);
#endif
