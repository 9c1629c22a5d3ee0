/* SPDX-License-Identifier: MIT */
/*
 * Tables of unions: the discriminator and the members, and which value selects which member. Also
 * the functions of exceptions.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "emit.h"
#include "interface.h"
#include "layout.h"
#include "source.h"

struct label {
	int64_t value;
	size_t field;
};

static int64_t label_value(const struct ast_value *value)
{
	if (value->kind == VALUE_ENUM)
		return value->enumerator->value.i;
	return value->kind == VALUE_UINT ? (int64_t)value->u : value->i;
}

static int compare(const void *a, const void *b)
{
	int64_t x = ((const struct label *)a)->value, y = ((const struct label *)b)->value;

	return x < y ? -1 : x > y;
}

/* Returns: owned, free(); NULL if memory is out. */
static struct label *sorted_labels(const struct ast_decl *decl, size_t *ret_n)
{
	struct label *labels;
	size_t n = 0;

	for (size_t i = 0; i < decl->n_items; i++)
		n += decl->items[i]->n_labels;
	labels = calloc(n + 1, sizeof(*labels));
	if (!labels)
		return NULL;
	n = 0;
	for (size_t i = 0; i < decl->n_items; i++)
		for (size_t k = 0; k < decl->items[i]->n_labels; k++)
			labels[n++] =
				(struct label){ label_value(&decl->items[i]->labels[k]), i + 1 };
	qsort(labels, n, sizeof(*labels), compare);
	*ret_n = n;
	return labels;
}

static void label_table(struct buf *out, const char *name, const struct label *labels, size_t n)
{
	struct table table = { 0 };
	struct buf head = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct items row = { 0 };

		if (labels[i].value == INT64_MIN)
			items_add(&row, "INT64_MIN");
		else if (labels[i].value == (int32_t)labels[i].value)
			items_add(&row, "%" PRId64, labels[i].value);
		else
			items_add(&row, "INT64_C(%" PRId64 ")", labels[i].value);
		items_add(&row, "%zu", labels[i].field);
		table_row(&table, &row);
		items_clear(&row);
	}
	buf_str(out, "\n");
	buf_printf(&head, "static const struct pyr__label %s", name);
	table_write(out, &table, buf_text(&head));
	out->failed |= head.failed;
	buf_free(&head);
}

static void fields(struct source *source, const struct ast_decl *decl, const char *name)
{
	struct source_field discriminator = {
		.id = decl->oneof ? 0 : 1,
		.name = "discriminator",
		.type = decl->type,
		.owner = decl->c_name,
		.member = "_d",
	};

	buf_str(source->out, "\n");
	source_field(source, &discriminator);
	source_members(source, decl, NULL);
	source_fields(source, name);
}

void source_union(struct source *source, const struct ast_decl *decl)
{
	const char *rows = names_local(source->names, decl, NULL, "fields");
	const char *table = names_local(source->names, decl, NULL, "labels");
	struct buf *out = source->out;
	struct buf name = { 0 };
	size_t n = 0, other = 0;
	struct label *labels = sorted_labels(decl, &n);

	if (!labels) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < decl->n_items; i++)
		if (decl->items[i]->is_default)
			other = i + 1;
	fields(source, decl, rows);
	if (n > 0)
		label_table(out, table, labels, n);
	buf_printf(&name, "%s_type", decl->c_name);
	buf_str(out, "\n");
	source_open_type(source, "", buf_text(&name), "UNION", decl->wire_name);
	if (decl->oneof)
		buf_str(out, "\t.oneof = 1,\n");
	buf_printf(out, "\t.size = sizeof(struct %s),\n\t.n_fields = %zu,\n\t.fields = %s,\n",
		   decl->c_name, decl->n_items + 1, rows);
	if (n > 0)
		buf_printf(out, "\t.n_labels = %zu,\n\t.labels = %s,\n", n, table);
	if (other > 0)
		buf_printf(out, "\t.default_field = %zu,\n", other);
	source_fingerprint(out, decl);
	buf_str(out, "};\n");
	source_value_functions(out, decl->c_name);
	out->failed |= name.failed;
	buf_free(&name);
	free(labels);
}

void source_exception(struct buf *out, const struct ast_decl *decl)
{
	struct items arguments = { 0 };

	buf_str(out, "\n");
	interface_raise_at(out, decl, "");
	buf_str(out, "{\n");
	items_add(&arguments, "call");
	items_add(&arguments, "file");
	items_add(&arguments, "line");
	items_add(&arguments, "&%s_type", decl->c_name);
	items_add(&arguments, "exception");
	layout_call(out, 1, "return pyr__raise", &arguments, ";");
	items_clear(&arguments);
	buf_str(out, "}\n\n");
	interface_caught(out, decl, "");
	buf_str(out, "{\n");
	items_add(&arguments, "&%s_type", decl->c_name);
	layout_call(out, 1, "return pyr__caught", &arguments, ";");
	buf_str(out, "}\n");
	items_clear(&arguments);
}
