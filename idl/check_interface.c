/* SPDX-License-Identifier: MIT */
/* Interfaces: inheritance, operations, attributes and the operations made of them. */
#include <string.h>

#include "annotate.h"
#include "check.h"
#include "diag.h"
#include "ids.h"
#include "memory.h"
#include "poison.h"
#include "resolve.h"
#include "scope.h"

enum { MOST_BASES = 256, MOST_OPERATIONS = 4096 };

static unsigned next_mark(struct front *front)
{
	return ++front->mark;
}

static bool add_base(struct front *front, struct raw_decl *raw, struct ast_decl *base,
		     unsigned mark)
{
	struct ast_decl *decl = &raw->decl;

	if (raw_of(base)->mark == mark)
		return true;
	raw_of(base)->mark = mark;
	if (decl->n_all_bases == MOST_BASES) {
		diag_error(front->diag, &decl->loc, "'%s' has more than %d bases", decl->name,
			   MOST_BASES);
		return false;
	}
	decl->all_bases =
		front_grow(front, decl->all_bases, decl->n_all_bases, sizeof(*decl->all_bases));
	decl->all_bases[decl->n_all_bases++] = base;
	return true;
}

/* CORBA::Current is known: it has no operations. */
static void meet_corba_base(struct front *front, struct raw_decl *raw, const struct name *name,
			    const char *what)
{
	if (strcmp(what, "CORBA::Current") != 0)
		poison_base(front, &name->loc, raw, NULL, what);
	else if (front_in_main(&name->loc))
		diag_warning(front->diag, &name->loc, "%s is empty: nothing is inherited from it",
			     what);
}

static struct raw_decl *find_base(struct front *front, struct raw_decl *raw,
				  const struct name *name)
{
	struct raw_decl *base = scope_lookup(front, name, false);
	const char *corba = scope_corba(front, name);

	if (!base && corba)
		meet_corba_base(front, raw, name, corba);
	else if (!base)
		scope_unknown(front, name, true);
	else if (base->decl.kind == AST_POISONED)
		poison_base(front, &name->loc, raw, base, NULL);
	else if (base->decl.kind != AST_INTERFACE)
		diag_error(front->diag, &name->loc, "'%s' is %s, not an interface", base->decl.name,
			   scope_kind_name(&base->decl));
	else if (!base->complete)
		diag_error(front->diag, &name->loc, "'%s' is not defined before this",
			   base->decl.name);
	else
		return base;
	return NULL;
}

static void check_bases(struct front *front, struct raw_decl *raw)
{
	unsigned mark = next_mark(front);
	struct ast_decl *decl = &raw->decl;
	size_t i, j;

	for (i = 0; i < raw->bases.n; i++) {
		struct raw_decl *base = find_base(front, raw, raw->bases.items[i]);
		bool ok = base != NULL;

		for (j = 0; ok && j < decl->n_bases; j++)
			if (decl->bases[j] == &base->decl) {
				diag_error(front->diag, &((struct name *)raw->bases.items[i])->loc,
					   "'%s' is named twice", base->decl.name);
				ok = false;
			}
		if (!ok)
			continue;
		decl->bases = front_grow(front, decl->bases, decl->n_bases, sizeof(*decl->bases));
		decl->bases[decl->n_bases++] = &base->decl;
		for (j = 0; ok && j < base->decl.n_all_bases; j++)
			ok = add_base(front, raw, base->decl.all_bases[j], mark);
		if (!ok || !add_base(front, raw, &base->decl, mark))
			return;
	}
}

static void add_operation(struct front *front, struct raw_decl *raw, struct ast_decl *operation)
{
	struct ast_decl *decl = &raw->decl;

	if (decl->n_operations == MOST_OPERATIONS)
		diag_error(front->diag, &decl->loc, "'%s' has more than %d operations", decl->name,
			   MOST_OPERATIONS);
	if (decl->n_operations >= MOST_OPERATIONS) {
		front->stopped = true;
		return;
	}
	decl->operations =
		front_grow(front, decl->operations, decl->n_operations, sizeof(*decl->operations));
	decl->operations[decl->n_operations++] = operation;
}

/* One name must not come from two bases; diamonds were collapsed in all_bases. */
static void inherit(struct front *front, struct raw_decl *raw, struct ast_decl *base)
{
	size_t i;

	for (i = 0; i < base->n_items; i++) {
		struct ast_decl *item = base->items[i], *other;

		if ((item->kind != AST_OPERATION && item->kind != AST_ATTRIBUTE) ||
		    raw_of(item)->duplicate)
			continue;
		other = table_get(&front->inherited, raw, item->name);
		if (other) {
			diag_error(front->diag, &raw->decl.loc,
				   "'%s' inherits '%s' from both '%s' and '%s'", raw->decl.name,
				   item->name, other->parent->name, base->name);
			diag_note(front->diag, &item->loc, "'%s' is declared here", item->name);
			continue;
		}
		table_set(front, &front->inherited, raw, item->name, item);
		if (item->kind == AST_OPERATION)
			add_operation(front, raw, item);
	}
}

