/* SPDX-License-Identifier: MIT */
#include "operation.h"

#include <stdlib.h>
#include <string.h>

#include "layout.h"

static const char *const suffixes[OPERATION_FORMS] = {
	[FORM_PLAIN] = "",
	[FORM_START] = "_start",
	[FORM_ASYNC] = "_async",
	[FORM_GET] = "_get",
	[FORM_MAP] = "_map",
	[FORM_REPLY] = "_reply",
	[FORM_NEXT] = "_next",
	[FORM_YIELD] = "_yield",
	[FORM_WRITE] = "_write",
	[FORM_READ] = "_read",
	[FORM_FINISH] = "_finish",
	[FORM_TRY_YIELD] = "_try_yield",
	[FORM_TRY_WRITE] = "_try_write",
};

static bool is_stream(const struct ast_type *type)
{
	return type->actual->kind == TYPE_STREAM;
}

static void add_param(struct operation *operation, const struct ast_decl *param)
{
	struct operation_value value = {
		.type = param->type,
		.optional = param->optional,
		.param = param,
		.prefix = "",
		.name = param->c_name,
		.wire_name = param->wire_name,
		.id = param->id,
	};

	if (is_stream(param->type)) {
		value.type = param->type->actual->elem;
		if (param->direction == DIR_OUT)
			operation->out_stream = value;
		else
			operation->in_stream = value;
		return;
	}
	if (param->direction != DIR_OUT)
		operation->ins[operation->n_ins++] = value;
	value.prefix = "ret_";
	value.id = param->out_id;
	if (param->direction != DIR_IN)
		operation->outs[operation->n_outs++] = value;
}

bool operation_init(struct operation *operation, const struct ast_decl *decl)
{
	bool is_void = decl->type->actual->kind == TYPE_VOID;
	struct operation_value result = {
		.type = decl->type,
		.optional = decl->optional,
		.prefix = "",
		.name = "ret",
		.wire_name = "ret",
		.id = 1,
	};

	*operation = (struct operation){ .decl = decl };
	operation->ins = calloc(decl->n_items + 1, sizeof(*operation->ins));
	operation->outs = calloc(decl->n_items + 1, sizeof(*operation->outs));
	if (!operation->ins || !operation->outs)
		return false;
	if (!is_void && is_stream(decl->type)) {
		result.type = decl->type->actual->elem;
		operation->out_stream = result;
	} else if (!is_void) {
		operation->outs[operation->n_outs++] = result;
	}
	for (size_t i = 0; i < decl->n_items; i++)
		add_param(operation, decl->items[i]);
	operation->has_streams = operation->in_stream.type || operation->out_stream.type;
	return true;
}

void operation_clear(struct operation *operation)
{
	free(operation->ins);
	free(operation->outs);
	*operation = (struct operation){ 0 };
}

static void add_values(struct items *list, const struct operation_value *values, size_t n,
		       enum ctype_role role)
{
	for (size_t i = 0; i < n; i++) {
		struct buf name = { 0 };

		buf_printf(&name, "%s%s", values[i].prefix, values[i].name);
		ctype_parameter(&list->text, role, values[i].type, values[i].optional,
				buf_text(&name));
		items_end(list);
		list->text.failed |= name.failed;
		buf_free(&name);
	}
}

static bool are_small(const struct operation_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (values[i].optional || ctype_shape(values[i].type) == CTYPE_BLOCK ||
		    ctype_shape(values[i].type) == CTYPE_REFERENCE)
			return false;
	return n > 0;
}

bool operation_has(const struct operation *operation, enum operation_form form)
{
	bool reads = operation->out_stream.type, writes = operation->in_stream.type;

	switch (form) {
	case FORM_START:
	case FORM_ASYNC:
	case FORM_GET:
		return !operation->has_streams;
	case FORM_MAP:
		return !operation->has_streams && are_small(operation->ins, operation->n_ins) &&
		       are_small(operation->outs, operation->n_outs);
	case FORM_REPLY:
		return !operation->decl->oneway;
	case FORM_NEXT:
	case FORM_YIELD:
	case FORM_TRY_YIELD:
		return reads;
	case FORM_WRITE:
	case FORM_TRY_WRITE:
	case FORM_READ:
		return writes;
	case FORM_FINISH:
		return writes && !reads;
	default:
		return true;
	}
}

