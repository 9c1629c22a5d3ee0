/* SPDX-License-Identifier: MIT */
#include "face/http/exchange.h"

#include <strings.h>

#include "base/error.h"
#include "face/http/connections.h"
#include "face/http/mhd.h"
#include "face/visitor.h"

const char *http_header(const struct http_wire *wire, const char *name)
{
	return mhd.MHD_lookup_connection_value(wire->connection, MHD_HEADER_KIND, name);
}

struct count {
	const char *name;
	unsigned n;
};

static enum MHD_Result count_one(void *data, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	struct count *count = data;

	(void)kind;
	(void)value;
	count->n += strcasecmp(name, count->name) == 0;
	return MHD_YES;
}

unsigned http_count(const struct http_wire *wire, const char *name)
{
	struct count count = { name, 0 };

	mhd.MHD_get_connection_values(wire->connection, MHD_HEADER_KIND, count_one, &count);
	return count.n;
}

pyr_proxy *http_proxy(struct http_request *request, const char *object)
{
	struct visitor *visitor = request->visitor;

	if (!visitor) {
		visitor = visitor_new(request->host, &request->connection->who);
		if (!visitor)
			return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
		if (!connection_visit(request->connection, visitor)) {
			visitor_free(visitor);
			return error_constructor(PYR_UNAVAILABLE, "the daemon has stopped");
		}
		request->visitor = visitor;
	}
	return visitor_proxy(visitor, object, NULL);
}
