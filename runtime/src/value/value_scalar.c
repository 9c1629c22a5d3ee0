/* SPDX-License-Identifier: MIT */
/* Numbers, characters, enumerators, strings and bytes, out of JSON: each fits its kind, or is
 * refused. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "value/value_own.h"

/* What an integer of a kind may be. */
static const struct range {
	int64_t min;
	uint64_t max;
} ranges[PYR__ENUM + 1] = {
	[PYR__CHAR] = { 0, UINT8_MAX },          [PYR__WCHAR] = { 0, 0x10ffff },
	[PYR__INT8] = { INT8_MIN, INT8_MAX },    [PYR__UINT8] = { 0, UINT8_MAX },
	[PYR__INT16] = { INT16_MIN, INT16_MAX }, [PYR__UINT16] = { 0, UINT16_MAX },
	[PYR__INT32] = { INT32_MIN, INT32_MAX }, [PYR__UINT32] = { 0, UINT32_MAX },
	[PYR__INT64] = { INT64_MIN, INT64_MAX }, [PYR__UINT64] = { 0, UINT64_MAX },
	[PYR__ENUM] = { INT32_MIN, INT32_MAX },
};

/* A number of JSON, as it is written. */
enum number { NO_NUMBER, NO_INTEGER, TOO_LARGE, INTEGER };

/* Also one that is written 1.0 or 1e3. It is exact below 2^53, and refused beyond. */
static enum number parse_real(const char *text, uint64_t *bits, bool *is_negative)
{
	double value = strtod(text, NULL);

	if (!(fabs(value) < 9007199254740992.0))
		return TOO_LARGE;
	if (value != trunc(value))
		return NO_INTEGER;
	*is_negative = value < 0;
	*bits = (uint64_t)fabs(value);
	return INTEGER;
}

static enum number parse_integer(const char *text, uint64_t *bits, bool *is_negative)
{
	struct json json;
	struct span number;

	json_begin(&json, text, strlen(text));
	if (json_peek(&json) != JSON_NUMBER || json.at != json.begin ||
	    !json_number(&json, &number) || json.at != json.end)
		return NO_NUMBER;
	if (strpbrk(text, ".eE"))
		return parse_real(text, bits, is_negative);
	*is_negative = text[0] == '-';
	errno = 0;
	*bits = strtoull(text + *is_negative, NULL, 10);
	return errno ? TOO_LARGE : INTEGER;
}

static bool is_in(const struct range *range, uint64_t magnitude, bool is_negative)
{
	return is_negative && magnitude > 0
		       ? magnitude <= (uint64_t) - (range->min + 1) + 1 && range->min < 0
		       : magnitude <= range->max;
}

static int put_integer(struct value_reading *reading, const struct pyr__field *field,
		       const char *text, const struct codec_path *path, void *ret)
{
	char shown[64];
	bool is_negative = false;
	uint64_t bits = 0;
	enum number number = parse_integer(text, &bits, &is_negative);

	value_show(shown, sizeof(shown), span_of(text));
	if (number < TOO_LARGE)
		return value_fail(reading, path, "an integer is wanted, not %s", shown);
	if (number == TOO_LARGE || !is_in(&ranges[field->kind], bits, is_negative) ||
	    (field->kind == PYR__WCHAR && !codec_is_code_point((uint32_t)bits)))
		return value_fail(reading, path, "%s does not fit %s", shown,
				  codec_kind_name(field->kind));
	codec_integer_set(field->kind, (int64_t)(is_negative ? 0 - bits : bits), ret);
	return 0;
}

/* Of a number or a string; NULL: neither, or memory is out. */
static const char *scalar_text(struct value_reading *reading, enum json_kind kind)
{
	struct span span;
	bool ok = kind == JSON_NUMBER ? json_number(&reading->json, &span)
				      : json_string(&reading->json, reading->arena, &span);

	return ok ? value_keep(reading, span) : NULL;
}

