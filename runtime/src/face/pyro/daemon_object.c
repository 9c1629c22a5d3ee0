/* SPDX-License-Identifier: MIT */
/* The object "Pyro.Daemon" that each daemon of Pyro has, made of what "Pyrite.Daemon" says; and the
 * items of streams, which its clients ask it for. */
#include <pyrite/inspect.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "face/pyro/objects.h"
#include "face/pyro/pyro_own.h"
#include "face/pyro/streams.h"
#include "generic/generic.h"

static struct pyrite_Daemon *daemon_of(const struct adapter_call *call)
{
	return (struct pyrite_Daemon *)call->proxy;
}

/* ---- what the daemon says ---- */

static int ping(const struct adapter_call *call)
{
	return pyrite_Daemon_ping(daemon_of(call)) < 0 ? adapter_failed(call) : adapter_null(call);
}

static int registered(const struct adapter_call *call)
{
	struct pyrite_Daemon *daemon = daemon_of(call);
	struct pyrite_DaemonPage *page;
	char *after = NULL;
	size_t i;
	int err;

	call->results->sink.kind->array(&call->results->sink);
	ser_put_text(call->results, PYRO_DAEMON);
	do {
		err = pyrite_Daemon_objects(daemon, after ? after : "", &page);
		free(after);
		if (err < 0)
			return adapter_failed(call);
		for (i = 0; i < page->objects.n; i++)
			ser_put_text(call->results, page->objects.items[i].id);
		after = page->next[0] ? strdup(page->next) : NULL;
		pyr_free(page);
	} while (after && !call->results->sink.broken);
	free(after);
	call->results->sink.kind->array_end(&call->results->sink);
	return 0;
}

static int info(const struct adapter_call *call)
{
	struct pyrite_Daemon *daemon = daemon_of(call);
	struct pyrite_DaemonStatistics *statistics;
	struct pyrite_DaemonInfo *said;
	char text[512];
	int n;

	if (pyrite_Daemon_info(daemon, &said) < 0)
		return adapter_failed(call);
	n = snprintf(text, sizeof(text), "%s bound on %.200s, NAT None, ", PYRO_DAEMON,
		     said->address);
	if (pyrite_Daemon_statistics(daemon, &statistics) == 0) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%u objects registered. ",
			      statistics->n_objects);
		pyr_free(statistics);
	}
	snprintf(text + n, sizeof(text) - (size_t)n, "Servertype: <Pyrite %.50s; %u threads>",
		 said->version, said->threads);
	pyr_free(said);
	ser_put_text(call->results, text);
	return 0;
}

/* The one argument; {NULL, 0}: it is no text. */
static struct span argument(const struct adapter_call *call, const char *name)
{
	uint32_t at = adapter_argument(call, 0, name);

	return at == SER_NONE ? (struct span){ 0 } : ser_text(&call->request->data, at);
}

static int get_metadata(const struct adapter_call *call)
{
	struct span id = argument(call, "objectId");
	const struct pyro_adapter *adapter;
	pyr_proxy *proxy = objects_get(call->request, id, &adapter, call->fault);

	if (!proxy || !objects_may_know(call->request, id, call->fault))
		return 1;
	metadata_put(call->results, adapter, generic_interface(proxy));
	return 0;
}

/* ---- streams ---- */

static int get_next_stream_item(const struct adapter_call *call)
{
	struct span id = argument(call, "streamId");
	pyr_stream *stream = stream_find(call->request->connection, id);
	int n;

	if (!stream)
		return fault_say(call->fault, adapter_protocol(call), "PyroError",
				 "item stream terminated");
	n = generic_next(stream, &call->results->sink);
	if (n > 0)
		return 0;
	if (n == 0)
		fault_say(call->fault, adapter_protocol(call), "builtins.StopIteration", "%s", "");
	else
		adapter_failed(call);
	stream_close(call->request->connection, id);
	return 1;
}

static int close_stream(const struct adapter_call *call)
{
	stream_close(call->request->connection, argument(call, "streamId"));
	return adapter_null(call);
}

/* ---- by name ---- */

static const struct adapter_method methods[] = {
	{ "ping", ping },
	{ "registered", registered },
	{ "info", info },
	{ "get_metadata", get_metadata },
	{ "get_next_stream_item", get_next_stream_item },
	{ "close_stream", close_stream },
	{ NULL, NULL },
};

const struct pyro_adapter adapter_daemon = { PYRO_DAEMON, pyrite_DAEMON_ID, "DaemonObject",
					     methods };
