/* SPDX-License-Identifier: MIT */
/*
 * The tables are walked twice: once to see which types the operations reach, once to write them
 * down. What is written lives in an arena until it is packed or compared; what lasts is the packed
 * form.
 */
#include "wire/shape_own.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/text.h"
#include "wire/codec.h"
#include "wire/shape.h"
#include "wire/shape_codec.h"

enum { KEPT = 64 };

_Static_assert((int)SHAPE_BOOL == PYR__BOOL && (int)SHAPE_STRING == PYR__STRING &&
		       (int)SHAPE_STRUCT == PYR__STRUCT && (int)SHAPE_OBJECT == PYR__OBJECT &&
		       (int)SHAPE_OPTIONAL == PYR__OPTIONAL && (int)SHAPE_DEFAULT == PYR__DEFAULT,
	       "the tables' numbers are those that travel");

/* ---- from tables ---- */

struct maker {
	struct arena *arena;
	const struct pyr__type **types; /* named ones met so far */
	size_t n_types, room;
	shape_default *value; /* NULL: for the other end of a link */
	bool is_broken;       /* memory is out */
};

static void *take(struct maker *maker, size_t n, size_t size)
{
	void *block = arena_alloc(maker->arena, n * size + 1);

	maker->is_broken |= !block;
	return block;
}

static bool is_named(uint8_t kind)
{
	return kind == PYR__ENUM || kind == PYR__STRUCT || kind == PYR__UNION;
}

/* Notes a type whose contents are to be written down. */
static void meet(struct maker *maker, const struct pyr__type *type)
{
	size_t i;

	for (i = 0; i < maker->n_types; i++)
		if (strcmp(maker->types[i]->name, type->name) == 0)
			return;
	if (array_reserve(&maker->types, &maker->room, maker->n_types + 1, sizeof(type)))
		maker->types[maker->n_types++] = type;
	else
		maker->is_broken = true;
}

static void put_type(struct maker *maker, const struct pyr__field *field, struct shape_type *ret)
{
	static const uint8_t n_of[PYR__OBJECT + 1] = {
		[PYR__SEQUENCE] = 1, [PYR__ARRAY] = 1, [PYR__MAP] = 2
	};
	const struct pyr__type *type = field->type;
	size_t i;

	ret->kind = field->kind;
	ret->name = "";
	ret->bound = field->bound;
	ret->of.n = n_of[field->kind];
	ret->of.items = NULL;
	if (is_named(field->kind)) {
		meet(maker, type);
		ret->name = type->name;
	} else if (field->kind == PYR__INTERFACE) {
		ret->name = type ? type->name : "";
	} else if (ret->of.n > 0) {
		ret->bound = type->bound;
		ret->of.items = take(maker, ret->of.n, sizeof(ret->of.items[0]));
		for (i = 0; ret->of.items && i < ret->of.n; i++)
			put_type(maker, &type->fields[i], &ret->of.items[i]);
	}
}

static void put_fields(struct maker *maker, const struct pyr__field *fields, size_t n,
		       struct shape_fields *ret)
{
	size_t i;

	ret->items = take(maker, n, sizeof(ret->items[0]));
	for (i = 0; ret->items && i < n; i++) {
		ret->items[i].id = fields[i].id;
		ret->items[i].flags = fields[i].flags;
		ret->items[i].name = fields[i].name;
		ret->items[i].value = "";
		ret->items[i].origin = NULL;
		if (maker->value && (fields[i].flags & PYR__DEFAULT))
			ret->items[i].value = maker->value(&fields[i], maker->arena);
		maker->is_broken |= !ret->items[i].value;
		put_type(maker, &fields[i], &ret->items[i].type);
	}
	ret->n = ret->items ? n : 0;
}

static void put_numbers(struct maker *maker, const struct pyr__type *type,
			struct shape_numbers *ret)
{
	bool is_enum = type->kind == PYR__ENUM;
	size_t n = is_enum ? type->n_enumerators : type->kind == PYR__UNION ? type->n_labels : 0;
	struct shape_number *number;
	size_t i;

