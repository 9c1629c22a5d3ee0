/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem() */
#include "wire/plain_text.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/varint.h"

enum {
	SHORT_TEXT_MAX = 512, /* of a text beside large details */
	HEADERS_ROOM = 256,   /* names, numbers and HPACK's 32 bytes for each entry */
	VARINT = 0,
	BYTES = 2, /* wire types */
	STATUS_CODE = 1,
	STATUS_MESSAGE = 2,
	STATUS_DETAILS = 3, /* google.rpc.Status */
	ANY_TYPE_URL = 1,
	ANY_VALUE = 2 /* google.protobuf.Any */
};

static const char type_url_prefix[] = "type.googleapis.com/";

static bool is_name_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.';
}

bool plain_parse_path(struct span path, struct span *interface, struct span *operation)
{
	size_t i, slash = 0;

	if (path.n < 4 || path.n > PLAIN_NAME_MAX || path.p[0] != '/')
		return false;
	for (i = 1; i < path.n; i++) {
		if (path.p[i] == '/' && slash == 0)
			slash = i;
		else if (!is_name_char(path.p[i]))
			return false;
	}
	if (slash < 2 || slash + 1 == path.n || memchr(path.p + slash, '.', path.n - slash))
		return false;
	*interface = (struct span){ path.p + 1, slash - 1 };
	*operation = (struct span){ path.p + slash + 1, path.n - slash - 1 };
	return true;
}

struct span plain_operation_name(struct span interface, struct span operation, char *dst)
{
	memcpy(dst, interface.p, interface.n);
	dst[interface.n] = '.';
	memcpy(dst + interface.n + 1, operation.p, operation.n);
	return (struct span){ (const uint8_t *)dst, interface.n + 1 + operation.n };
}

/* Core percent-encodes what is not printable ASCII, and '%' itself. */
static size_t encoded_size(const char *s, size_t n)
{
	size_t size = 0;

	for (; n > 0; n--, s++)
		size += *s >= 0x20 && *s <= 0x7e && *s != '%' ? 1 : 3;
	return size;
}

size_t plain_status_text(char *dst, const char *s, size_t max)
{
	size_t left = strlen(s), used = 0, out = 0, cut = 0, cut_used = 0;
	uint32_t c;

	while (left > 0) {
		size_t n = text_char(s, left, &c);
		const char *from = n ? s : "?";
		size_t length = n ? n : 1, size = encoded_size(from, length);

		if (used + 3 <= max) { /* here "..." would still fit */
			cut = out;
			cut_used = used;
		}
		if (used + size > max) {
			memcpy(dst + cut, "...", 4);
			return cut_used + 3;
		}
		memcpy(dst + out, from, length);
		out += length;
		used += size;
		s += length;
		left -= length;
	}
	dst[out] = '\0';
	return used;
}

static void put_varint(struct buf *buf, uint64_t value)
{
	uint8_t bytes[VARINT_MAX];

	buf_append(buf, bytes, (size_t)(varint_put(bytes, value) - bytes));
}

static void put_tag(struct buf *buf, unsigned field, unsigned wire_type)
{
	put_varint(buf, field << 3 | wire_type);
}

static void put_status(struct buf *buf, const char *text, const struct error_info *error)
{
	size_t n_text = strlen(text), n_name = strlen(error->exception);
	size_t n_url = sizeof(type_url_prefix) - 1 + n_name;
	size_t n_any =
		1 + varint_size(n_url) + n_url + 1 + varint_size(error->n_detail) + error->n_detail;

	put_tag(buf, STATUS_CODE, VARINT);
	put_varint(buf, (uint64_t)error->code);
	put_tag(buf, STATUS_MESSAGE, BYTES);
	put_varint(buf, n_text);
	buf_append(buf, text, n_text);
	put_tag(buf, STATUS_DETAILS, BYTES);
	put_varint(buf, n_any);
	put_tag(buf, ANY_TYPE_URL, BYTES);
	put_varint(buf, n_url);
	buf_append(buf, type_url_prefix, sizeof(type_url_prefix) - 1);
	buf_append(buf, error->exception, n_name);
	put_tag(buf, ANY_VALUE, BYTES);
	put_varint(buf, error->n_detail);
	buf_append(buf, error->detail, error->n_detail);
}

/* Whether text and details fit together: a -bin value may travel as base64. */
static bool fits(size_t n_text, const struct buf *details)
{
	return n_text + (details->n + 2) / 3 * 4 + HEADERS_ROOM <= PLAIN_METADATA_MAX;
}

