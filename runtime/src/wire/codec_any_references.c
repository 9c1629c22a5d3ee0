/* SPDX-License-Identifier: MIT */
/* The references in an any, as those have them who do not know its type: a value of each. */
#include "wire/codec_any.h"

static int fail(int code, const char *what, char *text, size_t n)
{
	snprintf(text, n, "%s", what);
	return code;
}

int codec_any_take_references(pyr_any *any, struct codec_taker *taker, char *text, size_t n)
{
	struct span rest = any->encoded, encoded;
	size_t i;
	int code = 0;

	if (any->n_references > 0 && !taker)
		return fail(PYR_UNIMPLEMENTED, "references cannot be passed here yet", text, n);
	for (i = 0; i < any->n_references && code == 0; i++) {
		if (!codec_any_next_reference(&rest, &encoded) || encoded.n == 0)
			return fail(PYR_INVALID_ARGUMENT, "lists an invalid reference", text, n);
		code = taker->kind->take(taker, NULL, encoded, &any->references[i], text, n);
	}
	return code;
}

int codec_any_keep_references(pyr_any *any, const pyr_any *from, struct codec_taker *taker,
			      char *text, size_t n)
{
	size_t i;
	int code = 0;

	for (i = 0; i < from->n_references && code == 0; i++)
		code = taker->kind->keep(taker, from->references[i], &any->references[i], text, n);
	return code;
}

bool codec_any_carried(const pyr_any *any, struct arena *arena, const struct codec_carried **ret)
{
	struct codec_carried *carried;
	const char *why;
	struct span encoded;
	size_t i;

	for (i = 0; i < any->n_references; i++) {
		carried = arena_alloc_raw(arena, sizeof(*carried));
		if (!carried)
			return false;
		*carried = (struct codec_carried){ *ret, NULL };
		carried->reference = codec_references->encode(any->references[i], &encoded, &why);
		if (!carried->reference)
			return false;
		*ret = carried;
	}
	return true;
}
