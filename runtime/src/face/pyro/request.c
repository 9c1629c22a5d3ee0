/* SPDX-License-Identifier: MIT */
#include "face/pyro/request.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "face/pyro/pyro_own.h"
#include "key/key.h"
#include "wire/codec.h"

enum {
	COMPRESSED_LEAST = 200, /* bytes of an answer; to who compresses, too */
	MARSHAL_4 = 3,          /* what is refused in when the serializer is not known */
	MARSHAL_5 = 2,
	VALUE_BYTES = 32, /* that one byte of a payload may take in memory */
	VALUES_LEAST = 65536
};

/* ---- answers ---- */

static uint16_t own_version(const struct pyro_request *request)
{
	return request->header->version ? request->header->version : PYRO_4;
}

/* The answer has the id that the message had. */
static void put_correlation(struct pyro_request *request)
{
	struct span id;

	if (request->answer.version == PYRO_4) {
		if (pyro_annotation_find(PYRO_4, request->annotations, "CORR", &id))
			pyro_annotation_put(&request->extra, PYRO_4, "CORR", id);
	} else if (request->header->flags & PYRO_CORRELATED) {
		request->answer.flags |= PYRO_CORRELATED;
		memcpy(request->answer.correlation, request->header->correlation,
		       PYRO_CORRELATION_SIZE);
	}
}

static void put_signature(struct pyro_request *request, struct span data)
{
	struct pyro_connection *connection = request->connection;
	uint8_t signature[PYRO_SIGNATURE_SIZE];

	if (connection->ring && pyro_sign(key_ring_secret(connection->ring, connection->key),
					  span_of_buf(&request->extra), data, signature))
		pyro_annotation_put(&request->extra, PYRO_4, "HMAC",
				    (struct span){ signature, sizeof(signature) });
}

void request_answer(struct pyro_request *request, enum pyro_type type, unsigned flags)
{
	struct pyro_connection *connection = request->connection;
	struct span data = span_of_buf(&request->body);
	struct buf small = { 0 };

	request->answer.type = (uint16_t)type;
	request->answer.flags = (uint16_t)flags;
	if ((request->header->flags & PYRO_COMPRESSED) && data.n >= COMPRESSED_LEAST &&
	    pyro_deflate(data, &small)) {
		data = span_of_buf(&small);
		request->answer.flags |= PYRO_COMPRESSED;
	}
	put_correlation(request);
	put_signature(request, data);
	if (request->body.broken || request->extra.broken ||
	    !pyro_message_put(&connection->out, &request->answer, span_of_buf(&request->extra),
			      data))
		connection->is_ending = true;
	buf_free(&small);
}

/* What cannot be read is answered in what every client can. */
static void choose_kind(struct pyro_request *request)
{
	request->answer.version = own_version(request);
	if (request->kind)
		return;
	request->answer.serializer = request->answer.version == PYRO_4 ? MARSHAL_4 : MARSHAL_5;
	request->kind =
		ser_find((enum ser_protocol)request->answer.version, request->answer.serializer);
}

void request_sink(struct pyro_request *request, struct ser_sink *sink)
{
	choose_kind(request);
	buf_reset(&request->body);
	ser_sink(sink, request->kind, (enum ser_protocol)own_version(request), &request->body);
}

bool request_sink_end(struct ser_sink *sink, struct pyro_fault *fault)
{
	const char *why = "out of memory";

	if (ser_sink_end(sink, &why))
		return true;
	fault_say(fault, sink->protocol, "SerializeError", "the result cannot be sent: %s", why);
	return false;
}

void request_fail(struct pyro_request *request, const struct pyro_fault *fault)
{
	struct ser_sink sink;
	const char *why;

	if (request->header->flags & PYRO_ONEWAY)
		return;
	request_sink(request, &sink);
	fault_put(fault, &sink);
	if (ser_sink_end(&sink, &why))
		request_answer(request, PYRO_RESULT, PYRO_EXCEPTION);
	else
		request->connection->is_ending = true;
}

void request_refuse(struct pyro_request *request, const char *why)
{
	struct pyro_connection *connection = request->connection;
	struct ser_sink sink;
	const char *wrong;

	log_line(PYR_LOG_INFO, "pyro: %s: %s", connection->who.address, why);
	connection->is_ending = true;
	if (connection->version) /* which other end knows what to do with a message of its own */
		return;
	request_sink(request, &sink);
	ser_put_text(&sink, why);
	if (ser_sink_end(&sink, &wrong))
		request_answer(request, PYRO_CONNECT_FAIL, 0);
}

/* ---- what comes ---- */

static size_t memory_for(const struct pyro_request *request, size_t n)
{
	size_t most = codec_memory_max(request->connection->face->host->max_message);
	size_t wanted = n * VALUE_BYTES + VALUES_LEAST;

	return wanted < most ? wanted : most;
}

bool request_charge(struct pyro_request *request, size_t n)
{
	if (!budget_charge(request->connection->budget, n))
		return false;
	request->charged += n;
	return true;
}

/* What is small is given little room, and more only if it does not do. Returns false with the
 * reason. */
static bool inflate_some(struct pyro_request *request, struct span bytes, struct pyro_wrong *wrong)
{
	size_t max = request->connection->face->host->max_message;
	size_t room = bytes.n * 8 < VALUES_LEAST ? VALUES_LEAST : bytes.n * 8;

	for (;; room *= 8) {
		room = room < max ? room : max;
		if (!request_charge(request, room)) {
			snprintf(wrong->text, sizeof(wrong->text), "out of memory");
			return false;
		}
		buf_free(&request->inflated);
		if (pyro_inflate(bytes, room, &request->inflated, wrong))
			return true;
		if (request->inflated.n <= room || room == max)
			return false;
	}
}

bool request_parse(struct pyro_request *request, struct pyro_fault *fault)
{
	struct span bytes = pyro_connection_data(request->connection);
	enum ser_protocol protocol = (enum ser_protocol)request->header->version;
	struct pyro_wrong wrong;
	char text[256];

	if (!request->kind)
		return !fault_say(fault, protocol, "SerializeError",
				  "message used serializer that is not accepted: %u",
				  request->header->serializer);
	if (request->header->flags & PYRO_COMPRESSED) {
		if (!inflate_some(request, bytes, &wrong))
			return !fault_say(fault, protocol, "ProtocolError", "%s", wrong.text);
		bytes = span_of_buf(&request->inflated);
	}
	request->arena.max = memory_for(request, bytes.n);
	arena_charge_to(&request->arena, request->connection->budget);
	if (!ser_parse(request->kind, bytes, &request->arena, &request->data, text, sizeof(text)))
		return !fault_say(fault, protocol, "SerializeError", "%s", text);
	return true;
}

bool request_waits(struct pyro_request *request, bool is_waiting)
{
	struct pyro_connection *connection = request->connection;
	bool is_here;

	pthread_mutex_lock(&connection->face->lock);
	connection->is_waiting = is_waiting;
	is_here = !connection->is_gone;
	pthread_mutex_unlock(&connection->face->lock);
	if (!is_here && connection->left == 0)
		connection->left = pyro_now();
	return is_here;
}
