/* SPDX-License-Identifier: MIT */
/*
 * The codec goes as deep as the values do, and protobuf-c with it: more than the stack of a task
 * may hold. What a caller asks for is done on the thread's own. codec_take() is not: it is for
 * method threads, which run no tasks.
 */
#include "base/stack.h"
#include "wire/codec_internal.h"

/* One of them, with what it was given. */
struct work {
	const void *table, *from;
	struct arena *arena;
	struct codec_packer *packer;
	struct codec_problem *problem;
	struct span data;
	struct codec_taker *taker;
	uint32_t max_message;
	void *ret;
	int status;
};

static void prepare(void *arg)
{
	struct work *w = arg;

	w->status = codec_prepare_here(w->table, w->from, w->arena, w->packer, w->problem);
}

int codec_prepare(const struct codec_message *message, const union pyr__slot *slots,
		  struct arena *arena, struct codec_packer *ret, struct codec_problem *problem)
{
	struct work w = { .table = message, .from = slots, .arena = arena, .packer = ret };

	if (!stack_current())
		return codec_prepare_here(message, slots, arena, ret, problem);
	w.problem = problem;
	stack_call(prepare, &w);
	return w.status;
}

static void prepare_value(void *arg)
{
	struct work *w = arg;

	w->status = codec_prepare_value_here(w->table, w->from, w->arena, w->packer, w->problem);
}

int codec_prepare_value(const struct pyr__type *type, const void *value, struct arena *arena,
			struct codec_packer *ret, struct codec_problem *problem)
{
	struct work w = { .table = type, .from = value, .arena = arena, .packer = ret };

	w.problem = problem;
	stack_call(prepare_value, &w);
	return w.status;
}

static void pack(void *arg)
{
	struct work *w = arg;

	codec_pack_here(w->packer, w->ret);
}

void codec_pack(const struct codec_packer *packer, uint8_t *dst)
{
	struct work w = { .packer = (struct codec_packer *)packer, .ret = dst };

	if (stack_current())
		stack_call(pack, &w);
	else
		codec_pack_here(packer, dst);
}

static void unpack_results(void *arg)
{
	struct work *w = arg;

	w->status = codec_take_results_here(w->table, w->taker, w->data, w->max_message, w->ret,
					    w->problem);
}

int codec_take_results(const struct codec_message *message, struct codec_taker *taker,
		       struct span data, uint32_t max_message, void *const *out,
		       struct codec_problem *problem)
{
	struct work w = { .table = message, .data = data, .taker = taker, .ret = (void *)out };

	if (!stack_current())
		return codec_take_results_here(message, taker, data, max_message, out, problem);
	w.max_message = max_message;
	w.problem = problem;
	stack_call(unpack_results, &w);
	return w.status;
}

static void unpack_value(void *arg)
{
	struct work *w = arg;

	w->status = codec_take_value_here(w->table, w->taker, w->data, w->max_message, w->ret,
					  w->problem);
}

int codec_take_value(const struct pyr__type *type, struct codec_taker *taker, struct span data,
		     uint32_t max_message, void **ret, struct codec_problem *problem)
{
	struct work w = { .table = type, .data = data, .taker = taker, .ret = ret };

	w.problem = problem;
	w.max_message = max_message;
	stack_call(unpack_value, &w);
	return w.status;
}
