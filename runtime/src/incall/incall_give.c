/* SPDX-License-Identifier: MIT */
#include <pyrite/gen.h>

#include "base/error.h"
#include "incall/incall.h"

void *pyr__give(pyr_call *call, void *proxy)
{
	if (!call || !proxy) {
		call ? error_null("proxy") : error_null("call");
		return error_from_constructor();
	}
	return taken_add(&call->taken, proxy)
		       ? proxy
		       : error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
}
