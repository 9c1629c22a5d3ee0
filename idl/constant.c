/* SPDX-License-Identifier: MIT */
/*
 * Constant expressions. Integers are computed exactly in 128 bits and must stay within 64 at every
 * step, signed or unsigned; integers mixed with floats become double.
 */
#include "constant.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "diag.h"
#include "memory.h"
#include "poison.h"
#include "scalar.h"
#include "scope.h"

__extension__ typedef __int128 wide;

struct number {
	enum ast_value_kind kind; /* VALUE_INT holds every integer */
	wide i;
	double f;
	const char *s;
	struct ast_decl *enumerator;
};

struct range {
	wide least, most;
};

static struct range range_of(enum ast_type_kind kind)
{
	switch (kind) {
	case TYPE_OCTET:
	case TYPE_UINT8:
		return (struct range){ 0, UINT8_MAX };
	case TYPE_INT8:
		return (struct range){ INT8_MIN, INT8_MAX };
	case TYPE_INT16:
		return (struct range){ INT16_MIN, INT16_MAX };
	case TYPE_UINT16:
		return (struct range){ 0, UINT16_MAX };
	case TYPE_INT32:
		return (struct range){ INT32_MIN, INT32_MAX };
	case TYPE_UINT32:
		return (struct range){ 0, UINT32_MAX };
	case TYPE_INT64:
		return (struct range){ INT64_MIN, INT64_MAX };
	default:
		return (struct range){ 0, UINT64_MAX };
	}
}

static const char *kind_name(enum ast_value_kind kind)
{
	static const char *const names[] = {
		"nothing", "a boolean", "an integer",  "an integer",
		"a float", "a string",  "a character", "an enumerator"
	};

	return names[kind];
}

static bool fail(struct front *front, struct expr *expr, const char *text)
{
	if (!expr->bad)
		diag_error(front->diag, &expr->loc, "%s", text);
	expr->bad = true;
	return false;
}

static struct number from_value(const struct ast_value *value)
{
	struct number number = { .kind = value->kind,
				 .i = value->i,
				 .f = value->f,
				 .s = value->s,
				 .enumerator = value->enumerator };

	if (value->kind == VALUE_UINT) {
		number.kind = VALUE_INT;
		number.i = value->u;
	}
	return number;
}

/* Labels and defaults may name an enumerator of their own enum wherever that is declared. */
static struct raw_decl *find_constant(struct front *front, struct expr *expr,
				      const struct ast_type *type)
{
	struct raw_decl *found = NULL;

	if (type->kind == TYPE_NAMED && type->decl->kind == AST_ENUM && expr->name->n_parts == 1)
		found = scope_own(front, raw_of(type->decl), expr->name->parts[0]);
	return found ? found : scope_lookup(front, expr->name, false);
}

static bool name_value(struct front *front, struct expr *expr, const struct ast_type *type,
		       struct number *ret)
{
	struct raw_decl *found = find_constant(front, expr, type);

	if (!found && scope_corba(front, expr->name)) {
		poison_meet(front, &expr->loc, scope_corba(front, expr->name));
		return false;
	}
	if (!found) {
		scope_unknown(front, expr->name, false);
		expr->bad = true;
		return false;
	}
	if (found->decl.kind == AST_POISONED) {
		poison_use(front, &expr->loc, found);
		return false;
	}
	if (found->decl.kind == AST_ENUMERATOR) {
		*ret = (struct number){ .kind = VALUE_ENUM, .enumerator = &found->decl };
		return true;
	}
	if (found->decl.kind != AST_CONST) {
		diag_error(front->diag, &expr->loc, "'%s' is %s, not a constant", found->decl.name,
			   scope_kind_name(&found->decl));
		expr->bad = true;
		return false;
	}
	*ret = from_value(&found->decl.value);
	return ret->kind != VALUE_NONE;
}

static bool in_64_bits(wide value)
{
	return value >= INT64_MIN && value <= (wide)UINT64_MAX;
}

static bool divide(struct front *front, struct expr *expr, wide left, wide right, wide *ret)
{
	if (right == 0)
		return fail(front, expr, "division by zero");
	*ret = expr->op == EXPR_DIV ? left / right : left % right;
	return true;
}

static bool shift(struct front *front, struct expr *expr, wide left, wide right, wide *ret)
{
	if (right < 0 || right > 63)
		return fail(front, expr, "a shift is by 0 to 63 bits");
	if (left < 0)
		return fail(front, expr, "a negative number cannot be shifted");
	*ret = expr->op == EXPR_SHL ? left << right : left >> right;
	return true;
}

