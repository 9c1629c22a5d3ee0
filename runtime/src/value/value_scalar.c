/* SPDX-License-Identifier: MIT */
/* Numbers, characters, enumerators, strings and bytes, out of a source: each fits its kind, or is
 * refused. */
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
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

/* What became of a number, for one who wants an integer. */
enum number { NO_NUMBER, NO_INTEGER, TOO_LARGE, INTEGER };

/* Also one that is written 1.0 or 1e3. It is exact below 2^53, and refused beyond. */
static enum number whole(double value, uint64_t *bits, bool *is_negative)
{
	if (!(fabs(value) < 9007199254740992.0))
		return TOO_LARGE;
	if (value != (double)(int64_t)value) /* trunc() is in a library of its own */
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
	if (json_peek(&json) != SOURCE_NUMBER || json.at != json.begin ||
	    !json_number(&json, &number) || json.at != json.end)
		return NO_NUMBER;
	if (strpbrk(text, ".eE"))
		return whole(strtod(text, NULL), bits, is_negative);
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

/* An integer that was read, shown as it was. */
struct integer {
	enum number number;
	bool is_negative;
	uint64_t bits;
	char shown[64];
};

static void integer_of_text(const char *text, struct integer *ret)
{
	ret->number = parse_integer(text, &ret->bits, &ret->is_negative);
	source_show_text(ret->shown, sizeof(ret->shown), span_of(text));
}

static void integer_of_number(const struct source_number *number, struct integer *ret)
{
	ret->number = INTEGER;
	ret->is_negative = number->is_negative;
	ret->bits = number->magnitude;
	if (number->is_real) {
		ret->number = whole(number->real, &ret->bits, &ret->is_negative);
		snprintf(ret->shown, sizeof(ret->shown), "%.17g", number->real);
	} else {
		snprintf(ret->shown, sizeof(ret->shown), "%s%" PRIu64,
			 number->is_negative ? "-" : "", number->magnitude);
	}
}

static int put_integer(struct value_reading *reading, const struct pyr__field *field,
		       const struct integer *integer, const struct codec_path *path, void *ret)
{
	if (integer->number < TOO_LARGE)
		return value_fail(reading, path, "expected an integer, got %s", integer->shown);
	if (integer->number == TOO_LARGE ||
	    !is_in(&ranges[field->kind], integer->bits, integer->is_negative) ||
	    (field->kind == PYR__WCHAR && !codec_is_code_point((uint32_t)integer->bits)))
		return value_fail(reading, path, "%s does not fit %s", integer->shown,
				  codec_kind_name(field->kind));
	codec_integer_set(field->kind,
			  (int64_t)(integer->is_negative ? 0 - integer->bits : integer->bits), ret);
	return 0;
}

/* Of a string; NULL: it is malformed, or memory is out. */
static const char *string_text(struct value_reading *reading)
{
	struct span span;

	return source_string(reading->source, reading->arena, &span) ? value_keep(reading, span)
								     : NULL;
}

static int no_text(struct value_reading *reading, const struct codec_path *path)
{
	return reading->source->wrong ? value_fail(reading, path, " ") : value_memory(reading);
}

/*
 * Whether a number comes, or a string that stands for one, and then which: *ret_text is how it is
 * written, or NULL if *ret is its value. Returns 0 or minus a status.
 */
static int read_number(struct value_reading *reading, const char *wanted,
		       const struct codec_path *path, const char **ret_text,
		       struct source_number *ret)
{
	struct source *source = reading->source;
	enum source_next next = source_peek(source);

	if (next == SOURCE_NUMBER) {
		if (!source->kind->number(source, ret))
			return value_fail(reading, path, " ");
		*ret_text = NULL;
		if (!ret->text.p)
			return 0;
		*ret_text = value_keep(reading, ret->text);
		return *ret_text ? 0 : value_memory(reading);
	}
	if (next != SOURCE_STRING || !(source->kind->flags & SOURCE_TEXT_NUMBERS))
		return value_wrong(reading, path, wanted);
	*ret_text = string_text(reading);
	return *ret_text ? 0 : no_text(reading, path);
}

static int read_integer(struct value_reading *reading, const struct pyr__field *field,
			const struct codec_path *path, void *ret)
{
	struct source_number number;
	struct integer integer;
	const char *text;
	int err = read_number(reading, "an integer", path, &text, &number);

	if (err < 0)
		return err;
	if (text)
		integer_of_text(text, &integer);
	else
		integer_of_number(&number, &integer);
	return put_integer(reading, field, &integer, path, ret);
}

/* A number, or a string of one character. */
static int read_character(struct value_reading *reading, const struct pyr__field *field,
			  const struct codec_path *path, void *ret)
{
	uint32_t character;
	const char *text;
	size_t n;

	if (source_peek(reading->source) != SOURCE_STRING)
		return read_integer(reading, field, path, ret);
	if (!(text = string_text(reading)))
		return no_text(reading, path);
	n = text[0] ? text_char(text, strlen(text), &character) : 0;
	if (n == 0 || text[n])
		return value_fail(reading, path, "expected one character");
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

	if (source_peek(reading->source) == SOURCE_NUMBER)
		return read_integer(reading, field, path, ret);
	if (source_peek(reading->source) != SOURCE_STRING)
		return value_wrong(reading, path, "the name of an enumerator");
	if (!(name = string_text(reading)))
		return no_text(reading, path);
	found = find_enumerator(field->type, name);
	if (!found)
		found = find_enumerator(field->type, without_type(field->type, name));
	if (found) {
		codec_integer_set(PYR__ENUM, found->value, ret);
		return 0;
	}
	source_show_text(shown, sizeof(shown), span_of(name));
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
		if (json_peek(&json) != SOURCE_NUMBER || json.at != json.begin ||
		    !json_number(&json, &number) || json.at != json.end)
			return false;
		*ret = strtod(text, NULL);
	}
	return true;
}

