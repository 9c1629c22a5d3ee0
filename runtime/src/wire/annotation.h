/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ANNOTATION_H
#define PYRITE_ANNOTATION_H
/*
 * Annotations as they travel: repeated fields of a Call, Reply or Error. What does not keep to the
 * limits is sent by nobody and taken from nobody. Floor 1.
 */
#include <pyrite/pyrite.h>

#include "base/arena.h"
#include "base/buf.h"

enum { ANNOTATIONS_MAX = 64, ANNOTATION_KEY_MAX = 64, ANNOTATION_BYTES_MAX = 32768 };
enum annotation_field { /* numbers of the field, by body */
			ANNOTATIONS_OF_REPLY = 2,
			ANNOTATIONS_OF_BIND = 6, /* and of Bound */
			ANNOTATIONS_OF_ERROR = 8,
			ANNOTATIONS_OF_CALL = 11
};

/* Appends one. A key that is NULL or no key is found by annotations_problem(). */
void annotation_put(struct buf *buf, enum annotation_field field,
		    const struct pyr_annotation *annotation);

/* What is wrong with those of a body; NULL if nothing. */
const char *annotations_problem(struct span body, enum annotation_field field);

/* Appends those of a body, encoded as they are. */
void annotations_copy(struct span body, enum annotation_field field, struct buf *buf);

/* Copies those of a body, which have no problem, each value with a NUL behind it. Returns how many;
 * 0 also when memory is out. */
size_t annotations_read(struct span body, enum annotation_field field, struct arena *arena,
			const struct pyr_annotation **ret);

/* The last of that name, NULL if there is none. */
const struct pyr_annotation *annotation_find(const struct pyr_annotation *list, size_t n,
					     const char *key);
#endif
