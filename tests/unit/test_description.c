/* SPDX-License-Identifier: MIT */
/*
 * Interfaces as they are told to callers without a stub: the tables that are made of what was told,
 * and the IDL that is printed from tables, have the fingerprints of the file; hostile ones do no
 * harm.
 */
#include "golden_interfaces.h"
#include "idl_text.h"
#include "value/description.h"
#include "value/description_own.h"
#include "value/idl_print.h"
#include "value/types.h"
#include "wire/codec.h"
#include "wire/shape.h"
#include "wire/shape_codec.h"
#include "wire/shape_own.h"

#include <inttypes.h>

static char *printed(const struct pyr__interface *interface)
{
	struct buf text = { 0 };

	idl_print(interface, &text);
	buf_append(&text, "", 1);
	REQUIRE(!text.broken);
	return (char *)text.data;
}

static const struct ast_decl *find_interface(const struct idl_unit *unit, const char *name)
{
	size_t i;

	for (i = 0; i < unit->n_decls; i++)
		if (unit->decls[i]->kind == AST_INTERFACE && !unit->decls[i]->is_forward &&
		    strcmp(unit->decls[i]->wire_name, name) == 0)
			return unit->decls[i];
	return NULL;
}

static void check_fingerprint(const struct pyr__interface *interface)
{
	char *text = printed(interface);
	struct idl_result result = idl_text(text);
	const struct ast_decl *decl;
	size_t i;

	CHECK_INT(result.n_errors, 0);
	decl = result.n_errors == 0 ? find_interface(result.unit, interface->name) : NULL;
	if (!decl || decl->fingerprint != interface->fingerprint) {
		fprintf(stderr, "%s:\n%s\n%s\n", interface->name, result.report, text);
		for (i = 0; decl && i < decl->n_operations; i++)
			fprintf(stderr, "%s %d\n", decl->operations[i]->name,
				decl->operations[i]->fingerprint ==
					interface->operations[i].fingerprint);
	}
	CHECK(decl && decl->fingerprint == interface->fingerprint);
	idl_done(&result);
	free(text);
}

TEST(idl_that_is_printed_from_tables_has_their_fingerprint)
{
	size_t i;

	for (i = 0; i < N_INTERFACES; i++)
		check_fingerprint(interfaces[i]);
}

static const struct pyr__interface *learned(const struct pyr__interface *interface,
					    struct arena *arena)
{
	struct description told = { .name = interface->name,
				    .fingerprint = interface->fingerprint };
	const struct pyr__interface *ret;
	char text[256] = "";
	const char **docs;
	size_t i;

	told.n_docs = interface->docs ? interface->n_operations + 1u : 0;
	docs = arena_alloc(arena, (told.n_docs + 1) * sizeof(*docs));
	REQUIRE(docs != NULL);
	for (i = 0; i < told.n_docs; i++)
		docs[i] = interface->docs[i] ? interface->docs[i] : "";
	told.docs = docs;
	told.bases = interface->bases;
	while (told.bases && told.bases[told.n_bases])
		told.n_bases++;
	REQUIRE(description_make(interface, arena, &told.shape));
	ret = description_tables(&told, arena, text, sizeof(text));
	CHECK_STR(text, "");
	return ret;
}

static void check_types(const struct pyr__field *a, const struct pyr__field *b, unsigned n,
			int depth)
{
	unsigned i;

	for (i = 0; i < n && depth < 6; i++) {
		CHECK_INT(a[i].id, b[i].id);
		CHECK_INT(a[i].offset, b[i].offset);
		CHECK_INT(a[i].has_offset, b[i].has_offset);
		CHECK_INT(codec_natural_size(&a[i]), codec_natural_size(&b[i]));
		if (!a[i].type || a[i].kind == PYR__INTERFACE || a[i].kind == PYR__ENUM)
			continue;
		CHECK_INT(a[i].type->entry_size, b[i].type->entry_size);
		check_types(a[i].type->fields, b[i].type->fields, types_fields(a[i].type),
			    depth + 1);
	}
}

