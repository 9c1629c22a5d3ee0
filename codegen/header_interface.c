/* SPDX-License-Identifier: MIT */
/*
 * An interface in the header: its two types, what makes and frees proxies and objects, and for each
 * operation its stubs.
 */
#include <string.h>

#include "emit.h"
#include "header.h"
#include "interface.h"
#include "layout.h"
#include "operation.h"

static void need(struct header *header, const struct ast_type *type)
{
	if (!type)
		return;
	header_need(header, type);
	header_tag(header, type);
}

static void needs(struct header *header, const struct operation *operation)
{
	for (size_t i = 0; i < operation->n_ins; i++)
		need(header, operation->ins[i].type);
	need(header, operation->in_stream.type);
	for (size_t i = 0; i < operation->n_outs; i++)
		need(header, operation->outs[i].type);
	need(header, operation->out_stream.type);
}

static void method(struct buf *out, const struct operation *operation,
		   const struct ast_decl *interface)
{
	struct items parameters = { 0 };
	struct buf head = { 0 };

	operation_parameters(&parameters, operation, interface, FORM_METHOD);
	buf_printf(&head, "int (*%s)", operation->decl->c_name);
	layout_call(out, 1, buf_text(&head), &parameters, ";");
	out->failed |= head.failed || parameters.text.failed;
	buf_free(&head);
	items_clear(&parameters);
}

static void methods(struct header *header, const struct ast_decl *decl)
{
	struct operation operation;

	buf_printf(header->out, "struct %s_methods {\n", decl->c_name);
	if (decl->n_operations == 0)
		buf_str(header->out, "\tchar unused_;\n");
	for (size_t i = 0; i < decl->n_operations; i++) {
		if (operation_init(&operation, decl->operations[i]))
			method(header->out, &operation, decl);
		else
			header->out->failed = true;
		operation_clear(&operation);
	}
	buf_str(header->out, "};\n\n");
}

/* The attribute has a line of its own; a text too long for it goes into the comment. */
static void deprecation(struct buf *out, const struct ast_decl *decl)
{
	struct buf text = { 0 };

	if (!decl->deprecated)
		return;
	layout_string(&text, emit_deprecated(decl), strlen(emit_deprecated(decl)));
	if (text.n + strlen("PYR_DEPRECATED()") > LAYOUT_WIDTH)
		buf_str(out, "PYR_DEPRECATED(\"\")\n");
	else
		buf_printf(out, "PYR_DEPRECATED(%s)\n", buf_text(&text));
	out->failed |= text.failed;
	buf_free(&text);
}

/* I_op_start() and pyr_future_then() in one. */
static void async_body(struct buf *out, const struct operation *operation,
		       const struct ast_decl *interface)
{
	struct items arguments = { 0 };

	buf_printf(&arguments.text, "%s_%s_start(self", interface->c_name, operation->decl->c_name);
	for (size_t i = 0; i < operation->n_ins; i++)
		buf_printf(&arguments.text, ", %s", operation->ins[i].name);
	items_add(&arguments, ")");
	operation_callback(&arguments, operation, false);
	buf_str(out, "{\n");
	layout_call(out, 1, "return pyr_future_then", &arguments, ";");
	buf_str(out, "}\n");
	items_clear(&arguments);
}

/* Statuses that tell what became of a call are to be looked at. */
static const char *tail_of(const struct operation *operation, enum operation_form form)
{
	if (operation_is_inline(operation, form))
		return "";
	return form == FORM_START || form == FORM_REPLY ? ";" : " PYR_MUST_CHECK;";
}

static void stub(struct buf *out, const struct operation *operation,
		 const struct ast_decl *interface, enum operation_form form)
{
	deprecation(out, operation->decl);
	operation_function(out, operation, interface, form, tail_of(operation, form));
	if (operation_is_inline(operation, form))
		async_body(out, operation, interface);
}

static bool ends_blank(const struct buf *out)
{
	return out->n >= 2 && strcmp(out->data + out->n - 2, "\n\n") == 0;
}

static void stubs(struct buf *out, const struct operation *operation,
		  const struct ast_decl *interface)
{
	const struct ast_decl *decl = operation->decl;

	if ((decl->doc || decl->deprecated) && !ends_blank(out))
		buf_str(out, "\n");
	layout_doc(out, 0, decl->doc, emit_deprecated(decl));
	for (enum operation_form form = FORM_PLAIN; form < OPERATION_FORMS; form++)
		if (operation_has(operation, form))
			stub(out, operation, interface, form);
}

static void raise_macros(struct buf *out, const struct ast_decl *decl)
{
	for (size_t i = 0; i < decl->n_raised; i++) {
		struct buf head = { 0 }, value = { 0 };

		buf_printf(&head, "%s(call, ...)", decl->raise_names[i]);
		buf_printf(&value, "%s_raise_at((call), __FILE__, __LINE__, __VA_ARGS__)",
			   decl->raised[i]->c_name);
		layout_define(out, buf_text(&head), buf_text(&value));
		buf_str(out, "\n");
		out->failed |= head.failed || value.failed;
		buf_free(&head);
		buf_free(&value);
	}
}

void header_interface(struct header *header, const struct ast_decl *decl)
{
	struct buf *out = header->out;
	struct operation operation;

	for (size_t i = 0; i < decl->n_operations; i++) {
		if (operation_init(&operation, decl->operations[i]))
			needs(header, &operation);
		else
			out->failed = true;
		operation_clear(&operation);
	}
	layout_doc(out, 0, decl->doc, emit_deprecated(decl));
	buf_printf(out, "struct %s;\nextern const struct pyr__interface %s_interface;\n\n",
		   decl->c_name, decl->c_name);
	set_add(&header->tags, decl->c_name);
	methods(header, decl);
	for (enum interface_function f = 0; f < INTERFACE_FUNCTIONS; f++) {
		if (f == INTERFACE_PROXY || f == INTERFACE_PROXY_WITH || f == INTERFACE_REGISTER ||
		    f == INTERFACE_OBJECT)
			deprecation(out, decl);
		interface_function(out, decl, f, 0, ";");
	}
	for (size_t i = 0; i < decl->n_all_bases; i++)
		interface_function(out, decl, INTERFACE_AS, i, ";");
	buf_printf(out, "PYR__EXPORT(%s)\n", decl->c_name);
	buf_str(out, "\n");
	raise_macros(out, decl);
	for (size_t i = 0; i < decl->n_operations; i++) {
		if (operation_init(&operation, decl->operations[i]))
			stubs(out, &operation, decl);
		else
			out->failed = true;
		operation_clear(&operation);
	}
	if (decl->n_operations > 0)
		buf_str(out, "\n");
}
