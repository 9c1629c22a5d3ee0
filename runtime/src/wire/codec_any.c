/* SPDX-License-Identifier: MIT */
#include "wire/codec_any.h"

#include <string.h>

#include "wire/codec_wire.h"

enum { TYPE_URL_MAX = 1024 };

static void take(struct codec_any *any, const struct codec_value *value)
{
	struct span span = { value->payload, (size_t)(value->end - value->payload) };

	if (value->id == ANY_FINGERPRINT && value->wire == PROTOBUF_C_WIRE_TYPE_64BIT)
		any->fingerprint = codec_fixed(value->payload, 8);
	else if (value->wire != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
		return;
	else if (value->id == ANY_TYPE_URL)
		any->type = span;
	else if (value->id == ANY_VALUE)
		any->value = span;
	else if (value->id == ANY_REFERENCES)
		any->n_references++;
}

bool codec_any_next_reference(struct span *rest, struct span *ret)
{
	const uint8_t *p = rest->p, *end = span_end(*rest);
	struct codec_value value;

	for (; p < end && codec_read(p, end, &value); p = value.end) {
		if (value.id != ANY_REFERENCES ||
		    value.wire != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
			continue;
		*ret = (struct span){ value.payload, (size_t)(value.end - value.payload) };
		*rest = (struct span){ value.end, (size_t)(end - value.end) };
		return true;
	}
	return false;
}

/* A type's URL ends with its name, whatever is before that. */
static struct span name_of(struct span url)
{
	size_t n = url.n;

	while (n > 0 && url.p[n - 1] != '/')
		n--;
	return span_after(url, n);
}

const char *codec_any_read(struct span encoded, struct codec_any *ret)
{
	const uint8_t *p = encoded.p, *end = span_end(encoded);
	struct codec_value value;

	*ret = (struct codec_any){ 0 };
	for (; p < end; p = value.end) {
		if (!codec_read(p, end, &value))
			return "is malformed (not protobuf)";
		take(ret, &value);
	}
	if (ret->type.n > TYPE_URL_MAX || !codec_is_text(ret->type.p, ret->type.n))
		return "has a type name that is not text, or too long";
	ret->type = name_of(ret->type);
	return ret->type.n == 0 ? "has no type name" : NULL;
}

pyr_any *codec_any_put(void *head, const struct codec_any *told, struct span encoded,
		       const uint8_t *bytes)
{
	struct pyr_any *any = head;
	char *name = (char *)(any->references + told->n_references);

	memcpy(name, told->type.p, told->type.n);
	name[told->type.n] = '\0';
	*any = (struct pyr_any){ .type = name, .fingerprint = told->fingerprint };
	any->n_references = told->n_references;
	memset(any->references, 0, told->n_references * sizeof(void *));
	any->encoded = (struct span){ bytes, encoded.n };
	any->value.n = told->value.n;
	if (any->value.n > 0)
		any->value.p = bytes + (told->value.p - encoded.p);
	return any;
}

const char *codec_any_type(const pyr_any *any)
{
	return any->type;
}

size_t codec_any_copy_size(const pyr_any *any)
{
	return codec_padded(codec_any_head(strlen(any->type), any->n_references)) + any->encoded.n;
}

pyr_any *codec_any_copy(const pyr_any *any, void *block)
{
	size_t n_name = strlen(any->type);
	uint8_t *bytes = (uint8_t *)block + codec_padded(codec_any_head(n_name, any->n_references));
	struct codec_any told = { { (const uint8_t *)any->type, n_name },
				  any->value,
				  any->fingerprint,
				  any->n_references };

	memcpy(bytes, any->encoded.p, any->encoded.n);
	return codec_any_put(block, &told, any->encoded, bytes);
}
