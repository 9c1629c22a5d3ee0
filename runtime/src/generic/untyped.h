/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_UNTYPED_H
#define PYRITE_UNTYPED_H
/*
 * Objects whose daemon tells the names of their methods alone, as Python's Pyro does. Their
 * interface is made up: each operation takes JSON of all arguments, and returns JSON of any value
 * (VALUE_ANY_JSON). It is kept for ever, as others that this process was told of (learned.h): a
 * bounded number of them. Any thread.
 */
#include <pyrite/gen.h>

#include "base/buf.h"

/* Asks the daemon of the object at that address. Returns NULL with the last error set. */
const struct pyr__interface *untyped_learn(const char *address, const char *object,
					   const struct pyr_proxy_options *options);
bool untyped_is(const struct pyr__interface *table);
/* What there is to be said of it: comments of IDL. */
void untyped_print(const struct pyr__interface *table, struct buf *out);
#endif
