/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_MEMORY_H
#define PYRITE_MEMORY_H
/* Memory, lists and tables. All functions unwind to idl_read() when memory is out. */
#include "lists.h"

struct front;

void *front_alloc(struct front *front, size_t n);
char *front_copy(struct front *front, const char *text, size_t n);
const char *front_intern(struct front *front, const char *text, size_t n);
const char *front_printf(struct front *front, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Makes room for one more of n items, each of the given size. Returns: where they now are. */
void *front_grow(struct front *front, void *items, size_t n, size_t size);
void list_add(struct front *front, struct list *list, void *item);
void *table_get(const struct table *table, const void *scope, const char *name);
void table_set(struct front *front, struct table *table, const void *scope, const char *name,
	       void *value);

#endif
