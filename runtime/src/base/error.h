/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ERROR_H
#define PYRITE_ERROR_H
/*
 * The thread's last error. Only a public function that fails writes it, as its last act, so
 * internal code passes errors up as values (struct error_info or a codec_problem) and the public
 * function calls one of these.
 */
#include <pyrite/pyrite.h>

#include <stdatomic.h>

struct pyr__type;

/* What an error's detail leads to besides its bytes: whose, only its maker knows. Counted. */
struct error_held {
	atomic_int refs;
	void (*free)(struct error_held *held); /* with any lock */
};
/* NULL: nothing. */
struct error_held *error_held_ref(struct error_held *held);
void error_held_unref(struct error_held *held);

/* The last error of a thread, or of a task that does not run. All zero: nothing has failed. */
struct error_state {
	struct error_block *block; /* NULL: nothing has failed, or lost is the last error */
	pyr_error lost;            /* what is known of an error there was no memory for; code 0:
				      none */
	bool from_constructor;
};
/* Exchanges the thread's with another. */
void error_swap(struct error_state *other);

/* An error on its way: strings borrowed, NULL = nothing to say. */
struct error_info {
	int code; /* positive */
	bool remote, may_have_run;
	bool raised; /* by a method, whose text may say anything */
	const char *message, *object, *operation, *address, *exception, *trace, *correlation_id;
	const uint8_t *detail; /* the typed exception, packed */
	size_t n_detail;
	struct error_held *held; /* borrowed; NULL: nothing */
};

/* Sets the last error. Returns minus the code. */
int error_set(int code, const char *format, ...) PYR_PRINTF(2, 3);
int error_set_info(const struct error_info *info);

/* For an argument that is NULL and may not be, and is no handle: whatever failed before has nothing
 * to do with it. Returns minus the code. */
int error_missing(const char *what);
/* For a NULL handle, or URI of a daemon's object, which a constructor returned: keeps the error of
 * a failed constructor if nothing has failed since, else "what is NULL". Returns minus the code. */
int error_null(const char *what);
/* A constructor that returns NULL ends with this: return error_constructor(code, ...); Returns
 * NULL. */
void *error_constructor(int code, const char *format, ...) PYR_PRINTF(2, 3);
/* Marks the error just set as one of a failed constructor. Returns NULL. */
void *error_from_constructor(void);

/* The call that the last error is of may have been carried out, before it failed with that. */
void error_may_have_run(void);

/* Puts an error back that pyr_error_take() gave (taken; NULL: nothing has failed): for code that
 * makes public calls of its own and must not be seen to. */
void error_restore(pyr_error *error);

/* The last error once more, for another thread. Returns: owned, pyr_error_free() or
 * error_restore(); NULL when there is none or memory is out. */
pyr_error *error_copy(void);

/* The packed typed exception of the last error; NULL if it has none. *n: its size. */
const uint8_t *error_detail(size_t *n);
/* What that leads to: borrowed, as long as the last error stays. */
struct error_held *error_detail_held(void);
/* Keeps a decoded exception with the last error, which frees it (pyr_free()) when it is replaced.
 */
void error_keep_caught(void *value);
void *error_caught(void);
#endif
