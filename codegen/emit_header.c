/* SPDX-License-Identifier: MIT */
/*
 * X.h: constants and types in the order of the source, then for each interface its methods table,
 * its constructors and its stubs.
 */
#include <stdlib.h>
#include <string.h>

#include "c_type.h"
#include "emit.h"
#include "header.h"
#include "layout.h"

/* Constants on consecutive lines have their values aligned. */
static void flush_constants(struct header *header)
{
	const char *head, *value = NULL;

	for (head = items_next(&header->heads, NULL); head;
	     head = items_next(&header->heads, head)) {
		value = items_next(&header->values, value);
		buf_printf(header->out, "#define %-*s %s\n", (int)header->head_width, head,
			   value ? value : "");
	}
	header->out->failed |= header->heads.text.failed || header->values.text.failed;
	items_clear(&header->heads);
	items_clear(&header->values);
	header->head_width = header->value_width = 0;
}

static void end_constants(struct header *header)
{
	flush_constants(header);
	if (header->in_constants)
		buf_str(header->out, "\n");
	header->in_constants = false;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void long_constant(struct header *header, const struct ast_decl *decl)
{
	end_constants(header);
	layout_doc(header->out, 0, decl->doc, emit_deprecated(decl));
	layout_define_string(header->out, decl->c_name,
			     decl->value.kind == VALUE_STRING ? decl->value.s : "");
	buf_str(header->out, "\n");
}

/* As an enumerator: unlike a macro it leaves members and parameters of that name alone. */
static void int_constant(struct header *header, const struct ast_decl *decl)
{
	struct buf value = { 0 };
	size_t n = strlen(decl->c_name) + strlen("enum {  =  };");

	flush_constants(header);
	ctype_constant(&value, decl->type, &decl->value);
	layout_doc(header->out, 0, decl->doc, emit_deprecated(decl));
	buf_printf(header->out,
		   n + value.n <= LAYOUT_WIDTH ? "enum { %s = %s };\n" : "enum {\n\t%s = %s\n};\n",
		   decl->c_name, buf_text(&value));
	header->in_constants = true;
	header->out->failed |= value.failed;
	buf_free(&value);
}

/* A number with a sign is one operand wherever the macro stands. */
static void macro_value(struct buf *out, const struct ast_decl *decl)
{
	struct buf value = { 0 };
	bool is_signed;

	ctype_constant(&value, decl->type, &decl->value);
	is_signed = buf_text(&value)[0] == '-';
	buf_printf(out, is_signed ? "(%s)" : "%s", buf_text(&value));
	out->failed |= value.failed;
	buf_free(&value);
}

static void constant(struct header *header, const struct ast_decl *decl)
{
	struct buf value = { 0 };
	size_t head_width = strlen(decl->c_name);

	macro_value(&value, decl);
	if (decl->value.kind == VALUE_STRING && head_width + value.n + 9 > LAYOUT_WIDTH) {
		long_constant(header, decl);
		buf_free(&value);
		return;
	}
	if (larger(head_width, header->head_width) + larger(value.n, header->value_width) + 9 >
	    LAYOUT_WIDTH)
		end_constants(header);
	else if (decl->doc || decl->deprecated)
		flush_constants(header);
	layout_doc(header->out, 0, decl->doc, emit_deprecated(decl));
	items_add(&header->heads, "%s", decl->c_name);
	items_add(&header->values, "%s", buf_text(&value));
	header->head_width = larger(head_width, header->head_width);
	header->value_width = larger(value.n, header->value_width);
	header->in_constants = true;
	header->out->failed |= value.failed;
	buf_free(&value);
}

static void visit(void *data, const struct ast_decl *decl)
{
	struct header *header = data;

	switch (decl->kind) {
	case AST_CONST:
		(ast_is_macro(decl) ? constant : int_constant)(header, decl);
		break;
	case AST_ENUM:
		end_constants(header);
		header_enum(header, decl);
		break;
	case AST_STRUCT:
	case AST_EXCEPTION:
	case AST_UNION:
		end_constants(header);
		header_struct(header, decl);
		break;
	case AST_TYPEDEF:
		end_constants(header);
		header_typedef(header, decl);
		break;
	case AST_INTERFACE:
		end_constants(header);
		header_interface(header, decl);
		break;
	default:
		break;
	}
}

static void opening(struct buf *out, const struct idl_unit *unit)
{
	emit_banner(out, unit, "/*", " */");
	buf_str(out, "#ifndef ");
	emit_macro_name(out, unit->main);
	buf_str(out, "_H_PYRITE\n#define ");
	emit_macro_name(out, unit->main);
	buf_str(out, "_H_PYRITE\n#include <pyrite/pyrite.h>\n");
	for (size_t i = 0; i < unit->main->n_includes; i++)
		buf_printf(out, "%s#include \"%s.h\"\n", i == 0 ? "\n" : "",
			   unit->main->includes[i]->stem);
	buf_printf(out,
		   "\n#if PYR_GEN_ABI != 4\n"
		   "#error \"generated for another Pyrite: run pyrite-idl on %s again\"\n"
		   "#endif\n\n"
		   "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
		   unit->main->name);
}

/* Not in C++, where it would reach into the types, and from them into classes that hold them. What
 * is defined has the visibility of its declaration in C. */
static void visibility(struct buf *out, const char *what)
{
	buf_printf(out,
		   "#if defined(__GNUC__) && !defined(__cplusplus)\n"
		   "#pragma GCC visibility %s\n"
		   "#endif\n",
		   what);
}

void emit_header(struct buf *out, const struct idl_unit *unit, bool hidden)
{
	struct header header = { .out = out };

	opening(out, unit);
	if (hidden) {
		visibility(out, "push(hidden)");
		buf_str(out, "\n");
	}
	emit_walk(unit, unit->main, visit, &header);
	end_constants(&header);
	if (hidden)
		visibility(out, "pop");
	buf_str(out, "#ifdef __cplusplus\n}\n#endif\n#endif\n");

	out->failed |= header.tags.failed || header.complete.failed || header.helpers.failed;
	set_free(&header.tags);
	set_free(&header.complete);
	set_free(&header.helpers);
	free(header.pending);
}
