/* SPDX-License-Identifier: MIT */
/*
 * Files that every gRPC language has the same: what protobuf and gRPC define, and the reference of
 * Pyrite. Written down as lines, each a message, a field, or a part of a service.
 */
#include "face/grpc/descriptor_own.h"

#include <string.h>

#include "face/grpc/proto_put.h"

enum known_kind {
	END,
	MESSAGE,
	FIELD,    /* of the last message */
	REPEATED, /* the same */
	ONEOF,    /* the same, of its oneof; flags: none */
	CHOICE,   /* the oneof's name */
	ENTRIES,  /* a map from string to that message; number: of the field */
	ENUM,     /* inside the last message */
	VALUE,    /* of the last enum */
	SERVICE,
	METHOD /* number: STREAMS_IN | STREAMS_OUT */
};
enum { STREAMS_IN = 1, STREAMS_OUT = 2 };
enum { T_INT32 = 5, T_FIXED64 = 6, T_STRING = 9, T_MESSAGE = 11, T_BYTES = 12, T_ENUM = 14 };

struct known {
	enum known_kind kind;
	const char *name;
	uint32_t number;
	uint32_t type;       /* of a field */
	const char *of;      /* its message or enum; a method's request */
	const char *answers; /* a method's reply */
};

static const struct known any[] = {
	{ MESSAGE, "Any", 0, 0, NULL, NULL },
	{ FIELD, "type_url", 1, T_STRING, NULL, NULL },
	{ FIELD, "value", 2, T_BYTES, NULL, NULL },
	{ END, NULL, 0, 0, NULL, NULL },
};

static const struct known reference[] = {
	{ MESSAGE, "Reference", 0, 0, NULL, NULL },
	{ FIELD, "interface", 1, T_STRING, NULL, NULL },
	{ FIELD, "fingerprint", 2, T_FIXED64, NULL, NULL },
	{ REPEATED, "uris", 3, T_STRING, NULL, NULL },
	{ FIELD, "object", 4, T_STRING, NULL, NULL },
	{ FIELD, "link_local", 5, T_BYTES, NULL, NULL },
	{ END, NULL, 0, 0, NULL, NULL },
};

static const struct known health[] = {
	{ MESSAGE, "HealthCheckRequest", 0, 0, NULL, NULL },
	{ FIELD, "service", 1, T_STRING, NULL, NULL },
	{ MESSAGE, "HealthCheckResponse", 0, 0, NULL, NULL },
	{ FIELD, "status", 1, T_ENUM, "HealthCheckResponse.ServingStatus", NULL },
	{ ENUM, "ServingStatus", 0, 0, NULL, NULL },
	{ VALUE, "UNKNOWN", 0, 0, NULL, NULL },
	{ VALUE, "SERVING", 1, 0, NULL, NULL },
	{ VALUE, "NOT_SERVING", 2, 0, NULL, NULL },
	{ VALUE, "SERVICE_UNKNOWN", 3, 0, NULL, NULL },
	{ MESSAGE, "HealthListRequest", 0, 0, NULL, NULL },
	{ MESSAGE, "HealthListResponse", 0, 0, NULL, NULL },
	{ ENTRIES, "statuses", 1, T_MESSAGE, "HealthCheckResponse", NULL },
	{ SERVICE, "Health", 0, 0, NULL, NULL },
	{ METHOD, "Check", 0, 0, "HealthCheckRequest", "HealthCheckResponse" },
	{ METHOD, "List", 0, 0, "HealthListRequest", "HealthListResponse" },
	{ METHOD, "Watch", STREAMS_OUT, 0, "HealthCheckRequest", "HealthCheckResponse" },
	{ END, NULL, 0, 0, NULL, NULL },
};

