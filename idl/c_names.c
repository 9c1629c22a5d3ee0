/* SPDX-License-Identifier: MIT */
/*
 * Joined C names: scope and name with _ between. What is declared first keeps its name; a later one
 * that meets it, a helper of an interface or a reserved word gets a final _, with a warning; if
 * that is taken too, it is an error and @cname has to decide.
 */
#include "c_names.h"

#include <string.h>

#include "diag.h"
#include "memory.h"
#include "reserved.h"
#include "words.h"

/* All C identifiers that one declaration brings along, for a candidate of its name. */
struct forms {
	const char **names;
	const char **what; /* NULL: the declaration itself */
	size_t n;
};

/* X_type, the table of a type: a variable, so that a type may have the same name. */
static const char table[] = "helper 'type'";

static void add_form(struct front *front, struct forms *forms, const char *name, const char *what)
{
	forms->what = front_grow(front, forms->what, forms->n, sizeof(*forms->what));
	forms->names = front_grow(front, forms->names, forms->n, sizeof(*forms->names));
	forms->what[forms->n] = what;
	forms->names[forms->n++] = name;
}

static const char *suffixed(struct front *front, const char *base, const char *suffix)
{
	return front_printf(front, "%s_%s", base, suffix);
}

static void add_operation_forms(struct front *front, struct forms *forms, const char *interface,
				const char *name, const struct ast_decl *decl, const char *what)
{
	static const char *const plain[] = { "start", "get", "reply", "async", "map", NULL };
	static const char *const streams[] = { "next",  "yield",     "write",     "read", "finish",
					       "reply", "try_yield", "try_write", NULL };
	const char *base = suffixed(front, interface, name);
	const char *const *suffix = decl->stream_in || decl->stream_out ? streams : plain;

	add_form(front, forms, base, what);
	for (; *suffix; suffix++)
		add_form(front, forms, suffixed(front, base, *suffix), what);
}

static void add_interface_forms(struct front *front, struct forms *forms, const char *base,
				struct ast_decl *decl)
{
	static const char *const helpers[] = { "proxy",     "proxy_with",    "proxy_from_fd",
					       "narrow",    "dup",           "with",
					       "batch",     "as_proxy",      "free",
					       "register",  "export",        "methods",
					       "interface", "object",        "object_of",
					       "give",      "register_with", "object_with" };
	size_t i;

	add_form(front, forms, base, NULL);
	for (i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		add_form(front, forms, suffixed(front, base, helpers[i]),
			 front_printf(front, "helper '%s'", helpers[i]));
	for (i = 0; i < decl->n_operations; i++)
		if (decl->operations[i]->owner != decl && decl->operations[i]->c_name)
			add_operation_forms(front, forms, base, decl->operations[i]->c_name,
					    decl->operations[i],
					    front_printf(front, "operation '%s' inherited by",
							 decl->operations[i]->name));
}

static bool is_collection(const struct ast_decl *decl)
{
	const struct ast_type *type = decl->type;

	return type->kind == TYPE_SEQUENCE || type->kind == TYPE_ARRAY || type->kind == TYPE_MAP;
}

static void add_any_forms(struct front *front, struct forms *forms, const char *base)
{
	add_form(front, forms, suffixed(front, base, "to_any"), "helper 'to_any'");
	add_form(front, forms, suffixed(front, base, "from_any"), "helper 'from_any'");
}

/* What every type has that is a struct in C. */
static void add_value_forms(struct front *front, struct forms *forms, const char *base)
{
	add_form(front, forms, base, NULL);
	add_form(front, forms, suffixed(front, base, "type"), table);
	add_form(front, forms, suffixed(front, base, "dup"), "helper 'dup'");
	add_any_forms(front, forms, base);
}

static struct forms forms_of(struct front *front, const char *base, struct ast_decl *decl)
{
	struct forms forms = { .n = 0 };

