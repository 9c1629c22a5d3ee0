/* SPDX-License-Identifier: MIT */
/*
 * What generated tables say, checked against the C types they describe, and by sending values
 * through the codec that reads them.
 */
#include "test.h"

#include <arrays.h>
#include <exceptions.h>
#include <inheritance_diamond.h>
#include <maps.h>
#include <oneof.h>
#include <oneway.h>
#include <optional_default.h>
#include <recursive.h>
#include <scalars.h>
#include <shapes.h>
#include <streams.h>
#include <structs.h>
#include <unions.h>

#include "wire/codec.h"

static const struct pyr__field *field(const struct pyr__type *type, const char *name)
{
	for (uint32_t i = 0; i < type->n_fields; i++)
		if (strcmp(type->fields[i].name, name) == 0)
			return &type->fields[i];
	REQUIRE(!"there is such a field");
	return NULL;
}

/* Sends a value through the codec. Returns: owned, free(). */
static void *through(const struct pyr__type *type, const void *value)
{
	struct codec_problem problem = { 0 };
	struct codec_packer packer;
	struct arena arena;
	uint8_t data[4096];
	void *copy = NULL;

	arena_init(&arena, NULL, 0);
	CHECK_INT(codec_prepare_value(type, value, &arena, &packer, &problem), 0);
	CHECK_STR(problem.text, "");
	REQUIRE(problem.code == 0 && packer.size <= sizeof(data));
	codec_pack(&packer, data);
	CHECK_INT(codec_unpack_value(type, data, packer.size, 1 << 20, &copy, &problem), 0);
	arena_clear(&arena);
	REQUIRE(copy != NULL);
	return copy;
}

TEST(structs_tell_where_their_members_are)
{
	const struct pyr__type *type = &structs_Line_type;

	CHECK_INT(type->kind, PYR__STRUCT);
	CHECK_STR(type->name, "structs.Line");
	CHECK_INT(type->size, sizeof(struct structs_Line));
	CHECK_INT(type->n_fields, 4);
	CHECK_INT(field(type, "to")->offset, offsetof(struct structs_Line, to));
	CHECK(field(type, "to")->type == &structs_Point_type);
	CHECK_INT(field(type, "name")->id, 7);
	CHECK_INT(field(type, "dashed")->id, 8);
	CHECK_INT(structs_Empty_type.n_fields, 0);
	CHECK_INT(structs_Empty_type.size, sizeof(struct structs_Empty));
}

TEST(optional_members_tell_where_their_switch_is)
{
	const struct pyr__field *title = field(&opt_Settings_type, "title");

	CHECK_INT(title->flags, PYR__OPTIONAL);
	CHECK_INT(title->has_offset, offsetof(struct opt_Settings, has_title));
	CHECK_INT(title->offset, offsetof(struct opt_Settings, title));
}

TEST(defaults_are_values_of_the_c_type)
{
	const struct pyr__type *type = &opt_Settings_type;

	CHECK_INT(field(type, "height")->flags, PYR__DEFAULT);
	CHECK_INT(*(const int32_t *)field(type, "height")->value, 10);
	CHECK_STR(*(const char *const *)field(type, "label")->value, "none");
	CHECK_INT(*(const int32_t *)field(type, "limit")->value, opt_HIGH);
	CHECK(*(const double *)field(type, "factor")->value == -2.5);
	CHECK(*(const bool *)field(type, "on")->value);
	CHECK_INT(*(const char *)field(type, "mark")->value, 'x');
	CHECK_HAS(*(const char *const *)field(type, "wordy")->value,
		  "does not fit in a line of the generated source");
}

