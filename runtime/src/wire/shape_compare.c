/* SPDX-License-Identifier: MIT */
/*
 * The rules by which two versions of an interface understand each other, whichever of them calls.
 * docs/evolution.md has them as a table; a row there and a case here belong together.
 *
 * Types are reached from a queue, each pair once for an operation, so that types may hold
 * themselves and long chains need no stack. Work is bounded by the first shape, whose declarations
 * are looked up in the second by name.
 */
#include "wire/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape_pair {
	const struct shape_decl *a, *b;
};

bool shape_compare_begin(struct shape_compare *compare)
{
	compare->marks = calloc(compare->a->decls.n + 1, sizeof(*compare->marks));
	compare->queue = calloc(compare->a->decls.n + 1, sizeof(*compare->queue));
	compare->mark = 0;
	compare->n_queue = 0;
	if (compare->marks && compare->queue)
		return true;
	shape_compare_end(compare);
	return false;
}

void shape_compare_end(struct shape_compare *compare)
{
	free(compare->marks);
	free(compare->queue);
	compare->marks = NULL;
	compare->queue = NULL;
}

/* ---- telling ---- */

static void tell(struct shape_compare *c, struct shape_difference *difference, const void *origin)
{
	c->has_broken |= difference->breaks;
	difference->origin = origin;
	difference->container = c->container;
	c->tell(difference, c->data);
}

/* Both have it, as a and as b. */
static void tell_pair(struct shape_compare *c, const char *what, const char *a, const char *b,
		      const void *origin)
{
	struct shape_difference difference = { .breaks = true };

	snprintf(difference.text, sizeof(difference.text),
		 c->is_history ? "%s was %s, is %s" : "%s is %s here, %s there", what, a, b);
	tell(c, &difference, origin);
}

/* One of them has it. why: it breaks, because; NULL: it does not. */
static void tell_only(struct shape_compare *c, const char *what, bool is_in_a, const char *why,
		      const void *origin)
{
	struct shape_difference difference = { .breaks = why != NULL };
	const char *where = c->is_history ? is_in_a ? "was removed" : "is new"
			    : is_in_a     ? "is only here"
					  : "is only there";

	snprintf(difference.text, sizeof(difference.text), "%s %s%s%s", what, where,
		 why ? ", " : "", why ? why : "");
	tell(c, &difference, is_in_a ? NULL : origin);
}

/* Nothing more is to be found out. */
static bool is_done(const struct shape_compare *c)
{
	return c->only_breaks && c->has_broken;
}

/* ---- types ---- */

/* Their contents are compared later. Returns false if one of them has none. */
static bool reach(struct shape_compare *c, const char *name)
{
	struct shape_pair pair = { shape_decl(c->a, name), shape_decl(c->b, name) };
	size_t place;

	if (!pair.a || !pair.b)
		return !pair.a && !pair.b;
	place = (size_t)(pair.a - c->a->decls.items);
	if (c->marks[place] == c->mark)
		return true;
	c->marks[place] = c->mark;
	c->queue[c->n_queue++] = pair;
	return true;
}

static bool same_type(struct shape_compare *c, const struct shape_type *a,
		      const struct shape_type *b, unsigned depth)
{
	size_t i;

	if (a->kind != b->kind || a->bound != b->bound || a->of.n != b->of.n ||
	    strcmp(a->name, b->name) != 0 || depth > SHAPE_DEPTH)
		return false;
	for (i = 0; i < a->of.n; i++)
		if (!same_type(c, &a->of.items[i], &b->of.items[i], depth + 1))
			return false;
	return a->name[0] == '\0' || a->kind == SHAPE_INTERFACE || reach(c, a->name);
}

/* ---- lists of fields ---- */

struct list {                  /* what its fields are called */
	const char *what, *of; /* "member", " of example.Point" */
	bool is_fixed;         /* no field may come or go */
};