static bool declare_own(struct front *front, struct raw_decl *raw, struct raw_decl *item)
{
	const struct ast_decl *other = table_get(&front->inherited, raw, item->decl.name);

	if (other) {
		diag_error(front->diag, &item->decl.loc, "'%s' is inherited from '%s' already",
			   item->decl.name, other->parent->name);
		diag_note(front->diag, &other->loc, "'%s' is declared here", other->name);
		item->duplicate = true;
	}
	return scope_declare(front, raw, item) && !other;
}

static void check_raises(struct front *front, struct raw_decl *raw, const struct list *names)
{
	struct ast_decl *decl = &raw->decl;
	size_t i, j;

	for (i = 0; i < names->n; i++) {
		const struct name *name = names->items[i];
		struct raw_decl *found = scope_lookup(front, name, false);

		if (!found && scope_corba(front, name)) {
			poison_meet(front, &name->loc, scope_corba(front, name));
		} else if (!found) {
			scope_unknown(front, name, true);
		} else if (found->decl.kind == AST_POISONED) {
			poison_use(front, &name->loc, found);
		} else if (found->decl.kind != AST_EXCEPTION) {
			diag_error(front->diag, &name->loc, "'%s' is %s, not an exception",
				   found->decl.name, scope_kind_name(&found->decl));
		} else {
			for (j = 0; j < decl->n_raises && decl->raises[j] != &found->decl; j++)
				;
			if (j < decl->n_raises) {
				diag_warning(front->diag, &name->loc, "'%s' is raised twice",
					     found->decl.name);
				continue;
			}
			decl->raises = front_grow(front, decl->raises, decl->n_raises,
						  sizeof(*decl->raises));
			decl->raises[decl->n_raises++] = &found->decl;
			poison_watch(front, &name->loc, found);
		}
	}
}

/* One stream each way, and a result that is one is alone: it ends with the call. */
static void check_stream(struct front *front, struct raw_decl *raw, const struct ast_decl *param,
			 const struct ast_type *type)
{
	const struct ast_loc *loc = param ? &param->loc : &raw->decl.loc;
	bool is_in = param && param->direction == DIR_IN;
	const struct ast_type **stream = is_in ? &raw->decl.stream_in : &raw->decl.stream_out;

	if (param && param->direction == DIR_INOUT)
		diag_error(front->diag, loc, "a stream goes one way: `in` or `out`, not `inout`");
	else if (raw->decl.oneway)
		diag_error(front->diag, loc, "a oneway operation cannot have a stream");
	else if (*stream)
		diag_error(front->diag, loc, "an operation has one stream %s at most",
			   is_in ? "as a parameter" : "as a result");
	*stream = type->actual->elem;
}

static void check_lone_result(struct front *front, struct raw_decl *raw)
{
	bool is_void = raw->decl.type->actual->kind == TYPE_VOID;
	size_t i, n = !is_void;

	for (i = 0; i < raw->decl.n_items; i++)
		n += raw->decl.items[i]->direction != DIR_IN;
	if (raw->decl.stream_out && n > 1)
		diag_error(front->diag, &raw->decl.loc,
			   "an operation whose result is a stream has no other result");
}

static void check_param(struct front *front, struct raw_decl *raw, struct raw_decl *param)
{
	struct raw_type *type = raw_type_of(param->decl.type);
	bool ok = resolve_type(front, type, PLACE_PARAM);

	scope_declare(front, raw, param);
	param->decl.owner = raw->decl.owner;
	if (raw->decl.oneway && param->decl.direction != DIR_IN)
		diag_error(front->diag, &param->decl.loc,
			   "a oneway operation has no answer: '%s' can be `in` only",
			   param->decl.name);
	if (ok && type->type.actual->kind == TYPE_STREAM)
		check_stream(front, raw, &param->decl, &type->type);
	if (ok)
		annotate(front, param);
	scope_add_item(front, raw, param);
}

/* Of a parameter or result, or the items of one that is a stream. */
static bool is_struct(const struct ast_type *type)
{
	type = type->actual->kind == TYPE_STREAM ? type->actual->elem->actual : type->actual;
	return type->kind == TYPE_NAMED && type->decl->kind == AST_STRUCT;
}

/* One struct goes in, or a stream of it, and one comes out: what travels is their messages. */
static void check_message(struct front *front, struct raw_decl *raw)
{
	const struct ast_decl *decl = &raw->decl,
			      *param = decl->n_items > 0 ? decl->items[0] : NULL;

	if (decl->n_items != 1 || param->direction != DIR_IN || !is_struct(param->type) ||
	    param->optional || param->def.kind != VALUE_NONE)
		diag_error(front->diag, &decl->loc,
			   "@message is for operations with one `in` parameter, a struct or a "
			   "stream of it");
	else if (!is_struct(decl->type) || decl->optional)
		diag_error(front->diag, &decl->loc,
			   "@message is for operations whose result is a struct or a stream of it");
}

