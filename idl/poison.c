/* SPDX-License-Identifier: MIT */
/*
 * What is not supported. In the main file that is an error where it stands. In an included file it
 * is passed over, and so is all that is made of it: a type or constant becomes AST_POISONED, an
 * operation or attribute is left out of its interface. Using a poisoned declaration in the main
 * file is an error; inheriting an interface with something left out is a warning.
 *
 * A name may turn out poisoned after it was used: a forward declaration, and what reaches one. So
 * every use is remembered with the part that made it, and poison_settle() follows the uses.
 */
#include "poison.h"

#include <string.h>

#include "diag.h"
#include "memory.h"

struct use {
	struct raw_decl *by; /* the part that stands or falls with it */
	struct ast_loc loc;
};

/* Can the part be left out without a word? */
static bool is_included(const struct raw_decl *part, const struct ast_loc *loc)
{
	return part && !front_in_main(loc) && !front_in_main(&part->decl.loc);
}

static bool is_call(const struct raw_decl *raw)
{
	return raw->decl.kind == AST_OPERATION || raw->decl.kind == AST_ATTRIBUTE;
}

static bool can_be_poisoned(const struct raw_decl *raw)
{
	switch (raw->decl.kind) {
	case AST_STRUCT:
	case AST_EXCEPTION:
	case AST_UNION:
	case AST_TYPEDEF:
	case AST_CONST:
		return true;
	default:
		return is_call(raw);
	}
}

/* why: a clause, "TypeCode is not supported". Returns false if it is so already, or cannot be. */
static bool spoil(struct raw_decl *part, const char *why, const struct ast_loc *loc)
{
	if (part->poison || !can_be_poisoned(part))
		return false;
	part->poison = why;
	part->poison_loc = *loc;
	return true;
}

static void leave_out(struct raw_decl *interface, const char *name, const char *why,
		      const struct ast_loc *loc)
{
	if (interface->n_left_out++ > 0)
		return;
	interface->left_out = name;
	interface->poison = why;
	interface->poison_loc = *loc;
}

const char *poison_text(struct front *front, const char *what)
{
	return front_printf(front, "%s is not supported", what);
}

void poison_meet(struct front *front, const struct ast_loc *loc, const char *what)
{
	if (is_included(front->part, loc))
		spoil(front->part, poison_text(front, what), loc);
	else if (front->part || front_in_main(loc))
		diag_error(front->diag, loc, "%s is not supported", what);
}

static void report_use(struct front *front, const struct ast_loc *loc, const struct raw_decl *used)
{
	void (*tell)(struct diag * diag, const struct ast_loc *loc, const char *format, ...);

	if (used->decl.is_forward) {
		tell = used->decl.kind == AST_INTERFACE ? diag_warning : diag_error;
		tell(front->diag, loc, "'%s' is declared but never defined", used->decl.name);
		diag_note(front->diag, &used->decl.loc, "'%s' is declared here", used->decl.name);
	} else if (!front_in_main(&used->decl.loc)) { /* else it was told of there */
		diag_error(front->diag, loc, "'%s' cannot be used: %s", used->decl.name,
			   used->poison);
		diag_note(front->diag, &used->poison_loc, "it is here");
	}
}

void poison_use(struct front *front, const struct ast_loc *loc, const struct raw_decl *used)
{
	if (is_included(front->part, loc))
		spoil(front->part, used->poison, &used->poison_loc);
	else
		report_use(front, loc, used);
}

void poison_base(struct front *front, const struct ast_loc *loc, struct raw_decl *interface,
		 const struct raw_decl *base, const char *what)
{
	if (!is_included(interface, loc) && base)
		report_use(front, loc, base);
	else if (!is_included(interface, loc))
		diag_error(front->diag, loc, "%s is not supported", what);
	else
		leave_out(interface, base ? base->decl.name : what,
			  base ? base->poison : poison_text(front, what),
			  base ? &base->poison_loc : loc);
}

void poison_watch(struct front *front, const struct ast_loc *loc, struct raw_decl *used)
{
	struct use *use;

	if (!front->part)
		return;
	use = front_alloc(front, sizeof(*use));
	*use = (struct use){ .by = front->part, .loc = *loc };
	list_add(front, &used->uses, use);
}

void poison_seal(struct raw_decl *raw)
{
	if (raw->poison && can_be_poisoned(raw) && !is_call(raw) && !front_in_main(&raw->decl.loc))
		raw->decl.kind = AST_POISONED;
}

/* Names that were declared and never defined. An interface's name is enough to pass references
 * around: another file may define it, so that it is worth a warning where this is the main file. */
