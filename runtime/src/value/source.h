/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SOURCE_H
#define PYRITE_SOURCE_H
/*
 * Where values are read from, whatever notation they are in. It is pulled by who knows what should
 * stand there: no tree is made of it here. What is wrong first stays in `wrong`; from then on
 * nothing is read any more. One thread at a time.
 */
#include "base/arena.h"
#include "base/buf.h"

enum { SOURCE_DEPTH = 256 }; /* objects and arrays inside each other */

enum source_next {
	SOURCE_WRONG = 0,
	SOURCE_END,
	SOURCE_OBJECT, /* names, or keys, and values */
	SOURCE_ARRAY,
	SOURCE_STRING,
	SOURCE_NUMBER,
	SOURCE_BYTES,
	SOURCE_TRUE,
	SOURCE_FALSE,
	SOURCE_NULL
};

/* What a number is: as it is written, in JSON's grammar, or, where text.p is NULL, its value. */
struct source_number {
	struct span text;
	bool is_real, is_negative;
	uint64_t magnitude; /* of an integer */
	double real;
};

/* A key is a string, a number (text: an integer in decimals), true or false. */
struct source_key {
	enum source_next kind;
	struct span text;
};

/* A place to go back to, as long as nothing outside the object or array it is in was read. */
struct source_mark {
	size_t at;
	unsigned depth;
};

enum source_flags {
	SOURCE_TEXT_NUMBERS = 1, /* a string may stand for a number, true or false as a key */
	SOURCE_TEXT_BYTES = 2    /* a string of base64 stands for bytes; there are none else */
};

struct source;
struct source_kind {
	const char *name;    /* of the notation: "malformed JSON at byte 3: ..." */
	unsigned flags;      /* enum source_flags */
	const char *ignored; /* a member that is none of a struct's; NULL: there is none */
	/* What comes next. It is not consumed. */
	enum source_next (*peek)(struct source *source);
	/* Enters an object or array, which was seen to come. */
	bool (*open)(struct source *source);
	/* Whether there is another member or item, number n of them (from 0); if there is none, it
	 * has left it. False too when something is wrong. */
	bool (*more)(struct source *source, enum source_next in, size_t n);
	/* What is read lies in what is read from, or in the arena, without NUL. It was seen to
	 * come, but for a key. */
	bool (*key)(struct source *source, struct arena *arena, struct source_key *ret);
	bool (*string)(struct source *source, struct arena *arena, struct span *ret);
	bool (*bytes)(struct source *source, struct arena *arena, struct span *ret);
	bool (*number)(struct source *source, struct source_number *ret);
	/* One value of any kind; also true, false and null. */
	bool (*skip)(struct source *source);
	/* Whether nothing follows. */
	bool (*at_end)(struct source *source);
	/* A scalar that was seen to come, consumed, as a message may show it. */
	bool (*show)(struct source *source, char *buf, size_t n);
	/* The byte that is next, for messages; NULL: it is not known. */
	size_t (*where)(const struct source *source);
	struct source_mark (*mark)(const struct source *source);
	void (*back)(struct source *source, struct source_mark mark);
};

/* The first member of each implementation. */
struct source {
	const struct source_kind *kind;
	const char *wrong; /* NULL: nothing yet */
};

/* The beginning of a text from outside, as a message may show it. Returns buf. */
const char *source_show_text(char *buf, size_t size, struct span text);

/* Returns false. */
static inline bool source_fail(struct source *source, const char *what)
{
	if (!source->wrong)
		source->wrong = what;
	return false;
}

static inline enum source_next source_peek(struct source *source)
{
	return source->kind->peek(source);
}

static inline bool source_open(struct source *source)
{
	return source->kind->open(source);
}

static inline bool source_more(struct source *source, enum source_next in, size_t n)
{
	return source->kind->more(source, in, n);
}

static inline bool source_key(struct source *source, struct arena *arena, struct source_key *ret)
{
	return source->kind->key(source, arena, ret);
}

static inline bool source_string(struct source *source, struct arena *arena, struct span *ret)
{
	return source->kind->string(source, arena, ret);
}

static inline bool source_skip(struct source *source)
{
	return source->kind->skip(source);
}

static inline bool source_at_end(struct source *source)
{
	return source->kind->at_end(source);
}
#endif
