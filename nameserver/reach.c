/* SPDX-License-Identifier: MIT */
#include "reach.h"

#include <stddef.h>
#include <string.h>

/* Returns the length of the host, without a port and brackets, from *address on. */
static size_t host_of(const char **address)
{
	const char *end;

	if (**address == '[') {
		++*address;
		end = strchr(*address, ']');
	} else {
		end = strrchr(*address, ':');
	}
	return end ? (size_t)(end - *address) : strlen(*address);
}

static bool is_loopback(const char *address)
{
	size_t n;

	if (strncmp(address, "./u:", 4) == 0 || strncmp(address, "127.", 4) == 0)
		return true;
	n = host_of(&address);
	return (n == 9 && strncmp(address, "localhost", n) == 0) ||
	       (n == 3 && strncmp(address, "::1", n) == 0);
}

/* Who comes by the name server's own address is on its host. */
static bool is_same_host(const char *a, const char *b)
{
	size_t n = host_of(&a), m = host_of(&b);

	return n == m && strncmp(a, b, n) == 0;
}

bool reach_is_none(const char *own, const char *from, const char *uri)
{
	const char *at = strchr(uri, '@');

	return at && is_loopback(at + 1) && !is_loopback(from) && !is_same_host(own, from);
}
