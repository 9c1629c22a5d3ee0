/* SPDX-License-Identifier: MIT */
#include "face/http/items.h"

#include <pyrite/value.h>

#include "base/error.h"
#include "value/json_read.h"

int items_write(pyr_stream *stream, struct span text)
{
	struct buf item = { 0 };
	struct json json;
	const char *from;
	int err = 0;
	size_t n;

	if (text.n == 0)
		return 0;
	json_begin(&json, (const char *)text.p, text.n);
	if (json_peek(&json) != SOURCE_ARRAY || !source_open(&json.source))
		return error_set(PYR_INVALID_ARGUMENT, "the stream's items: expected a list");
	for (n = 0; err == 0 && source_more(&json.source, SOURCE_ARRAY, n); n++) {
		(void)json_peek(&json);
		from = json.at;
		if (!json_skip(&json))
			break;
		buf_reset(&item);
		buf_append(&item, from, (size_t)(json.at - from));
		buf_append(&item, "", 1);
		err = item.broken ? error_set(PYR_RESOURCE_EXHAUSTED, "out of memory")
				  : pyr_stream_write_json(stream, (const char *)item.data);
	}
	buf_free(&item);
	return err;
}
