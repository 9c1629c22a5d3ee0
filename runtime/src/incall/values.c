/* SPDX-License-Identifier: MIT */
#include "incall/values.h"

#include <pyrite/gen.h>

#include <stdlib.h>

#include "base/error.h"

/* Fills a block of the size measured. */
static int fill(pyr_call *call, const struct pyr__type *type, const void *value,
		struct codec_dup *dup, struct codec_problem *problem)
{
	dup->block = call ? arena_alloc(&call->arena, dup->size) : calloc(1, dup->size);
	if (!dup->block) {
		problem->code = PYR_RESOURCE_EXHAUSTED;
		snprintf(problem->text, sizeof(problem->text), "out of memory: %zu bytes",
			 dup->size);
		return -problem->code;
	}
	return codec_dup(type, value, dup, problem);
}

bool values_settle(pyr_call *call, struct taker *taker, void *block)
{
	if (taker->taken.n == 0)
		return true;
	if (call)
		return taker_move(taker, &call->taken);
	if (!taker->base.kind->settle(&taker->base, block))
		return false;
	taker_give(taker);
	return true;
}

void *pyr__dup(pyr_call *call, const struct pyr__type *type, const void *value)
{
	struct codec_problem problem;
	struct codec_dup dup = { 0 };
	struct taker taker;
	int status;

	if (!value)
		return NULL;
	taker_init(&taker, NULL);
	dup.taker = &taker.base;
	status = codec_dup(type, value, &dup, &problem);
	if (status == 0)
		status = fill(call, type, value, &dup, &problem);
	if (status == 0 && values_settle(call, &taker, dup.block))
		return dup.block;
	taker_drop(&taker);
	if (!call)
		free(dup.block);
	if (status == 0)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	return error_constructor(problem.code, "%s", problem.text);
}
