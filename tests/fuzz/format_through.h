/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_FORMAT_THROUGH_H
#define PYRITE_FUZZ_FORMAT_THROUGH_H
/* For tests of the formatter: what holds for any IDL that can be parsed. */
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "format.h"

#include "../idl/idl.h"

/* A file, or the text that stands for it. Returns: owned, NULL if it has errors. */
static inline struct idl_unit *format_read(const char *path, const char *text, size_t n,
					   bool keep_pieces)
{
	struct idl_options options = { .keep_pieces = keep_pieces, .text = text, .n_text = n };
	struct diag *diag = diag_new();
	struct idl_unit *unit = diag ? idl_read(path, &options, diag) : NULL;

	if (!unit)
		abort();
	if (diag_errors(diag) > 0) {
		idl_unit_free(unit);
		unit = NULL;
	}
	diag_free(diag);
	return unit;
}

static inline void format_emit(struct buf *out, const struct idl_unit *unit)
{
	emit_header(out, unit, false);
	emit_source(out, unit);
}

/* Whether the formatted text makes the same C as the other. True if that makes none. */
static inline bool format_keeps_code(const char *path, const char *other, size_t n,
				     const struct buf *text)
{
	struct idl_unit *was = format_read(path, other, n, false), *is;
	struct buf before = { 0 }, after = { 0 };
	bool same = true;

	if (was) {
		is = format_read(path, buf_text(text), text->n, false);
		if (is) {
			format_emit(&before, was);
			format_emit(&after, is);
		}
		same = is && before.n == after.n &&
		       memcmp(buf_text(&before), buf_text(&after), before.n) == 0;
		idl_unit_free(is);
	}
	idl_unit_free(was);
	buf_free(&before);
	buf_free(&after);
	return same;
}

/* NULL if all is well with a file or the text that stands for it, or it cannot be parsed; else what
 * is not. *ret: the formatted text, freed by the caller; empty if there is none. */
static inline const char *format_fault(const char *path, const char *text, size_t n,
				       struct buf *ret)
{
	struct idl_unit *unit = format_read(path, text, n, true), *again;
	struct buf twice = { 0 };
	const char *fault = NULL;

	if (!unit)
		return NULL;
	format_unit(ret, unit);
	again = format_read(path, buf_text(ret), ret->n, true);
	if (!again)
		fault = "the formatted text cannot be parsed";
	else if (!format_is_same(unit, again))
		fault = "a token or comment is not what it was";
	if (again && !fault) {
		format_unit(&twice, again);
		if (twice.n != ret->n || memcmp(buf_text(&twice), buf_text(ret), ret->n) != 0)
			fault = "formatted again it is something else";
	}
	if (!fault && !format_keeps_code(path, text, n, ret))
		fault = "the formatted text makes other code";
	idl_unit_free(again);
	idl_unit_free(unit);
	buf_free(&twice);
	return fault;
}
#endif