static const char *call_it(const struct list *list, const struct shape_field *field, char *buf,
			   size_t n)
{
	if (strcmp(field->name, "ret") == 0 && field->id == 1)
		snprintf(buf, n, "the result");
	else
		snprintf(buf, n, "%s '%.60s'%.130s", list->what, field->name, list->of);
	return buf;
}

static void compare_only(struct shape_compare *c, const struct list *list,
			 const struct shape_field *field, bool is_in_a)
{
	char what[240];
	const char *why = list->is_fixed ? "where none may be added or removed"
			  : !(field->flags & (SHAPE_OPTIONAL | SHAPE_DEFAULT))
				  ? "and is neither @optional nor has a @default"
				  : NULL;

	if (why || !c->only_breaks)
		tell_only(c, call_it(list, field, what, sizeof(what)), is_in_a, why, field->origin);
}

static void compare_field(struct shape_compare *c, const struct list *list,
			  const struct shape_field *a, const struct shape_field *b)
{
	static const char *const presence[] = { "required", "@optional or has a @default" };
	bool may_lack = a->flags & (SHAPE_OPTIONAL | SHAPE_DEFAULT);
	bool other_may = b->flags & (SHAPE_OPTIONAL | SHAPE_DEFAULT);
	char what[240], was[150], is[150];

	if (strcmp(a->name, b->name) != 0) {
		snprintf(what, sizeof(what), "number %u%.130s", a->id, list->of);
		snprintf(was, sizeof(was), "%s '%.60s'", list->what, a->name);
		snprintf(is, sizeof(is), "'%.60s'", b->name);
		tell_pair(c, what, was, is, b->origin);
		return;
	}
	call_it(list, a, what, sizeof(what));
	if (!same_type(c, &a->type, &b->type, 0)) {
		shape_type_text(&a->type, was, sizeof(was));
		shape_type_text(&b->type, is, sizeof(is));
		tell_pair(c, what, was, is, b->origin);
	}
	if (may_lack != other_may)
		tell_pair(c, what, presence[may_lack], presence[other_may], b->origin);
	if ((a->flags ^ b->flags) & SHAPE_WHOLE)
		tell_pair(c, what, a->flags & SHAPE_WHOLE ? "the message" : "in a message",
			  b->flags & SHAPE_WHOLE ? "the message" : "in a message", b->origin);
}

static void compare_fields(struct shape_compare *c, const struct list *list,
			   const struct shape_fields *a, const struct shape_fields *b)
{
	const struct shape_field *x = a->items, *y = b->items;
	const struct shape_field *x_end = a->n > 0 ? x + a->n : x;
	const struct shape_field *y_end = b->n > 0 ? y + b->n : y;

	while (!is_done(c) && (x < x_end || y < y_end)) {
		if (y == y_end || (x < x_end && x->id < y->id))
			compare_only(c, list, x++, true);
		else if (x == x_end || y->id < x->id)
			compare_only(c, list, y++, false);
		else
			compare_field(c, list, x++, y++);
	}
}

/* ---- declarations ---- */

/* Enumerators may come and go, labels may not. */
static void compare_numbers(struct shape_compare *c, const struct shape_decl *a,
			    const struct shape_decl *b)
{
	const struct shape_number *x = a->numbers.items, *y = b->numbers.items;
	const struct shape_number *x_end = a->numbers.n > 0 ? x + a->numbers.n : x;
	const struct shape_number *y_end = b->numbers.n > 0 ? y + b->numbers.n : y, *one;
	const char *kind = a->kind == SHAPE_ENUM ? "value" : "case";
	const char *why = a->kind == SHAPE_ENUM ? NULL : "where none may be added or removed";
	char what[240], was[80], is[80];
	bool is_in_a;

	while (!is_done(c) && (x < x_end || y < y_end)) {
		is_in_a = y == y_end || (x < x_end && x->value < y->value);
		if (is_in_a || x == x_end || y->value < x->value) {
			one = is_in_a ? x++ : y++;
			if (!why && c->only_breaks)
				continue;
			snprintf(what, sizeof(what), "'%.60s', %s %lld of %.100s,", one->name, kind,
				 (long long)one->value, a->name);
			tell_only(c, what, is_in_a, why, one->origin);
			continue;
		}
		if (strcmp(x->name, y->name) != 0) {
			snprintf(what, sizeof(what), "%s %lld of %.100s", kind, (long long)x->value,
				 a->name);
			snprintf(was, sizeof(was), "'%.60s'", x->name);
			snprintf(is, sizeof(is), "'%.60s'", y->name);
			tell_pair(c, what, was, is, y->origin);
		}
		x++;
		y++;
	}
}

