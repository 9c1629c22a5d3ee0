/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_OBJECTS_H
#define PYRITE_PYRO_OBJECTS_H
/* The objects that a connection calls. */
#include "face/pyro/adapter.h"

/* The proxy of that object; NULL with the fault. */
pyr_proxy *objects_proxy(struct pyro_request *request, struct span id, struct pyro_fault *fault);
/* The same. If there is no such object, maybe an adapter (*ret) and the proxy of what it is made
 * of. */
pyr_proxy *objects_get(struct pyro_request *request, struct span id,
		       const struct pyro_adapter **ret, struct pyro_fault *fault);
/* Whether the caller may know what that object can do: he may call some of it, or look at all that
 * there is. If not, the fault. */
bool objects_may_know(struct pyro_request *request, struct span id, struct pyro_fault *fault);
#endif
