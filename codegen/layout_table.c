/* SPDX-License-Identifier: MIT */
/* Tables: a row on one line if it fits, else on lines that are filled from left to right. */
#include <string.h>

#include "layout.h"

void table_row(struct table *table, const struct items *items)
{
	size_t column = LAYOUT_TAB + strlen("{"), n;
	const char *item;

	buf_str(&table->rows, "\t{");
	for (item = items_next(items, NULL); item; item = items_next(items, item)) {
		n = strlen(item) + strlen(" ,");
		if (column + n + strlen(" }") > LAYOUT_WIDTH) {
			buf_printf(&table->rows, "\n\t\t%s", item);
			column = 2 * LAYOUT_TAB + n - 1;
		} else {
			buf_printf(&table->rows, " %s", item);
			column += n;
		}
		buf_str(&table->rows, items_next(items, item) ? "," : "");
	}
	buf_str(&table->rows, " },\n");
	table->rows.failed |= items->text.failed;
}

void table_write(struct buf *out, struct table *table, const char *head)
{
	buf_printf(out, "%s[] = {\n%s};\n", head, buf_text(&table->rows));
	out->failed |= table->rows.failed;
	buf_free(&table->rows);
	*table = (struct table){ 0 };
}
