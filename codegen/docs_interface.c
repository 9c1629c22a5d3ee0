/* SPDX-License-Identifier: MIT */
/* An interface: its operations and attributes, each with what it is in C. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "docs_own.h"
#include "layout.h"
#include "operation.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void paragraph(struct docs *docs, const char *text)
{
	docs_open(docs, DOCS_PARAGRAPH);
	docs_text(docs, text);
	docs_close(docs, DOCS_PARAGRAPH);
}

static void raises(struct docs *docs, const char *word, const struct ast_decl *decl)
{
	if (decl->n_raises == 0)
		return;
	docs_text(docs, word);
	docs_text(docs, " (");
	docs_names(docs, decl->raises, decl->n_raises);
	docs_text(docs, ")");
}

static const char *direction(const struct ast_decl *param)
{
	return param->direction == DIR_OUT     ? "out "
	       : param->direction == DIR_INOUT ? "inout "
					       : "in ";
}

static void param_head(struct docs *docs, const struct ast_decl *param)
{
	if (param->optional)
		docs_text(docs, "@optional ");
	if (param->def.kind != VALUE_NONE) {
		docs_text(docs, "@default(");
		docs_value(docs, &param->def);
		docs_text(docs, ") ");
	}
	docs_text(docs, direction(param));
	docs_type(docs, param->type);
	docs_text(docs, " ");
	docs_text(docs, param->name);
}

/* One parameter a line if there are several. */
static void signature(struct docs *docs, const struct ast_decl *decl)
{
	const char *before = decl->n_items > 1 ? "\n    " : "";

	docs_open(docs, DOCS_IDL);
	docs_text(docs, decl->oneway ? "oneway " : "");
	docs_text(docs, decl->optional ? "@optional " : "");
	docs_type(docs, decl->type);
	docs_text(docs, " ");
	docs_text(docs, decl->name);
	docs_text(docs, "(");
	for (size_t i = 0; i < decl->n_items; i++) {
		docs_text(docs, i > 0 ? "," : "");
		docs_text(docs, before);
		param_head(docs, decl->items[i]);
	}
	docs_text(docs, ")");
	raises(docs, decl->n_items > 1 ? "\n    raises" : " raises", decl);
	docs_text(docs, ";");
	docs_close(docs, DOCS_IDL);
}

/* What clients call, and the methods that serve it. */
struct prototypes {
	struct buf calls, methods;
};

static void add_prototypes(struct docs *docs, const struct ast_decl *decl,
			   const struct ast_decl *interface, struct prototypes *to)
{
	struct items parameters = { 0 };
	struct operation operation;
	struct buf head = { 0 };

	if (operation_init(&operation, decl)) {
		operation_function(&to->calls, &operation, interface,
				   operation_has(&operation, FORM_PLAIN) ? FORM_PLAIN : FORM_START,
				   ";");
		operation_parameters(&parameters, &operation, interface, FORM_METHOD);
		buf_printf(&head, "int (*%s)", decl->c_name);
		layout_call(&to->methods, 0, buf_text(&head), &parameters, ";");
	}
	docs->failed |= !operation.ins || !operation.outs || head.failed || parameters.text.failed;
	operation_clear(&operation);
	buf_free(&head);
	items_clear(&parameters);
}

static void put_prototypes(struct docs *docs, const struct ast_decl *interface,
			   struct prototypes *from)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s\n/* in struct %s_methods */\n%s", buf_text(&from->calls),
		   interface->c_name, buf_text(&from->methods));
	if (text.n > 0) /* its line end */
		text.data[--text.n] = '\0';
	docs_open(docs, DOCS_C);
	docs_text(docs, buf_text(&text));
	docs_close(docs, DOCS_C);
	docs->failed |= text.failed || from->calls.failed || from->methods.failed;
	buf_free(&text);
	buf_free(&from->calls);
	buf_free(&from->methods);
}

static void properties(struct docs *docs, const struct ast_decl *decl)
{
	char text[80];

	if (decl->oneway)
		paragraph(docs, "One-way: the caller waits until the server has received the call, "
				"not until it has run.");
	if (decl->stream_in)
		paragraph(docs, "The caller sends a stream of items.");
	if (decl->stream_out)
		paragraph(docs, "The result is a stream of items.");
	if (decl->idempotent)
		paragraph(docs, "Idempotent: a call that was lost may be repeated.");
	if (decl->timeout_ms > 0) {
		snprintf(text, sizeof(text),
			 "Deadline: %" PRIu32 " ms, unless the caller sets one.", decl->timeout_ms);
		paragraph(docs, text);
	}
	if (decl->is_message)
		paragraph(docs, "The request and the reply are protobuf messages of their own.");
}

static bool has_text(const struct ast_decl *decl, const struct docs_comment *comment)
{
	for (size_t i = 0; i < comment->n_tags; i++)
		if (strcmp(comment->tags[i].kind, "param") == 0)
			return true;
	for (size_t i = 0; i < decl->n_items; i++)
		if (decl->items[i]->doc)
			return true;
	return false;
}

