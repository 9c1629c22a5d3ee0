/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_REFERENCES_H
#define PYRITE_REFERENCES_H
/*
 * The references that a link carries. Each end has two tables by id: exports, objects that it has
 * passed and the other end has not given back, and imports, the other way round. Both are counted:
 * a frame lists the references of its payload, and each of them counts at both ends, whether the
 * payload is ever read or not; when nothing of an import is left, Release gives the count back.
 *
 * What comes home is listed too, and counts at neither end: the message that brings it holds it,
 * for its Release may come before the message is read.
 *
 * Lock order: a peer's, then that of its references, a leaf.
 */
#include "base/idtab.h"
#include "peer/peer.h"
#include "reference/reference.h"

#define REFERENCES_TOO_MANY "more references than the receiving end may hold of this connection"

enum { REFERENCES_PER_MESSAGE = 4096 /* of one payload */ };

/* Who is told that the link is gone, or that of who passed it on. Its owner's memory. */
struct import_watch {
	struct import_watch *next, **link;        /* the import's; link is NULL: not among them */
	void (*lost)(struct import_watch *watch); /* once, with the peer's lock */
};

/* What came over a link: all proxies and messages here that have it. Counted by them. */
struct import {
	struct idtab_node node; /* among the peer's */
	struct peer *peer;      /* counted */
	struct object *object;  /* of the link of this process with itself; counted, as below */
	/* the lock of the peer's references: */
	unsigned refs;
	uint32_t count; /* received, to be given back */
	bool is_lost;   /* the link is gone */
	bool is_told;   /* that of who passed it on is, with its owner */
	struct import_watch *watches;
};

/* What a message brought, and holds: the other end's, or one of this end's that comes home. */
struct brought {
	uint8_t name[REFERENCE_ID]; /* in the payload, */
	bool has_address;           /* which says where it can be reached besides */
	struct import *import;      /* counted; NULL: */
	struct object *object;      /* counted, and used if it is counted itself */
};
struct import_list {
	struct budget *budget; /* counted: it is charged there */
	size_t cost;
	unsigned n;
	struct brought all[];
};

/* ---- with the peer's lock ---- */
/* Enters what a message carries among the exports, unless it goes home, and appends the ids to the
 * body of its frame; *ret: how many. Returns 0, or a status with the text of why not:
 * then nothing was.
 */
int references_send(struct peer *peer, const struct codec_carried *carried, enum frame_type type,
		    struct buf *body, unsigned *ret, char *text, size_t n);
/* The message never left. */
void references_unsend(struct peer *peer, const struct codec_carried *carried);
/* It may bring some: of an Error only its list tells. */
static inline bool references_may_come(const struct frame *frame)
{
	return (frame->flags & FRAME_REFERENCES) || frame->type == FRAME_ERROR;
}
/* What a frame brings; *ret: NULL: nothing. Returns 0; RESOURCE_EXHAUSTED, and all are given back,
 * if that is more than this end may hold; or INTERNAL: the link ends. */
int references_receive(struct peer *peer, const struct frame *frame, struct import_list **ret);
/* A frame that nobody waits for gives back what it brings. */
void references_refuse(struct peer *peer, const struct frame *frame);
void references_on_release(struct peer *peer, const struct frame *frame);
void references_on_lost(struct peer *peer, const struct frame *frame);
/* An object that was passed over the link, for the session of a Bind: a new reference, and use if
 * it is counted. NULL: there is none. */
struct object *references_find(struct peer *peer, const uint8_t id[REFERENCE_ID]);
/* The link is gone. */
void references_end(struct peer *peer);

/* ---- any thread, with any lock ---- */
void import_list_drop(struct import_list *list); /* NULL: nothing */
/* What a payload calls by that name; a payload names them in the order of the list, or in the
 * opposite one, so *cursor tells where the last one was. NULL: nothing. */
const struct brought *import_list_find(const struct import_list *list, unsigned *cursor,
				       const uint8_t name[REFERENCE_ID]);
struct import *import_ref(struct import *import);
void import_unref(struct import *import); /* NULL: nothing */
/* Calls of it fail from now on. */
bool import_is_lost(struct import *import);
/* An object of this process as an import of the link that the process has with itself, where none
 * is ever passed: NULL when memory is out. */
struct import *references_own(struct peer *peer, struct object *object);
/* Returns false, and nobody will be told, if it is lost already. */
bool import_watch(struct import *import, struct import_watch *watch);
/* Returns whether it was still to be told. */
bool import_unwatch(struct import *import, struct import_watch *watch);
/* A Bind to it is queued, and takes a use along. */
void import_travels(struct import *import);
/* Whether the link has references on their way, or beyond it. */
bool references_any(struct peer *peer);
void references_free(struct peer *peer);
#endif
