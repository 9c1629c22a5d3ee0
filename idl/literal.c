/* SPDX-License-Identifier: MIT */
/*
 * Literals to values. Texts are UTF-8; a byte that is not (files of the nineties are often Latin-1)
 * stands for the Latin-1 character of its code, and so does an escape \xE9.
 */
#include "literal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "front.h"
#include "memory.h"

bool literal_integer(struct front *front, const struct token *token, struct ast_value *ret)
{
	const char *text = token->text;
	bool octal = text[0] == '0' && token->n_text > 1 && text[1] != 'x' && text[1] != 'X';
	uint64_t value;

	if (octal && strpbrk(text, "89")) {
		diag_error(front->diag, &token->loc, "'%.40s' is not an octal number", text);
		return false;
	}
	errno = 0;
	value = strtoull(text, NULL, 0);
	if (errno == ERANGE) {
		diag_error(front->diag, &token->loc, "'%.40s' does not fit into 64 bits", text);
		return false;
	}
	if (value <= INT64_MAX)
		*ret = (struct ast_value){ .kind = VALUE_INT, .i = (int64_t)value };
	else
		*ret = (struct ast_value){ .kind = VALUE_UINT, .u = value };
	return true;
}

bool literal_float(struct front *front, const struct token *token, struct ast_value *ret)
{
	double value = strtod(token->text, NULL);

	if (isinf(value)) {
		diag_error(front->diag, &token->loc, "'%.40s' is too large for a double",
			   token->text);
		return false;
	}
	*ret = (struct ast_value){ .kind = VALUE_FLOAT, .f = value };
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Up to max digits of a base. Returns: their value, or -1 if there is none. */
static int32_t read_digits(const char **at, int base, int max)
{
	int32_t value = 0;
	int n, digit;

	for (n = 0; n < max; n++) {
		digit = hex_digit(**at);
		if (digit < 0 || digit >= base)
			break;
		value = value * base + digit;
		(*at)++;
	}
	return n > 0 ? value : -1;
}

static int32_t read_escape(const char **at)
{
	static const char letters[] = "n\nt\tv\vb\br\rf\fa\a\\\\''\"\"?\?";
	size_t i;
	char c = **at;

	if (c >= '0' && c <= '7')
		return read_digits(at, 8, 3);
	(*at)++;
	if (c == 'x')
		return read_digits(at, 16, 2);
	if (c == 'u')
		return read_digits(at, 16, 4);
	for (i = 0; letters[i]; i += 2)
		if (letters[i] == c)
			return (unsigned char)letters[i + 1];
	return -1;
}

/* One character of UTF-8, or the byte itself where it is none. */
static int32_t read_utf8(const char **at, const char *end)
{
	const unsigned char *p = (const unsigned char *)*at;
	int n = p[0] >= 0xf0 && p[0] < 0xf5 ? 3 : p[0] >= 0xe0 ? 2 : 1;
	static const int32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	int32_t code;
	int i;

	*at += 1;
	if (p[0] < 0xc2 || p[0] > 0xf4 || end - (const char *)p <= n)
		return p[0];
	code = p[0] & (0x3f >> n);
	for (i = 1; i <= n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return p[0];
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return p[0];
	*at += n;
	return code;
}

/* Returns: the next character, or -1 after reporting a bad escape. */
static int32_t read_char(struct front *front, const struct token *token, const char **at,
			 const char *end)
{
	struct ast_loc loc = token->loc;
	int32_t code;

	if (**at != '\\')
		return read_utf8(at, end);
	if (loc.column > 0)
		loc.column += (int)(*at - token->text);
	*at += 1;
	code = read_escape(at);
	if (code < 0)
		diag_error(front->diag, &loc, "unknown escape sequence");
	else if (code >= 0xd800 && code < 0xe000)
		diag_error(front->diag, &loc, "\\u%04x is half a character", (unsigned)code);
	else
		return code;
	return -1;
}

static char *write_utf8(char *out, int32_t code)
{
	if (code < 0x80) {
		*out++ = (char)code;
	} else if (code < 0x800) {
		*out++ = (char)(0xc0 | code >> 6);
		*out++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*out++ = (char)(0xe0 | code >> 12);
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	} else {
		*out++ = (char)(0xf0 | code >> 18);
		*out++ = (char)(0x80 | (code >> 12 & 0x3f));
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	}
	return out;
}

bool literal_char(struct front *front, const struct token *token, struct ast_value *ret)
{
	const char *at = token->text + (token->text[0] == 'L') + 1;
	const char *end = token->text + token->n_text - 1;
	int32_t code;

	if (at == end) {
		diag_error(front->diag, &token->loc, "empty character");
		return false;
	}
	code = read_char(front, token, &at, end);
	if (code < 0)
		return false;
	if (at != end) {
		diag_error(front->diag, &token->loc, "more than one character between quotes");
		return false;
	}
	*ret = (struct ast_value){ .kind = VALUE_CHAR, .i = code };
	return true;
}

bool literal_string(struct front *front, const struct token *token, struct ast_value *ret)
{
	const char *at = token->text + (token->text[0] == 'L') + 1;
	const char *end = token->text + token->n_text - 1;
	char *text = front_alloc(front, 2 * token->n_text + 1), *out = text;
	int32_t code;

	while (at < end) {
		code = read_char(front, token, &at, end);
		if (code < 0)
			return false;
		if (code == 0) {
			diag_error(front->diag, &token->loc, "a string cannot hold a NUL");
			return false;
		}
		out = write_utf8(out, code);
	}
	*out = '\0';
	*ret = (struct ast_value){ .kind = VALUE_STRING, .s = text };
	return true;
}
