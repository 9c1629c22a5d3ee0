/* SPDX-License-Identifier: MIT */
/*
 * From shadow to natural, checking bounds, counts and ranges. What is absent becomes its default,
 * or empty: strings are never NULL here, neither are the items of bytes.
 */
#include "codec_internal.h"

#include <stdlib.h>
#include <string.h>

static int fill_message(struct codec_fill *fill, const struct codec_message *message,
			const ProtobufCMessage *shadow, const struct codec_path *path,
			void *natural);

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

/* Zeroed, aligned to 8. */
static void *allocate(struct codec_fill *fill, size_t n)
{
	size_t padded = (n + 7) & ~(size_t)7;
	uint8_t *ret = fill->block;

	fill->used += padded;
	if (!fill->block) {
		ret = arena_alloc(fill->arena, n);
	} else if (padded <= (size_t)(fill->block_end - fill->block)) {
		fill->block += padded;
	} else {
		ret = NULL;
	}
	if (!ret)
		codec_fail(fill->problem, PYR_RESOURCE_EXHAUSTED, fill->role, NULL,
			   "would take too much memory");
	return ret;
}

/* The same bytes: shared with the shadow when the arena holds both. */
static void *keep(struct codec_fill *fill, const void *data, size_t n)
{
	void *ret;

	if (!fill->block) {
		fill->used += (n + 7) & ~(size_t)7;
		return (void *)(uintptr_t)data;
	}
	ret = allocate(fill, n);
	return ret ? memcpy(ret, data, n) : NULL;
}

static int fill_string(struct codec_fill *fill, const char *s, uint32_t bound,
		       const struct codec_path *path, const char **ret)
{
	size_t n;

	if (!s)
		s = "";
	n = strlen(s);
	if (bound > 0 && n > bound)
		return fail_length(fill, path, bound);
	*ret = keep(fill, s, n + 1);
	return *ret ? 0 : -fill->problem->code;
}

static int fill_bytes(struct codec_fill *fill, const ProtobufCBinaryData *bytes, uint32_t bound,
		      const struct codec_path *path, struct pyr_bytes *ret)
{
	if (bound > 0 && bytes->len > bound)
		return fail_length(fill, path, bound);
	ret->n = bytes->len;
	ret->items = bytes->len > 0 ? keep(fill, bytes->data, bytes->len) : allocate(fill, 1);
	return ret->items ? 0 : -fill->problem->code;
}

static int fill_one(struct codec_fill *fill, const struct codec_field *field, const void *shadow,
		    const struct codec_path *path, void *natural)
{
	const struct pyr__field *value = field->value;
	const ProtobufCMessage *message;

	if (field->message) {
		message = *(const ProtobufCMessage *const *)shadow;
		return fill_message(fill, field->message, message ? message : field->message->empty,
				    path, natural);
	}
	if (value->kind == PYR__STRING)
		return fill_string(fill, *(const char *const *)shadow, value->bound, path, natural);
	if (value->kind == PYR__BYTES)
		return fill_bytes(fill, shadow, value->bound, path, natural);
	if (!codec_narrow(value->kind, shadow, natural))
		return codec_fail_range(fill->problem, fill->role, path, value->kind, shadow);
	return 0;
}

struct key { /* of a map's entry */
	const char *s;
	int64_t number;
	size_t index;
};

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order = x->s ? strcmp(x->s, y->s) : (x->number > y->number) - (x->number < y->number);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static bool same_key(const struct key *x, const struct key *y)
{
	return x->s ? strcmp(x->s, y->s) == 0 : x->number == y->number;
}

