/* SPDX-License-Identifier: MIT */
/*
 * An interface in the source: rows of parameters, shims, the table of operations, stubs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "interface.h"
#include "layout.h"
#include "operation.h"
#include "source_stub.h"

/* "OP", and what keeps it apart from others: what a name has behind its scope. */
static const char *own_part(const char *op)
{
	const char *at = op + strlen(op);

	while (at > op && at[-1] == '_')
		at--;
	return at - op > 2 ? at - 2 : op;
}

/* Its shim, and its place in the table. */
static void name_operation(struct source *source, const struct source_interface *interface,
			   struct source_operation *row, const char *c_name)
{
	const struct ast_decl *decl = interface->decl;
	struct buf number = { 0 };

	buf_printf(&number, "%s_%s", own_part(interface->op), c_name);
	row->shim = names_local(source->names, decl, NULL, c_name);
	row->number = names_local(source->names, decl, NULL, buf_text(&number));
	source->out->failed |= number.failed;
	buf_free(&number);
}

enum { DOC_MAX = 4000 }; /* C promises strings of 4,095 bytes */

static bool has_docs(const struct ast_decl *decl)
{
	bool has = decl->doc;

	for (size_t i = 0; !has && i < decl->n_operations; i++)
		has = decl->operations[i]->doc;
	return has;
}

static bool interface_init(struct source *source, struct source_interface *interface,
			   const struct ast_decl *decl)
{
	bool ok = true;

	interface->decl = decl;
	interface->macro = names_local(source->names, decl, NULL, "METHODS");
	interface->op = names_local(source->names, decl, NULL, "OP");
	interface->args = names_local(source->names, decl, NULL, "args");
	interface->operations = names_local(source->names, decl, NULL, "operations");
	interface->bases = names_local(source->names, decl, NULL, "bases");
	if (has_docs(decl))
		interface->docs = names_local(source->names, decl, NULL, "docs");
	interface->rows = calloc(decl->n_operations + 1, sizeof(*interface->rows));
	for (size_t i = 0; interface->rows && i < decl->n_operations; i++)
		name_operation(source, interface, &interface->rows[i], decl->operations[i]->c_name);
	for (size_t i = 0; interface->rows && i < decl->n_operations; i++)
		ok &= operation_init(&interface->rows[i].operation, decl->operations[i]);
	return interface->rows && ok && !names_failed(source->names) && !source->out->failed;
}

static void interface_clear(struct source_interface *interface)
{
	for (size_t i = 0; interface->rows && i < interface->decl->n_operations; i++) {
		operation_clear(&interface->rows[i].operation);
		free(interface->rows[i].values);
	}
	free(interface->rows);
}

static bool same_values(const struct operation_value *a, const struct operation_value *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].id != b[i].id || a[i].optional != b[i].optional ||
		    strcmp(a[i].wire_name, b[i].wire_name) != 0 ||
		    !source_same_type(a[i].type, b[i].type) ||
		    (a[i].param && a[i].param->def.kind) || (b[i].param && b[i].param->def.kind))
			return false;
	return true;
}

/* An earlier operation with the same parameters, whose rows will do. */
static const struct source_operation *like(const struct source_interface *interface,
					   const struct source_operation *row)
{
	const struct operation *a = &row->operation;

	for (const struct source_operation *other = interface->rows; other < row; other++) {
		const struct operation *b = &other->operation;

		if (a->decl->is_message == b->decl->is_message && a->n_ins == b->n_ins &&
		    a->n_outs == b->n_outs && !a->has_streams && !b->has_streams &&
		    same_values(a->ins, b->ins, a->n_ins) &&
		    same_values(a->outs, b->outs, a->n_outs))
			return other;
	}
	return NULL;
}

/* Constants of the parameters' defaults. */
static void default_values(struct source *source, struct source_interface *interface,
			   struct source_operation *row)
{
	const struct operation *operation = &row->operation;

	row->values = calloc(operation->n_ins + 1, sizeof(*row->values));
	if (!row->values) {
		source->out->failed = true;
		return;
	}
	for (size_t i = 0; i < operation->n_ins; i++) {
		if (operation->ins[i].param->def.kind == VALUE_NONE)
			continue;
		buf_str(source->out, interface->n_defaults++ == 0 ? "\n" : "");
		row->values[i] = source_default(source, interface->decl, operation->decl->c_name,
						operation->ins[i].param);
	}
}

