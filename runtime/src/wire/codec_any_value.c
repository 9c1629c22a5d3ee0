/* SPDX-License-Identifier: MIT */
/* From a value to an any and back: what is in one is packed and unpacked as a message is. */
#include <stdlib.h>
#include <string.h>

#include "wire/codec_any.h"
#include "wire/varint.h"

static const char prefix[] = "type.googleapis.com/";

/* An enum travels as the message of an int32. */
static const struct pyr__field enum_fields[] = {
	{ .id = 1, .name = "value", .kind = PYR__INT32 },
};
static const struct pyr__type enum_message = { .kind = PYR__STRUCT,
					       .name = "pyrite.Enum",
					       .size = sizeof(int32_t),
					       .n_fields = 1,
					       .fields = enum_fields };

static const struct pyr__type *message_of(const struct pyr__type *type)
{
	return type->kind == PYR__ENUM ? &enum_message : type;
}

/* Returns how many are listed, and adds the bytes that they take. */
static size_t measure_references(const struct codec_carried *carried, size_t *n_bytes)
{
	struct span encoded;
	size_t n = 0;

	for (; carried; carried = carried->next, n++) {
		encoded = codec_references->encoded(carried->reference);
		*n_bytes += 1 + varint_size(encoded.n) + encoded.n;
	}
	return n;
}

static uint8_t *put_references(uint8_t *p, const struct codec_carried *carried)
{
	struct span encoded;

	for (; carried; carried = carried->next) {
		encoded = codec_references->encoded(carried->reference);
		*p++ = ANY_REFERENCES << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
		p = varint_put(p, encoded.n);
		p = (uint8_t *)memcpy(p, encoded.p, encoded.n) + encoded.n;
	}
	return p;
}

int codec_any_prepare(const struct pyr__type *type, const void *value, struct arena *arena,
		      struct codec_any_packer *ret, struct codec_problem *problem)
{
	size_t n_name = strlen(type->name), n_url = sizeof(prefix) - 1 + n_name;
	int status = codec_prepare_value(message_of(type), value, arena, &ret->value, problem);

	if (status < 0)
		return status;
	ret->type = type;
	ret->n_encoded = 1 + varint_size(n_url) + n_url;
	ret->n_references = measure_references(ret->value.carried, &ret->n_encoded);
	ret->n_head = codec_padded(codec_any_head(n_name, ret->n_references));
	if (ret->value.size > 0)
		ret->n_encoded += 1 + varint_size(ret->value.size) + ret->value.size;
	ret->n_encoded += type->fingerprint ? 9 : 0;
	return 0;
}

static void put_fingerprint(uint8_t *p, uint64_t fingerprint)
{
	int i;

	*p++ = ANY_FINGERPRINT << 3 | PROTOBUF_C_WIRE_TYPE_64BIT;
	for (i = 0; i < 8; i++)
		*p++ = (uint8_t)(fingerprint >> (8 * i));
}

static uint8_t *put_type(uint8_t *p, struct span name, struct codec_any *told)
{
	*p++ = ANY_TYPE_URL << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
	p = varint_put(p, sizeof(prefix) - 1 + name.n);
	p = (uint8_t *)memcpy(p, prefix, sizeof(prefix) - 1) + sizeof(prefix) - 1;
	told->type = (struct span){ memcpy(p, name.p, name.n), name.n };
	return p + name.n;
}

pyr_any *codec_any_pack(const struct codec_any_packer *packer, void *block)
{
	const struct pyr__type *type = packer->type;
	size_t n_name = strlen(type->name);
	uint8_t *bytes = (uint8_t *)block + packer->n_head, *p = bytes;
	struct codec_any told = { .fingerprint = type->fingerprint,
				  .n_references = packer->n_references };

	p = put_type(p, (struct span){ (const uint8_t *)type->name, n_name }, &told);
	if (packer->value.size > 0) {
		*p++ = ANY_VALUE << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
		p = varint_put(p, packer->value.size);
		told.value = (struct span){ p, packer->value.size };
		codec_pack(&packer->value, p);
		p += packer->value.size;
	}
	p = put_references(p, packer->value.carried);
	if (type->fingerprint)
		put_fingerprint(p, type->fingerprint);
	return codec_any_put(block, &told, (struct span){ bytes, packer->n_encoded }, bytes);
}

pyr_any *codec_any_of_bytes(struct span type, struct span value, uint64_t fingerprint,
			    struct arena *arena)
{
	size_t n_url = sizeof(prefix) - 1 + type.n,
	       n_head = codec_padded(codec_any_head(type.n, 0));
	size_t n = 1 + varint_size(n_url) + n_url + (fingerprint ? 9 : 0);
	struct codec_any told = { .fingerprint = fingerprint };
	uint8_t *block, *bytes, *p;

	n += value.n > 0 ? 1 + varint_size(value.n) + value.n : 0;
	block = arena_alloc(arena, n_head + n);
	if (!block)
		return NULL;
	bytes = block + n_head;
	p = put_type(bytes, type, &told);
	if (value.n > 0) {
		*p++ = ANY_VALUE << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
		p = varint_put(p, value.n);
		told.value = (struct span){ memcpy(p, value.p, value.n), value.n };
		p += value.n;
	}
	if (fingerprint)
		put_fingerprint(p, fingerprint);
	return codec_any_put(block, &told, (struct span){ bytes, n }, bytes);
}

struct span codec_any_bytes(const pyr_any *any, uint64_t *fingerprint)
{
	*fingerprint = any->fingerprint;
	return any->value;
}

static int refuse(struct codec_problem *problem, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	problem->code = PYR_INVALID_ARGUMENT;
	return -PYR_INVALID_ARGUMENT;
}

int codec_any_take(const pyr_any *any, const struct pyr__type *type, struct codec_taker *taker,
		   uint32_t max_message, void *ret, struct codec_problem *problem)
{
	const struct pyr__type *message = message_of(type);
	void *value;
	int status;

	if (strcmp(any->type, type->name) != 0)
		return refuse(problem, "it is a %.200s", any->type);
	if (any->fingerprint && type->fingerprint && any->fingerprint != type->fingerprint)
		return refuse(problem, "it is of another version of the type");
	status = codec_take_value(message, taker, any->value, max_message, &value, problem);
	if (status < 0)
		return status;
	if (type->kind != PYR__ENUM) {
		memcpy(ret, &value, sizeof(value));
		return 0;
	}
	memcpy(ret, value, sizeof(int32_t));
	free(value);
	return 0;
}
