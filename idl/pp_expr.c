/* SPDX-License-Identifier: MIT */
/* The expressions of #if and #elif: 64-bit integers, C's operators, names are 0. */
#include "pp_expr.h"

#include <string.h>

#include "diag.h"
#include "literal.h"
#include "parser.h"

struct reader {
	struct front *front;
	const struct token *at, *end;
	struct ast_loc loc; /* of the directive */
	int depth;
	bool failed;
	bool unused; /* the value does not matter: behind 0 && or 1 || */
};

static int64_t read_binary(struct reader *reader, int least);

static int64_t fail(struct reader *reader, const char *text)
{
	if (!reader->failed)
		diag_error(reader->front->diag,
			   reader->at < reader->end ? &reader->at->loc : &reader->loc, "%s", text);
	reader->failed = true;
	reader->at = reader->end;
	return 0;
}

static int64_t read_primary(struct reader *reader)
{
	struct ast_value value = { 0 };
	int64_t inner;

	if (reader->at == reader->end)
		return fail(reader, "#if needs a value here");
	if (reader->at->kind == TOK_IDENT) {
		reader->at++;
		return 0;
	}
	if (reader->at->kind == TOK_INTEGER) {
		if (!literal_integer(reader->front, reader->at, &value))
			reader->failed = true;
		reader->at++;
		return value.kind == VALUE_UINT ? (int64_t)value.u : value.i;
	}
	if (reader->at->kind != '(')
		return fail(reader, "#if knows integers, names, defined() and operators only");
	reader->at++;
	inner = read_binary(reader, 1);
	if (reader->at == reader->end || reader->at->kind != ')')
		return fail(reader, "')' is missing in #if");
	reader->at++;
	return inner;
}

static int64_t read_unary(struct reader *reader)
{
	int kind = reader->at < reader->end ? reader->at->kind : 0;
	int64_t value;

	if (++reader->depth > LIMIT_NESTING)
		return fail(reader, "#if is nested too deep");
	if (kind == '!' || kind == '-' || kind == '+' || kind == '~') {
		reader->at++;
		value = read_unary(reader);
	} else {
		value = read_primary(reader);
	}
	reader->depth--;
	if (kind == '!')
		return !value;
	if (kind == '-')
		return (int64_t)(0 - (uint64_t)value);
	return kind == '~' ? ~value : value;
}

static int precedence(int kind)
{
	switch (kind) {
	case TOK_OR_OR:
		return 1;
	case TOK_AND_AND:
		return 2;
	case '|':
		return 3;
	case '^':
		return 4;
	case '&':
		return 5;
	case TOK_EQUAL:
	case TOK_UNEQUAL:
		return 6;
	case '<':
	case '>':
	case TOK_LESS_EQUAL:
	case TOK_GREATER_EQUAL:
		return 7;
	case TOK_SHL:
	case TOK_SHR:
		return 8;
	case '+':
	case '-':
		return 9;
	case '*':
	case '/':
	case '%':
		return 10;
	default:
		return 0;
	}
}

static int64_t divide(struct reader *reader, int kind, int64_t left, int64_t right)
{
	if (right == 0)
		return reader->unused ? 0 : fail(reader, "division by zero in #if");
	if (right == -1)
		return kind == '/' ? (int64_t)(0 - (uint64_t)left) : 0;
	return kind == '/' ? left / right : left % right;
}

static int64_t arithmetic(struct reader *reader, int kind, int64_t left, int64_t right)
{
	switch (kind) {
	case '|':
		return left | right;
	case '^':
		return left ^ right;
	case '&':
		return left & right;
	case TOK_SHL:
		return right < 0 || right > 63 ? 0 : (int64_t)((uint64_t)left << right);
	case TOK_SHR:
		return right < 0 || right > 63 ? 0 : left >> right;
	case '+':
		return (int64_t)((uint64_t)left + (uint64_t)right);
	case '-':
		return (int64_t)((uint64_t)left - (uint64_t)right);
	case '*':
		return (int64_t)((uint64_t)left * (uint64_t)right);
	default:
		return divide(reader, kind, left, right);
	}
}

static int64_t combine(struct reader *reader, int kind, int64_t left, int64_t right)
{
	switch (kind) {
	case TOK_OR_OR:
		return left || right;
	case TOK_AND_AND:
		return left && right;
	case TOK_EQUAL:
		return left == right;
	case TOK_UNEQUAL:
		return left != right;
	case '<':
		return left < right;
	case '>':
		return left > right;
	case TOK_LESS_EQUAL:
		return left <= right;
	case TOK_GREATER_EQUAL:
		return left >= right;
	default:
		return arithmetic(reader, kind, left, right);
	}
}

static int64_t read_binary(struct reader *reader, int least)
{
	int64_t left = read_unary(reader), right;
	bool unused = reader->unused;
	int kind, level;

	while (reader->at < reader->end) {
		kind = reader->at->kind;
		level = precedence(kind);
		if (level == 0 || level < least)
			break;
		reader->at++;
		reader->unused =
			unused || (kind == TOK_AND_AND && !left) || (kind == TOK_OR_OR && left);
		right = read_binary(reader, level + 1);
		left = combine(reader, kind, left, right);
		reader->unused = unused;
	}
	return left;
}

bool pp_evaluate(struct front *front, const struct token *tokens, size_t n,
		 const struct ast_loc *loc)
{
	struct reader reader = { .front = front, .at = tokens, .loc = *loc };
	int64_t value;

	if (n > 0) {
		reader.end = tokens + n;
	} else {
		diag_error(front->diag, loc, "#if without a condition");
		return false;
	}
	value = read_binary(&reader, 1);
	if (!reader.failed && reader.at != reader.end)
		fail(&reader, "#if ends before this");
	return !reader.failed && value != 0;
}
