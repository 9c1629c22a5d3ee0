/* SPDX-License-Identifier: MIT */
/*
 * From a scanned message to natural, checking bounds, counts and ranges. Each message is surveyed
 * first (how many of each field, where), then filled in the order of the table. What is absent
 * becomes its default, or empty: strings are never NULL here, neither are the items of bytes. Empty
 * ones inside a value share one byte, as they take none on the wire.
 */
#include "wire/codec_any.h"
#include "wire/codec_wire.h"

#include <stdlib.h>
#include <string.h>

enum {
	FEW = 16,        /* fields of a message that is surveyed on the stack */
	BORROWED = 4096, /* bytes that are not copied if that can be */
	FEW_KEYS = 8     /* entries whose keys are compared each with each */
};

static int fill_message(struct codec_fill *fill, const struct codec_message *message,
			const uint8_t *data, const uint8_t *end, const struct codec_path *path,
			void *natural);

static const char empty[1]; /* never written: nothing of it is the value's */

static int fail_memory(struct codec_fill *fill)
{
	return codec_fail(fill->problem, PYR_RESOURCE_EXHAUSTED, fill->role, NULL,
			  "takes more than %zu bytes of memory", fill->limit);
}

static int fail_count(struct codec_fill *fill, const struct codec_path *path, size_t n,
		      const char *than, uint32_t bound)
{
	return codec_fail(fill->problem, PYR_INVALID_ARGUMENT, fill->role, path,
			  "has %zu items, %s %u", n, than, bound);
}

static int fail_length(struct codec_fill *fill, const struct codec_path *path, uint32_t bound)
{
	return codec_fail(fill->problem, PYR_INVALID_ARGUMENT, fill->role, path,
			  "is longer than %u bytes", bound);
}

/* So much is used. Returns false if it is too much. */
static bool count_in(struct codec_fill *fill, size_t padded)
{
	if (padded > fill->limit - fill->used - fill->beside) {
		fail_memory(fill);
		return false;
	}
	fill->used += padded;
	return true;
}

/* Aligned to 8. */
static void *allocate_raw(struct codec_fill *fill, size_t n)
{
	size_t padded = codec_padded(n);
	uint8_t *ret = fill->block;

	if (!count_in(fill, padded))
		return NULL;
	if (!fill->block)
		ret = arena_alloc_raw(fill->arena, n);
	else if (padded <= (size_t)(fill->block_end - fill->block))
		fill->block += padded;
	else
		ret = NULL;
	if (!ret)
		codec_fail_memory(fill->problem);
	return ret;
}

/* The same, zeroed. */
static void *allocate(struct codec_fill *fill, size_t n)
{
	void *ret = allocate_raw(fill, n);

	if (ret && n > 0 && (!fill->block || fill->is_dirty))
		memset(ret, 0, n);
	return ret;
}

static int fill_string(struct codec_fill *fill, const void *s, size_t n, uint32_t bound,
		       const struct codec_path *path, const char **ret)
{
	char *copy;

	if (bound > 0 && n > bound)
		return fail_length(fill, path, bound);
	*ret = empty;
	if (n == 0)
		return 0;
	copy = allocate_raw(fill, n + 1);
	if (!copy)
		return -fill->problem->code;
	copy[n] = '\0';
	*ret = memcpy(copy, s, n);
	return 0;
}

static int fill_bytes(struct codec_fill *fill, const uint8_t *data, size_t n, uint32_t bound,
		      const struct codec_path *path, struct pyr_bytes *ret)
{
	if (bound > 0 && n > bound)
		return fail_length(fill, path, bound);
	ret->n = n;
	ret->items = (uint8_t *)empty;
	if (n == 0)
		return 0;
	if (fill->borrows && n >= BORROWED) {
		ret->items = (uint8_t *)data;
		return count_in(fill, codec_padded(n)) ? 0 : -fill->problem->code;
	}
	ret->items = allocate_raw(fill, n);
	if (!ret->items)
		return -fill->problem->code;
	memcpy(ret->items, data, n);
	return 0;
}

