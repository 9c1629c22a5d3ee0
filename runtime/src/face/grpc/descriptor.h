/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DESCRIPTOR_H
#define PYRITE_DESCRIPTOR_H
/*
 * Interfaces as protobuf describes them: files of google.protobuf.FileDescriptorProto, made of the
 * tables that stubs and servants use, so that they say what pyrite-idl --proto says. Tables do not
 * tell which file a type was declared in, and a package may need another that needs it back, so a
 * type has a file of its own, or one with those that it holds and that hold it; an interface has
 * two, one for its service and one for the messages of the operations it declares. Constant once
 * made: of the tables nothing is kept.
 */
#include <pyrite/gen.h>

#include "base/buf.h"

struct descriptors;

struct descriptor_file {
	const char *name; /* "example/Server.proto" */
	struct span bytes;
	const uint32_t *needs; /* places of the files it imports */
	uint32_t n_needs;
};

/* An interface that several have may stand there several times. Returns: owned,
 * descriptors_free(); NULL when memory is out. */
struct descriptors *descriptors_new(const struct pyr__interface *const *interfaces, size_t n);
void descriptors_free(struct descriptors *d);

/* Full names, sorted; borrowed. */
size_t descriptors_services(const struct descriptors *d, const char *const **ret);

size_t descriptors_n_files(const struct descriptors *d);
const struct descriptor_file *descriptors_file(const struct descriptors *d, size_t place);
/* The place of a file, by its name, or by the full name of a service, method, message, field, enum,
 * value or oneof that it declares. Return minus 1 if there is none. */
ptrdiff_t descriptors_find_file(const struct descriptors *d, struct span name);
ptrdiff_t descriptors_find_symbol(const struct descriptors *d, struct span symbol);
/* Whether that is a message. */
bool descriptors_is_message(const struct descriptors *d, struct span symbol);
#endif