static int no_text(struct value_reading *reading, const struct codec_path *path)
{
	return reading->json.wrong ? value_fail(reading, path, " ") : value_memory(reading);
}

static int read_integer(struct value_reading *reading, const struct pyr__field *field,
			const struct codec_path *path, void *ret)
{
	enum json_kind kind = json_peek(&reading->json);
	const char *text;

	if (kind != JSON_NUMBER && kind != JSON_STRING)
		return value_wrong(reading, path, "an integer");
	text = scalar_text(reading, kind);
	return text ? put_integer(reading, field, text, path, ret) : no_text(reading, path);
}

/* A number, or a string of one character. */
static int read_character(struct value_reading *reading, const struct pyr__field *field,
			  const struct codec_path *path, void *ret)
{
	uint32_t character;
	const char *text;
	size_t n;

	if (json_peek(&reading->json) != JSON_STRING)
		return read_integer(reading, field, path, ret);
	if (!(text = scalar_text(reading, JSON_STRING)))
		return no_text(reading, path);
	n = text[0] ? text_char(text, strlen(text), &character) : 0;
	if (n == 0 || text[n])
		return value_fail(reading, path, "one character is wanted");
	if (character > ranges[field->kind].max)
		return value_fail(reading, path, "'%s' does not fit char", text);
	codec_integer_set(field->kind, character, ret);
	return 0;
}

/* protobuf has "Level_LOW" of enum Level { LOW }. */
static const char *without_type(const struct pyr__type *type, const char *name)
{
	const char *dot = strrchr(type->name, '.'), *last = dot ? dot + 1 : type->name;
	size_t n = strlen(last);

	return strncmp(name, last, n) == 0 && name[n] == '_' ? name + n + 1 : NULL;
}

static const struct pyr__enumerator *find_enumerator(const struct pyr__type *type, const char *name)
{
	uint32_t i;

	for (i = 0; name && i < type->n_enumerators; i++)
		if (strcmp(type->enumerators[i].name, name) == 0)
			return &type->enumerators[i];
	return NULL;
}

static int read_enum(struct value_reading *reading, const struct pyr__field *field,
		     const struct codec_path *path, void *ret)
{
	const struct pyr__enumerator *found;
	char shown[64];
	const char *name;

	if (json_peek(&reading->json) == JSON_NUMBER)
		return read_integer(reading, field, path, ret);
	if (json_peek(&reading->json) != JSON_STRING)
		return value_wrong(reading, path, "the name of an enumerator");
	if (!(name = scalar_text(reading, JSON_STRING)))
		return no_text(reading, path);
	found = find_enumerator(field->type, name);
	if (!found)
		found = find_enumerator(field->type, without_type(field->type, name));
	if (found) {
		codec_integer_set(PYR__ENUM, found->value, ret);
		return 0;
	}
	value_show(shown, sizeof(shown), span_of(name));
	return value_fail(reading, path, "%.30s has no '%s'", field->type->name, shown);
}

static bool parse_double(const char *text, double *ret)
{
	struct json json;
	struct span number;

	if (strcmp(text, "NaN") == 0)
		*ret = (double)NAN;
	else if (strcmp(text, "Infinity") == 0)
		*ret = (double)INFINITY;
	else if (strcmp(text, "-Infinity") == 0)
		*ret = -(double)INFINITY;
	else {
		json_begin(&json, text, strlen(text));
		if (json_peek(&json) != JSON_NUMBER || json.at != json.begin ||
		    !json_number(&json, &number) || json.at != json.end)
			return false;
		*ret = strtod(text, NULL);
	}
	return true;
}

