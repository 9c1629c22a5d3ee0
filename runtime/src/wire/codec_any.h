/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEC_ANY_H
#define PYRITE_CODEC_ANY_H
/*
 * The message google.protobuf.Any { type_url = 1; value = 2; }, with a field of Pyrite's own that
 * others keep and do not read: fingerprint = 15, of the type, and references = 14, the messages
 * pyrite.Reference that are in the value and were passed along. Whoever passes an any on sends the
 * bytes that came, and passes those references along: it has a value for each, beside the any, as a
 * struct would.
 */
#include "wire/codec_internal.h"

enum { ANY_TYPE_URL = 1, ANY_VALUE = 2, ANY_REFERENCES = 14, ANY_FINGERPRINT = 15 };

/* What programs have: head and name in one run of memory, the bytes behind them or in a message
 * that lasts as long. Constant. */
struct pyr_any {
	struct span encoded;
	struct span value;    /* in encoded: the message */
	uint64_t fingerprint; /* 0: not told */
	const char *type;     /* "example.Point" */
	size_t n_references;
	void *references[]; /* values of Objects, borrowed from where the any lies; then the name */
};

/* What is in one that came. */
struct codec_any {
	struct span type, value;
	uint64_t fingerprint;
	size_t n_references;
};
/* Returns NULL, or what is wrong with it: "names no type". */
const char *codec_any_read(struct span encoded, struct codec_any *ret);

/* Each of them, from the first one on. Returns false after the last one. */
bool codec_any_next_reference(struct span *rest, struct span *ret);

/* Bytes of the head, the references and the name. */
static inline size_t codec_any_head(size_t n_name, size_t n_references)
{
	return sizeof(struct pyr_any) + n_references * sizeof(void *) + n_name + 1;
}

/* Makes one in memory of that size, references NULL; bytes: told's, or a copy of them. */
pyr_any *codec_any_put(void *head, const struct codec_any *told, struct span encoded,
		       const uint8_t *bytes);
#endif
