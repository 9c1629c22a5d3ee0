/* SPDX-License-Identifier: MIT */
#include "interface.h"

#include "emit.h"
#include "layout.h"

static void parameters_of(struct items *list, enum interface_function which, const char *c_name)
{
	switch (which) {
	case INTERFACE_PROXY:
	case INTERFACE_PROXY_WITH:
		items_add(list, "const char *uri");
		if (which == INTERFACE_PROXY_WITH)
			items_add(list, "const struct pyr_proxy_options *options");
		break;
	case INTERFACE_PROXY_FROM_FD:
		items_add(list, "int fd");
		items_add(list, "const char *object");
		items_add(list, "const struct pyr_proxy_options *options");
		break;
	case INTERFACE_NARROW:
		items_add(list, "pyr_proxy *proxy");
		break;
	case INTERFACE_WITH:
		items_add(list, "struct %s *self", c_name);
		items_add(list, "const struct pyr_call_options *options");
		break;
	case INTERFACE_BATCH:
		items_add(list, "pyr_batch *batch");
		break;
	case INTERFACE_REGISTER:
		items_add(list, "pyr_daemon *daemon");
		items_add(list, "const char *id");
		items_add(list, "const struct %s_methods *methods", c_name);
		items_add(list, "void *data");
		break;
	case INTERFACE_OBJECT:
		items_add(list, "pyr_daemon *daemon");
		items_add(list, "const struct %s_methods *methods", c_name);
		items_add(list, "void *data");
		items_add(list, "pyr_release_cb on_release");
		break;
	case INTERFACE_OBJECT_OF:
		items_add(list, "pyr_daemon *daemon");
		items_add(list, "const char *id");
		break;
	case INTERFACE_GIVE:
		items_add(list, "pyr_call *call");
		items_add(list, "struct %s *self", c_name);
		break;
	default:
		items_add(list, "struct %s *self", c_name);
		break;
	}
}

static void type_of(struct buf *type, enum interface_function which, const char *c_name)
{
	switch (which) {
	case INTERFACE_AS_PROXY:
		buf_str(type, "pyr_proxy *");
		break;
	case INTERFACE_FREE:
		buf_str(type, "void ");
		break;
	case INTERFACE_REGISTER:
		buf_str(type, "const char *");
		break;
	default:
		buf_printf(type, "struct %s *", c_name);
		break;
	}
}

void interface_function(struct buf *out, const struct ast_decl *decl, enum interface_function which,
			size_t base, const char *tail)
{
	static const char *const suffixes[] = {
		[INTERFACE_PROXY] = "_proxy",
		[INTERFACE_PROXY_WITH] = "_proxy_with",
		[INTERFACE_PROXY_FROM_FD] = "_proxy_from_fd",
		[INTERFACE_NARROW] = "_narrow",
		[INTERFACE_DUP] = "_dup",
		[INTERFACE_WITH] = "_with",
		[INTERFACE_BATCH] = "_batch",
		[INTERFACE_AS_PROXY] = "_as_proxy",
		[INTERFACE_FREE] = "_free",
		[INTERFACE_REGISTER] = "_register",
		[INTERFACE_OBJECT] = "_object",
		[INTERFACE_OBJECT_OF] = "_object_of",
		[INTERFACE_GIVE] = "_give",
	};
	struct items parameters = { 0 };
	struct buf type = { 0 }, name = { 0 };

	type_of(&type, which, which == INTERFACE_AS ? decl->all_bases[base]->c_name : decl->c_name);
	if (which == INTERFACE_AS)
		buf_str(&name, decl->as_names[base]);
	else
		buf_printf(&name, "%s%s", decl->c_name, suffixes[which]);
	parameters_of(&parameters, which, decl->c_name);
	layout_function(out, buf_text(&type), buf_text(&name), &parameters, tail);
	out->failed |= type.failed || name.failed || parameters.text.failed;
	buf_free(&type);
	buf_free(&name);
	items_clear(&parameters);
}

void interface_raise_at(struct buf *out, const struct ast_decl *exception, const char *tail)
{
	struct items parameters = { 0 };
	struct buf name = { 0 };

	items_add(&parameters, "pyr_call *call");
	items_add(&parameters, "const char *file");
	items_add(&parameters, "int line");
	items_add(&parameters, "const struct %s *exception", exception->c_name);
	buf_printf(&name, "%s_raise_at", exception->c_name);
	layout_function(out, "int ", buf_text(&name), &parameters, tail);
	out->failed |= name.failed;
	buf_free(&name);
	items_clear(&parameters);
}

void interface_caught(struct buf *out, const struct ast_decl *exception, const char *tail)
{
	struct items parameters = { 0 };
	struct buf type = { 0 }, name = { 0 };

	buf_printf(&type, "const struct %s *", exception->c_name);
	buf_printf(&name, "%s_caught", exception->c_name);
	layout_function(out, buf_text(&type), buf_text(&name), &parameters, tail);
	out->failed |= type.failed || name.failed;
	buf_free(&type);
	buf_free(&name);
}
