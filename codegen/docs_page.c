/* SPDX-License-Identifier: MIT */
/* The page of a file: what it includes, then each module's declarations in the order of the text.
 */
#include <stdlib.h>
#include <string.h>

#include "c_type.h"
#include "docs_own.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void put_anchor(struct docs *docs, const struct ast_decl *decl, const char *child)
{
	struct buf anchor = { 0 };

	docs_anchor(&anchor, decl, child);
	docs_flush(docs);
	docs->format->anchor(docs->out, buf_text(&anchor));
	docs->failed |= anchor.failed;
	buf_free(&anchor);
}

static const char *kind_name(const struct ast_decl *decl)
{
	switch (decl->kind) {
	case AST_INTERFACE:
		return "interface";
	case AST_STRUCT:
		return "struct";
	case AST_EXCEPTION:
		return "exception";
	case AST_UNION:
		return "union";
	case AST_ENUM:
		return "enum";
	case AST_TYPEDEF:
		return "typedef";
	default:
		return "const";
	}
}

/* Without its module, which has a heading of its own. */
static void heading(struct docs *docs, const struct ast_decl *decl)
{
	struct buf anchor = { 0 }, full = { 0 }, module = { 0 };

	docs_anchor(&anchor, decl, NULL);
	docs_path(&full, decl, "::");
	docs_path(&module, docs_module(decl->parent), "::");
	docs_heading(docs, 3, buf_text(&anchor), kind_name(decl),
		     buf_text(&full) + (module.n > 0 && full.n > module.n ? module.n + 2 : 0));
	docs->failed |= anchor.failed || full.failed || module.failed;
	buf_free(&anchor);
	buf_free(&full);
	buf_free(&module);
}

static void member_c(struct docs *docs, const struct ast_decl *decl)
{
	struct buf text = { 0 };

	ctype_member(&text, decl->type, decl->c_name);
	docs_code(docs, buf_text(&text));
	docs->failed |= text.failed;
	buf_free(&text);
}

static void member_notes(struct docs *docs, const struct ast_decl *decl)
{
	if (decl->optional)
		docs_text(docs, "Optional. ");
	if (decl->def.kind != VALUE_NONE) {
		docs_text(docs, "Default: ");
		docs_value(docs, &decl->def);
		docs_text(docs, ". ");
	}
}

static void comment(struct docs *docs, const struct ast_decl *decl)
{
	struct docs_comment text;

	docs_comment_read(docs, decl->doc, &text);
	docs_description(docs, decl, text.body);
	docs_rest(docs, &text);
	docs_comment_clear(&text);
}

static void labels(struct docs *docs, const struct ast_decl *decl)
{
	docs_open(docs, DOCS_CELL);
	for (size_t i = 0; i < decl->n_labels; i++) {
		docs_text(docs, i > 0 ? ", " : "");
		docs_value(docs, &decl->labels[i]);
	}
	if (decl->is_default) {
		docs_text(docs, decl->n_labels > 0 ? ", " : "");
		docs_code(docs, "default");
	}
	docs_close(docs, DOCS_CELL);
}

static void member(struct docs *docs, const struct ast_decl *of, const struct ast_decl *decl)
{
	docs_open(docs, DOCS_ROW);
	if (of->kind == AST_UNION)
		labels(docs, decl);
	docs_open(docs, DOCS_CELL);
	put_anchor(docs, of, decl->name);
	docs_code(docs, decl->name);
	docs_close(docs, DOCS_CELL);
	docs_open(docs, DOCS_CELL);
	docs_type(docs, decl->type);
	docs_close(docs, DOCS_CELL);
	docs_open(docs, DOCS_CELL);
	member_c(docs, decl);
	docs_close(docs, DOCS_CELL);
	docs_open(docs, DOCS_CELL);
	member_notes(docs, decl);
	comment(docs, decl);
	docs_close(docs, DOCS_CELL);
	docs_close(docs, DOCS_ROW);
}