union wide { /* a scalar as it came, cut to its width */
	uint64_t w64;
	uint32_t w32;
};

/* A scalar from p to end. Returns false when it does not fit. */
static bool read_scalar(const struct codec_field *field, const uint8_t *p, const uint8_t *end,
			void *natural, union wide *wide)
{
	uint8_t kind = field->value->kind;
	uint64_t value = field->wire == PROTOBUF_C_WIRE_TYPE_VARINT
				 ? varint_value(p, (size_t)(end - p))
				 : codec_fixed(p, (size_t)(end - p));

	if (codec_shadow_size(kind) == sizeof(wide->w64))
		wide->w64 = value;
	else
		wide->w32 = kind == PYR__BOOL ? value != 0 : (uint32_t)value;
	return codec_narrow(kind, wide, natural);
}

/* What they take beside what is filled. Returns false if that is too much. */
static bool count_references(struct codec_fill *fill, size_t n)
{
	if (n > (fill->limit - fill->used - fill->beside) / CODEC_REFERENCE)
		return false;
	fill->beside += n * CODEC_REFERENCE;
	return true;
}

/* An empty one is nil. */
static int fill_any(struct codec_fill *fill, struct span encoded, const struct codec_path *path,
		    void *natural)
{
	struct pyr_bytes bytes;
	struct codec_any told;
	const char *wrong;
	char text[96];
	pyr_any *any;
	void *head;
	int code;

	if (encoded.n == 0)
		return 0;
	wrong = codec_any_read(encoded, &told);
	if (wrong)
		return codec_fail(fill->problem, PYR_INVALID_ARGUMENT, fill->role, path, "%s",
				  wrong);
	if (told.n_references > 0 && !count_references(fill, told.n_references))
		return fail_memory(fill);
	head = allocate_raw(fill, codec_any_head(told.type.n, told.n_references));
	if (!head || fill_bytes(fill, encoded.p, encoded.n, 0, path, &bytes) < 0)
		return -fill->problem->code;
	any = codec_any_put(head, &told, encoded, bytes.items);
	memcpy(natural, &any, sizeof(any));
	code = fill->measures ? 0 : codec_any_take_references(any, fill->taker, text, sizeof(text));
	return code ? codec_fail(fill->problem, code, fill->role, path, "%s", text) : 0;
}

/* The same. */
static int fill_reference(struct codec_fill *fill, const struct codec_field *field,
			  struct span encoded, const struct codec_path *path, void *natural)
{
	const struct pyr__field *value = field->value;
	char text[96];
	void *taken;
	int code;

	if (value->kind == PYR__ANY)
		return fill_any(fill, encoded, path, natural);
	if (encoded.n == 0)
		return 0;
	if (!fill->taker)
		return codec_fail_reference(fill->problem, fill->role, path,
					    "references cannot be passed here yet");
	if (!count_references(fill, 1))
		return fail_memory(fill);
	if (fill->measures)
		return 0;
	code = fill->taker->kind->take(fill->taker, value->type, encoded, &taken, text,
				       sizeof(text));
	if (code)
		return codec_fail(fill->problem, code, fill->role, path, "%s", text);
	memcpy(natural, &taken, sizeof(taken));
	return 0;
}

static int fill_one(struct codec_fill *fill, const struct codec_field *field, const uint8_t *p,
		    const uint8_t *end, const struct codec_path *path, void *natural)
{
	const struct pyr__field *value = field->value;
	union wide wide;

	if (field->message)
		return fill_message(fill, field->message, p, end, path, natural);
	if (value->kind == PYR__STRING)
		return fill_string(fill, p, (size_t)(end - p), value->bound, path, natural);
	if (value->kind == PYR__BYTES)
		return fill_bytes(fill, p, (size_t)(end - p), value->bound, path, natural);
	if (field->reference)
		return fill_reference(fill, field, (struct span){ p, (size_t)(end - p) }, path,
				      natural);
	if (!read_scalar(field, p, end, natural, &wide))
		return codec_fail_range(fill->problem, fill->role, path, value->kind, &wide);
	return 0;
}