TEST(unions_sort_their_labels)
{
	const struct pyr__type *type = &unions_ByNumber_type;
	static const struct pyr__label expected[] = { { -1, 1 }, { 1, 2 }, { 3, 3 }, { 5, 1 } };

	CHECK_INT(type->n_labels, 4);
	for (uint32_t i = 0; i < type->n_labels; i++) {
		CHECK_INT(type->labels[i].value, expected[i].value);
		CHECK_INT(type->labels[i].field, expected[i].field);
	}
	CHECK_INT(type->default_field, 3);
	CHECK_INT(type->fields[3].offset, offsetof(struct unions_ByNumber, _u.c));
	CHECK_INT(unions_ByLarge_type.labels[1].value, 5000000000);
	CHECK_INT(unions_Value_type.default_field, 0);
	CHECK_INT(oneofs_Shape_type.oneof, 1);
	CHECK_INT(oneofs_Shape_type.fields[1].id, 1);
}

TEST(arrays_count_all_their_elements)
{
	const struct pyr__type *type = field(&arrays_Board_type, "fields")->type;

	CHECK_INT(type->kind, PYR__ARRAY);
	CHECK_INT(type->bound, 64);
	CHECK_INT(type->size, 64);
	CHECK_INT(type->fields[0].kind, PYR__UINT8);
	CHECK_INT(arrays_Matrix_type.bound, 9);
	CHECK_INT(arrays_Matrix_type.size, 9 * sizeof(double));
	CHECK_INT(arrays_Rows_type.bound, 2);
	CHECK(arrays_Rows_type.fields[0].type == &arrays_Row_type);
}

TEST(maps_describe_their_entries)
{
	const struct pyr__type *type = &maps_Points_type;

	CHECK_INT(type->kind, PYR__MAP);
	CHECK_INT(type->entry_size, sizeof(struct maps_Points_entry));
	CHECK_INT(type->fields[0].kind, PYR__INT32);
	CHECK_INT(type->fields[1].offset, offsetof(struct maps_Points_entry, value));
	CHECK(type->fields[1].type == &maps_Point_type);
	CHECK_INT(field(&maps_Atlas_type, "names")->type->bound, 2);
}

TEST(exceptions_have_a_status)
{
	CHECK_INT(bank_NoFunds_type.status, PYR_ABORTED);
	CHECK_INT(bank_NoAccount_type.status, PYR_NOT_FOUND);
	CHECK(bank_Bank_interface.operations[0].raises[2] == &bank_Account_Locked_type);
	CHECK(!bank_Bank_interface.operations[0].raises[3]);
	CHECK(!bank_Bank_interface.operations[1].raises);
}

TEST(operations_have_their_flags)
{
	const struct pyr__operation *operations = events_Sink_interface.operations;

	CHECK_INT(operations[0].flags, PYR__ONEWAY);
	CHECK_INT(operations[0].n_in, 1);
	CHECK_INT(operations[0].n_out, 0);
	CHECK_INT(operations[2].flags, PYR__IDEMPOTENT | PYR__INLINE);
	CHECK_INT(operations[3].timeout_ms, 250);
	CHECK(operations[2].fingerprint != 0 &&
	      operations[2].fingerprint != operations[3].fingerprint);
	CHECK_INT(streams_Feed_interface.operations[4].flags, 0);
}

TEST(items_of_streams_stand_behind_the_results)
{
	const struct pyr__operation *operations = streams_Feed_interface.operations;

	CHECK_INT(operations[1].flags, PYR__STREAM_OUT);
	CHECK_INT(operations[1].n_in, 1);
	CHECK_INT(operations[1].n_out, 0);
	CHECK(operations[1].fields[1].type == &streams_Item_type);
	CHECK_INT(operations[2].flags, PYR__STREAM_IN);
	CHECK_INT(operations[2].n_out, 1);
	CHECK_STR(operations[2].fields[1].name, "data");
	CHECK_INT(operations[3].flags, PYR__STREAM_IN | PYR__STREAM_OUT);
	CHECK_STR(operations[3].fields[0].name, "factor");
	CHECK_STR(operations[3].fields[1].name, "x");
	CHECK_STR(operations[3].fields[2].name, "ret");
}

