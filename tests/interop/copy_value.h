/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_COPY_VALUE_H
#define PYRITE_COPY_VALUE_H
#include "face/pyro/ser.h"

/* Writes again what was read, as a method would that returns what it is given; with the same
 * serializer, and nothing known of its type. Returns false with the text of why it cannot be. */
bool copy_value(const struct ser_data *data, enum ser_protocol protocol, struct buf *out,
		char *text, size_t n);
#endif
