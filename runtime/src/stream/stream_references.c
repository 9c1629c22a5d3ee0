/* SPDX-License-Identifier: MIT */
#include "stream/stream_references.h"

#include "base/error.h"
#include "reference/carried.h"
#include "reference/references.h"

static int fail(const pyr_stream *stream, int code, const char *text)
{
	return error_set(code, "%s: %s", stream->operation->table->name, text);
}

/* With the peer's lock. Returns 0, or a status with the text of why not. */
static int enter(pyr_stream *stream, const struct codec_carried *carried, struct stream_pass *pass,
		 char *text, size_t n)
{
	int code = references_send(pass->peer, carried, FRAME_ITEM, &pass->list, &pass->n, text, n);

	if (code)
		return code;
	if (pass->n > STREAM_REFERENCES_MAX) {
		references_unsend(pass->peer, carried);
		snprintf(text, n, "more than %d references in an item", STREAM_REFERENCES_MAX);
		return PYR_RESOURCE_EXHAUSTED;
	}
	pthread_mutex_lock(&stream->lock);
	if (pass->n > 0)
		stream->kind->stay(stream);
	pthread_mutex_unlock(&stream->lock);
	return 0;
}

int stream_pass_begin(pyr_stream *stream, const struct codec_carried *carried,
		      struct stream_pass *ret)
{
	char text[128];
	bool ok;
	int code;

	*ret = (struct stream_pass){ .peer = NULL };
	if (!stream->kind->stay)
		return fail(stream, PYR_UNIMPLEMENTED,
			    "references cannot be passed over plain gRPC yet");
	ret->kept = carried_keep(carried, &ok);
	if (!ok)
		return fail(stream, PYR_RESOURCE_EXHAUSTED, "out of memory");
	ret->peer = stream->kind->lock_peer(stream);
	if (!ret->peer)
		return 0; /* what the stream's end was is told when it is written */
	code = enter(stream, carried, ret, text, sizeof(text));
	pthread_mutex_unlock(&ret->peer->lock);
	if (!code)
		return 0;
	ret->is_done = true; /* nothing to take back */
	stream_pass_end(ret, carried);
	return fail(stream, code, text);
}

void stream_pass_end(struct stream_pass *pass, const struct codec_carried *carried)
{
	if (pass->peer && !pass->is_done) {
		pthread_mutex_lock(&pass->peer->lock);
		references_unsend(pass->peer, carried);
		pthread_mutex_unlock(&pass->peer->lock);
	}
	peer_unref(pass->peer);
	carried_drop(pass->kept);
	buf_free(&pass->list);
}

void stream_pass_describe(const struct stream_pass *pass, struct stream_part *part)
{
	part->n_references = pass ? pass->n : 0;
	part->list = pass ? span_of_buf(&pass->list) : (struct span){ 0 };
}

bool stream_pass_may(const pyr_stream *stream, const struct stream_pass *pass)
{
	return pass->peer && stream->route.peer == pass->peer;
}

void stream_pass_done(pyr_stream *stream, struct stream_pass *pass)
{
	pass->is_done = true;
	queue_hold(&stream->out.queue, pass->kept);
	pass->kept = NULL;
}
