/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_MEMBERS_H
#define PYRITE_PYRO_MEMBERS_H
/* A sink that takes an object and writes its members into the one that is open at another sink. */
#include "value/sink.h"

struct members_sink {
	struct sink sink;
	struct sink *into;
	unsigned depth;
};

void members_sink(struct members_sink *members, struct sink *into);
#endif
