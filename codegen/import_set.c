/* SPDX-License-Identifier: MIT */
#include "import_set.h"

#include <stdio.h>
#include <string.h>

#include "wire/varint.h"

struct bytes {
	const uint8_t *p;
	size_t n;
};

/* A field of a message: its number, and its value. */
struct entry {
	uint32_t id;
	uint64_t number;
	struct bytes bytes;
};

/* Returns 1, 0 at the end, or -1 if what stands there is no field. */
static int next(struct bytes *rest, struct entry *ret)
{
	const uint8_t *p = rest->p, *end = p + rest->n;
	uint64_t tag, n = 0;

	if (rest->n == 0)
		return 0;
	*ret = (struct entry){ 0 };
	if (!varint_get(&p, end, &tag))
		return -1;
	ret->id = (uint32_t)(tag >> 3);
	if ((tag & 7) == 0) {
		if (!varint_get(&p, end, &ret->number))
			return -1;
	} else if ((tag & 7) == 2) {
		if (!varint_get(&p, end, &n))
			return -1;
	} else {
		n = (tag & 7) == 1 ? 8 : (tag & 7) == 5 ? 4 : UINT64_MAX;
	}
	if (n > (uint64_t)(end - p))
		return -1;
	ret->bytes = (struct bytes){ p, (size_t)n };
	*rest = (struct bytes){ p + n, (size_t)(end - p) - (size_t)n };
	return 1;
}

static void *take(struct import_set *set, size_t n)
{
	void *ret = arena_alloc(set->arena, n);

	set->failed |= !ret;
	return ret;
}

static const char *text(struct import_set *set, struct bytes bytes)
{
	char *ret = take(set, bytes.n + 1);

	if (ret && bytes.n > 0)
		memcpy(ret, bytes.p, bytes.n);
	return ret ? ret : "";
}

static const char *joined(struct import_set *set, const char *a, const char *b, const char *c)
{
	size_t n = strlen(a) + strlen(b) + strlen(c) + 1;
	char *ret = take(set, n);

	if (ret)
		snprintf(ret, n, "%s%s%s", a, b, c);
	return ret ? ret : "";
}

/* Adds one to a list, after its last. The next pointer is the first member of each. */
static void append(void *list, void *last, void *one)
{
	void **first = list, **end = last;

	*(*end ? (void **)*end : first) = one;
	*end = one;
}

/* ---- parts ---- */

static bool read_field(struct import_set *set, struct bytes data, struct import_field *field)
{
	struct entry e;
	int more;

	field->name = field->type_name = "";
	field->oneof = -1;
	while ((more = next(&data, &e)) > 0) {
		switch (e.id) {
		case 1:
			field->name = text(set, e.bytes);
			break;
		case 3:
			field->number = (uint32_t)e.number;
			break;
		case 4:
			field->label = (uint32_t)e.number;
			break;
		case 5:
			field->type = (uint32_t)e.number;
			break;
		case 6:
			field->type_name = text(set, e.bytes);
			break;
		case 9:
			field->oneof = (int64_t)e.number;
			break;
		case 17:
			field->is_proto3_optional = e.number != 0;
			break;
		default:
			break;
		}
	}
	return more == 0;
}

/* An enumerator, or a oneof. */
static bool read_name(struct import_set *set, struct bytes data, struct import_name *name)
{
	struct entry e;
	int more;

	name->name = "";
	while ((more = next(&data, &e)) > 0) {
		if (e.id == 1)
			name->name = text(set, e.bytes);
		else if (e.id == 2)
			name->number = (int64_t)e.number;
	}
	return more == 0;
}

static bool has_number(struct bytes data, uint32_t id)
{
	struct entry e;

	while (next(&data, &e) > 0)
		if (e.id == id && e.number != 0)
			return true;
	return false;
}

static bool read_type(struct import_set *set, struct import_file *file,
		      const struct import_type *outer, struct bytes data, bool is_enum);

