/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PLAIN_METADATA_H
#define PYRITE_LINK_PLAIN_METADATA_H
/* What goes with a plain call as gRPC's metadata. */
#include "engine/core_api.h"
#include "wire/frame.h"

enum {
	PLAIN_OWN_METADATA = 3,   /* entries of Pyrite's own */
	PLAIN_MAX_METADATA = 4096 /* bytes of annotations: beyond 8 KiB core ends the connection */
};

struct plain_metadata {
	grpc_metadata own[PLAIN_OWN_METADATA];
	grpc_metadata *entries; /* own, or more in a block */
	size_t n;
};

/* Adds an entry of Pyrite's own. Returns false if no header can have this value. */
bool plain_metadata_put(struct plain_metadata *metadata, const char *key, struct span value);

/* Adds the annotations of a Call; after those of Pyrite's own. What is no name of a header, or the
 * name of one that is gRPC's or Pyrite's, is left out. Returns 0, or minus a status with *wrong. */
int plain_metadata_annotate(struct plain_metadata *metadata, const struct frame *frame,
			    const char **wrong);

/* Whether a name of a header is gRPC's, HTTP's or Pyrite's: no annotation has it. */
bool plain_metadata_is_taken(struct span name);

void plain_metadata_free(struct plain_metadata *metadata);
#endif
