/* SPDX-License-Identifier: MIT */
#include "face/http/url.h"

#include <string.h>

#include "base/text.h"

const char url_no_memory[] = "out of memory";

static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_utf8(const char *text, size_t n)
{
	uint32_t c;
	size_t at, length;

	for (at = 0; at < n; at += length)
		if ((length = text_char(text + at, n - at, &c)) == 0)
			return false;
	return true;
}

/* is_form: a plus is a space. Returns what is wrong, or NULL. */
static const char *decode(struct arena *arena, struct span text, bool is_form, const char **ret)
{
	char *copy = arena_alloc_raw(arena, text.n + 1), *p = copy;
	size_t i;
	int high, low;

	if (!copy)
		return url_no_memory;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] != '%') {
			*p++ = is_form && text.p[i] == '+' ? ' ' : (char)text.p[i];
			continue;
		}
		if (text.n - i < 3 || (high = digit_of(text.p[i + 1])) < 0 ||
		    (low = digit_of(text.p[i + 2])) < 0)
			return "two hexadecimal digits are missing behind '%'";
		*p++ = (char)(high << 4 | low);
		i += 2;
	}
	*p = '\0';
	if (memchr(copy, '\0', (size_t)(p - copy)))
		return "it has a NUL";
	*ret = copy;
	return is_utf8(copy, (size_t)(p - copy)) ? NULL : "it is not UTF-8";
}

/* The part up to the sign, which is dropped with it. */
static struct span cut(struct span *text, char sign)
{
	const uint8_t *end = text->n > 0 ? memchr(text->p, sign, text->n) : NULL;
	struct span part = { text->p, end ? (size_t)(end - text->p) : text->n };
	size_t used = part.n + (end ? 1 : 0);

	*text = (struct span){ used > 0 ? text->p + used : text->p, text->n - used };
	return part;
}

const char *url_path(struct arena *arena, struct span path, struct url *ret)
{
	const char *wrong = NULL;
	bool goes_on = true;
	struct span part;

	*ret = (struct url){ .n = 0 };
	if (path.n == 0 || path.p[0] != '/')
		return "the target does not begin with '/'";
	path = (struct span){ path.p + 1, path.n - 1 };
	if (path.n == 0)
		return NULL;
	while (!wrong && goes_on) {
		if (ret->n == URL_SEGMENTS)
			return "the path has too many parts";
		goes_on = memchr(path.p, '/', path.n) != NULL;
		part = cut(&path, '/');
		wrong = decode(arena, part, false, &ret->segments[ret->n++]);
		if (goes_on && path.n == 0) {
			if (ret->n < URL_SEGMENTS)
				ret->segments[ret->n++] = "";
			goes_on = false;
		}
	}
	return wrong;
}

const char *url_parameters(struct arena *arena, struct span text, struct url_parameters *ret)
{
	struct url_parameter *parameter;
	const char *wrong = NULL;
	struct span part;
	size_t i, n = 1;

	for (i = 0; i < text.n; i++)
		n += text.p[i] == '&';
	if (n > URL_PARAMETERS)
		return "there are too many parameters";
	*ret = (struct url_parameters){ arena_alloc(arena, n * sizeof(*ret->items)), 0 };
	if (!ret->items)
		return url_no_memory;
	while (!wrong && text.n > 0) {
		part = cut(&text, '&');
		if (part.n == 0)
			continue;
		parameter = &ret->items[ret->n++];
		wrong = decode(arena, cut(&part, '='), true, &parameter->name);
		if (!wrong)
			wrong = decode(arena, part, true, &parameter->value);
	}
	return wrong;
}

void url_put_segment(struct buf *out, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t *p = (const uint8_t *)text;
	char escape[3] = "%";

	for (; *p; p++) {
		if ((*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') ||
		    strchr("-._~", *p)) {
			buf_append(out, p, 1);
			continue;
		}
		escape[1] = digits[*p >> 4];
		escape[2] = digits[*p & 15];
		buf_append(out, escape, 3);
	}
}
