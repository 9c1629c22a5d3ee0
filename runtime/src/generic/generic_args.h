/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_GENERIC_ARGS_H
#define PYRITE_GENERIC_ARGS_H
/* What calls by JSON share: parameters read into slots, results written, and all of it freed. */
#include "value/value.h"

/* Proxies that were made of URIs in JSON, as long as the call. */
struct generic_opened {
	void **items;
	size_t n, room;
};

struct generic_args {
	const char *operation; /* its full name, for errors */
	struct arena arena;
	union pyr__slot *slots;
	struct generic_opened opened;
	struct value_objects objects;
};

/* Reads n slots, or with is_item one by itself. Returns 0, or minus a status with the last error
 * set; generic_args_end() in any case. */
int generic_args_begin(struct generic_args *args, const struct pyr__interface *interface,
		       const struct pyr__operation *operation, const char *json, bool is_item);
void generic_args_end(struct generic_args *args);

/* Writes results and frees them. json: NULL: not wanted. Returns 0, or minus a status with the last
 * error set. */
int generic_give(const struct pyr__interface *interface, const struct pyr__field *fields,
		 unsigned n, union pyr__slot *slots, char **json);
/* The text in a buffer, as pyr_free() frees it. Frees the buffer; NULL with the last error set. */
char *generic_text(struct buf *buf);
/* Its place, -1 with the last error set. */
int generic_operation(const struct pyr__interface *interface, const char *name);
#endif
