/* SPDX-License-Identifier: MIT */
#include "face/grpc/plain_annotations.h"

#include <stdlib.h>
#include <string.h>

#include "face/grpc/link_plain_metadata.h"
#include "wire/frame.h"

enum { ENTRY_COST = 32 }; /* RFC 9113 6.5.2: of each field, beside its name and value */

void plain_annotations_read(const grpc_metadata_array *metadata, enum annotation_field field,
			    struct buf *buf)
{
	struct span name;
	size_t i;

	for (i = 0; i < metadata->count; i++) {
		name = core_span(&metadata->metadata[i].key);
		if (name.n <= ANNOTATION_KEY_MAX && !plain_metadata_is_taken(name))
			frame_put_annotation(buf, (uint32_t)field, name,
					     core_span(&metadata->metadata[i].value));
	}
}

const char *plain_annotations_take(pyr_call *call, const grpc_metadata_array *metadata,
				   size_t *size)
{
	struct buf all = { 0 };
	const char *wrong = NULL;

	plain_annotations_read(metadata, ANNOTATIONS_OF_CALL, &all);
	if (all.broken)
		wrong = "out of memory";
	else if (all.n > 0 &&
		 !(wrong = annotations_problem(span_of_buf(&all), ANNOTATIONS_OF_CALL))) {
		call->request.n_annotations =
			annotations_read(span_of_buf(&all), ANNOTATIONS_OF_CALL, &call->arena,
					 &call->request.annotations);
		if (call->request.n_annotations == 0)
			wrong = "out of memory";
	}
	*size = all.n;
	buf_free(&all);
	return wrong;
}

bool plain_trailing_add(struct plain_trailing *trailing, grpc_slice key, grpc_slice value)
{
	grpc_metadata *more =
		realloc(trailing->entries, (trailing->n + 1) * sizeof(*trailing->entries));

	if (!more) {
		grpc_slice_unref(key);
		grpc_slice_unref(value);
		return false;
	}
	memset(&more[trailing->n], 0, sizeof(*more));
	more[trailing->n].key = key;
	more[trailing->n].value = value;
	trailing->entries = more;
	trailing->n++;
	return true;
}

/* Returns what the entry takes of a header block; 0 if no header can be so. */
static size_t cost_of(const grpc_slice *key, const grpc_slice *value)
{
	size_t n = GRPC_SLICE_LENGTH(*value);

	if (!grpc_header_key_is_legal(*key) || plain_metadata_is_taken(core_span(key)))
		return 0;
	if (grpc_is_binary_header(*key))
		n += n / 3 + 4; /* base64 */
	else if (!grpc_header_nonbin_value_is_legal(*value))
		return 0;
	return ENTRY_COST + GRPC_SLICE_LENGTH(*key) + n;
}

void plain_trailing_annotate(struct plain_trailing *trailing, const pyr_call *call)
{
	struct frame_entry entry;
	struct buf all = { 0 };
	struct span body;
	size_t left = PLAIN_MAX_TRAILING, cost;
	grpc_slice key, value;

	incall_put_notes(call, &all, ANNOTATIONS_OF_REPLY);
	body = span_of_buf(&all);
	while (!all.broken && frame_repeated(&body, ANNOTATIONS_OF_REPLY, &entry) > 0) {
		key = grpc_slice_from_copied_buffer((const char *)entry.name.p, entry.name.n);
		value = grpc_slice_from_copied_buffer((const char *)entry.bytes.p, entry.bytes.n);
		cost = cost_of(&key, &value);
		if (cost > 0 && cost <= left) {
			left -= plain_trailing_add(trailing, key, value) ? cost : 0;
		} else {
			grpc_slice_unref(key);
			grpc_slice_unref(value);
		}
	}
	buf_free(&all);
}

void plain_trailing_free(struct plain_trailing *trailing)
{
	size_t i;

	for (i = 0; i < trailing->n; i++) {
		grpc_slice_unref(trailing->entries[i].key);
		grpc_slice_unref(trailing->entries[i].value);
	}
	free(trailing->entries);
}