static void put_real(const struct pyr__field *field, double value, float narrow, void *ret)
{
	if (field->kind == PYR__DOUBLE)
		memcpy(ret, &value, sizeof(value));
	else
		*(float *)ret = narrow;
}

static int put_real_text(struct value_reading *reading, const struct pyr__field *field,
			 const char *text, const struct codec_path *path, void *ret)
{
	double value;
	float narrow;

	if (!parse_double(text, &value))
		return value_fail(reading, path, "expected a number, got \"%.20s\"", text);
	narrow = isfinite(value) && field->kind == PYR__FLOAT ? strtof(text, NULL) : (float)value;
	if (!strchr(text, 'I') && (isinf(value) || (field->kind == PYR__FLOAT && isinf(narrow))))
		return value_fail(reading, path, "%.20s does not fit %s", text,
				  codec_kind_name(field->kind));
	put_real(field, value, narrow, ret);
	return 0;
}

static int read_real(struct value_reading *reading, const struct pyr__field *field,
		     const struct codec_path *path, void *ret)
{
	struct source_number number;
	const char *text;
	double value;
	int err = read_number(reading, "a number", path, &text, &number);

	if (err < 0)
		return err;
	if (text)
		return put_real_text(reading, field, text, path, ret);
	value = (double)number.magnitude;
	value = number.is_real ? number.real : number.is_negative ? -value : value;
	if (field->kind == PYR__FLOAT && isfinite(value) && fabs(value) > (double)FLT_MAX)
		return value_fail(reading, path, "%.17g does not fit float", value);
	put_real(field, value, (float)value, ret);
	return 0;
}

static int read_bool(struct value_reading *reading, const struct codec_path *path, void *ret)
{
	enum source_next next = source_peek(reading->source);

	if (next != SOURCE_TRUE && next != SOURCE_FALSE)
		return value_wrong(reading, path, "true or false");
	source_skip(reading->source);
	*(bool *)ret = next == SOURCE_TRUE;
	return 0;
}

static int read_string(struct value_reading *reading, const struct pyr__field *field,
		       const struct codec_path *path, void *ret)
{
	const char *text;

	if (source_peek(reading->source) != SOURCE_STRING)
		return value_wrong(reading, path, "a string");
	if (!(text = string_text(reading)))
		return no_text(reading, path);
	if (field->bound > 0 && strlen(text) > field->bound)
		return value_fail(reading, path, "is longer than %u bytes", field->bound);
	memcpy(ret, &text, sizeof(text));
	return 0;
}

static int read_base64(struct value_reading *reading, const struct codec_path *path,
		       struct pyr_bytes *ret)
{
	struct span text;

	if (source_peek(reading->source) != SOURCE_STRING)
		return value_wrong(reading, path, "a string of base64");
	if (!source_string(reading->source, reading->arena, &text))
		return value_fail(reading, path, " ");
	if (!(ret->items = arena_alloc_raw(reading->arena, text.n)))
		return value_memory(reading);
	ret->n = json_base64(text.p, text.n, ret->items);
	return ret->n == SIZE_MAX ? value_fail(reading, path, "the string is not base64") : 0;
}

static int read_raw(struct value_reading *reading, const struct codec_path *path,
		    struct pyr_bytes *ret)
{
	struct span span;

	if (source_peek(reading->source) != SOURCE_BYTES)
		return value_wrong(reading, path, "a bytes object");
	if (!reading->source->kind->bytes(reading->source, reading->arena, &span))
		return value_fail(reading, path, " ");
	if (!(ret->items = arena_copy(reading->arena, span.p, span.n)))
		return value_memory(reading);
	ret->n = span.n;
	return 0;
}

static int read_bytes(struct value_reading *reading, const struct pyr__field *field,
		      const struct codec_path *path, void *ret)
{
	struct pyr_bytes bytes = { 0 };
	int err = reading->source->kind->flags & SOURCE_TEXT_BYTES
			  ? read_base64(reading, path, &bytes)
			  : read_raw(reading, path, &bytes);

	if (err < 0)
		return err;
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

static int read_bool_key(struct value_reading *reading, const struct source_key *key,
			 const struct codec_path *path, bool *ret)
{
	bool is_text = key->kind == SOURCE_STRING;

	*ret = is_text ? span_is(key->text, "true") : key->kind == SOURCE_TRUE;
	if (*ret || (is_text ? span_is(key->text, "false") : key->kind == SOURCE_FALSE))
		return 0;
	return value_fail(reading, path, "its key must be true or false");
}

int value_read_key(struct value_reading *reading, const struct pyr__field *field,
		   const struct source_key *key, const struct codec_path *path, void *ret)
{
	struct integer integer;
	const char *kept;

	if (field->kind == PYR__BOOL)
		return read_bool_key(reading, key, path, ret);
	if (!(kept = value_keep(reading, key->text)))
		return value_memory(reading);
	if (field->kind != PYR__STRING) {
		integer_of_text(kept, &integer);
		return put_integer(reading, field, &integer, path, ret);
	}
	if (key->kind != SOURCE_STRING)
		return value_fail(reading, path, "its key must be a string, not %.40s", kept);
	if (field->bound > 0 && key->text.n > field->bound)
		return value_fail(reading, path, "its key is longer than %u bytes", field->bound);
	memcpy(ret, &kept, sizeof(kept));
	return 0;
}
