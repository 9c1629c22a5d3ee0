/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_GENERIC_ARGS_H
#define PYRITE_GENERIC_ARGS_H
/* What calls without a stub share: parameters read into slots, results written, and all of it
 * freed. */
#include "generic/generic_arguments.h"
#include "value/value.h"

/* Proxies that were made of URIs in what was read, as long as that is used. */
struct generic_opened {
	void **items;
	size_t n, room;
	struct arena *arena; /* in whose bounds they are; NULL: in none */
};
struct value_objects generic_objects(struct generic_opened *opened);
void generic_opened_end(struct generic_opened *opened);
/* A new one; type: NULL: of an Object. NULL with the last error set. */
void *generic_proxy(const struct pyr__type *type, const char *uri);

struct generic_args {
	const char *operation; /* its full name, for errors */
	struct arena arena;
	union pyr__slot *slots;
	struct generic_opened opened;
	struct value_objects objects;
};

/* What slots are read from: one of these. */
struct generic_input {
	struct source *slots;                      /* an object with their names, or a list */
	struct source *item;                       /* of a stream, by itself */
	const struct generic_arguments *arguments; /* as Python passes them */
};

/* Returns 0, or minus a status with the last error set; generic_args_end() in any case. */
int generic_args_begin(struct generic_args *args, const struct pyr__interface *interface,
		       const struct pyr__operation *operation, const struct generic_input *input);
void generic_args_end(struct generic_args *args);

/* Writes results and frees them. sink: NULL: not wanted. Returns 0, or minus a status with the last
 * error set. */
int generic_give(const struct pyr__interface *interface, const struct pyr__field *fields,
		 unsigned n, union pyr__slot *slots, struct sink *sink);
/* generic_call(), generic_open(), generic_write() with that input. */
int generic_call_with(pyr_proxy *proxy, const char *operation, const struct generic_input *input,
		      struct sink *results);
int generic_open_with(pyr_proxy *proxy, const char *operation, const struct generic_input *input,
		      pyr_stream **ret);
/* The operation of a caller's end. Returns NULL with the last error set. */
const struct pyr__operation *generic_stream_operation(pyr_stream *stream);
/* Its place, or minus a status with the last error set. */
int generic_place(pyr_proxy *proxy, const char *operation);
/* The text in a buffer, as pyr_free() frees it. Frees the buffer; NULL with the last error set. */
char *generic_text(struct buf *buf);
/* Its place, -1 with the last error set. */
int generic_operation(const struct pyr__interface *interface, const char *name);
#endif
