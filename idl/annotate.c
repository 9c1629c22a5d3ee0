/* SPDX-License-Identifier: MIT */
/* Annotations: where each may stand, what it takes, what it sets. */
#include "annotate.h"

#include <string.h>

#include "base/status.h"
#include "constant.h"
#include "diag.h"
#include "reserved.h"

#define ON(kind)  (1u << (kind))
#define ON_CALLS  (ON(AST_OPERATION) | ON(AST_ATTRIBUTE))
#define ON_VALUES (ON(AST_MEMBER) | ON(AST_PARAM))

struct rule {
	const char *name;
	unsigned kinds; /* of declarations it may stand at */
	const char *where;
	unsigned least, most; /* arguments */
	void (*apply)(struct front *front, struct raw_decl *raw,
		      const struct annotation *annotation);
};

static struct expr *first_argument(const struct annotation *annotation)
{
	return annotation->args.n > 0 ? ((struct argument *)annotation->args.items[0])->expr : NULL;
}

static bool evaluate_as(struct front *front, const struct annotation *annotation,
			enum ast_type_kind kind, struct ast_value *ret)
{
	struct ast_type type = { .kind = kind };

	type.actual = &type;
	return constant_evaluate(front, first_argument(annotation), &type, ret);
}

/* @name or @name(TRUE); false for @name(FALSE) or an error. */
static bool flag(struct front *front, const struct annotation *annotation)
{
	struct ast_value value;

	if (annotation->args.n == 0)
		return true;
	return evaluate_as(front, annotation, TYPE_BOOLEAN, &value) && value.i;
}

static void apply_id(struct front *front, struct raw_decl *raw, const struct annotation *annotation)
{
	struct ast_value value;

	if (!evaluate_as(front, annotation, TYPE_INT64, &value))
		return;
	if (value.i < 1 || value.i > LIMIT_FIELD_ID)
		diag_error(front->diag, &annotation->loc, "an id is from 1 to %d", LIMIT_FIELD_ID);
	else if (value.i >= 19000 && value.i <= 19999)
		diag_error(front->diag, &annotation->loc,
			   "ids 19000 to 19999 are reserved by protobuf");
	else
		raw->decl.id = (uint32_t)value.i;
}

static bool in_union(const struct raw_decl *raw)
{
	return raw->decl.parent && raw->decl.parent->kind == AST_UNION;
}

static void apply_optional(struct front *front, struct raw_decl *raw,
			   const struct annotation *annotation)
{
	enum ast_type_kind kind = raw->decl.type->actual->kind;

	if (kind == TYPE_VOID || kind == TYPE_STREAM)
		diag_error(front->diag, &annotation->loc, "a %s cannot be @optional",
			   kind == TYPE_VOID ? "void result" : "stream");
	else if (in_union(raw))
		diag_error(front->diag, &annotation->loc,
			   "a union's member cannot be @optional: the case says if it is there");
	else
		raw->decl.optional = flag(front, annotation);
}

static void apply_default(struct front *front, struct raw_decl *raw,
			  const struct annotation *annotation)
{
	if (raw->decl.kind == AST_PARAM && raw->decl.direction != DIR_IN)
		diag_error(front->diag, &annotation->loc, "@default is for parameters that go in");
	else if (in_union(raw))
		diag_error(front->diag, &annotation->loc,
			   "a union's member cannot have a @default");
	else
		constant_evaluate(front, first_argument(annotation), raw->decl.type,
				  &raw->decl.def);
}

static void apply_idempotent(struct front *front, struct raw_decl *raw,
			     const struct annotation *annotation)
{
	raw->decl.idempotent = flag(front, annotation);
}

static void apply_inline(struct front *front, struct raw_decl *raw,
			 const struct annotation *annotation)
{
	raw->decl.inline_ = flag(front, annotation);
}

static void apply_message(struct front *front, struct raw_decl *raw,
			  const struct annotation *annotation)
{
	raw->decl.is_message = flag(front, annotation);
}

static void apply_oneof(struct front *front, struct raw_decl *raw,
			const struct annotation *annotation)
{
	raw->decl.oneof = flag(front, annotation);
}

static void apply_timeout(struct front *front, struct raw_decl *raw,
			  const struct annotation *annotation)
{
	uint32_t ms;

	if (constant_count(front, first_argument(annotation), INT32_MAX, "a @timeout (ms)", &ms))
		raw->decl.timeout_ms = ms;
}