bool operation_is_inline(const struct operation *operation, enum operation_form form)
{
	return form == FORM_ASYNC && !operation->decl->deprecated;
}

static const char *first_parameter(enum operation_form form)
{
	switch (form) {
	case FORM_METHOD:
		return "pyr_call *call";
	case FORM_GET:
		return "pyr_future *future";
	case FORM_REPLY:
		return "pyr_deferred *deferred";
	case FORM_NEXT:
	case FORM_YIELD:
	case FORM_WRITE:
	case FORM_READ:
	case FORM_FINISH:
	case FORM_TRY_YIELD:
	case FORM_TRY_WRITE:
		return "pyr_stream *stream";
	default:
		return NULL;
	}
}

static void add_item(struct items *list, const struct operation_value *value, enum ctype_role role)
{
	ctype_parameter(&list->text, role, value->type, false, role == CTYPE_IN ? "item" : "ret");
	items_end(list);
}

void operation_callback(struct items *list, const struct operation *operation, bool with_types)
{
	items_add(list, "%s%s", with_types ? "pyr_future_cb " : "", operation->decl->callback_name);
	items_add(list, "%s%s", with_types ? "void *" : "", operation->decl->data_name);
}

static void add_map(struct items *list, const struct operation *operation)
{
	items_add(list, "size_t %s", operation->decl->count_name);
	add_values(list, operation->ins, operation->n_ins, CTYPE_EACH);
	add_values(list, operation->outs, operation->n_outs, CTYPE_OUT);
	items_add(list, "const struct pyr_map_options *%s", operation->decl->options_name);
}

void operation_parameters(struct items *list, const struct operation *operation,
			  const struct ast_decl *interface, enum operation_form form)
{
	const char *first = first_parameter(form);

	if (first)
		items_add(list, "%s", first);
	else
		items_add(list, "struct %s *self", interface->c_name);
	if (form == FORM_METHOD || form == FORM_PLAIN || form == FORM_START || form == FORM_ASYNC)
		add_values(list, operation->ins, operation->n_ins, CTYPE_IN);
	if (form == FORM_MAP) {
		add_map(list, operation);
		return;
	}
	if (form == FORM_ASYNC)
		operation_callback(list, operation, true);
	if (operation->has_streams && form == FORM_METHOD)
		items_add(list, "pyr_stream *stream");
	else if (operation->has_streams && form == FORM_PLAIN)
		items_add(list, "pyr_stream **ret");
	if (form == FORM_NEXT)
		add_item(list, &operation->out_stream, CTYPE_OUT);
	else if (form == FORM_YIELD || form == FORM_TRY_YIELD)
		add_item(list, &operation->out_stream, CTYPE_IN);
	else if (form == FORM_WRITE || form == FORM_TRY_WRITE)
		add_item(list, &operation->in_stream, CTYPE_IN);
	else if (form == FORM_READ)
		add_item(list, &operation->in_stream, CTYPE_SERVANT);
	else if (form == FORM_METHOD)
		add_values(list, operation->outs, operation->n_outs, CTYPE_SERVANT);
	else if (form == FORM_REPLY)
		add_values(list, operation->outs, operation->n_outs, CTYPE_IN);
	else if (form == FORM_GET || form == FORM_FINISH ||
		 (form == FORM_PLAIN && !operation->has_streams))
		add_values(list, operation->outs, operation->n_outs, CTYPE_OUT);
}

static const char *type_of(const struct operation *operation, enum operation_form form)
{
	if (form == FORM_START)
		return "pyr_future *";
	return operation_is_inline(operation, form) ? "static inline int " : "int ";
}

void operation_function(struct buf *out, const struct operation *operation,
			const struct ast_decl *interface, enum operation_form form,
			const char *tail)
{
	struct items parameters = { 0 };
	struct buf name = { 0 };

	operation_parameters(&parameters, operation, interface, form);
	buf_printf(&name, "%s_%s%s", interface->c_name, operation->decl->c_name, suffixes[form]);
	layout_function(out, type_of(operation, form), buf_text(&name), &parameters, tail);
	out->failed |= name.failed;
	buf_free(&name);
	items_clear(&parameters);
}
