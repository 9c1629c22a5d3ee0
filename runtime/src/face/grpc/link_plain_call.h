/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PLAIN_CALL_H
#define PYRITE_LINK_PLAIN_CALL_H
/* One gRPC call of a plain link: link_plain_call.c makes it, link_plain_answer.c tells its owner
 * what came of it. All under the link's lock. */
#include "engine/core_api.h"
#include "face/grpc/link_plain.h"
#include "face/grpc/link_plain_metadata.h"
#include "wire/plain_text.h"

struct plain_message {
	struct plain_message *next;
	grpc_byte_buffer *bytes;
	size_t credit; /* to be given when it is sent */
};

struct plain_out {
	struct plain_link *l; /* counted */
	unsigned refs;        /* batches and hooks in flight */
	struct engine_event opened, received, doubled, sent, closed, ended;
	struct engine_hook put_off; /* a look for a second answer */
	bool is_put_off;
	grpc_call *call;
	uint32_t number; /* 0: nobody waits */
	uint32_t flags;  /* of the Call frame */
	bool is_open;    /* its first batch was started */
	bool is_reading, is_sending, is_half_closed, has_ended;
	bool has_lost;       /* ended: the connection is not there any more, or never was */
	bool has_failed;     /* the last read failed: not the server ended the call, but core */
	bool has_compressed; /* a message that is compressed came, and was dropped */
	bool is_odd;         /* it has had a second answer where there is one */
	int64_t deadline;
	struct plain_metadata metadata;
	grpc_slice_buffer parts;             /* of a message whose rest is to come */
	struct plain_message *first, **last; /* to be sent */
	grpc_byte_buffer *reply;             /* the answer; or the item that came last */
	grpc_byte_buffer *second;            /* which must not be */
	size_t reply_at;                     /* what of it has gone to the owner */
	uint64_t n_items, window;            /* of the owner's stream: room left */
	grpc_metadata_array initial, trailing;
	grpc_status_code status;
	grpc_slice path, text;
};

/* Puts the Reply or the Error into the link's inbox. */
void plain_answer_put(struct plain_out *out);
/* Puts Item frames of out->reply, as far as there is room. Returns whether all of it went. */
bool plain_answer_put_items(struct plain_out *out);
/* It never was on a connection. */
bool plain_answer_is_unconnected(const struct plain_out *out);
/* Somebody is there: what the watch tells too, but perhaps later. */
bool plain_answer_was_connected(const struct plain_out *out);
#endif
