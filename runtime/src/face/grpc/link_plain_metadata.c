/* SPDX-License-Identifier: MIT */
#include "face/grpc/link_plain_metadata.h"

#include <stdlib.h>
#include <string.h>

#include "wire/annotation.h"

enum { MAX_VALUE = 256 };

static bool is_value(grpc_slice key, grpc_slice value)
{
	return grpc_is_binary_header(key) || grpc_header_nonbin_value_is_legal(value);
}

bool plain_metadata_put(struct plain_metadata *metadata, const char *key, struct span value)
{
	grpc_metadata *entry = &metadata->own[metadata->n];

	if (value.n == 0)
		return true;
	if (value.n > MAX_VALUE)
		return false;
	entry->key = grpc_slice_from_static_string(key);
	entry->value = grpc_slice_from_copied_buffer((const char *)value.p, value.n);
	metadata->entries = metadata->own;
	metadata->n++;
	if (is_value(entry->key, entry->value))
		return true;
	grpc_slice_unref(entry->value);
	metadata->n--;
	return false;
}

static bool begins(struct span name, const char *with)
{
	size_t n = strlen(with);

	return name.n >= n && memcmp(name.p, with, n) == 0;
}

static bool is(struct span name, const char *other)
{
	return name.n == strlen(other) && begins(name, other);
}

bool plain_metadata_is_taken(struct span name)
{
	static const char *const others[] = { "te",         "host",       "content-type",
					      "connection", "user-agent", "traceparent" };
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (is(name, others[i]))
			return true;
	return begins(name, "grpc-") || begins(name, "pyrite-");
}

/* The entry of that name; a new one if there is none. */
static grpc_metadata *entry_of(struct plain_metadata *metadata, struct span name)
{
	grpc_metadata *entry = metadata->entries, *end = entry + metadata->n;

	for (; entry < end; entry++)
		if (grpc_slice_buf_start_eq(entry->key, name.p, name.n) &&
		    GRPC_SLICE_LENGTH(entry->key) == name.n)
			break;
	if (entry < end) {
		grpc_slice_unref(entry->value);
		return entry;
	}
	entry->key = grpc_slice_from_copied_buffer((const char *)name.p, name.n);
	if (grpc_header_key_is_legal(entry->key)) {
		metadata->n++;
		return entry;
	}
	grpc_slice_unref(entry->key);
	return NULL;
}

static const char *annotate(struct plain_metadata *metadata, const struct frame_entry *annotation)
{
	grpc_metadata *entry;

	if (plain_metadata_is_taken(annotation->name) ||
	    !(entry = entry_of(metadata, annotation->name)))
		return NULL;
	entry->value = grpc_slice_from_copied_buffer((const char *)annotation->bytes.p,
						     annotation->bytes.n);
	if (is_value(entry->key, entry->value))
		return NULL;
	return "annotations for a server that speaks plain gRPC only must be printable ASCII, "
	       "unless their names end with -bin";
}

/* Counts them, and their bytes. */
static void measure(struct span body, size_t *n, size_t *bytes)
{
	struct frame_entry annotation;

	*n = *bytes = 0;
	while (frame_repeated(&body, ANNOTATIONS_OF_CALL, &annotation) > 0) {
		*bytes += annotation.name.n + annotation.bytes.n;
		++*n;
	}
}

int plain_metadata_annotate(struct plain_metadata *metadata, const struct frame *frame,
			    const char **wrong)
{
	struct span body = frame->body;
	struct frame_entry annotation;
	size_t n, bytes;

	*wrong = NULL;
	if (!frame->annotation.p)
		return 0;
	measure(body, &n, &bytes);
	if (bytes > PLAIN_MAX_METADATA) {
		*wrong = "annotations for a server that speaks plain gRPC only have at most 4096 "
			 "bytes in all";
		return -PYR_INVALID_ARGUMENT;
	}
	metadata->entries = calloc(metadata->n + n, sizeof(*metadata->entries));
	if (!metadata->entries) {
		metadata->entries = metadata->own;
		*wrong = "out of memory";
		return -PYR_RESOURCE_EXHAUSTED;
	}
	memcpy(metadata->entries, metadata->own, metadata->n * sizeof(metadata->own[0]));
	while (!*wrong && frame_repeated(&body, ANNOTATIONS_OF_CALL, &annotation) > 0)
		*wrong = annotate(metadata, &annotation);
	return *wrong ? -PYR_INVALID_ARGUMENT : 0;
}

void plain_metadata_free(struct plain_metadata *metadata)
{
	size_t i;

	for (i = 0; i < metadata->n; i++) {
		grpc_slice_unref(metadata->entries[i].key);
		grpc_slice_unref(metadata->entries[i].value);
	}
	if (metadata->entries != metadata->own)
		free(metadata->entries);
}
