/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_OBJECT_H
#define PYRITE_OBJECT_H
/*
 * The objects of a daemon, found by id. Counted: the table, each session bound to one and each call
 * in it hold it.
 */
#include <pyrite/gen.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/buf.h"
#include "tally/tally.h"
#include "wire/codec.h"

/* What the user of its daemon wants to know of its calls and sessions. Each may be NULL. */
struct object_hooks {
	pyr_call_error_cb on_error;
	pyr_connect_cb on_connect;
	pyr_disconnect_cb on_disconnect;
	pyr_answer_cb on_answer;
	void *data;
};

struct import;
struct call_forward;

struct object {
	atomic_int refs;
	atomic_bool is_gone;                     /* unregistered: answers NOT_FOUND */
	const struct codec_interface *interface; /* NULL: of one that is only asked for */
	void *methods;                           /* a copy of the table */
	void *data;
	struct object_hooks hooks; /* a copy: a deferred may outlive the daemon */
	char *id;
	char *uri;
	unsigned default_rank; /* the highest among an interface's objects answers plain calls */
	struct object *next;   /* in its bucket */
	/* Who may look at data: the table, calls that run or are deferred. */
	atomic_int uses;
	atomic_uint_fast64_t n_calls; /* whose methods have begun */
	struct tally *tally;          /* of its interface, counted; NULL: nobody asks */
	/* NULL: nobody wants to know; else called once, after the last of them. */
	void (*_Atomic on_unused)(struct object *object);
	void *ending;             /* of on_unused; the table's lock */
	struct object_life *life; /* one block; NULL: data serve all calls, side by side */
	/* Of references to it: */
	bool is_built_in;                    /* the daemon's own: it says itself who may use it */
	bool is_of_grpc;                     /* one of those that gRPC itself defines, */
	bool answers_last;                   /* and that answers also when its daemon is stopping */
	bool is_counted;                     /* it lives as long as they do */
	bool is_weak;                        /* and has been in a table, which does not count */
	atomic_bool is_listed;               /* of one that is weak: it still is */
	struct executor *executor;           /* whose threads run its methods, whoever calls */
	struct home *home;                   /* what they have in common; NULL: there were none */
	void *value;                         /* what stands for it here; NULL: nothing just now */
	unsigned *n_users;                   /* of that */
	void (*fini)(struct object *object); /* lets go of both; NULL: nothing to do */
	/* It stands in for one of another process: who hands on what comes for it, and what that
	 * came as, as long as it is used. NULL: its methods are its own. */
	const struct call_forward *forward;
	struct import *stands_for;
};

struct object_table;

/* What a daemon has without having registered it: made when it is asked for. */
struct object_built_in {
	const char *id; /* NULL: it is found by its interface alone */
	const char *interface;
	bool is_reserved; /* nobody registers another under that id */
	/* With a reference; NULL when memory is out. Once, or again if it failed. With the table's
	 * lock. */
	struct object *(*make)(struct object_table *table);
};
enum { OBJECT_BUILT_INS = 8 }; /* at most */

struct object_table {
	pthread_rwlock_t lock;
	struct object **buckets;
	size_t n_buckets, n;
	unsigned last_rank;
	struct object_hooks hooks; /* of objects to be added */
	struct tallies *tallies;   /* of their calls; NULL: none are kept */
	const struct object_built_in *built_ins[OBJECT_BUILT_INS + 1]; /* NULL: no more */
	struct object *made[OBJECT_BUILT_INS];                         /* of those; NULL: not yet */
	bool is_closed;                                                /* nor will be */
	/* An object was registered or unregistered. Any thread, any lock; NULL: nobody asks. */
	void (*changed)(struct object_table *table);
};

int objects_init(struct object_table *table);
/* Before anything is looked up. */
void objects_offer(struct object_table *table, const struct object_built_in *built_in);
void objects_free(struct object_table *table);

/* Adds an object under id (NULL: a random one), with uri "PYRO:id@address". Returns the object,
 * borrowed; NULL with *code told. */
struct object *objects_add(struct object_table *table, const struct codec_interface *interface,
			   const char *id, const char *address, const void *methods, void *data,
			   int *code);
/* One that is in no table, with a reference; NULL when memory is out. The rest as objects_add(). */
struct object *objects_new(const struct object_table *table,
			   const struct codec_interface *interface, const char *id,
			   const char *address, const void *methods, void *data);
/* Adds one that objects_new() or object_new() made: its reference is taken, also on failure.
 * replaces: one that has its id. Returns 0, or ALREADY_EXISTS. */
int objects_put(struct object_table *table, struct object *object, bool replaces, bool is_default);
/* Returns a new reference, or NULL. */
struct object *objects_find(struct object_table *table, struct span id);
/* Whether NULL from objects_find() means that memory is out: the object is made when it is asked
 * for. The same for none from objects_default(), by the name of the interface. */
bool objects_would_make(struct object_table *table, struct span id);
bool objects_would_make_default(struct object_table *table, struct span interface);
/* All that are there at one moment, in no order: a new reference to each, and it is entered, so
 * that what it was registered with stays. *ret is the caller's to free, NULL if there are none.
 * Returns how many; -1 when memory is out. */
ptrdiff_t objects_all(struct object_table *table, struct object ***ret);
bool objects_remove(struct object_table *table, const char *id);
/* All that were registered with that data. Returns how many. */
size_t objects_remove_data(struct object_table *table, const void *data);
/* What is asked for and not there, for hooks to see its id. In no table. Returns a new reference,
 * or NULL when memory is out. */
struct object *objects_stand_in(const struct object_table *table, struct span id,
				const char *address);

/*
 * For plain gRPC calls: the object that answers for an interface (full name; also an inherited one)
 * when none is named. Returns a new reference; NULL with *n_found: how many there are.
 */
struct object *objects_default(struct object_table *table, struct span interface, size_t *n_found);
bool objects_set_default(struct object_table *table, const char *id);
/* Sets what is called, in any thread and with any lock, when an object was unregistered and nobody
 * looks at its data any more; *ending is exchanged for what was there. false: no such object. */
bool objects_on_unused(struct object_table *table, const char *id, void (*fn)(struct object *),
		       void **ending);

/* All are unregistered: what is called of them from now on is not there. */
void objects_close(struct object_table *table);

/* A call is about to run: data stays until object_leave(). Returns false if the object was
 * unregistered, or nobody has it: then data may be gone, and nothing follows. */
bool object_enter(struct object *object);
void object_leave(struct object *object);
/* Whether calls that find it under its id are refused: it was unregistered, or nobody has it. */
static inline bool object_is_gone(const struct object *object)
{
	return atomic_load(&object->is_gone) ||
	       (object->is_weak &&
		(!atomic_load(&object->is_listed) || atomic_load(&object->uses) == 0));
}

/* One that is in no table, and was not registered: it is used by who made it, and by references.
 * Returns one reference, NULL when memory is out. */
struct object *object_new(const struct codec_interface *interface, const char *id,
			  const char *address, const void *methods, void *data);
/* Another use of one that may be in its last. Returns false if it was. */
bool object_enter_again(struct object *object);

void object_ref(struct object *object);
void object_unref(struct object *object);

/* Where its daemon listens: "127.0.0.1:4000". Borrowed, of the object's uri. */
const char *object_address(const struct object *object);

/* The operation named, by "example.Server.add" or, for an object of B, also under the bases' names.
 * Returns its place, -1 if there is none. */
int object_operation(const struct object *object, struct span name);
#endif