static bool combine_integers(struct front *front, struct expr *expr, wide left, wide right,
			     wide *ret)
{
	bool overflow = false;

	switch (expr->op) {
	case EXPR_OR:
		*ret = left | right;
		break;
	case EXPR_XOR:
		*ret = left ^ right;
		break;
	case EXPR_AND:
		*ret = left & right;
		break;
	case EXPR_SHL:
	case EXPR_SHR:
		if (!shift(front, expr, left, right, ret))
			return false;
		break;
	case EXPR_ADD:
		*ret = left + right;
		break;
	case EXPR_SUB:
		*ret = left - right;
		break;
	case EXPR_MUL:
		overflow = __builtin_mul_overflow(left, right, ret);
		break;
	default:
		if (!divide(front, expr, left, right, ret))
			return false;
		break;
	}
	if (overflow || !in_64_bits(*ret))
		return fail(front, expr, "the result does not fit into 64 bits");
	return true;
}

static bool combine_floats(struct front *front, struct expr *expr, double left, double right,
			   double *ret)
{
	switch (expr->op) {
	case EXPR_ADD:
		*ret = left + right;
		break;
	case EXPR_SUB:
		*ret = left - right;
		break;
	case EXPR_MUL:
		*ret = left * right;
		break;
	case EXPR_DIV:
		if (right == 0)
			return fail(front, expr, "division by zero");
		*ret = left / right;
		break;
	default:
		return fail(front, expr, "this operator needs integers");
	}
	if (isinf(*ret) || isnan(*ret))
		return fail(front, expr, "the result is too large for a double");
	return true;
}

static bool is_number(const struct number *number)
{
	return number->kind == VALUE_INT || number->kind == VALUE_FLOAT;
}

static double as_float(const struct number *number)
{
	return number->kind == VALUE_FLOAT ? number->f : (double)number->i;
}

static bool evaluate(struct front *front, struct expr *expr, const struct ast_type *type,
		     struct number *ret);

static bool evaluate_binary(struct front *front, struct expr *expr, const struct ast_type *type,
			    struct number *ret)
{
	struct number left, right;

	if (!evaluate(front, expr->left, type, &left) ||
	    !evaluate(front, expr->right, type, &right))
		return false;
	if (!is_number(&left) || !is_number(&right))
		return fail(front, expr, "this operator needs numbers");
	if (left.kind == VALUE_INT && right.kind == VALUE_INT) {
		*ret = (struct number){ .kind = VALUE_INT };
		return combine_integers(front, expr, left.i, right.i, &ret->i);
	}
	*ret = (struct number){ .kind = VALUE_FLOAT };
	return combine_floats(front, expr, as_float(&left), as_float(&right), &ret->f);
}

/* ~x in an unsigned type turns over the bits of that type, else those of a signed number. */
static wide invert(wide value, const struct ast_type *type)
{
	bool is_unsigned = type->kind == TYPE_OCTET || type->kind == TYPE_UINT8 ||
			   type->kind == TYPE_UINT16 || type->kind == TYPE_UINT32 ||
			   type->kind == TYPE_UINT64;

	return is_unsigned && value >= 0 ? range_of(type->kind).most - value : -value - 1;
}

static bool evaluate_unary(struct front *front, struct expr *expr, const struct ast_type *type,
			   struct number *ret)
{
	if (!evaluate(front, expr->left, type, ret))
		return false;
	if (!is_number(ret) || (expr->op == EXPR_INVERT && ret->kind != VALUE_INT))
		return fail(front, expr, "this operator needs a number");
	if (expr->op == EXPR_PLUS)
		return true;
	if (expr->op == EXPR_INVERT)
		ret->i = invert(ret->i, type);
	else
		ret->i = -ret->i;
	ret->f = -ret->f;
	if (!in_64_bits(ret->i))
		return fail(front, expr, "the result does not fit into 64 bits");
	return true;
}

/* Recursion is bounded: the parser cuts expressions at LIMIT_EXPR_DEPTH. */
static bool evaluate(struct front *front, struct expr *expr, const struct ast_type *type,
		     struct number *ret)
{
	if (expr->bad)
		return false;
	if (expr->fixed) {
		poison_meet(front, &expr->loc, "a fixed-point number");
		return false;
	}
	switch (expr->op) {
	case EXPR_VALUE:
		*ret = from_value(&expr->value);
		return true;
	case EXPR_NAME:
		return name_value(front, expr, type, ret);
	case EXPR_NEGATE:
	case EXPR_PLUS:
	case EXPR_INVERT:
		return evaluate_unary(front, expr, type, ret);
	default:
		return evaluate_binary(front, expr, type, ret);
	}
}

static bool wrong_kind(struct front *front, struct expr *expr, const struct number *number,
		       const struct ast_type *type)
{
	diag_error(front->diag, &expr->loc, "%s cannot be a value of '%s'", kind_name(number->kind),
		   scalar_name(type));
	if (number->kind == VALUE_INT && type->kind == TYPE_BOOLEAN)
		diag_suggest(front->diag, "write TRUE or FALSE");
	return false;
}

static const char *wide_text(struct front *front, wide value)
{
	return value < 0 ? front_printf(front, "%lld", (long long)value)
			 : front_printf(front, "%llu", (unsigned long long)value);
}

