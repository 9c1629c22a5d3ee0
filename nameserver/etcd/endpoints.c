/* SPDX-License-Identifier: MIT */
#include "endpoints.h"

#include <pyrite/pyrite.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_PORT = 2379, MAX_HOST = 255 };

static bool refuse(struct store_problem *problem, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool refuse(struct store_problem *problem, const char *format, ...)
{
	va_list args;

	problem->code = PYR_INVALID_ARGUMENT;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	return false;
}

static bool is_host(const char *host, size_t n, bool is_bracketed)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)host[i]) && !strchr("-._", host[i]) &&
		    !(is_bracketed && strchr(":%", host[i])))
			return false;
	return n > 0 && n <= MAX_HOST;
}

/* Returns 0: no port. */
static unsigned read_port(const char *text, size_t n)
{
	unsigned port = 0;
	size_t i;

	for (i = 0; i < n && n <= 5; i++) {
		if (!isdigit((unsigned char)text[i]))
			return 0;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	return n <= 5 && port <= 65535 ? port : 0;
}

/* What stands before the port. */
static size_t length_of_host(const char *text, size_t n)
{
	const char *end = memchr(text, text[0] == '[' ? ']' : ':', n);

	if (!end)
		return n;
	return (size_t)(end - text) + (text[0] == '[' ? 1 : 0);
}

static bool read_one(const char *text, size_t n, char *ret, struct store_problem *problem)
{
	size_t n_host = n > 0 ? length_of_host(text, n) : 0;
	bool is_bracketed = n_host > 2 && text[0] == '[' && text[n_host - 1] == ']';
	unsigned port = DEFAULT_PORT;

	if (n >= 8 && (memcmp(text, "http://", 7) == 0 || memcmp(text, "https://", 8) == 0))
		return refuse(problem,
			      "etcd endpoint '%.*s': write host:port, without http:// or https://",
			      (int)n, text);
	if (!is_host(text + is_bracketed, n_host - 2 * (size_t)is_bracketed, is_bracketed))
		return refuse(problem, "etcd endpoint '%.*s' is not host:port, [IPv6]:port or host",
			      n < 300 ? (int)n : 300, text);
	if (n_host < n)
		port = text[n_host] == ':' ? read_port(text + n_host + 1, n - n_host - 1) : 0;
	if (port == 0)
		return refuse(problem, "etcd endpoint '%.*s': its port is not 1 to 65535",
			      n < 300 ? (int)n : 300, text);
	snprintf(ret, ETCD_ENDPOINT_SIZE, "%.*s:%u", (int)n_host, text, port);
	return true;
}

static bool has(const struct endpoints *endpoints, const char *address)
{
	size_t i;

	for (i = 0; i < endpoints->n; i++)
		if (strcmp(endpoints->addresses[i], address) == 0)
			return true;
	return false;
}

bool endpoints_read(const char *text, struct endpoints *ret, struct store_problem *problem)
{
	const char *at = text ? text : "";
	char address[ETCD_ENDPOINT_SIZE];
	size_t n;

	ret->n = 0;
	for (;; at += n + 1) {
		n = strcspn(at, ",");
		if (!read_one(at, n, address, problem))
			return false;
		if (has(ret, address))
			return refuse(problem, "etcd endpoint %s is listed twice", address);
		if (ret->n == ETCD_MAX_ENDPOINTS)
			return refuse(problem, "more than %d etcd endpoints", ETCD_MAX_ENDPOINTS);
		memcpy(ret->addresses[ret->n++], address, sizeof(address));
		if (!at[n])
			return true;
	}
}
