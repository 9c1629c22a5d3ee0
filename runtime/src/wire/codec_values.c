/* SPDX-License-Identifier: MIT */
/*
 * One value of one kind: its size in both forms, the step between them, and the rules of text.
 * protobuf-c has no type below 32 bits and gives a boolean four bytes.
 */
#include "wire/codec_internal.h"

#include "base/text.h"

#include <string.h>

static const struct {
	const char *name;
	uint8_t natural, shadow;
	bool same; /* layout */
} kinds[] = {
	[PYR__BOOL] = { "boolean", sizeof(bool), sizeof(protobuf_c_boolean), false },
	[PYR__CHAR] = { "char", 1, 4, false },
	[PYR__WCHAR] = { "wchar", 4, 4, false },
	[PYR__INT8] = { "int8", 1, 4, false },
	[PYR__UINT8] = { "uint8", 1, 4, false },
	[PYR__INT16] = { "int16", 2, 4, false },
	[PYR__UINT16] = { "uint16", 2, 4, false },
	[PYR__INT32] = { "int32", 4, 4, true },
	[PYR__UINT32] = { "uint32", 4, 4, true },
	[PYR__INT64] = { "int64", 8, 8, true },
	[PYR__UINT64] = { "uint64", 8, 8, true },
	[PYR__FLOAT] = { "float", 4, 4, true },
	[PYR__DOUBLE] = { "double", 8, 8, true },
	[PYR__ENUM] = { "enum", 4, 4, true },
	[PYR__STRING] = { "string", sizeof(char *), sizeof(char *), true },
	[PYR__BYTES] = { "sequence<octet>", sizeof(struct pyr_bytes), sizeof(ProtobufCBinaryData),
			 false },
	[PYR__STRUCT] = { "struct", 0, sizeof(void *), false },
	[PYR__UNION] = { "union", 0, sizeof(void *), false },
	[PYR__SEQUENCE] = { "sequence", 0, sizeof(void *), false },
	[PYR__ARRAY] = { "array", 0, sizeof(void *), false },
	[PYR__MAP] = { "map", 0, sizeof(void *), false },
	[PYR__INTERFACE] = { "interface", sizeof(void *), sizeof(ProtobufCBinaryData), false },
	[PYR__ANY] = { "any", sizeof(void *), sizeof(ProtobufCBinaryData), false },
	[PYR__OBJECT] = { "Object", sizeof(void *), sizeof(ProtobufCBinaryData), false },
};

size_t codec_natural_size(const struct pyr__field *field)
{
	size_t size = kinds[field->kind].natural;

	return size > 0 ? size : field->type->size;
}

size_t codec_shadow_size(uint8_t kind)
{
	return kinds[kind].shadow;
}

bool codec_same_layout(uint8_t kind)
{
	return kinds[kind].same;
}

const char *codec_kind_name(uint8_t kind)
{
	return kinds[kind].name;
}

void codec_widen(uint8_t kind, const void *natural, void *shadow)
{
	uint8_t byte;

	switch (kind) {
	case PYR__BOOL: /* by its byte: a bool that is neither 0 nor 1 may not be read as one */
		memcpy(&byte, natural, 1);
		*(protobuf_c_boolean *)shadow = byte != 0;
		break;
	case PYR__CHAR:
	case PYR__UINT8:
		*(uint32_t *)shadow = *(const uint8_t *)natural;
		break;
	case PYR__INT8:
		*(int32_t *)shadow = *(const int8_t *)natural;
		break;
	case PYR__INT16:
		*(int32_t *)shadow = *(const int16_t *)natural;
		break;
	case PYR__UINT16:
		*(uint32_t *)shadow = *(const uint16_t *)natural;
		break;
	default:
		memcpy(shadow, natural, kinds[kind].shadow);
	}
}

bool codec_is_code_point(uint32_t character)
{
	return character <= 0x10ffff && (character < 0xd800 || character > 0xdfff);
}

