/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_ADAPTER_H
#define PYRITE_PYRO_ADAPTER_H
/*
 * Objects that programs for Pyro count on, made of those that daemons of Pyrite have: what is asked
 * of one is asked of the other, as the visitor, so that the daemon says who may know what.
 */
#include "face/pyro/request.h"

/* A call of one. */
struct adapter_call {
	struct pyro_request *request;
	const struct ser_call *call;
	pyr_proxy *proxy; /* of the object that it is made of */
	struct ser_sink *results;
	struct pyro_fault *fault;
};

struct adapter_method {
	const char *name;
	/* Returns 0 with one value written, or 1 with the fault. */
	int (*answer)(const struct adapter_call *call);
};

struct pyro_adapter {
	const char *id;                       /* "Pyro.Daemon" */
	const char *of;                       /* "Pyrite.Daemon" */
	const char *class;                    /* for messages */
	const struct adapter_method *methods; /* NULL-terminated */
};

extern const struct pyro_adapter adapter_daemon, adapter_names;

/* NULL: there is none. */
const struct pyro_adapter *adapter_find(struct span id);
/* Returns 0 with the result written, or 1 with the fault. results: NULL: nobody wants it. */
int adapter_answer(const struct pyro_adapter *adapter, const struct adapter_call *call);

/* ---- for methods ---- */

enum ser_protocol adapter_protocol(const struct adapter_call *call);
/* The fault of the thread's last error. Returns 1. */
int adapter_failed(const struct adapter_call *call);
/* The place of an argument; SER_NONE if it is not there, or None. */
uint32_t adapter_argument(const struct adapter_call *call, unsigned position, const char *name);
/* One that is text, borrowed until the request ends; NULL: it is not there. Returns 1 with the
 * fault if it is something else. */
int adapter_text(const struct adapter_call *call, unsigned position, const char *name,
		 const char **ret);
bool adapter_flag(const struct adapter_call *call, unsigned position, const char *name,
		  bool otherwise);
int adapter_null(const struct adapter_call *call);
#endif
