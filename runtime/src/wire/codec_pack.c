/* SPDX-License-Identifier: MIT */
/*
 * From natural to shadow, checking on the way; then protobuf-c measures and writes. What has the
 * same bytes in both forms (strings, arrays of 32 and 64 bits) is pointed at, not copied, so the
 * caller's values must stand still until codec_pack().
 */
#include "wire/codec_any.h"

#include <limits.h>
#include <string.h>

struct pack {
	struct arena *arena;
	struct codec_problem *problem;
	const char *role;
	int depth;     /* of the message being packed; -1 = none yet */
	size_t memory; /* what codec_fill.c will need */
	const struct codec_carried *carried;
};

bool codec_holds_numbers(const struct codec_message *message)
{
	return message->numbers;
}

struct list { /* a sequence, map or array of any element */
	size_t n;
	void *items;
};

static int pack_message(struct pack *pack, const struct codec_message *message, const void *natural,
			const struct codec_path *path, const ProtobufCMessage **ret);

static int fail(struct pack *pack, const struct codec_path *path, const char *what)
{
	return codec_fail(pack->problem, PYR_INVALID_ARGUMENT, pack->role, path, "%s", what);
}

static int check_string(struct pack *pack, const char *s, uint32_t bound,
			const struct codec_path *path)
{
	size_t n;

	if (!s)
		return fail(pack, path, "is NULL");
	n = strlen(s);
	if (bound > 0 && n > bound)
		return codec_fail(pack->problem, PYR_INVALID_ARGUMENT, pack->role, path,
				  "is longer than %u bytes", bound);
	if (!codec_is_text((const uint8_t *)s, n))
		return fail(pack, path, "is not valid UTF-8");
	if (n > 0)
		pack->memory += codec_padded(n + 1);
	return 0;
}

static int check_wchar(struct pack *pack, uint32_t character, const struct codec_path *path)
{
	return codec_is_code_point(character)
		       ? 0
		       : codec_fail_range(pack->problem, pack->role, path, PYR__WCHAR, &character);
}

static int pack_bytes(struct pack *pack, const struct pyr_bytes *bytes, uint32_t bound,
		      const struct codec_path *path, ProtobufCBinaryData *ret)
{
	if (bytes->n > 0 && !bytes->items)
		return fail(pack, path, "has no items");
	if (bound > 0 && bytes->n > bound)
		return codec_fail(pack->problem, PYR_INVALID_ARGUMENT, pack->role, path,
				  "is longer than %u bytes", bound);
	ret->len = bytes->n;
	ret->data = bytes->n > 0 ? bytes->items : NULL;
	pack->memory += codec_padded(bytes->n);
	return 0;
}

static int pack_any(struct pack *pack, const pyr_any *any, ProtobufCBinaryData *ret)
{
	ret->len = any->encoded.n;
	ret->data = (uint8_t *)any->encoded.p;
	pack->memory += codec_padded(codec_any_head(strlen(any->type), any->n_references)) +
			codec_padded(ret->len) + any->n_references * CODEC_REFERENCE;
	return codec_any_carried(any, pack->arena, &pack->carried)
		       ? 0
		       : codec_fail_memory(pack->problem);
}

/* value: NULL is nil, an empty message. */
static int pack_reference(struct pack *pack, const struct codec_field *field, const void *value,
			  const struct codec_path *path, ProtobufCBinaryData *ret)
{
	const char *why = "cannot be passed";
	struct codec_carried *carried;
	struct span encoded;

	if (!value)
		return 0;
	if (field->value->kind == PYR__ANY)
		return pack_any(pack, value, ret);
	if (!codec_references)
		return codec_fail_reference(pack->problem, pack->role, path,
					    "references cannot be passed here yet");
	carried = arena_alloc_raw(pack->arena, sizeof(*carried));
	if (!carried)
		return codec_fail_memory(pack->problem);
	*carried = (struct codec_carried){ pack->carried, NULL };
	carried->reference = codec_references->encode(value, &encoded, &why);
	if (!carried->reference)
		return why ? fail(pack, path, why) : codec_fail_memory(pack->problem);
	pack->carried = carried;
	pack->memory += CODEC_REFERENCE;
	ret->len = encoded.n;
	ret->data = (uint8_t *)encoded.p;
	return 0;
}