static void check_operation(struct front *front, struct raw_decl *raw)
{
	struct raw_type *result = raw_type_of(raw->decl.type);
	bool ok = resolve_type(front, result, PLACE_PARAM);
	size_t i;

	if (raw->clause)
		poison_meet(front, &raw->clause_loc, raw->clause);
	if (ok && result->type.actual->kind == TYPE_STREAM && !raw->decl.oneway)
		check_stream(front, raw, NULL, &result->type);
	for (i = 0; i < raw->body.n; i++)
		check_param(front, raw, raw->body.items[i]);
	check_lone_result(front, raw);
	check_raises(front, raw, &raw->raises);
	if (raw->decl.oneway && ok && result->type.kind != TYPE_VOID)
		diag_error(front->diag, &raw->decl.loc,
			   "a oneway operation has no answer: its result is void");
	if (raw->decl.oneway && raw->raises.n > 0)
		diag_error(front->diag, &raw->decl.loc,
			   "a oneway operation has no answer: it cannot raise");
	if (ok)
		annotate(front, raw);
	if (ok && raw->decl.is_message)
		check_message(front, raw);
	ids_operation(front, raw);
}

static void add_own(struct front *front, struct raw_decl *raw, struct raw_decl *operation)
{
	struct raw_decl *outer = front->part;

	operation->decl.owner = &raw->decl;
	declare_own(front, raw, operation);
	front->part = operation;
	check_operation(front, operation);
	front->part = outer;
	scope_add_item(front, raw, operation);
	add_operation(front, raw, &operation->decl);
}

/* get_x or set_x: declared beside the attribute, with its annotations. */
static struct raw_decl *make_accessor(struct front *front, const struct raw_decl *attribute,
				      bool setter)
{
	struct raw_decl *raw = front_alloc(front, sizeof(*raw));
	const struct raw_decl *source = attribute;

	raw->decl.kind = AST_OPERATION;
	raw->decl.loc = source->decl.loc;
	raw->decl.doc = source->decl.doc;
	raw->decl.name = front_printf(front, "%s_%s", setter ? "set" : "get", source->decl.name);
	raw->decl.attribute = (struct ast_decl *)&source->decl;
	raw->decl.is_setter = setter;
	raw->decl.is_getter = !setter;
	raw->decl.idempotent = source->decl.idempotent;
	raw->decl.inline_ = source->decl.inline_;
	raw->decl.timeout_ms = source->decl.timeout_ms;
	raw->decl.deprecated = source->decl.deprecated;
	raw->decl.deprecated_text = source->decl.deprecated_text;
	raw->raises = setter ? source->set_raises : source->raises;
	return raw;
}

static struct raw_type *void_type(struct front *front, const struct ast_loc *loc)
{
	struct raw_type *type = front_alloc(front, sizeof(*type));

	type->type = (struct ast_type){ .kind = TYPE_VOID, .loc = *loc, .actual = &type->type };
	return type;
}

static struct raw_decl *make_value(struct front *front, const struct raw_decl *attribute)
{
	struct raw_decl *value = front_alloc(front, sizeof(*value));

	value->decl.kind = AST_PARAM;
	value->decl.loc = attribute->decl.loc;
	value->decl.name = "value";
	value->decl.direction = DIR_IN;
	value->decl.type = attribute->decl.type;
	value->decl.optional = attribute->decl.optional;
	return value;
}

static void add_accessors(struct front *front, struct raw_decl *raw, struct raw_decl *attribute)
{
	struct raw_decl *getter = make_accessor(front, attribute, false), *setter;

	getter->decl.type = attribute->decl.type;
	getter->decl.optional = attribute->decl.optional;
	add_own(front, raw, getter);
	if (attribute->decl.readonly)
		return;
	setter = make_accessor(front, attribute, true);
	setter->decl.type = &void_type(front, &attribute->decl.loc)->type;
	list_add(front, &setter->body, make_value(front, attribute));
	add_own(front, raw, setter);
}

static void check_attribute(struct front *front, struct raw_decl *raw, struct raw_decl *attribute)
{
	struct raw_type *type = raw_type_of(attribute->decl.type);
	struct raw_decl *outer = front->part;
	bool ok;

	attribute->decl.owner = &raw->decl;
	declare_own(front, raw, attribute);
	scope_add_item(front, raw, attribute);
	front->part = attribute;
	ok = resolve_type(front, type, PLACE_DATA);
	if (ok) {
		check_member_name(front, attribute);
		annotate(front, attribute);
	}
	front->part = outer;
	if (ok)
		add_accessors(front, raw, attribute);
}

void check_interface(struct front *front, struct raw_decl *raw)
{
	struct raw_decl *outer = front->scope;
	size_t i;

	annotate(front, raw);
	check_bases(front, raw);
	for (i = 0; i < raw->decl.n_all_bases; i++)
		inherit(front, raw, raw->decl.all_bases[i]);
	front->scope = raw;
	for (i = 0; i < raw->body.n; i++) {
		struct raw_decl *one = raw->body.items[i];

		if (one->decl.kind == AST_OPERATION)
			add_own(front, raw, one);
		else if (one->decl.kind == AST_ATTRIBUTE)
			check_attribute(front, raw, one);
		else
			check_declaration(front, one);
	}
	front->scope = outer;
	raw->complete = true;
}
