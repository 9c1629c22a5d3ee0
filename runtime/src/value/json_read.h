/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_JSON_READ_H
#define PYRITE_JSON_READ_H
/*
 * JSON text (RFC 8259), a source. The text is borrowed. No state; any thread.
 */
#include "value/source.h"

struct json {
	struct source source;
	const char *begin, *at, *end;
	unsigned depth;
};

void json_begin(struct json *json, const char *text, size_t n);
/* What it does as a source, by themselves: */
enum source_next json_peek(struct json *json);
/* *ret: as written, in the text. */
bool json_number(struct json *json, struct span *ret);
bool json_skip(struct json *json);
bool json_at_end(struct json *json);
/* The character's bytes, 4 at most. Returns where they end. */
uint8_t *json_put_utf8(uint8_t *p, uint32_t c);
#endif
