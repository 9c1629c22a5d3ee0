/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_HEARD_H
#define PYRITE_TEST_HEARD_H
/* What callbacks of futures tell the test that waits for them, and of those of e2e.Work. */
#include "everywhere.h"
#include "hears.h"

static inline void on_add(pyr_future *future, void *data)
{
	struct heard *heard = data;
	int32_t sum = 0;
	int code = heard->keep ? pyr_future_status(future) : e2e_Work_add_get(future, &sum);

	tell(heard, code, sum, &heard->n);
}
#endif