	switch (decl->kind) {
	case AST_INTERFACE:
		add_interface_forms(front, &forms, base, decl);
		break;
	case AST_EXCEPTION:
		add_value_forms(front, &forms, base);
		add_form(front, &forms, suffixed(front, base, "caught"), "helper 'caught'");
		add_form(front, &forms, suffixed(front, base, "raise_at"), "helper 'raise_at'");
		break;
	case AST_STRUCT:
	case AST_UNION:
		add_value_forms(front, &forms, base);
		break;
	case AST_ENUM:
		add_form(front, &forms, base, NULL);
		add_form(front, &forms, suffixed(front, base, "type"), table);
		add_any_forms(front, &forms, base);
		break;
	case AST_TYPEDEF:
		if (is_collection(decl))
			add_value_forms(front, &forms, base);
		if (decl->type->kind == TYPE_MAP)
			add_form(front, &forms, suffixed(front, base, "entry"), "helper 'entry'");
		break;
	default:
		add_form(front, &forms, base, NULL);
		break;
	}
	return forms;
}

static bool is_tag(const struct ast_decl *decl)
{
	return !decl || decl->kind == AST_STRUCT || decl->kind == AST_EXCEPTION ||
	       decl->kind == AST_UNION || decl->kind == AST_ENUM || decl->kind == AST_TYPEDEF ||
	       decl->kind == AST_INTERFACE;
}

/* Whether one is a table and the other a tag. */
static bool live_together(const struct claim *by, const struct ast_decl *decl, const char *what)
{
	return (what == table && !by->what && is_tag(by->decl)) ||
	       (by->what == table && !what && is_tag(decl));
}

/* Whether generated code has the name for something that a constant or enumerator would meet. */
static bool is_used(struct naming *naming, const struct ast_decl *decl, const char *name)
{
	const struct ast_file *file = decl->loc.file;
	bool is_constant = decl->kind == AST_CONST;

	if (!is_constant && decl->kind != AST_ENUMERATOR)
		return false;
	if (table_get(&naming->parameters, file, name))
		return true;
	if (is_constant && ast_is_macro(decl))
		return word_of_generated_code(name) || table_get(&naming->operations, file, name);
	return word_of_generated_function(name);
}

/* The first form that cannot be had, or NULL. *by is who has it, NULL for a reserved word. */
static const char *find_clash(struct naming *naming, const struct forms *forms,
			      const struct ast_decl *decl, const struct claim **by)
{
	size_t i;

	for (i = 0; i < forms->n; i++) {
		*by = names_taken(naming, forms->names[i]);
		if (*by && live_together(*by, decl, forms->what[i]))
			continue;
		if (*by || reserved_global(forms->names[i]) ||
		    is_used(naming, decl, forms->names[i]))
			return forms->names[i];
	}
	return NULL;
}

static void claim_all(struct naming *naming, const struct forms *forms, struct ast_decl *decl)
{
	size_t i;

	for (i = 0; i < forms->n; i++)
		if (forms->what[i] != table || !names_taken(naming, forms->names[i]))
			names_claim(naming, forms->names[i], decl, &decl->loc, forms->what[i]);
}

static const char *claim_text(struct naming *naming, const struct claim *by)
{
	if (!by)
		return "reserved in C";
	if (!by->decl)
		return "that of a sequence or map without a typedef";
	return front_printf(naming->front, "that of %s%s'%s'", by->what ? by->what : "",
			    by->what ? (strstr(by->what, "inherited") ? " " : " of ") : "",
			    by->decl->wire_name ? by->decl->wire_name : by->decl->name);
}

static void tell_where(struct naming *naming, const struct claim *by)
{
	if (by)
		diag_note(naming->front->diag, &by->loc, "it is taken here");
}

static void report_clash(struct naming *naming, const struct ast_decl *decl, const char *clash,
			 const struct claim *by)
{
	diag_error(naming->front->diag, &decl->loc, "the C name '%s' of '%s' is %s", clash,
		   decl->name, claim_text(naming, by));
	diag_suggest(naming->front->diag, "give it another one with @cname(\"name\")");
	tell_where(naming, by);
}

static void report_mended(struct naming *naming, const struct ast_decl *decl, const char *clash,
			  const struct claim *by, const char *mended)
{
	if (!front_in_main(&decl->loc))
		return;
	diag_warning(naming->front->diag, &decl->loc,
		     "the C name '%s' of '%s' is %s: it becomes '%s'", clash, decl->name,
		     claim_text(naming, by), mended);
	tell_where(naming, by);
}

static const char *scoped(struct front *front, const struct ast_decl *parent, const char *name)
{
	if (parent && parent->kind == AST_ENUM)
		parent = parent->parent; /* enumerators stand beside their enum */
	return parent && parent->c_name && *parent->c_name
		       ? front_printf(front, "%s_%s", parent->c_name, name)
		       : name;
}

/* May this one take a _ because of that one? Only if its own file always sees that one. */
static bool may_mend(struct naming *naming, const struct raw_decl *raw, const struct claim *by)
{
	return !raw->cname && (!by || names_sees(naming, raw->decl.loc.file, by->file));
}

static void choose(struct naming *naming, struct raw_decl *raw)
{
	struct front *front = naming->front;
	struct ast_decl *decl = &raw->decl;
	const char *base = scoped(front, decl->parent, raw->cname ? raw->cname : decl->name);
	struct forms forms = forms_of(front, base, decl);
	const struct claim *by, *again;
	const char *clash = find_clash(naming, &forms, decl, &by);

	decl->c_name = base;
	if (clash && may_mend(naming, raw, by)) {
		decl->c_name = front_printf(front, "%s_", base);
		forms = forms_of(front, decl->c_name, decl);
		if (!find_clash(naming, &forms, decl, &again)) {
			report_mended(naming, decl, clash, by, decl->c_name);
			clash = NULL;
		}
	}
	if (clash)
		report_clash(naming, decl, clash, by);
	else
		claim_all(naming, &forms, decl);
}

static bool claim_raise(struct naming *naming, struct ast_decl *decl, const char *name)
{
	if (names_taken(naming, name))
		return false;
	names_claim(naming, name, decl, &decl->loc, "a helper");
	return true;
}

static const char *bare_name(const struct ast_decl *decl)
{
	const struct raw_decl *raw = (const struct raw_decl *)decl;

	return raw->cname ? raw->cname : decl->name;
}

/* I_raise_E, or I_raise_scope_E where I raises two of that name; likewise I_as_B. */
static const char *choose_helper(struct naming *naming, struct ast_decl *decl, const char *verb,
				 const struct ast_decl *about)
{
	struct front *front = naming->front;
	const char *name = front_printf(front, "%s_%s_%s", decl->c_name, verb, bare_name(about));

	if (claim_raise(naming, decl, name))
		return name;
	name = front_printf(front, "%s_%s_%s", decl->c_name, verb,
			    about->c_name ? about->c_name : about->name);
	if (!claim_raise(naming, decl, name) && front_in_main(&decl->loc)) {
		diag_error(front->diag, &decl->loc, "the C name '%s' that '%s' needs is %s", name,
			   decl->name, claim_text(naming, names_taken(naming, name)));
		diag_suggest(front->diag, "give '%s' another one with @cname(\"name\")",
			     about->name);
	}
	return name;
}

static void add_raised(struct naming *naming, struct ast_decl *decl, struct ast_decl *exception)
{
	struct front *front = naming->front;
	size_t i;

	for (i = 0; i < decl->n_raised; i++)
		if (decl->raised[i] == exception)
			return;
	decl->raised = front_grow(front, decl->raised, decl->n_raised, sizeof(*decl->raised));
	decl->raise_names =
		front_grow(front, decl->raise_names, decl->n_raised, sizeof(*decl->raise_names));
	decl->raise_names[decl->n_raised] = choose_helper(naming, decl, "raise", exception);
	decl->raised[decl->n_raised++] = exception;
}

/* After all declarations of a file have their names: helpers named after others. */
static void choose_helpers(struct naming *naming, struct ast_decl *decl)
{
	size_t i, j;

	decl->as_names =
		front_alloc(naming->front, (decl->n_all_bases + 1) * sizeof(*decl->as_names));
	for (i = 0; i < decl->n_all_bases; i++)
		decl->as_names[i] = choose_helper(naming, decl, "as", decl->all_bases[i]);
	for (i = 0; i < decl->n_operations; i++)
		for (j = 0; j < decl->operations[i]->n_raises; j++)
			add_raised(naming, decl, decl->operations[i]->raises[j]);
}

/* An operation's name is chosen bare (it is a member of the methods table too). */
static void choose_operation(struct naming *naming, struct raw_decl *raw)
{
	struct front *front = naming->front;
	struct ast_decl *decl = &raw->decl;
	const char *interface = decl->owner->c_name, *name = bare_name(decl), *clash;
	struct forms forms = { .n = 0 };
	const struct claim *by = NULL, *again;

	decl->c_name = name;
	add_operation_forms(front, &forms, interface, name, decl, NULL);
	by = names_macro(naming, decl->loc.file, name);
	clash = by || reserved_bare(name) ? name : find_clash(naming, &forms, decl, &by);
	if (clash && may_mend(naming, raw, by)) {
		decl->c_name = front_printf(front, "%s_", name);
		forms.n = 0;
		add_operation_forms(front, &forms, interface, decl->c_name, decl, NULL);
		if (!find_clash(naming, &forms, decl, &again)) {
			report_mended(naming, decl, clash, by, decl->c_name);
			clash = NULL;
		}
	}
	if (clash)
		report_clash(naming, decl, clash, by);
	else
		claim_all(naming, &forms, decl);
	table_set(front, &naming->operations, decl->loc.file, decl->c_name, decl);
}

void c_names_declaration(struct naming *naming, struct raw_decl *raw)
{
	struct ast_decl *decl = &raw->decl;

	if (raw->duplicate) { /* reported already; only what is inside needs a name to join */
		decl->c_name = scoped(naming->front, decl->parent, bare_name(decl));
		return;
	}
	switch (decl->kind) {
	case AST_MODULE:
	case AST_POISONED:
		decl->c_name = scoped(naming->front, decl->parent, bare_name(decl));
		break;
	case AST_INTERFACE:
	case AST_STRUCT:
	case AST_EXCEPTION:
	case AST_UNION:
	case AST_ENUM:
	case AST_ENUMERATOR:
	case AST_TYPEDEF:
	case AST_CONST:
		choose(naming, raw);
		break;
	case AST_OPERATION:
		choose_operation(naming, raw);
		break;
	default:
		break; /* members and parameters: members.c */
	}
}

void c_names_helpers(struct naming *naming, struct raw_decl *raw)
{
	if (raw->decl.kind == AST_INTERFACE && !raw->decl.is_forward && !raw->duplicate)
		choose_helpers(naming, &raw->decl);
}
