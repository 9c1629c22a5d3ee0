/* SPDX-License-Identifier: MIT */
#include "face/grpc/descriptor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "face/grpc/descriptor_own.h"
#include "face/grpc/proto_put.h"
#include "wire/codec.h"

/* ---- what all parts use ---- */

const char *descriptor_text(struct descriptors *d, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n >= 0)
		text = arena_alloc_raw(&d->memory, (size_t)n + 1);
	if (!text) {
		d->failed = true;
		return NULL;
	}
	va_start(args, format);
	vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}

void descriptor_number_add(struct descriptors *d, struct descriptor_numbers *numbers,
			   uint32_t number)
{
	size_t i;

	for (i = 0; i < numbers->n; i++)
		if (numbers->items[i] == number)
			return;
	if (array_reserve(&numbers->items, &numbers->cap, numbers->n + 1, sizeof(number)))
		numbers->items[numbers->n++] = number;
	else
		d->failed = true;
}

void descriptor_symbol(struct descriptors *d, uint32_t file, bool is_message, const char *full)
{
	if (!full ||
	    !array_reserve(&d->symbols, &d->cap_symbols, d->n_symbols + 1, sizeof(*d->symbols))) {
		d->failed = true;
		return;
	}
	d->symbols[d->n_symbols++] = (struct made_symbol){ full, file, is_message };
}

size_t descriptor_package(const char *full)
{
	const char *dot = strrchr(full, '.');

	return dot ? (size_t)(dot - full) : 0;
}

uint32_t descriptor_file_add(struct descriptors *d, const char *name, const char *package)
{
	struct made_file *file;

	if (!name || !package ||
	    !array_reserve(&d->files, &d->cap_files, d->n_files + 1, sizeof(*d->files))) {
		d->failed = true;
		return DESCRIPTOR_NONE;
	}
	file = &d->files[d->n_files];
	*file = (struct made_file){ .file.name = name, .package = package };
	return (uint32_t)d->n_files++;
}

void descriptor_need(struct descriptors *d, uint32_t file, uint32_t other)
{
	if (file == DESCRIPTOR_NONE || other == DESCRIPTOR_NONE)
		d->failed = true;
	else if (file != other)
		descriptor_number_add(d, &d->files[file].needs, other);
}

/* ---- interfaces ---- */

static int by_interface(const void *a, const void *b)
{
	return strcmp(((const struct made_interface *)a)->name,
		      ((const struct made_interface *)b)->name);
}

static struct made_interface *find_interface(const struct descriptors *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->n_interfaces; i++)
		if (strcmp(d->interfaces[i].name, name) == 0)
			return &d->interfaces[i];
	return NULL;
}

/* Returns: borrowed until the next one is added. table: NULL, what declares an operation. */
static void add_interface(struct descriptors *d, const char *name,
			  const struct pyr__interface *table)
{
	struct made_interface *there = find_interface(d, name);

	if (there) {
		if (!there->table)
			there->table = table;
		return;
	}
	name = descriptor_text(d, "%s", name);
	if (!name || !array_reserve(&d->interfaces, &d->cap_interfaces, d->n_interfaces + 1,
				    sizeof(*d->interfaces))) {
		d->failed = true;
		return;
	}
	d->interfaces[d->n_interfaces++] = (struct made_interface){ table, name, DESCRIPTOR_NONE };
}

static void add_service_name(struct descriptors *d, const char *name)
{
	if (!name || !array_reserve(&d->services, &d->cap_services, d->n_services + 1,
				    sizeof(*d->services))) {
		d->failed = true;
		return;
	}
	d->services[d->n_services++] = name;
}

/* Who declares an operation: "example.Server" of "example.Server.add". */
static const char *owner_of(struct descriptors *d, const struct pyr__operation *op)
{
	return descriptor_text(d, "%.*s", (int)descriptor_package(op->name), op->name);
}

