/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_LAYOUT_H
#define PYRITE_CODEGEN_LAYOUT_H
/*
 * Line breaks of generated C, for the few shapes that emitters need. Tabs of 8, 100 columns.
 */
#include "buf.h"

enum { LAYOUT_WIDTH = 100, LAYOUT_TAB = 8 };

/* A line start that reaches the column: tabs, then spaces. */
void layout_indent(struct buf *out, size_t column);

/* indent tabs, head "(" items ")" tail newline: lines filled from left to right. */
void layout_call(struct buf *out, size_t indent, const char *head, const struct items *items,
		 const char *tail);

/* type name(parameters)tail at file level; an empty list is (void). type ends in " " or "*". */
void layout_function(struct buf *out, const char *type, const char *name,
		     const struct items *parameters, const char *tail);

/* A constant array of structs, row by row. All zero is empty. */
struct table {
	struct buf rows;
};

/* Adds "{ a, b },". */
void table_row(struct table *table, const struct items *items);
/* Writes head[] = { rows }; and empties the table. */
void table_write(struct buf *out, struct table *table, const char *head);

/* A doc comment at indent tabs, long lines wrapped. NULL: nothing. deprecated: its text, "" if
 * there is none, NULL if it is not deprecated. */
void layout_doc(struct buf *out, size_t indent, const char *doc, const char *deprecated);

/* A C string literal of n bytes, printable ASCII only, no trigraphs. */
void layout_string(struct buf *out, const char *bytes, size_t n);

/* The same, in pieces that fit lines which start at column; between them stands separator. */
void layout_long_string(struct buf *out, const char *bytes, size_t n, size_t column, size_t width,
			const char *separator);

/* #define name "text" for a text too long for a line. */
void layout_define_string(struct buf *out, const char *name, const char *text);

/* #define head value, value on a line of its own if both do not fit. */
void layout_define(struct buf *out, const char *head, const char *value);
#endif