/* Of entries with one key the last stays, as protobuf has it; the order is kept. */
static int drop_duplicates(struct codec_fill *fill, const struct pyr__type *type, uint8_t *entries,
			   size_t *n)
{
	const struct pyr__field *key = &type->fields[0];
	struct key *keys;
	bool *dropped;
	size_t i, kept = 0;

	if (*n < 2)
		return 0;
	keys = arena_alloc(fill->arena, *n * sizeof(*keys));
	dropped = arena_alloc(fill->arena, *n);
	if (!keys || !dropped)
		return codec_fail_memory(fill->problem);
	for (i = 0; i < *n; i++) {
		const void *value = entries + i * type->entry_size + key->offset;

		keys[i].index = i;
		if (key->kind == PYR__STRING)
			keys[i].s = *(const char *const *)value;
		else
			keys[i].number = codec_integer_get(key->kind, value);
	}
	qsort(keys, *n, sizeof(*keys), compare_keys);
	for (i = 0; i + 1 < *n; i++)
		dropped[keys[i].index] = same_key(&keys[i], &keys[i + 1]);
	for (i = 0; i < *n; i++)
		if (!dropped[i])
			memmove(entries + kept++ * type->entry_size, entries + i * type->entry_size,
				type->entry_size);
	*n = kept;
	return 0;
}

/* Strings have the same layout, but each is to be checked and copied. */
static bool can_share(const struct codec_field *field)
{
	return !field->message && codec_same_layout(field->value->kind) &&
	       field->value->kind != PYR__STRING;
}

/* The elements, into memory that has room for all of them. */
static int fill_items(struct codec_fill *fill, const struct codec_field *field,
		      const uint8_t *items, size_t n, const struct codec_path *path, uint8_t *ret)
{
	const struct pyr__type *type = field->table->type;
	size_t step = type->kind == PYR__MAP ? type->entry_size : codec_natural_size(field->value);
	size_t size = codec_shadow_size(field->value->kind);
	struct codec_path at = { path->up, path->name, 0 };
	int status = 0;

	if (path->index != SIZE_MAX) /* the list is itself an item: its path ends with an index */
		at = (struct codec_path){ path, NULL, 0 };
	if (can_share(field)) {
		memcpy(ret, items, n * size);
		return 0;
	}
	for (; status == 0 && at.index < n; at.index++)
		status = fill_one(fill, field, items + at.index * size, &at, ret + at.index * step);
	return status;
}

static int fill_array(struct codec_fill *fill, const struct codec_field *field,
		      const uint8_t *items, size_t n, const struct codec_path *path, void *natural)
{
	uint32_t count = field->table->type->bound;

	if (n != count)
		return fail_count(fill, path, n, "not", count);
	return fill_items(fill, field, items, n, path, natural);
}

struct list { /* a sequence or map of any element */
	size_t n;
	void *items;
};

