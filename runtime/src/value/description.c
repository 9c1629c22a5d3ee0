/* SPDX-License-Identifier: MIT */
/*
 * Tables in four steps: all named types get a place, then their contents, then their sizes, then
 * the values of defaults, which can be read only now.
 */
#include "value/description.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value/description_own.h"
#include "value/value.h"
#include "wire/shape_codec.h"
#include "wire/shape_own.h"

/* ---- telling ---- */

static const char *write_default(const struct pyr__field *field, struct arena *arena)
{
	struct buf text = { 0 };
	struct json_sink json;
	struct value_writer writer = { .sink = &json.sink };
	const char *ret = "null";

	json_sink(&json, &text);
	if (field->value)
		value_write_natural(&writer, field, field->value);
	else
		buf_append(&text, ret, strlen(ret));
	buf_append(&text, "", 1);
	ret = text.broken ? NULL : arena_copy(arena, text.data, text.n);
	buf_free(&text);
	return ret;
}

bool description_make(const struct pyr__interface *table, struct arena *arena, struct span *ret)
{
	return shape_describe(table, write_default, arena, ret);
}

/* ---- operations ---- */

/* Its owner is the interface, or one of its bases. */
static bool check_operation(struct maker *maker, const struct shape_operation *told)
{
	const char *dot = strrchr(told->name, '.');
	struct span owner;
	size_t i;

	if (!description_name(maker, told->name, true))
		return false;
	owner = (struct span){ (const uint8_t *)told->name, dot ? (size_t)(dot - told->name) : 0 };
	if (told->in.n + told->out.n + told->streams.n > DESCRIPTION_FIELDS ||
	    told->raises.n > DESCRIPTION_FIELDS)
		return description_fail(maker, "%.100s has too many parameters", told->name);
	if (span_is(owner, maker->told->name))
		return true;
	for (i = 0; i < maker->told->n_bases; i++)
		if (span_is(owner, maker->told->bases[i]))
			return true;
	return description_fail(maker, "unknown operation '%.100s'", told->name);
}

static bool put_raises(struct maker *maker, const struct shape_operation *told,
		       struct pyr__operation *ret)
{
	const struct pyr__type **raises;
	struct layout_type *type;
	size_t i;

	if (told->raises.n == 0)
		return true;
	raises = arena_alloc(maker->arena, (told->raises.n + 1) * sizeof(*raises));
	if (!raises)
		return description_no_memory(maker);
	for (i = 0; i < told->raises.n; i++) {
		type = description_type(maker, told->raises.items[i]);
		if (!type || type->table.kind != PYR__STRUCT)
			return description_fail(maker, "'%.100s' is not an exception",
						told->raises.items[i]);
		raises[i] = &type->table;
	}
	ret->raises = raises;
	return true;
}

/* The items of streams, each in a message of its own: of the parameter, then of the result. */
static bool put_streams(struct maker *maker, const struct shape_operation *told,
			struct pyr__field *fields, struct pyr__operation *ret)
{
	size_t n = 0, i;

	ret->flags |= told->flags & (uint32_t)(PYR__STREAM_IN | PYR__STREAM_OUT);
	n += ret->flags & PYR__STREAM_IN ? 1 : 0;
	n += ret->flags & PYR__STREAM_OUT ? 1 : 0;
	if (told->streams.n != n)
		return description_fail(maker, "the streams of %.100s do not match its flags",
					told->name);
	for (i = 0; i < told->streams.n; i++) {
		if (!description_field(maker, &told->streams.items[i], &fields[i]))
			return false;
		if ((fields[i].flags & ~PYR__WHOLE) || fields[i].id == 0)
			return description_fail(maker, "%.100s has an optional stream", told->name);
	}
	return true;
}

/* One that is the whole message is a struct, and alone: it says so of all or of none. */
static bool check_whole(struct maker *maker, const struct pyr__operation *operation)
{
	unsigned n = operation->n_in + operation->n_out + !!(operation->flags & PYR__STREAM_IN) +
		     !!(operation->flags & PYR__STREAM_OUT);
	unsigned i, n_whole = 0;

	for (i = 0; i < n; i++) {
		if (!(operation->fields[i].flags & PYR__WHOLE))
			continue;
		if (operation->fields[i].flags != PYR__WHOLE ||
		    operation->fields[i].kind != PYR__STRUCT)
			return description_fail(maker,
						"'%.100s' has a message that is not a struct",
						operation->name);
		n_whole++;
	}
	if (n_whole == 0 ||
	    (n == 2 && n_whole == 2 && operation->n_in <= 1 && operation->n_out <= 1))
		return true;
	return description_fail(maker, "'%.100s' has a message and other parameters",
				operation->name);
}

static bool put_operation(struct maker *maker, const struct shape_operation *told,
			  struct pyr__operation *ret)
{
	size_t n = told->in.n + told->out.n + told->streams.n;
	struct pyr__field *fields = NULL;

