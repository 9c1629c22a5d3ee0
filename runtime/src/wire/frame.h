/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FRAME_H
#define PYRITE_FRAME_H
/*
 * The frames of link.proto, written and read by hand-made tables: a frame is small and there are
 * many, and a payload is packed and parsed where it lies. Floor 1: knows bytes only. A test
 * compares it with protoc.
 */
#include "base/buf.h"

enum frame_type { /* numbers of Frame.body */
		  FRAME_UNKNOWN = 0,
		  FRAME_HELLO = 3,
		  FRAME_BIND,
		  FRAME_BOUND,
		  FRAME_UNBIND,
		  FRAME_CALL,
		  FRAME_REPLY,
		  FRAME_ERROR,
		  FRAME_CANCEL,
		  FRAME_ITEM,
		  FRAME_END,
		  FRAME_CREDIT,
		  FRAME_RELEASE,
		  FRAME_PING,
		  FRAME_PONG,
		  FRAME_GOAWAY,
		  FRAME_RESUME,
		  FRAME_RESUMED,
		  FRAME_LOST,
		  FRAME_AUTH,
		  FRAME_TYPES
};

enum frame_flags {
	FRAME_ONEWAY = 1,
	FRAME_MORE = 2,
	FRAME_CONTINUES = 4,
	FRAME_BATCH = 8,
	FRAME_STREAMS = 16,
	FRAME_STREAM_IN = 32,
	FRAME_STREAM_OUT = 64,
	FRAME_PARAMETERS = 128,
	FRAME_REFERENCES = 256,
	/* those that say what is called, and how */
	FRAME_OF_OPERATION = FRAME_ONEWAY | FRAME_BATCH | FRAME_STREAMS | FRAME_STREAM_IN |
			     FRAME_STREAM_OUT | FRAME_PARAMETERS
};

enum {
	FRAME_VERSION_MIN = 1, /* protocol versions that this library speaks */
	FRAME_VERSION_MAX = 1,
	FRAME_FRAGMENT = 65536, /* most payload bytes in one frame */
	FRAME_MESSAGE_MAX = 262144,
	FRAME_ITEM_COST = 32 /* what an Item takes of the credit, beside its payload */
};

/* What both ends of a socket that carries frames say first: as long as HTTP/2's preface, for some
 * servers compare no sooner. */
#define FRAME_PREFACE "PYRITE/1 frames follow\r\n"

#define FRAME_BATCH_NAME "<batch>" /* of a Call that is one (Pyro's): no operation is called so */

/* One frame of any type; what a member means, and in which types, stands in link.proto. Spans are
 * borrowed. */
struct frame {
	enum frame_type type;
	uint32_t number;
	uint32_t critical; /* 0 or 1 */
	uint32_t session, operation, flags, depth, code, total, count;
	uint32_t min_version, max_version, max_calls, max_message, to_caller, may_have_run,
		was_not_run, found_here, raised, window, stream_linger_ms, attempt, takes_none;
	uint64_t fingerprint, time_left, value, received, consumed;
	struct span object, interface, name, chain, correlation_id, traceparent;
	struct span message, exception, detail, trace, handshake, agent, from, shape, reference,
		token;
	struct span annotation; /* read: the last one; p is NULL if there is none */
	struct span payload;
	struct span body; /* read: the whole body, for frame_repeated(). Written: encoded repeated
			     fields, appended as they are */
};

/* What a Call says of what it calls. */
struct frame_operation {
	uint32_t operation, flags;
	uint64_t fingerprint;
	struct span name;
};

/*
 * Appends a frame as a field of Message. The payload's n_payload bytes are left to the caller
 * (frame->payload is not looked at). Returns where they go (valid until the buffer changes), NULL
 * when memory is out.
 */
uint8_t *frame_write(struct buf *buf, const struct frame *frame, size_t n_payload);
/* The same with frame->payload copied. */
bool frame_append(struct buf *buf, const struct frame *frame);
/* The same without the payload, which goes behind it from elsewhere. Returns false when memory is
 * out. */
bool frame_write_head(struct buf *buf, const struct frame *frame, size_t n_payload);

/* The size of the first frame at data, header included; 0 if there is no whole one. */
size_t frame_size(const uint8_t *data, size_t n);
/* The same of one that we wrote, of which not all need be there. */
size_t frame_size_told(const uint8_t *data, size_t n);
/* Appends the written frame at data, of that size, which has a number, with another one. Returns
 * false when memory is out, or if it is none. */
bool frame_renumber(struct buf *buf, const uint8_t *data, size_t size, uint32_t number);
/* Turns the written frame at data into one that every reader skips. */
void frame_void(uint8_t *data);

/* Reads the next frame of a message. Returns 1, 0 at its end, -1 if the bytes are no frames. */
int frame_read(const uint8_t **data, const uint8_t *end, struct frame *ret);

/* Reads a body alone, as kept in frame->body. Returns false if it is none. */
bool frame_read_body(enum frame_type type, struct span body, struct frame *ret);

/* Repeated fields of a body: an entry of field `id`, which has up to a name (1), a fixed64 or
 * varint (2) and a text (3). */
struct frame_entry {
	struct span name, text;
	uint64_t number, value; /* fields 1 and 2 as numbers */
	struct span bytes;      /* field 2 when it is bytes */
};
int frame_repeated(struct span *rest, uint32_t id, struct frame_entry *ret);
void frame_put_operation(struct buf *buf, const char *name, uint64_t fingerprint,
			 const char *signature);
/* Appends those of a Bound as they are. */
void frame_copy_operations(struct span body, struct buf *buf);
void frame_put_annotation(struct buf *buf, uint32_t id, struct span key, struct span value);
void frame_put_mark(struct buf *buf, uint32_t session, uint32_t last_number);
/* References that a frame carries. */
struct frame_reference {
	uint8_t id[16];   /* on this link */
	uint8_t name[16]; /* in the payload */
	bool is_home;     /* it is the receiver's own */
	bool has_address; /* the payload says where it can be reached besides */
};
void frame_put_reference(struct buf *buf, enum frame_type type,
			 const struct frame_reference *reference);
/* Returns 1, 0 after the last one, -1 if it is none. */
int frame_next_reference(struct span *rest, enum frame_type type, struct frame_reference *ret);
#endif