bool codec_narrow(uint8_t kind, const void *shadow, void *natural)
{
	int64_t value;

	switch (kind) {
	case PYR__BOOL:
		*(bool *)natural = *(const protobuf_c_boolean *)shadow != 0;
		return true;
	case PYR__CHAR:
	case PYR__UINT8:
	case PYR__INT8:
	case PYR__INT16:
	case PYR__UINT16:
		value = codec_shadow_integer(kind, shadow);
		if ((kind == PYR__INT8 && (value < INT8_MIN || value > INT8_MAX)) ||
		    (kind == PYR__INT16 && (value < INT16_MIN || value > INT16_MAX)) ||
		    (kind == PYR__UINT16 && value > UINT16_MAX) ||
		    ((kind == PYR__CHAR || kind == PYR__UINT8) && value > UINT8_MAX))
			return false;
		codec_integer_set(kind, value, natural);
		return true;
	case PYR__WCHAR:
		if (!codec_is_code_point(*(const uint32_t *)shadow))
			return false;
		*(uint32_t *)natural = *(const uint32_t *)shadow;
		return true;
	default:
		memcpy(natural, shadow, kinds[kind].shadow);
		return true;
	}
}

int64_t codec_shadow_integer(uint8_t kind, const void *shadow)
{
	if (kind == PYR__INT8 || kind == PYR__INT16)
		return *(const int32_t *)shadow;
	return *(const uint32_t *)shadow;
}

int64_t codec_integer_get(uint8_t kind, const void *natural)
{
	int64_t wide = 0;

	switch (kind) {
	case PYR__BOOL:
	case PYR__CHAR:
	case PYR__UINT8:
		return *(const uint8_t *)natural;
	case PYR__INT8:
		return *(const int8_t *)natural;
	case PYR__INT16:
		return *(const int16_t *)natural;
	case PYR__UINT16:
		return *(const uint16_t *)natural;
	case PYR__INT32:
	case PYR__ENUM:
		return *(const int32_t *)natural;
	case PYR__UINT32:
	case PYR__WCHAR:
		return *(const uint32_t *)natural;
	default:
		memcpy(&wide, natural, sizeof(wide));
		return wide;
	}
}

void codec_integer_set(uint8_t kind, int64_t value, void *natural)
{
	uint64_t bits = (uint64_t)value;

	switch (kinds[kind].natural) {
	case 1:
		*(uint8_t *)natural = kind == PYR__BOOL ? value != 0 : (uint8_t)bits;
		break;
	case 2:
		*(uint16_t *)natural = (uint16_t)bits;
		break;
	case 4:
		*(uint32_t *)natural = (uint32_t)bits;
		break;
	default:
		*(uint64_t *)natural = bits;
	}
}

static const struct pyr__label *find_label(const struct pyr__type *type, int64_t value)
{
	uint32_t low = 0, high = type->n_labels, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (type->labels[middle].value == value)
			return &type->labels[middle];
		if (type->labels[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

unsigned codec_union_member(const struct pyr__type *type, int64_t discriminator)
{
	const struct pyr__label *label = find_label(type, discriminator);

	return label ? label->field : type->default_field;
}

int64_t codec_union_label(const struct pyr__type *type, unsigned member)
{
	int64_t value = 0;
	uint32_t i;

	for (i = 0; i < type->n_labels; i++)
		if (type->labels[i].field == member)
			return type->labels[i].value;
	while (find_label(type, value)) /* labels are few; the value that none of them names */
		value++;
	return value;
}

bool codec_is_text(const uint8_t *data, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	uint64_t word;
	uint32_t character;
	size_t i = 0, length;

	while (i < n) {
		for (; n - i >= 8; i += 8) { /* eight ASCII characters at once, none of them NUL */
			memcpy(&word, data + i, 8);
			if ((word | (word - ones)) & tops)
				break;
		}
		if (i == n)
			break;
		length = text_char((const char *)data + i, n - i, &character);
		if (length == 0 || character == 0)
			return false;
		i += length;
	}
	return true;
}