	if (!check_operation(maker, told))
		return false;
	fields = arena_alloc(maker->arena, n * sizeof(*fields));
	if (!fields || !(ret->name = description_keep(maker, told->name)))
		return description_no_memory(maker);
	ret->fields = fields;
	ret->n_in = (uint16_t)told->in.n;
	ret->n_out = (uint16_t)told->out.n;
	ret->flags = told->flags & (uint32_t)(PYR__IDEMPOTENT | PYR__INLINE);
	ret->flags |= told->is_oneway ? (uint32_t)PYR__ONEWAY : 0;
	ret->timeout_ms = told->timeout_ms;
	ret->fingerprint = told->fingerprint;
	return description_fields(maker, &told->in, false, told->name, fields) &&
	       description_fields(maker, &told->out, false, told->name, fields + told->in.n) &&
	       put_streams(maker, told, fields + told->in.n + told->out.n, ret) &&
	       put_raises(maker, told, ret) && check_whole(maker, ret);
}

static bool put_operations(struct maker *maker, struct pyr__interface *ret)
{
	size_t n = maker->shape->operations.n, i;
	struct pyr__operation *operations = arena_alloc(maker->arena, n * sizeof(*operations));
	const char **names = arena_alloc(maker->arena, n * sizeof(*names));

	if (!operations || !names)
		return description_no_memory(maker);
	for (i = 0; i < n; i++) {
		if (!put_operation(maker, &maker->shape->operations.items[i], &operations[i]))
			return false;
		names[i] = operations[i].name;
	}
	ret->operations = operations;
	ret->n_operations = (uint32_t)n;
	return description_once(maker, names, n, ret->name);
}

static bool put_head(struct maker *maker, struct pyr__interface *ret)
{
	const struct description *told = maker->told;
	const char **bases = arena_alloc(maker->arena, (told->n_bases + 1) * sizeof(*bases));
	size_t i;

	if (!bases || !(ret->name = description_keep(maker, told->name)))
		return description_no_memory(maker);
	if (!description_name(maker, told->name, true))
		return false;
	for (i = 0; i < told->n_bases; i++) {
		if (!description_name(maker, told->bases[i], true))
			return false;
		if (!(bases[i] = description_keep(maker, told->bases[i])))
			return description_no_memory(maker);
	}
	ret->abi = PYR_GEN_ABI;
	ret->fingerprint = told->fingerprint;
	ret->bases = told->n_bases ? bases : NULL;
	return true;
}

/* ---- defaults ---- */

static bool put_defaults(struct maker *maker)
{
	struct codec_problem problem;
	struct value_reading reading;
	struct json json;
	struct waiting *waiting;
	struct pyr__field plain;
	void *value;

	for (waiting = maker->waiting; waiting; waiting = waiting->next) {
		value = arena_alloc(maker->arena, sizeof(uint64_t));
		if (!value)
			return description_no_memory(maker);
		reading = (struct value_reading){ .arena = maker->arena, .role = "default" };
		reading.problem = &problem;
		json_begin(&json, waiting->json, strlen(waiting->json));
		reading.source = &json.source;
		plain = *waiting->field;
		plain.flags = 0;
		if (value_read_natural(&reading, &plain, value) < 0)
			return description_fail(maker, "%.200s", problem.text);
		waiting->field->value = value;
	}
	return true;
}

/* ---- doc comments ---- */

static bool put_docs(struct maker *maker, struct pyr__interface *ret)
{
	const struct description *told = maker->told;
	const char **docs;
	size_t i, n = 0;

	for (i = 0; i < told->n_docs; i++)
		n += strlen(told->docs[i]);
	if (told->n_docs != ret->n_operations + 1u || n == 0 || n > DESCRIPTION_DOCS)
		return true;
	docs = arena_alloc(maker->arena, told->n_docs * sizeof(*docs));
	for (i = 0; docs && i < told->n_docs; i++)
		if (told->docs[i][0] && !(docs[i] = description_keep(maker, told->docs[i])))
			docs = NULL;
	ret->docs = docs;
	return docs || description_no_memory(maker);
}

/* ---- all of it ---- */

static bool make(struct maker *maker, struct pyr__interface *ret)
{
	const char *wrong;

	if (maker->shape->decls.n > DESCRIPTION_TYPES ||
	    maker->shape->operations.n > DESCRIPTION_TYPES ||
	    maker->told->n_bases > DESCRIPTION_TYPES)
		return description_fail(maker, "it has too many types or operations");
	if (!put_head(maker, ret) || !description_open_types(maker) ||
	    !description_put_types(maker) || !put_operations(maker, ret) || !put_docs(maker, ret))
		return false;
	wrong = layout_all(&maker->layout);
	return wrong ? description_fail(maker, "%s", wrong) : put_defaults(maker);
}

const struct pyr__interface *description_tables(const struct description *told, struct arena *arena,
						char *text, size_t n)
{
	struct pyr__interface *ret = arena_alloc(arena, sizeof(*ret));
	struct maker maker = { .arena = arena, .told = told, .text = text, .n_text = n };
	struct codec_problem problem;
	void *shape = NULL;
	int err = -PYR_INTERNAL;

	maker.layout.arena = arena;
	if (!ret) {
		description_no_memory(&maker);
		return NULL;
	}
	if (told->shape.n <= SHAPE_TOLD_MAX)
		err = codec_unpack_value(&shape_codec_type, told->shape.p, told->shape.n,
					 SHAPE_TOLD_MAX, &shape, &problem);
	if (err < 0) {
		arena->is_short |= err == -PYR_RESOURCE_EXHAUSTED;
		description_fail(&maker, "its description is too large or empty");
		return NULL;
	}
	maker.shape = shape;
	if (!make(&maker, ret))
		ret = NULL;
	free(shape);
	return ret;
}