static bool read_part(struct import_set *set, struct import_type *type, const struct entry *e)
{
	struct import_field *field;
	struct import_name *name;

	if (e->id == 2 && !type->is_enum) {
		if (!(field = take(set, sizeof(*field))) || !read_field(set, e->bytes, field))
			return false;
		append(&type->fields, &type->last_field, field);
	} else if (e->id == (type->is_enum ? 2 : 8)) {
		if (!(name = take(set, sizeof(*name))) || !read_name(set, e->bytes, name))
			return false;
		if (type->is_enum)
			append(&type->values, &type->last_value, name);
		else
			append(&type->oneofs, &type->last_oneof, name);
	} else if (!type->is_enum && (e->id == 3 || e->id == 4)) {
		return read_type(set, type->file, type, e->bytes, e->id == 4);
	} else if (!type->is_enum && e->id == 7) {
		type->is_entry = has_number(e->bytes, 7);
	}
	return true;
}

static bool read_type(struct import_set *set, struct import_file *file,
		      const struct import_type *outer, struct bytes data, bool is_enum)
{
	struct import_type *type = take(set, sizeof(*type));
	struct bytes rest = data;
	const char *name = "";
	struct entry e;
	int more;

	if (!type)
		return false;
	while (next(&rest, &e) > 0)
		if (e.id == 1)
			name = text(set, e.bytes);
	type->file = file;
	type->is_enum = is_enum;
	type->is_nested = outer;
	type->full = outer ? joined(set, outer->full, ".", name)
		     : file->package[0]
			     ? joined(set, joined(set, ".", file->package, "."), name, "")
			     : joined(set, ".", name, "");
	type->scope = outer ? joined(set, outer->idl, "_", "") : "";
	type->idl = joined(set, type->scope, name, "");
	append(&file->types, &file->last_type, type);
	set_put(&set->by_full, type->full, type);
	while ((more = next(&data, &e)) > 0)
		if (!read_part(set, type, &e))
			return false;
	return more == 0;
}

static bool read_method(struct import_set *set, struct bytes data, struct import_method *method)
{
	struct entry e;
	int more;

	method->name = method->in = method->out = "";
	while ((more = next(&data, &e)) > 0) {
		if (e.id == 1)
			method->name = text(set, e.bytes);
		else if (e.id == 2)
			method->in = text(set, e.bytes);
		else if (e.id == 3)
			method->out = text(set, e.bytes);
		else if (e.id == 5)
			method->is_in_stream = e.number != 0;
		else if (e.id == 6)
			method->is_out_stream = e.number != 0;
	}
	return more == 0;
}

static bool read_service(struct import_set *set, struct import_file *file, struct bytes data)
{
	struct import_service *service = take(set, sizeof(*service));
	struct import_method *method;
	struct entry e;
	int more;

	if (!service)
		return false;
	service->name = "";
	append(&file->services, &file->last_service, service);
	while ((more = next(&data, &e)) > 0) {
		if (e.id == 1)
			service->name = text(set, e.bytes);
		if (e.id != 2)
			continue;
		method = take(set, sizeof(*method));
		if (!method || !read_method(set, e.bytes, method))
			return false;
		append(&service->methods, &service->last_method, method);
	}
	return more == 0;
}

/* ---- comments: a path of numbers leads to what each is about ---- */

static const char *trimmed(struct import_set *set, struct bytes bytes)
{
	char *ret = (char *)text(set, bytes);
	size_t n = strlen(ret);

	while (n > 0 && (ret[n - 1] == '\n' || ret[n - 1] == ' '))
		ret[--n] = '\0';
	return ret;
}

/* Where the last search in a list ended: protoc lists comments in the order of the file. */
struct cursor {
	void *list, *at;
	uint64_t n;
};

struct cursors {
	struct cursor services, messages, enums, members;
};

static void *nth(struct cursor *cursor, void *list, uint64_t n)
{
	if (cursor->list != list || !cursor->at || n < cursor->n)
		*cursor = (struct cursor){ .list = list, .at = list };
	for (; cursor->at && cursor->n < n; cursor->n++)
		cursor->at = *(void **)cursor->at;
	return cursor->at;
}

static struct import_type *next_top(struct import_type *type, bool is_enum)
{
	while (type && (type->is_nested || type->is_enum != is_enum))
		type = type->next;
	return type;
}

/* Of types the path goes by their places among those that are not nested, which are told apart
 * here. */
