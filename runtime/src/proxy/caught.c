/* SPDX-License-Identifier: MIT */
#include <pyrite/gen.h>

#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "reference/carried.h"
#include "reference/taker.h"
#include "wire/codec.h"

const void *pyr__caught(const struct pyr__type *type)
{
	const pyr_error *error = pyr_last_error();
	struct codec_problem problem;
	struct span detail;
	struct taker taker;
	void *value;

	if (!error->code || strcmp(error->exception, type->name) != 0)
		return NULL;
	if (error_caught())
		return error_caught();
	detail.p = error_detail(&detail.n);
	taker_init(&taker, NULL);
	taker.carried = carried_held(error_detail_held());
	if (codec_take_value(type, &taker.base, detail, config_number(CONFIG_MAX_MESSAGE), &value,
			     &problem) < 0) {
		taker_drop(&taker);
		return NULL; /* another version of it, or no bytes of ours: the code still tells */
	}
	taker_give(&taker);
	error_keep_caught(value);
	return value;
}