static const struct known reflection[] = {
	{ MESSAGE, "ServerReflectionRequest", 0, 0, NULL, NULL },
	{ FIELD, "host", 1, T_STRING, NULL, NULL },
	{ CHOICE, "message_request", 0, 0, NULL, NULL },
	{ ONEOF, "file_by_filename", 3, T_STRING, NULL, NULL },
	{ ONEOF, "file_containing_symbol", 4, T_STRING, NULL, NULL },
	{ ONEOF, "file_containing_extension", 5, T_MESSAGE, "ExtensionRequest", NULL },
	{ ONEOF, "all_extension_numbers_of_type", 6, T_STRING, NULL, NULL },
	{ ONEOF, "list_services", 7, T_STRING, NULL, NULL },
	{ MESSAGE, "ExtensionRequest", 0, 0, NULL, NULL },
	{ FIELD, "containing_type", 1, T_STRING, NULL, NULL },
	{ FIELD, "extension_number", 2, T_INT32, NULL, NULL },
	{ MESSAGE, "ServerReflectionResponse", 0, 0, NULL, NULL },
	{ FIELD, "valid_host", 1, T_STRING, NULL, NULL },
	{ FIELD, "original_request", 2, T_MESSAGE, "ServerReflectionRequest", NULL },
	{ CHOICE, "message_response", 0, 0, NULL, NULL },
	{ ONEOF, "file_descriptor_response", 4, T_MESSAGE, "FileDescriptorResponse", NULL },
	{ ONEOF, "all_extension_numbers_response", 5, T_MESSAGE, "ExtensionNumberResponse", NULL },
	{ ONEOF, "list_services_response", 6, T_MESSAGE, "ListServiceResponse", NULL },
	{ ONEOF, "error_response", 7, T_MESSAGE, "ErrorResponse", NULL },
	{ MESSAGE, "FileDescriptorResponse", 0, 0, NULL, NULL },
	{ REPEATED, "file_descriptor_proto", 1, T_BYTES, NULL, NULL },
	{ MESSAGE, "ExtensionNumberResponse", 0, 0, NULL, NULL },
	{ FIELD, "base_type_name", 1, T_STRING, NULL, NULL },
	{ REPEATED, "extension_number", 2, T_INT32, NULL, NULL },
	{ MESSAGE, "ListServiceResponse", 0, 0, NULL, NULL },
	{ REPEATED, "service", 1, T_MESSAGE, "ServiceResponse", NULL },
	{ MESSAGE, "ServiceResponse", 0, 0, NULL, NULL },
	{ FIELD, "name", 1, T_STRING, NULL, NULL },
	{ MESSAGE, "ErrorResponse", 0, 0, NULL, NULL },
	{ FIELD, "error_code", 1, T_INT32, NULL, NULL },
	{ FIELD, "error_message", 2, T_STRING, NULL, NULL },
	{ SERVICE, "ServerReflection", 0, 0, NULL, NULL },
	{ METHOD, "ServerReflectionInfo", STREAMS_IN | STREAMS_OUT, 0, "ServerReflectionRequest",
	  "ServerReflectionResponse" },
	{ END, NULL, 0, 0, NULL, NULL },
};

/* ---- how they are written ---- */

/* What is under way; each part is written when the next one of its kind begins. */
struct writing {
	struct descriptors *d;
	uint32_t file;
	const char *package;
	struct buf outer; /* a message or a service */
	uint32_t id;      /* of that, in the file; 0: there is none */
	struct buf inner; /* an enum in it */
	const char *full; /* ".package.Name" of the outer one */
};

static void end_inner(struct writing *w)
{
	if (w->inner.n > 0)
		proto_put_message(&w->outer, 4, &w->inner);
	w->inner = (struct buf){ 0 };
}

static void end_outer(struct writing *w)
{
	end_inner(w);
	if (w->id)
		proto_put_message(&w->d->files[w->file].body, w->id, &w->outer);
	w->outer = (struct buf){ 0 };
	w->id = 0;
}

static const char *full_name(struct writing *w, const char *name)
{
	return descriptor_text(w->d, ".%s.%s", w->package, name);
}

static void begin_outer(struct writing *w, const struct known *k)
{
	end_outer(w);
	w->id = k->kind == MESSAGE ? 4 : 6;
	w->full = full_name(w, k->name);
	proto_put_text(&w->outer, 1, k->name);
	if (w->full)
		descriptor_symbol(w->d, w->file, k->kind == MESSAGE, w->full + 1);
}

static void put_field_of(struct writing *w, const struct known *k, struct buf *out, const char *of)
{
	struct buf field = { 0 };

	proto_put_text(&field, 1, k->name);
	proto_put_number(&field, 3, k->number);
	proto_put_number(&field, 4, k->kind == REPEATED || k->kind == ENTRIES ? 3 : 1);
	proto_put_number(&field, 5, k->type);
	if (of)
		proto_put_text(&field, 6, full_name(w, of));
	if (k->kind == ONEOF)
		proto_put_number(&field, 9, 0);
	proto_put_message(out, 2, &field);
}

