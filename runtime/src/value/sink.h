/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SINK_H
#define PYRITE_SINK_H
/*
 * Where values are written to, whatever notation that has. Calls come in the order of the text:
 * each value of an object behind its member(), or behind key() and a scalar. A sink that runs out
 * of memory takes the rest and drops it; who owns it looks (`broken`). One thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an integer may be: some notations write wide ones otherwise. */
enum sink_width { SINK_NARROW, SINK_INT64, SINK_UINT64 };

struct sink;
struct sink_kind {
	void (*object)(struct sink *sink);
	void (*object_end)(struct sink *sink);
	void (*array)(struct sink *sink);
	void (*array_end)(struct sink *sink);
	void (*member)(struct sink *sink, const char *name);
	void (*key)(struct sink *sink); /* the scalar that follows is one */
	void (*string)(struct sink *sink, const char *text, size_t n);
	/* Of SINK_UINT64 the bits. */
	void (*integer)(struct sink *sink, int64_t value, enum sink_width width);
	/* is_float: it was a float. */
	void (*real)(struct sink *sink, double value, bool is_float);
	void (*boolean)(struct sink *sink, bool value);
	void (*null)(struct sink *sink);
	void (*bytes)(struct sink *sink, const uint8_t *data, size_t n);
	/* A reference to the object at that URI. */
	void (*reference)(struct sink *sink, const char *uri);
};

/* The first member of each implementation. */
struct sink {
	const struct sink_kind *kind;
	bool broken;
};
#endif