static void apply_deprecated(struct front *front, struct raw_decl *raw,
			     const struct annotation *annotation)
{
	struct ast_value value;

	raw->decl.deprecated = true;
	if (annotation->args.n > 0 && evaluate_as(front, annotation, TYPE_STRING, &value))
		raw->decl.deprecated_text = value.s;
}

static void apply_status(struct front *front, struct raw_decl *raw,
			 const struct annotation *annotation)
{
	const struct expr *expr = first_argument(annotation);
	const char *name;
	uint16_t i;

	for (i = 1; (name = status_name(i)); i++)
		if (expr->op == EXPR_NAME && expr->name->n_parts == 1 &&
		    strcmp(expr->name->parts[0], name) == 0) {
			raw->decl.status = i;
			return;
		}
	diag_error(front->diag, &expr->loc,
		   "@status takes the name of a status code, such as NOT_FOUND");
}

static bool is_identifier(const char *text)
{
	const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	return *text && !(*text >= '0' && *text <= '9') && strlen(text) <= LIMIT_IDENTIFIER &&
	       text[strspn(text, letters)] == '\0';
}

static void apply_cname(struct front *front, struct raw_decl *raw,
			const struct annotation *annotation)
{
	struct ast_value value;

	if (!evaluate_as(front, annotation, TYPE_STRING, &value))
		return;
	if (!is_identifier(value.s))
		diag_error(front->diag, &annotation->loc, "'%.60s' is not an identifier of C",
			   value.s);
	else if (reserved_word(value.s))
		diag_error(front->diag, &annotation->loc, "'%s' is reserved in C", value.s);
	else
		raw->cname = value.s;
}

static const struct rule rules[] = {
	{ "id", ON_VALUES, "members and parameters", 1, 1, apply_id },
	{ "optional", ON_VALUES | ON_CALLS, "members, parameters, results and attributes", 0, 1,
	  apply_optional },
	{ "default", ON_VALUES, "members and parameters", 1, 1, apply_default },
	{ "idempotent", ON_CALLS, "operations and attributes", 0, 1, apply_idempotent },
	{ "inline", ON_CALLS, "operations and attributes", 0, 1, apply_inline },
	{ "timeout", ON_CALLS, "operations and attributes", 1, 1, apply_timeout },
	{ "status", ON(AST_EXCEPTION), "exceptions", 1, 1, apply_status },
	{ "deprecated", ~0u, "", 0, 1, apply_deprecated },
	{ "oneof", ON(AST_UNION), "unions", 0, 1, apply_oneof },
	{ "message", ON(AST_OPERATION), "operations", 0, 1, apply_message },
	{ "cname", ~0u, "", 1, 1, apply_cname },
};

static void apply_rule(struct front *front, struct raw_decl *raw,
		       const struct annotation *annotation, const struct rule *rule)
{
	if (!(rule->kinds & ON(raw->decl.kind)))
		diag_error(front->diag, &annotation->loc, "@%s is for %s", rule->name, rule->where);
	else if (annotation->args.n < rule->least)
		diag_error(front->diag, &annotation->loc, "@%s needs an argument", rule->name);
	else if (annotation->args.n > rule->most)
		diag_error(front->diag, &annotation->loc, "@%s takes one argument", rule->name);
	else
		rule->apply(front, raw, annotation);
}

static void apply(struct front *front, struct raw_decl *raw, const struct annotation *annotation)
{
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(annotation->name, rules[i].name) == 0) {
			apply_rule(front, raw, annotation, &rules[i]);
			return;
		}
	diag_warning(front->diag, &annotation->loc, "unknown annotation '@%s' is ignored",
		     annotation->name);
}

static void check_twice(struct front *front, const struct raw_decl *raw, size_t i)
{
	const struct annotation *annotation = raw->annotations.items[i];
	size_t j;

	for (j = 0; j < i && j < 64; j++)
		if (strcmp(((struct annotation *)raw->annotations.items[j])->name,
			   annotation->name) == 0) {
			diag_warning(front->diag, &annotation->loc, "@%s is given twice",
				     annotation->name);
			return;
		}
}

void annotate(struct front *front, struct raw_decl *raw)
{
	size_t i;

	for (i = 0; i < raw->annotations.n; i++) {
		check_twice(front, raw, i);
		apply(front, raw, raw->annotations.items[i]);
	}
	if (raw->decl.optional && raw->decl.def.kind != VALUE_NONE) {
		diag_error(front->diag, &raw->decl.loc,
			   "'%s' cannot be @optional and have a @default", raw->decl.name);
		raw->decl.optional = false;
	}
}
