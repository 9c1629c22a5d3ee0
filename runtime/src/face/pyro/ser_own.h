/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_PYRO_SER_OWN_H
#define PYRITE_FACE_PYRO_SER_OWN_H
/*
 * What the serializers share. Each one parses its notation into a row of values, in the order of
 * the text, with a builder, which bounds how deep they are; and has a writer, of pieces that the
 * sink puts together.
 */
#include "face/pyro/ser.h"

/* ---- values ---- */

enum ser_type {
	SER_TUPLE = 1,
	SER_LIST,
	SER_SET,
	SER_DICT, /* keys and values take turns */
	SER_STRING,
	SER_BYTES,
	SER_INTEGER,
	SER_LARGE, /* an integer beyond 64 bits: its decimals */
	SER_REAL,
	SER_TRUE,
	SER_FALSE,
	SER_NULL
};

/* flags: of an integer SER_NEGATIVE, of a string or dict enum ser_class; of a dict that stands for
 * a value SER_STANDS: the last one in it, which does not count. */
enum { SER_NEGATIVE = 1, SER_STANDS = 0x80 };

struct ser_value {
	uint8_t type, flags;
	uint32_t n; /* bytes of a text; values right inside a collection, of a dict both */
	union {
		const uint8_t *text;
		uint64_t magnitude;
		double real;
		uint32_t end; /* of a collection: the place behind all that is inside */
	} u;
};

static inline bool ser_is_collection(const struct ser_value *value)
{
	return value->type <= SER_DICT;
}

/* The place behind the value at that place. */
static inline uint32_t ser_behind(const struct ser_value *values, uint32_t at)
{
	return ser_is_collection(&values[at]) ? values[at].u.end : at + 1;
}

/* What is at that place, or stands for it. */
static inline const struct ser_value *ser_value_at(const struct ser_value *values, uint32_t at)
{
	const struct ser_value *value = &values[at];

	return value->type == SER_DICT && (value->flags & SER_STANDS) ? &values[value->u.end - 1]
								      : value;
}

/* ---- parsing ---- */

struct ser_builder {
	struct arena *arena;
	const uint8_t *begin, *at, *end; /* what is parsed, and how far */
	struct ser_value *values;
	uint32_t n, room;
	uint32_t open[SER_DEPTH]; /* places of collections that are not closed */
	uint32_t depth;
	const char *wrong; /* NULL: nothing yet */
};

/* All return false, with `wrong` told, when something is wrong. */
static inline bool ser_fail(struct ser_builder *b, const char *wrong)
{
	if (!b->wrong)
		b->wrong = wrong;
	return false;
}
/* Room for n more. */
bool ser_room(struct ser_builder *b, uint32_t n);
/* A value with its members told. */
bool ser_add(struct ser_builder *b, struct ser_value value);
bool ser_add_text(struct ser_builder *b, enum ser_type type, const void *text, size_t n);
bool ser_add_integer(struct ser_builder *b, bool is_negative, uint64_t magnitude);
/* digits: decimals, any number of them. */
bool ser_add_digits(struct ser_builder *b, const uint8_t *digits, size_t n);
bool ser_add_real(struct ser_builder *b, double real);
bool ser_open(struct ser_builder *b, enum ser_type type);
/* The innermost one; a dict that stands for something gets that. */
bool ser_close(struct ser_builder *b);
/* The value at that place once more. */
bool ser_again(struct ser_builder *b, uint32_t at);
/* The innermost one that is open; only if there is one. */
static inline struct ser_value *ser_top(struct ser_builder *b)
{
	return &b->values[b->open[b->depth - 1]];
}
/* A string that is UTF-8. */
bool ser_is_utf8(const uint8_t *text, size_t n);

/* ---- writing ---- */

/* Pieces of a notation. The sink calls them in order, and counts. */
struct ser_writer {
	/* Before all, between values, and between a key and its value; NULL: nothing is. */
	const char *header, *separator, *colon;
	void (*open)(struct ser_sink *sink, enum ser_type type);
	/* open: what is closed, with its count. */
	void (*close)(struct ser_sink *sink, const struct ser_open *open);
	void (*string)(struct ser_sink *sink, const char *text, size_t n);
	void (*integer)(struct ser_sink *sink, bool is_negative, uint64_t magnitude);
	void (*real)(struct ser_sink *sink, double value);
	void (*boolean)(struct ser_sink *sink, bool value);
	void (*null)(struct ser_sink *sink);
	/* NULL: a dict {'data': ..., 'encoding': 'base64'}. */
	void (*bytes)(struct ser_sink *sink, const uint8_t *data, size_t n);
};

struct ser_kind {
	const char *name;
	unsigned id4, id5;
	/* A call is {"object", "method", "params", "kwargs"}, not a tuple of these. */
	bool has_named_calls;
	/* To the end of what is parsed. */
	bool (*parse)(struct ser_builder *b);
	const struct ser_writer *writer;
};

extern const struct ser_kind ser_serpent, ser_json, ser_marshal, ser_msgpack;

/* Opens a dict that stands for an object of that class. */
struct sink *ser_begin_class(struct ser_sink *sink, const char *name);
bool ser_is_4(const struct ser_sink *sink);
void ser_append(struct ser_sink *sink, const char *text);
void ser_append_byte(struct ser_sink *sink, unsigned byte);
/* n bytes of the value, the most or least significant one first. */
void ser_append_big(struct ser_sink *sink, uint64_t value, unsigned n);
void ser_append_little(struct ser_sink *sink, uint64_t value, unsigned n);
/* A number as Python writes it: short without loss, and never like an integer. */
void ser_append_real(struct ser_sink *sink, double value);
void ser_append_integer(struct ser_sink *sink, bool is_negative, uint64_t magnitude);
#endif
