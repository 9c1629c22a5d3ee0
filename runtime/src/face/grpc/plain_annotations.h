/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PLAIN_ANNOTATIONS_H
#define PYRITE_PLAIN_ANNOTATIONS_H
/*
 * Annotations of plain gRPC calls: those of the caller are the metadata of the request, those of
 * the answer are its trailing metadata. Names that are gRPC's, HTTP's or Pyrite's own are none.
 */
#include "engine/core_api.h"
#include "incall/incall.h"
#include "wire/annotation.h"

/* Bytes of an answer's annotations, as HTTP/2 counts them: with its status they stay below 8 KiB,
 * beyond which core ends the connection. */
enum { PLAIN_MAX_TRAILING = 2048 };

/* Appends the annotations among the metadata, encoded as field `field`. */
void plain_annotations_read(const grpc_metadata_array *metadata, enum annotation_field field,
			    struct buf *buf);

/* Gives a call those of its caller; *size: the bytes that they take. Returns NULL, or what is wrong
 * with them. */
const char *plain_annotations_take(pyr_call *call, const grpc_metadata_array *metadata,
				   size_t *size);

/* The entries of an answer: the details of its status, if there are any, and annotations. */
struct plain_trailing {
	grpc_metadata *entries; /* owned */
	size_t n;
};

/* Adds an entry, whose value is taken. Returns false when memory is out. */
bool plain_trailing_add(struct plain_trailing *trailing, grpc_slice key, grpc_slice value);
/* Adds the annotations of a call's answer. What no header can have, and what does not fit, is left
 * out. */
void plain_trailing_annotate(struct plain_trailing *trailing, const pyr_call *call);
void plain_trailing_free(struct plain_trailing *trailing);
#endif
