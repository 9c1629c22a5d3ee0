/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUTURE_INTERNAL_H
#define PYRITE_FUTURE_INTERNAL_H
/* A call that was started, and whose result is taken later: what all futures have in common. */
#include "exec/callbacks.h"
#include "future/retry.h"

/* What a future of several calls is. */
struct future_kind {
	/* What came of it. Returns 0, or minus a status with the last error set. */
	int (*status)(pyr_future *future);
	/* It is over, and is not used any more. */
	void (*over)(pyr_future *future);
};

/* The peer holds it while it is live. Its user frees it; once it has a callback, the job that calls
 * that. */
struct pyr_future {
	struct outcall call;
	const struct codec_operation *operation; /* NULL: it is a batch */
	const struct future_kind *kind;          /* NULL: it is one call */
	pyr_batch *batch;                        /* counted; that, else NULL */
	struct retry *retry;                     /* makes its attempts; NULL: there is one */

	struct executor *executor; /* counted: where the callback runs; NULL: it has none */
	struct outcall_hook hook;  /* the call is over: posts the job */
	struct exec_job job;
	struct engine_timer timer; /* nobody waits: for the deadline */
	pyr_future_cb then, on_error;
	void *then_data, *error_data;
	/* future_then.c's lock: */
	bool is_running;     /* the callback, in `thread` */
	bool is_taken;       /* by I_op_get() or pyr_future_free(), and cleared there */
	atomic_uint n_users; /* threads that take it back: the job waits for them */
	pthread_t thread;
};

/* Zeroed; NULL when memory is out. */
pyr_future *future_new(void);
/* One that is cleared, or was never launched. */
void future_free(pyr_future *future);
/* Starts its call. Returns false with the last error set if there is no session for it. */
bool future_launch(pyr_future *future, pyr_proxy *proxy, unsigned operation,
		   const struct codec_packer *packer);
/* Waits until it is ready; a task that is cancelled meanwhile cancels it. */
void future_wait(pyr_future *future);
/* Waits until it is ready. Returns 0, or minus a status with the last error set: CANCELLED with the
 * task, which the future is not, or DEADLINE_EXCEEDED at `until`, which is said to be timeout_ms
 * away. */
int future_watch(pyr_future *future, int64_t until, int64_t timeout_ms);
/* Ends it as CANCELLED, if it is not over. */
void future_cancel(pyr_future *future, const char *text);
/* Sets the thread's last error from a call that failed. Returns minus its code. */
int future_error(pyr_future *future);
/* Frees all but the struct. The call is over. */
void future_clear(pyr_future *future);

/* ---- future_many.c ---- */
/* What pyr_map() is told. */
struct future_map {
	size_t n, window; /* window: not 0 */
	pyr_map_start_cb start;
	pyr_map_get_cb get;
	void *data;
	bool goes_on; /* a call that cannot be started is passed over */
};
enum { MAP_WINDOW = 64 };
int future_map(const struct future_map *map);

/* What becomes of the calls of a map that goes on: the status of each, and the first in order that
 * failed. */
struct map_notes {
	int *status;      /* NULL: nobody wants to know */
	int err;          /* of the first; 0: none has failed */
	pyr_error *first; /* owned: its error; NULL when memory is out */
	size_t first_at;
};
/* With the error of one that failed the last one. */
void map_note(struct map_notes *notes, size_t i, int err);
/* Once, at the end. Returns the first failure with its error the last one; err if there is none. */
int map_result(struct map_notes *notes, int err);

/* ---- future_then.c ---- */
/* Takes a future away from its callback, and ends the call. */
void future_take_back(pyr_future *future);

/* ---- future_get.c ---- */
/* Its call is over. The struct of one with a callback is freed after that. */
void future_drop(pyr_future *future);
#endif
