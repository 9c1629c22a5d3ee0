/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_DOCS_OWN_H
#define PYRITE_CODEGEN_DOCS_OWN_H
/*
 * Parts of the documentation. docs.c makes the pages and knows what is where, docs_page.c and
 * docs_interface.c write the page of a file, docs_index.c the index, docs_comment.c doc comments,
 * docs_type.c types and values. All of them write with docs_write.c through a format: docs_html.c,
 * docs_markdown.c.
 */
#include "buf.h"
#include "set.h"

#include "../idl/ast.h"

enum docs_block {
	DOCS_PARAGRAPH,
	DOCS_LIST,
	DOCS_NUMBERED,
	DOCS_ITEM,
	DOCS_NUMBERED_ITEM,
	DOCS_TABLE,
	DOCS_ROW,
	DOCS_CELL,
	DOCS_CODE, /* preformatted, and in which language: */
	DOCS_IDL,
	DOCS_C,
	DOCS_NOTE, /* a paragraph that warns */
	DOCS_BLOCKS
};

struct docs_format {
	const char *suffix;
	const char *open[DOCS_BLOCKS], *close[DOCS_BLOCKS];
	bool flat_cells; /* a cell holds no blocks */
	bool plain_code; /* a preformatted block holds text alone */
	void (*begin)(struct buf *out, const char *title, const char *banner, const char *index);
	void (*end)(struct buf *out);
	/* level 1 to 4; anchor NULL: none */
	void (*heading)(struct buf *out, int level, const char *anchor, const char *kind,
			const char *name);
	void (*anchor)(struct buf *out, const char *anchor); /* of what has no heading */
	void (*heads)(struct buf *out, const char *const *heads, size_t n); /* of a table */
	void (*text)(struct buf *out, const char *text, size_t n);
	void (*code)(struct buf *out, const char *text, size_t n); /* a few words of it */
	void (*raw)(struct buf *out, const char *text, size_t n);  /* in a preformatted block */
	/* href: nothing in it needs to be escaped */
	void (*link)(struct buf *out, const char *href, const char *text, bool is_code);
};

struct docs_page {
	const struct idl_unit *unit;
	const struct ast_file *file;
	char *path;       /* as the system knows it */
	char *name;       /* "shop.html" */
	const char *href; /* the same in a link */
	const struct ast_decl **decls;
	size_t n_decls;
};

struct docs {
	const struct docs_format *format;
	struct docs_page *pages;
	size_t n_pages;
	struct set targets; /* "shop::Shop::place" -> "shop.html#shop.Shop.place" */
	char **kept;
	size_t n_kept;
	bool failed;

	/* the page being written */
	struct buf *out;
	const struct docs_page *page;
	const struct ast_decl *scope; /* what the text is about */
	struct buf code;              /* words that are not written yet: more may follow */
	bool in_cell, in_code;
};

/* The text of a buffer, which is freed; it lives as long as docs. "" if memory is out. */
const char *docs_keep(struct docs *docs, struct buf *text);
/* "shop::Shop" with the separator given; "" for what has no name. */
void docs_path(struct buf *out, const struct ast_decl *decl, const char *separator);
/* Where it is on its page: "shop.Shop", with a child "shop.Shop.place". */
void docs_anchor(struct buf *out, const struct ast_decl *decl, const char *child);
bool docs_is_shown(const struct ast_decl *decl);
/* Where a declaration is, as seen from the current page; NULL: nowhere. child: of its member,
 * operation or enumerator, or NULL. */
const char *docs_href(struct docs *docs, const struct ast_decl *decl, const char *child);
/* The same for a name as it is used in a comment. */
const char *docs_find(struct docs *docs, const char *name, size_t n);
const struct ast_decl *docs_module(const struct ast_decl *decl);

void docs_open(struct docs *docs, enum docs_block block);
void docs_close(struct docs *docs, enum docs_block block);
void docs_text(struct docs *docs, const char *text);
void docs_code(struct docs *docs, const char *text);
void docs_link(struct docs *docs, const char *href, const char *text);
void docs_heading(struct docs *docs, int level, const char *anchor, const char *kind,
		  const char *name);
void docs_heads(struct docs *docs, const char *const *heads, size_t n);
/* Before anything is written through the format itself. */
void docs_flush(struct docs *docs);

/* docs_type.c */
void docs_name(struct docs *docs, const struct ast_decl *decl);
void docs_type(struct docs *docs, const struct ast_type *type);
/* "[2][3]" of an array. */
void docs_dims(struct docs *docs, const struct ast_type *type);
void docs_value(struct docs *docs, const struct ast_value *value);
void docs_names(struct docs *docs, struct ast_decl *const *decls, size_t n);

/* docs_comment.c */
struct docs_tag {
	const char *kind, *name, *text; /* @param name text; name "" if the kind has none */
	bool used;
};

struct docs_comment {
	const char *body;
	struct docs_tag *tags;
	size_t n_tags;
};

/* The lists are freed by docs_comment_clear(), the texts with docs. */
void docs_comment_read(struct docs *docs, const char *doc, struct docs_comment *ret);
void docs_comment_clear(struct docs_comment *comment);
/* The text of a tag, which then is used; NULL: there is none. name "": of any. */
const char *docs_comment_tag(struct docs_comment *comment, const char *kind, const char *name);
void docs_blocks(struct docs *docs, const char *text);
/* The body, and what says that it is deprecated. */
void docs_description(struct docs *docs, const struct ast_decl *decl, const char *body);
/* Tags that were not used. */
void docs_rest(struct docs *docs, struct docs_comment *comment);
/* The first sentence, in the line. */
void docs_summary(struct docs *docs, const char *doc);

void docs_interface(struct docs *docs, const struct ast_decl *decl);
void docs_page(struct docs *docs);
void docs_index(struct docs *docs);
#endif
