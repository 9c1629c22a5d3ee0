/* SPDX-License-Identifier: MIT */
/*
 * Deep copies, from natural to natural. A value is walked with a stack of its own, as values may be
 * nested deeper than what travels: first to measure, then to fill one block. What is copied need
 * not be fit to be sent: texts may be NULL or no UTF-8, lists longer than their bounds. What does
 * not count (a member that is absent, or that the discriminator does not select) is not looked at,
 * and zero in the copy.
 */
#include "wire/codec_any.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum {
	FEW = 8,       /* levels that need no memory */
	LEVELS = 65536 /* a value deeper than this holds itself */
};

/* Values of one type, side by side. */
struct level {
	const struct pyr__type *type;
	const uint8_t *from;
	uint8_t *to;    /* NULL: they are measured */
	size_t n, step; /* values left, and from one to the next */
	unsigned field; /* the next one of the first value */
};

struct walk {
	struct codec_dup *dup;
	struct codec_problem *problem;
	struct level few[FEW], *levels;
	size_t n, room; /* room: 0: few */
};

static int fail(struct walk *walk, int code, const char *name, const char *what)
{
	const struct pyr__type *type = walk->levels[walk->n - 1].type;
	const char *of = type->name ? type->name : "";

	return codec_fail(walk->problem, code, of, &(struct codec_path){ NULL, name, SIZE_MAX },
			  "%s", what);
}

/* n bytes of the block; *ret: NULL while it is measured. */
static bool take(struct walk *walk, size_t n, void **ret)
{
	struct codec_dup *dup = walk->dup;
	size_t most = dup->block ? dup->size : PTRDIFF_MAX;

	if (n > PTRDIFF_MAX || codec_padded(n) > most - dup->used)
		return false;
	*ret = dup->block ? dup->block + dup->used : NULL;
	dup->used += codec_padded(n);
	return true;
}

static int fail_room(struct walk *walk, const char *name)
{
	return walk->dup->block
		       ? fail(walk, PYR_INVALID_ARGUMENT, name, "changes while it is copied")
		       : fail(walk, PYR_RESOURCE_EXHAUSTED, name,
			      "takes more memory than there is");
}

static int push(struct walk *walk, const char *name, const struct level *level)
{
	struct level *grown = walk->room > 0 ? walk->levels : NULL;

	if (walk->n == LEVELS)
		return fail(walk, PYR_INVALID_ARGUMENT, name,
			    "is nested too deep: it holds itself");
	if (walk->n >= FEW) {
		if (!array_reserve(&grown, &walk->room, walk->n + 1, sizeof(*grown)))
			return codec_fail_memory(walk->problem);
		if (walk->levels == walk->few)
			memcpy(grown, walk->few, sizeof(walk->few));
		walk->levels = grown;
	}
	walk->levels[walk->n++] = *level;
	return 0;
}

static int copy_text(struct walk *walk, const char *name, const void *from, void *to)
{
	const char *s = *(const char *const *)from;
	size_t n = s ? strlen(s) + 1 : 0;
	void *copy;

	if (!s)
		return 0;
	if (!take(walk, n, &copy))
		return fail_room(walk, name);
	if (copy)
		*(const char **)to = memcpy(copy, s, n);
	return 0;
}

static int copy_reference(struct walk *walk, const char *name, const void *from, void *to)
{
	const void *value = *(const void *const *)from;
	struct codec_taker *taker = walk->dup->taker;
	char text[96];
	void *copy;
	int code;

	if (!value || !to)
		return 0;
	code = taker->kind->keep(taker, value, &copy, text, sizeof(text));
	if (code)
		return fail(walk, code, name, text);
	*(void **)to = copy;
	return 0;
}

static int copy_any(struct walk *walk, const char *name, const void *from, void *to)
{
	const pyr_any *any = *(const pyr_any *const *)from;
	char text[96];
	void *copy;
	int code;

	if (!any)
		return 0;
	if (!take(walk, codec_any_copy_size(any), &copy))
		return fail_room(walk, name);
	if (!copy)
		return 0;
	*(pyr_any **)to = codec_any_copy(any, copy);
	code = codec_any_keep_references(copy, any, walk->dup->taker, text, sizeof(text));
	return code ? fail(walk, code, name, text) : 0;
}

struct list { /* a sequence or map of any element, or bytes */
	size_t n;
	void *items;
};

/* What may be copied without a look at it. */
static bool is_plain(uint8_t kind)
{
	return kind < PYR__STRING;
}

