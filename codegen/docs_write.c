/* SPDX-License-Identifier: MIT */
/* What all parts write with: names and where they are, blocks, text and links. */
#include <stdlib.h>
#include <string.h>

#include "docs_own.h"

const char *docs_keep(struct docs *docs, struct buf *text)
{
	char **kept = realloc(docs->kept, (docs->n_kept + 1) * sizeof(*kept));
	const char *ret = "";

	if (kept)
		docs->kept = kept;
	docs->failed |= !kept || text->failed;
	if (kept && !text->failed && text->data) {
		ret = kept[docs->n_kept++] = text->data;
		*text = (struct buf){ 0 };
	}
	buf_free(text);
	return ret;
}

void docs_path(struct buf *out, const struct ast_decl *decl, const char *separator)
{
	if (!decl || !*decl->name)
		return;
	docs_path(out, decl->parent, separator);
	if (decl->parent && *decl->parent->name)
		buf_str(out, separator);
	buf_str(out, decl->name);
}

void docs_anchor(struct buf *out, const struct ast_decl *decl, const char *child)
{
	docs_path(out, decl, ".");
	if (child)
		buf_printf(out, ".%s", child);
}

bool docs_is_shown(const struct ast_decl *decl)
{
	switch (decl->kind) {
	case AST_INTERFACE:
		return !decl->is_forward;
	case AST_STRUCT:
	case AST_EXCEPTION:
	case AST_UNION:
	case AST_ENUM:
	case AST_TYPEDEF:
	case AST_CONST:
		return true;
	default:
		return false;
	}
}

const struct ast_decl *docs_module(const struct ast_decl *decl)
{
	while (decl && decl->kind != AST_MODULE)
		decl = decl->parent;
	return decl;
}

/* What is behind the page's own name, if that is where it is. */
static const char *from_here(const struct docs *docs, const char *target)
{
	size_t n = docs->page ? strlen(docs->page->href) : 0;

	if (target && n > 0 && strncmp(target, docs->page->href, n) == 0 && target[n] == '#')
		return target + n;
	return target;
}

const char *docs_href(struct docs *docs, const struct ast_decl *decl, const char *child)
{
	struct buf key = { 0 };
	const char *target;

	docs_path(&key, decl, "::");
	if (child)
		buf_printf(&key, "::%s", child);
	target = set_get(&docs->targets, buf_text(&key));
	docs->failed |= key.failed;
	buf_free(&key);
	return from_here(docs, target);
}

const char *docs_find(struct docs *docs, const char *name, size_t n)
{
	const struct ast_decl *scope = docs->scope;
	const char *target = NULL;

	if (n > 2 && memcmp(name + n - 2, "()", 2) == 0)
		n -= 2;
	for (; n > 0 && !target; scope = scope->parent) {
		struct buf key = { 0 };

		docs_path(&key, scope, "::");
		buf_printf(&key, "%s%.*s", key.n > 0 ? "::" : "", (int)n, name);
		target = set_get(&docs->targets, buf_text(&key));
		docs->failed |= key.failed;
		buf_free(&key);
		if (!scope)
			break;
	}
	return from_here(docs, target);
}

/* Words side by side are one piece of code. */
void docs_flush(struct docs *docs)
{
	struct buf code = docs->code;

	docs->code = (struct buf){ 0 };
	if (code.n > 0)
		docs->format->code(docs->out, buf_text(&code), code.n);
	docs->failed |= code.failed;
	buf_free(&code);
}

static bool is_flat(const struct docs *docs)
{
	return docs->in_cell && docs->format->flat_cells;
}

void docs_open(struct docs *docs, enum docs_block block)
{
	docs_flush(docs);
	docs->in_code = block == DOCS_CODE || block == DOCS_IDL || block == DOCS_C;
	if (!is_flat(docs))
		buf_str(docs->out, docs->format->open[block]);
	docs->in_cell |= block == DOCS_CELL;
}

static void trim(struct buf *out)
{
	while (out->n > 0 && !out->failed && out->data[out->n - 1] == ' ')
		out->data[--out->n] = '\0';
}

void docs_close(struct docs *docs, enum docs_block block)
{
	docs_flush(docs);
	docs->in_code = false;
	docs->in_cell &= block != DOCS_CELL;
	if (is_flat(docs)) {
		trim(docs->out);
		buf_str(docs->out, " ");
		return;
	}
	if (block == DOCS_CELL)
		trim(docs->out);
	buf_str(docs->out, docs->format->close[block]);
}

void docs_text(struct docs *docs, const char *text)
{
	docs_flush(docs);
	(docs->in_code ? docs->format->raw : docs->format->text)(docs->out, text, strlen(text));
}

void docs_code(struct docs *docs, const char *text)
{
	if (docs->in_code)
		docs->format->raw(docs->out, text, strlen(text));
	else
		buf_str(&docs->code, text);
}

void docs_link(struct docs *docs, const char *href, const char *text)
{
	if (!href || (docs->in_code && docs->format->plain_code)) {
		docs_code(docs, text);
		return;
	}
	docs_flush(docs);
	docs->format->link(docs->out, href, text, !docs->in_code);
}

void docs_heading(struct docs *docs, int level, const char *anchor, const char *kind,
		  const char *name)
{
	docs_flush(docs);
	docs->format->heading(docs->out, level, anchor, kind, name);
}

void docs_heads(struct docs *docs, const char *const *heads, size_t n)
{
	docs_flush(docs);
	docs->format->heads(docs->out, heads, n);
}