	ret->items = take(maker, n, sizeof(ret->items[0]));
	for (i = 0; ret->items && i < n; i++) {
		number = &ret->items[i];
		number->origin = NULL;
		number->value = is_enum ? type->enumerators[i].value : type->labels[i].value;
		number->name = is_enum                 ? type->enumerators[i].name
			       : type->labels[i].field ? type->fields[type->labels[i].field].name
						       : "";
	}
	ret->n = ret->items ? n : 0;
}

static void put_decl(struct maker *maker, const struct pyr__type *type, struct shape_decl *ret)
{
	ret->name = type->name;
	ret->kind = type->kind;
	ret->is_oneof = type->oneof;
	ret->origin = NULL;
	ret->status = maker->value ? type->status : 0;
	ret->other = type->default_field ? type->fields[type->default_field].name : "";
	put_fields(maker, type->fields, type->kind == PYR__ENUM ? 0 : type->n_fields, &ret->fields);
	put_numbers(maker, type, &ret->numbers);
	if (type->kind == PYR__UNION && ret->fields.n > 0)
		ret->fields.items[0].id = 0;
}

static void put_streams(struct maker *maker, const struct pyr__operation *table,
			struct shape_fields *ret)
{
	bool reads = table->flags & PYR__STREAM_IN, writes = table->flags & PYR__STREAM_OUT;

	if (!reads && !writes)
		return;
	put_fields(maker, table->fields + table->n_in + table->n_out, (size_t)reads + writes, ret);
	if (ret->n == 0 || maker->value)
		return;
	ret->items[0].id = reads ? SHAPE_STREAM_IN : SHAPE_STREAM_OUT;
	ret->items[ret->n - 1].id = writes ? SHAPE_STREAM_OUT : SHAPE_STREAM_IN;
}

static void put_operation(struct maker *maker, const struct pyr__operation *table,
			  struct shape_operation *ret)
{
	size_t n = 0;

	memset(ret, 0, sizeof(*ret));
	ret->name = table->name;
	ret->fingerprint = table->fingerprint;
	ret->is_oneway = table->flags & PYR__ONEWAY;
	if (maker->value) {
		ret->flags = table->flags;
		ret->timeout_ms = table->timeout_ms;
	}
	put_fields(maker, table->fields, table->n_in, &ret->in);
	put_fields(maker, codec_fields_from(table, table->n_in), table->n_out, &ret->out);
	put_streams(maker, table, &ret->streams);
	while (table->raises && table->raises[n])
		n++;
	ret->raises.items = take(maker, n, sizeof(ret->raises.items[0]));
	for (; ret->raises.items && ret->raises.n < n; ret->raises.n++) {
		ret->raises.items[ret->raises.n] = table->raises[ret->raises.n]->name;
		meet(maker, table->raises[ret->raises.n]);
	}
}

/* The shape lives in the arena; its lists are in the order of the tables. Returns false when memory
 * is out. */
static bool make_as_it_is(const struct pyr__interface *table, shape_default *value,
			  struct arena *arena, struct shape *ret)
{
	struct maker maker = { .arena = arena, .value = value };
	struct shape_decl *decls = NULL;
	struct shape_operation *operations;
	size_t i, room = 0;

	operations = take(&maker, table->n_operations, sizeof(*operations));
	for (i = 0; operations && i < table->n_operations; i++)
		put_operation(&maker, &table->operations[i], &operations[i]);
	for (i = 0; i < maker.n_types && !maker.is_broken; i++) { /* each may add some */
		if (array_reserve(&decls, &room, i + 1, sizeof(*decls)))
			put_decl(&maker, maker.types[i], &decls[i]);
		else
			maker.is_broken = true;
	}
	ret->operations.items = operations;
	ret->operations.n = operations ? table->n_operations : 0;
	ret->decls.n = maker.is_broken ? 0 : maker.n_types;
	ret->decls.items = take(&maker, ret->decls.n, sizeof(*decls));
	if (ret->decls.items && ret->decls.n > 0)
		memcpy(ret->decls.items, decls, ret->decls.n * sizeof(*decls));
	free(decls);
	free(maker.types);
	return !maker.is_broken;
}

