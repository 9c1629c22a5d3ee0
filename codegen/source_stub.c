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

/* The method's arguments. Returns how many results need a local. */
static size_t shim_arguments(struct items *arguments, const struct operation *operation)
{
	size_t n_locals = 0;

	items_add(arguments, "call");
	for (size_t i = 0; i < operation->n_ins; i++)
		shim_in(arguments, &operation->ins[i], i);
	if (operation->has_streams)
		items_add(arguments, "pyr__stream(call)");
	for (size_t i = 0; i < operation->n_outs; i++) {
		shim_out(arguments, &operation->outs[i], i);
		n_locals += !is_direct(&operation->outs[i]);
	}
	return n_locals;
}

/* As PYR__SHIM() on one line, if it fits. Returns whether it does. */
static bool short_shim(struct buf *out, const struct source_interface *interface,
		       const struct source_operation *row)
{
	struct items arguments = { 0 };
	struct buf line = { 0 };
	const char *item;
	bool fits;

	fits = shim_arguments(&arguments, &row->operation) == 0;
	buf_printf(&line, "PYR__SHIM(%s, %s(methods)->%s(", row->shim, interface->macro,
		   row->operation.decl->c_name);
	for (item = items_next(&arguments, NULL); item; item = items_next(&arguments, item))
		buf_printf(&line, "%s%s", item == items_next(&arguments, NULL) ? "" : ", ", item);
	buf_str(&line, "))\n");
	fits &= line.n <= LAYOUT_WIDTH + 1;
	buf_str(out, fits ? buf_text(&line) : "");
	out->failed |= line.failed || arguments.text.failed;
	buf_free(&line);
	items_clear(&arguments);
	return fits;
}

