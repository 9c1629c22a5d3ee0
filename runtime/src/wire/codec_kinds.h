/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEC_KINDS_H
#define PYRITE_CODEC_KINDS_H
/* What is known of a natural value of one kind, and how a refusal is worded: for the codec, and for
 * others that read and write values by their tables. Without protobuf-c. */
#include <pyrite/gen.h>

struct codec_problem;

/* Where in a value one is, for error texts; a chain on the stack. */
struct codec_path {
	const struct codec_path *up;
	const char *name; /* NULL: index only */
	size_t index;     /* SIZE_MAX: none */
};

/* codec_values.c */
const char *codec_kind_name(uint8_t kind);
/* What a wchar may be: no surrogate, nothing beyond U+10FFFF. */
bool codec_is_code_point(uint32_t character);
int64_t codec_integer_get(uint8_t kind, const void *natural);
void codec_integer_set(uint8_t kind, int64_t value, void *natural);
/* Index of the member that a discriminator selects, 0 = none. */
unsigned codec_union_member(const struct pyr__type *type, int64_t discriminator);
/* A discriminator that selects this member (0 = none). */
int64_t codec_union_label(const struct pyr__type *type, unsigned member);

/* codec_problem.c: all return minus code. "parameter 'x' is NULL", "lines[3].name is NULL". */
int codec_fail(struct codec_problem *problem, int code, const char *role,
	       const struct codec_path *path, const char *format, ...) PYR_PRINTF(5, 6);
/* "lines[3].name: a string is wanted": what is behind the path is a sentence. */
int codec_fail_at(struct codec_problem *problem, int code, const char *role,
		  const struct codec_path *path, const char *format, ...) PYR_PRINTF(5, 6);
int codec_fail_memory(struct codec_problem *problem);
#endif
