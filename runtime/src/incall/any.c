/* SPDX-License-Identifier: MIT */
/* Values of any type: made, read and copied by programs. What travels is wire/codec_any.c's. */
#include <pyrite/gen.h>

#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "incall/values.h"
#include "reference/references.h"

enum { FIRST = 1024 }; /* bytes of arena on the stack */

/* Memory of the call, or a block. NULL with the last error when memory is out. */
static void *allocate(pyr_call *call, size_t n)
{
	void *block = call ? arena_alloc_raw(&call->arena, n) : malloc(n);

	return block ? block
		     : error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory: %zu bytes", n);
}

const char *pyr_any_type(const pyr_any *any)
{
	return any ? codec_any_type(any) : "";
}

/* The references in it are its block's, or its call's. code: of what they were taken with. Returns
 * the any, NULL with the last error. */
static pyr_any *settle(pyr_call *call, struct taker *taker, pyr_any *any, int code,
		       const char *text)
{
	if (code == 0 && values_settle(call, taker, any))
		return any;
	taker_drop(taker);
	if (!call)
		free(any);
	return code ? error_constructor(code, "the any: a reference %s", text)
		    : error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
}

pyr_any *pyr_any_dup(pyr_call *call, const pyr_any *any)
{
	void *block = any ? allocate(call, codec_any_copy_size(any)) : NULL;
	struct taker taker;
	char text[96];
	pyr_any *copy;
	int code;

	if (!block)
		return NULL;
	taker_init(&taker, NULL);
	copy = codec_any_copy(any, block);
	code = codec_any_keep_references(copy, any, &taker.base, text, sizeof(text));
	return settle(call, &taker, copy, code, text);
}

static pyr_any *fail(const struct pyr__type *type, int code, const char *text)
{
	return error_constructor(code, "cannot make an any of this %s: %s", type->name, text);
}

/* References in it are what others are found among; what is a URI alone is called as one of them.
 */
static void take_among(struct taker *taker, const struct codec_carried *carried)
{
	const struct reference *reference;

	taker->carried = carried;
	for (; carried && !taker->from; carried = carried->next) {
		reference = carried->reference;
		taker->from = reference->import ? reference->import->peer : reference->from;
	}
}

static pyr_any *make(pyr_call *call, const struct codec_any_packer *packer)
{
	struct taker taker;
	char text[128];
	pyr_any *any;
	void *block;
	int code;

	/* more than X_from_any() would take at the other end */
	if (codec_is_too_large(&packer->value, (uint32_t)config_number(CONFIG_MAX_MESSAGE), text,
			       sizeof(text)))
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "MessageTooLarge: a %s %s",
					 packer->type->name, text);
	block = allocate(call, packer->n_head + packer->n_encoded);
	if (!block)
		return NULL;
	taker_init(&taker, NULL);
	take_among(&taker, packer->value.carried);
	any = codec_any_pack(packer, block);
	code = codec_any_take_references(any, &taker.base, text, sizeof(text));
	return settle(call, &taker, any, code, text);
}

pyr_any *pyr__to_any(pyr_call *call, const struct pyr__type *type, const void *value)
{
	_Alignas(16) uint8_t first[FIRST];
	struct codec_any_packer packer;
	struct codec_problem problem;
	struct arena arena;
	pyr_any *any;

	if (!value)
		return NULL;
	arena_init(&arena, first, sizeof(first));
	if (codec_any_prepare(type, value, &arena, &packer, &problem) == 0)
		any = make(call, &packer);
	else
		any = fail(type, problem.code, problem.text);
	arena_clear(&arena);
	return any;
}

/* Returns 0, or minus a status with the problem told. */
static int open_any(const pyr_any *any, const struct pyr__type *type, void *ret,
		    struct codec_problem *problem)
{
	uint32_t max_message = (uint32_t)config_number(CONFIG_MAX_MESSAGE);
	_Alignas(16) uint8_t first[FIRST];
	const struct codec_carried *carried = NULL;
	struct taker taker;
	struct arena arena;
	int err = -PYR_RESOURCE_EXHAUSTED;

