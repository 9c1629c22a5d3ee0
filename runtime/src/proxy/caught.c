/* SPDX-License-Identifier: MIT */
#include <pyrite/gen.h>

#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "wire/codec.h"

const void *pyr__caught(const struct pyr__type *type)
{
	const pyr_error *error = pyr_last_error();
	struct codec_problem problem;
	const uint8_t *detail;
	void *value;
	size_t n;

	if (!error->code || strcmp(error->exception, type->name) != 0)
		return NULL;
	if (error_caught())
		return error_caught();
	detail = error_detail(&n);
	if (codec_unpack_value(type, detail, n, config_number(CONFIG_MAX_MESSAGE), &value,
			       &problem) < 0)
		return NULL; /* another version of it, or no bytes of ours: the code still tells */
	error_keep_caught(value);
	return value;
}