static bool make(const struct pyr__interface *table, struct arena *arena, struct shape *ret)
{
	return make_as_it_is(table, NULL, arena, ret) && shape_sort(ret);
}

bool shape_describe(const struct pyr__interface *table, shape_default *value, struct arena *arena,
		    struct span *ret)
{
	struct codec_problem problem;
	struct codec_packer packer;
	struct shape shape;
	uint8_t *bytes;

	if (!make_as_it_is(table, value, arena, &shape) ||
	    codec_prepare_value(&shape_codec_type, &shape, arena, &packer, &problem) < 0)
		return false;
	bytes = packer.size <= SHAPE_TOLD_MAX ? arena_alloc_raw(arena, packer.size) : NULL;
	if (!bytes)
		return false;
	codec_pack(&packer, bytes);
	*ret = (struct span){ bytes, packer.size };
	return true;
}

/* ---- what is sent ---- */

struct own { /* of an interface; never freed */
	const struct pyr__interface *table;
	uint64_t fingerprint; /* a library may stand where another was unloaded */
	uint8_t *packed;      /* NULL: too large */
	size_t n;
	struct own *next;
};

static struct {
	pthread_mutex_t lock; /* after a peer's; a leaf */
	struct own *owns;
	struct kept *kept[KEPT];
	unsigned next;
} shapes = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool is_of(const void *address, uint64_t fingerprint, const struct pyr__interface *table)
{
	return address == table && fingerprint == table->fingerprint;
}

static void pack(const struct pyr__interface *table, struct own *own)
{
	struct codec_problem problem;
	struct codec_packer packer;
	struct shape shape;
	struct arena arena;

	arena_init(&arena, NULL, 0);
	if (make(table, &arena, &shape) &&
	    codec_prepare_value(&shape_codec_type, &shape, &arena, &packer, &problem) == 0 &&
	    packer.size <= SHAPE_MAX && (own->packed = malloc(packer.size + 1))) {
		codec_pack(&packer, own->packed);
		own->n = packer.size;
	}
	arena_clear(&arena);
}

struct span shape_packed(const struct pyr__interface *table)
{
	struct span packed = { NULL, 0 };
	struct own *own;

	pthread_mutex_lock(&shapes.lock);
	for (own = shapes.owns; own && !is_of(own->table, own->fingerprint, table); own = own->next)
		;
	if (!own && (own = calloc(1, sizeof(*own)))) {
		own->table = table;
		own->fingerprint = table->fingerprint;
		pack(table, own);
		own->next = shapes.owns;
		shapes.owns = own;
	}
	if (own)
		packed = (struct span){ own->packed, own->n };
	pthread_mutex_unlock(&shapes.lock);
	return packed;
}

/* ---- what is received ---- */

struct kept { /* a comparison */
	const struct pyr__interface *table;
	uint64_t fingerprint;
	struct shape_verdict *verdict; /* counted */
	size_t n;
	uint8_t theirs[];
};

void shape_verdict_unref(struct shape_verdict *verdict)
{
	uint32_t i;

	if (!verdict || atomic_fetch_sub(&verdict->refs, 1) != 1)
		return;
	for (i = 0; i < verdict->n; i++)
		free(verdict->operations[i].why);
	free(verdict);
}

static void note(const struct shape_difference *difference, void *data)
{
	struct shape_finding *finding = data;

	if (!difference->breaks || !finding->is_compatible)
		return;
	finding->is_compatible = false;
	finding->why = strdup(difference->text);
	if (finding->why)
		text_clean(finding->why); /* it quotes the other end */
}

static void judge(struct shape_compare *compare, const struct pyr__interface *table,
		  struct shape_verdict *verdict)
{
	const struct shape_operation *mine, *other;
	uint32_t i;