static int pack_one(struct pack *pack, const struct codec_field *field, const void *natural,
		    const struct codec_path *path, void *shadow)
{
	const struct pyr__field *value = field->value;

	if (field->message)
		return pack_message(pack, field->message, natural, path, shadow);
	if (value->kind == PYR__BYTES)
		return pack_bytes(pack, natural, value->bound, path, shadow);
	if (value->kind == PYR__STRING) {
		*(const char **)shadow = *(const char *const *)natural;
		return check_string(pack, *(const char *const *)natural, value->bound, path);
	}
	if (field->reference)
		return pack_reference(pack, field, *(const void *const *)natural, path, shadow);
	codec_widen(value->kind, natural, shadow);
	return value->kind == PYR__WCHAR ? check_wchar(pack, *(const uint32_t *)natural, path) : 0;
}

/* Finds the elements and checks their number. */
static int open_list(struct pack *pack, const struct pyr__type *type, const void *natural,
		     const struct codec_path *path, struct list *ret)
{
	if (type->kind == PYR__ARRAY) {
		ret->n = type->bound;
		ret->items = (void *)(uintptr_t)natural;
		return 0;
	}
	memcpy(ret, natural, sizeof(*ret));
	if (ret->n > 0 && !ret->items)
		return fail(pack, path, "has no items");
	if ((type->bound > 0 && ret->n > type->bound) || ret->n > INT_MAX)
		return codec_fail(pack->problem, PYR_INVALID_ARGUMENT, pack->role, path,
				  "has %zu items, more than %u", ret->n,
				  type->bound > 0 ? type->bound : INT_MAX);
	return 0;
}

/* The items themselves stay where they are. */
static int check_strings(struct pack *pack, const struct codec_field *field,
			 const struct list *list, struct codec_path path)
{
	const char *const *items = list->items;
	int status = 0;

	for (; status == 0 && path.index < list->n; path.index++)
		status = check_string(pack, items[path.index], field->value->bound, &path);
	return status;
}

static int pack_list(struct pack *pack, const struct codec_field *field, const void *natural,
		     const struct codec_path *path, void *shadow)
{
	const struct pyr__type *type = field->table->type;
	size_t step = type->kind == PYR__MAP ? type->entry_size : codec_natural_size(field->value);
	size_t size = codec_shadow_size(field->value->kind);
	struct codec_path at = { path->up, path->name, 0 };
	struct list list;
	uint8_t *items;
	int status = open_list(pack, type, natural, path, &list);

	if (status < 0 || list.n == 0)
		return status;
	if (type->kind != PYR__ARRAY)
		pack->memory += codec_padded(list.n * step);
	if (path->index != SIZE_MAX) /* the list is itself an item: its path ends with an index */
		at = (struct codec_path){ path, NULL, 0 };
	items = list.items;
	if (field->message || !codec_same_layout(field->value->kind))
		items = arena_alloc(pack->arena, list.n * size);
	if (!items)
		return codec_fail_memory(pack->problem);
	*(size_t *)codec_in(shadow, field->quantifier) = list.n;
	*(void **)codec_in(shadow, field->offset) = items;
	if (items == list.items)
		return field->value->kind == PYR__STRING ? check_strings(pack, field, &list, at)
							 : 0;
	for (; status == 0 && at.index < list.n; at.index++)
		status = pack_one(pack, field, codec_at(list.items, at.index * step), &at,
				  items + at.index * size);
	return status;
}

/* natural: NULL = absent. */
static int pack_field(struct pack *pack, const struct codec_field *field, const void *natural,
		      const struct codec_path *up, void *shadow)
{
	struct codec_path path = { up, field->name, SIZE_MAX };
	const struct codec_path *at = field->name ? &path : up;

	if (!natural)
		return 0;
	if (field->many)
		return pack_list(pack, field, natural, at, shadow);
	if (field->presence == CODEC_HAS)
		*(protobuf_c_boolean *)codec_in(shadow, field->quantifier) = 1;
	else if (field->presence == CODEC_ONEOF)
		*(uint32_t *)codec_in(shadow, field->quantifier) = field->id;
	return pack_one(pack, field, natural, at, codec_in(shadow, field->offset));
}

