/* SPDX-License-Identifier: MIT */
/*
 * Messages and enums, with the names and labels that codegen/proto_message.c and proto_decl.c
 * write. protoc takes names for one that differ only in case and underscores, so some are changed.
 */
#include "face/grpc/descriptor_own.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "face/grpc/proto_put.h"

enum { LABEL_OPTIONAL = 1, LABEL_REPEATED = 3 };
enum { TYPE_MESSAGE = 11, TYPE_ENUM = 14 };

static const uint8_t proto_types[] = {
	[PYR__BOOL] = 8,    [PYR__CHAR] = 13,  [PYR__WCHAR] = 13,  [PYR__INT8] = 5,
	[PYR__UINT8] = 13,  [PYR__INT16] = 5,  [PYR__UINT16] = 13, [PYR__INT32] = 5,
	[PYR__UINT32] = 13, [PYR__INT64] = 3,  [PYR__UINT64] = 4,  [PYR__FLOAT] = 2,
	[PYR__DOUBLE] = 1,  [PYR__STRING] = 9, [PYR__BYTES] = 12,
};

/* A message that is being written. */
struct message {
	struct descriptors *d;
	uint32_t file;
	const char *full;
	struct buf out;      /* of its descriptor */
	struct buf oneofs;   /* of synthetic ones, which follow */
	const char **folded; /* names of its fields without case and underscores */
	const char **names;
	size_t n, max;
	uint32_t n_oneofs;
	const char *oneof; /* all are alternatives; NULL: no */
};

/* ---- names ---- */

static const char *fold(struct descriptors *d, const char *name)
{
	char *folded = (char *)descriptor_text(d, "%s", name), *to = folded;

	for (; folded && *name; name++)
		if (*name != '_')
			*to++ = (char)tolower((unsigned char)*name);
	if (folded)
		*to = '\0';
	return folded;
}

