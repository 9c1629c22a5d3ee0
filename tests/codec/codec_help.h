/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_CODEC_HELP_H
#define PYRITE_TEST_CODEC_HELP_H
/* What the codec's tests share: packing and unpacking in one line, for tests of values. */
#include "shapes.h"
#include "test.h"
#include "wire/codec.h"

enum { WIRE_MAX = 1 << 16 };

struct wire {
	size_t n;
	uint8_t data[WIRE_MAX];
};

static inline const struct codec_operation *help_op(int i)
{
	const struct codec_interface *interface = codec_interface_get(&shapes_interface);

	REQUIRE(interface != NULL);
	return &interface->operations[i];
}

static inline void help_finish(const struct codec_packer *packer, struct wire *ret)
{
	REQUIRE(packer->size <= WIRE_MAX);
	ret->n = packer->size;
	codec_pack(packer, ret->data);
}

/* Returns the status; problem->text is "" on success. */
static inline int help_pack(const struct codec_message *message, const union pyr__slot *slots,
			    struct wire *ret, struct codec_problem *problem)
{
	struct codec_packer packer;
	struct arena arena;
	int status;

	*problem = (struct codec_problem){ 0 };
	arena_init(&arena, NULL, 0);
	status = codec_prepare(message, slots, &arena, &packer, problem);
	if (status == 0)
		help_finish(&packer, ret);
	arena_clear(&arena);
	CHECK_INT(problem->code, -status);
	return status;
}

static inline int help_pack_value(const struct pyr__type *type, const void *value, struct wire *ret,
				  struct codec_problem *problem)
{
	struct codec_packer packer;
	struct arena arena;
	int status;

	*problem = (struct codec_problem){ 0 };
	arena_init(&arena, NULL, 0);
	status = codec_prepare_value(type, value, &arena, &packer, problem);
	if (status == 0)
		help_finish(&packer, ret);
	arena_clear(&arena);
	CHECK_INT(problem->code, -status);
	return status;
}

/* Unpacks from an allocation of exactly n bytes, so that a read beyond is seen. *ret is one block.
 */
static inline int help_unpack_value(const struct pyr__type *type, const void *data, size_t n,
				    void **ret, struct codec_problem *problem)
{
	uint8_t *exact = malloc(n > 0 ? n : 1);
	int status;

	REQUIRE(exact != NULL);
	if (n > 0)
		memcpy(exact, data, n);
	*problem = (struct codec_problem){ 0 };
	status = codec_unpack_value(type, exact, n, MAX_MESSAGE, ret, problem);
	free(exact);
	CHECK_INT(problem->code, -status);
	return status;
}

static inline void help_refuse(const struct pyr__type *type, const void *data, size_t n, int code,
			       const char *text)
{
	struct codec_problem problem;
	void *value = NULL;

	CHECK_INT(help_unpack_value(type, data, n, &value, &problem), -code);
	CHECK_STR(problem.text, text);
	CHECK(value == NULL);
	free(value);
}
#endif
