/* SPDX-License-Identifier: MIT */
/*
 * An any, as JSON has it: {"@type": "type.googleapis.com/shop.Line", ...} with the members of a
 * type that the interface's operations reach, with "value" for gRPC's messages of one scalar and
 * for enums, else with "@value", the bytes, and the type's "@fingerprint". One that holds nothing
 * is {}.
 */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "value/value_own.h"

static const char prefix[] = "type.googleapis.com/";

#define WELL_KNOWN(message, of_kind, c_type)                                                       \
	{                                                                                          \
		.kind = PYR__STRUCT, .name = "google.protobuf." message, .size = sizeof(c_type),   \
		.n_fields = 1, .fields = &(const struct pyr__field)                                \
		{                                                                                  \
			.id = 1, .name = "value", .kind = of_kind                                  \
		}                                                                                  \
	}

static const struct pyr__type well_known[] = {
	WELL_KNOWN("BoolValue", PYR__BOOL, bool),
	WELL_KNOWN("Int32Value", PYR__INT32, int32_t),
	WELL_KNOWN("UInt32Value", PYR__UINT32, uint32_t),
	WELL_KNOWN("Int64Value", PYR__INT64, int64_t),
	WELL_KNOWN("UInt64Value", PYR__UINT64, uint64_t),
	WELL_KNOWN("FloatValue", PYR__FLOAT, float),
	WELL_KNOWN("DoubleValue", PYR__DOUBLE, double),
	WELL_KNOWN("StringValue", PYR__STRING, const char *),
	WELL_KNOWN("BytesValue", PYR__BYTES, struct pyr_bytes),
};

static const struct pyr__type *find_type(struct types_index *index,
					 const struct pyr__interface *interface, struct span name)
{
	size_t i;

	for (i = 0; i < sizeof(well_known) / sizeof(well_known[0]); i++)
		if (span_is(name, well_known[i].name))
			return &well_known[i];
	if (!interface)
		return NULL;
	return index ? types_index_find(index, interface, name) : types_find(interface, name);
}

/* As the one member of a message: an enum. */
static struct pyr__field enum_value(const struct pyr__type *type)
{
	return (struct pyr__field){ .name = "value", .kind = PYR__ENUM, .type = type };
}

/* ---- reading ---- */

/* The name of the type, wherever in the object it stands; the object is not consumed, but for an
 * empty one, which has none. */
static int read_type(struct value_reading *reading, const struct codec_path *path, struct span *ret)
{
	struct source *source = reading->source;
	struct source_mark before = source->kind->mark(source);
	bool is_found = false;
	struct source_key key;
	size_t n;

	*ret = (struct span){ NULL, 0 };
	if (!source_open(source))
		return value_fail(reading, path, " ");
	for (n = 0; source_more(source, SOURCE_OBJECT, n); n++) {
		if (!source_key(source, reading->arena, &key))
			break;
		if (!is_found && span_is(key.text, "@type") && source_peek(source) == SOURCE_STRING)
			is_found = source_string(source, reading->arena, ret);
		else
			source_skip(source);
	}
	if (source->wrong)
		return value_fail(reading, path, " ");
	source->kind->back(source, before);
	if (!is_found)
		return source_skip(source) && n == 0
			       ? 0
			       : value_fail(reading, path, "an any needs \"@type\"");
	for (n = ret->n; n > 0 && ret->p[n - 1] != '/'; n--)
		;
	*ret = span_after(*ret, n);
	return ret->n > 0 ? 0 : value_fail(reading, path, "its \"@type\" has no type name");
}

static int pack(struct value_reading *reading, const struct pyr__type *type,
		const struct codec_path *path, const void *value, void *ret)
{
	struct codec_any_packer packer;
	void *block;
	pyr_any *any;
	int err = codec_any_prepare(type, value, reading->arena, &packer, reading->problem);

	if (err < 0)
		return err;
	if (packer.n_references > 0)
		return value_fail(reading, path, "an any without its type has no references");
	block = arena_alloc(reading->arena, packer.n_head + packer.n_encoded);
	if (!block)
		return value_memory(reading);
	any = codec_any_pack(&packer, block);
	memcpy(ret, &any, sizeof(any));
	return 0;
}

