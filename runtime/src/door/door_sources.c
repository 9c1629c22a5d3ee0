/* SPDX-License-Identifier: MIT */
#include "door/door_sources.h"

#include <arpa/inet.h>
#include <string.h>

enum { PLACES = 8 }; /* where a source may be */

struct door_source door_source_of(const char *address)
{
	struct door_source source = { .is_network = false };
	char host[INET6_ADDRSTRLEN + 1];
	const char *from = address[0] == '[' ? address + 1 : address;
	size_t n = strcspn(from, address[0] == '[' ? "]%" : ":");

	if (n >= sizeof(host))
		return source;
	memcpy(host, from, n);
	host[n] = '\0';
	source.is_network = inet_pton(AF_INET, host, source.address + 12) == 1;
	if (!source.is_network && inet_pton(AF_INET6, host, source.address) == 1) {
		source.is_network = true;
		memset(source.address + 8, 0, 8);
	}
	return source;
}

static bool is_same(const struct door_source *a, const struct door_source *b)
{
	return memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* The first of its places (FNV-1a). */
static unsigned place_of(const struct door_source *source)
{
	uint32_t hash = 2166136261u;
	unsigned i;

	for (i = 0; i < sizeof(source->address); i++)
		hash = (hash ^ source->address[i]) * 16777619u;
	return hash % (DOOR_SOURCES / PLACES) * PLACES;
}

/* When it owes nothing: its own, or that of who owes least where there is no room for another: more
 * sources than there are places are taken for one. */
static int64_t *until_of(struct door_sources *sources, const struct door_source *source)
{
	unsigned first = place_of(source), least = first, i;

	for (i = first; i < first + PLACES; i++) {
		if (is_same(&sources->known[i].source, source))
			return &sources->known[i].until_ms;
		if (sources->known[i].until_ms < sources->known[least].until_ms)
			least = i;
	}
	sources->known[least].source = *source;
	return &sources->known[least].until_ms;
}

bool door_sources_begin(struct door_sources *sources, const struct door_source *source,
			int64_t now_ms)
{
	int64_t *until;

	if (!source->is_network)
		return true;
	until = until_of(sources, source);
	if (*until < now_ms)
		*until = now_ms;
	if (*until - now_ms > (DOOR_SOURCE_BURST - 1) * DOOR_SOURCE_MS)
		return false;
	*until += DOOR_SOURCE_MS;
	return true;
}

void door_sources_done(struct door_sources *sources, const struct door_source *source)
{
	if (source->is_network)
		*until_of(sources, source) -= DOOR_SOURCE_MS;
}
