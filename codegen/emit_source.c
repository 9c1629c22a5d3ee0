/* SPDX-License-Identifier: MIT */
/*
 * X.c: static tables that others need, then types and interfaces in the order of the source. Tables
 * of anonymous collections refer to structs only by their public names, so they can all stand
 * first.
 */
#include "emit.h"
#include "operation.h"
#include "source.h"

static void need_operation(struct source *source, const struct ast_decl *decl)
{
	struct operation operation;

	if (!operation_init(&operation, decl))
		source->out->failed = true;
	for (size_t i = 0; i < operation.n_ins; i++)
		source_need(source, operation.ins[i].type);
	for (size_t i = 0; i < operation.n_outs; i++)
		source_need(source, operation.outs[i].type);
	if (operation.in_stream.type)
		source_need(source, operation.in_stream.type);
	if (operation.out_stream.type)
		source_need(source, operation.out_stream.type);
	operation_clear(&operation);
}

static void visit_needs(void *data, const struct ast_decl *decl)
{
	struct source *source = data;
	const struct ast_type *actual = decl->type ? decl->type->actual : NULL;

	switch (decl->kind) {
	case AST_STRUCT:
	case AST_EXCEPTION:
	case AST_UNION:
		for (size_t i = 0; i < decl->n_items; i++)
			source_need(source, decl->items[i]->type);
		break;
	case AST_TYPEDEF:
		if (ctype_is_collection(actual) && actual->decl == decl) {
			source_need(source, actual->elem);
			if (actual->kind == TYPE_MAP)
				source_need(source, actual->key);
		}
		break;
	case AST_INTERFACE:
		for (size_t i = 0; i < decl->n_operations; i++)
			need_operation(source, decl->operations[i]);
		break;
	default:
		break;
	}
}

static void visit(void *data, const struct ast_decl *decl)
{
	struct source *source = data;

	switch (decl->kind) {
	case AST_ENUM:
		source_enum(source, decl);
		break;
	case AST_STRUCT:
		source_struct(source, decl);
		break;
	case AST_EXCEPTION:
		source_struct(source, decl);
		source_exception(source->out, decl);
		break;
	case AST_UNION:
		source_union(source, decl);
		break;
	case AST_TYPEDEF:
		source_typedef(source, decl);
		break;
	case AST_INTERFACE:
		source_interface(source, decl);
		break;
	default:
		break;
	}
}

void emit_source(struct buf *out, const struct idl_unit *unit)
{
	struct source source = { .out = out, .names = names_new(unit) };

	if (!source.names) {
		out->failed = true;
		return;
	}
	emit_banner(out, unit, "/*", " */");
	buf_printf(out, "#include \"%s.h\"\n\n#include <pyrite/gen.h>\n", unit->main->stem);
	emit_walk(unit, unit->main, visit_needs, &source);
	emit_walk(unit, unit->main, visit, &source);
	out->failed |= names_failed(source.names) || source.helpers.failed;
	names_free(source.names);
	set_free(&source.helpers);
}