static void members(struct docs *docs, const struct ast_decl *decl)
{
	static const char *const heads[] = { "Case", "Member", "Type", "In C", "Description" };
	size_t skip = decl->kind == AST_UNION ? 0 : 1;
	bool any = false;

	for (size_t i = 0; i < decl->n_items; i++) {
		if (decl->items[i]->kind != AST_MEMBER)
			continue;
		if (!any) {
			docs_open(docs, DOCS_TABLE);
			docs_heads(docs, heads + skip, N(heads) - skip);
		}
		any = true;
		member(docs, decl, decl->items[i]);
	}
	if (any)
		docs_close(docs, DOCS_TABLE);
}

/* "In C: struct example_Point." */
static void in_c(struct docs *docs, const char *kind, const char *name)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s%s", kind, name);
	docs_open(docs, DOCS_PARAGRAPH);
	docs_text(docs, "In C: ");
	docs_code(docs, buf_text(&text));
	docs_text(docs, ".");
	docs_close(docs, DOCS_PARAGRAPH);
	docs->failed |= text.failed;
	buf_free(&text);
}

static void structure(struct docs *docs, const struct ast_decl *decl)
{
	comment(docs, decl);
	if (decl->kind == AST_UNION) {
		docs_open(docs, DOCS_PARAGRAPH);
		docs_text(docs, "The discriminator is ");
		docs_type(docs, decl->type);
		docs_text(docs, ".");
		docs_close(docs, DOCS_PARAGRAPH);
	}
	in_c(docs, "struct ", decl->c_name);
	members(docs, decl);
}

static void enumeration(struct docs *docs, const struct ast_decl *decl)
{
	static const char *const heads[] = { "Value", "In C", "Description" };

	comment(docs, decl);
	in_c(docs, "enum ", decl->c_name);
	docs_open(docs, DOCS_TABLE);
	docs_heads(docs, heads, N(heads));
	for (size_t i = 0; i < decl->n_items; i++) {
		const struct ast_decl *item = decl->items[i];

		docs_open(docs, DOCS_ROW);
		docs_open(docs, DOCS_CELL);
		put_anchor(docs, decl, item->name);
		docs_code(docs, item->name);
		docs_close(docs, DOCS_CELL);
		docs_open(docs, DOCS_CELL);
		docs_code(docs, item->c_name);
		docs_close(docs, DOCS_CELL);
		docs_open(docs, DOCS_CELL);
		comment(docs, item);
		docs_close(docs, DOCS_CELL);
		docs_close(docs, DOCS_ROW);
	}
	docs_close(docs, DOCS_TABLE);
}

/* Of a typedef of a collection, which has a struct; others leave no trace. */
static void typedef_in_c(struct docs *docs, const struct ast_decl *decl)
{
	struct buf text = { 0 };

	ctype_value(&text, decl->type->actual);
	while (text.n > 0 && text.data[text.n - 1] == ' ')
		text.data[--text.n] = '\0';
	in_c(docs, "", buf_text(&text));
	docs->failed |= text.failed;
	buf_free(&text);
}

static void type_name(struct docs *docs, const struct ast_decl *decl)
{
	bool is_array = decl->type->kind == TYPE_ARRAY;

	docs_open(docs, DOCS_IDL);
	docs_text(docs, "typedef ");
	docs_type(docs, is_array ? decl->type->elem : decl->type);
	docs_text(docs, " ");
	docs_text(docs, decl->name);
	if (is_array)
		docs_dims(docs, decl->type);
	docs_text(docs, ";");
	docs_close(docs, DOCS_IDL);
	comment(docs, decl);
	typedef_in_c(docs, decl);
}

