/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_URI_H
#define PYRITE_URI_H
/*
 * Addresses in their normal form: scheme in upper case, host names in lower case, IPv6 as RFC 5952
 * writes it, tags sorted and each once; so equal addresses have equal texts. A URI is one block and
 * never changes. Source: Pyro's core.URI, which is less strict.
 *
 * Limits: 255 bytes of UTF-8 for an id, a name or a tag (no white space, controls or '@'), 2,048
 * bytes for a whole URI, 253 for a host name, 107 for the path of a unix socket (sun_path), 16
 * addresses in a list.
 */
#include <pyrite/pyrite.h>

#define URI_MAX           2048
#define URI_OBJECT_MAX    255
#define URI_HOST_MAX      253
#define URI_SOCKET_MAX    107
#define URI_ADDRESSES_MAX 16 /* of name servers in a list */
/* Room for any address and any gRPC target, each byte of it perhaps written as %XX. */
#define URI_TARGET_MAX (3 * URI_HOST_MAX + 64)

struct pyr_uri {
	enum pyr_uri_scheme scheme; /* 0: an address alone, from uri_parse_address() */
	uint16_t port;
	bool is_list; /* of name servers, in address; port, host and socket are the first one's */
	const char *object, *host, *socket; /* "" for none; host of IPv6 without brackets */
	const char *text;
	const char *address; /* end of text, "host:port", "[v6]:port", "host" or "./u:path"; ""
				for none */
};

/* A status and a text that quotes the URI and says where it is wrong. */
struct uri_problem {
	int code;
	char text[256];
};

/* Returns: owned, pyr_uri_free(); NULL with *problem told. */
pyr_uri *uri_parse(const char *text, struct uri_problem *problem);

/* The same for an address alone: "host", "host:port", "[v6]:port", "./u:path". */
pyr_uri *uri_parse_address(const char *text, struct uri_problem *problem);

/* The same for what may follow '@' in a PYRONAME: an address, or several with ',' between them.
 * Then the path of a unix socket ends there, too. */
pyr_uri *uri_parse_addresses(const char *text, struct uri_problem *problem);

/*
 * Where gRPC finds the address of uri: "ipv4:127.0.0.1:9090", "ipv6:%5B::1%5D:9090", "unix:path",
 * or "dns:///name:9090" (never the bare name, which gRPC reads as a scheme if it can).
 * default_port: for an address without one. Returns 0, or -INVALID_ARGUMENT if there is no address,
 * or a list, or ret is too small; URI_TARGET_MAX bytes are enough.
 */
int uri_target(const pyr_uri *uri, uint16_t default_port, char *ret, size_t size);

/* "host:port", "[v6]:port" or "./u:path", with default_port where uri has none. Like uri_target().
 */
int uri_address(const pyr_uri *uri, uint16_t default_port, char *ret, size_t size);

/* Whether nobody but this host can be at an address in normal form: a unix socket, loopback by its
 * number, "localhost". Hosts elsewhere may be named "127.example" and "localhost.example". */
bool uri_is_local(const char *address);

bool uri_equal(const pyr_uri *a, const pyr_uri *b);
#endif