static bool has_service(const struct descriptors *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->n_services; i++)
		if (strcmp(d->services[i], name) == 0)
			return true;
	return false;
}

static void take_in(struct descriptors *d, const struct pyr__interface *table)
{
	const char *owner;
	uint32_t i;

	if (!table->name || !*table->name || has_service(d, table->name))
		return; /* of what stands in for another process's object nothing is known */
	add_service_name(d, descriptor_text(d, "%s", table->name));
	if (descriptor_known_service(d, table->name))
		return;
	add_interface(d, table->name, table);
	for (i = 0; i < table->n_operations && !d->failed; i++)
		if ((owner = owner_of(d, &table->operations[i])))
			add_interface(d, owner, NULL);
}

/* What goes, or comes, as the message itself; NULL: messages are made of slots. */
static const struct pyr__type *whole_message(const struct pyr__operation *op, bool is_reply)
{
	bool in = op->flags & PYR__STREAM_IN, out = op->flags & PYR__STREAM_OUT;
	unsigned n = op->n_in + op->n_out + in + out;

	if (n != 2 || !(op->fields[0].flags & PYR__WHOLE))
		return NULL;
	/* the order: what goes in, what comes out, items in, items out */
	return op->fields[is_reply ? !(in && op->n_out == 1) : in && op->n_out == 1].type;
}

static const char *message_name(struct descriptors *d, const struct pyr__operation *op,
				const char *which)
{
	const struct pyr__type *whole = whole_message(op, strcmp(which, "reply") == 0);
	const struct made_type *made = whole ? descriptor_find_type(d, whole) : NULL;
	size_t n = descriptor_package(op->name);

	if (whole)
		return made ? made->name : NULL;
	return descriptor_text(d, "%.*s_%s_%s", (int)n, op->name, op->name + n + 1, which);
}

/* What is not free to choose comes first: services, and the messages of their operations. */
static void reserve_names(struct descriptors *d)
{
	static const char *const which[] = { "request", "reply" };
	const struct pyr__interface *table;
	const char *name;
	size_t i, k;

	for (i = 0; i < d->n_interfaces && !d->failed; i++) {
		(void)descriptor_take(d, d->interfaces[i].name, "_");
		table = d->interfaces[i].table;
		for (k = 0; table && k < 2 * table->n_operations; k++) {
			if (whole_message(&table->operations[k / 2], false))
				continue;
			name = message_name(d, &table->operations[k / 2], which[k % 2]);
			(void)descriptor_take(d, name, "_");
		}
	}
}

/* ---- operations ---- */

static const char *path_of(struct descriptors *d, const char *full, const char *suffix)
{
	char *path = (char *)descriptor_text(d, "%s", full), *c;

	for (c = path; c && *c; c++)
		*c = *c == '.' ? '/' : *c;
	return path ? descriptor_text(d, "%s%s.proto", path, suffix) : NULL;
}

static const char *package_of(struct descriptors *d, const char *full)
{
	return descriptor_text(d, "%.*s", (int)descriptor_package(full), full);
}

/* One message of an operation: its slots, and the item of a stream behind them. */
static void put_slots(struct descriptors *d, uint32_t file, const struct pyr__operation *op,
		      bool is_reply)
{
	bool in = op->flags & PYR__STREAM_IN, out = op->flags & PYR__STREAM_OUT;
	const struct pyr__field *first = codec_fields_from(op, is_reply ? op->n_in : 0);
	const struct pyr__field *items = codec_fields_from(op, op->n_in + op->n_out);
	size_t n = is_reply ? op->n_out : op->n_in, i;
	const struct pyr__field **fields = arena_alloc(&d->memory, (n + 1) * sizeof(*fields));
	bool is_void = is_reply;

	for (i = 0; fields && i < n; i++)
		fields[i] = &first[i];
	if (fields && (is_reply ? out : in))
		fields[n++] = &items[is_reply && in];
	for (i = 0; fields && i < n; i++)
		is_void = is_void && fields[i]->id != 1;
	if (fields)
		descriptor_put_slots(d, file, message_name(d, op, is_reply ? "reply" : "request"),
				     fields, n, is_void);
	else
		d->failed = true;
}

