/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_TAIL_H
#define PYRITE_PYRO_TAIL_H
/* A source that reads an array without its first item. */
#include "face/pyro/ser.h"

struct tail_source {
	struct ser_source of; /* its source is the one to read from */
	const struct source_kind *kind;
	struct source_kind own;
};

/* The array at that place, which has an item. */
void tail_source(struct tail_source *tail, const struct ser_data *data, uint32_t at);
#endif
