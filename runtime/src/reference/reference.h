/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_REFERENCE_H
#define PYRITE_REFERENCE_H
/*
 * References: what a value of an interface's type stands for, whoever holds it. It leads to an
 * object of this process, to one that was passed over a link (its import), or to a URI. Counted and
 * constant; what it leads to stays as long as it does.
 *
 * An object of this process has a home once it was passed: the id of 16 random bytes under which
 * all links know it. By that id it is found when it comes back, over whichever link.
 */
#include <pyrite/gen.h>

#include <stdatomic.h>

#include "object/object.h"
#include "wire/codec.h"
#include "wire/codec_reference.h"

struct import;

struct reference {
	atomic_int refs;
	struct object *object; /* of this process; counted, and used if it lives by that. NULL: */
	struct import *import; /* counted; NULL: it came over no link */
	struct peer *from; /* counted: over which a bare URI came; NULL: it did not, or not so */
	char *uri;         /* of what is not here; NULL: it has none */
	char *interface;   /* the most derived one, as far as known */
	uint64_t fingerprint;
	bool has_id; /* all that came over a link: what payloads call it */
	uint8_t id[REFERENCE_ID];
	struct buf encoded; /* of what is not here: its pyrite.Reference */
	/* What stands in for it where it is passed on; counted and used. NULL: nothing yet. */
	struct object *_Atomic forward;
};

/* Takes one reference to the object, and one use if it is counted. NULL when memory is out: then
 * they are given back. */
struct reference *reference_to_object(struct object *object);
/* NULL when memory is out. */
struct reference *reference_to_uri(const struct pyr__interface *interface, const char *uri);
struct reference *reference_ref(struct reference *reference);
void reference_unref(struct reference *reference);
/* One more to the same, of its own. NULL when memory is out. */
struct reference *reference_copy(const struct reference *reference);
/* What stands in for an object of another process where it is passed on: borrowed, as long as the
 * reference lasts. NULL when memory is out. With any lock. */
struct object *reference_forward(struct reference *reference);
/* How such are made, told once: one that lives as long as somebody uses it, with one use. */
void reference_set_forwarder(struct object *(*make)(struct import *import));
/* Its pyrite.Reference, which lasts as long. p is NULL when memory is out. */
struct span reference_encoded(struct reference *reference);
/* Whether both are known to lead to one object. */
bool reference_is_same(const struct reference *a, const struct reference *b);
/* Whether messages call it by that id. */
bool reference_is_called(const struct reference *reference, const uint8_t id[REFERENCE_ID]);
/* Whether it is known to be of that very interface. */
bool reference_is_of(const struct reference *reference, const struct pyr__interface *interface);

/* One reference to an object more, and one use if it is counted, by who has one. */
void reference_hold(struct object *object);
/* One reference to an object less, and one use if it is counted. Any lock may be held. */
void reference_let_go(struct object *object);

/* ---- homes ---- */

/* An object that lives as long as somebody uses it; name: NULL: after its id. Returns one
 * reference, of one use; NULL when memory is out. */
struct object *reference_object(const struct codec_interface *interface, const char *name,
				const char *address, const void *methods, void *data);
/* Its methods are run by that executor, whoever calls them. Before anybody knows it. */
void reference_set_executor(struct object *object, struct executor *executor);
/* "obj_1f2e3d4c": for messages, from which nobody learns the id. */
enum { REFERENCE_NAME = 16 };
void reference_name(const uint8_t id[REFERENCE_ID], char ret[REFERENCE_NAME]);
/* The object's id. NULL when memory is out. */
const uint8_t *reference_home(struct object *object);
/* The object of this process that has the id; a new reference and use. NULL: there is none. */
struct object *reference_find_home(const uint8_t id[REFERENCE_ID]);

/* ---- values; proxies ---- */

/* How they are made, told once. */
struct reference_maker {
	/* type: of the field; NULL: an Object. Takes the reference, also on failure: NULL when
	 * memory is out. */
	void *(*make)(struct reference *reference, const struct pyr__type *type);
	void *(*dup)(void *value); /* NULL with the last error */
	void (*free)(void *value);
	struct reference *(*of)(const void *value, const char **why); /* as codec_references */
};
void reference_set_maker(const struct reference_maker *maker);
const struct reference_maker *reference_maker(void);

/*
 * The value that stands for an object of this process: its users share it, so that an object which
 * comes home is the same value. It is made for the first of them, and freed by the last. Takes the
 * object as reference_to_object(). NULL when memory is out.
 */
void *reference_value(struct object *object, const struct pyr__type *type);
/* A value that was made stands for the object, unless another does; it has a user. */
void reference_stand(struct object *object, void *value, unsigned *n_users);
/* One more user of a value that is shared so, or one less: returns whether that was the last. */
void reference_share(unsigned *n_users);
bool reference_leave(struct object *object, const void *value, unsigned *n_users);
#endif
