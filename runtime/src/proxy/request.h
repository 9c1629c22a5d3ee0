/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_REQUEST_H
#define PYRITE_REQUEST_H
/* What a stub was given, made ready to be sent, and what it is to give back. */
#include "outcall/outcall.h"
#include "proxy/proxy.h"

/* On the stack of the stub. */
struct request {
	pyr_proxy *proxy; /* counted: it may be freed meanwhile, which ends the call */
	unsigned operation;
	const struct codec_operation *codec;
	struct codec_packer packer;
	struct arena arena;
	_Alignas(16) uint8_t room[512];
};

/* What a stub calls: the operation's place in the proxy's interface, which may derive from the
 * stub's. -1 with the last error set. */
int request_operation(const pyr_proxy *proxy, const struct pyr__interface *interface, unsigned op);
/* Checks and measures the arguments. Returns false, with the last error set, if they cannot be
 * sent; there is nothing to end then. */
bool request_begin(struct request *request, pyr_proxy *proxy, unsigned operation, pyr__in *in);
void request_end(struct request *request);
/* Stores the results of a call that succeeded. Returns 0, or minus a status with the last error
 * set. */
int request_results(const struct codec_operation *codec, const struct outcall *call,
		    void *const *out);
#endif
