/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_JSON_WRITE_H
#define PYRITE_JSON_WRITE_H
/*
 * JSON text, a sink, and pieces of it, into a buffer that breaks when memory is out. Nothing that a
 * terminal would act on is written as it is. The thread's locale is that of C: json_locale().
 */
#include <locale.h>

#include "base/buf.h"
#include "value/sink.h"

/* One value, behind what the buffer holds. */
struct json_sink {
	struct sink sink;
	struct buf *out; /* borrowed */
	bool is_first;   /* nothing stands before the next member or item */
	bool is_key;
};
void json_sink(struct json_sink *sink, struct buf *out);

void json_put(struct buf *out, const char *text);
void json_put_string(struct buf *out, const char *text, size_t n);
/* In quotes. */
void json_put_base64(struct buf *out, const uint8_t *data, size_t n);
/* As short as it can be without loss; "NaN", "Infinity" in quotes. */
void json_put_double(struct buf *out, double value);
void json_put_float(struct buf *out, float value);

/* Returns how many bytes there are, SIZE_MAX if that is no base64, of either alphabet. dst: n bytes
 * are enough. */
size_t json_base64(const uint8_t *text, size_t n, uint8_t *dst);

/* Numbers are written and read with a point whatever the program's locale says. Returns what was
 * before, for json_locale_back(). */
locale_t json_locale(void);
void json_locale_back(locale_t before);
#endif
