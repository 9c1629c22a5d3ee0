/* SPDX-License-Identifier: MIT */
/* A message, looked at and answered. */
#include <stdio.h>
#include <string.h>

#include "base/audit.h"
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

static const char *check_of_4(struct pyro_request *request, struct key_settings *keys,
			      bool is_wanted)
{
	struct pyro_connection *connection = request->connection;
	struct span given;

	if (!pyro_annotation_find(PYRO_4, request->annotations, "HMAC", &given))
		return is_wanted ? "hmac key config not symmetric" : NULL;
	if (connection->ring)
		return is_signed(request, connection->ring, connection->key, given)
			       ? NULL
			       : "message hmac mismatch";
	return keys && !connection->version ? prove(request, keys, given)
					    : "hmac key config not symmetric";
}

/* He is told in Pyro's words; the log and the audit log know more. */
static void tell(const struct pyro_connection *connection, struct key_settings *keys,
		 const char *wrong)
{
	const struct audit_event event = { .who = connection->who.identity,
					   .from = connection->who.address,
					   .action = "connect",
					   .decision = "refused",
					   .why = wrong };
	char text[256];

	snprintf(text, sizeof(text), "%s: refused: Pyro: %s", connection->who.address, wrong);
	key_settings_refused(keys, text);
	audit_say(connection->face->host->audit, &event);
}

/* Returns NULL, or what is wrong. Who has shown a certificate needs no key. */
static const char *check_signature(struct pyro_request *request)
{
	struct pyro_connection *connection = request->connection;
	struct key_settings *keys = connection->face->host->keys;
	bool is_wanted = connection->ring || (keys && !connection->who.identity[0]);
	const char *wrong = NULL;

	if (request->header->version == PYRO_4)
		wrong = check_of_4(request, keys, is_wanted);
	else if (is_wanted)
		wrong = "this daemon requires a shared key, which Pyro5 cannot prove";
	if (wrong && keys)
		tell(connection, keys, wrong);
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
	budget_release(connection->budget, request.charged);
	buf_free(&request.inflated);
	buf_free(&request.extra);
	buf_free(&request.body);
	if (connection->is_wrong)
		buf_reset(&connection->in);
	else
		pyro_connection_next(connection);
}