TEST(what_was_told_becomes_tables_that_are_laid_out_and_printed_alike)
{
	const struct pyr__interface *again;
	struct arena arena;
	char *a, *b;
	size_t i, j;

	for (i = 0; i < N_INTERFACES; i++) {
		arena_init(&arena, NULL, 0);
		again = learned(interfaces[i], &arena);
		REQUIRE(again != NULL);
		a = printed(interfaces[i]);
		b = printed(again);
		CHECK_STR(b, a);
		free(a);
		free(b);
		for (j = 0; j < interfaces[i]->n_operations; j++)
			check_types(interfaces[i]->operations[j].fields,
				    again->operations[j].fields,
				    types_operation_fields(&again->operations[j]), 0);
		arena_clear(&arena);
	}
}

TEST(doc_comments_are_told_and_printed_and_cannot_end_early)
{
	static const char *const words[] = { "Is it */ over? /* no", "One.\n\nTwo \x01 lines.",
					     "A \xc2\x9b red \xe2\x80\xae word, not \xc3\xa9.", "",
					     "" };
	const struct pyr__interface *again;
	struct description told = { .name = "docs.Thing", .docs = words, .n_docs = 5 };
	struct idl_result result;
	struct arena arena;
	char *text = printed(&docs_Thing_interface), why[256] = "";

	CHECK_HAS(text,
		  "    /**\n     * An interface.\n     *   - indented\n     */\n    interface");
	CHECK_HAS(text, "        /** Does it. */\n        void work(");
	free(text);
	arena_init(&arena, NULL, 0);
	REQUIRE(description_make(&docs_Thing_interface, &arena, &told.shape));
	again = description_tables(&told, &arena, why, sizeof(why));
	CHECK_STR(why, "");
	REQUIRE(again && again->docs && !again->docs[3]);
	text = printed(again);
	CHECK_HAS(text, "/** Is it * / over? / * no */");
	CHECK_HAS(text, " * One.\n         *\n         * Two   lines.\n");
	CHECK_HAS(text, "/** A   red   word, not \xc3\xa9. */");
	result = idl_text(text);
	CHECK_INT(result.n_errors, 0);
	idl_done(&result);
	free(text);
	told.n_docs = 4; /* of no use */
	again = description_tables(&told, &arena, why, sizeof(why));
	REQUIRE(again != NULL);
	CHECK(!again->docs);
	arena_clear(&arena);
}

/* ---- hostile ones ---- */

/* What is said of a shape that is almost that of an interface. */
static const char *refusal(const struct pyr__interface *interface,
			   void (*spoil)(struct shape *shape))
{
	static char text[256];
	struct description told = { .name = interface->name };
	struct codec_packer packer;
	struct codec_problem problem;
	struct arena arena;
	struct span span;
	uint8_t *bytes;
	void *shape;

	arena_init(&arena, NULL, 0);
	REQUIRE(description_make(interface, &arena, &span));
	REQUIRE(codec_unpack_value(&shape_codec_type, span.p, span.n, 1 << 20, &shape, &problem) ==
		0);
	spoil(shape);
	REQUIRE(codec_prepare_value(&shape_codec_type, shape, &arena, &packer, &problem) == 0);
	bytes = arena_alloc(&arena, packer.size);
	codec_pack(&packer, bytes);
	told.shape = (struct span){ bytes, packer.size };
	text[0] = '\0';
	CHECK(description_tables(&told, &arena, text, sizeof(text)) == NULL);
	free(shape);
	arena_clear(&arena);
	return text;
}

static struct shape_decl *decl(struct shape *shape, const char *name)
{
	size_t i;

	for (i = 0; i < shape->decls.n; i++)
		if (strcmp(shape->decls.items[i].name, name) == 0)
			return &shape->decls.items[i];
	REQUIRE(false);
	return NULL;
}

static void name_a_number(struct shape *shape)
{
	shape->operations.items[0].in.items[0].name = "x\"}";
}

