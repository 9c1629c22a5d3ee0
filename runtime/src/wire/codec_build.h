/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEC_BUILD_H
#define PYRITE_CODEC_BUILD_H
/*
 * From tables to protobuf-c's descriptors: codec.c keeps what is built, codec_build.c builds. All
 * of it under codec.c's lock.
 */
#include "wire/codec_internal.h"

enum codec_form {
	CODEC_INTERFACE, /* the value is a struct codec_interface */
	CODEC_TYPE,      /* the message of a struct or union, or the wrapper of a collection */
	CODEC_ENTRY      /* the message of a map's entries */
};

/* What codec.c knows under a table and form; linked in its hash chain and, while a build runs, in
 * the build's list. */
struct codec_entry {
	const void *table;
	enum codec_form form;
	void *value;
	unsigned long long unloads;   /* when it was built or last seen to be true */
	uint64_t stamp;               /* of what was asked for by its table; 0: it was only met */
	struct codec_entry *next;     /* of the chain */
	struct codec_entry *next_new; /* of the build */
};

struct codec_build {
	struct arena *memory;
	unsigned long long unloads; /* when it began: older entries it knows nothing of */
	struct codec_entry *added;  /* newest first: unlinked again when the build fails */
	struct codec_entry *todo;   /* first one of added whose fields are built */
};

/* codec_stamp.c: of a table and all that it leads to; 0: memory is out. */
uint64_t codec_stamp(const void *table, enum codec_form form);
/* How many shared objects this process has unloaded. */
unsigned long long codec_unloads(void);

/* codec.c: finds the entry, or adds one whose value is n zeroed bytes. NULL: out of memory. */
void *codec_cache_get(struct codec_build *build, const void *table, enum codec_form form, size_t n);

/* codec_build.c: the message of a type or entry, its fields to be built by codec_build_rest(). */
const struct codec_message *codec_build_message(struct codec_build *build,
						const struct pyr__type *type, enum codec_form form);
/* The message of a list of slots, at once. */
const struct codec_message *codec_build_slots(struct codec_build *build, const char *name,
					      const struct pyr__field *fields, unsigned n,
					      const char *role);
/* Builds the fields of everything that was added; types may hold themselves. */
bool codec_build_rest(struct codec_build *build);
#endif