static void put_messages(struct descriptors *d, const struct pyr__operation *op)
{
	const char *owner = owner_of(d, op);
	struct made_interface *interface = owner ? find_interface(d, owner) : NULL;
	struct span symbol;

	if (!interface || whole_message(op, false))
		return;
	if (interface->messages == DESCRIPTOR_NONE)
		interface->messages = descriptor_file_add(d, path_of(d, owner, "-messages"),
							  package_of(d, owner));
	symbol = span_of(message_name(d, op, "request"));
	if (d->failed || descriptors_find_symbol(d, symbol) >= 0)
		return; /* another that inherits it was first */
	put_slots(d, interface->messages, op, false);
	put_slots(d, interface->messages, op, true);
}

static void need_messages(struct descriptors *d, uint32_t file, const struct pyr__operation *op,
			  const struct made_interface *owner)
{
	const struct made_type *types[2];
	unsigned i;

	if (!whole_message(op, false)) {
		descriptor_need(d, file, owner->messages);
		return;
	}
	for (i = 0; i < 2; i++)
		if ((types[i] = descriptor_find_type(d, whole_message(op, i == 1))))
			descriptor_need(d, file, types[i]->file);
}

static void put_method(struct descriptors *d, const char *service, uint32_t file,
		       const struct pyr__operation *op, struct buf *out)
{
	const char *bare = op->name + descriptor_package(op->name) + 1, *owner = owner_of(d, op);
	const struct made_interface *interface = owner ? find_interface(d, owner) : NULL;
	const char *request = message_name(d, op, "request"),
		   *answer = message_name(d, op, "reply");
	struct buf method = { 0 };

	if (!interface || !request || !answer)
		return;
	need_messages(d, file, op, interface);
	descriptor_symbol(d, file, false, descriptor_text(d, "%s.%s", service, bare));
	proto_put_text(&method, 1, bare);
	proto_put_text(&method, 2, descriptor_text(d, ".%s", request));
	proto_put_text(&method, 3, descriptor_text(d, ".%s", answer));
	if (op->flags & PYR__STREAM_IN)
		proto_put_number(&method, 5, 1);
	if (op->flags & PYR__STREAM_OUT)
		proto_put_number(&method, 6, 1);
	proto_put_message(out, 2, &method);
}

static void put_service(struct descriptors *d, const struct pyr__interface *table)
{
	const char *name = descriptor_text(d, "%s", table->name);
	uint32_t file, i;
	struct buf service = { 0 };

	for (i = 0; i < table->n_operations && !d->failed; i++)
		put_messages(d, &table->operations[i]);
	file = name ? descriptor_file_add(d, path_of(d, name, ""), package_of(d, name))
		    : DESCRIPTOR_NONE;
	if (d->failed)
		return;
	descriptor_symbol(d, file, false, name);
	proto_put_text(&service, 1, name + descriptor_package(name) + (strchr(name, '.') ? 1 : 0));
	for (i = 0; i < table->n_operations && !d->failed; i++)
		put_method(d, name, file, &table->operations[i], &service);
	proto_put_message(&d->files[file].body, 6, &service);
}

/* ---- files ---- */

