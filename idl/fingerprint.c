/* SPDX-License-Identifier: MIT */
/*
 * Signatures for readers and fingerprints for machines. A fingerprint is FNV-1a 64 over a canonical
 * text: names, ids and types of an operation, then the contents of every type it reaches, each
 * once, in the order first met. What the wire cannot tell does not enter: C names, comments,
 * constants, defaults, typedefs, the dimensions of an array of so many, whether an octet is called
 * uint8, the order of labels, and that of in parameters among out ones. So an interface that was
 * told as its tables, and printed as IDL, has the fingerprint it had
 * (runtime/src/value/idl_print.c).
 */
#include "fingerprint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "memory.h"
#include "raw.h"
#include "scalar.h"

enum { MOST_VISITS = 10000000 }; /* of types by operations: a bound on the time it takes */

struct digest {
	struct front *front;
	uint64_t hash;
	struct ast_decl **queue; /* still to be expanded; room for every declaration */
	size_t n_queue;
	unsigned mark;
	size_t n_visits;
};

static void put(struct digest *digest, const char *text)
{
	for (; *text; text++)
		digest->hash = (digest->hash ^ (unsigned char)*text) * 1099511628211u;
	digest->hash = (digest->hash ^ ' ') * 1099511628211u;
}

static void put_number(struct digest *digest, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	put(digest, text);
}

enum wording { FOR_PEOPLE, FOR_MACHINES };

static const char *type_text(struct front *front, const struct ast_type *type,
			     enum wording wording);

/* "long[2][3]", of "long". */
static const char *dims_text(struct front *front, const struct ast_type *type, const char *text)
{
	size_t room = strlen(text) + 12 * type->n_dims + 1, n, i;
	char *ret = front_alloc(front, room);

	n = (size_t)snprintf(ret, room, "%s", text);
	for (i = 0; i < type->n_dims; i++)
		n += (size_t)snprintf(ret + n, room - n, "[%u]", (unsigned)type->dims[i]);
	return ret;
}

static const char *array_text(struct front *front, const struct ast_type *type,
			      enum wording wording, const char *text)
{
	uint64_t count = 1;
	size_t i;

	if (wording == FOR_PEOPLE)
		return dims_text(front, type, text);
	for (i = 0; i < type->n_dims; i++)
		count *= type->dims[i];
	return front_printf(front, "%s[%" PRIu64 "]", text, count);
}

static const char *collection_text(struct front *front, const struct ast_type *type,
				   enum wording wording)
{
	const char *text = type_text(front, type->elem, wording);

	if (type->kind == TYPE_ARRAY)
		return array_text(front, type, wording, text);
	if (type->kind == TYPE_MAP)
		text = front_printf(front, "map<%s, %s", type_text(front, type->key, wording),
				    text);
	else
		text = front_printf(front, "%s<%s",
				    type->kind == TYPE_STREAM ? "stream" : "sequence", text);
	return type->bound > 0 ? front_printf(front, "%s, %u>", text, (unsigned)type->bound)
			       : front_printf(front, "%s>", text);
}

/* Nesting is bounded by the parser's limit, typedefs of typedefs by one step through actual. */
static const char *type_text(struct front *front, const struct ast_type *type, enum wording wording)
{
	type = type->actual;
	switch (type->kind) {
	case TYPE_NAMED:
		return type->decl->wire_name;
	case TYPE_SEQUENCE:
	case TYPE_MAP:
	case TYPE_ARRAY:
	case TYPE_STREAM:
		return collection_text(front, type, wording);
	case TYPE_STRING:
	case TYPE_BYTES:
		return type->bound > 0 ? front_printf(front, "%s<%u>", scalar_name(type),
						      (unsigned)type->bound)
				       : scalar_name(type);
	case TYPE_OCTET:
		return wording == FOR_PEOPLE ? scalar_name(type) : "uint8";
	default:
		return scalar_name(type);
	}
}

