/* SPDX-License-Identifier: MIT */
#include "source_stub.h"

#include <string.h>

#include "interface.h"
#include "layout.h"

/* Whether the method can store the result in its slot; else the shim has a local of the right type.
 */
static bool is_direct(const struct operation_value *value)
{
	enum ctype_shape shape = ctype_shape(value->type);

	return shape == CTYPE_STRING || (shape == CTYPE_VALUE && !value->optional);
}

static void shim_in(struct items *arguments, const struct operation_value *value, size_t i)
{
	const struct ast_type *actual = value->type->actual;
	const char *slot = ctype_slot(actual, value->optional);

	if (ctype_shape(actual) == CTYPE_REFERENCE) { /* a slot's pointer is const */
		buf_str(&arguments->text, "(");
		ctype_value(&arguments->text, actual);
		buf_str(&arguments->text, ")");
	} else if (strcmp(slot, "i32") == 0 && actual->kind == TYPE_NAMED) {
		buf_printf(&arguments->text, "(enum %s)", actual->decl->c_name);
	}
	items_add(arguments, "in[%zu].%s", i, slot);
}

static void shim_out(struct items *arguments, const struct operation_value *value, size_t i)
{
	const struct ast_type *actual = value->type->actual;
	const char *slot = ctype_slot(actual, value->optional);

	if (!is_direct(value))
		items_add(arguments, "&%s%s", value->prefix, value->name);
	else if (strcmp(slot, "i32") == 0 && actual->kind == TYPE_NAMED)
		items_add(arguments, "(enum %s *)&out[%zu].i32", actual->decl->c_name, i);
	else
		items_add(arguments, "&out[%zu].%s", i, slot);
}

static void shim_locals(struct buf *out, const struct operation *operation)
{
	for (size_t i = 0; i < operation->n_outs; i++) {
		const struct operation_value *value = &operation->outs[i];
		struct buf name = { 0 };

		if (is_direct(value))
			continue;
		buf_printf(&name, "%s%s", value->prefix, value->name);
		buf_str(out, "\t");
		ctype_parameter(out, CTYPE_IN, value->type, value->optional, buf_text(&name));
		buf_str(out, " = NULL;\n");
		out->failed |= name.failed;
		buf_free(&name);
	}
}

static void shim_results(struct buf *out, const struct operation *operation, size_t n)
{
	buf_printf(out, "\n\tif (status == 0)%s\n", n > 1 ? " {" : "");
	for (size_t i = 0; i < operation->n_outs; i++)
		if (!is_direct(&operation->outs[i]))
			buf_printf(out, "\t\tout[%zu].p = %s%s;\n", i, operation->outs[i].prefix,
				   operation->outs[i].name);
	buf_printf(out, "%s\treturn status;\n", n > 1 ? "\t}\n" : "");
}

static void shim_body(struct buf *out, const struct source_interface *interface,
		      const struct operation *operation)
{
	struct items arguments = { 0 };
	struct buf head = { 0 };
	size_t n_locals = 0;

	items_add(&arguments, "call");
	for (size_t i = 0; i < operation->n_ins; i++)
		shim_in(&arguments, &operation->ins[i], i);
	for (size_t i = 0; i < operation->n_outs; i++) {
		shim_out(&arguments, &operation->outs[i], i);
		n_locals += !is_direct(&operation->outs[i]);
	}
	shim_locals(out, operation);
	buf_printf(&head, "%s %s(methods)->%s", n_locals ? "int status =" : "return",
		   interface->macro, operation->decl->c_name);
	if (n_locals == 0) {
		buf_str(out, operation->n_ins ? "" : "\t(void)in;\n");
		buf_str(out, operation->n_outs ? "" : "\t(void)out;\n");
	}
	layout_call(out, 1, buf_text(&head), &arguments, ";");
	if (n_locals > 0) {
		buf_str(out, operation->n_ins ? "" : "\n\t(void)in;");
		shim_results(out, operation, n_locals);
	}
	out->failed |= head.failed;
	buf_free(&head);
	items_clear(&arguments);
}

void source_shim(struct buf *out, const struct source_interface *interface,
		 const struct source_operation *row)
{
	struct items parameters = { 0 };

	if (row->operation.has_streams)
		return;
	items_add(&parameters, "pyr_call *call");
	items_add(&parameters, "const void *methods");
	items_add(&parameters, "pyr__in *in");
	items_add(&parameters, "pyr__out *out");
	buf_str(out, "\n");
	layout_function(out, "static int ", row->shim, &parameters, "");
	buf_str(out, "{\n");
	shim_body(out, interface, &row->operation);
	buf_str(out, "}\n");
	items_clear(&parameters);
}

/* The slots of values, "{ .i32 = x }" each. */
static void slots(struct items *list, const struct operation_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		items_add(list, "{ .%s = %s%s }", ctype_slot(values[i].type, values[i].optional),
			  values[i].prefix, values[i].name);
}

static void pointers(struct items *list, const struct operation_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		items_add(list, "%s%s", values[i].prefix, values[i].name);
}