static bool is_among(const char *const *names, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* The field's name, made different from the ones before it. */
static const char *field_name(struct message *m, const struct pyr__field *field)
{
	const char *name = descriptor_text(m->d, "%s", field->name);
	const char *folded = name ? fold(m->d, name) : NULL;

	while (folded && is_among(m->folded, m->n, folded)) {
		name = descriptor_text(m->d, "%s_%u", name, (unsigned)field->id);
		folded = name ? fold(m->d, name) : NULL;
	}
	if (!folded)
		return NULL;
	m->names[m->n] = name;
	m->folded[m->n++] = folded;
	return name;
}

/* "FooBarEntry", as protoc calls what a map foo_bar is made of. */
static const char *entry_name(struct descriptors *d, const char *field)
{
	char *name = (char *)descriptor_text(d, "%sEntry", field), *to = name;
	bool up = true;

	for (; name && *field; field++) {
		if (*field != '_')
			*to++ = up ? (char)toupper((unsigned char)*field) : *field;
		up = *field == '_';
	}
	if (name)
		memcpy(to, "Entry", sizeof("Entry"));
	return name;
}

/* ---- fields ---- */

/* What one value of it is. */
static void put_value_type(struct message *m, const struct descriptor_sent *sent, struct buf *out)
{
	const struct made_type *type;
	unsigned kind = sent->value->kind;

	if (sent->type) {
		type = descriptor_find_type(m->d, sent->type);
		proto_put_number(out, 5, kind == PYR__ENUM ? TYPE_ENUM : TYPE_MESSAGE);
		proto_put_text(out, 6, descriptor_text(m->d, ".%s", type ? type->name : ""));
		if (type)
			descriptor_need(m->d, m->file, type->file);
	} else if (kind >= PYR__INTERFACE) {
		proto_put_number(out, 5, TYPE_MESSAGE);
		proto_put_text(out, 6,
			       kind == PYR__ANY ? ".google.protobuf.Any" : ".pyrite.Reference");
		descriptor_need(m->d, m->file,
				kind == PYR__ANY ? descriptor_any(m->d)
						 : descriptor_reference(m->d));
	} else {
		proto_put_number(out, 5, proto_types[kind]);
	}
}

static void put_entry_field(struct message *m, const struct pyr__field *field, uint32_t id,
			    struct buf *entry)
{
	struct descriptor_sent sent = descriptor_sent(field, IN_ENTRY);
	struct buf out = { 0 };

	proto_put_text(&out, 1, id == 1 ? "key" : "value");
	proto_put_number(&out, 3, id);
	proto_put_number(&out, 4, LABEL_OPTIONAL);
	put_value_type(m, &sent, &out);
	proto_put_message(entry, 2, &out);
}

/* The message that a map is a list of; out: of the field. */
static void put_map(struct message *m, const struct pyr__field *field, const char *name,
		    struct buf *out)
{
	const char *entry = entry_name(m->d, name);
	struct buf nested = { 0 }, options = { 0 };

	if (!entry)
		return;
	proto_put_number(out, 5, TYPE_MESSAGE);
	proto_put_text(out, 6, descriptor_text(m->d, ".%s.%s", m->full, entry));
	proto_put_text(&nested, 1, entry);
	put_entry_field(m, &field->type->fields[0], 1, &nested);
	put_entry_field(m, &field->type->fields[1], 2, &nested);
	proto_put_number(&options, 7, 1);
	proto_put_message(&nested, 7, &options);
	proto_put_message(&m->out, 3, &nested);
	descriptor_symbol(m->d, m->file, true, descriptor_text(m->d, "%s.%s", m->full, entry));
}

/* Whether its presence has to be told; messages tell it anyway. */
static bool is_marked(const struct descriptor_sent *sent, const struct pyr__field *field,
		      enum descriptor_place place)
{
	return !sent->is_many && (field->flags || place == IN_UNION) && place != IN_ONEOF &&
	       field->kind <= PYR__BYTES;
}

static void put_field(void *data, const struct pyr__field *field, enum descriptor_place place)
{
	struct message *m = data;
	struct descriptor_sent sent = descriptor_sent(field, place);
	const char *name;
	struct buf out = { 0 };

	if (m->n == m->max || !(name = field_name(m, field)))
		return;
	descriptor_symbol(m->d, m->file, false, descriptor_text(m->d, "%s.%s", m->full, name));
	proto_put_text(&out, 1, name);
	proto_put_number(&out, 3, field->id);
	proto_put_number(&out, 4, sent.is_many ? LABEL_REPEATED : LABEL_OPTIONAL);
	if (sent.is_map)
		put_map(m, field, name, &out);
	else
		put_value_type(m, &sent, &out);
	if (is_marked(&sent, field, place)) {
		proto_put_number(&out, 9, m->n_oneofs++);
		proto_put_number(&out, 17, 1);
		m->names[m->n - 1] = name;
		proto_put_text(&m->oneofs, 1, name); /* see put_oneofs() */
	}
	if (place == IN_ONEOF)
		proto_put_number(&out, 9, 0);
	proto_put_message(&m->out, 2, &out);
}

/* Each field whose presence is told stands in a oneof of its own, "_name", which may not be called
 * as a field. */
static void put_oneofs(struct message *m)
{
	const uint8_t *p = m->oneofs.data, *end = p + m->oneofs.n;
	struct buf one = { 0 };
	const char *name;
	uint64_t n;

	if (m->oneof) {
		proto_put_text(&one, 1, m->oneof);
		proto_put_message(&m->out, 8, &one);
		descriptor_symbol(m->d, m->file, false,
				  descriptor_text(m->d, "%s.%s", m->full, m->oneof));
	}
	while (p && p < end) {
		p++; /* its tag */
		if (!varint_get(&p, end, &n))
			return;
		name = descriptor_text(m->d, "_%.*s", (int)n, (const char *)p);
		while (name && is_among(m->names, m->n, name))
			name = descriptor_text(m->d, "X%s", name);
		proto_put_text(&one, 1, name);
		proto_put_message(&m->out, 8, &one);
		p += n;
	}
}

/* ---- messages ---- */

static bool begin(struct message *m, struct descriptors *d, uint32_t file, const char *full,
		  size_t n)
{
	*m = (struct message){ .d = d, .file = file, .full = full, .max = n };
	m->folded = arena_alloc(&d->memory, n * sizeof(*m->folded));
	m->names = arena_alloc(&d->memory, n * sizeof(*m->names));
	if (!m->folded || !m->names || !full || file == DESCRIPTOR_NONE) {
		d->failed = true;
		return false;
	}
	descriptor_symbol(d, file, true, full);
	proto_put_text(&m->out, 1, full + descriptor_package(full) + (strchr(full, '.') ? 1 : 0));
	return true;
}

static void end(struct message *m)
{
	put_oneofs(m);
	buf_free(&m->oneofs);
	proto_put_message(&m->d->files[m->file].body, 4, &m->out);
}

void descriptor_put_slots(struct descriptors *d, uint32_t file, const char *full,
			  const struct pyr__field *const *fields, size_t n, bool is_void)
{
	struct buf range = { 0 };
	struct message m;
	size_t i;

	if (!begin(&m, d, file, full, n))
		return;
	for (i = 0; i < n; i++)
		put_field(&m, fields[i], IN_MESSAGE);
	if (is_void) {
		proto_put_number(&range, 1, 1);
		proto_put_number(&range, 2, 2);
		proto_put_message(&m.out, 9, &range);
	}
	end(&m);
}

static void put_message(struct descriptors *d, const struct made_type *type)
{
	const struct pyr__type *table = type->table;
	struct message m;
	uint32_t i;

	if (!begin(&m, d, type->file, type->name, table->n_fields + 1))
		return;
	if (table->kind == PYR__UNION && table->oneof) {
		m.oneof = "value";
		for (i = 1; i < table->n_fields; i++)
			if (strcmp(table->fields[i].name, "value") == 0)
				m.oneof = "value_";
	}
	descriptor_each_field(table, put_field, &m);
	end(&m);
}

/* ---- enums ---- */

/* What is left of a name when languages strip the enum's and join its words. */
static const char *pascal(struct descriptors *d, const char *name)
{
	char *text = (char *)descriptor_text(d, "%s", name), *to = text;
	bool word = true;

	for (; text && *name; name++) {
		if (*name != '_')
			*to++ = (char)(word ? toupper((unsigned char)*name)
					    : tolower((unsigned char)*name));
		word = *name == '_';
	}
	if (text)
		*to = '\0';
	return text;
}

struct values {
	struct descriptors *d;
	const struct made_type *type;
	struct buf out;
	const char **taken; /* as languages see them */
	size_t n;
};

static bool is_taken(const struct values *v, const char *name)
{
	const struct descriptors *d = v->d;
	const char *words = pascal(v->d, name);

	return words && (is_among(v->taken, v->n, words) ||
			 is_among(d->taken, d->n_taken,
				  descriptor_text(v->d, "%s_%s", v->type->name, name)));
}

static void put_enumerator(struct values *v, const char *own, int32_t value)
{
	struct descriptors *d = v->d;
	const char *full = v->type->name, *name;
	struct buf out = { 0 };

	while (own && !d->failed && is_taken(v, own))
		own = descriptor_text(d, "%s_x", own);
	if (!own || d->failed)
		return;
	v->taken[v->n] = pascal(d, own);
	v->n += v->taken[v->n] != NULL;
	name = descriptor_take(d, descriptor_text(d, "%s_%s", full, own), "_x");
	descriptor_symbol(d, v->type->file, false, name);
	proto_put_text(&out, 1, name + descriptor_package(full) + (strchr(full, '.') ? 1 : 0));
	proto_put_number(&out, 2, (uint64_t)(int64_t)value);
	proto_put_message(&v->out, 2, &out);
}

static bool has_aliases(const struct pyr__type *table)
{
	uint32_t i, k;

	for (i = 0; i < table->n_enumerators; i++)
		for (k = i + 1; k < table->n_enumerators; k++)
			if (table->enumerators[i].value == table->enumerators[k].value)
				return true;
	return false;
}

/* proto3 wants a zero first: the enumerator that is zero, or one that IDL does not know. */
static void put_enum(struct descriptors *d, const struct made_type *type)
{
	const struct pyr__type *table = type->table;
	struct values v = { .d = d, .type = type };
	struct buf options = { 0 };
	uint32_t zero = 0, i;

	v.taken = arena_alloc(&d->memory, (table->n_enumerators + 1) * sizeof(*v.taken));
	if (!v.taken || type->file == DESCRIPTOR_NONE) {
		d->failed = true;
		return;
	}
	descriptor_symbol(d, type->file, false, type->name);
	proto_put_text(&v.out, 1,
		       type->name + descriptor_package(type->name) +
			       (strchr(type->name, '.') ? 1 : 0));
	while (zero < table->n_enumerators && table->enumerators[zero].value != 0)
		zero++;
	if (zero == table->n_enumerators)
		put_enumerator(&v, "UNSPECIFIED_", 0);
	else
		put_enumerator(&v, table->enumerators[zero].name, 0);
	for (i = 0; i < table->n_enumerators; i++)
		if (i != zero)
			put_enumerator(&v, table->enumerators[i].name, table->enumerators[i].value);
	if (has_aliases(table)) {
		proto_put_number(&options, 2, 1);
		proto_put_message(&v.out, 3, &options);
	}
	proto_put_message(&d->files[type->file].body, 5, &v.out);
}

void descriptor_put_type(struct descriptors *d, const struct made_type *type)
{
	if (type->table->kind == PYR__ENUM)
		put_enum(d, type);
	else
		put_message(d, type);
}