static void number_twice(struct shape *shape)
{
	struct shape_fields *fields = &decl(shape, "structs.Line")->fields;

	fields->items[1].id = fields->items[0].id;
}

static void name_twice(struct shape *shape)
{
	struct shape_fields *fields = &decl(shape, "structs.Line")->fields;

	fields->items[1].name = fields->items[0].name;
}

static void hold_itself(struct shape *shape)
{
	decl(shape, "structs.Point")->fields.items[0].type =
		decl(shape, "structs.Line")->fields.items[0].type;
}

static void lose_a_type(struct shape *shape)
{
	decl(shape, "structs.Point")->name = "structs.Other";
}

static void take_a_kind(struct shape *shape)
{
	decl(shape, "structs.Point")->fields.items[0].type.kind = 99;
}

static void take_another_s_operation(struct shape *shape)
{
	shape->operations.items[0].name = "structs.Other.longest";
}

static void grow(struct shape *shape)
{
	struct shape_decl *boards = decl(shape, "arrays.Board");

	boards->fields.items[0].type.bound = 1 << 25;
}

static void multiply(struct shape *shape)
{
	decl(shape, "arrays.Board")->fields.items[3].type.bound = UINT32_MAX;
}

static void lose_a_member(struct shape *shape)
{
	decl(shape, "unions.Value")->numbers.items[0].name = "nobody";
}

static void label_twice(struct shape *shape)
{
	struct shape_numbers *numbers = &decl(shape, "unions.ByNumber")->numbers;

	numbers->items[1].value = numbers->items[0].value;
}

static void have_a_union_without_a_discriminator(struct shape *shape)
{
	decl(shape, "unions.ByNumber")->fields.n = 0;
}

static void have_an_odd_default(struct shape *shape)
{
	struct shape_fields *fields = &decl(shape, "opt.Settings")->fields;

	fields->items[6].value = "\"ten\"";
}

TEST(what_is_no_interface_is_refused_with_its_reason)
{
	CHECK_STR(refusal(&structs_Canvas_interface, lose_a_type), "'structs.Point' is not a type");
	CHECK_STR(refusal(&example_Server_interface, name_a_number), "'x\"}' is not a name");
	CHECK_STR(refusal(&structs_Canvas_interface, number_twice),
		  "structs.Line has the number 1 twice");
	CHECK_STR(refusal(&structs_Canvas_interface, name_twice), "structs.Line has 'from' twice");
	CHECK_HAS(refusal(&structs_Canvas_interface, hold_itself), "contains itself");
	CHECK_STR(refusal(&structs_Canvas_interface, take_a_kind),
		  "type 99 is not known to this end");
	CHECK_STR(refusal(&structs_Canvas_interface, take_another_s_operation),
		  "unknown operation 'structs.Other.longest'");
	CHECK_STR(refusal(&arrays_Boards_interface, grow), "a type is too large");
	CHECK_STR(refusal(&arrays_Boards_interface, multiply), "a type is too large");
	CHECK_STR(refusal(&unions_Box_interface, lose_a_member),
		  "unions.Value has no member 'nobody'");
	CHECK_STR(refusal(&unions_Box_interface, label_twice), "unions.ByNumber has a label twice");
	CHECK_STR(refusal(&unions_Box_interface, have_a_union_without_a_discriminator),
		  "unions.ByNumber has no discriminator");
	CHECK_HAS(refusal(&opt_Store_interface, have_an_odd_default),
		  "expected an integer, got ten");
}

/* ---- the same of one operation, one field or one type ---- */

/* The first that has parameters. */
static struct shape_operation *operation(struct shape *shape)
{
	size_t i = 0;

	while (i < shape->operations.n && shape->operations.items[i].in.n == 0)
		i++;
	REQUIRE(i < shape->operations.n);
	return &shape->operations.items[i];
}

static struct shape_field *parameter(struct shape *shape)
{
	return &operation(shape)->in.items[0];
}

static struct shape_decl *first_decl(struct shape *shape, uint32_t kind)
{
	size_t i;