/* The natural value of a field, NULL = absent. */
static const void *member_value(const struct codec_field *field, const void *base)
{
	const void *value = codec_at(base, field->table->offset);

	if (field->table->flags & PYR__OPTIONAL)
		return *(const uint8_t *)codec_at(base, field->table->has_offset) ? value : NULL;
	return field->reference && !field->many && !*(const void *const *)value ? NULL : value;
}

/* The slot holds what a member would hold. */
static bool is_pointer(const struct codec_field *field)
{
	return field->table->kind == PYR__STRING || (field->reference && !field->many);
}

static int pack_slots(struct pack *pack, const struct codec_message *message,
		      const union pyr__slot *slots, void *shadow)
{
	const struct codec_field *field;
	const void *value;
	int status = 0;
	unsigned i;

	for (i = 0; status == 0 && i < message->n_fields; i++) {
		field = &message->fields[i];
		value = slots[i].p;
		pack->memory += field->by_value ? sizeof(*slots)
						: codec_padded(codec_natural_size(field->table));
		if (field->by_value || (value && is_pointer(field)))
			value = &slots[i];
		else if (!value && (field->many || !field->reference) &&
			 !(field->table->flags & PYR__OPTIONAL))
			return fail(pack, &(struct codec_path){ NULL, field->name, SIZE_MAX },
				    "is NULL");
		status = pack_field(pack, field, value, NULL, shadow);
	}
	return status;
}

static int pack_union(struct pack *pack, const struct codec_message *message, const void *natural,
		      const struct codec_path *path, void *shadow)
{
	const struct codec_field *discriminator = &message->fields[0];
	const void *value = codec_at(natural, discriminator->table->offset);
	unsigned member = codec_union_member(message->union_type,
					     codec_integer_get(discriminator->table->kind, value));
	int status = 0;

	if (!message->union_type->oneof)
		status = pack_field(pack, discriminator, value, path, shadow);
	if (status < 0 || member == 0)
		return status;
	return pack_field(pack, &message->fields[member],
			  member_value(&message->fields[member], natural), path, shadow);
}

static int pack_message(struct pack *pack, const struct codec_message *message, const void *natural,
			const struct codec_path *path, const ProtobufCMessage **ret)
{
	ProtobufCMessage *shadow = arena_alloc(pack->arena, message->pb.sizeof_message);
	int status = 0;
	unsigned i;

	if (!shadow)
		return codec_fail_memory(pack->problem);
	if (++pack->depth > CODEC_DEPTH)
		return codec_fail(pack->problem, PYR_INVALID_ARGUMENT, pack->role, NULL,
				  "is nested deeper than %d levels", CODEC_DEPTH);
	shadow->descriptor = &message->pb;
	*ret = shadow;
	if (message->union_type)
		status = pack_union(pack, message, natural, path, shadow);
	else
		for (i = 0; status == 0 && i < message->n_fields; i++)
			status = pack_field(pack, &message->fields[i],
					    member_value(&message->fields[i], natural), path,
					    shadow);
	pack->depth--;
	return status;
}

static int pack_direct(struct pack *pack, const struct codec_message *message,
		       const union pyr__slot *slots, void *shadow)
{
	const struct codec_field *field;
	const union pyr__slot *slot;
	struct codec_path path = { NULL, NULL, SIZE_MAX };
	unsigned i;
	int status;

	pack->memory = message->n_fields * sizeof(*slots);
	if (message->n_fields > 0)
		memcpy(codec_in(shadow, sizeof(ProtobufCMessage)), slots,
		       message->n_fields * sizeof(*slots));
	for (i = 0; i < message->n_fixups; i++) {
		field = message->fixups[i];
		slot = &slots[field - message->fields];
		path.name = field->name;
		if (field->table->kind != PYR__STRING) {
			codec_widen(field->table->kind, slot, codec_in(shadow, field->offset));
			if (field->table->kind == PYR__WCHAR &&
			    (status = check_wchar(pack, slot->u32, &path)) < 0)
				return status;
			continue;
		}
		if ((status = check_string(pack, slot->s, field->table->bound, &path)) < 0)
			return status;
	}
	return 0;
}

