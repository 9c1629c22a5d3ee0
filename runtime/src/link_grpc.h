/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_GRPC_H
#define PYRITE_LINK_GRPC_H
/*
 * Between link_grpc.c (what a link does with its streams) and link_stream.c (one gRPC call each).
 * Each batch in flight holds a reference of the link; its owner holds one more.
 */
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/slice.h>

#include <pthread.h>
#include <stdatomic.h>

#include "engine.h"
#include "link.h"

struct grpc_link;

enum { MAIN = 0, SIDE = 1 };

struct stream {
	struct grpc_link *link;
	grpc_call *call; /* lock: NULL before it is there and after it is over */
	struct engine_event opened, received, sent, joined, ended, closed;
	grpc_metadata_array initial, trailing;
	grpc_byte_buffer *incoming, *outgoing;
	grpc_status_code status;
	grpc_slice details;
	int cancelled;
	bool is_writing;        /* lock: a send is in flight */
	bool is_joined;         /* lock: one joined with a receive is */
	bool is_put_off;        /* lock: the next receive waits for a send to be joined with */
	uint32_t n_sent;        /* lock */
	bool is_open;           /* leader: its batches were started */
	bool is_reading;        /* leader: a receive of its own is in flight */
	bool has_ended;         /* leader */
	uint32_t n_received;    /* leader */
	grpc_byte_buffer *held; /* leader: came too early; nothing more is read meanwhile */
};

struct grpc_link {
	struct link link;
	struct stream streams[2];
	grpc_channel *channel; /* client */
	atomic_int refs;
	pthread_mutex_t lock; /* after the owner's; innermost but for core's and the engine's */
	bool is_client;
	bool is_closing;      /* lock: no new writes */
	bool close_after;     /* lock: end the streams once what is being written is */
	int close_code;       /* lock: told instead of the network's when this end closed */
	char close_text[256]; /* lock */
	bool has_side;        /* leader: a side stream there is or will be */
	atomic_bool may_join; /* the side stream stands at both ends */
	bool is_finished;     /* leader: closed() was called */
	struct engine_hook put_off;
	char id[33];            /* unguessable, in hex: by it a side stream finds its link */
	struct grpc_link *next; /* in the list of accepted ones */
};

void link_ref(struct grpc_link *l);
void link_unref(struct grpc_link *l);

/* What becomes of batches; in the leader. message: taken, NULL at the end of the stream. */
void link_received(struct stream *stream, grpc_byte_buffer *message);
void link_sent(struct stream *stream, bool ok);
void link_ended(struct stream *stream);
void link_opened(struct grpc_link *link); /* client: the main stream stands */

void stream_init(struct stream *stream, struct grpc_link *link);
void stream_fini(struct stream *stream);
/* Client: makes the call, with the link's id as metadata. Server: starts the one that was taken. */
void stream_open(struct stream *stream, const char *method);
void stream_accept(struct stream *stream);
/* Starts a receive, a send, or both as one. Returns false if core takes no more. */
bool stream_read(struct stream *stream);
bool stream_write(struct stream *stream, grpc_byte_buffer *message, bool joined);
/* The orderly end of this side's half of both streams. With the lock. */
void streams_send_end(struct grpc_link *link);
/* All of a message in one piece; counted. */
grpc_slice stream_slice(grpc_byte_buffer *message);
#endif
