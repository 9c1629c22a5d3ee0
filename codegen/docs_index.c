/* SPDX-License-Identifier: MIT */
/* The index: the files, then everything by its full name. */
#include <stdlib.h>
#include <string.h>

#include "docs_own.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* What a file is about: the comment of its first module, or of what else it begins with. */
static const char *about(const struct docs_page *page)
{
	const struct ast_decl *first = page->n_decls > 0 ? page->decls[0] : NULL;
	const struct ast_decl *decl = first;

	for (; decl; decl = decl->parent)
		if (decl->kind == AST_MODULE && decl->doc && decl->loc.file == page->file)
			return decl->doc;
	for (size_t i = 0; i < page->n_decls; i++)
		if (page->decls[i]->kind == AST_INTERFACE && page->decls[i]->doc)
			return page->decls[i]->doc;
	return first ? first->doc : NULL;
}

static void files(struct docs *docs)
{
	static const char *const heads[] = { "File", "Description" };

	docs_open(docs, DOCS_TABLE);
	docs_heads(docs, heads, N(heads));
	for (size_t i = 0; i < docs->n_pages; i++) {
		const struct docs_page *page = &docs->pages[i];

		docs_open(docs, DOCS_ROW);
		docs_open(docs, DOCS_CELL);
		docs_link(docs, page->href, page->file->name);
		docs_close(docs, DOCS_CELL);
		docs_open(docs, DOCS_CELL);
		docs->scope = page->n_decls > 0 ? docs_module(page->decls[0]) : NULL;
		docs_summary(docs, about(page));
		docs->scope = NULL;
		docs_close(docs, DOCS_CELL);
		docs_close(docs, DOCS_ROW);
	}
	docs_close(docs, DOCS_TABLE);
}

struct entry {
	const struct ast_decl *decl;
	const char *name;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Returns: freed by the caller; NULL if memory is out. */
static struct entry *entries(struct docs *docs, size_t *n)
{
	struct entry *all;
	size_t room = 1;

	for (size_t i = 0; i < docs->n_pages; i++)
		room += docs->pages[i].n_decls;
	all = calloc(room, sizeof(*all));
	*n = 0;
	for (size_t i = 0; all && i < docs->n_pages; i++)
		for (size_t k = 0; k < docs->pages[i].n_decls; k++) {
			const struct ast_decl *decl = docs->pages[i].decls[k];
			struct buf name = { 0 };

			docs_path(&name, decl, "::");
			all[(*n)++] = (struct entry){ decl, docs_keep(docs, &name) };
		}
	if (all)
		qsort(all, *n, sizeof(*all), by_name);
	docs->failed |= !all;
	return all;
}

static void kind(struct docs *docs, struct entry *all, size_t n, const char *title,
		 enum ast_kind which)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const struct ast_decl *decl = all[i].decl;

		if (decl->kind != which)
			continue;
		if (!any) {
			docs_heading(docs, 2, NULL, "", title);
			docs_open(docs, DOCS_TABLE);
			docs_heads(docs, (const char *const[]){ "Name", "Description" }, 2);
		}
		any = true;
		docs_open(docs, DOCS_ROW);
		docs_open(docs, DOCS_CELL);
		docs_link(docs, docs_href(docs, decl, NULL), all[i].name);
		docs_close(docs, DOCS_CELL);
		docs_open(docs, DOCS_CELL);
		docs->scope = decl;
		docs_summary(docs, decl->doc);
		docs_close(docs, DOCS_CELL);
		docs_close(docs, DOCS_ROW);
	}
	if (any)
		docs_close(docs, DOCS_TABLE);
}

void docs_index(struct docs *docs)
{
	size_t n;
	struct entry *all = entries(docs, &n);

	docs_heading(docs, 1, NULL, "", "Interfaces");
	files(docs);
	kind(docs, all, n, "Interfaces", AST_INTERFACE);
	kind(docs, all, n, "Structs", AST_STRUCT);
	kind(docs, all, n, "Exceptions", AST_EXCEPTION);
	kind(docs, all, n, "Unions", AST_UNION);
	kind(docs, all, n, "Enums", AST_ENUM);
	kind(docs, all, n, "Types", AST_TYPEDEF);
	kind(docs, all, n, "Constants", AST_CONST);
	free(all);
}