static void value_rows(struct source *source, const struct operation *operation,
		       const struct operation_value *values, size_t n, const char *const *defaults)
{
	for (size_t i = 0; i < n; i++) {
		struct source_field field = {
			.id = values[i].id,
			.name = values[i].wire_name,
			.type = values[i].type,
			.optional = values[i].optional,
			.whole = operation->decl->is_message,
			.value = defaults ? defaults[i] : NULL,
		};

		source_field(source, &field);
	}
}

/* Parameters, results, items of streams. */
static size_t n_fields(const struct operation *operation)
{
	return operation->n_ins + operation->n_outs + !!operation->in_stream.type +
	       !!operation->out_stream.type;
}

static void operation_rows(struct source *source, const struct source_operation *row)
{
	const struct operation *o = &row->operation;

	value_rows(source, o, o->ins, o->n_ins, row->values);
	value_rows(source, o, o->outs, o->n_outs, NULL);
	value_rows(source, o, &o->in_stream, !!o->in_stream.type, NULL);
	value_rows(source, o, &o->out_stream, !!o->out_stream.type, NULL);
}

/* The rows of parameters of all operations, those alike once. */
static void args(struct source *source, struct source_interface *interface)
{
	size_t n = 0;

	for (size_t i = 0; i < interface->decl->n_operations; i++) {
		struct source_operation *row = &interface->rows[i];
		const struct source_operation *other = like(interface, row);

		row->is_new = !other;
		row->first = other ? other->first : n;
		if (!other)
			n += n_fields(&row->operation);
		default_values(source, interface, row);
	}
	if (n == 0)
		return;
	buf_str(source->out, "\n");
	for (size_t i = 0; i < interface->decl->n_operations; i++) {
		const struct source_operation *row = &interface->rows[i];

		if (!row->is_new)
			continue;
		operation_rows(source, row);
	}
	source_fields(source, interface->args);
}

static void raises(struct source *source, const struct source_interface *interface,
		   struct source_operation *row)
{
	const struct ast_decl *decl = row->operation.decl;
	struct buf suffix = { 0 };

	if (decl->n_raises == 0)
		return;
	buf_printf(&suffix, "%s_raises", decl->c_name);
	row->raises = names_local(source->names, interface->decl, NULL, buf_text(&suffix));
	buf_printf(source->out, "\nstatic const struct pyr__type *const %s[] = {\n", row->raises);
	for (size_t i = 0; i < decl->n_raises; i++)
		buf_printf(source->out, "\t&%s_type,\n", decl->raises[i]->c_name);
	buf_str(source->out, "\tNULL,\n};\n");
	source->out->failed |= suffix.failed;
	buf_free(&suffix);
}

static void add_flags(struct items *row, const struct operation *operation)
{
	static const char *const names[] = { "ONEWAY", "IDEMPOTENT", "INLINE", "STREAM_IN",
					     "STREAM_OUT" };
	bool set[] = { operation->decl->oneway, operation->decl->idempotent,
		       operation->decl->inline_, operation->in_stream.type != NULL,
		       operation->out_stream.type != NULL };
	bool any = false;

	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
		if (!set[i])
			continue;
		buf_printf(&row->text, "%sPYR__%s", any ? " | " : ".flags = ", names[i]);
		any = true;
	}
	if (any)
		items_end(row);
}

static void operation_row(struct table *table, const struct source_interface *interface,
			  const struct source_operation *row)
{
	const struct operation *operation = &row->operation;
	const struct ast_decl *decl = operation->decl;
	struct items items = { 0 };

	items_add(&items, ".name = \"%s.%s\"", decl->owner->wire_name, decl->wire_name);
	items_add(&items, ".shim = %s", row->shim);
	if (n_fields(operation) > 0)
		items_add(&items, ".fields = %s + %zu", interface->args, row->first);
	if (operation->n_ins)
		items_add(&items, ".n_in = %zu", operation->n_ins);
	if (operation->n_outs)
		items_add(&items, ".n_out = %zu", operation->n_outs);
	add_flags(&items, operation);
	if (decl->timeout_ms)
		items_add(&items, ".timeout_ms = %" PRIu32, decl->timeout_ms);
	if (row->raises)
		items_add(&items, ".raises = %s", row->raises);
	items_add(&items, ".fingerprint = 0x%016" PRIx64, decl->fingerprint);
	table_row(table, &items);
	items_clear(&items);
}

