/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_JSON_READ_H
#define PYRITE_JSON_READ_H
/*
 * JSON text (RFC 8259), read from its beginning to its end by who knows what should stand there: no
 * tree is made. The text is borrowed. What is wrong first stays in `wrong`; from then on nothing is
 * read any more. No state; any thread.
 */
#include "base/arena.h"
#include "base/buf.h"

enum { JSON_DEPTH = 256 }; /* objects and arrays inside each other */

struct json {
	const char *begin, *at, *end;
	unsigned depth;
	const char *wrong; /* NULL: nothing yet */
};

enum json_kind {
	JSON_WRONG = 0,
	JSON_END,
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL
};

void json_begin(struct json *json, const char *text, size_t n);
/* What comes next. It is not consumed. */
enum json_kind json_peek(struct json *json);
/* Consumes the bracket of an object or array, which was seen to come. */
bool json_open(struct json *json);
/*
 * Whether there is another member or item, number n of them (from 0): its comma is consumed, or the
 * bracket that closes, '}' or ']'. False too when something is wrong.
 */
bool json_more(struct json *json, char close, size_t n);
/* A member's name and its colon; a string. *ret lies in the text or in the arena, without NUL. */
bool json_key(struct json *json, struct arena *arena, struct span *ret);
bool json_string(struct json *json, struct arena *arena, struct span *ret);
/* *ret: as written, in the text. */
bool json_number(struct json *json, struct span *ret);
/* One value of any kind; also true, false and null. */
bool json_skip(struct json *json);
/* Whether nothing follows. */
bool json_at_end(struct json *json);
bool json_fail(struct json *json, const char *what); /* returns false */
#endif
