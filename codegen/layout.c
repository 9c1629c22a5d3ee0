/* SPDX-License-Identifier: MIT */
/*
 * Parameter lists and calls: lines are filled from left to right, further ones one tab further in.
 * There is nothing to choose, so no layout has to be searched for.
 */
#include "layout.h"

#include <string.h>

void layout_indent(struct buf *out, size_t column)
{
	for (; column >= LAYOUT_TAB; column -= LAYOUT_TAB)
		buf_str(out, "\t");
	for (; column > 0; column--)
		buf_str(out, " ");
}

static void layout_list(struct buf *out, size_t indent, size_t column, const char *head,
			const struct items *items, const char *tail);

/* The arguments of an item that is itself a call, "PYR__IN({ .i32 = x }, { .s = y })". Returns
 * false if it is none. */
static bool parts_of(const char *item, struct items *head, struct items *parts)
{
	size_t n = strlen(item), name = strcspn(item, "( ");
	int depth = 0;

	if (name == 0 || item[name] != '(' || item[n - 1] != ')')
		return false;
	items_add(head, "%.*s", (int)name, item);
	for (const char *c = item + name + 1; c[1]; c++) {
		depth += (*c == '{') - (*c == '}');
		if (*c == ',' && depth == 0) {
			items_end(parts);
			c++; /* the space behind it */
		} else {
			buf_add(&parts->text, c, 1);
		}
	}
	items_end(parts);
	return true;
}

/* A list that is too long for a line goes on at the start of the next one. */
struct fill {
	struct buf *out;
	size_t indent; /* of the lines that follow */
	size_t column;
	bool is_new; /* nothing stands on the line yet, or the parenthesis alone */
};

static void wrap(struct fill *fill)
{
	buf_str(fill->out, "\n");
	layout_indent(fill->out, fill->indent * LAYOUT_TAB);
	fill->column = fill->indent * LAYOUT_TAB;
	fill->is_new = true;
}

/* An item that is too long even for a line of its own. */
static void put_long(struct fill *fill, const char *item, const char *end)
{
	struct items head = { 0 }, parts = { 0 };

	if (parts_of(item, &head, &parts))
		layout_list(fill->out, fill->indent, fill->column, items_next(&head, NULL), &parts,
			    end);
	else
		buf_printf(fill->out, "%s%s", item, end);
	fill->column = LAYOUT_WIDTH; /* what follows starts a line */
	fill->is_new = false;
	fill->out->failed |= head.text.failed || parts.text.failed;
	items_clear(&head);
	items_clear(&parts);
}

static void put(struct fill *fill, const char *item, const char *end)
{
	size_t n = strlen(item) + strlen(end), space = fill->is_new ? 0 : 1;

	if (fill->column + space + n > LAYOUT_WIDTH) {
		wrap(fill);
		space = 0;
	}
	if (fill->column + n > LAYOUT_WIDTH) {
		put_long(fill, item, end);
		return;
	}
	buf_printf(fill->out, "%s%s%s", space ? " " : "", item, end);
	fill->column += space + n;
	fill->is_new = false;
}

/* head "(" items ")" tail, from column of a line whose indent is that many tabs. */
static void layout_list(struct buf *out, size_t indent, size_t column, const char *head,
			const struct items *items, const char *tail)
{
	struct fill fill = { out, indent + 1, column + strlen(head) + 1, true };
	struct buf end = { 0 };
	const char *item, *next;

	buf_printf(out, "%s(", head);
	buf_printf(&end, ")%s", tail);
	for (item = items_next(items, NULL); item; item = next) {
		next = items_next(items, item);
		put(&fill, item, next ? "," : buf_text(&end));
	}
	if (items->n == 0)
		buf_str(out, buf_text(&end));
	out->failed |= items->text.failed || end.failed;
	buf_free(&end);
}

void layout_call(struct buf *out, size_t indent, const char *head, const struct items *items,
		 const char *tail)
{
	layout_indent(out, indent * LAYOUT_TAB);
	layout_list(out, indent, indent * LAYOUT_TAB, head, items, tail);
	buf_str(out, "\n");
}

void layout_function(struct buf *out, const char *type, const char *name,
		     const struct items *parameters, const char *tail)
{
	struct buf head = { 0 };
	struct items none = { 0 };

	items_add(&none, "void");
	buf_printf(&head, "%s%s", type, name);
	layout_call(out, 0, buf_text(&head), parameters->n > 0 ? parameters : &none, tail);
	out->failed |= head.failed || none.text.failed;
	buf_free(&head);
	items_clear(&none);
}
