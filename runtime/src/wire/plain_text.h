/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PLAIN_TEXT_H
#define PYRITE_PLAIN_TEXT_H
/*
 * What a plain gRPC call says in its path and metadata: names in, errors out. Pure functions, no
 * gRPC in here. Core kills a whole connection over 8 KiB of metadata, so an answer never has more
 * than 4 KiB of it.
 */
#include "base/buf.h"
#include "base/error.h"

enum {
	PLAIN_TEXT_MAX = 2048,     /* a status text as it travels, percent-encoded */
	PLAIN_METADATA_MAX = 4096, /* text and details together, as they travel */
	PLAIN_NAME_MAX = 512       /* bytes of a path */
};

#define PLAIN_OBJECT_KEY      "pyrite-object"         /* id of the object that is called */
#define PLAIN_CORRELATION_KEY "pyrite-correlation-id" /* of a request, and of its error */
#define PLAIN_TRACEPARENT_KEY "traceparent"           /* W3C Trace Context */
#define PLAIN_DETAILS_KEY     "grpc-status-details-bin"

/* "/example.Server/add" into its parts. False if it is not of that form. */
bool plain_parse_path(struct span path, struct span *interface, struct span *operation);

/* "example.Server.add". dst: PLAIN_NAME_MAX bytes, enough for what plain_parse_path() took. */
struct span plain_operation_name(struct span interface, struct span operation, char *dst);

/*
 * A text fit for grpc-message: UTF-8 (what is none becomes "?"), cut at a character so that it
 * takes at most max bytes percent-encoded, then ending in "...". dst: max + 1 bytes. Returns the
 * encoded size.
 */
size_t plain_status_text(char *dst, const char *s, size_t max);

/*
 * The text and, for a typed exception, the google.rpc.Status of an error. text: PLAIN_TEXT_MAX + 1
 * bytes. details: empty if there are none, or if the exception is too large, which the text then
 * says.
 */
void plain_status(const struct error_info *error, char *text, struct buf *details);

/*
 * The typed exception in a google.rpc.Status that came: the name after the last '/' of the type,
 * and the packed fields. Of several details the first that is none of google.rpc's own, which tell
 * about an error and are none. Both stay empty if there is none, or the bytes are no Status.
 */
void plain_read_details(struct span status, struct span *exception, struct span *fields);

/* As a terminated string, cut to n - 1 bytes. */
void plain_text_copy(char *dst, size_t n, struct span text);
#endif