static int finish(const struct pack *pack, const ProtobufCMessage *shadow, struct codec_packer *ret)
{
	size_t size = protobuf_c_message_get_packed_size(shadow);

	if (size > INT_MAX) /* protobuf's own limit */
		return codec_fail(pack->problem, PYR_RESOURCE_EXHAUSTED, "", NULL,
				  "is longer than 2 GiB");
	ret->memory = pack->memory;
	ret->carried = pack->carried;
	ret->message = shadow;
	ret->bytes = NULL;
	ret->size = size;
	return 0;
}

static int prepare_flat(const struct codec_message *message, const union pyr__slot *slots,
			struct arena *arena, struct codec_packer *ret,
			struct codec_problem *problem)
{
	uint8_t *bytes = arena_alloc_raw(arena, message->n_fields * CODEC_FLAT_FIELD);

	if (!bytes)
		return codec_fail_memory(problem);
	ret->memory = message->n_fields * sizeof(*slots);
	ret->message = NULL;
	ret->bytes = bytes;
	ret->size = codec_flat_put(message, slots, bytes);
	ret->carried = NULL;
	return 0;
}

/* One struct as the whole message. */
static int prepare_whole(struct pack *pack, const struct codec_message *message, const void *value,
			 struct codec_packer *ret)
{
	const ProtobufCMessage *shadow;
	struct codec_path path = { NULL, message->fields[0].name, SIZE_MAX };
	int status;

	if (!value)
		return fail(pack, &path, "is NULL");
	pack->depth = -1;
	pack->memory = codec_padded(message->fields[0].table->type->size);
	status = pack_message(pack, message->whole, value, &path, &shadow);
	return status < 0 ? status : finish(pack, shadow, ret);
}

int codec_prepare_here(const struct codec_message *message, const union pyr__slot *slots,
		       struct arena *arena, struct codec_packer *ret, struct codec_problem *problem)
{
	struct pack pack = { arena, problem, message->role, 0, 0, NULL };
	ProtobufCMessage *shadow;
	int status;

	if (message->flat)
		return prepare_flat(message, slots, arena, ret, problem);
	if (message->whole)
		return prepare_whole(&pack, message, slots[0].p, ret);
	shadow = message->direct ? arena_alloc_raw(arena, message->pb.sizeof_message)
				 : arena_alloc(arena, message->pb.sizeof_message);
	if (!shadow)
		return codec_fail_memory(problem);
	*shadow = (ProtobufCMessage)PROTOBUF_C_MESSAGE_INIT(&message->pb);
	status = message->direct ? pack_direct(&pack, message, slots, shadow)
				 : pack_slots(&pack, message, slots, shadow);
	return status < 0 ? status : finish(&pack, shadow, ret);
}

int codec_prepare_value_here(const struct pyr__type *type, const void *value, struct arena *arena,
			     struct codec_packer *ret, struct codec_problem *problem)
{
	const struct codec_message *message = codec_type_get(type);
	struct pack pack = { arena, problem, "member", -1, codec_padded(type->size), NULL };
	const ProtobufCMessage *shadow;
	struct codec_path root;
	int status;

	if (!message)
		return codec_fail_memory(problem);
	if (!value)
		return codec_fail(problem, PYR_INVALID_ARGUMENT, "", NULL, "is NULL");
	status = pack_message(&pack, message, value, codec_root(message, type, &root), &shadow);
	return status < 0 ? status : finish(&pack, shadow, ret);
}

void codec_pack_here(const struct codec_packer *packer, uint8_t *dst)
{
	if (packer->bytes)
		memcpy(dst, packer->bytes, packer->size);
	else
		protobuf_c_message_pack(packer->message, dst);
}