static int copy_list(struct walk *walk, const struct pyr__field *field, const void *from, void *to)
{
	const struct pyr__type *type = field->type;
	size_t step = field->kind == PYR__BYTES ? 1
		      : field->kind == PYR__MAP ? type->entry_size
						: codec_natural_size(&type->fields[0]);
	struct list list, copy;

	memcpy(&list, from, sizeof(list));
	if (list.n == 0)
		return 0;
	if (!list.items)
		return fail(walk, PYR_INVALID_ARGUMENT, field->name, "has no items");
	if (list.n > SIZE_MAX / step || !take(walk, list.n * step, &copy.items))
		return fail_room(walk, field->name);
	copy.n = list.n;
	if (to)
		memcpy(to, &copy, sizeof(copy));
	if (field->kind != PYR__BYTES && (field->kind == PYR__MAP || !is_plain(type->fields->kind)))
		return push(walk, field->name,
			    &(struct level){ type, list.items, copy.items, list.n, step, 0 });
	if (to)
		memcpy(copy.items, list.items, list.n * step);
	return 0;
}

static int copy_array(struct walk *walk, const struct pyr__field *field, const void *from, void *to)
{
	const struct pyr__type *type = field->type;
	size_t step = codec_natural_size(&type->fields[0]);

	if (!is_plain(type->fields->kind))
		return push(walk, field->name,
			    &(struct level){ type, from, to, type->bound, step, 0 });
	if (to)
		memcpy(to, from, type->bound * step);
	return 0;
}

/* to: zeroed; NULL: only measured. */
static int copy_value(struct walk *walk, const struct pyr__field *field, const void *from, void *to)
{
	switch (field->kind) {
	case PYR__STRING:
		return copy_text(walk, field->name, from, to);
	case PYR__BYTES:
	case PYR__SEQUENCE:
	case PYR__MAP:
		return copy_list(walk, field, from, to);
	case PYR__ARRAY:
		return copy_array(walk, field, from, to);
	case PYR__STRUCT:
	case PYR__UNION:
		return push(walk, field->name,
			    &(struct level){ field->type, from, to, 1, field->type->size, 0 });
	case PYR__ANY:
		return copy_any(walk, field->name, from, to);
	case PYR__INTERFACE:
	case PYR__OBJECT:
		return copy_reference(walk, field->name, from, to);
	default:
		if (to)
			memcpy(to, from, codec_natural_size(field));
		return 0;
	}
}

static int copy_field(struct walk *walk, const struct pyr__field *field, const uint8_t *from,
		      uint8_t *to)
{
	if (field->flags & PYR__OPTIONAL) {
		if (!from[field->has_offset]) /* by its byte, as codec_widen() */
			return 0;
		if (to)
			*(bool *)codec_in(to, field->has_offset) = true;
	}
	return copy_value(walk, field, from + field->offset, to ? to + field->offset : NULL);
}

/* The next field of a value that there is to copy; NULL: no more. */
static const struct pyr__field *next_field(struct level *level)
{
	const struct pyr__type *type = level->type;
	unsigned member = level->field++;

	if (type->kind != PYR__UNION)
		return member < (type->kind == PYR__MAP ? 2 : type->n_fields)
			       ? &type->fields[member]
			       : NULL;
	if (member == 1)
		member = codec_union_member(
			type,
			codec_integer_get(type->fields->kind, level->from + type->fields->offset));
	else if (member > 1)
		return NULL;
	return member > 0 || level->field == 1 ? &type->fields[member] : NULL;
}

static int copy_levels(struct walk *walk)
{
	const struct pyr__field *field;
	struct level *top;
	int status = 0;

	while (status == 0 && walk->n > 0) {
		top = &walk->levels[walk->n - 1];
		if (top->n == 0) {
			walk->n--;
			continue;
		}
		field = next_field(top);
		if (field) {
			status = copy_field(walk, field, top->from, top->to);
			continue;
		}
		top->from += top->step;
		top->to = top->to ? top->to + top->step : NULL;
		top->field = 0;
		top->n--;
	}
	return status;
}

int codec_dup(const struct pyr__type *type, const void *value, struct codec_dup *dup,
	      struct codec_problem *problem)
{
	struct walk walk = { .dup = dup, .problem = problem, .n = 1 };
	struct pyr__field whole = { .name = "value", .kind = type->kind, .type = type };
	void *to;
	int status;

	walk.levels = walk.few;
	walk.few[0] = (struct level){ .type = type };
	dup->used = 0;
	if (!take(&walk, type->size, &to))
		return fail_room(&walk, whole.name);
	status = copy_value(&walk, &whole, value, to);
	if (status == 0)
		status = copy_levels(&walk);
	if (walk.levels != walk.few)
		free(walk.levels);
	if (!dup->block)
		dup->size = dup->used;
	return status;
}
