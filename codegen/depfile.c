/* SPDX-License-Identifier: MIT */
#include "depfile.h"

#include <string.h>

/* A path with make's special characters escaped. Backslashes count only before white space. */
static void path(struct buf *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (strchr(" \t#:", *c)) {
			for (const char *b = c; b > text && b[-1] == '\\'; b--)
				buf_str(out, "\\");
			buf_str(out, "\\");
		} else if (*c == '$') {
			buf_str(out, "$");
		}
		buf_add(out, c, 1);
	}
}

/* Behind a semicolon, make would run the rest: there is no way to write one. */
static bool is_told(const struct ast_file *file)
{
	return !strchr(file->path, ';');
}

/* At the beginning of a line, make would set a variable, SHELL for instance. */
static bool may_begin_a_line(const struct ast_file *file)
{
	return !file->is_main && is_told(file) && !strchr(file->path, '=');
}

void depfile_rule(struct buf *out, const struct items *targets, const struct idl_unit *unit)
{
	const char *item;

	for (item = items_next(targets, NULL); item; item = items_next(targets, item)) {
		path(out, item);
		buf_str(out, items_next(targets, item) ? " " : ":");
	}
	for (size_t i = 0; i < unit->n_files; i++) {
		if (!is_told(unit->files[i]))
			continue;
		buf_str(out, " \\\n  ");
		path(out, unit->files[i]->path);
	}
	buf_str(out, "\n");
	for (size_t i = 0; i < unit->n_files; i++) {
		if (!may_begin_a_line(unit->files[i]))
			continue;
		buf_str(out, "\n");
		path(out, unit->files[i]->path);
		buf_str(out, ":\n");
	}
	out->failed |= targets->text.failed;
}
