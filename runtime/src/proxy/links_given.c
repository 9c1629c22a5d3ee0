/* SPDX-License-Identifier: MIT */
/* Sockets that the program had connected before a proxy was made for them. */
#include "proxy/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "door/door_listen.h"

struct given_socket *given_new(int fd, struct uri_problem *problem)
{
	struct given_socket *given = calloc(1, sizeof(*given));
	struct door_peer peer = { 0 };

	problem->code = PYR_RESOURCE_EXHAUSTED;
	snprintf(problem->text, sizeof(problem->text), "out of memory");
	if (!given) {
		close(fd);
		return NULL;
	}
	given->refs = 1;
	given->fd = fd;
	if (door_prepare(fd) && door_describe(fd, &peer)) {
		given->is_local = peer.is_local;
		snprintf(given->address, sizeof(given->address), "%s", peer.address);
		return given;
	}
	given_unref(given);
	problem->code = PYR_INVALID_ARGUMENT;
	snprintf(problem->text, sizeof(problem->text),
		 "descriptor %d is not a connected stream socket", fd);
	return NULL;
}

struct given_socket *given_ref(struct given_socket *given)
{
	if (given)
		atomic_fetch_add_explicit(&given->refs, 1, memory_order_relaxed);
	return given;
}

void given_unref(struct given_socket *given)
{
	if (!given || atomic_fetch_sub(&given->refs, 1) != 1)
		return;
	if (given->fd > 0)
		close(given->fd);
	if (given->peer)
		links_put(given->peer);
	free(given);
}

const char *given_uri(const struct given_socket *given, const char *uri, char *text, size_t n)
{
	if (!uri || (strncasecmp(uri, "PYRO", 4) == 0 && strchr(uri, ':')))
		return uri;
	snprintf(text, n, "PYRO:%.*s@%s", URI_OBJECT_MAX + 1, uri, given->address);
	return text;
}