static void reach_decl(struct digest *digest, struct ast_decl *decl)
{
	struct raw_decl *raw = raw_of(decl);

	if (raw->mark == digest->mark || decl->kind == AST_INTERFACE)
		return;
	raw->mark = digest->mark;
	digest->queue[digest->n_queue++] = decl;
}

static void put_type(struct digest *digest, const struct ast_type *type)
{
	struct raw_type *raw = raw_type_of(type->actual);

	if (!raw->text)
		raw->text = type_text(digest->front, type, FOR_MACHINES);
	put(digest, raw->text);
	for (type = type->actual; type; type = type->elem ? type->elem->actual : NULL)
		if (type->kind == TYPE_NAMED)
			reach_decl(digest, type->decl);
}

static void put_field(struct digest *digest, const struct ast_decl *decl)
{
	put_number(digest, decl->id);
	put_number(digest, decl->out_id);
	put_number(digest, (uint64_t)decl->direction);
	put(digest, decl->wire_name ? decl->wire_name : decl->name);
	put_type(digest, decl->type);
	put(digest, decl->optional ? "optional" : "");
	if (decl->def.kind != VALUE_NONE) /* then its absence means another thing */
		put(digest, "default");
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorted once, however many operations reach them. */
static const int64_t *sort_labels(struct digest *digest, struct raw_decl *member)
{
	size_t n = member->decl.n_labels, i;
	int64_t *labels = front_alloc(digest->front, n * sizeof(*labels));

	for (i = 0; i < n; i++)
		labels[i] = member->decl.labels[i].i;
	qsort(labels, n, sizeof(*labels), by_number);
	member->sorted_labels = labels;
	return labels;
}

static void put_labels(struct digest *digest, struct ast_decl *member)
{
	const int64_t *labels = raw_of(member)->sorted_labels;
	size_t i;

	put(digest, member->is_default ? "default" : "");
	if (!labels && member->n_labels > 0)
		labels = sort_labels(digest, raw_of(member));
	for (i = 0; i < member->n_labels; i++)
		put_number(digest, (uint64_t)labels[i]);
	digest->n_visits += member->n_labels;
}

static void put_contents(struct digest *digest, const struct ast_decl *decl)
{
	size_t i;

	put_number(digest, (uint64_t)decl->kind);
	put(digest, decl->wire_name);
	put(digest, decl->oneof ? "oneof" : "");
	if (decl->kind == AST_UNION)
		put_type(digest, decl->type);
	for (i = 0; i < decl->n_items; i++) {
		if (decl->kind == AST_ENUM) {
			put(digest, decl->items[i]->name);
			put_number(digest, (uint64_t)decl->items[i]->value.i);
			continue;
		}
		put_field(digest, decl->items[i]);
		if (decl->kind == AST_UNION && !decl->oneof)
			put_labels(digest, decl->items[i]);
	}
}

static void expand(struct digest *digest)
{
	size_t i;

	for (i = 0; i < digest->n_queue && digest->n_visits < MOST_VISITS; i++) {
		const struct ast_decl *decl = digest->queue[i];

		digest->n_visits += decl->n_items + 1;
		put_contents(digest, decl);
	}
	digest->n_queue = 0;
}

/* Up to each inout parameter, those that go in stand before those that come out. */
static void put_params(struct digest *digest, const struct ast_decl *decl)
{
	size_t from, to, i;

	for (from = 0; from < decl->n_items; from = to + 1) {
		for (to = from; to < decl->n_items && decl->items[to]->direction != DIR_INOUT; to++)
			if (decl->items[to]->direction == DIR_IN)
				put_field(digest, decl->items[to]);
		for (i = from; i < to; i++)
			if (decl->items[i]->direction == DIR_OUT)
				put_field(digest, decl->items[i]);
		if (to < decl->n_items)
			put_field(digest, decl->items[to]);
	}
}

static void fingerprint_operation(struct digest *digest, struct ast_decl *decl)
{
	size_t i;

	digest->hash = 14695981039346656037u;
	digest->mark = ++digest->front->mark;
	put(digest, decl->name);
	put(digest, decl->oneway ? "oneway" : "");
	if (decl->is_message)
		put(digest, "message");
	put_type(digest, decl->type);
	put(digest, decl->optional ? "optional" : "");
	put_params(digest, decl);
	for (i = 0; i < decl->n_raises; i++) {
		put(digest, decl->raises[i]->wire_name);
		reach_decl(digest, decl->raises[i]);
	}
	expand(digest);
	decl->fingerprint = digest->hash;
}

/* A type with a name, for values that travel as any. 0, which is not compared, for those that are
 * beyond the bound: their number alone makes no file wrong. */
static void fingerprint_type(struct digest *digest, struct ast_decl *decl)
{
	if (decl->kind == AST_TYPEDEF && decl->type->actual->decl != decl)
		return;
	digest->hash = 14695981039346656037u;
	digest->mark = ++digest->front->mark;
	if (decl->kind == AST_TYPEDEF)
		put_type(digest, decl->type);
	else
		reach_decl(digest, decl);
	expand(digest);
	decl->fingerprint = digest->n_visits < MOST_VISITS ? digest->hash : 0;
}

static bool is_type(const struct ast_decl *decl)
{
	return decl->kind == AST_STRUCT || decl->kind == AST_EXCEPTION || decl->kind == AST_UNION ||
	       decl->kind == AST_ENUM || decl->kind == AST_TYPEDEF;
}

static const char *joined(struct front *front, const char *const *parts, size_t n_parts)
{
	size_t n = 1, i;
	char *ret, *end;

	for (i = 0; i < n_parts; i++)
		n += strlen(parts[i]);
	ret = end = front_alloc(front, n);
	for (i = 0; i < n_parts; i++)
		end = stpcpy(end, parts[i]);
	return ret;
}

static void sign_operation(struct front *front, struct ast_decl *decl)
{
	static const char *const directions[] = { "", "", "out ", "inout " };
	const char **parts = front_alloc(front, (3 * decl->n_items + 3) * sizeof(*parts));
	size_t i, n = 0;

	parts[n++] = "(";
	for (i = 0; i < decl->n_items; i++) {
		parts[n++] = i ? ", " : "";
		parts[n++] = directions[decl->items[i]->direction];
		parts[n++] = type_text(front, decl->items[i]->type, FOR_PEOPLE);
	}
	parts[n++] = ") -> ";
	parts[n++] = type_text(front, decl->type, FOR_PEOPLE);
	decl->signature = joined(front, parts, n);
}

/* The order of operations matters: two ends with one fingerprint call them by their places. */
static void fingerprint_interface(struct digest *digest, struct ast_decl *decl)
{
	size_t i;

	digest->hash = 14695981039346656037u;
	put(digest, decl->wire_name);
	for (i = 0; i < decl->n_operations; i++) {
		put(digest, decl->operations[i]->owner->wire_name);
		put(digest, decl->operations[i]->name);
		put_number(digest, decl->operations[i]->fingerprint);
	}
	decl->fingerprint = digest->hash;
}

void fingerprint_all(struct front *front)
{
	struct digest digest = { .front = front };
	struct raw_decl *raw;
	size_t i;

	digest.queue = front_alloc(front, (front->order.n + 1) * sizeof(*digest.queue));
	for (i = 0; i < front->order.n; i++) {
		raw = front->order.items[i];
		if (raw && raw->decl.kind == AST_OPERATION) {
			sign_operation(front, &raw->decl);
			fingerprint_operation(&digest, &raw->decl);
		}
	}
	for (i = 0; i < front->order.n; i++) {
		raw = front->order.items[i];
		if (raw && raw->decl.kind == AST_INTERFACE)
			fingerprint_interface(&digest, &raw->decl);
	}
	if (digest.n_visits >= MOST_VISITS)
		diag_error(front->diag, &(struct ast_loc){ .file = front->unit->main },
			   "too many operations reach too many types");
	digest.n_visits = 0;
	for (i = 0; i < front->order.n; i++) {
		raw = front->order.items[i];
		if (raw && is_type(&raw->decl) && front_in_main(&raw->decl.loc))
			fingerprint_type(&digest, &raw->decl);
	}
}
