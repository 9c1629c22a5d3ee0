/* SPDX-License-Identifier: MIT */
/*
 * Tables. Five rows or more go side by side in aligned columns if they are short and alike enough;
 * how many columns is clang-format's choice, so it is computed here as it is there.
 */
#include <stdint.h>
#include <string.h>

#include "layout.h"

enum {
	SEPARATOR = '\x1f', /* between the items of a row; in no identifier and no literal */
	LEAST_ROWS = 5,
	MOST_COLUMNS = LAYOUT_WIDTH / 3,
	MOST_DIFFERENCE = 10 /* between the widths of one column */
};

struct columns {
	size_t n, lines;
	size_t widths[MOST_COLUMNS];
};

void table_row(struct table *table, const struct items *items)
{
	const char separator = SEPARATOR;
	const char *item;

	for (item = items_next(items, NULL); item; item = items_next(items, item)) {
		if (item != items_next(items, NULL))
			buf_add(&table->rows.text, &separator, 1);
		buf_str(&table->rows.text, item);
	}
	items_end(&table->rows);
	table->rows.text.failed |= items->text.failed;
}

/* Columns of "{ a, b }," on one line. */
static size_t row_width(const char *row)
{
	size_t n = strlen(row) + strlen("{  },");

	for (; *row; row++)
		n += *row == SEPARATOR; /* which becomes ", " */
	return n;
}

/* Whether the rows may stand in so many columns. */
static bool fits(const struct items *rows, size_t n, struct columns *ret)
{
	size_t least[MOST_COLUMNS], column = 0, total = n - 1;
	bool is_full = false;

	*ret = (struct columns){ .n = n, .lines = 1 };
	memset(least, 0xff, sizeof(least));
	for (const char *row = items_next(rows, NULL); row; row = items_next(rows, row)) {
		size_t width = row_width(row);

		if (column == n) {
			ret->lines++;
			column = 0;
		}
		is_full |= column == n - 1;
		if (width > ret->widths[column])
			ret->widths[column] = width;
		if (width < least[column])
			least[column] = width;
		column++;
	}
	for (size_t i = 0; i < n; i++) {
		total += ret->widths[i];
		if (i + 1 < n && ret->widths[i] - least[i] > MOST_DIFFERENCE)
			return false;
	}
	return is_full && LAYOUT_TAB + total <= LAYOUT_WIDTH;
}

/* The fewest lines, and of those the fewest columns. */
static struct columns choose(const struct items *rows)
{
	struct columns best = { .n = 1, .lines = SIZE_MAX }, columns;

	for (size_t n = MOST_COLUMNS; n > 0 && rows->n >= LEAST_ROWS; n--)
		if (fits(rows, n, &columns) && columns.lines <= best.lines)
			best = columns;
	return best;
}

static void write_row(struct buf *out, const char *row)
{
	buf_str(out, "{ ");
	for (; *row; row++)
		buf_add(out, *row == SEPARATOR ? ", " : row, *row == SEPARATOR ? 2 : 1);
	buf_str(out, " },");
}

/* A row that is too long for a line. */
static void write_long_row(struct buf *out, const char *row, bool is_designated)
{
	struct items items = { 0 };
	const char *item;

	for (; *row; row += strcspn(row, "\x1f") + (strchr(row, SEPARATOR) ? 1 : 0))
		items_add(&items, "%.*s", (int)strcspn(row, "\x1f"), row);
	buf_str(out, "{ ");
	if (!is_designated) {
		layout_fill(out, &items, LAYOUT_TAB + 2, 3);
	} else {
		for (item = items_next(&items, NULL); item; item = items_next(&items, item)) {
			if (item != items_next(&items, NULL)) {
				buf_str(out, ",\n");
				layout_indent(out, LAYOUT_TAB + 2);
			}
			buf_str(out, item);
		}
	}
	buf_str(out, " },");
	out->failed |= items.text.failed;
	items_clear(&items);
}

void table_write(struct buf *out, struct table *table, const char *head)
{
	struct columns columns = choose(&table->rows);
	const char *row, *next;
	size_t column = 0;

	buf_printf(out, "%s[] = {\n", head);
	for (row = items_next(&table->rows, NULL); row; row = next) {
		size_t width = row_width(row);

		next = items_next(&table->rows, row);
		buf_str(out, column == 0 ? "\t" : "");
		if (LAYOUT_TAB + width > LAYOUT_WIDTH)
			write_long_row(out, row, table->is_designated);
		else
			write_row(out, row);
		if (++column == columns.n || !next)
			column = 0;
		buf_str(out, column == 0 ? "\n" : " ");
		for (; column > 0 && width < columns.widths[column - 1]; width++)
			buf_str(out, " ");
	}
	buf_str(out, "};\n");
	out->failed |= table->rows.text.failed;
	items_clear(&table->rows);
}
