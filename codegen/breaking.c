/* SPDX-License-Identifier: MIT */
/*
 * Of the old file the interfaces that it declares itself are compared, with those of the same name
 * in the new file or what that includes; types wherever they are, as far as operations reach them.
 */
#include "breaking.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "breaking_shape.h"
#include "emit.h"
#include "set.h"
#include "wire/shape.h"

#include "../idl/diag.h"

struct interfaces {
	const struct ast_decl **items;
	size_t n, room;
	struct set by_name; /* their wire names */
	bool is_broken;     /* memory is out */
};

struct report {
	struct diag *diag;
	FILE *compatible;
	const struct ast_loc whole; /* of the new file */
	const struct shape_operation *operation;
};

static void collect(void *data, const struct ast_decl *decl)
{
	struct interfaces *list = data;
	size_t room = list->room ? 2 * list->room : 16;
	const struct ast_decl **grown;

	if (decl->kind != AST_INTERFACE || decl->is_forward)
		return;
	if (list->n == list->room) {
		grown = realloc(list->items, room * sizeof(grown[0]));
		if (!grown) {
			list->is_broken = true;
			return;
		}
		list->items = grown;
		list->room = room;
	}
	list->items[list->n++] = decl;
	set_put(&list->by_name, decl->wire_name, decl);
	list->is_broken |= list->by_name.failed;
}

static void clear(struct interfaces *list)
{
	set_free(&list->by_name);
	free(list->items);
}

static const struct ast_decl *find(const struct interfaces *list, const char *wire_name)
{
	return set_get(&list->by_name, wire_name);
}

/* ---- telling ---- */

static void tell(const struct report *report, bool breaks, const struct ast_loc *loc,
		 const char *prefix, const char *text)
{
	const char *colon = prefix[0] ? ": " : "";

	if (breaks)
		diag_error(report->diag, loc, "%s%s%s", prefix, colon, text);
	else if (report->compatible)
		fprintf(report->compatible, "%s:%d:%d: compatible: %s%s%s\n", loc->file->path,
			loc->line, loc->column, prefix, colon, text);
}

/* At the part itself, else where it stood, else where it is reached from. */
static void on_difference(const struct shape_difference *difference, void *data)
{
	const struct report *report = data;
	const struct ast_decl *at = difference->origin ? difference->origin : difference->container;
	bool is_own = difference->container == report->operation->origin;

	if (!at)
		at = report->operation->origin;
	tell(report, difference->breaks, &at->loc, is_own ? report->operation->name : "",
	     difference->text);
}

/* ---- interfaces ---- */

static bool derives(const struct ast_decl *decl, const char *wire_name)
{
	for (size_t i = 0; i < decl->n_all_bases; i++)
		if (strcmp(decl->all_bases[i]->wire_name, wire_name) == 0)
			return true;
	return false;
}

/* What an interface has by a base that is new to it; the operations themselves may be old. */
static void tell_gained(const struct report *report, const struct ast_decl *decl,
			const struct ast_decl *base)
{
	char text[400];

	snprintf(text, sizeof(text), "is a %.140s now", base->wire_name);
	tell(report, false, &decl->loc, decl->wire_name, text);
	for (size_t i = 0; i < base->n_operations; i++) {
		if (base->operations[i]->owner != base)
			continue; /* of a base's base, which is told of by itself */
		snprintf(text, sizeof(text), "%.140s.%.140s", decl->wire_name,
			 base->operations[i]->name);
		tell(report, false, &decl->loc, text, "the operation is new");
	}
}

/* A proxy of a base is refused by an object that is no such thing any more. */
static void compare_bases(const struct report *report, const struct ast_decl *old_decl,
			  const struct ast_decl *new_decl)
{
	char text[300];

	for (size_t i = 0; i < old_decl->n_all_bases; i++) {
		const char *base = old_decl->all_bases[i]->wire_name;

		snprintf(text, sizeof(text), "is no longer derived from %.140s", base);
		if (!derives(new_decl, base))
			tell(report, true, &new_decl->loc, new_decl->wire_name, text);
	}
	for (size_t i = 0; i < new_decl->n_all_bases; i++)
		if (!derives(old_decl, new_decl->all_bases[i]->wire_name))
			tell_gained(report, new_decl, new_decl->all_bases[i]);
}