	for (i = 0; i < shape->decls.n; i++)
		if (shape->decls.items[i].kind == kind)
			return &shape->decls.items[i];
	REQUIRE(false);
	return NULL;
}

static void have_many_parameters(struct shape *shape)
{
	static struct shape_field many[DESCRIPTION_FIELDS + 1];
	size_t i;

	for (i = 0; i < DESCRIPTION_FIELDS + 1; i++)
		many[i] = *parameter(shape);
	operation(shape)->in = (struct shape_fields){ DESCRIPTION_FIELDS + 1, many };
}

static void raise_what_is_no_type(struct shape *shape)
{
	static const char *name = "example.None";

	operation(shape)->raises = (struct shape_names){ 1, &name };
}

static void have_a_stream_that_is_not_told(struct shape *shape)
{
	operation(shape)->flags |= PYR__STREAM_OUT;
}

static void have_an_optional_stream(struct shape *shape)
{
	static struct shape_field item;

	item = *parameter(shape);
	item.flags = PYR__OPTIONAL;
	operation(shape)->flags |= PYR__STREAM_OUT;
	operation(shape)->streams = (struct shape_fields){ 1, &item };
}

static void have_a_message_that_is_a_number(struct shape *shape)
{
	parameter(shape)->flags = PYR__WHOLE;
}

static void have_a_message_and_more(struct shape *shape)
{
	struct shape_field *field = parameter(shape);

	field->flags = PYR__WHOLE;
	field->type = (struct shape_type){ .kind = PYR__STRUCT,
					   .name = first_decl(shape, PYR__STRUCT)->name };
}

static void have_an_interface_without_a_name(struct shape *shape)
{
	parameter(shape)->type = (struct shape_type){ .kind = PYR__INTERFACE, .name = "" };
}

static void have_a_sequence_of_nothing(struct shape *shape)
{
	parameter(shape)->type = (struct shape_type){ .kind = PYR__SEQUENCE, .name = "" };
}

static void have_an_array_without_a_length(struct shape *shape)
{
	static struct shape_type element = { .kind = PYR__INT32, .name = "" };

	parameter(shape)->type =
		(struct shape_type){ .kind = PYR__ARRAY, .name = "", .of = { 1, &element } };
}

static void have_a_map_by_reals(struct shape *shape)
{
	static struct shape_type of[] = { { .kind = PYR__DOUBLE, .name = "" },
					  { .kind = PYR__INT32, .name = "" } };

	parameter(shape)->type =
		(struct shape_type){ .kind = PYR__MAP, .name = "", .of = { 2, of } };
}

static void have_bytes_by_default(struct shape *shape)
{
	parameter(shape)->type.kind = PYR__BYTES;
	parameter(shape)->flags = PYR__DEFAULT;
	parameter(shape)->value = "\"\"";
}

static void have_a_flag_of_later(struct shape *shape)
{
	parameter(shape)->flags = 64;
}

static void have_a_number_beyond_protobuf(struct shape *shape)
{
	parameter(shape)->id = 0x20000000;
}

static void have_no_number(struct shape *shape)
{
	parameter(shape)->id = 0;
}

static void count_beyond_32_bits(struct shape *shape)
{
	first_decl(shape, PYR__ENUM)->numbers.items[0].value = INT64_MAX;
}

static void have_no_enumerators(struct shape *shape)
{
	first_decl(shape, PYR__ENUM)->numbers.n = 0;
}

static void have_a_message_as_a_member(struct shape *shape)
{
	first_decl(shape, PYR__STRUCT)->fields.items[0].flags = PYR__WHOLE;
}

static void switch_on_a_real(struct shape *shape)
{
	decl(shape, "unions.ByNumber")->fields.items[0].type.kind = PYR__DOUBLE;
}

static void have_an_optional_case(struct shape *shape)
{
	decl(shape, "unions.ByNumber")->fields.items[1].flags = PYR__OPTIONAL;
}

static void be_no_type(struct shape *shape)
{
	decl(shape, "structs.Point")->kind = PYR__STRING;
}