static void write_file(struct descriptors *d, struct made_file *file)
{
	struct buf out = { 0 };
	size_t i;
	void *bytes;

	proto_put_text(&out, 1, file->file.name);
	if (file->package[0])
		proto_put_text(&out, 2, file->package);
	for (i = 0; i < file->needs.n; i++)
		proto_put_text(&out, 3, d->files[file->needs.items[i]].file.name);
	buf_append(&out, file->body.data, file->body.n);
	proto_put_text(&out, 12, "proto3");
	bytes = arena_copy(&d->memory, out.data, out.n);
	if (!bytes || out.broken || file->body.broken)
		d->failed = true;
	file->file.bytes = (struct span){ bytes, out.n };
	file->file.needs = file->needs.items;
	file->file.n_needs = (uint32_t)file->needs.n;
	buf_free(&out);
	buf_free(&file->body);
	file->body = (struct buf){ 0 };
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void make(struct descriptors *d)
{
	size_t i;

	if (d->n_interfaces > 0)
		qsort(d->interfaces, d->n_interfaces, sizeof(*d->interfaces), by_interface);
	reserve_names(d);
	descriptor_collect(d);
	descriptor_name_types(d);
	if (!d->failed)
		descriptor_place_types(d);
	for (i = 0; i < d->n_types && !d->failed; i++)
		descriptor_put_type(d, &d->types[i]);
	for (i = 0; i < d->n_interfaces && !d->failed; i++)
		if (d->interfaces[i].table)
			put_service(d, d->interfaces[i].table);
	for (i = 0; i < d->n_files && !d->failed; i++)
		write_file(d, &d->files[i]);
	if (d->n_services > 0)
		qsort(d->services, d->n_services, sizeof(*d->services), by_text);
}

/* Of the tables nothing is kept. */
static void forget_tables(struct descriptors *d)
{
	size_t i;

	for (i = 0; i < d->n_types; i++)
		free(d->types[i].uses.items);
	free(d->types);
	free(d->interfaces);
	free(d->taken);
	d->types = NULL;
	d->interfaces = NULL;
	d->taken = NULL;
	d->n_types = d->n_interfaces = d->n_taken = 0;
}

struct descriptors *descriptors_new(const struct pyr__interface *const *interfaces, size_t n)
{
	struct descriptors *d = calloc(1, sizeof(*d));
	size_t i;

	if (!d)
		return NULL;
	arena_init(&d->memory, NULL, 0);
	for (i = 0; i < n && !d->failed; i++)
		take_in(d, interfaces[i]);
	make(d);
	forget_tables(d);
	if (!d->failed)
		return d;
	descriptors_free(d);
	return NULL;
}

void descriptors_free(struct descriptors *d)
{
	size_t i;

	if (!d)
		return;
	forget_tables(d);
	for (i = 0; i < d->n_files; i++) {
		free(d->files[i].needs.items);
		buf_free(&d->files[i].body);
	}
	free(d->files);
	free(d->symbols);
	free(d->services);
	arena_clear(&d->memory);
	free(d);
}

/* ---- look-ups ---- */

size_t descriptors_services(const struct descriptors *d, const char *const **ret)
{
	*ret = d->services;
	return d->n_services;
}

size_t descriptors_n_files(const struct descriptors *d)
{
	return d->n_files;
}

const struct descriptor_file *descriptors_file(const struct descriptors *d, size_t place)
{
	return &d->files[place].file;
}

ptrdiff_t descriptors_find_file(const struct descriptors *d, struct span name)
{
	size_t i;

	for (i = 0; i < d->n_files; i++)
		if (span_is(name, d->files[i].file.name))
			return (ptrdiff_t)i;
	return -1;
}

static const struct made_symbol *find_symbol(const struct descriptors *d, struct span symbol)
{
	size_t i;

	for (i = 0; i < d->n_symbols; i++)
		if (span_is(symbol, d->symbols[i].name))
			return &d->symbols[i];
	return NULL;
}

ptrdiff_t descriptors_find_symbol(const struct descriptors *d, struct span symbol)
{
	const struct made_symbol *found = find_symbol(d, symbol);

	return found ? (ptrdiff_t)found->file : -1;
}

bool descriptors_is_message(const struct descriptors *d, struct span symbol)
{
	const struct made_symbol *found = find_symbol(d, symbol);

	return found && found->is_message;
}