struct key { /* of a map's entry */
	const char *s;
	int64_t number;
	size_t index;
	bool dropped;
};

static struct key key_of(const struct pyr__type *type, const uint8_t *entries, size_t index)
{
	const struct pyr__field *field = &type->fields[0];
	const void *value = entries + index * type->entry_size + field->offset;
	struct key key = { NULL, 0, index, false };

	if (field->kind == PYR__STRING)
		key.s = *(const char *const *)value;
	else
		key.number = codec_integer_get(field->kind, value);
	return key;
}

static int compare(const struct key *x, const struct key *y)
{
	return x->s ? strcmp(x->s, y->s) : (x->number > y->number) - (x->number < y->number);
}

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order = compare(x, y);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int compare_indexes(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static void mark_duplicates(struct key *keys, size_t n)
{
	size_t i, k;

	if (n <= FEW_KEYS) {
		for (i = 0; i < n; i++)
			for (k = i + 1; k < n; k++)
				keys[i].dropped |= compare(&keys[i], &keys[k]) == 0;
		return;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (i = 0; i + 1 < n; i++)
		keys[i].dropped = compare(&keys[i], &keys[i + 1]) == 0;
	qsort(keys, n, sizeof(*keys), compare_indexes);
}

/* Of entries with one key the last stays, as protobuf has it; the order is kept. */
static int drop_duplicates(struct codec_fill *fill, const struct pyr__type *type, uint8_t *entries,
			   size_t *n)
{
	struct key few[FEW_KEYS], *keys = few;
	size_t i, kept = 0;

	if (*n > FEW_KEYS && !(keys = malloc(*n * sizeof(*keys))))
		return codec_fail_memory(fill->problem);
	for (i = 0; i < *n; i++)
		keys[i] = key_of(type, entries, i);
	mark_duplicates(keys, *n);
	for (i = 0; i < *n; i++)
		if (!keys[i].dropped && kept++ < i)
			memmove(entries + (kept - 1) * type->entry_size,
				entries + i * type->entry_size, type->entry_size);
	*n = kept;
	if (keys != few)
		free(keys);
	return 0;
}

/* The scalars of a packed value. */
static int fill_packed(struct codec_fill *fill, const struct codec_field *field,
		       const struct codec_value *packed, struct codec_path *at, uint8_t *ret)
{
	size_t step = codec_natural_size(field->value);
	size_t width = field->wire == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 8;
	const uint8_t *p;
	union wide wide;

	for (p = packed->payload; p < packed->end; p += width, at->index++) {
		if (field->wire == PROTOBUF_C_WIRE_TYPE_VARINT)
			width = varint_length(p, packed->end, 10);
		if (!read_scalar(field, p, p + width, ret + at->index * step, &wide))
			return codec_fail_range(fill->problem, fill->role, at, field->value->kind,
						&wide);
	}
	return 0;
}

/* The elements, into memory that has room for all of them: runs again through the part of the
 * message between the first and the last of them. */
static int fill_items(struct codec_fill *fill, const struct codec_field *field,
		      const struct codec_seen *seen, const struct codec_path *path, uint8_t *ret)
{
	const struct pyr__type *type = field->table->type;
	size_t step = type->kind == PYR__MAP ? type->entry_size : codec_natural_size(field->value);
	struct codec_path at = { path->up, path->name, 0 };
	const uint8_t *p = seen->first;
	struct codec_value value;
	int status = 0;

	if (path->index != SIZE_MAX) /* the list is itself an item: its path ends with an index */
		at = (struct codec_path){ path, NULL, 0 };
	for (; status == 0 && p < seen->end && codec_read(p, seen->end, &value); p = value.end) {
		if (value.id != field->id)
			continue;
		if (field->packable && value.wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) {
			status = fill_packed(fill, field, &value, &at, ret);
		} else if (value.wire == field->wire) {
			status = fill_one(fill, field, value.payload, value.end, &at,
					  ret + at.index * step);
			at.index++;
		}
	}
	return status;
}

struct list { /* a sequence or map of any element */
	size_t n;
	void *items;
};

static int fill_list(struct codec_fill *fill, const struct codec_field *field,
		     const struct codec_seen *seen, const struct codec_path *path, void *natural)
{
	const struct pyr__type *type = field->table->type;
	size_t step = type->kind == PYR__MAP ? type->entry_size : codec_natural_size(field->value);
	struct list list = { seen->n, NULL };
	int status;

	if (type->kind == PYR__ARRAY)
		return list.n == type->bound ? fill_items(fill, field, seen, path, natural)
					     : fail_count(fill, path, list.n, "not", type->bound);
	if (type->bound > 0 && list.n > type->bound && type->kind != PYR__MAP)
		return fail_count(fill, path, list.n, "more than", type->bound);
	if (list.n == 0)
		return 0;
	if (list.n > PTRDIFF_MAX / step)
		return fail_memory(fill);
	list.items = allocate(fill, list.n * step);
	if (!list.items)
		return -fill->problem->code;
	if ((status = fill_items(fill, field, seen, path, list.items)) < 0)
		return status;
	if (type->kind == PYR__MAP) {
		if ((status = drop_duplicates(fill, type, list.items, &list.n)) < 0)
			return status;
		if (type->bound > 0 && list.n > type->bound)
			return fail_count(fill, path, list.n, "more than", type->bound);
	}
	memcpy(natural, &list, sizeof(list));
	return 0;
}

static int fill_absent(struct codec_fill *fill, const struct codec_field *field,
		       const struct codec_path *path, void *natural)
{
	static const uint8_t nothing; /* no bytes of it are read */
	const void *value = field->table->value;
	const char *s;

	if (field->reference)
		return 0;
	if (field->message || !(field->table->flags & PYR__DEFAULT) || !value)
		return field->message || field->value->kind >= PYR__STRING
			       ? fill_one(fill, field, &nothing, &nothing, path, natural)
			       : 0;
	if (field->table->kind != PYR__STRING) {
		memcpy(natural, value, codec_natural_size(field->table));
		return 0;
	}
	s = *(const char *const *)value;
	return fill_string(fill, s, strlen(s), 0, path, natural);
}

/* natural: zeroed. */
static int fill_field(struct codec_fill *fill, const struct codec_field *field,
		      const struct codec_seen *seen, const struct codec_path *up, void *natural)
{
	struct codec_path path = { up, field->name, SIZE_MAX };
	const struct codec_path *at = field->name ? &path : up;

	if (field->many)
		return fill_list(fill, field, seen, at, natural);
	if (seen->n == 0)
		return fill_absent(fill, field, at, natural);
	return fill_one(fill, field, seen->payload, seen->end, at, natural);
}

static int fill_member(struct codec_fill *fill, const struct codec_field *field,
		       const struct codec_seen *seen, const struct codec_path *path, void *base)
{
	if (field->table->flags & PYR__OPTIONAL) {
		if (seen->n == 0)
			return 0;
		*(bool *)codec_in(base, field->table->has_offset) = true;
	}
	return fill_field(fill, field, seen, path, codec_in(base, field->table->offset));
}

/* Of the members of a oneof the last one sent counts. */
static unsigned last_member(const struct codec_message *message, const struct codec_seen *seen)
{
	unsigned member = 0, i;

	for (i = 1; i < message->n_fields; i++)
		if (seen[i].n > 0 && (member == 0 || seen[i].end > seen[member].end))
			member = i;
	return member;
}

static int fill_union(struct codec_fill *fill, const struct codec_message *message,
		      const struct codec_seen *seen, const struct codec_path *path, void *natural)
{
	const struct pyr__type *type = message->union_type;
	const struct codec_field *discriminator = &message->fields[0];
	void *value = codec_in(natural, discriminator->table->offset);
	uint8_t kind = discriminator->table->kind;
	unsigned member;
	int status;

	if (type->oneof) {
		codec_integer_set(kind, codec_union_label(type, last_member(message, seen)), value);
	} else {
		status = fill_field(fill, discriminator, &seen[0], path, value);
		if (status < 0)
			return status;
	}
	member = codec_union_member(type, codec_integer_get(kind, value));
	if (member == 0)
		return 0;
	return fill_member(fill, &message->fields[member], &seen[member], path, natural);
}

static int fill_members(struct codec_fill *fill, const struct codec_message *message,
			const struct codec_seen *seen, const struct codec_path *path, void *natural)
{
	int status = 0;
	unsigned i;

	if (message->union_type)
		return fill_union(fill, message, seen, path, natural);
	for (i = 0; status == 0 && i < message->n_fields; i++)
		status = fill_member(fill, &message->fields[i], &seen[i], path, natural);
	return status;
}

static int fill_message(struct codec_fill *fill, const struct codec_message *message,
			const uint8_t *data, const uint8_t *end, const struct codec_path *path,
			void *natural)
{
	struct codec_seen few[FEW], *seen = few;
	bool borrows = fill->borrows;
	size_t n = (size_t)(end - data);
	void *sorted = NULL;
	int status;

	if (message->n_fields <= FEW)
		memset(few, 0, message->n_fields * sizeof(*seen));
	else if (!(seen = calloc(message->n_fields, sizeof(*seen))))
		return codec_fail_memory(fill->problem);
	codec_look(message, data, end, seen);
	if (n <= fill->limit - fill->sorted)
		sorted = codec_sort(message, data, end, seen, NULL);
	fill->borrows = borrows && !sorted;
	fill->sorted += sorted ? n : 0;
	status = fill_members(fill, message, seen, path, natural);
	fill->sorted -= sorted ? n : 0;
	fill->borrows = borrows;
	free(sorted);
	if (seen != few)
		free(seen);
	return status;
}

/* A string of its own is a block of its own, however short. */
static int fill_text(struct codec_fill *fill, const struct codec_field *field,
		     const struct codec_seen *seen, union pyr__slot *ret)
{
	int status = fill_field(fill, field, seen, NULL, ret);

	if (status < 0 || ret->s != empty)
		return status;
	ret->s = allocate(fill, 1);
	return ret->s ? 0 : -fill->problem->code;
}

int codec_fill_slot(struct codec_fill *fill, const struct codec_field *field,
		    const struct codec_seen *seen, union pyr__slot *ret)
{
	void *value;

	*ret = (union pyr__slot){ .u64 = 0 };
	if ((field->table->flags & PYR__OPTIONAL) && seen->n == 0)
		return 0;
	if (field->table->kind == PYR__STRING)
		return fill_text(fill, field, seen, ret);
	if (field->by_value || (field->reference && !field->many))
		return fill_field(fill, field, seen, NULL, ret);
	value = allocate(fill, codec_natural_size(field->table));
	if (!value)
		return -fill->problem->code;
	ret->p = value;
	return fill_field(fill, field, seen, NULL, value);
}

int codec_fill_value(struct codec_fill *fill, const struct codec_message *message,
		     const struct pyr__type *type, struct span data, void **ret)
{
	const uint8_t *end = span_end(data);
	struct codec_path root;

	*ret = allocate(fill, type->size);
	if (!*ret)
		return -fill->problem->code;
	return fill_message(fill, message, data.p, end, codec_root(message, type, &root), *ret);
}