/* The places of the operations in the table. */
static void numbers(struct buf *out, const struct source_interface *interface)
{
	struct buf head = { 0 }, value = { 0 };

	buf_printf(&head, "%s(name)", interface->op);
	buf_printf(&value, "&%s_interface, %s_##name", interface->decl->c_name, interface->op);
	buf_str(out, "\nenum {\n");
	for (size_t i = 0; i < interface->decl->n_operations; i++)
		buf_printf(out, "\t%s,\n", interface->rows[i].number);
	buf_str(out, "};\n\n");
	layout_define(out, buf_text(&head), buf_text(&value));
	out->failed |= head.failed || value.failed;
	buf_free(&head);
	buf_free(&value);
}

static void operations(struct source *source, struct source_interface *interface)
{
	struct buf *out = source->out;
	size_t n = interface->decl->n_operations;
	struct table table = { 0 };
	struct buf head = { 0 };

	for (size_t i = 0; i < n; i++)
		raises(source, interface, &interface->rows[i]);
	if (n == 0)
		return;
	numbers(out, interface);
	for (size_t i = 0; i < n; i++)
		operation_row(&table, interface, &interface->rows[i]);
	buf_str(out, "\n");
	buf_printf(&head, "static const struct pyr__operation %s", interface->operations);
	table_write(out, &table, buf_text(&head));
	out->failed |= head.failed;
	buf_free(&head);
}

static void doc(struct buf *out, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n > DOC_MAX) {
		n = DOC_MAX;
		while (((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	buf_str(out, "\t");
	if (n > 0)
		layout_long_string(out, text, n, LAYOUT_TAB, LAYOUT_WIDTH - 1, "\n\t");
	else
		buf_str(out, "NULL");
	buf_str(out, ",\n");
}

static void docs(struct buf *out, const struct source_interface *interface)
{
	const struct ast_decl *decl = interface->decl;

	if (!interface->docs)
		return;
	buf_printf(out, "\nstatic const char *const %s[] = {\n", interface->docs);
	doc(out, decl->doc);
	for (size_t i = 0; i < decl->n_operations; i++)
		doc(out, interface->rows[i].operation.decl->doc);
	buf_str(out, "};\n");
}

/* The table of the interface itself. */
static void table(struct source *source, const struct source_interface *interface)
{
	const struct ast_decl *decl = interface->decl;
	struct buf *out = source->out;

	if (decl->n_all_bases > 0) {
		buf_printf(out, "\nstatic const char *const %s[] = {\n", interface->bases);
		for (size_t i = 0; i < decl->n_all_bases; i++)
			buf_printf(out, "\t\"%s\",\n", decl->all_bases[i]->wire_name);
		buf_str(out, "\tNULL,\n};\n");
	}
	docs(out, interface);
	buf_printf(out,
		   "\nconst struct pyr__interface %s_interface = {\n\t.abi = PYR_GEN_ABI,\n"
		   "\t.name = \"%s\",\n",
		   decl->c_name, decl->wire_name);
	if (decl->n_operations)
		buf_printf(out, "\t.operations = %s,\n\t.n_operations = %zu,\n",
			   interface->operations, decl->n_operations);
	buf_printf(out, "\t.fingerprint = 0x%016" PRIx64 ",\n", decl->fingerprint);
	if (decl->n_all_bases)
		buf_printf(out, "\t.bases = %s,\n", interface->bases);
	if (interface->docs)
		buf_printf(out, "\t.docs = %s,\n", interface->docs);
	buf_str(out, "};\n");
}

void source_interface(struct source *source, const struct ast_decl *decl)
{
	struct source_interface interface = { 0 };
	struct buf head = { 0 }, value = { 0 };
	struct buf *out = source->out;

	if (!interface_init(source, &interface, decl)) {
		out->failed = true;
		interface_clear(&interface);
		return;
	}
	buf_printf(&head, "%s(methods)", interface.macro);
	buf_printf(&value, "((const struct %s_methods *)(methods))", decl->c_name);
	buf_str(out, "\n");
	layout_define(out, buf_text(&head), buf_text(&value));
	args(source, &interface);
	source_shims(out, &interface);
	operations(source, &interface);
	table(source, &interface);
	for (size_t i = 0; i < decl->n_operations; i++)
		source_stubs(out, &interface, i);
	source_constructors(out, decl);
	out->failed |= head.failed || value.failed;
	buf_free(&head);
	buf_free(&value);
	interface_clear(&interface);
}
