/* SPDX-License-Identifier: MIT */
#include "value/json_read.h"

#include <string.h>

#include "base/text.h"

static bool json_fail(struct json *json, const char *what)
{
	return source_fail(&json->source, what);
}

static void skip_space(struct json *json)
{
	while (json->at < json->end &&
	       (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r'))
		json->at++;
}

static bool is_word(const struct json *json, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(json->end - json->at) >= n && memcmp(json->at, word, n) == 0;
}

enum source_next json_peek(struct json *json)
{
	skip_space(json);
	if (json->source.wrong)
		return SOURCE_WRONG;
	if (json->at == json->end)
		return SOURCE_END;
	switch (*json->at) {
	case '{':
		return SOURCE_OBJECT;
	case '[':
		return SOURCE_ARRAY;
	case '"':
		return SOURCE_STRING;
	case 't':
		return is_word(json, "true") ? SOURCE_TRUE : SOURCE_WRONG;
	case 'f':
		return is_word(json, "false") ? SOURCE_FALSE : SOURCE_WRONG;
	case 'n':
		return is_word(json, "null") ? SOURCE_NULL : SOURCE_WRONG;
	default:
		return *json->at == '-' || (*json->at >= '0' && *json->at <= '9') ? SOURCE_NUMBER
										  : SOURCE_WRONG;
	}
}

static bool json_open(struct json *json)
{
	if (json->depth == SOURCE_DEPTH)
		return json_fail(json, "it is nested too deep");
	json->depth++;
	json->at++;
	return true;
}

static bool json_more(struct json *json, char close, size_t n)
{
	skip_space(json);
	if (json->source.wrong)
		return false;
	if (json->at < json->end && *json->at == close) {
		json->at++;
		json->depth--;
		return false;
	}
	if (n == 0)
		return json->at < json->end || json_fail(json, "it ends too early");
	if (json->at == json->end || *json->at != ',')
		return json_fail(json,
				 close == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
	json->at++;
	return true;
}

/* ---- strings ---- */

/* Of the four digits of \u. Returns false if there are none. */
static bool read_unit(struct json *json, uint32_t *ret)
{
	int i;
	char c;

	*ret = 0;
	for (i = 0; i < 4; i++, json->at++) {
		if (json->at == json->end)
			return false;
		c = *json->at;
		if (c >= '0' && c <= '9')
			*ret = *ret << 4 | (uint32_t)(c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			*ret = *ret << 4 | (uint32_t)((c | 32) - 'a' + 10);
		else
			return false;
	}
	return true;
}

static bool read_code_point(struct json *json, uint32_t *ret)
{
	uint32_t low;

	if (!read_unit(json, ret))
		return json_fail(json, "\\u requires four hexadecimal digits");
	if (*ret == 0)
		return json_fail(json, "a string cannot contain a NUL");
	if (*ret < 0xd800 || *ret > 0xdfff)
		return true;
	if (*ret > 0xdbff || !is_word(json, "\\u"))
		return json_fail(json, "half a surrogate pair");
	json->at += 2;
	if (!read_unit(json, &low) || low < 0xdc00 || low > 0xdfff)
		return json_fail(json, "half a surrogate pair");
	*ret = 0x10000 + ((*ret - 0xd800) << 10 | (low - 0xdc00));
	return true;
}

uint8_t *json_put_utf8(uint8_t *p, uint32_t c)
{
	if (c < 0x80) {
		*p++ = (uint8_t)c;
		return p;
	}
	if (c < 0x800) {
		*p++ = (uint8_t)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*p++ = (uint8_t)(0xe0 | c >> 12);
		} else {
			*p++ = (uint8_t)(0xf0 | c >> 18);
			*p++ = (uint8_t)(0x80 | (c >> 12 & 63));
		}
		*p++ = (uint8_t)(0x80 | (c >> 6 & 63));
	}
	*p++ = (uint8_t)(0x80 | (c & 63));
	return p;
}

/* Behind a backslash. */
static bool read_escape(struct json *json, uint8_t **p)
{
	static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *name;
	uint32_t c;

	if (json->at == json->end)
		return json_fail(json, "a string is not closed");
	if (*json->at == 'u') {
		json->at++;
		if (!read_code_point(json, &c))
			return false;
		*p = json_put_utf8(*p, c);
		return true;
	}
	name = strchr(names, *json->at);
	if (!name || !*name)
		return json_fail(json, "an escape that JSON does not have");
	*(*p)++ = (uint8_t)meant[name - names];
	json->at++;
	return true;
}

/* To the quote that closes it; *ret_plain: it has no escapes. Checked: UTF-8, no control
 * characters. */
static bool find_end(struct json *json, const char **ret_end, bool *ret_plain)
{
	const char *p = json->at;
	uint32_t c;
	size_t n;

	for (*ret_plain = true; p < json->end && *p != '"'; p += n) {
		n = text_char(p, (size_t)(json->end - p), &c);
		json->at = p; /* where it is wrong */
		if (n == 0)
			return json_fail(json, "it is not UTF-8");
		if (c < 0x20)
			return json_fail(json, "a control character in a string");
		if (c != '\\')
			continue;
		*ret_plain = false;
		if (++n > (size_t)(json->end - p))
			n--;
	}
	*ret_end = p;
	return p < json->end || json_fail(json, "a string is not closed");
}

static bool json_string(struct json *json, struct arena *arena, struct span *ret)
{
	const char *begin = ++json->at, *end;
	uint8_t *copy, *p;
	bool is_plain;

	if (!find_end(json, &end, &is_plain))
		return false;
	json->at = begin;
	*ret = (struct span){ (const uint8_t *)begin, (size_t)(end - begin) };
	if (!is_plain) {
		copy = p = arena_alloc_raw(arena, ret->n);
		if (!copy)
			return json_fail(json, "out of memory");
		while (json->at < end) {
			if (*json->at != '\\') {
				*p++ = (uint8_t)*json->at++;
				continue;
			}
			json->at++;
			if (!read_escape(json, &p))
				return false;
		}
		*ret = (struct span){ copy, (size_t)(p - copy) };
	}
	json->at = end + 1;
	return true;
}

static bool json_key(struct json *json, struct arena *arena, struct span *ret)
{
	if (json_peek(json) != SOURCE_STRING)
		return json_fail(json, "the name of a member is missing");
	if (!json_string(json, arena, ret))
		return false;
	skip_space(json);
	if (json->at == json->end || *json->at != ':')
		return json_fail(json, "':' is missing");
	json->at++;
	return true;
}

/* ---- numbers ---- */

static bool skip_digits(struct json *json)
{
	const char *begin = json->at;

	while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
		json->at++;
	return json->at > begin;
}

static bool skip_char(struct json *json, char a, char b)
{
	if (json->at == json->end || (*json->at != a && *json->at != b))
		return false;
	json->at++;
	return true;
}

bool json_number(struct json *json, struct span *ret)
{
	const char *begin = json->at, *digits;
	bool ok;

	skip_char(json, '-', '-');
	digits = json->at;
	ok = skip_digits(json) && (*digits != '0' || json->at == digits + 1);
	if (skip_char(json, '.', '.'))
		ok &= skip_digits(json);
	if (skip_char(json, 'e', 'E')) {
		skip_char(json, '+', '-');
		ok &= skip_digits(json);
	}
	*ret = (struct span){ (const uint8_t *)begin, (size_t)(json->at - begin) };
	if (ok)
		return true;
	json->at = begin;
	return json_fail(json, "a malformed number");
}

/* ---- what nobody wants ---- */

static bool skip_string(struct json *json)
{
	const char *end;
	bool is_plain;

	json->at++;
	if (!find_end(json, &end, &is_plain))
		return false;
	json->at = end + 1;
	return true;
}

static bool skip_name(struct json *json)
{
	if (json_peek(json) != SOURCE_STRING)
		return json_fail(json, "the name of a member is missing");
	if (!skip_string(json))
		return false;
	skip_space(json);
	return skip_char(json, ':', ':') || json_fail(json, "':' is missing");
}

/* One that holds no others, or the bracket that opens one; *ret: whether it was that. */
static bool skip_piece(struct json *json, bool *ret)
{
	struct span number;

	*ret = false;
	switch (json_peek(json)) {
	case SOURCE_OBJECT:
	case SOURCE_ARRAY:
		*ret = true;
		return json_open(json);
	case SOURCE_STRING:
		return skip_string(json);
	case SOURCE_NUMBER:
		return json_number(json, &number);
	case SOURCE_TRUE:
	case SOURCE_NULL:
		json->at += 4;
		return true;
	case SOURCE_FALSE:
		json->at += 5;
		return true;
	case SOURCE_END:
		return json_fail(json, "it ends too early");
	default:
		return json_fail(json, "not a JSON value");
	}
}

bool json_skip(struct json *json)
{
	char closes[SOURCE_DEPTH + 1];
	size_t n[SOURCE_DEPTH + 1];
	unsigned depth = 0;
	bool is_open;

	do {
		skip_space(json);
		closes[depth + 1 > SOURCE_DEPTH ? SOURCE_DEPTH : depth + 1] =
			json->at < json->end && *json->at == '{' ? '}' : ']';
		if (!skip_piece(json, &is_open))
			return false;
		if (is_open)
			n[++depth] = 0;
		while (depth > 0 && !json_more(json, closes[depth], n[depth]) &&
		       !json->source.wrong)
			depth--;
		if (json->source.wrong)
			return false;
		if (depth > 0 && closes[depth] == '}' && !skip_name(json))
			return false;
		if (depth > 0)
			n[depth]++;
	} while (depth > 0);
	return true;
}

bool json_at_end(struct json *json)
{
	return json_peek(json) == SOURCE_END || json_fail(json, "something follows the value");
}

/* ---- as a source ---- */

static struct json *of(struct source *source)
{
	return (struct json *)source;
}

static enum source_next peek(struct source *source)
{
	return json_peek(of(source));
}

static bool open_it(struct source *source)
{
	return json_open(of(source));
}

static bool more(struct source *source, enum source_next in, size_t n)
{
	return json_more(of(source), in == SOURCE_OBJECT ? '}' : ']', n);
}

static bool key(struct source *source, struct arena *arena, struct source_key *ret)
{
	ret->kind = SOURCE_STRING;
	return json_key(of(source), arena, &ret->text);
}

static bool string(struct source *source, struct arena *arena, struct span *ret)
{
	return json_string(of(source), arena, ret);
}

static bool no_bytes(struct source *source, struct arena *arena, struct span *ret)
{
	(void)arena;
	*ret = (struct span){ NULL, 0 };
	return source_fail(source, "JSON has no bytes");
}

static bool number(struct source *source, struct source_number *ret)
{
	*ret = (struct source_number){ .is_real = false };
	return json_number(of(source), &ret->text);
}

static bool skip(struct source *source)
{
	return json_skip(of(source));
}

static bool at_end(struct source *source)
{
	return json_at_end(of(source));
}

static bool show(struct source *source, char *buf, size_t n)
{
	struct json *json = of(source);
	const char *begin = json->at;

	if (!json_skip(json))
		return false;
	source_show_text(buf, n,
			 (struct span){ (const uint8_t *)begin, (size_t)(json->at - begin) });
	return true;
}

static size_t where(const struct source *source)
{
	const struct json *json = (const struct json *)source;

	return (size_t)(json->at - json->begin);
}

static struct source_mark mark(const struct source *source)
{
	const struct json *json = (const struct json *)source;

	return (struct source_mark){ where(source), json->depth };
}

static void back(struct source *source, struct source_mark to)
{
	of(source)->at = of(source)->begin + to.at;
	of(source)->depth = to.depth;
}

static const struct source_kind kind = {
	.name = "JSON",
	.flags = SOURCE_TEXT_NUMBERS | SOURCE_TEXT_BYTES,
	.peek = peek,
	.open = open_it,
	.more = more,
	.key = key,
	.string = string,
	.bytes = no_bytes,
	.number = number,
	.skip = skip,
	.at_end = at_end,
	.show = show,
	.where = where,
	.mark = mark,
	.back = back,
};

void json_begin(struct json *json, const char *text, size_t n)
{
	*json = (struct json){
		.source = { &kind, NULL }, .begin = text, .at = text, .end = text + n
	};
}
