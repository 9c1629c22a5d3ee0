/* SPDX-License-Identifier: MIT */
/* How a connection begins: {'handshake': any, 'object': id}, answered with what the daemon says to
 * the handshake, and with the names of what the object can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "face/pyro/objects.h"
#include "face/pyro/pyro_own.h"
#include "face/pyro/streams.h"
#include "generic/generic.h"

#define STANDARD "hello" /* handshake, and what it is answered, of who did not choose another */

/* Keeps what the client sends for hooks to judge. Returns false with the fault. */
static bool keep_handshake(struct pyro_request *request, struct pyro_fault *fault)
{
	struct pyro_connection *connection = request->connection;
	enum ser_protocol protocol = (enum ser_protocol)request->header->version;
	uint32_t at = ser_member(&request->data, 0, "handshake");
	struct span sent = { 0 };

	if (!connection->face->host->is_guarded)
		return true;
	if (at != SER_NONE && ser_type(&request->data, at) == SOURCE_STRING)
		sent = ser_text(&request->data, at);
	else if (at != SER_NONE && ser_type(&request->data, at) != SOURCE_NULL)
		sent = ser_bytes(&request->data, at);
	if (!sent.p && at != SER_NONE && ser_type(&request->data, at) != SOURCE_NULL)
		return !fault_say(fault, protocol, "PyroError",
				  "this daemon requires text or bytes as _pyroHandshake");
	if (sent.n > PYR_HANDSHAKE_MAX)
		return !fault_say(fault, protocol, "PyroError", "a handshake has at most %d bytes",
				  PYR_HANDSHAKE_MAX);
	connection->handshake = (struct span){ (uint8_t *)span_dup(sent), sent.n };
	return connection->handshake.p || !fault_say(fault, protocol, "PyroError", "out of memory");
}

/* Without what the proxy has put before it: "connection to 127.0.0.1:4000 rejected: ". */
static void refuse(struct pyro_request *request, const struct pyro_fault *fault)
{
	static const char rejected[] = " rejected: ";
	const char *why = strstr(fault->text, rejected);

	request_refuse(request, why ? why + sizeof(rejected) - 1 : fault->text);
}

static void put_answer(struct pyro_request *request, struct ser_sink *sink)
{
	const struct buf *answer = &request->connection->answer;
	uint32_t c;
	size_t i, n = 1;

	if (!request->connection->face->host->is_guarded) {
		ser_put_text(sink, STANDARD);
		return;
	}
	for (i = 0; i < answer->n && n > 0; i += n)
		n = text_char((const char *)answer->data + i, answer->n - i, &c);
	if (n > 0)
		sink->sink.kind->string(&sink->sink, (const char *)answer->data, answer->n);
	else
		sink->sink.kind->bytes(&sink->sink, answer->data, answer->n);
}

/* The object and its interface. NULL with the fault. */
static pyr_proxy *look_at_object(struct pyro_request *request, const struct pyro_adapter **ret,
				 struct pyro_fault *fault)
{
	uint32_t at = ser_member(&request->data, 0, "object");
	struct span object = at == SER_NONE ? (struct span){ 0 } : ser_text(&request->data, at);
	pyr_proxy *proxy = objects_get(request, object, ret, fault);

	if (proxy && request->connection->face->host->is_guarded && pyr_proxy_bind(proxy) < 0) {
		fault_of_error(fault, (enum ser_protocol)request->header->version, proxy);
		return NULL;
	}
	return proxy && objects_may_know(request, object, fault) ? proxy : NULL;
}

static bool accept(struct pyro_request *request, struct pyro_fault *fault)
{
	bool has_meta = request->header->version == PYRO_5 || (request->header->flags & PYRO_META);
	const struct pyro_adapter *adapter;
	pyr_proxy *proxy = NULL;
	struct ser_sink sink;

	if (has_meta && !(proxy = look_at_object(request, &adapter, fault)))
		return false;
	request_sink(request, &sink);
	if (has_meta) {
		sink.sink.kind->object(&sink.sink);
		ser_put_member(&sink, "handshake");
	}
	put_answer(request, &sink);
	if (has_meta) {
		ser_put_member(&sink, "meta");
		metadata_put(&sink, adapter, generic_interface(proxy));
		sink.sink.kind->object_end(&sink.sink);
	}
	if (!request_sink_end(&sink, fault))
		return false;
	request->connection->version = request->header->version;
	request_answer(request, PYRO_CONNECT_OK, has_meta ? PYRO_META : 0);
	return true;
}

void connect_serve(struct pyro_request *request)
{
	struct pyro_fault fault;

	if (!request_parse(request, &fault) || !keep_handshake(request, &fault)) {
		refuse(request, &fault);
		return;
	}
	if (!caller_let_in(request->connection)) {
		request->connection->is_ending = true;
		return;
	}
	if (!accept(request, &fault))
		refuse(request, &fault);
}