/* Only if something is said of one of them: the rest is in the signature. */
static void params(struct docs *docs, const struct ast_decl *decl, struct docs_comment *comment)
{
	static const char *const heads[] = { "Parameter", "Description" };

	if (decl->n_items == 0 || !has_text(decl, comment))
		return;
	docs_open(docs, DOCS_TABLE);
	docs_heads(docs, heads, N(heads));
	for (size_t i = 0; i < decl->n_items; i++) {
		const struct ast_decl *param = decl->items[i];
		const char *text = docs_comment_tag(comment, "param", param->name);

		docs_open(docs, DOCS_ROW);
		docs_open(docs, DOCS_CELL);
		docs_code(docs, param->name);
		docs_close(docs, DOCS_CELL);
		docs_open(docs, DOCS_CELL);
		docs_description(docs, param, text ? text : param->doc ? param->doc : "");
		docs_close(docs, DOCS_CELL);
		docs_close(docs, DOCS_ROW);
	}
	docs_close(docs, DOCS_TABLE);
}

static void item_heading(struct docs *docs, const struct ast_decl *interface, const char *kind,
			 const struct ast_decl *decl)
{
	struct buf anchor = { 0 };

	docs_anchor(&anchor, interface, decl->name);
	docs_heading(docs, 4, buf_text(&anchor), kind, decl->name);
	docs->failed |= anchor.failed;
	buf_free(&anchor);
}

static void operation(struct docs *docs, const struct ast_decl *interface,
		      const struct ast_decl *decl)
{
	struct docs_comment comment;
	struct prototypes prototypes = { 0 };

	docs_comment_read(docs, decl->doc, &comment);
	item_heading(docs, interface, "", decl);
	signature(docs, decl);
	docs_description(docs, decl, comment.body);
	properties(docs, decl);
	params(docs, decl, &comment);
	docs_rest(docs, &comment);
	add_prototypes(docs, decl, interface, &prototypes);
	put_prototypes(docs, interface, &prototypes);
	docs_comment_clear(&comment);
}

/* An attribute is the operations that were made from it. */
static void attribute(struct docs *docs, const struct ast_decl *interface,
		      const struct ast_decl *decl)
{
	struct docs_comment comment;
	struct prototypes prototypes = { 0 };

	docs_comment_read(docs, decl->doc, &comment);
	item_heading(docs, interface, "attribute", decl);
	docs_open(docs, DOCS_IDL);
	docs_text(docs, decl->readonly ? "readonly attribute " : "attribute ");
	docs_type(docs, decl->type);
	docs_text(docs, " ");
	docs_text(docs, decl->name);
	for (size_t i = 0; i < interface->n_items; i++) {
		const struct ast_decl *item = interface->items[i];

		if (item->attribute != decl)
			continue;
		raises(docs, item->is_setter ? " setraises" : " getraises", item);
		add_prototypes(docs, item, interface, &prototypes);
	}
	docs_text(docs, ";");
	docs_close(docs, DOCS_IDL);
	docs_description(docs, decl, comment.body);
	properties(docs, decl);
	docs_rest(docs, &comment);
	put_prototypes(docs, interface, &prototypes);
	docs_comment_clear(&comment);
}

static void inherited(struct docs *docs, const struct ast_decl *base)
{
	bool any = false;

	docs_open(docs, DOCS_PARAGRAPH);
	docs_text(docs, "Inherited from ");
	docs_name(docs, base);
	for (size_t i = 0; i < base->n_items; i++) {
		const struct ast_decl *item = base->items[i];

		if ((item->kind != AST_OPERATION && item->kind != AST_ATTRIBUTE) ||
		    item->is_getter || item->is_setter)
			continue;
		docs_text(docs, any ? ", " : ": ");
		docs_link(docs, docs_href(docs, base, item->name), item->name);
		any = true;
	}
	docs_text(docs, ".");
	docs_close(docs, DOCS_PARAGRAPH);
}

static void head(struct docs *docs, const struct ast_decl *decl)
{
	docs_open(docs, DOCS_IDL);
	docs_text(docs, "interface ");
	docs_text(docs, decl->name);
	docs_text(docs, decl->n_bases > 0 ? " : " : "");
	docs_names(docs, decl->bases, decl->n_bases);
	docs_close(docs, DOCS_IDL);
}

void docs_interface(struct docs *docs, const struct ast_decl *decl)
{
	struct docs_comment comment;
	struct buf name = { 0 };

	buf_printf(&name, "struct %s", decl->c_name);
	docs_comment_read(docs, decl->doc, &comment);
	head(docs, decl);
	docs_description(docs, decl, comment.body);
	docs_rest(docs, &comment);
	docs_comment_clear(&comment);
	docs_open(docs, DOCS_PARAGRAPH);
	docs_text(docs, "In C: ");
	docs_code(docs, buf_text(&name));
	docs_text(docs, "; name on the wire: ");
	docs_code(docs, decl->wire_name);
	docs_text(docs, ".");
	docs_close(docs, DOCS_PARAGRAPH);
	docs->failed |= name.failed;
	buf_free(&name);
	for (size_t i = 0; i < decl->n_all_bases; i++)
		inherited(docs, decl->all_bases[i]);
	for (size_t i = 0; i < decl->n_items; i++) {
		const struct ast_decl *item = decl->items[i];

		if (item->kind == AST_ATTRIBUTE)
			attribute(docs, decl, item);
		else if (item->kind == AST_OPERATION && !item->attribute)
			operation(docs, decl, item);
	}
}
