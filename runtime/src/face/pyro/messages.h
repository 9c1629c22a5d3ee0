/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_MESSAGES_H
#define PYRITE_PYRO_MESSAGES_H
/*
 * Messages of Pyro's wire protocol, versions 48 (Pyro4) and 502 (Pyro5): headers, annotations,
 * checksums, compression and signatures. What the payload means is not known here. No input or
 * output, no state; any thread.
 *
 * A message is a header of 24 or 40 bytes, annotations, and the payload. Both versions say the same
 * with other numbers: struct pyro_header has one set of them.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	PYRO_4 = 48,
	PYRO_5 = 502,
	PYRO_HEADER_MAX = 40,
	PYRO_VERSION_AT = 6,   /* bytes until the version is known */
	PYRO_ANNOTATIONS = 64, /* in a message */
	PYRO_CORRELATION_SIZE = 16,
	PYRO_SIGNATURE_SIZE = 20,
	PYRO_WRONG_SIZE = 128
};

enum pyro_type {
	PYRO_CONNECT = 1,
	PYRO_CONNECT_OK,
	PYRO_CONNECT_FAIL,
	PYRO_INVOKE,
	PYRO_RESULT,
	PYRO_PING
};

enum pyro_flags {
	PYRO_EXCEPTION = 1,
	PYRO_COMPRESSED = 2,
	PYRO_ONEWAY = 4,
	PYRO_BATCH = 8,
	PYRO_META = 16,       /* Pyro4 alone: metadata with the answer to Connect */
	PYRO_STREAM = 32,     /* the result is a stream, whose id is annotation STRM */
	PYRO_SERIALIZED = 64, /* of a call: its one argument is a blob */
	PYRO_CORRELATED = 128 /* Pyro5 alone: the header has a correlation id */
};

struct pyro_header {
	uint16_t version; /* PYRO_4, PYRO_5 */
	uint16_t type;    /* enum pyro_type, or any other number that came */
	uint16_t flags;   /* enum pyro_flags; others are dropped */
	uint16_t seq;
	uint16_t serializer;                        /* as the version counts them */
	uint32_t n_annotations, n_data;             /* bytes */
	uint8_t correlation[PYRO_CORRELATION_SIZE]; /* PYRO_CORRELATED */
};

/* Why not: as Pyro words it. */
struct pyro_wrong {
	char text[PYRO_WRONG_SIZE];
};

/* Bytes of a header of that version. */
size_t pyro_header_size(unsigned version);

/*
 * Reads a header from the first n bytes. Returns its size; 0 if more bytes are needed; -1 with
 * *wrong told. ret->version is set as soon as it can be told, also on failure; else it is 0.
 * max: bytes of annotations and payload together that are let in.
 */
int pyro_header_read(const uint8_t *data, size_t n, uint32_t max, struct pyro_header *ret,
		     struct pyro_wrong *wrong);

/* A piece of data beside the payload. */
struct pyro_annotation {
	char id[5]; /* four characters of ASCII */
	struct span data;
};

/* Whether the annotations are whole, not too many, and their ids are printable ASCII. */
bool pyro_annotations_check(unsigned version, struct span annotations, struct pyro_wrong *wrong);
/* Takes the next of checked annotations from *rest. Returns false when there are none left. */
bool pyro_annotation_next(unsigned version, struct span *rest, struct pyro_annotation *ret);
/* Of checked annotations. Returns false if there is none with that id. */
bool pyro_annotation_find(unsigned version, struct span annotations, const char *id,
			  struct span *ret);
/* Appends one. */
void pyro_annotation_put(struct buf *out, unsigned version, const char *id, struct span data);

/*
 * Appends a message. Numbers of bytes are counted here, the header's are not looked at.
 * annotations: as pyro_annotation_put() makes them. Returns false if that has more bytes than the
 * version can tell, or memory is out.
 */
bool pyro_message_put(struct buf *out, const struct pyro_header *header, struct span annotations,
		      struct span data);

/* Inflates into an empty buffer, at most max bytes. Returns false with *wrong told. */
bool pyro_inflate(struct span data, size_t max, struct buf *ret, struct pyro_wrong *wrong);
/* Deflates into an empty buffer. Returns false if the result is not smaller, or memory is out. */
bool pyro_deflate(struct span data, struct buf *ret);

/* HMAC-SHA1 of Pyro4: of the payload as it travels, then of the checked annotations sorted by id,
 * "HMAC" left out. Returns false when that fails. */
bool pyro_sign(struct span key, struct span annotations, struct span data,
	       uint8_t ret[PYRO_SIGNATURE_SIZE]);
/* Whether the signature is right; takes as long for each wrong one. */
bool pyro_signature_is(const uint8_t own[PYRO_SIGNATURE_SIZE], struct span given);
#endif
