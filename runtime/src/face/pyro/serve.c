/* SPDX-License-Identifier: MIT */
/* A message, looked at and answered. */
#include <stdio.h>
#include <string.h>

#include "face/pyro/pyro_own.h"
#include "face/pyro/request.h"
#include "key/key.h"

static void pong(struct pyro_request *request)
{
	buf_append(&request->body, "pong", 4);
	request_answer(request, PYRO_PING, 0);
}

/* ---- signatures ---- */

/* Whether the key signed it; who has a key signs all. */
static bool is_signed(const struct pyro_request *request, const struct key_ring *ring, int key,
		      struct span given)
{
	uint8_t own[PYRO_SIGNATURE_SIZE];

	return pyro_sign(key_ring_secret(ring, key), request->annotations,
			 pyro_connection_data(request->connection), own) &&
	       pyro_signature_is(own, given);
}

/* The first message: which of the daemon's keys signed it. Returns NULL, or what is wrong. */
static const char *prove(struct pyro_request *request, struct key_settings *keys, struct span given)
{
	struct pyro_connection *connection = request->connection;
	struct key_ring *ring = key_settings_ring(keys);
	uint8_t ids[KEYS_MAX * KEY_ID];
	int i, n = (int)(key_ring_ids(ring, ids) / KEY_ID);

	for (i = 0; i < n; i++) {
		if (!is_signed(request, ring, i, given))
			continue;
		connection->ring = ring;
		connection->key = i;
		if (!connection->who.identity[0])
			snprintf(connection->who.identity, sizeof(connection->who.identity), "%s",
				 key_ring_identity(ring, i));
		return NULL;
	}
	key_ring_unref(ring);
	return "message hmac mismatch";
}

/* Returns NULL, or what is wrong. */
static const char *check_signature(struct pyro_request *request)
{
	struct pyro_connection *connection = request->connection;
	struct key_settings *keys = connection->face->host->keys;
	struct span given = { 0 };
	bool has = pyro_annotation_find(request->header->version, request->annotations, "HMAC",
					&given);
	const char *wrong;
	char text[256];

	if (request->header->version == PYRO_5)
		return keys ? "this daemon wants a shared key, which Pyro5 cannot prove" : NULL;
	if (has != (keys || connection->ring))
		wrong = "hmac key config not symmetric";
	else if (!has)
		return NULL;
	else if (!connection->ring)
		wrong = prove(request, keys, given);
	else
		wrong = is_signed(request, connection->ring, connection->key, given)
				? NULL
				: "message hmac mismatch";
	if (wrong && keys) {
		snprintf(text, sizeof(text), "%s: refused: Pyro: %s", connection->who.address,
			 wrong);
		key_settings_refused(keys, text);
	}
	return wrong;
}

/* ---- a message ---- */

static const char *check(struct pyro_request *request)
{
	struct pyro_connection *connection = request->connection;

	if (connection->is_wrong)
		return connection->wrong.text;
	if (connection->version && connection->version != request->header->version)
		return "invalid data or unsupported protocol version";
	request->annotations = pyro_connection_annotations(connection);
	request->kind =
		ser_find((enum ser_protocol)request->header->version, request->header->serializer);
	if (!pyro_annotations_check(request->header->version, request->annotations,
				    &connection->wrong))
		return connection->wrong.text;
	return check_signature(request);
}

static void dispatch(struct pyro_request *request)
{
	struct pyro_connection *connection = request->connection;
	unsigned type = request->header->type;
	char text[64];

	if (type == PYRO_CONNECT && !connection->version)
		connect_serve(request);
	else if (type == PYRO_INVOKE && connection->version)
		invoke_serve(request);
	else if (type == PYRO_PING && connection->version)
		pong(request);
	else {
		snprintf(text, sizeof(text), "invalid msg type %u received", type);
		request_refuse(request, text);
	}
}

void pyro_serve(struct pyro_connection *connection)
{
	struct pyro_request request = { .connection = connection, .header = &connection->header };
	const char *wrong;

	arena_init(&request.arena, NULL, 0);
	request.answer.version = connection->header.version;
	request.answer.seq = connection->header.seq;
	request.answer.serializer = connection->header.serializer;
	wrong = check(&request);
	if (wrong)
		request_refuse(&request, wrong);
	else
		dispatch(&request);
	arena_clear(&request.arena);
	buf_free(&request.inflated);
	buf_free(&request.extra);
	buf_free(&request.body);
	if (connection->is_wrong)
		buf_reset(&connection->in);
	else
		pyro_connection_next(connection);
}