static void compare_interfaces(const struct report *report, const struct interfaces *old_ones,
			       const struct interfaces *new_ones)
{
	for (size_t i = 0; i < old_ones->n; i++) {
		const struct ast_decl *now = find(new_ones, old_ones->items[i]->wire_name);

		if (now)
			compare_bases(report, old_ones->items[i], now);
		else
			tell(report, true, &report->whole, old_ones->items[i]->wire_name,
			     "the interface was removed");
	}
}

/* ---- operations ---- */

static const struct ast_loc *place_of(const struct report *report,
				      const struct interfaces *interfaces,
				      const struct ast_decl *operation)
{
	const struct ast_decl *owner = find(interfaces, operation->owner->wire_name);

	return owner ? &owner->loc : &report->whole;
}

/* Its interface is not as new as itself. */
static bool is_older(const struct interfaces *old_ones, const struct ast_decl *operation)
{
	return find(old_ones, operation->owner->wire_name) != NULL;
}

static void compare_operations(struct shape_compare *compare, struct report *report,
			       const struct interfaces *old_ones, const struct interfaces *new_ones)
{
	for (size_t i = 0; i < compare->a->operations.n; i++) {
		const struct shape_operation *old_one = &compare->a->operations.items[i];
		const struct shape_operation *now = shape_operation(compare->b, old_one->name);
		const struct ast_decl *decl = old_one->origin;

		report->operation = now;
		if (now)
			shape_compare_operation(compare, old_one, now);
		else if (find(new_ones, decl->owner->wire_name))
			tell(report, true, place_of(report, new_ones, decl), old_one->name,
			     "the operation was removed");
	}
	for (size_t i = 0; i < compare->b->operations.n; i++) {
		const struct shape_operation *now = &compare->b->operations.items[i];

		if (!shape_operation(compare->a, now->name) && is_older(old_ones, now->origin))
			tell(report, false, &((const struct ast_decl *)now->origin)->loc, now->name,
			     "the operation is new");
	}
}

static bool compare_all(struct report *report, const struct interfaces *old_ones,
			const struct interfaces *new_ones)
{
	struct shape_compare compare = { .is_history = true, .tells_once = true };
	struct shape old_shape, new_shape;
	struct arena arena;
	bool ok;

	arena_init(&arena, NULL, 0);
	compare.a = &old_shape;
	compare.b = &new_shape;
	compare.tell = on_difference;
	compare.data = report;
	ok = breaking_shape(old_ones->items, old_ones->n, &arena, &old_shape) &&
	     breaking_shape(new_ones->items, new_ones->n, &arena, &new_shape) &&
	     shape_compare_begin(&compare);
	if (ok) {
		compare_interfaces(report, old_ones, new_ones);
		compare_operations(&compare, report, old_ones, new_ones);
		shape_compare_end(&compare);
	}
	arena_clear(&arena);
	return ok;
}

bool breaking_compare(const struct idl_unit *old_unit, const struct idl_unit *new_unit,
		      struct diag *diag, FILE *compatible)
{
	struct report report = { diag, compatible, { .file = new_unit->main }, NULL };
	struct interfaces old_ones = { 0 }, new_ones = { 0 };
	bool ok;

	emit_walk(old_unit, old_unit->main, collect, &old_ones);
	for (size_t i = 0; i < new_unit->n_files; i++)
		emit_walk(new_unit, new_unit->files[i], collect, &new_ones);
	ok = !old_ones.is_broken && !new_ones.is_broken &&
	     compare_all(&report, &old_ones, &new_ones);
	clear(&old_ones);
	clear(&new_ones);
	return ok;
}
