/* SPDX-License-Identifier: MIT */
/*
 * Tables are known by their address, and a library that was unloaded leaves its addresses to
 * others. So what was built for a table bears a stamp of all that the table leads to, addresses
 * included, and the count of unloads until which it has been seen to be true.
 */
#define _GNU_SOURCE /* dl_iterate_phdr() */
#include "wire/codec_build.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"

struct walk {
	uint64_t hash;
	const struct pyr__type **types; /* met so far */
	size_t n_types, room;
	bool is_broken; /* memory is out */
};

static void add(struct walk *walk, const void *data, size_t n)
{
	walk->hash = hash_more(walk->hash, data, n);
}

static void add_text(struct walk *walk, const char *s)
{
	if (s)
		add(walk, s, strlen(s) + 1);
}

static void meet(struct walk *walk, const struct pyr__type *type)
{
	size_t i;

	for (i = 0; i < walk->n_types; i++)
		if (walk->types[i] == type)
			return;
	if (array_reserve(&walk->types, &walk->room, walk->n_types + 1, sizeof(type)))
		walk->types[walk->n_types++] = type;
	else
		walk->is_broken = true;
}

/* By member: what stands between them has no value. */
static void add_fields(struct walk *walk, const struct pyr__field *fields, size_t n)
{
	const struct pyr__field *field;

	for (field = fields; field < fields + n; field++) {
		add(walk, &field, sizeof(field));
		add(walk, &field->id, sizeof(field->id));
		add_text(walk, field->name);
		add(walk, &field->kind, sizeof(field->kind));
		add(walk, &field->flags, sizeof(field->flags));
		add(walk, &field->offset, sizeof(field->offset));
		add(walk, &field->has_offset, sizeof(field->has_offset));
		add(walk, &field->bound, sizeof(field->bound));
		if (field->type)
			meet(walk, field->type);
	}
}

static void add_type(struct walk *walk, const struct pyr__type *type)
{
	size_t n = type->kind == PYR__MAP                                    ? 2
		   : type->kind == PYR__SEQUENCE || type->kind == PYR__ARRAY ? 1
									     : type->n_fields;

	add(walk, &type, sizeof(type));
	add(walk, &type->kind, sizeof(type->kind));
	add(walk, &type->oneof, sizeof(type->oneof));
	add_text(walk, type->name);
	add(walk, &type->size, sizeof(type->size));
	add(walk, &type->bound, sizeof(type->bound));
	add(walk, &type->entry_size, sizeof(type->entry_size));
	add(walk, &type->labels, sizeof(type->labels));
	add(walk, &type->n_labels, sizeof(type->n_labels));
	add(walk, &type->interface, sizeof(type->interface));
	if (type->fields)
		add_fields(walk, type->fields, n);
}

static void add_interface(struct walk *walk, const struct pyr__interface *table)
{
	const struct pyr__operation *op;
	size_t i, n;

	add_text(walk, table->name);
	add(walk, &table->fingerprint, sizeof(table->fingerprint));
	for (i = 0; i < table->n_operations; i++) {
		op = &table->operations[i];
		n = op->n_in + op->n_out;
		n += ((op->flags & PYR__STREAM_IN) != 0) + ((op->flags & PYR__STREAM_OUT) != 0);
		add(walk, &op, sizeof(op));
		add_text(walk, op->name);
		add(walk, &op->n_in, sizeof(op->n_in));
		add(walk, &op->n_out, sizeof(op->n_out));
		add(walk, &op->flags, sizeof(op->flags));
		if (n > 0)
			add_fields(walk, op->fields, n);
	}
}

uint64_t codec_stamp(const void *table, enum codec_form form)
{
	struct walk walk = { .hash = HASH_START };
	size_t i;

	if (form == CODEC_INTERFACE)
		add_interface(&walk, table);
	else
		meet(&walk, table);
	for (i = 0; i < walk.n_types; i++)
		add_type(&walk, walk.types[i]);
	free(walk.types);
	return walk.is_broken ? 0 : walk.hash | 1;
}

static int count(struct dl_phdr_info *info, size_t size, void *ret)
{
	if (size >= offsetof(struct dl_phdr_info, dlpi_subs) + sizeof(info->dlpi_subs))
		*(unsigned long long *)ret = info->dlpi_subs;
	return 1; /* the first object knows */
}

unsigned long long codec_unloads(void)
{
	unsigned long long ret = 0;

	dl_iterate_phdr(count, &ret);
	return ret;
}