static struct import_type *top_type(struct cursor *cursor, struct import_file *file, uint64_t n,
				    bool is_enum)
{
	if (!cursor->at || n < cursor->n)
		*cursor = (struct cursor){ .at = next_top(file->types, is_enum) };
	for (; cursor->at && cursor->n < n; cursor->n++)
		cursor->at = next_top(((struct import_type *)cursor->at)->next, is_enum);
	return cursor->at;
}

static const char **place_of_doc(struct import_file *file, struct cursors *cursors,
				 const uint64_t *path, size_t n)
{
	struct import_type *type;
	struct import_service *service;
	struct import_method *method;
	struct import_field *field;
	struct import_name *value;
	bool is_enum = path[0] == 5;

	if (n != 2 && n != 4)
		return NULL;
	if (path[0] == 6 && (service = nth(&cursors->services, file->services, path[1]))) {
		if (n == 2)
			return &service->doc;
		method = path[2] == 2 ? nth(&cursors->members, service->methods, path[3]) : NULL;
		return method ? &method->doc : NULL;
	}
	if ((path[0] != 4 && path[0] != 5) ||
	    !(type = top_type(is_enum ? &cursors->enums : &cursors->messages, file, path[1],
			      is_enum)))
		return NULL;
	if (n == 2)
		return &type->doc;
	if (path[2] != 2)
		return NULL;
	field = is_enum ? NULL : nth(&cursors->members, type->fields, path[3]);
	value = is_enum ? nth(&cursors->members, type->values, path[3]) : NULL;
	return field ? &field->doc : value ? &value->doc : NULL;
}

static void read_location(struct import_set *set, struct import_file *file, struct cursors *cursors,
			  struct bytes data)
{
	uint64_t path[4] = { 0 };
	struct bytes packed, doc = { 0 };
	size_t n = 0;
	const char **place;
	struct entry e;

	while (next(&data, &e) > 0) {
		if (e.id == 3)
			doc = e.bytes;
		if (e.id != 1)
			continue;
		packed = e.bytes;
		for (n = 0; packed.n > 0; n++) {
			const uint8_t *p = packed.p;
			uint64_t value;

			if (!varint_get(&p, packed.p + packed.n, &value))
				return;
			packed.n -= (size_t)(p - packed.p);
			packed.p = p;
			if (n < 4)
				path[n] = value;
		}
	}
	place = doc.n > 0 ? place_of_doc(file, cursors, path, n) : NULL;
	if (place)
		*place = trimmed(set, doc);
}

static void read_comments(struct import_set *set, struct import_file *file, struct bytes data)
{
	struct cursors cursors = { 0 };
	struct entry e;

	while (next(&data, &e) > 0)
		if (e.id == 1)
			read_location(set, file, &cursors, e.bytes);
}

/* ---- files ---- */

static bool read_file(struct import_set *set, struct bytes data)
{
	struct import_file *file = take(set, sizeof(*file));
	struct bytes rest = data;
	struct entry e;
	int more;

	if (!file)
		return false;
	file->name = file->package = "";
	append(&set->files, &set->last_file, file);
	while (next(&rest, &e) > 0) { /* names come first, wherever they stand */
		if (e.id == 1)
			file->name = text(set, e.bytes);
		else if (e.id == 2)
			file->package = text(set, e.bytes);
		else if (e.id == 12)
			file->is_proto3 = strcmp(text(set, e.bytes), "proto3") == 0;
	}
	for (rest = data; (more = next(&rest, &e)) > 0;)
		if ((e.id == 4 || e.id == 5) && !read_type(set, file, NULL, e.bytes, e.id == 5))
			return false;
		else if (e.id == 6 && !read_service(set, file, e.bytes))
			return false;
	for (rest = data; next(&rest, &e) > 0;)
		if (e.id == 9)
			read_comments(set, file, e.bytes);
	return more == 0;
}

bool import_set_read(struct import_set *set, const uint8_t *data, size_t n)
{
	struct bytes rest = { data, n };
	struct entry e;
	int more;

	while ((more = next(&rest, &e)) > 0)
		if (e.id == 1 && !read_file(set, e.bytes))
			return false;
	set->failed |= set->by_full.failed;
	return more == 0 && !set->failed;
}

void import_set_free(struct import_set *set)
{
	set_free(&set->by_full);
	set_free(&set->by_idl);
}

struct import_type *import_find(const struct import_set *set, const char *full)
{
	return (struct import_type *)set_get(&set->by_full, full);
}
