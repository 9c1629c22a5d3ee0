/* SPDX-License-Identifier: MIT */
/*
 * Parameter lists and calls. Where a line has to be broken, every way of doing it that
 * clang-format knows is laid out and the one with the lowest penalty taken, with clang-format's own
 * penalties.
 */
#include "layout.h"

#include <string.h>

size_t layout_column(const char *text, size_t column)
{
	for (; *text; text++)
		column = *text == '\t' ? (column / LAYOUT_TAB + 1) * LAYOUT_TAB : column + 1;
	return column;
}

void layout_indent(struct buf *out, size_t column)
{
	for (; column >= LAYOUT_TAB; column -= LAYOUT_TAB)
		buf_str(out, "\t");
	for (; column > 0; column--)
		buf_str(out, " ");
}

enum penalty {
	PENALTY_ASSIGNMENT = 37,  /* behind = */
	PENALTY_COMMA = 41,       /* between items, in the first parentheses; */
	PENALTY_NESTED = 20,      /* more for each further ones */
	PENALTY_FIRST = 15,       /* more for the first wrap in any parentheses */
	PENALTY_CALL = 61,        /* behind the parenthesis of a call */
	PENALTY_RETURN_TYPE = 95, /* behind the type of a function */
	PENALTY_FUNCTION = 140,   /* behind the parenthesis of a declaration */
	PENALTY_EXCESS = 1000000  /* a column too many */
};

enum { SHORT_TYPE = 6 }; /* columns: a shorter type keeps the name on its line */

/* The best layout so far. */
struct best {
	struct buf text;
	unsigned long penalty;
};

static void take_better(struct best *best, struct buf *text, unsigned long penalty)
{
	if (!best->text.data || penalty < best->penalty) {
		buf_free(&best->text);
		*best = (struct best){ *text, penalty };
	} else {
		best->text.failed |= text->failed;
		buf_free(text);
	}
}

static unsigned long excess(size_t column)
{
	return column > LAYOUT_WIDTH ? (column - LAYOUT_WIDTH) * PENALTY_EXCESS : 0;
}

/* Where items go. */
struct frame {
	size_t align;          /* where each line starts */
	size_t tail;           /* columns that follow the last item */
	unsigned long penalty; /* of a wrap */
	bool is_wrapped;       /* there was one in these parentheses */
};

static unsigned long fill(struct buf *out, const struct items *items, struct frame frame);

/* Whether an item is itself a call, whose arguments may have lines of their own. */
static bool is_nested(const char *item)
{
	size_t n = strlen(item), name = strcspn(item, "( ");

	return name > 0 && item[name] == '(' && item[n - 1] == ')';
}

/* An item that is too long for a line, filled behind its own parenthesis. */
static unsigned long fill_nested(struct buf *out, const char *item, const struct frame *frame,
				 size_t tail)
{
	struct items parts = { 0 };
	size_t open = strcspn(item, "(") + 1;
	struct frame inner = { frame->align + open, tail + 1, frame->penalty + PENALTY_NESTED,
			       false };
	unsigned long sum;
	int depth = 0;

	buf_add(out, item, open);
	for (const char *c = item + open; c[1]; c++) {
		depth += (*c == '{') - (*c == '}');
		if (*c == ',' && depth == 0) {
			items_end(&parts);
			c++; /* the space behind it */
		} else {
			buf_add(&parts.text, c, 1);
		}
	}
	items_end(&parts);
	sum = fill(out, &parts, inner);
	buf_str(out, ")");
	out->failed |= parts.text.failed;
	items_clear(&parts);
	return sum;
}

