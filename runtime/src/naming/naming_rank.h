/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_RANK_H
#define PYRITE_NAMING_RANK_H
/*
 * Which members a group takes of more than there is room for: those whose hashes with the seed are
 * the least, so that they are the same ones each time.
 */
#include "proxy/group.h"

struct ranked {
	uint64_t seed, ranks[GROUP_MAX];
	struct group_uris *uris;
};

/* Takes a copy of the uri, if it is one of those. Returns false when memory is out. */
bool rank(struct ranked *ranked, const char *uri);
#endif