static int fill_list(struct codec_fill *fill, const struct codec_field *field,
		     const ProtobufCMessage *shadow, const struct codec_path *path, void *natural)
{
	const struct pyr__type *type = field->table->type;
	size_t step = type->kind == PYR__MAP ? type->entry_size : codec_natural_size(field->value);
	const uint8_t *items = *(const uint8_t *const *)codec_at(shadow, field->offset);
	struct list list = { *(const size_t *)codec_at(shadow, field->quantifier), NULL };
	size_t n = list.n;
	int status;

	if (n > 0 && field->reference)
		return codec_fail_reference(fill->problem, fill->role, path);
	if (type->kind == PYR__ARRAY)
		return fill_array(fill, field, items, n, path, natural);
	if (type->bound > 0 && n > type->bound && type->kind != PYR__MAP)
		return fail_count(fill, path, n, "more than", type->bound);
	if (n == 0)
		return 0;
	list.items = can_share(field) ? keep(fill, items, n * step) : allocate(fill, n * step);
	if (!list.items)
		return -fill->problem->code;
	if (list.items != items &&
	    (status = fill_items(fill, field, items, n, path, list.items)) < 0)
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

/* Whether the field arrived; what has no presence always did. */
static bool is_present(const struct codec_field *field, const ProtobufCMessage *shadow)
{
	const void *quantifier = codec_at(shadow, field->quantifier);

	if (field->many || field->presence == CODEC_PLAIN)
		return true;
	if (field->presence == CODEC_ONEOF)
		return *(const uint32_t *)quantifier == field->id;
	if (field->message || field->value->kind == PYR__STRING)
		return *(const void *const *)codec_at(shadow, field->offset);
	return *(const protobuf_c_boolean *)quantifier;
}

static int fill_absent(struct codec_fill *fill, const struct codec_field *field,
		       const struct codec_path *path, void *natural)
{
	static const ProtobufCBinaryData nothing; /* as large as any value of a shadow */
	const void *value = field->table->value;

	if (!(field->table->flags & PYR__DEFAULT) || field->message || !value)
		return fill_one(fill, field, &nothing, path, natural);
	if (field->table->kind == PYR__STRING)
		return fill_string(fill, *(const char *const *)value, 0, path, natural);
	memcpy(natural, value, codec_natural_size(field->table));
	return 0;
}

/* natural: zeroed. */
static int fill_field(struct codec_fill *fill, const struct codec_field *field,
		      const ProtobufCMessage *shadow, const struct codec_path *up, void *natural)
{
	struct codec_path path = { up, field->name, SIZE_MAX };
	const struct codec_path *at = field->name ? &path : up;

	if (field->many)
		return fill_list(fill, field, shadow, at, natural);
	if (field->reference)
		return is_present(field, shadow)
			       ? codec_fail_reference(fill->problem, fill->role, at)
			       : 0;
	if (!is_present(field, shadow))
		return fill_absent(fill, field, at, natural);
	return fill_one(fill, field, codec_at(shadow, field->offset), at, natural);
}

static int fill_member(struct codec_fill *fill, const struct codec_field *field,
		       const ProtobufCMessage *shadow, const struct codec_path *path, void *base)
{
	if (field->table->flags & PYR__OPTIONAL) {
		if (!is_present(field, shadow))
			return 0;
		*(bool *)codec_in(base, field->table->has_offset) = true;
	}
	return fill_field(fill, field, shadow, path, codec_in(base, field->table->offset));
}

static int fill_union(struct codec_fill *fill, const struct codec_message *message,
		      const ProtobufCMessage *shadow, const struct codec_path *path, void *natural)
{
	const struct pyr__type *type = message->union_type;
	const struct codec_field *discriminator = &message->fields[0];
	void *value = codec_in(natural, discriminator->table->offset);
	uint8_t kind = discriminator->table->kind;
	unsigned member = 0, i;
	int status;

	if (!type->oneof) {
		status = fill_field(fill, discriminator, shadow, path, value);
		if (status < 0)
			return status;
	} else {
		for (i = 1; i < message->n_fields; i++)
			if (is_present(&message->fields[i], shadow))
				member = i;
		codec_integer_set(kind, codec_union_label(type, member), value);
	}
	member = codec_union_member(type, codec_integer_get(kind, value));
	return member > 0 ? fill_member(fill, &message->fields[member], shadow, path, natural) : 0;
}

static int fill_message(struct codec_fill *fill, const struct codec_message *message,
			const ProtobufCMessage *shadow, const struct codec_path *path,
			void *natural)
{
	int status = 0;
	unsigned i;

	if (message->union_type)
		return fill_union(fill, message, shadow, path, natural);
	for (i = 0; status == 0 && i < message->n_fields; i++)
		status = fill_member(fill, &message->fields[i], shadow, path, natural);
	return status;
}

int codec_fill_slot(struct codec_fill *fill, const struct codec_field *field,
		    const ProtobufCMessage *shadow, union pyr__slot *ret)
{
	void *value;

	*ret = (union pyr__slot){ .u64 = 0 };
	if ((field->table->flags & PYR__OPTIONAL) && !is_present(field, shadow))
		return 0;
	if (field->by_value || field->table->kind == PYR__STRING ||
	    (field->reference && !field->many))
		return fill_field(fill, field, shadow, NULL, ret);
	value = allocate(fill, codec_natural_size(field->table));
	if (!value)
		return -fill->problem->code;
	ret->p = value;
	return fill_field(fill, field, shadow, NULL, value);
}

int codec_fill_value(struct codec_fill *fill, const struct codec_message *message, size_t size,
		     const ProtobufCMessage *shadow, void **ret)
{
	*ret = allocate(fill, size);
	return *ret ? fill_message(fill, message, shadow, NULL, *ret) : -fill->problem->code;
}
