/* SPDX-License-Identifier: MIT */
/*
 * A URI is read from left to right into a struct reader, whose buffer becomes the texts of the
 * pyr_uri. What is wrong is told once, with the byte (from 1) at which reading stopped.
 */
#include "base/uri.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct reader {
	const char *text, *at;
	const char *from; /* what is read: text, or a copy of part of it, */
	size_t shift;     /* which begins there */
	struct uri_problem *problem;
	enum pyr_uri_scheme scheme;
	uint16_t port;
	bool v6;
	char object[URI_MAX + 1];
	char host[URI_HOST_MAX + 1];
	char socket[URI_SOCKET_MAX + 1];
	char list[URI_MAX + 1]; /* the addresses, if there are several: those above are the first */
	char room[URI_MAX + 1]; /* of what is being read, and */
	char *tags[URI_MAX / 2 + 1];
};

static const char *const schemes[] = { "", "PYRO", "PYRONAME", "PYROMETA" };

/* Tells what is wrong at a place. Returns -INVALID_ARGUMENT. */
static int fail_at(struct reader *reader, const char *at, const char *what)
{
	char quoted[120];

	text_escape(quoted, sizeof(quoted), reader->text, 80);
	reader->problem->code = PYR_INVALID_ARGUMENT;
	snprintf(reader->problem->text, sizeof(reader->problem->text), "%s '%s': %s (byte %zu)",
		 reader->scheme ? "uri" : "address", quoted, what,
		 (size_t)(at - reader->from) + reader->shift + 1);
	return -PYR_INVALID_ARGUMENT;
}

static int read_scheme(struct reader *reader)
{
	const char *colon = strchr(reader->text, ':');
	size_t n = colon ? (size_t)(colon - reader->text) : 0;
	int i;

	for (i = PYR_URI_PYRO; i <= PYR_URI_PYROMETA; i++) {
		if (n == strlen(schemes[i]) && strncasecmp(reader->text, schemes[i], n) == 0) {
			reader->scheme = (enum pyr_uri_scheme)i;
			reader->at = colon + 1;
			return 0;
		}
	}
	return fail_at(reader, reader->text,
		       "it does not begin with PYRO:, PYRONAME: or PYROMETA:");
}

/* An id, a name or a tag, up to '@', the end, or stop. */
static int read_word(struct reader *reader, char stop, const char **ret_end)
{
	const char *at = reader->at;
	const char *end = reader->text + strlen(reader->text);
	uint32_t c = 0;
	size_t length;

	for (; at < end && *at != '@' && !(stop && *at == stop); at += length) {
		length = text_char(at, (size_t)(end - at), &c);
		if (length == 0)
			return fail_at(reader, at, "invalid UTF-8");
		if (c == ' ' || c == 0xa0 || c == 0x3000 || text_is_control(c))
			return fail_at(reader, at, "white space or a control character");
		if (at - reader->at + (ptrdiff_t)length > URI_OBJECT_MAX)
			return fail_at(reader, at, "an id, a name or a tag has at most 255 bytes");
	}
	if (at == reader->at)
		return fail_at(reader, at,
			       reader->scheme == PYR_URI_PYRO       ? "no object id"
			       : reader->scheme == PYR_URI_PYRONAME ? "no name"
								    : "an empty tag");
	*ret_end = at;
	return 0;
}