TEST(a_diamond_has_each_operation_once)
{
	const struct pyr__interface *fish = &zoo_FlyingFish_interface;
	static const char *const names[] = { "zoo.Animal.name", "zoo.Animal.feed", "zoo.Bird.fly",
					     "zoo.Fish.swim", "zoo.FlyingFish.is_wet" };

	CHECK_INT(fish->n_operations, 5);
	CHECK_INT(sizeof(struct zoo_FlyingFish_methods), 5 * sizeof(void (*)(void)));
	for (uint32_t i = 0; i < 5; i++)
		CHECK_STR(fish->operations[i].name, names[i]);
	CHECK_STR(fish->bases[0], "zoo.Animal");
	CHECK_STR(fish->bases[2], "zoo.Fish");
	CHECK(!fish->bases[3]);
	CHECK_INT(zoo_Nothing_interface.n_operations, 0);
}

static int many(pyr_call *call, int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f,
		int32_t g, int32_t h, int32_t i, int32_t *ret)
{
	CHECK(call == NULL);
	*ret = a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i;
	return 7;
}

TEST(a_shim_calls_its_method)
{
	const struct scalars_Echo_methods methods = { .many = many };
	union pyr__slot in[9], out[1] = { { .u64 = 0 } };
	const struct pyr__operation *last =
		&scalars_Echo_interface.operations[scalars_Echo_interface.n_operations - 1];

	for (int i = 0; i < 9; i++)
		in[i] = (union pyr__slot){ .i32 = i + 1 };
	CHECK_INT(last->n_in, 9);
	CHECK_INT(last->shim(NULL, &methods, in, out), 7);
	CHECK_INT(out[0].i32, 285);
}

static int swap(pyr_call *call, const struct unions_Value *value,
		const struct unions_Value **ret_value)
{
	(void)call;
	*ret_value = value;
	return value->_d == unions_NUMBER ? 0 : -PYR_OUT_OF_RANGE;
}

TEST(a_shim_hands_out_what_a_method_succeeded_with)
{
	const struct unions_Box_methods methods = { .swap = swap };
	struct unions_Value value = { ._d = unions_NUMBER };
	union pyr__slot in[1] = { { .p = &value } }, out[1] = { { .p = NULL } };
	const struct pyr__operation *operation = &unions_Box_interface.operations[1];

	CHECK_INT(operation->shim(NULL, &methods, in, out), 0);
	CHECK(out[0].p == &value);
	value._d = unions_TEXT;
	out[0].p = NULL;
	CHECK_INT(operation->shim(NULL, &methods, in, out), -PYR_OUT_OF_RANGE);
	CHECK(out[0].p == NULL);
}

TEST(a_board_survives_the_wire)
{
	int32_t numbers[] = { 1, 2, 3 };
	struct arrays_Board board = {
		.fields = { { 1, 2 }, { 3 } },
		.row = { { 4, 5, 6, 7 } },
		.matrix = { { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 2.5 } } },
		.corners = { { 1, 2 }, { 3, 4 } },
		.names = { "a", "" },
		.lists = { { 0, NULL }, { 3, numbers } },
		.rows = { { { { 1 } }, { { 2, 3 } } } },
	};
	struct arrays_Board *copy = through(&arrays_Board_type, &board);

	CHECK(memcmp(copy->fields, board.fields, sizeof(board.fields)) == 0);
	CHECK(memcmp(&copy->row, &board.row, sizeof(board.row)) == 0);
	CHECK(copy->matrix.items[2][2] == 2.5);
	CHECK_INT(copy->corners[1].y, 4);
	CHECK_STR(copy->names[0], "a");
	CHECK_INT(copy->lists[1].n, 3);
	CHECK_INT(copy->lists[1].items[2], 3);
	CHECK_INT(copy->rows.items[1].items[1], 3);
	free(copy);
}