static bool is_undefined(const struct raw_decl *raw)
{
	return raw->decl.is_forward &&
	       (raw->decl.kind != AST_INTERFACE || front_in_main(&raw->decl.loc));
}

static void follow(struct front *front, struct list *work, const struct raw_decl *used)
{
	size_t i;

	for (i = 0; i < used->uses.n; i++) {
		const struct use *use = used->uses.items[i];

		if (!is_included(use->by, &use->loc)) {
			report_use(front, &use->loc, used);
		} else if (used->decl.kind != AST_INTERFACE &&
			   spoil(use->by, used->poison, &used->poison_loc)) {
			poison_seal(use->by);
			list_add(front, work, use->by);
		}
	}
}

static void spread(struct front *front)
{
	struct list work = { .n = 0 };
	size_t i;

	for (i = 0; i < front->order.n; i++) {
		struct raw_decl *raw = front->order.items[i];

		if (raw && is_undefined(raw) && raw->decl.kind != AST_INTERFACE &&
		    spoil(raw, front_printf(front, "'%s' is never defined", raw->decl.name),
			  &raw->decl.loc))
			poison_seal(raw);
		if (raw && raw->uses.n > 0 &&
		    (raw->decl.kind == AST_POISONED || is_undefined(raw) ||
		     (raw->poison && can_be_poisoned(raw))))
			list_add(front, &work, raw);
	}
	while (work.n > 0) {
		struct raw_decl *used = work.items[--work.n];

		follow(front, &work, used);
		used->uses.n = 0;
	}
}

/* An attribute takes its operations along. */
static bool is_left_out(const struct raw_decl *raw)
{
	return is_call(raw) &&
	       (raw->poison || (raw->decl.attribute && raw_of(raw->decl.attribute)->poison));
}

static size_t filter(struct ast_decl **decls, size_t n)
{
	size_t kept = 0, i;

	for (i = 0; i < n; i++)
		if (!is_left_out(raw_of(decls[i])))
			decls[kept++] = decls[i];
	return kept;
}

/* What is inside something poisoned gets no names and no fingerprints; types inside it stand by
 * themselves. */
static bool is_gone(const struct raw_decl *raw)
{
	const struct ast_decl *parent = raw->decl.parent;

	return is_left_out(raw) || (raw->decl.kind == AST_MEMBER && parent->kind == AST_POISONED) ||
	       (raw->decl.kind == AST_PARAM && is_left_out(raw_of((struct ast_decl *)parent)));
}

static void leave_out_calls(struct front *front)
{
	size_t i;

	for (i = 0; i < front->order.n; i++) {
		const struct raw_decl *raw = front->order.items[i];

		if (raw && is_call(raw) && raw->poison && raw->decl.owner)
			leave_out(raw_of(raw->decl.owner), raw->decl.name, raw->poison,
				  &raw->poison_loc);
		if (raw && is_gone(raw))
			front->order.items[i] = NULL;
	}
	for (i = 0; i < front->order.n; i++) {
		struct raw_decl *raw = front->order.items[i];

		if (!raw || raw->decl.kind != AST_INTERFACE)
			continue;
		raw->decl.n_items = filter(raw->decl.items, raw->decl.n_items);
		raw->decl.n_operations = filter(raw->decl.operations, raw->decl.n_operations);
	}
}

static void warn_of_base(struct front *front, const struct raw_decl *raw,
			 const struct raw_decl *base)
{
	const struct ast_loc *loc = &raw->decl.loc;

	if (base->n_left_out == 1)
		diag_warning(front->diag, loc, "'%s' inherits '%s' without '%s': %s",
			     raw->decl.name, base->decl.name, base->left_out, base->poison);
	else
		diag_warning(front->diag, loc, "'%s' inherits '%s' without '%s' and %zu more: %s",
			     raw->decl.name, base->decl.name, base->left_out, base->n_left_out - 1,
			     base->poison);
	diag_note(front->diag, &base->poison_loc, "it is here");
}

static void warn_of_bases(struct front *front)
{
	size_t i, j;

	for (i = 0; i < front->order.n; i++) {
		const struct raw_decl *raw = front->order.items[i];

		if (!raw || raw->decl.kind != AST_INTERFACE || !front_in_main(&raw->decl.loc))
			continue;
		for (j = 0; j < raw->decl.n_all_bases; j++)
			if (raw_of(raw->decl.all_bases[j])->n_left_out > 0)
				warn_of_base(front, raw, raw_of(raw->decl.all_bases[j]));
	}
}

void poison_settle(struct front *front)
{
	spread(front);
	leave_out_calls(front);
	warn_of_bases(front);
}