static void constant(struct docs *docs, const struct ast_decl *decl)
{
	docs_open(docs, DOCS_IDL);
	docs_text(docs, "const ");
	docs_type(docs, decl->type);
	docs_text(docs, " ");
	docs_text(docs, decl->name);
	docs_text(docs, " = ");
	docs_value(docs, &decl->value);
	docs_text(docs, ";");
	docs_close(docs, DOCS_IDL);
	comment(docs, decl);
	in_c(docs, "", decl->c_name);
}

static void declaration(struct docs *docs, const struct ast_decl *decl)
{
	docs->scope = decl;
	heading(docs, decl);
	switch (decl->kind) {
	case AST_INTERFACE:
		docs_interface(docs, decl);
		break;
	case AST_ENUM:
		enumeration(docs, decl);
		break;
	case AST_TYPEDEF:
		type_name(docs, decl);
		break;
	case AST_CONST:
		constant(docs, decl);
		break;
	default:
		structure(docs, decl);
	}
}

static void module_heading(struct docs *docs, const struct ast_decl *module)
{
	struct buf name = { 0 };

	docs_path(&name, module, "::");
	if (name.n > 0)
		docs_heading(docs, 2, NULL, "module", buf_text(&name));
	else
		docs_heading(docs, 2, NULL, "", "Outside of modules");
	if (module && module->loc.file == docs->page->file)
		comment(docs, module);
	docs->failed |= name.failed;
	buf_free(&name);
}

static const char *page_of(const struct docs *docs, const struct ast_file *file)
{
	char *path = realpath(file->path, NULL);
	const char *href = NULL;

	for (size_t i = 0; path && !href && i < docs->n_pages; i++)
		if (strcmp(docs->pages[i].path, path) == 0)
			href = docs->pages[i].href;
	free(path);
	return href;
}

static void includes(struct docs *docs)
{
	const struct ast_file *file = docs->page->file;

	if (file->n_includes == 0)
		return;
	docs_open(docs, DOCS_PARAGRAPH);
	docs_text(docs, "Includes ");
	for (size_t i = 0; i < file->n_includes; i++) {
		docs_text(docs, i > 0 ? ", " : "");
		docs_link(docs, page_of(docs, file->includes[i]), file->includes[i]->name);
	}
	docs_text(docs, ".");
	docs_close(docs, DOCS_PARAGRAPH);
}

/* What is on the page, kind by kind. */
static void contents(struct docs *docs)
{
	static const struct {
		enum ast_kind kind;
		const char *title;
	} kinds[] = { { AST_INTERFACE, "Interfaces: " }, { AST_STRUCT, "Structs: " },
		      { AST_EXCEPTION, "Exceptions: " }, { AST_UNION, "Unions: " },
		      { AST_ENUM, "Enums: " },           { AST_TYPEDEF, "Types: " },
		      { AST_CONST, "Constants: " } };
	const struct docs_page *page = docs->page;

	for (size_t k = 0; k < N(kinds); k++) {
		bool any = false;

		for (size_t i = 0; i < page->n_decls; i++) {
			if (page->decls[i]->kind != kinds[k].kind)
				continue;
			if (!any)
				docs_open(docs, DOCS_PARAGRAPH);
			docs_text(docs, any ? ", " : kinds[k].title);
			docs_name(docs, page->decls[i]);
			any = true;
		}
		if (any)
			docs_close(docs, DOCS_PARAGRAPH);
	}
}

void docs_page(struct docs *docs)
{
	const struct docs_page *page = docs->page;
	const struct ast_decl *module = NULL;

	docs_heading(docs, 1, NULL, "", page->file->name);
	includes(docs);
	docs->scope = page->n_decls > 0 ? page->decls[0] : NULL;
	contents(docs);
	for (size_t i = 0; i < page->n_decls; i++) {
		const struct ast_decl *in = docs_module(page->decls[i]->parent);

		docs->scope = in;
		if (i == 0 || in != module)
			module_heading(docs, in);
		module = in;
		declaration(docs, page->decls[i]);
	}
}