static int read_known(struct value_reading *reading, const struct pyr__type *type,
		      const struct codec_path *path, void *ret)
{
	const struct pyr__field enumerator = enum_value(type);
	const struct pyr__type of_enum = { .kind = PYR__STRUCT,
					   .n_fields = 1,
					   .fields = &enumerator };
	void *value = arena_alloc(reading->arena, type->size);
	int err;

	if (!value)
		return value_memory(reading);
	reading->n_anys++;
	err = value_read_members(reading, type->kind == PYR__ENUM ? &of_enum : type, "@type", path,
				 value);
	reading->n_anys--;
	return err < 0 ? err : pack(reading, type, path, value, ret);
}

/* What it is of a type that is not known. */
static int read_unknown(struct value_reading *reading, struct span type,
			const struct codec_path *path, void *ret)
{
	static const struct pyr__field fields[] = {
		{ .name = "@value", .kind = PYR__BYTES, .offset = 0 },
		{ .name = "@fingerprint", .kind = PYR__UINT64, .offset = sizeof(struct pyr_bytes) },
	};
	static const struct pyr__type table = { .kind = PYR__STRUCT,
						.n_fields = 2,
						.fields = fields };
	struct {
		struct pyr_bytes value;
		uint64_t fingerprint;
	} told = { 0 };
	pyr_any *any;
	int err = value_read_members(reading, &table, "@type", path, &told);

	if (err < 0)
		return err;
	any = codec_any_of_bytes(type, (struct span){ told.value.items, told.value.n },
				 told.fingerprint, reading->arena);
	if (!any)
		return value_memory(reading);
	memcpy(ret, &any, sizeof(any));
	return 0;
}

/* Each one is looked through for its type before it is read, so what is inside many of them would
 * be looked at as often. */
int value_read_any(struct value_reading *reading, const struct codec_path *path, void *ret)
{
	const struct pyr__type *type;
	struct span name;
	int err;

	if (source_peek(reading->source) == SOURCE_NULL)
		return source_skip(reading->source) ? 0 : value_fail(reading, path, " ");
	if (source_peek(reading->source) != SOURCE_OBJECT)
		return value_wrong(reading, path, "an object with \"@type\"");
	if (reading->n_anys > VALUE_ANYS)
		return value_fail(reading, path, "more than %d anys are inside each other",
				  VALUE_ANYS + 1);
	if ((err = read_type(reading, path, &name)) < 0 || name.n == 0)
		return err;
	type = find_type(reading->index, reading->interface, name);
	return type ? read_known(reading, type, path, ret) : read_unknown(reading, name, path, ret);
}

/* ---- writing ---- */

static void put_unknown(struct sink *sink, const pyr_any *any)
{
	uint64_t fingerprint;
	struct span bytes = codec_any_bytes(any, &fingerprint);

	sink->kind->member(sink, "@value");
	sink->kind->bytes(sink, bytes.p, bytes.n);
	if (!fingerprint)
		return;
	sink->kind->member(sink, "@fingerprint");
	sink->kind->integer(sink, (int64_t)fingerprint, SINK_UINT64);
}

/* Returns false if it is not that type after all. */
static bool put_known(const struct value_writing *writing, const pyr_any *any,
		      const struct pyr__type *type)
{
	struct value_writing inside = *writing;
	struct pyr__field enumerator = enum_value(type);
	struct codec_problem problem;
	int32_t number = 0;
	void *value = &number, *block = NULL;

	if (inside.n_anys++ == VALUE_ANYS)
		return false;
	if (codec_any_take(any, type, NULL, config_number(CONFIG_MAX_MESSAGE),
			   type->kind == PYR__ENUM ? value : &block, &problem) < 0)
		return false;
	if (type->kind == PYR__ENUM) {
		writing->sink->kind->member(writing->sink, "value");
		value_write(&inside, &enumerator, false, value);
	} else {
		value_write_members(&inside, type, block);
	}
	pyr_free(block);
	return true;
}

static void put_url(struct sink *sink, const char *name)
{
	struct buf url = { 0 };

	buf_append(&url, prefix, sizeof(prefix) - 1);
	buf_append(&url, name, strlen(name));
	if (url.broken)
		sink->broken = true;
	else
		sink->kind->string(sink, (const char *)url.data, url.n);
	buf_free(&url);
}

void value_write_any(const struct value_writing *writing, const pyr_any *any)
{
	struct sink *sink = writing->sink;
	const struct pyr__type *type;
	const char *name;

	sink->kind->object(sink);
	if (any) {
		name = codec_any_type(any);
		sink->kind->member(sink, "@type");
		put_url(sink, name);
		type = find_type(writing->index, writing->interface, span_of(name));
		if (!type || !put_known(writing, any, type))
			put_unknown(sink, any);
	}
	sink->kind->object_end(sink);
}