/* "macro(a, b)", or NULL where there is nothing to pass. */
static void macro_call(struct items *arguments, const char *macro, const struct items *list)
{
	const char *item;

	if (list->n == 0) {
		items_add(arguments, "NULL");
		return;
	}
	buf_printf(&arguments->text, "%s(", macro);
	for (item = items_next(list, NULL); item; item = items_next(list, item))
		buf_printf(&arguments->text, "%s%s", item == items_next(list, NULL) ? "" : ", ",
			   item);
	buf_str(&arguments->text, ")");
	items_end(arguments);
	arguments->text.failed |= list->text.failed;
}

struct stub {
	const char *head;          /* "return pyr__call" */
	const char *first, *about; /* "self", "&example_Server_interface" */
	const char *number;        /* NULL: the function takes none, as the next two */
	const struct items *in, *out;
};

static void stub_body(struct buf *out, const struct stub *stub)
{
	struct items arguments = { 0 };

	items_add(&arguments, "%s", stub->first);
	items_add(&arguments, "%s", stub->about);
	if (stub->number)
		items_add(&arguments, "%s", stub->number);
	if (stub->in)
		macro_call(&arguments, "PYR__IN", stub->in);
	if (stub->out)
		macro_call(&arguments, "PYR__OUT", stub->out);
	layout_call(out, 1, stub->head, &arguments, ";");
	buf_str(out, "}\n");
	items_clear(&arguments);
}

/* The forms of an operation stand together, without blank lines between them. */
static void open_stub(struct buf *out, const struct operation *operation,
		      const struct ast_decl *interface, enum operation_form form)
{
	buf_str(out, form == FORM_PLAIN ? "\n" : "");
	operation_function(out, operation, interface, form, "");
	buf_str(out, "{\n");
}

void source_stubs(struct buf *out, const struct source_interface *interface, size_t number)
{
	const struct operation *operation = &interface->rows[number].operation;
	const struct ast_decl *decl = interface->decl;
	struct items ins = { 0 }, outs = { 0 }, replies = { 0 };
	struct buf about = { 0 }, row = { 0 }, n = { 0 };

	if (operation->has_streams)
		return;
	buf_printf(&about, "&%s_interface", decl->c_name);
	buf_printf(&row, "&%s[%zu]", interface->operations, number);
	buf_printf(&n, "%zu", number);
	slots(&ins, operation->ins, operation->n_ins);
	pointers(&outs, operation->outs, operation->n_outs);
	slots(&replies, operation->outs, operation->n_outs);

	open_stub(out, operation, decl, FORM_PLAIN);
	stub_body(out, &(struct stub){ "return pyr__call", "self", buf_text(&about), buf_text(&n),
				       &ins, &outs });
	if (!operation->decl->oneway) {
		open_stub(out, operation, decl, FORM_START);
		stub_body(out, &(struct stub){ "return pyr__start", "self", buf_text(&about),
					       buf_text(&n), &ins, NULL });
		open_stub(out, operation, decl, FORM_GET);
		stub_body(out, &(struct stub){ "return pyr__get", "future", buf_text(&row), NULL,
					       NULL, &outs });
		open_stub(out, operation, decl, FORM_REPLY);
		stub_body(out, &(struct stub){ "return pyr__reply", "deferred", buf_text(&row),
					       NULL, &replies, NULL });
	}
	out->failed |= about.failed || row.failed || n.failed;
	buf_free(&about);
	buf_free(&row);
	buf_free(&n);
	items_clear(&ins);
	items_clear(&outs);
	items_clear(&replies);
}

/* interface_function() with a body of one call. */
static void constructor(struct buf *out, const struct ast_decl *decl, enum interface_function which,
			const char *head, const char *arguments)
{
	struct items items = { 0 };

	buf_str(out, "\n");
	interface_function(out, decl, which, 0, "");
	buf_str(out, "{\n");
	for (const char *at = arguments; *at; at += strcspn(at, ",") + (strchr(at, ',') ? 1 : 0)) {
		size_t n = strcspn(at, ",");

		if (*at == '&')
			items_add(&items, "&%s_interface", decl->c_name);
		else
			items_add(&items, "%.*s", (int)n, at);
	}
	layout_call(out, 1, head, &items, ";");
	buf_str(out, "}\n");
	items_clear(&items);
}

void source_constructors(struct buf *out, const struct ast_decl *decl)
{
	constructor(out, decl, INTERFACE_PROXY, "return pyr__proxy_new", "&,uri,NULL");
	constructor(out, decl, INTERFACE_PROXY_WITH, "return pyr__proxy_new", "&,uri,options");
	constructor(out, decl, INTERFACE_NARROW, "return pyr__narrow", "proxy,&");
	buf_str(out, "\n");
	interface_function(out, decl, INTERFACE_AS_PROXY, 0, "");
	buf_str(out, "{\n\treturn (pyr_proxy *)self;\n}\n");
	constructor(out, decl, INTERFACE_FREE, "pyr__proxy_free", "self");
	constructor(out, decl, INTERFACE_REGISTER, "return pyr__register",
		    "daemon,&,id,methods,data");
	for (size_t i = 0; i < decl->n_all_bases; i++) {
		buf_str(out, "\n");
		interface_function(out, decl, INTERFACE_AS, i, "");
		buf_printf(out, "{\n\treturn (struct %s *)self;\n}\n", decl->all_bases[i]->c_name);
	}
}