/* Puts the status with a text that leaves it room. */
static bool put_fitting(struct buf *details, const struct error_info *error, const char *message,
			char *text)
{
	static const size_t lengths[] = { PLAIN_TEXT_MAX, SHORT_TEXT_MAX };
	size_t i, n;

	if (error->n_detail > PLAIN_METADATA_MAX)
		return false;
	for (i = 0; i < 2; i++) {
		/* The text stands in both, and is the same for clients that compare them. */
		n = plain_status_text(text, message, lengths[i]);
		buf_reset(details);
		put_status(details, text, error);
		if (!details->broken && fits(n, details))
			return true;
	}
	return false;
}

void plain_status(const struct error_info *error, char *text, struct buf *details)
{
	bool is_typed = error->exception && error->exception[0];
	const char *message =
		error->message && error->message[0] ? error->message : pyr_status_name(error->code);
	char said[SHORT_TEXT_MAX + 1];

	buf_reset(details);
	if (!is_typed) {
		plain_status_text(text, message, PLAIN_TEXT_MAX);
		return;
	}
	if (put_fitting(details, error, message, text))
		return;
	buf_reset(details);
	plain_status_text(said, message, SHORT_TEXT_MAX);
	snprintf(text, PLAIN_TEXT_MAX + 1,
		 "%s (the fields of %.200s, %zu bytes, are too large for a plain gRPC error)", said,
		 error->exception, error->n_detail);
}

/* ---- what comes ---- */

static bool get_varint(struct span *rest, uint64_t *ret)
{
	const uint8_t *p = rest->p;
	bool ok = rest->n > 0 && varint_get(&rest->p, p + rest->n, ret);

	rest->n -= (size_t)(rest->p - p);
	return ok;
}

/* The next field, of whatever type: *ret is its bytes, empty for a number. */
static bool get_field(struct span *rest, unsigned *field, struct span *ret)
{
	static const uint8_t sizes[8] = { [1] = 8, [5] = 4 }; /* fixed64, fixed32 */
	uint64_t tag, n;

	*ret = (struct span){ 0 };
	if (!get_varint(rest, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX)
		return false;
	*field = (unsigned)(tag >> 3);
	if ((tag & 7) == VARINT)
		return get_varint(rest, &n);
	n = sizes[tag & 7];
	if (((tag & 7) == BYTES && !get_varint(rest, &n)) || ((tag & 7) != BYTES && n == 0) ||
	    n > rest->n)
		return false;
	if ((tag & 7) == BYTES)
		*ret = (struct span){ rest->p, (size_t)n };
	rest->p += n;
	rest->n -= (size_t)n;
	return true;
}

/* "type.googleapis.com/example.NoFunds": the name. */
static struct span name_of(struct span url)
{
	size_t n = 0, i;

	while (n < url.n && url.p[url.n - n - 1] != '/')
		n++;
	url = span_after(url, url.n - n);
	for (i = 0; i < n; i++)
		if (!is_name_char(url.p[i]))
			return (struct span){ 0 };
	return n <= PLAIN_NAME_MAX ? url : (struct span){ 0 };
}

static bool is_googles(struct span name)
{
	static const char prefix[] = "google.rpc.";

	return name.n >= sizeof(prefix) - 1 && memcmp(name.p, prefix, sizeof(prefix) - 1) == 0;
}

static bool read_any(struct span any, struct span *name, struct span *value)
{
	struct span bytes;
	unsigned field;

	*name = *value = (struct span){ 0 };
	while (any.n > 0) {
		if (!get_field(&any, &field, &bytes))
			return false;
		if (field == ANY_TYPE_URL)
			*name = name_of(bytes);
		else if (field == ANY_VALUE)
			*value = bytes;
	}
	return name->n > 0;
}

void plain_read_details(struct span status, struct span *exception, struct span *fields)
{
	struct span bytes, name, value;
	unsigned field;

	*exception = *fields = (struct span){ 0 };
	while (status.n > 0 && get_field(&status, &field, &bytes)) {
		if (field != STATUS_DETAILS || !read_any(bytes, &name, &value) || is_googles(name))
			continue;
		*exception = name;
		*fields = value;
		return;
	}
}

void plain_text_copy(char *dst, size_t n, struct span text)
{
	size_t copied = text.n < n - 1 ? text.n : n - 1;

	if (copied > 0)
		memcpy(dst, text.p, copied);
	dst[copied] = '\0';
}