	taker_init(&taker, NULL);
	arena_init(&arena, first, sizeof(first));
	*problem = (struct codec_problem){ PYR_RESOURCE_EXHAUSTED, "out of memory" };
	if (codec_any_carried(any, &arena, &carried)) {
		take_among(&taker, carried);
		err = codec_any_take(any, type, &taker.base, max_message, ret, problem);
	}
	if (err == 0)
		taker_give(&taker);
	else
		taker_drop(&taker);
	arena_clear(&arena);
	return err;
}

int pyr__from_any(const pyr_any *any, const struct pyr__type *type, void *ret)
{
	struct codec_problem problem;

	if (!ret)
		return error_missing("ret");
	if (!any)
		return error_set(PYR_INVALID_ARGUMENT, "the any is not of type %s: it is nil",
				 type->name);
	if (open_any(any, type, ret, &problem) < 0)
		return error_set(problem.code, "the any is not of type %s: %s", type->name,
				 problem.text);
	return 0;
}

/* ---- numbers, texts and bytes: messages that gRPC has ---- */

#define NUMBER(noun, c_type, pyr_kind, message)                                                    \
	static const struct pyr__field noun##_fields[] = {                                         \
		{ .id = 1, .name = "value", .kind = pyr_kind },                                    \
	};                                                                                         \
	static const struct pyr__type noun##_type = { .kind = PYR__STRUCT,                         \
						      .name = "google.protobuf." message,          \
						      .size = sizeof(c_type),                      \
						      .n_fields = 1,                               \
						      .fields = noun##_fields };                   \
	pyr_any *pyr_##noun##_to_any(pyr_call *call, c_type value)                                 \
	{                                                                                          \
		return pyr__to_any(call, &noun##_type, &value);                                    \
	}                                                                                          \
	int pyr_##noun##_from_any(const pyr_any *any, c_type *ret)                                 \
	{                                                                                          \
		return number_from_any(any, &noun##_type, ret);                                    \
	}

static int number_from_any(const pyr_any *any, const struct pyr__type *type, void *ret)
{
	void *value;
	int status = ret ? pyr__from_any(any, type, &value) : error_missing("ret");

	if (status < 0)
		return status;
	memcpy(ret, value, type->size);
	free(value);
	return 0;
}

NUMBER(bool, bool, PYR__BOOL, "BoolValue")
NUMBER(int32, int32_t, PYR__INT32, "Int32Value")
NUMBER(uint32, uint32_t, PYR__UINT32, "UInt32Value")
NUMBER(int64, int64_t, PYR__INT64, "Int64Value")
NUMBER(uint64, uint64_t, PYR__UINT64, "UInt64Value")
NUMBER(float, float, PYR__FLOAT, "FloatValue")
NUMBER(double, double, PYR__DOUBLE, "DoubleValue")

static const struct pyr__field string_fields[] = {
	{ .id = 1, .name = "value", .kind = PYR__STRING },
};
static const struct pyr__type string_type = { .kind = PYR__STRUCT,
					      .name = "google.protobuf.StringValue",
					      .size = sizeof(char *),
					      .n_fields = 1,
					      .fields = string_fields };

pyr_any *pyr_string_to_any(pyr_call *call, const char *value)
{
	return value ? pyr__to_any(call, &string_type, &value) : NULL;
}

int pyr_string_from_any(const pyr_any *any, char **ret)
{
	const char **value;
	char *copy;
	int status = ret ? pyr__from_any(any, &string_type, &value) : error_missing("ret");

	if (status < 0)
		return status;
	copy = strdup(*value);
	free(value);
	if (!copy)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	*ret = copy;
	return 0;
}

static const struct pyr__field bytes_fields[] = {
	{ .id = 1, .name = "value", .kind = PYR__BYTES },
};
static const struct pyr__type bytes_type = { .kind = PYR__STRUCT,
					     .name = "google.protobuf.BytesValue",
					     .size = sizeof(struct pyr_bytes),
					     .n_fields = 1,
					     .fields = bytes_fields };

pyr_any *pyr_bytes_to_any(pyr_call *call, const struct pyr_bytes *value)
{
	return pyr__to_any(call, &bytes_type, value);
}

int pyr_bytes_from_any(const pyr_any *any, struct pyr_bytes **ret)
{
	return pyr__from_any(any, &bytes_type, ret);
}