static int compare_tags(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Tags are a set: sorted, each once. */
static void join_tags(char *tags[], size_t n, char *ret)
{
	size_t i;

	qsort(tags, n, sizeof(tags[0]), compare_tags);
	for (i = 0; i < n; i++) {
		if (i > 0 && strcmp(tags[i], tags[i - 1]) == 0)
			continue;
		if (i > 0)
			*ret++ = ',';
		ret = stpcpy(ret, tags[i]);
	}
}

static int read_tags(struct reader *reader)
{
	char *out = reader->room;
	const char *end;
	size_t n = 0;
	int status;

	for (;; reader->at++) {
		status = read_word(reader, ',', &end);
		if (status < 0)
			return status;
		reader->tags[n++] = memcpy(out, reader->at, (size_t)(end - reader->at));
		out += end - reader->at;
		*out++ = '\0';
		reader->at = end;
		if (*end != ',')
			break;
	}
	join_tags(reader->tags, n, reader->object);
	return 0;
}

static int read_object(struct reader *reader)
{
	const char *end;
	int status;

	if (reader->scheme == PYR_URI_PYROMETA)
		return read_tags(reader);
	status = read_word(reader, '\0', &end);
	if (status < 0)
		return status;
	memcpy(reader->object, reader->at, (size_t)(end - reader->at));
	reader->at = end;
	return 0;
}

static int read_port(struct reader *reader)
{
	const char *at = reader->at;
	unsigned port = 0;

	for (; isdigit((unsigned char)*at) && at - reader->at < 6; at++)
		port = port * 10 + (unsigned)(*at - '0');
	if (*at || at == reader->at || port < 1 || port > 65535)
		return fail_at(reader, reader->at, "the port is not a number from 1 to 65535");
	reader->port = (uint16_t)port;
	reader->at = at;
	return 0;
}

static int read_socket(struct reader *reader)
{
	const char *path = reader->at + strlen("./u:");
	const char *at, *end = path + strlen(path);
	uint32_t c = 0;
	size_t length;

	if (path == end)
		return fail_at(reader, path, "no path of a unix socket");
	if (end - path > URI_SOCKET_MAX)
		return fail_at(reader, path + URI_SOCKET_MAX,
			       "the path of a unix socket has at most 107 bytes");
	for (at = path; at < end; at += length) {
		length = text_char(at, (size_t)(end - at), &c);
		if (length == 0 || text_is_control(c))
			return fail_at(reader, at, "a control character or invalid UTF-8");
		if (c == ':')
			return fail_at(reader, at, "a unix socket has no port");
	}
	strcpy(reader->socket, path);
	reader->at = end;
	return 0;
}

/* [v6], perhaps with a zone: fe80::1%eth0. */
static int read_v6(struct reader *reader)
{
	const char *begin = reader->at + 1;
	size_t n = strcspn(begin, "]"), n_address = strcspn(begin, "]%");
	size_t n_zone = n - n_address;
	char address[INET6_ADDRSTRLEN];
	struct in6_addr binary;

	if (begin[n] != ']')
		return fail_at(reader, begin + n, "no ']' after the IPv6 address");
	if (n_address >= sizeof(address) || n_zone == 1 || n_zone > IF_NAMESIZE ||
	    strspn(begin + n_address, "%.-_0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ") < n_zone)
		return fail_at(reader, begin, "no IPv6 address between the brackets");
	memcpy(address, begin, n_address);
	address[n_address] = '\0';
	if (inet_pton(AF_INET6, address, &binary) != 1)
		return fail_at(reader, begin, "no IPv6 address between the brackets");
	inet_ntop(AF_INET6, &binary, reader->host, sizeof(reader->host));
	strncat(reader->host, begin + n_address, n_zone);
	reader->v6 = true;
	reader->at = begin + n + 1;
	return 0;
}

/* A host name (RFC 1123, and '_'), or a dotted IPv4 address. */
static int read_name(struct reader *reader)
{
	size_t i, n = strcspn(reader->at, ":"), label = 0;
	struct in_addr binary;
	char c;

	if (n == 0)
		return fail_at(reader, reader->at, "no host");
	if (n > URI_HOST_MAX)
		return fail_at(reader, reader->at + URI_HOST_MAX,
			       "a host name has at most 253 bytes");
	for (i = 0; i < n; i++) {
		c = reader->at[i];
		label = c == '.' ? 0 : label + 1;
		if (!(isascii(c) && (isalnum(c) || c == '-' || c == '_' || c == '.')))
			return fail_at(reader, reader->at + i, "not a character of a host name");
		if (label > 63 || (c == '.' && (i == 0 || reader->at[i - 1] == '.')))
			return fail_at(reader, reader->at + i,
				       "the parts of a host name have 1 to 63 bytes");
		reader->host[i] = (char)tolower(c);
	}
	reader->host[n] = '\0';
	if (strspn(reader->host, "0123456789.") == n &&
	    inet_pton(AF_INET, reader->host, &binary) != 1)
		return fail_at(reader, reader->at, "not an IPv4 address");
	reader->at += n;
	return 0;
}

/* What stands after '@', to the end. */
static int read_location(struct reader *reader)
{
	const char *first, *second;
	int status;

	if (strncmp(reader->at, "./u:", 4) == 0)
		return read_socket(reader);
	first = strchr(reader->at, ':');
	second = first ? strchr(first + 1, ':') : NULL;
	if (second && reader->at[0] != '[' &&
	    strspn(reader->at, "0123456789abcdefABCDEF:.") == strlen(reader->at))
		return fail_at(reader, reader->at, "an IPv6 address needs brackets, [::1]:9090");
	status = reader->at[0] == '[' ? read_v6(reader) : read_name(reader);
	if (status < 0)
		return status;
	if (*reader->at == ':') {
		reader->at++;
		return read_port(reader);
	}
	if (*reader->at)
		return fail_at(reader, reader->at, "only ':' and a port may follow the host");
	if (reader->scheme == PYR_URI_PYRO)
		return fail_at(reader, reader->at, "no port");
	return 0;
}

/* "host:port" and so on; a port of 0 is left out. */
static size_t print_address(const struct reader *reader, char *ret, size_t size)
{
	char port[8] = "";

	if (reader->socket[0])
		return (size_t)snprintf(ret, size, "./u:%s", reader->socket);
	if (reader->port)
		snprintf(port, sizeof(port), ":%u", reader->port);
	return (size_t)snprintf(ret, size, reader->v6 ? "[%s]%s" : "%s%s", reader->host, port);
}

/* An address of a list, of n bytes. */
static int read_item(struct reader *reader, const char *item, size_t n, char *room)
{
	memcpy(room, item, n);
	room[n] = '\0';
	reader->from = reader->at = room;
	reader->shift = (size_t)(item - reader->text);
	reader->host[0] = reader->socket[0] = '\0';
	reader->port = 0;
	reader->v6 = false;
	return n > 0 ? read_location(reader) : fail_at(reader, room, "an empty address");
}

/* What stands after '@' of a name, or says where the name server is: addresses of servers that know
 * the same names, the preferred one first. */
static int read_locations(struct reader *reader)
{
	const char *first = reader->at, *item = first;
	size_t n = strcspn(item, ","), n_first = n, n_items = 0, at = 0;
	char *room = reader->room;
	int status;

	if (item[n] == '\0')
		return read_location(reader);
	for (;; item += n + 1) {
		n = strcspn(item, ",");
		status = read_item(reader, item, n, room);
		if (status == 0 && ++n_items > URI_ADDRESSES_MAX)
			status = fail_at(reader, room, "a list has at most 16 addresses");
		if (status < 0)
			return status;
		at += (size_t)snprintf(reader->list + at, sizeof(reader->list) - at, at ? "," : "");
		at += print_address(reader, reader->list + at, sizeof(reader->list) - at);
		if (at >= sizeof(reader->list))
			return fail_at(reader, room, "longer than 2048 bytes");
		if (item[n] == '\0')
			return read_item(reader, first, n_first, room);
	}
}

/* One block: the struct, and its texts behind it. */
static pyr_uri *make_uri(const struct reader *reader)
{
	char one[URI_HOST_MAX + 16] = "", *at;
	const char *scheme = schemes[reader->scheme];
	const char *address = reader->list[0] ? reader->list : one;
	size_t n_address = print_address(reader, one, sizeof(one));
	size_t n_text;
	pyr_uri *uri;

	n_address = reader->list[0] ? strlen(reader->list) : n_address;
	n_text = strlen(scheme) + strlen(reader->object) + n_address + 3;
	uri = calloc(1, sizeof(*uri) + n_text + strlen(reader->object) + sizeof(reader->host) +
				sizeof(reader->socket) + 1);

	if (!uri) {
		reader->problem->code = PYR_RESOURCE_EXHAUSTED;
		strcpy(reader->problem->text, "out of memory for a uri");
		return NULL;
	}
	uri->scheme = reader->scheme;
	uri->port = reader->port;
	uri->is_list = reader->list[0] != '\0';
	at = (char *)(uri + 1);
	uri->text = at;
	at += snprintf(at, n_text, "%s%s%s%s%s", scheme, scheme[0] ? ":" : "", reader->object,
		       scheme[0] && n_address ? "@" : "", address);
	uri->address = at++ - n_address;
	uri->object = at;
	at = stpcpy(at, reader->object) + 1;
	uri->host = at;
	at = stpcpy(at, reader->host) + 1;
	uri->socket = strcpy(at, reader->socket);
	return uri;
}

/* Of an object: there is one. */
static int read_place(struct reader *reader)
{
	const char *comma = strchr(reader->at, ',');

	if (comma && strncmp(reader->at, "./u:", 4) != 0)
		return fail_at(reader, comma,
			       "an object has one address; lists of name servers follow PYRONAME "
			       "and PYROMETA");
	return read_location(reader);
}

static int read_uri(struct reader *reader)
{
	int status = read_scheme(reader);

	if (status == 0)
		status = read_object(reader);
	if (status < 0)
		return status;
	if (*reader->at == '@') {
		reader->at++;
		return reader->scheme == PYR_URI_PYRO ? read_place(reader) : read_locations(reader);
	}
	if (reader->scheme == PYR_URI_PYRO)
		return fail_at(reader, reader->at, "no '@' and address after the object id");
	return 0;
}

/* In the heap: a task's stack has no room for it. */
static struct reader *new_reader(const char *text, struct uri_problem *problem)
{
	struct reader *reader = malloc(sizeof(*reader));

	if (!reader) {
		problem->code = PYR_RESOURCE_EXHAUSTED;
		snprintf(problem->text, sizeof(problem->text), "out of memory");
		return NULL;
	}
	memset(reader, 0, offsetof(struct reader, room));
	reader->text = reader->at = reader->from = text;
	reader->problem = problem;
	return reader;
}

static pyr_uri *parse(const char *text, struct uri_problem *problem, int (*read)(struct reader *))
{
	struct reader *reader = new_reader(text, problem);
	pyr_uri *uri = NULL;

	if (!reader)
		return NULL;
	if (read == read_uri)
		reader->scheme = PYR_URI_PYRO; /* until it is read: the texts of errors */
	if (strnlen(text, URI_MAX + 1) > URI_MAX)
		(void)fail_at(reader, text + URI_MAX, "longer than 2048 bytes");
	else if (read(reader) == 0)
		uri = make_uri(reader);
	free(reader);
	return uri;
}

pyr_uri *uri_parse(const char *text, struct uri_problem *problem)
{
	return parse(text, problem, read_uri);
}

pyr_uri *uri_parse_address(const char *text, struct uri_problem *problem)
{
	return parse(text, problem, read_location);
}

pyr_uri *uri_parse_addresses(const char *text, struct uri_problem *problem)
{
	return parse(text, problem, read_locations);
}

/* Percent-encodes what a path of a gRPC target may not hold. */
static int print_unix_target(const char *path, char *ret, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/";
	size_t at = strlen("unix:");

	if (size <= at)
		return -PYR_INVALID_ARGUMENT;
	strcpy(ret, "unix:");
	for (; *path; path++) {
		if (at + 4 > size)
			return -PYR_INVALID_ARGUMENT;
		at += (size_t)sprintf(ret + at, strchr(plain, *path) ? "%c" : "%%%02X",
				      (unsigned char)*path);
	}
	return 0;
}

int uri_target(const pyr_uri *uri, uint16_t default_port, char *ret, size_t size)
{
	unsigned port = uri->port ? uri->port : default_port;
	int n_host = (int)strcspn(uri->host, "%");
	const char *zone = uri->host + n_host;
	struct in_addr binary;
	int n;

	if (uri->socket[0] && !uri->is_list)
		return print_unix_target(uri->socket, ret, size);
	if (uri->host[0] == '\0' || port == 0 || uri->is_list)
		return -PYR_INVALID_ARGUMENT;
	if (strchr(uri->host, ':'))
		n = snprintf(ret, size, "ipv6:%%5B%.*s%s%s%%5D:%u", n_host, uri->host,
			     zone[0] ? "%25" : "", zone[0] ? zone + 1 : "", port);
	else
		n = snprintf(ret, size, "%s%s:%u",
			     inet_pton(AF_INET, uri->host, &binary) == 1 ? "ipv4:" : "dns:///",
			     uri->host, port);
	return n > 0 && (size_t)n < size ? 0 : -PYR_INVALID_ARGUMENT;
}

int uri_address(const pyr_uri *uri, uint16_t default_port, char *ret, size_t size)
{
	int n;

	if (uri->address[0] == '\0' || uri->is_list)
		return -PYR_INVALID_ARGUMENT;
	if (uri->socket[0] || uri->port || default_port == 0)
		n = snprintf(ret, size, "%s", uri->address);
	else
		n = snprintf(ret, size, "%s:%u", uri->address, default_port);
	return n > 0 && (size_t)n < size ? 0 : -PYR_INVALID_ARGUMENT;
}

bool uri_is_local(const char *address)
{
	size_t n = strcspn(address, ":");
	char host[INET_ADDRSTRLEN];
	struct in_addr binary;

	if (strncmp(address, "./u:", 4) == 0 || strncmp(address, "[::1]", 5) == 0)
		return true;
	if (n >= sizeof(host))
		return false;
	memcpy(host, address, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &binary) == 1)
		return ntohl(binary.s_addr) >> 24 == IN_LOOPBACKNET;
	return strcmp(host, "localhost") == 0;
}

bool uri_equal(const pyr_uri *a, const pyr_uri *b)
{
	return strcmp(a->text, b->text) == 0;
}

pyr_uri *pyr_uri_parse(const char *text)
{
	struct uri_problem problem;
	pyr_uri *uri;

	if (!text) {
		(void)error_null("uri");
		return error_from_constructor();
	}
	uri = uri_parse(text, &problem);
	return uri ? uri : error_constructor(problem.code, "%s", problem.text);
}

void pyr_uri_free(pyr_uri *uri)
{
	free(uri);
}

enum pyr_uri_scheme pyr_uri_scheme(const pyr_uri *uri)
{
	return uri ? uri->scheme : (enum pyr_uri_scheme)0;
}

const char *pyr_uri_object(const pyr_uri *uri)
{
	return uri ? uri->object : "";
}

const char *pyr_uri_host(const pyr_uri *uri)
{
	return uri ? uri->host : "";
}

uint16_t pyr_uri_port(const pyr_uri *uri)
{
	return uri ? uri->port : 0;
}

const char *pyr_uri_socket(const pyr_uri *uri)
{
	return uri ? uri->socket : "";
}

const char *pyr_uri_text(const pyr_uri *uri)
{
	return uri ? uri->text : "";
}