static void be_another_type(struct shape *shape)
{
	decl(shape, "structs.Line")->name = "structs.Point";
}

TEST(operations_fields_and_types_that_cannot_be_are_refused_with_the_reason)
{
	static const struct {
		const struct pyr__interface *interface;
		void (*spoil)(struct shape *shape);
		const char *text;
	} cases[] = {
		{ &example_Server_interface, have_many_parameters,
		  "example.Server.add has too many parameters" },
		{ &example_Server_interface, raise_what_is_no_type,
		  "'example.None' is not an exception" },
		{ &example_Server_interface, have_a_stream_that_is_not_told,
		  "the streams of example.Server.add do not match its flags" },
		{ &example_Server_interface, have_an_optional_stream,
		  "example.Server.add has an optional stream" },
		{ &example_Server_interface, have_a_message_that_is_a_number,
		  "'example.Server.add' has a message that is not a struct" },
		{ &structs_Canvas_interface, have_a_message_and_more,
		  "has a message and other parameters" },
		{ &example_Server_interface, have_an_interface_without_a_name,
		  "an interface without a name" },
		{ &example_Server_interface, have_a_sequence_of_nothing,
		  "a collection without an element type" },
		{ &example_Server_interface, have_an_array_without_a_length,
		  "a collection without an element type" },
		{ &example_Server_interface, have_a_map_by_reals,
		  "a collection without an element type" },
		{ &example_Server_interface, have_bytes_by_default, "cannot have a default" },
		{ &example_Server_interface, have_a_flag_of_later,
		  "has an unknown flag or number" },
		{ &example_Server_interface, have_a_number_beyond_protobuf,
		  "has an unknown flag or number" },
		{ &example_Server_interface, have_no_number, "has no number" },
		{ &unions_Box_interface, count_beyond_32_bits, "has a number that is too large" },
		{ &unions_Box_interface, have_no_enumerators, "has no enumerators" },
		{ &structs_Canvas_interface, have_a_message_as_a_member, "is a message" },
		{ &unions_Box_interface, switch_on_a_real, "unions.ByNumber has no discriminator" },
		{ &unions_Box_interface, have_an_optional_case,
		  "'unions.ByNumber' is not a union" },
		{ &structs_Canvas_interface, be_no_type, "'structs.Point' has an unknown kind" },
		{ &structs_Canvas_interface, be_another_type, "'structs.Point' occurs twice" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_HAS(refusal(cases[i].interface, cases[i].spoil), cases[i].text);
}

TEST(bytes_that_were_changed_are_refused_or_make_tables_that_can_be_used)
{
	struct description told = { .name = "opt.Store" };
	const struct pyr__interface *table;
	struct arena arena;
	struct span span;
	uint64_t state = 7;
	uint8_t *bytes;
	char text[256];
	int i, made = 0;

	for (i = 0; i < OFTEN(3000); i++) {
		arena_init(&arena, NULL, 0);
		arena.max = 64 << 20;
		REQUIRE(description_make(&opt_Store_interface, &arena, &span));
		bytes = arena_copy(&arena, span.p, span.n);
		state = state * 6364136223846793005u + 1442695040888963407u;
		bytes[(state >> 33) % span.n] = (uint8_t)(state >> 56);
		told.shape = (struct span){ bytes, span.n };
		table = description_tables(&told, &arena, text, sizeof(text));
		if (table) {
			free(printed(table));
			made++;
		}
		arena_clear(&arena);
	}
	CHECK(made > 0 && made < i);
}

TESTS(description, T(idl_that_is_printed_from_tables_has_their_fingerprint),
      T(what_was_told_becomes_tables_that_are_laid_out_and_printed_alike),
      T(doc_comments_are_told_and_printed_and_cannot_end_early),
      T(what_is_no_interface_is_refused_with_its_reason),
      T(operations_fields_and_types_that_cannot_be_are_refused_with_the_reason),
      T(bytes_that_were_changed_are_refused_or_make_tables_that_can_be_used))