static void put_entries(struct writing *w, const struct known *k)
{
	struct known key = { FIELD, "key", 1, T_STRING, NULL, NULL };
	struct known value = { FIELD, "value", 2, k->type, k->of, NULL };
	struct buf entry = { 0 }, options = { 0 };
	const char *message = w->full ? strrchr(w->full, '.') + 1 : "";
	const char *name = descriptor_text(w->d, "%s.StatusesEntry", message);

	proto_put_text(&entry, 1, "StatusesEntry");
	put_field_of(w, &key, &entry, NULL);
	put_field_of(w, &value, &entry, value.of);
	proto_put_number(&options, 7, 1);
	proto_put_message(&entry, 7, &options);
	proto_put_message(&w->outer, 3, &entry);
	put_field_of(w, k, &w->outer, name);
	descriptor_symbol(w->d, w->file, true,
			  descriptor_text(w->d, "%s.%s", w->package, name ? name : ""));
}

static void put_value(struct writing *w, const struct known *k)
{
	struct buf value = { 0 };

	proto_put_text(&value, 1, k->name);
	proto_put_number(&value, 2, k->number);
	proto_put_message(&w->inner, 2, &value);
}

static void put_choice(struct writing *w, const struct known *k)
{
	struct buf one = { 0 };

	proto_put_text(&one, 1, k->name);
	proto_put_message(&w->outer, 8, &one);
}

static void put_method(struct writing *w, const struct known *k)
{
	struct buf method = { 0 };

	proto_put_text(&method, 1, k->name);
	proto_put_text(&method, 2, full_name(w, k->of));
	proto_put_text(&method, 3, full_name(w, k->answers));
	if (k->number & STREAMS_IN)
		proto_put_number(&method, 5, 1);
	if (k->number & STREAMS_OUT)
		proto_put_number(&method, 6, 1);
	proto_put_message(&w->outer, 2, &method);
}

static void put(struct writing *w, const struct known *k)
{
	if (k->kind == MESSAGE || k->kind == SERVICE) {
		begin_outer(w, k);
		return;
	}
	if (k->kind == VALUE) {
		put_value(w, k);
	} else if (k->kind == ENUM) {
		proto_put_text(&w->inner, 1, k->name);
	} else if (k->kind == CHOICE) {
		put_choice(w, k);
	} else if (k->kind == METHOD) {
		put_method(w, k);
	} else if (k->kind == ENTRIES) {
		put_entries(w, k);
	} else {
		put_field_of(w, k, &w->outer, k->of);
	}
	if (w->full)
		descriptor_symbol(w->d, w->file, false,
				  descriptor_text(w->d, "%s.%s", w->full + 1, k->name));
}

static uint32_t add(struct descriptors *d, const char *name, const char *package,
		    const struct known *lines)
{
	struct writing w = { .d = d, .package = package };
	size_t i;

	for (i = 0; i < d->n_files; i++)
		if (strcmp(d->files[i].file.name, name) == 0)
			return (uint32_t)i;
	w.file = descriptor_file_add(d, name, package);
	if (w.file == DESCRIPTOR_NONE)
		return w.file;
	for (; lines->kind != END; lines++)
		put(&w, lines);
	end_outer(&w);
	return w.file;
}

uint32_t descriptor_any(struct descriptors *d)
{
	return add(d, "google/protobuf/any.proto", "google.protobuf", any);
}

uint32_t descriptor_reference(struct descriptors *d)
{
	return add(d, "pyrite/reference.proto", "pyrite", reference);
}

bool descriptor_known_service(struct descriptors *d, const char *name)
{
	if (strcmp(name, "grpc.health.v1.Health") == 0)
		add(d, "grpc/health/v1/health.proto", "grpc.health.v1", health);
	else if (strcmp(name, "grpc.reflection.v1.ServerReflection") == 0)
		add(d, "grpc/reflection/v1/reflection.proto", "grpc.reflection.v1", reflection);
	else if (strcmp(name, "grpc.reflection.v1alpha.ServerReflection") == 0)
		add(d, "grpc/reflection/v1alpha/reflection.proto", "grpc.reflection.v1alpha",
		    reflection);
	else
		return false;
	return true;
}
