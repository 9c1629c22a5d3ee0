/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_CONNECTION_H
#define PYRITE_PYRO_CONNECTION_H
/*
 * A connection of a Pyro client: what came over it, as whole messages, and what is to be sent. It
 * belongs to one thread at a time: to the keeper while it is watched, else to a worker.
 */
#include <stdatomic.h>

#include "base/budget.h"
#include "door/door.h"
#include "face/pyro/messages.h"

struct face;
struct key_ring;
struct pyro_caller;

enum {
	PYRO_FIRST_MAX = 65536,  /* bytes of a message before the connection is accepted */
	PYRO_FIRST_MS = 10000,   /* that acceptance may take */
	PYRO_MESSAGE_MS = 30000, /* a message may take to come, and what is sent to be taken */
};

enum pyro_state {
	PYRO_WATCHED, /* the keeper waits for a message, or for room to send */
	PYRO_SERVED   /* a worker has it, or will */
};

struct pyro_connection {
	struct face *face;
	int fd;
	struct door_peer who;
	struct budget *budget; /* of what came and was not served yet */
	size_t charged;

	struct buf in;     /* what came */
	struct buf out;    /* what is to be sent */
	size_t sent, owed; /* bytes of it; charged, as it has to wait */
	struct pyro_header header;
	bool has_header; /* of the message that comes */
	bool is_wrong;   /* it is none: */
	struct pyro_wrong wrong;
	int64_t since; /* when what is under way began, in milliseconds; 0: nothing is */

	uint16_t version;      /* once it is accepted: PYRO_4 or PYRO_5; else 0 */
	bool is_ending;        /* to be closed when all is sent */
	struct key_ring *ring; /* counted; NULL: it proved no key. Else */
	int key;               /* in there, that signs its messages */
	struct span handshake; /* what it sent when it connected, owned; .p NULL: nothing */
	struct buf answer;     /* what the daemon answered that last */

	struct pyro_caller *callers; /* changed with the face's lock; NULL: it is not accepted */
	enum pyro_state state;       /* the face's lock */
	atomic_bool is_gone;         /* the other end is */
	int64_t left;                /* a worker's: when that was seen; 0: it was not */
	bool is_ended;               /* its callers have: they waited when it left; the lock */
	bool is_dead;                /* to be freed by the keeper; the face's lock */
	bool is_waiting;             /* in a call that is answered; the face's lock */
	struct pyro_connection *next, **link; /* all of them */
	struct pyro_connection *queue;        /* the next that has a message, or is handed over */
};

enum pyro_read { PYRO_PART, PYRO_WHOLE, PYRO_GONE };

/* Milliseconds that never go back. */
int64_t pyro_now(void);

/* Takes fd. who is borrowed. Returns NULL, fd closed, when memory is out. */
struct pyro_connection *pyro_connection_new(struct face *face, int fd, const struct door_peer *who,
					    struct budget_pool *pool);
/* Closes, frees. Nothing may know it any more. */
void pyro_connection_free(struct pyro_connection *connection);

/* Reads what is there. WHOLE: a message, or `is_wrong`. Does not wait. */
enum pyro_read pyro_connection_read(struct pyro_connection *connection, uint32_t max_message);
/* The message, of a connection that is not `is_wrong`. */
struct span pyro_connection_annotations(const struct pyro_connection *connection);
struct span pyro_connection_data(const struct pyro_connection *connection);
/* It was served. */
void pyro_connection_next(struct pyro_connection *connection);

/* Sends what there is room for. Returns false if the other end is gone, or too much waits for all
 * of them to read; then nothing is left. */
bool pyro_connection_send(struct pyro_connection *connection);
bool pyro_connection_has_sent(const struct pyro_connection *connection);
#endif
