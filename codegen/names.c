/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "set.h"

enum { UNDERSCORES = 3 /* behind a name, before there are numbers */ };

struct names {
	struct set taken; /* its strings are ours */
	struct set roots; /* what is declared at file level; public names start with one of them */
	struct items scopes; /* of roots: "a" and "a_b" of "a_b_c" */
	struct set outer;    /* into scopes */
	struct items bare;   /* parameters, which must not hide what is static */
	struct set hidden;   /* into bare */
};

/* What the runtime's and the C library's names start with. */
static const char *const foreign_roots[] = {
	"pyr",    "PYR",    "getc",   "getchar", "putc",     "putchar", "clearerr",
	"feof",   "ferror", "fileno", "fflush",  "fgetc",    "fputc",   "fread",
	"fwrite", "fgets",  "fputs",  "open",    "offsetof",
};

static void add_root(struct names *names, const char *name)
{
	set_add(&names->roots, name);
	for (const char *c = strchr(name, '_'); c; c = strchr(c + 1, '_')) {
		items_add(&names->scopes, "%.*s", (int)(c - name), name);
	}
}

/* A declaration at file level; enumerators stand beside their enum. */
static void add_outermost(struct names *names, const struct ast_decl *decl)
{
	if (decl->c_name)
		add_root(names, decl->c_name);
	for (size_t i = 0; decl->kind == AST_ENUM && i < decl->n_items; i++)
		if (decl->items[i]->c_name)
			add_root(names, decl->items[i]->c_name);
}

static void add_parameters(void *data, const struct ast_decl *decl)
{
	struct names *names = data;

	if (decl->kind != AST_INTERFACE)
		return;
	for (size_t i = 0; i < decl->n_operations; i++) {
		const struct ast_decl *operation = decl->operations[i];

		for (size_t k = 0; k < operation->n_items; k++) {
			items_add(&names->bare, "%s", operation->items[k]->c_name);
			items_add(&names->bare, "ret_%s", operation->items[k]->c_name);
		}
	}
}

static void index_items(struct set *set, const struct items *items)
{
	const char *item;

	for (item = items_next(items, NULL); item; item = items_next(items, item))
		set_add(set, item);
}

struct names *names_new(const struct idl_unit *unit)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	for (size_t i = 0; i < sizeof(foreign_roots) / sizeof(foreign_roots[0]); i++)
		add_root(names, foreign_roots[i]);
	for (size_t i = 0; i < unit->root->n_items; i++)
		add_outermost(names, unit->root->items[i]);
	emit_walk(unit, unit->main, add_parameters, names);
	index_items(&names->outer, &names->scopes);
	index_items(&names->hidden, &names->bare);
	return names;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->taken.room; i++)
		free((char *)names->taken.slots[i].key);
	set_free(&names->taken);
	set_free(&names->roots);
	set_free(&names->outer);
	set_free(&names->hidden);
	items_clear(&names->scopes);
	items_clear(&names->bare);
	free(names);
}

bool names_failed(const struct names *names)
{
	return names->taken.failed || names->roots.failed || names->outer.failed ||
	       names->hidden.failed || names->scopes.text.failed || names->bare.text.failed;
}

/* Whether a public name may start with scope and an underscore. */
static bool is_public(const struct names *names, char *scope)
{
	bool found = set_has(&names->roots, scope) || set_has(&names->outer, scope);

	for (char *c = strchr(scope, '_'); c && !found; c = strchr(c + 1, '_')) {
		*c = '\0';
		found = set_has(&names->roots, scope);
		*c = '_';
	}
	return found;
}

/* The C name of a declaration without the modules around it. */
static const char *without_modules(const struct ast_decl *decl)
{
	const struct ast_decl *up = decl->parent;
	size_t n;

	while (up && up->kind != AST_MODULE)
		up = up->parent;
	n = up && up->c_name ? strlen(up->c_name) : 0;
	if (n > 0 && strncmp(decl->c_name, up->c_name, n) == 0 && decl->c_name[n] == '_')
		return decl->c_name + n + 1;
	return decl->c_name;
}

/* "Point_seq" of "shop_Point_seq": what is left behind the outermost scope, if it starts with one.
 */
static const char *without_root(struct names *names, const char *scope)
{
	const char *rest = scope;

	for (const char *c = strchr(scope, '_'); c && rest == scope; c = strchr(c + 1, '_')) {
		struct buf root = { 0 };

		buf_add(&root, scope, (size_t)(c - scope));
		if (set_has(&names->roots, buf_text(&root)) && c[1])
			rest = c + 1;
		names->roots.failed |= root.failed;
		buf_free(&root);
	}
	return rest;
}

/* "local_x" of "x". The file may have a "local" of its own, that its public names start with. */
static void make_local(const struct names *names, struct buf *name)
{
	struct buf longer = { 0 };

	buf_str(&longer, "local");
	while (!longer.failed && set_has(&names->roots, longer.data))
		buf_str(&longer, "s");
	buf_printf(&longer, "_%s", name->data);
	buf_free(name);
	*name = longer;
}

static bool is_taken(const struct names *names, const struct buf *name)
{
	return !name->failed &&
	       (set_has(&names->taken, name->data) || set_has(&names->hidden, name->data));
}

static void set_number(struct buf *name, size_t n, size_t number)
{
	name->n = n;
	buf_printf(name, "%zu", number);
}

/* Underscores while few have the name, then a number: the first that is free if none was left out,
 * which is found without trying all. */
static void make_free(const struct names *names, struct buf *name)
{
	size_t low = UNDERSCORES, high = low + 1, middle, n;

	for (n = 0; n < UNDERSCORES && is_taken(names, name); n++)
		buf_str(name, "_");
	if (!is_taken(names, name))
		return;
	n = name->n;
	for (set_number(name, n, high); is_taken(names, name); set_number(name, n, high))
		high *= 2;
	while (!name->failed && high - low > 1) {
		middle = low + (high - low) / 2;
		set_number(name, n, middle);
		if (is_taken(names, name))
			low = middle;
		else
			high = middle;
	}
	set_number(name, n, high);
}

const char *names_local(struct names *names, const struct ast_decl *decl, const char *scope,
			const char *suffix)
{
	struct buf name = { 0 };

	buf_str(&name, decl ? without_modules(decl) : without_root(names, scope));
	while (!name.failed && is_public(names, name.data))
		make_local(names, &name);
	buf_printf(&name, "_%s", suffix);
	make_free(names, &name);
	names->taken.failed |= name.failed;
	if (!names->taken.failed)
		set_add(&names->taken, name.data);
	if (names->taken.failed) { /* it is not in there */
		buf_free(&name);
		return "";
	}
	return name.data;
}
