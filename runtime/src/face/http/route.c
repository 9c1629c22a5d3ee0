/* SPDX-License-Identifier: MIT */
/* Which request is answered by what. */
#include <string.h>

#include "face/http/by_name.h"
#include "face/http/exchange.h"
#include "face/http/metrics.h"
#include "face/http/openapi.h"
#include "face/http/page.h"

enum { GET = 1, POST = 2 };

/* "*": any one part of the path. */
static const struct route {
	const char *parts[5];
	unsigned methods;
	const char *allowed;
	void (*get)(struct http_request *request, struct http_answer *answer);
	void (*post)(struct http_request *request, struct http_answer *answer);
	const char *type; /* of what is posted; NULL: whatever */
	bool is_open;     /* tells nothing, so that it may be asked for from anywhere */
	bool is_simple;   /* calls by GET */
} routes[] = {
	{ { "v1", "openapi.json" },
	  GET,
	  "GET, HEAD, OPTIONS",
	  openapi_get,
	  NULL,
	  NULL,
	  false,
	  false },
	{ { "v1", "objects" }, GET, "GET, HEAD, OPTIONS", objects_list, NULL, NULL, false, false },
	{ { "v1", "objects", "*" },
	  GET,
	  "GET, HEAD, OPTIONS",
	  objects_describe,
	  NULL,
	  NULL,
	  false,
	  false },
	{ { "v1", "objects", "*", "*" },
	  GET | POST,
	  "POST, GET, OPTIONS",
	  call_events,
	  call_post,
	  "application/json",
	  false,
	  true },
	{ { "v1", "names", "*" },
	  GET,
	  "GET, HEAD, OPTIONS",
	  names_describe,
	  NULL,
	  NULL,
	  false,
	  false },
	{ { "v1", "names", "*", "*" },
	  GET | POST,
	  "POST, GET, OPTIONS",
	  names_events,
	  names_post,
	  "application/json",
	  false,
	  true },
	{ { "pyro", "*", "*" },
	  GET | POST,
	  "GET, POST, OPTIONS",
	  call_pyro,
	  call_pyro,
	  NULL,
	  false,
	  true },
	{ { "metrics" }, GET, "GET, HEAD, OPTIONS", metrics_get, NULL, NULL, false, false },
	{ { NULL }, GET, "GET, HEAD, OPTIONS", page_get, NULL, NULL, true, false },
	{ { "pyro" }, GET, "GET, HEAD, OPTIONS", page_redirect, NULL, NULL, true, false },
	{ { "*" }, GET, "GET, HEAD, OPTIONS", page_get, NULL, NULL, true, false },
};

static bool fits(const struct route *route, const struct url *url)
{
	unsigned i;

	for (i = 0; i < url->n && i < 4 && route->parts[i]; i++)
		if (strcmp(route->parts[i], "*") != 0 &&
		    strcmp(route->parts[i], url->segments[i]) != 0)
			return false;
	return i == url->n && !route->parts[i];
}

static const struct route *find(struct http_request *request)
{
	struct url *url = &request->url;
	size_t i;

	/* "/pyro/" as Pyro has it. */
	if (url->n == 2 && strcmp(url->segments[0], "pyro") == 0 && !url->segments[1][0])
		url->n = 1;
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (fits(&routes[i], url))
			return &routes[i];
	return NULL;
}

static bool is_method(const struct http_request *request, const char *name)
{
	return strcmp(request->method, name) == 0;
}

/* HEAD does what GET does, unless that calls something. */
static unsigned method_of(const struct http_request *request, const struct route *route)
{
	if (is_method(request, "GET") || (is_method(request, "HEAD") && !route->is_simple))
		return GET;
	return is_method(request, "POST") ? POST : 0;
}

bool route_begin(struct http_request *request, struct http_answer *answer)
{
	const char *wrong;
	const struct route *route;
	unsigned method;

	if (is_method(request, "OPTIONS") && span_is(request->path, "*")) {
		answer_header(answer, "Allow", "GET, HEAD, POST, OPTIONS");
		answer->status = 204;
		return false;
	}
	wrong = url_path(&request->arena, request->path, &request->url);

	if (wrong) {
		answer_problem(request, answer, wrong == url_no_memory ? 503 : 400,
			       "the request's target: %s", wrong);
		return false;
	}
	route = find(request);
	if (!route) {
		answer_problem(request, answer, 404, "there is nothing at '%.200s'",
			       request->url.n > 0 ? request->url.segments[0] : "");
		return false;
	}
	if (!(route->is_open && is_method(request, "GET")) && !guard_check(request, answer))
		return false;
	if (is_method(request, "OPTIONS")) {
		answer_header(answer, "Allow", route->allowed);
		answer->status = 204;
		return false;
	}
	method = method_of(request, route);
	if (!(method & route->methods)) {
		answer_problem(request, answer, 405, "the method is not one of %s", route->allowed);
		answer_header(answer, "Allow", route->allowed);
		return false;
	}
	if (method == POST && route->type)
		return guard_check_type(request, answer, route->type);
	return !route->is_simple || guard_check_simple(request, answer);
}

void route_run(struct http_request *request, struct http_answer *answer)
{
	const struct route *route = find(request);

	if (method_of(request, route) == POST)
		route->post(request, answer);
	else
		route->get(request, answer);
}
