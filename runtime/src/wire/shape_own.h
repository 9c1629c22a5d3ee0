/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SHAPE_OWN_H
#define PYRITE_SHAPE_OWN_H
/*
 * An interface's own shape, made of its tables, and what comes of comparing it with one that a peer
 * sent. Both are made once and found again; comparisons are kept for the last few dozen pairs. Any
 * thread.
 */
#include <pyrite/gen.h>

#include <stdatomic.h>

#include "base/buf.h"

enum { SHAPE_MAX = 32768 }; /* bytes of a packed one; a larger one is neither sent nor read */

/* What is sent; empty if it would be too large, or memory is out. Never freed. */
struct span shape_packed(const struct pyr__interface *table);

/*
 * For callers without a stub: the lists in the order of declaration, with defaults, flags, timeouts
 * and statuses. value() writes a field's default as JSON into the arena, NULL when memory is out.
 * Returns false then, or if it would be larger than SHAPE_TOLD_MAX.
 */
enum { SHAPE_TOLD_MAX = 1 << 20 };
struct arena;
typedef const char *shape_default(const struct pyr__field *field, struct arena *arena);
bool shape_describe(const struct pyr__interface *table, shape_default *value, struct arena *arena,
		    struct span *ret);

/* Which operations of an interface may be called although the peer's version of it differs. */
struct shape_verdict {
	atomic_int refs;
	uint32_t n;   /* table->n_operations */
	bool differs; /* some operation that both have */
	struct shape_finding {
		bool is_compatible;
		char *why; /* if both have it and it is not: the first reason */
	} operations[];
};

/* theirs: as sent. Returns a new reference; NULL if it is none, or memory is out. */
struct shape_verdict *shape_verdict_get(const struct pyr__interface *table, struct span theirs);
/* Bytes that it takes. */
size_t shape_verdict_size(const struct shape_verdict *verdict);
void shape_verdict_unref(struct shape_verdict *verdict);
#endif