static const char *kind_of(const struct shape_decl *decl)
{
	if (decl->kind == SHAPE_UNION)
		return decl->is_oneof ? "a union with @oneof" : "a union";
	return decl->kind == SHAPE_ENUM ? "an enum" : "a struct";
}

static void compare_decl(struct shape_compare *c, const struct shape_decl *a,
			 const struct shape_decl *b)
{
	char of[140], what[140], was[80], is[80];
	struct list list = { "member", of, a->kind == SHAPE_UNION };

	c->container = b->origin;
	if (a->kind != b->kind || a->is_oneof != b->is_oneof) {
		snprintf(what, sizeof(what), "%.120s", a->name);
		tell_pair(c, what, kind_of(a), kind_of(b), b->origin);
		return;
	}
	snprintf(of, sizeof(of), " of %.120s", a->name);
	compare_fields(c, &list, &a->fields, &b->fields);
	compare_numbers(c, a, b);
	if (strcmp(a->other, b->other) != 0) {
		snprintf(what, sizeof(what), "the default of %.100s", a->name);
		snprintf(was, sizeof(was), "'%.60s'", a->other);
		snprintf(is, sizeof(is), "'%.60s'", b->other);
		tell_pair(c, what, was, is, b->origin);
	}
}

/* ---- operations ---- */

/* An exception that one end does not know arrives there with its code, text and name. */
static void compare_raises(struct shape_compare *c, const struct shape_names *a,
			   const struct shape_names *b)
{
	size_t i = 0, j = 0;
	char what[160];
	int order;

	while (i < a->n || j < b->n) {
		order = i == a->n ? 1 : j == b->n ? -1 : strcmp(a->items[i], b->items[j]);
		if (order != 0 && !c->only_breaks) {
			snprintf(what, sizeof(what), "exception %.120s",
				 order < 0 ? a->items[i] : b->items[j]);
			tell_only(c, what, order < 0, NULL, NULL);
		} else if (order == 0) {
			(void)reach(c, a->items[i]);
		}
		i += order <= 0;
		j += order >= 0;
	}
}

void shape_compare_operation(struct shape_compare *c, const struct shape_operation *a,
			     const struct shape_operation *b)
{
	static const struct list parameters = { "parameter", "", false };
	static const struct list results = { "result", "", false };
	static const struct list streams = { "stream", "", true };
	size_t i;

	if (c->mark == 0 || !c->tells_once)
		c->mark++;
	c->n_queue = 0;
	c->has_broken = false;
	c->container = b->origin;
	if (a->is_oneway != b->is_oneway)
		tell_pair(c, "the operation", a->is_oneway ? "oneway" : "two-way",
			  b->is_oneway ? "oneway" : "two-way", b->origin);
	compare_fields(c, &parameters, &a->in, &b->in);
	compare_fields(c, &results, &a->out, &b->out);
	compare_fields(c, &streams, &a->streams, &b->streams);
	compare_raises(c, &a->raises, &b->raises);
	for (i = 0; i < c->n_queue && !is_done(c); i++)
		compare_decl(c, c->queue[i].a, c->queue[i].b);
}