static int read_real(struct value_reading *reading, const struct pyr__field *field,
		     const struct codec_path *path, void *ret)
{
	enum json_kind kind = json_peek(&reading->json);
	const char *text;
	double value;
	float narrow;

	if (kind != JSON_NUMBER && kind != JSON_STRING)
		return value_wrong(reading, path, "a number");
	if (!(text = scalar_text(reading, kind)))
		return no_text(reading, path);
	if (!parse_double(text, &value))
		return value_fail(reading, path, "a number is wanted, not \"%.20s\"", text);
	narrow = isfinite(value) && field->kind == PYR__FLOAT ? strtof(text, NULL) : (float)0;
	if (!strchr(text, 'I') && (isinf(value) || isinf(narrow)))
		return value_fail(reading, path, "%.20s does not fit %s", text,
				  codec_kind_name(field->kind));
	if (field->kind == PYR__DOUBLE)
		memcpy(ret, &value, sizeof(value));
	else
		*(float *)ret = isfinite(value) ? narrow : (float)value;
	return 0;
}

static int read_bool(struct value_reading *reading, const struct codec_path *path, void *ret)
{
	enum json_kind kind = json_peek(&reading->json);

	if (kind != JSON_TRUE && kind != JSON_FALSE)
		return value_wrong(reading, path, "true or false");
	json_skip(&reading->json);
	*(bool *)ret = kind == JSON_TRUE;
	return 0;
}

static int read_string(struct value_reading *reading, const struct pyr__field *field,
		       const struct codec_path *path, void *ret)
{
	const char *text;

	if (json_peek(&reading->json) != JSON_STRING)
		return value_wrong(reading, path, "a string");
	if (!(text = scalar_text(reading, JSON_STRING)))
		return no_text(reading, path);
	if (field->bound > 0 && strlen(text) > field->bound)
		return value_fail(reading, path, "is longer than %u bytes", field->bound);
	memcpy(ret, &text, sizeof(text));
	return 0;
}

static int read_bytes(struct value_reading *reading, const struct pyr__field *field,
		      const struct codec_path *path, void *ret)
{
	struct pyr_bytes bytes = { 0 };
	struct span text;

	if (json_peek(&reading->json) != JSON_STRING)
		return value_wrong(reading, path, "a string of base64");
	if (!json_string(&reading->json, reading->arena, &text))
		return value_fail(reading, path, " ");
	if (!(bytes.items = arena_alloc_raw(reading->arena, text.n)))
		return value_memory(reading);
	bytes.n = json_base64(text.p, text.n, bytes.items);
	if (bytes.n == SIZE_MAX)
		return value_fail(reading, path, "the string is no base64");
	if (field->bound > 0 && bytes.n > field->bound)
		return value_fail(reading, path, "is longer than %u bytes", field->bound);
	memcpy(ret, &bytes, sizeof(bytes));
	return 0;
}

int value_read_scalar(struct value_reading *reading, const struct pyr__field *field,
		      const struct codec_path *path, void *ret)
{
	switch (field->kind) {
	case PYR__BOOL:
		return read_bool(reading, path, ret);
	case PYR__CHAR:
	case PYR__WCHAR:
		return read_character(reading, field, path, ret);
	case PYR__FLOAT:
	case PYR__DOUBLE:
		return read_real(reading, field, path, ret);
	case PYR__ENUM:
		return read_enum(reading, field, path, ret);
	case PYR__STRING:
		return read_string(reading, field, path, ret);
	case PYR__BYTES:
		return read_bytes(reading, field, path, ret);
	default:
		return read_integer(reading, field, path, ret);
	}
}

int value_read_key(struct value_reading *reading, const struct pyr__field *field, struct span text,
		   const struct codec_path *path, void *ret)
{
	const char *kept = value_keep(reading, text);
	bool is_true;

	if (!kept)
		return value_memory(reading);
	if (field->kind == PYR__STRING) {
		if (field->bound > 0 && text.n > field->bound)
			return value_fail(reading, path, "its key is longer than %u bytes",
					  field->bound);
		memcpy(ret, &kept, sizeof(kept));
		return 0;
	}
	if (field->kind != PYR__BOOL)
		return put_integer(reading, field, kept, path, ret);
	is_true = strcmp(kept, "true") == 0;
	if (!is_true && strcmp(kept, "false") != 0)
		return value_fail(reading, path, "its key is true or false, nothing else");
	*(bool *)ret = is_true;
	return 0;
}
