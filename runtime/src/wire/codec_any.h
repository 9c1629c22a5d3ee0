/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEC_ANY_H
#define PYRITE_CODEC_ANY_H
/*
 * The message google.protobuf.Any { type_url = 1; value = 2; }, with a field of Pyrite's own that
 * others keep and do not read: fingerprint = 15, of the type. Whoever passes an any on sends the
 * bytes that came.
 */
#include "wire/codec_internal.h"

enum { ANY_TYPE_URL = 1, ANY_VALUE = 2, ANY_FINGERPRINT = 15 };

/* What programs have: head and name in one run of memory, the bytes behind them or in a message
 * that lasts as long. Constant. */
struct pyr_any {
	struct span encoded;
	struct span value;    /* in encoded: the message */
	uint64_t fingerprint; /* 0: not told */
	const char *type;     /* "example.Point" */
};

/* What is in one that came. */
struct codec_any {
	struct span type, value;
	uint64_t fingerprint;
};
/* Returns NULL, or what is wrong with it: "names no type". */
const char *codec_any_read(struct span encoded, struct codec_any *ret);

/* Bytes of the head and the name. */
static inline size_t codec_any_head(size_t n_name)
{
	return sizeof(struct pyr_any) + n_name + 1;
}

/* Makes one in memory of that size; bytes: told's, or a copy of them. */
pyr_any *codec_any_put(void *head, const struct codec_any *told, struct span encoded,
		       const uint8_t *bytes);
#endif
