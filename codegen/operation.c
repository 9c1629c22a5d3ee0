/* SPDX-License-Identifier: MIT */
#include "operation.h"

#include <stdlib.h>

#include "layout.h"

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

	if (param->direction != DIR_OUT)
		operation->ins[operation->n_ins++] = value;
	value.prefix = "ret_";
	value.id = param->out_id;
	if (param->direction != DIR_IN)
		operation->outs[operation->n_outs++] = value;
	operation->has_streams |= ctype_shape(param->type) == CTYPE_STREAM;
}

bool operation_init(struct operation *operation, const struct ast_decl *decl)
{
	bool is_void = decl->type->actual->kind == TYPE_VOID;

	*operation = (struct operation){ .decl = decl };
	operation->ins = calloc(decl->n_items + 1, sizeof(*operation->ins));
	operation->outs = calloc(decl->n_items + 1, sizeof(*operation->outs));
	if (!operation->ins || !operation->outs)
		return false;
	operation->has_streams = !is_void && ctype_shape(decl->type) == CTYPE_STREAM;
	if (!is_void)
		operation->outs[operation->n_outs++] = (struct operation_value){
			.type = decl->type,
			.optional = decl->optional,
			.prefix = "",
			.name = "ret",
			.wire_name = "ret",
			.id = 1,
		};
	for (size_t i = 0; i < decl->n_items; i++)
		add_param(operation, decl->items[i]);
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

void operation_parameters(struct items *list, const struct operation *operation,
			  const struct ast_decl *interface, enum operation_form form)
{
	if (form == FORM_METHOD)
		items_add(list, "pyr_call *call");
	else if (form == FORM_GET)
		items_add(list, "pyr_future *future");
	else if (form == FORM_REPLY)
		items_add(list, "pyr_deferred *deferred");
	else
		items_add(list, "struct %s *self", interface->c_name);

	if (operation->has_streams)
		return;
	if (form == FORM_METHOD || form == FORM_PLAIN || form == FORM_START)
		add_values(list, operation->ins, operation->n_ins, CTYPE_IN);
	if (form == FORM_METHOD)
		add_values(list, operation->outs, operation->n_outs, CTYPE_SERVANT);
	else if (form == FORM_PLAIN || form == FORM_GET)
		add_values(list, operation->outs, operation->n_outs, CTYPE_OUT);
	else if (form == FORM_REPLY)
		add_values(list, operation->outs, operation->n_outs, CTYPE_IN);
}

void operation_function(struct buf *out, const struct operation *operation,
			const struct ast_decl *interface, enum operation_form form,
			const char *tail)
{
	static const char *const suffixes[] = {
		[FORM_PLAIN] = "",
		[FORM_START] = "_start",
		[FORM_GET] = "_get",
		[FORM_REPLY] = "_reply",
	};
	struct items parameters = { 0 };
	struct buf name = { 0 };

	operation_parameters(&parameters, operation, interface, form);
	buf_printf(&name, "%s_%s%s", interface->c_name, operation->decl->c_name, suffixes[form]);
	layout_function(out, form == FORM_START ? "pyr_future *" : "int ", buf_text(&name),
			&parameters, tail);
	out->failed |= name.failed;
	buf_free(&name);
	items_clear(&parameters);
}