	compare->tell = note;
	compare->only_breaks = true;
	for (i = 0; i < verdict->n; i++) {
		mine = shape_operation(compare->a, table->operations[i].name);
		other = shape_operation(compare->b, table->operations[i].name);
		if (!mine || !other)
			continue;
		verdict->operations[i].is_compatible = true;
		compare->data = &verdict->operations[i];
		if (mine->fingerprint == other->fingerprint)
			continue;
		verdict->differs = true;
		shape_compare_operation(compare, mine, other);
	}
}

static struct shape_verdict *compare_with(const struct pyr__interface *table,
					  const struct shape *theirs)
{
	struct shape_verdict *verdict;
	struct shape_compare compare = { .b = theirs };
	struct arena arena;
	struct shape mine;

	verdict =
		calloc(1, sizeof(*verdict) + table->n_operations * sizeof(verdict->operations[0]));
	if (!verdict)
		return NULL;
	verdict->refs = 1;
	verdict->n = table->n_operations;
	arena_init(&arena, NULL, 0);
	compare.a = &mine;
	if (make(table, &arena, &mine) && shape_compare_begin(&compare)) {
		judge(&compare, table, verdict);
		shape_compare_end(&compare);
	}
	arena_clear(&arena);
	return verdict;
}

static struct shape_verdict *find(const struct pyr__interface *table, struct span theirs)
{
	struct kept *kept;
	size_t i;

	for (i = 0; i < KEPT; i++) {
		kept = shapes.kept[i];
		if (kept && is_of(kept->table, kept->fingerprint, table) && kept->n == theirs.n &&
		    memcmp(kept->theirs, theirs.p, theirs.n) == 0)
			return kept->verdict;
	}
	return NULL;
}

/* In the place of the oldest. */
static void keep(const struct pyr__interface *table, struct span theirs,
		 struct shape_verdict *verdict)
{
	struct kept *kept = malloc(sizeof(*kept) + theirs.n), *old;

	if (!kept)
		return;
	kept->table = table;
	kept->fingerprint = table->fingerprint;
	kept->verdict = verdict;
	kept->n = theirs.n;
	memcpy(kept->theirs, theirs.p, theirs.n);
	atomic_fetch_add(&verdict->refs, 1);
	old = shapes.kept[shapes.next];
	shapes.kept[shapes.next] = kept;
	shapes.next = (shapes.next + 1) % KEPT;
	if (old)
		shape_verdict_unref(old->verdict);
	free(old);
}

static struct shape_verdict *judge_new(const struct pyr__interface *table, struct span theirs)
{
	struct shape_verdict *verdict = NULL;
	struct codec_problem problem;
	void *shape;

	if (codec_unpack_value(&shape_codec_type, theirs.p, theirs.n, SHAPE_MAX, &shape, &problem) <
	    0)
		return NULL;
	if (shape_is_sorted(shape))
		verdict = compare_with(table, shape);
	free(shape);
	return verdict;
}

size_t shape_verdict_size(const struct shape_verdict *verdict)
{
	size_t n = sizeof(*verdict) + verdict->n * sizeof(verdict->operations[0]);
	uint32_t i;

	for (i = 0; i < verdict->n; i++)
		n += verdict->operations[i].why ? strlen(verdict->operations[i].why) + 1 : 0;
	return n;
}

/* Two threads may compare the same two: others need not wait for either. */
struct shape_verdict *shape_verdict_get(const struct pyr__interface *table, struct span theirs)
{
	struct shape_verdict *verdict, *same;

	if (theirs.n == 0 || theirs.n > SHAPE_MAX)
		return NULL;
	pthread_mutex_lock(&shapes.lock);
	verdict = find(table, theirs);
	if (verdict)
		atomic_fetch_add(&verdict->refs, 1);
	pthread_mutex_unlock(&shapes.lock);
	if (verdict || !(verdict = judge_new(table, theirs)))
		return verdict;
	pthread_mutex_lock(&shapes.lock);
	same = find(table, theirs);
	if (same)
		atomic_fetch_add(&same->refs, 1);
	else
		keep(table, theirs, verdict);
	pthread_mutex_unlock(&shapes.lock);
	if (!same)
		return verdict;
	shape_verdict_unref(verdict);
	return same;
}