static void shim_body(struct buf *out, const struct source_interface *interface,
		      const struct operation *operation)
{
	struct items arguments = { 0 };
	struct buf head = { 0 };
	size_t n_locals = shim_arguments(&arguments, operation);

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

static void long_shim(struct buf *out, const struct source_interface *interface,
		      const struct source_operation *row)
{
	struct items parameters = { 0 };

	items_add(&parameters, "pyr_call *call");
	items_add(&parameters, "const void *methods");
	items_add(&parameters, "pyr__in *in");
	items_add(&parameters, "pyr__out *out");
	layout_function(out, "static int ", row->shim, &parameters, "");
	buf_str(out, "{\n");
	shim_body(out, interface, &row->operation);
	buf_str(out, "}\n");
	items_clear(&parameters);
}

void source_shims(struct buf *out, const struct source_interface *interface)
{
	bool is_short = false, was_short = false;

	for (size_t i = 0; i < interface->decl->n_operations; i++) {
		struct buf shim = { 0 };

		is_short = short_shim(&shim, interface, &interface->rows[i]);
		if (!is_short)
			long_shim(&shim, interface, &interface->rows[i]);
		buf_printf(out, "%s%s", is_short && was_short ? "" : "\n", buf_text(&shim));
		was_short = is_short;
		out->failed |= shim.failed;
		buf_free(&shim);
	}
}

/* The slots of values, "{ .i32 = x }" each. */
static void slots(struct items *list, const struct operation_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		items_add(list, "{ .%s = %s%s }", ctype_slot(values[i].type, values[i].optional),
			  values[i].prefix, values[i].name);
}

/* The same of arrays. */
static void arrays(struct items *list, const struct operation *operation)
{
	for (size_t i = 0; i < operation->n_ins; i++)
		items_add(list, "{ .p = %s }", operation->ins[i].name);
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

/* What each form calls, and what it hands on: in that order, the parts that its letters name.
 * s self, f future, d deferred, t stream; I &interface and number, O &operation; i ins, o outs,
 * r outs by value, x an item by value, p ret as it is; c the count, a arrays of ins, m options and
 * their size. */
static const struct {
	const char *function, *parts;
} bodies[OPERATION_FORMS] = {
	[FORM_PLAIN] = { "pyr__call", "sIio" },
	[FORM_START] = { "pyr__start", "sIi" },
	[FORM_ASYNC] = { "pyr__start", "sIi" },
	[FORM_GET] = { "pyr__get", "fOo" },
	[FORM_MAP] = { "pyr__map", "sIcaom" },
	[FORM_REPLY] = { "pyr__reply", "dOr" },
	[FORM_NEXT] = { "pyr__next", "tOp" },
	[FORM_YIELD] = { "pyr__yield", "tOx" },
	[FORM_WRITE] = { "pyr__write", "tOx" },
	[FORM_READ] = { "pyr__read", "tOp" },
	[FORM_FINISH] = { "pyr__finish", "tOo" },
	[FORM_TRY_YIELD] = { "pyr__try_yield", "tOx" },
	[FORM_TRY_WRITE] = { "pyr__try_write", "tOx" },
};

static void add_part(struct items *arguments, char part, const struct source_interface *interface,
		     size_t number, enum operation_form form)
{
	const struct operation *operation = &interface->rows[number].operation;
	const struct operation_value *item = form == FORM_WRITE || form == FORM_TRY_WRITE
						     ? &operation->in_stream
						     : &operation->out_stream;
	struct items list = { 0 };

	switch (part) {
	case 'I':
		items_add(arguments, "%s(%s)", interface->op,
			  interface->rows[number].number + strlen(interface->op) + 1);
		break;
	case 'O':
		items_add(arguments, "&%s[%s]", interface->operations,
			  interface->rows[number].number);
		break;
	case 'i':
		slots(&list, operation->ins, operation->n_ins);
		macro_call(arguments, "PYR__IN", &list);
		break;
	case 'o':
		pointers(&list, operation->outs, operation->n_outs);
		macro_call(arguments, "PYR__OUT", &list);
		break;
	case 'r':
		slots(&list, operation->outs, operation->n_outs);
		macro_call(arguments, "PYR__IN", &list);
		break;
	case 'a':
		arrays(&list, operation);
		macro_call(arguments, "PYR__IN", &list);
		break;
	case 'c':
		items_add(arguments, "%s", operation->decl->count_name);
		break;
	case 'm':
		items_add(arguments, "%s", operation->decl->options_name);
		items_add(arguments, "sizeof(*%s)", operation->decl->options_name);
		break;
	case 'x':
		items_add(&list, "{ .%s = item }", ctype_slot(item->type, false));
		macro_call(arguments, "PYR__IN", &list);
		break;
	default:
		items_add(arguments, "%s",
			  part == 's'   ? "self"
			  : part == 'f' ? "future"
			  : part == 'd' ? "deferred"
			  : part == 't' ? "stream"
					: "ret");
		break;
	}
	items_clear(&list);
}

/* What FORM_ASYNC does with the future. */
static void then(struct buf *out, const struct operation *operation)
{
	struct items arguments = { 0 };

	items_add(&arguments, "future");
	operation_callback(&arguments, operation, false);
	buf_str(out, "\n");
	layout_call(out, 1, "return pyr_future_then", &arguments, ";");
	items_clear(&arguments);
}

static void stub(struct buf *out, const struct source_interface *interface, size_t number,
		 enum operation_form form)
{
	const struct operation *operation = &interface->rows[number].operation;
	bool opens = form == FORM_PLAIN && operation->has_streams;
	const char *part = opens ? "sIip" : bodies[form].parts;
	struct items arguments = { 0 };
	struct buf head = { 0 };

	buf_str(out, "\n");
	operation_function(out, operation, interface->decl, form, "");
	buf_str(out, "{\n");
	for (; *part; part++)
		add_part(&arguments, *part, interface, number, form);
	buf_printf(&head, "%s%s", form == FORM_ASYNC ? "pyr_future *future = " : "return ",
		   opens ? "pyr__open" : bodies[form].function);
	layout_call(out, 1, buf_text(&head), &arguments, ";");
	if (form == FORM_ASYNC)
		then(out, operation);
	buf_str(out, "}\n");
	out->failed |= head.failed;
	buf_free(&head);
	items_clear(&arguments);
}

void source_stubs(struct buf *out, const struct source_interface *interface, size_t number)
{
	const struct operation *operation = &interface->rows[number].operation;

	for (enum operation_form form = FORM_PLAIN; form < OPERATION_FORMS; form++)
		if (operation_has(operation, form) && !operation_is_inline(operation, form))
			stub(out, interface, number, form);
}

void source_constructors(struct buf *out, const struct ast_decl *decl)
{
	buf_printf(out, "\nPYR__PROXY_FUNCTIONS(%s)\n", decl->c_name);
	for (size_t i = 0; i < decl->n_all_bases; i++) {
		buf_str(out, "\n");
		interface_function(out, decl, INTERFACE_AS, i, "");
		buf_printf(out, "{\n\treturn (struct %s *)self;\n}\n", decl->all_bases[i]->c_name);
	}
}
