/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUTURE_INTERNAL_H
#define PYRITE_FUTURE_INTERNAL_H
/* A call that was started: future.c starts it and takes its result, future_then.c calls back. */
#include "exec/callbacks.h"
#include "proxy/proxy.h"

/* The peer holds it while it is live. Its user frees it; once it has a callback, the job that calls
 * that. */
struct pyr_future {
	struct outcall call;
	const struct codec_operation *operation; /* NULL: it is a batch */
	pyr_batch *batch;                        /* counted; that, else NULL */
	struct future_patience *patience;        /* makes its attempts; NULL: there is one */

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

/* Starts its call. Returns false with the last error set if there is no session for it. */
bool future_launch(pyr_future *future, pyr_proxy *proxy, unsigned operation,
		   const struct codec_packer *packer);
/* Waits until it is ready; a task that is cancelled meanwhile cancels it. */
void future_wait(pyr_future *future);
/* Ends it as CANCELLED, if it is not over. */
void future_cancel(pyr_future *future, const char *text);
/* Sets the thread's last error from a call that failed. Returns minus its code. */
int future_error(pyr_future *future);
/* In batch.c: the batch may be used again; and what came of it, with the last error set. */
void batch_over(pyr_batch *batch);
int batch_status(pyr_batch *batch, struct outcall *call);

/* Frees all but the struct, whose call is over. */
void future_drop(pyr_future *future);
/* Frees all but the struct. The call is over. */
void future_clear(pyr_future *future);
/* Takes a future away from its callback, and ends the call. */
void future_take_back(pyr_future *future);
#endif