/* Fills lines, the first one from where it is. Returns the penalty of all wraps. */
static unsigned long fill(struct buf *out, const struct items *items, struct frame frame)
{
	size_t column = frame.align;
	unsigned long sum = 0;
	const char *item, *next;

	for (item = items_next(items, NULL); item; item = next) {
		bool first = item == items_next(items, NULL);
		size_t tail, n;

		next = items_next(items, item);
		tail = next ? 1 : frame.tail;
		n = strlen(item) + tail;
		if (!first && column + 1 + n > LAYOUT_WIDTH) {
			buf_str(out, "\n");
			layout_indent(out, frame.align);
			column = frame.align;
			sum += frame.penalty + (frame.is_wrapped ? 0 : PENALTY_FIRST);
			frame.is_wrapped = true;
		} else if (!first) {
			buf_str(out, " ");
			column++;
		}
		if (column == frame.align && is_nested(item) && column + n > LAYOUT_WIDTH) {
			sum += fill_nested(out, item, &frame, tail);
			column = LAYOUT_WIDTH; /* what follows starts on a new line */
		} else {
			buf_str(out, item);
			column += n;
			sum += excess(column);
		}
		buf_str(out, next ? "," : "");
	}
	return sum;
}

/* Tries head(items)tail from column start on, both ways; before: what stands above it. */
static void try_list(struct best *best, const char *before, size_t start, const char *head,
		     const struct items *items, const char *tail, unsigned long penalty,
		     enum penalty at_parenthesis)
{
	size_t open = layout_column(head, start) + 1, end = strlen(tail) + 1;
	struct buf aligned = { 0 }, below = { 0 };
	unsigned long sum;

	buf_str(&aligned, before);
	layout_indent(&aligned, start);
	buf_printf(&aligned, "%s(", head);
	buf_add(&below, buf_text(&aligned), aligned.n);
	sum = fill(&aligned, items, (struct frame){ open, end, PENALTY_COMMA, false });
	buf_printf(&aligned, ")%s\n", tail);
	take_better(best, &aligned, penalty + excess(open) + sum);

	buf_str(&below, "\n");
	layout_indent(&below, start + LAYOUT_TAB);
	sum = fill(&below, items, (struct frame){ start + LAYOUT_TAB, end, PENALTY_COMMA, true });
	buf_printf(&below, ")%s\n", tail);
	take_better(best, &below, penalty + at_parenthesis + PENALTY_FIRST + excess(open) + sum);
}

static void finish(struct buf *out, struct best *best, const struct items *items)
{
	buf_str(out, buf_text(&best->text));
	out->failed |= best->text.failed || items->text.failed;
	buf_free(&best->text);
}

void layout_fill(struct buf *out, const struct items *items, size_t align, size_t tail)
{
	fill(out, items, (struct frame){ align, tail, 0, false });
}

void layout_call(struct buf *out, size_t indent, const char *head, const struct items *items,
		 const char *tail)
{
	const char *value = strstr(head, " = ");
	size_t start = indent * LAYOUT_TAB;
	struct best best = { 0 };
	struct buf before = { 0 };

	try_list(&best, "", start, head, items, tail, 0,
		 strncmp(head, "int (*", 6) == 0 ? PENALTY_FUNCTION : PENALTY_CALL);
	if (value) {
		layout_indent(&before, start);
		buf_add(&before, head, (size_t)(value - head));
		buf_str(&before, " =\n");
		try_list(&best, buf_text(&before), start + LAYOUT_TAB, value + 3, items, tail,
			 PENALTY_ASSIGNMENT, PENALTY_CALL);
	}
	best.text.failed |= before.failed;
	finish(out, &best, items);
	buf_free(&before);
}

void layout_function(struct buf *out, const char *type, const char *name,
		     const struct items *parameters, const char *tail)
{
	size_t n = strlen(type) - (type[strlen(type) - 1] == ' ');
	struct buf head = { 0 }, before = { 0 };
	struct items none = { 0 };
	struct best best = { 0 };

	if (parameters->n == 0) {
		items_add(&none, "void");
		parameters = &none;
	}
	buf_printf(&head, "%s%s", type, name);
	try_list(&best, "", 0, buf_text(&head), parameters, tail, 0, PENALTY_FUNCTION);
	if (n >= SHORT_TYPE) {
		buf_printf(&before, "%.*s\n", (int)n, type);
		try_list(&best, buf_text(&before), 0, name, parameters, tail, PENALTY_RETURN_TYPE,
			 PENALTY_FUNCTION);
	}
	best.text.failed |= head.failed || before.failed;
	finish(out, &best, parameters);
	buf_free(&head);
	buf_free(&before);
	items_clear(&none);
}