static bool to_integer(struct front *front, struct expr *expr, const struct number *number,
		       const struct ast_type *type, struct ast_value *ret)
{
	struct range range = range_of(type->kind);

	if (number->kind != VALUE_INT)
		return wrong_kind(front, expr, number, type);
	if (number->i < range.least || number->i > range.most) {
		diag_error(front->diag, &expr->loc, "%s is out of range of '%s' (%s to %s)",
			   wide_text(front, number->i), scalar_name(type),
			   wide_text(front, range.least), wide_text(front, range.most));
		return false;
	}
	if (number->i > INT64_MAX)
		*ret = (struct ast_value){ .kind = VALUE_UINT, .u = (uint64_t)number->i };
	else
		*ret = (struct ast_value){ .kind = VALUE_INT, .i = (int64_t)number->i };
	return true;
}

static bool to_float(struct front *front, struct expr *expr, const struct number *number,
		     const struct ast_type *type, struct ast_value *ret)
{
	if (!is_number(number))
		return wrong_kind(front, expr, number, type);
	*ret = (struct ast_value){ .kind = VALUE_FLOAT, .f = as_float(number) };
	if (type->kind == TYPE_FLOAT && fabs(ret->f) > (double)FLT_MAX)
		return fail(front, expr, "the number is too large for a float");
	return true;
}

static bool to_string(struct front *front, struct expr *expr, const struct number *number,
		      const struct ast_type *type, struct ast_value *ret)
{
	if (number->kind != VALUE_STRING)
		return wrong_kind(front, expr, number, type);
	if (type->bound > 0 && strlen(number->s) > type->bound) {
		diag_error(front->diag, &expr->loc, "the string has %zu bytes, the type takes %u",
			   strlen(number->s), (unsigned)type->bound);
		return false;
	}
	*ret = (struct ast_value){ .kind = VALUE_STRING, .s = number->s };
	return true;
}

static bool to_char(struct front *front, struct expr *expr, const struct number *number,
		    const struct ast_type *type, struct ast_value *ret)
{
	if (number->kind != VALUE_CHAR)
		return wrong_kind(front, expr, number, type);
	if (type->kind == TYPE_CHAR && number->i > 255)
		return fail(front, expr, "the character is not in Latin-1: use wchar");
	*ret = (struct ast_value){ .kind = VALUE_CHAR, .i = (int64_t)number->i };
	return true;
}

static bool to_enum(struct front *front, struct expr *expr, const struct number *number,
		    const struct ast_type *type, struct ast_value *ret)
{
	if (type->decl->kind != AST_ENUM)
		return fail(front, expr, "a value of this type cannot be written");
	if (number->kind != VALUE_ENUM)
		return wrong_kind(front, expr, number, type);
	if (number->enumerator->parent != type->decl) {
		diag_error(front->diag, &expr->loc, "'%s' is not an enumerator of '%s'",
			   number->enumerator->name, type->decl->name);
		return false;
	}
	*ret = (struct ast_value){ .kind = VALUE_ENUM, .enumerator = number->enumerator };
	ret->i = number->enumerator->value.i;
	return true;
}

bool constant_evaluate(struct front *front, struct expr *expr, const struct ast_type *type,
		       struct ast_value *ret)
{
	struct number number;

	type = type->actual;
	if (!evaluate(front, expr, type, &number))
		return false;
	switch (type->kind) {
	case TYPE_BOOLEAN:
		if (number.kind != VALUE_BOOL)
			return wrong_kind(front, expr, &number, type);
		*ret = (struct ast_value){ .kind = VALUE_BOOL, .i = (int64_t)number.i };
		return true;
	case TYPE_CHAR:
	case TYPE_WCHAR:
		return to_char(front, expr, &number, type, ret);
	case TYPE_FLOAT:
	case TYPE_DOUBLE:
		return to_float(front, expr, &number, type, ret);
	case TYPE_STRING:
		return to_string(front, expr, &number, type, ret);
	case TYPE_NAMED:
		return to_enum(front, expr, &number, type, ret);
	default:
		if (scalar_is_integer(type))
			return to_integer(front, expr, &number, type, ret);
		return fail(front, expr, "a value of this type cannot be written");
	}
}

bool constant_count(struct front *front, struct expr *expr, uint32_t most, const char *what,
		    uint32_t *ret)
{
	struct ast_type type = { .kind = TYPE_INT64 };
	struct number number;

	type.actual = &type;
	if (!evaluate(front, expr, &type, &number))
		return false;
	if (number.kind != VALUE_INT) {
		diag_error(front->diag, &expr->loc, "%s is an integer, not %s", what,
			   kind_name(number.kind));
		return false;
	}
	if (number.i < 1 || number.i > most) {
		diag_error(front->diag, &expr->loc, "%s is from 1 to %u, not %s", what,
			   (unsigned)most, wide_text(front, number.i));
		return false;
	}
	*ret = (uint32_t)number.i;
	return true;
}