TEST(an_atlas_survives_the_wire)
{
	const char *words[] = { "x", "y" };
	struct pyr_string_maps_Point_map_entry place = { "home", { 1, 2 } };
	struct pyr_uint64_string_seq_map_entry list = { UINT64_MAX, { 2, words } };
	struct maps_Atlas atlas = { .places = { 1, &place }, .lists = { 1, &list } };
	struct maps_Atlas *copy = through(&maps_Atlas_type, &atlas);

	REQUIRE(copy->places.n == 1 && copy->lists.n == 1);
	CHECK_STR(copy->places.items[0].key, "home");
	CHECK_INT(copy->places.items[0].value.y, 2);
	CHECK(copy->lists.items[0].key == UINT64_MAX);
	CHECK_STR(copy->lists.items[0].value.items[1], "y");
	CHECK_INT(copy->counts.n, 0);
	free(copy);
}

TEST(a_tree_survives_the_wire)
{
	struct tree_Node leaf = { .name = "leaf" };
	struct pyr_string_tree_Node_map_entry entry = { "leaf", leaf };
	struct tree_Node root = { .name = "root",
				  .children = { 1, &leaf },
				  .by_name = { 1, &entry } };
	struct tree_Node *copy = through(&tree_Node_type, &root);

	REQUIRE(copy->children.n == 1 && copy->by_name.n == 1);
	CHECK_STR(copy->children.items[0].name, "leaf");
	CHECK_STR(copy->by_name.items[0].value.name, "leaf");
	free(copy);
}

TEST(unions_survive_the_wire)
{
	struct oneofs_Point points[] = { { 1, 2 }, { 3, 4 } };
	struct oneofs_Shape shape = { ._d = 2, ._u.path = { 2, points } };
	struct unions_ByChar letters = { ._d = '\n', ._u.numbers = { 7, 8, 9 } };
	struct oneofs_Shape *shape_copy = through(&oneofs_Shape_type, &shape);
	struct unions_ByChar *letters_copy = through(&unions_ByChar_type, &letters);

	CHECK_INT(shape_copy->_d, 2);
	CHECK_INT(shape_copy->_u.path.items[1].y, 4);
	CHECK_INT(letters_copy->_d, '\n');
	CHECK_INT(letters_copy->_u.numbers[2], 9);
	free(shape_copy);
	free(letters_copy);
}

TEST(a_default_stands_for_what_was_not_sent)
{
	struct codec_problem problem = { 0 };
	void *copy = NULL;
	struct opt_Settings *settings;

	REQUIRE(codec_unpack_value(&opt_Settings_type, (const uint8_t *)"", 0, 1 << 20, &copy,
				   &problem) == 0);
	settings = copy;
	CHECK_INT(settings->height, 10);
	CHECK_STR(settings->label, "none");
	CHECK_INT(settings->limit, opt_HIGH);
	CHECK(!settings->has_width);
	free(copy);
}

TEST(every_interface_can_be_described)
{
	static const struct pyr__interface *const interfaces[] = {
		&arrays_Boards_interface, &bank_Bank_interface,     &zoo_FlyingFish_interface,
		&maps_Index_interface,    &oneofs_Canvas_interface, &events_Sink_interface,
		&opt_Store_interface,     &tree_Walker_interface,   &scalars_Echo_interface,
		&shapes_Circle_interface, &streams_Feed_interface,  &structs_Canvas_interface,
		&unions_Box_interface,
	};

	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++) {
		const struct codec_interface *codec = codec_interface_get(interfaces[i]);

		REQUIRE(codec != NULL);
		CHECK(codec->table == interfaces[i]);
	}
}

TESTS(codegen_tables, T(structs_tell_where_their_members_are),
      T(optional_members_tell_where_their_switch_is), T(defaults_are_values_of_the_c_type),
      T(unions_sort_their_labels), T(arrays_count_all_their_elements),
      T(maps_describe_their_entries), T(exceptions_have_a_status), T(operations_have_their_flags),
      T(items_of_streams_stand_behind_the_results), T(a_diamond_has_each_operation_once),
      T(a_shim_calls_its_method), T(a_shim_hands_out_what_a_method_succeeded_with),
      T(a_board_survives_the_wire), T(an_atlas_survives_the_wire), T(a_tree_survives_the_wire),
      T(unions_survive_the_wire), T(a_default_stands_for_what_was_not_sent),
      T(every_interface_can_be_described))
