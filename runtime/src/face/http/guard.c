/* SPDX-License-Identifier: MIT */
/*
 * What keeps web pages of other sites out. A browser sends requests that such a page makes, from
 * the user's own machine, so that the daemon takes them for the user's. Three things give them
 * away: the host that the page's address has (a name of the attacker's that leads here: DNS
 * rebinding), the page's origin, and what browsers say themselves of where a request comes from
 * (Fetch Metadata).
 */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "face/face.h"
#include "face/http/exchange.h"

/* The host without its port; false if it is malformed. */
static bool host_of(const char *text, char *ret, size_t n)
{
	const char *end, *port;
	bool is_v6 = text[0] == '[';

	text += is_v6;
	end = is_v6 ? strchr(text, ']') : strchr(text, ':');
	port = end && is_v6 ? end + 1 : end;
	if (is_v6 && !end)
		return false;
	if (!end)
		end = text + strlen(text);
	if (end == text || (size_t)(end - text) >= n)
		return false;
	memcpy(ret, text, (size_t)(end - text));
	ret[end - text] = '\0';
	if (!port || !*port)
		return true;
	return port[0] == ':' && strspn(port + 1, "0123456789") == strlen(port + 1);
}

static bool is_number(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static bool is_below_localhost(const char *host)
{
	static const char local[] = ".localhost";
	size_t n = strlen(host);

	return n >= sizeof(local) && strcasecmp(host + n - (sizeof(local) - 1), local) == 0;
}

/* A name that nobody else can make lead here. */
static bool is_own(const struct http_request *request, const char *host)
{
	if (is_number(host) || strcasecmp(host, "localhost") == 0 || is_below_localhost(host))
		return true;
	return request->own_host && strcasecmp(host, request->own_host) == 0;
}

static bool check_host(const struct http_request *request, struct http_answer *answer)
{
	const char *text = http_header(request->wire, "Host");
	char host[256];

	if (http_count(request->wire, "Host") != 1 || !host_of(text, host, sizeof(host))) {
		answer_problem(request, answer, 400, "expected one Host header");
		return false;
	}
	if (is_own(request, host))
		return true;
	answer_problem(request, answer, 421,
		       "this daemon is not called '%.100s': use its address, or what its URIs say",
		       host);
	return false;
}

/* The page's origin is where it talks to. */
static bool check_origin(const struct http_request *request, struct http_answer *answer)
{
	const char *origin = http_header(request->wire, "Origin"), *host;

	if (!origin)
		return true;
	host = strstr(origin, "://");
	if (http_count(request->wire, "Origin") == 1 && host &&
	    strcasecmp(host + 3, http_header(request->wire, "Host")) == 0)
		return true;
	answer_problem(request, answer, 403, "requests from pages of other origins are refused");
	return false;
}

static bool check_site(const struct http_request *request, struct http_answer *answer)
{
	const char *site = http_header(request->wire, "Sec-Fetch-Site");

	if (!site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0)
		return true;
	answer_problem(request, answer, 403, "requests from pages of other sites are refused");
	return false;
}

bool guard_check(const struct http_request *request, struct http_answer *answer)
{
	return check_host(request, answer) && check_origin(request, answer) &&
	       check_site(request, answer);
}

/* Browsers tell where a request comes from of hosts that they take for their own, not of others
 * that are it, as "0.0.0.0" and this host's own address on its network. No page talks to a unix
 * socket. */
static bool is_told(const struct http_request *request)
{
	char host[256];

	if (!request->is_near || request->host->has_tls || !request->own_host)
		return request->is_near;
	return host_of(http_header(request->wire, "Host"), host, sizeof(host)) &&
	       (strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
		strcasecmp(host, "localhost") == 0 || is_below_localhost(host));
}

bool guard_check_simple(const struct http_request *request, struct http_answer *answer)
{
	if (is_told(request) || http_header(request->wire, "Sec-Fetch-Site") ||
	    http_header(request->wire, "Origin"))
		return true;
	answer_problem(request, answer, 403,
		       "calls by GET or by a form are for this host by its name 'localhost' or its "
		       "address 127.0.0.1, or over TLS: elsewhere a browser does not tell which "
		       "page makes them");
	return false;
}

bool guard_check_type(const struct http_request *request, struct http_answer *answer,
		      const char *type)
{
	const char *given = http_header(request->wire, "Content-Type");
	size_t n = strlen(type);

	if (given && strncasecmp(given, type, n) == 0 && strchr("; \t", given[n]) &&
	    http_count(request->wire, "Content-Type") == 1)
		return true;
	answer_problem(request, answer, 415, "expected a body of type %s", type);
	return false;
}
