/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_PYRO_SER_H
#define PYRITE_FACE_PYRO_SER_H
/*
 * Pyro's serializers: serpent, json, marshal and msgpack, both ways. What comes is parsed by the
 * grammar of its notation, within limits, into a row of values (struct ser_value) from which
 * sources read; nothing is ever evaluated, and no class is ever made. What is sent is written
 * straight into a buffer. docs/pyro-clients.md has the types. No state; any thread.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "value/sink.h"
#include "value/source.h"

enum ser_protocol { SER_PYRO4 = 48, SER_PYRO5 = 502 };

enum { SER_DEPTH = SOURCE_DEPTH }; /* tuples, lists and dicts inside each other */

struct ser_kind;

/* The serializer with that number in that protocol; NULL: there is none. */
const struct ser_kind *ser_find(enum ser_protocol protocol, unsigned id);
const char *ser_name(const struct ser_kind *kind); /* "serpent" */
unsigned ser_id(const struct ser_kind *kind, enum ser_protocol protocol);

/* ---- what comes ---- */

struct ser_value;

/* What a payload holds. The arena, and the bytes, last as long as it is used. */
struct ser_data {
	const struct ser_kind *kind;
	const struct ser_value *values; /* in the order of the text, n of them */
	uint32_t n;
};

/*
 * Parses a payload. What is made lies in the arena, whose `max` bounds it. Returns false with the
 * text of what is wrong: "malformed serpent at byte 17: a string is not closed".
 */
bool ser_parse(const struct ser_kind *kind, struct span bytes, struct arena *arena,
	       struct ser_data *ret, char *text, size_t n);

/* One value in it, read by a source (value/source.h): tuples, lists and sets are arrays, dicts are
 * objects, URIs and proxies strings that hold their URI. */
struct ser_source {
	struct source source;
	const struct ser_data *data;
	uint32_t at, end, depth;
	uint32_t ends[SER_DEPTH]; /* of what is open */
};
/* The value at that place; 0: all of it. */
void ser_source(struct ser_source *source, const struct ser_data *data, uint32_t at);

/* The attributes of an exception (struct ser_exception), without those that Pyro adds. */
void ser_source_attributes(struct ser_source *source, const struct ser_data *data, uint32_t at);

/* ---- the value at a place, looked at ---- */

#define SER_NONE UINT32_MAX /* no place */

enum source_next ser_type(const struct ser_data *data, uint32_t at);
/* Of a tuple, list or set how many items, of a dict how many members. */
uint32_t ser_count(const struct ser_data *data, uint32_t at);
/* The first item of a tuple, list or set, or the first key of a dict; and what follows a value: in
 * a dict keys and values take turns. SER_NONE: nothing does. */
uint32_t ser_first(const struct ser_data *data, uint32_t at);
uint32_t ser_next(const struct ser_data *data, uint32_t up, uint32_t at);
/* The value of a dict with that key; SER_NONE: it has none, or is no dict. */
uint32_t ser_member(const struct ser_data *data, uint32_t at, const char *key);
/* A string, without NUL at its end; {NULL, 0} if it is none. URIs and proxies: their URI. */
struct span ser_text(const struct ser_data *data, uint32_t at);
/* Bytes, likewise; what was a dict {'data': ..., 'encoding': 'base64'} too. */
struct span ser_bytes(const struct ser_data *data, uint32_t at);
/* Returns false if it is no integer, or does not fit. */
bool ser_integer(const struct ser_data *data, uint32_t at, int64_t *ret);
/* What a value stands for. URIs and proxies are strings already. */
enum ser_class { SER_PLAIN, SER_URI, SER_PROXY, SER_EXCEPTION, SER_OTHER_CLASS };
enum ser_class ser_class(const struct ser_data *data, uint32_t at);

/* ---- calls ---- */

/* What an INVOKE holds; of a batch, method is "<batch>" and vargs holds (method, vargs, kwargs). */
struct ser_call {
	struct span object, method;
	uint32_t vargs, kwargs; /* places of an array and an object */
};
/* Returns false with the text of what is wrong. */
bool ser_call_take(const struct ser_data *data, struct ser_call *ret, char *text, size_t n);
/* One of a batch, at its place in vargs; object stays as it is. */
bool ser_call_of_batch(const struct ser_data *data, uint32_t at, struct ser_call *ret, char *text,
		       size_t n);

/* An exception that came. */
struct ser_exception {
	struct span name;          /* "builtins.ValueError" */
	uint32_t args, attributes; /* places; SER_NONE: none */
};
/* Returns false if the value is none. */
bool ser_exception_take(const struct ser_data *data, uint32_t at, struct ser_exception *ret);

/* ---- what is sent ---- */

enum { SER_OPEN = 2 * SER_DEPTH };

/* A sink (value/sink.h) that writes one value behind what the buffer holds. */
struct ser_sink {
	struct sink sink;
	const struct ser_kind *kind;
	enum ser_protocol protocol;
	struct buf *out;
	uint32_t depth;
	bool is_key;         /* of a dict comes next */
	const char *refused; /* why it cannot be written; NULL: it can */
	struct ser_open {
		size_t at;  /* in the buffer, where it begins */
		uint32_t n; /* values in it, of a dict keys too */
		bool is_object, is_tuple;
	} open[SER_OPEN];
};
/* out: borrowed; it breaks when memory is out. */
void ser_sink(struct ser_sink *sink, const struct ser_kind *kind, enum ser_protocol protocol,
	      struct buf *out);
/* Ends it. Returns false if memory was out, or what was written cannot be: then *why says it. */
bool ser_sink_end(struct ser_sink *sink, const char **why);

/* A tuple, ended by array_end(): to a sink's array() a list. */
void ser_tuple(struct ser_sink *sink);
void ser_put_text(struct ser_sink *sink, const char *text);
void ser_put_member(struct ser_sink *sink, const char *name); /* its value follows */

/* A URI, or a proxy, that the other end makes one of. uri: "PYRO:id@host:port", as Pyro has it. */
void ser_put_uri(struct ser_sink *sink, const char *uri);
void ser_put_proxy(struct ser_sink *sink, const char *uri);

/*
 * An exception: name "builtins.ValueError" or "Pyro4.errors.NamingError" (ser_error_name()), one
 * argument, its message, and what attributes() writes, which are members of an object that is open;
 * NULL: none.
 */
void ser_put_exception(struct ser_sink *sink, const char *name, const char *message,
		       void (*attributes)(struct ser_sink *sink, void *data), void *data);
/* The same as an item of a batch's results. */
void ser_put_wrapped(struct ser_sink *sink, const char *name, const char *message,
		     void (*attributes)(struct ser_sink *sink, void *data), void *data);
/* "NamingError" of the protocol's errors: "Pyro4.errors.NamingError". Returns buf. */
const char *ser_error_name(enum ser_protocol protocol, const char *name, char *buf, size_t n);

/* A call (ser_call_take()'s other end): arguments() writes the items of vargs, which is open,
 * named() the members of kwargs; NULL: there are none. */
void ser_put_call(struct ser_sink *sink, const char *object, const char *method,
		  void (*arguments)(struct ser_sink *sink, void *data),
		  void (*named)(struct ser_sink *sink, void *data), void *data);
#endif
