/* SPDX-License-Identifier: MIT */
#include "shapes.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define AT(s, m) .offset = offsetof(struct s, m)
#define ITEMS(a)                                                                                   \
	{                                                                                          \
		COUNT(a), (void *)(uintptr_t)(a)                                                   \
	}
#define SEQ(what, c_type, n_most, ...)                                                             \
	static const struct pyr__field what##_item[] = {                                           \
		{ .id = 1, .name = "items", __VA_ARGS__ }                                          \
	};                                                                                         \
	static const struct pyr__type what##_type = { .kind = PYR__SEQUENCE,                       \
						      .name = "shapes." #what,                     \
						      .size = sizeof(struct c_type),               \
						      .bound = n_most,                             \
						      .n_fields = 1,                               \
						      .fields = what##_item }
#define MAP(what, n_most, ...)                                                                     \
	static const struct pyr__field what##_fields[] = { __VA_ARGS__ };                          \
	static const struct pyr__type what##_type = { .kind = PYR__MAP,                            \
						      .name = "shapes." #what,                     \
						      .size = sizeof(struct what),                 \
						      .bound = n_most,                             \
						      .n_fields = 2,                               \
						      .fields = what##_fields,                     \
						      .entry_size = sizeof(struct what##_entry) }
#define STRUCT(what, wire_name, of)                                                                \
	const struct pyr__type what##_type = { .kind = PYR__STRUCT,                                \
					       .name = wire_name,                                  \
					       .size = sizeof(struct what),                        \
					       .n_fields = COUNT(of),                              \
					       .fields = of }

static const struct pyr__enumerator color_names[] = { { "RED", 0 }, { "GREEN", 1 }, { "BLUE", 7 } };
static const struct pyr__type color_type = { .kind = PYR__ENUM,
					     .name = "shapes.Color",
					     .size = 4,
					     .n_enumerators = 3,
					     .enumerators = color_names };

static const struct pyr__field point_fields[] = {
	{ .id = 1, .name = "x", .kind = PYR__INT32, AT(shapes_Point, x) },
	{ .id = 2, .name = "y", .kind = PYR__INT32, AT(shapes_Point, y) },
};
STRUCT(shapes_Point, "shapes.Point", point_fields);

static const struct pyr__field scalar_fields[] = {
	{ .id = 1, .name = "b", .kind = PYR__BOOL, AT(shapes_Scalars, b) },
	{ .id = 2, .name = "c", .kind = PYR__CHAR, AT(shapes_Scalars, c) },
	{ .id = 3, .name = "w", .kind = PYR__WCHAR, AT(shapes_Scalars, w) },
	{ .id = 4, .name = "i8", .kind = PYR__INT8, AT(shapes_Scalars, i8) },
	{ .id = 5, .name = "u8", .kind = PYR__UINT8, AT(shapes_Scalars, u8) },
	{ .id = 6, .name = "i16", .kind = PYR__INT16, AT(shapes_Scalars, i16) },
	{ .id = 7, .name = "u16", .kind = PYR__UINT16, AT(shapes_Scalars, u16) },
	{ .id = 8, .name = "i32", .kind = PYR__INT32, AT(shapes_Scalars, i32) },
	{ .id = 9, .name = "u32", .kind = PYR__UINT32, AT(shapes_Scalars, u32) },
	{ .id = 10, .name = "i64", .kind = PYR__INT64, AT(shapes_Scalars, i64) },
	{ .id = 11, .name = "u64", .kind = PYR__UINT64, AT(shapes_Scalars, u64) },
	{ .id = 12, .name = "f", .kind = PYR__FLOAT, AT(shapes_Scalars, f) },
	{ .id = 13, .name = "d", .kind = PYR__DOUBLE, AT(shapes_Scalars, d) },
};
STRUCT(shapes_Scalars, "shapes.Scalars", scalar_fields);

SEQ(numbers5, int32_seq, 5, .kind = PYR__INT32);
SEQ(Numbers, int32_seq, 0, .kind = PYR__INT32);
SEQ(names, string_seq, 0, .kind = PYR__STRING, .bound = 6);
SEQ(points, Point_seq, 0, .kind = PYR__STRUCT, .type = &shapes_Point_type);
SEQ(colors, Color_seq, 0, .kind = PYR__ENUM, .type = &color_type);
SEQ(small, int8_seq, 0, .kind = PYR__INT8);
SEQ(blobs, bytes_seq, 0, .kind = PYR__BYTES, .bound = 4);
SEQ(grid, Grid, 0, .kind = PYR__SEQUENCE, .type = &Numbers_type);
SEQ(flags, bool_seq, 0, .kind = PYR__BOOL);
SEQ(ratios, double_seq, 0, .kind = PYR__DOUBLE);
MAP(Scores, 3, { .id = 1, .name = "key", .kind = PYR__STRING, AT(Scores_entry, key) },
    { .id = 2, .name = "value", .kind = PYR__INT32, AT(Scores_entry, value) });
MAP(Places, 0, { .id = 1, .name = "key", .kind = PYR__INT32, AT(Places_entry, key) },
    { .id = 2,
      .name = "value",
      .kind = PYR__STRUCT,
      AT(Places_entry, value),
      .type = &shapes_Point_type });
MAP(Lists, 0, { .id = 1, .name = "key", .kind = PYR__UINT64, AT(Lists_entry, key) },
    { .id = 2,
      .name = "value",
      .kind = PYR__SEQUENCE,
      AT(Lists_entry, value),
      .type = &Numbers_type });

static const struct pyr__field matrix_item[] = { { .id = 1, .name = "items", .kind = PYR__INT32 } };
static const struct pyr__type matrix_type = { .kind = PYR__ARRAY,
					      .name = "shapes.Matrix",
					      .size = sizeof(int32_t[2][3]),
					      .bound = 6,
					      .n_fields = 1,
					      .fields = matrix_item };

static const struct pyr__field shape_fields[] = {
	{ .id = 1, .name = "discriminator", .kind = PYR__INT16, AT(shapes_Shape, _d) },
	{ .id = 2,
	  .name = "point",
	  .kind = PYR__STRUCT,
	  AT(shapes_Shape, _u),
	  .type = &shapes_Point_type },
	{ .id = 3, .name = "name", .kind = PYR__STRING, AT(shapes_Shape, _u) },
	{ .id = 4,
	  .name = "numbers",
	  .kind = PYR__SEQUENCE,
	  AT(shapes_Shape, _u),
	  .type = &Numbers_type },
	{ .id = 5, .name = "ratio", .kind = PYR__DOUBLE, AT(shapes_Shape, _u) },
};
static const struct pyr__label shape_labels[] = { { 1, 1 }, { 2, 2 }, { 3, 2 }, { 4, 3 } };
const struct pyr__type shapes_Shape_type = { .kind = PYR__UNION,
					     .name = "shapes.Shape",
					     .size = sizeof(struct shapes_Shape),
					     .n_fields = 5,
					     .fields = shape_fields,
					     .n_labels = 4,
					     .default_field = 4,
					     .labels = shape_labels };

static const struct pyr__field choice_fields[] = {
	{ .id = 0, .name = "discriminator", .kind = PYR__INT32, AT(shapes_Choice, _d) },
	{ .id = 1, .name = "number", .kind = PYR__INT32, AT(shapes_Choice, _u) },
	{ .id = 2, .name = "text", .kind = PYR__STRING, AT(shapes_Choice, _u) },
	{ .id = 3,
	  .name = "point",
	  .kind = PYR__STRUCT,
	  AT(shapes_Choice, _u),
	  .type = &shapes_Point_type },
	{ .id = 4, .name = "blob", .kind = PYR__BYTES, AT(shapes_Choice, _u) },
	{ .id = 5,
	  .name = "list",
	  .kind = PYR__SEQUENCE,
	  AT(shapes_Choice, _u),
	  .type = &Numbers_type },
};
static const struct pyr__label choice_labels[] = {
	{ 10, 1 }, { 20, 2 }, { 30, 3 }, { 40, 4 }, { 50, 5 }
};
const struct pyr__type shapes_Choice_type = { .kind = PYR__UNION,
					      .oneof = 1,
					      .name = "shapes.Choice",
					      .size = sizeof(struct shapes_Choice),
					      .n_fields = 6,
					      .fields = choice_fields,
					      .n_labels = 5,
					      .labels = choice_labels };

SEQ(shape_list, Shape_seq, 0, .kind = PYR__UNION, .type = &shapes_Shape_type);
SEQ(choice_list, Choice_seq, 0, .kind = PYR__UNION, .type = &shapes_Choice_type);
SEQ(node_list, Node_seq, 0, .kind = PYR__STRUCT, .type = &shapes_Node_type);
static const struct pyr__field node_fields[] = {
	{ .id = 1, .name = "value", .kind = PYR__INT32, AT(shapes_Node, value) },
	{ .id = 2,
	  .name = "children",
	  .kind = PYR__SEQUENCE,
	  AT(shapes_Node, children),
	  .type = &node_list_type },
};
STRUCT(shapes_Node, "shapes.Node", node_fields);

static const int32_t forty_two = 42;
static const char *const untitled = "untitled";

/* One line per field, once for the struct, once for the parameters and once for the results. */
#define ALL_FIELDS(M, H)                                                                           \
	{ .id = 1,                                                                                 \
	  .name = "scalars",                                                                       \
	  .kind = PYR__STRUCT,                                                                     \
	  M(scalars),                                                                              \
	  .type = &shapes_Scalars_type },                                                          \
		{ .id = 2, .name = "text", .kind = PYR__STRING, M(text), .bound = 10 },            \
		{ .id = 3, .name = "blob", .kind = PYR__BYTES, M(blob), .bound = 8 },              \
		{ .id = 4,                                                                         \
		  .name = "point",                                                                 \
		  .kind = PYR__STRUCT,                                                             \
		  M(point),                                                                        \
		  .type = &shapes_Point_type },                                                    \
		{ .id = 5,                                                                         \
		  .name = "numbers",                                                               \
		  .kind = PYR__SEQUENCE,                                                           \
		  M(numbers),                                                                      \
		  .type = &numbers5_type },                                                        \
		{ .id = 6,                                                                         \
		  .name = "names",                                                                 \
		  .kind = PYR__SEQUENCE,                                                           \
		  M(names),                                                                        \
		  .type = &names_type },                                                           \
		{ .id = 7,                                                                         \
		  .name = "points",                                                                \
		  .kind = PYR__SEQUENCE,                                                           \
		  M(points),                                                                       \
		  .type = &points_type },                                                          \
		{ .id = 8,                                                                         \
		  .name = "colors",                                                                \
		  .kind = PYR__SEQUENCE,                                                           \
		  M(colors),                                                                       \
		  .type = &colors_type },                                                          \
		{ .id = 9,                                                                         \
		  .name = "small",                                                                 \
		  .kind = PYR__SEQUENCE,                                                           \
		  M(small),                                                                        \
		  .type = &small_type },                                                           \
		{ .id = 10,                                                                        \
		  .name = "blobs",                                                                 \
		  .kind = PYR__SEQUENCE,                                                           \
		  M(blobs),                                                                        \
		  .type = &blobs_type },                                                           \
		{ .id = 11, .name = "grid", .kind = PYR__SEQUENCE, M(grid), .type = &grid_type },  \
		{ .id = 12, .name = "scores", .kind = PYR__MAP, M(scores), .type = &Scores_type }, \
		{ .id = 13, .name = "places", .kind = PYR__MAP, M(places), .type = &Places_type }, \
		{ .id = 14, .name = "lists", .kind = PYR__MAP, M(lists), .type = &Lists_type },    \
		{ .id = 15,                                                                        \
		  .name = "matrix",                                                                \
		  .kind = PYR__ARRAY,                                                              \
		  M(matrix),                                                                       \
		  .type = &matrix_type },                                                          \
		{ .id = 16, .name = "maybe", .kind = PYR__INT32, H(maybe) },                       \
		{ .id = 17, .name = "maybe_text", .kind = PYR__STRING, H(maybe_text) },            \
		{ .id = 18,                                                                        \
		  .name = "maybe_point",                                                           \
		  .kind = PYR__STRUCT,                                                             \
		  H(maybe_point),                                                                  \
		  .type = &shapes_Point_type },                                                    \
		{ .id = 19,                                                                        \
		  .name = "maybe_numbers",                                                         \
		  .kind = PYR__SEQUENCE,                                                           \
		  H(maybe_numbers),                                                                \
		  .type = &Numbers_type },                                                         \
		{ .id = 20, .name = "maybe_blob", .kind = PYR__BYTES, H(maybe_blob) },             \
		{ .id = 21,                                                                        \
		  .name = "count",                                                                 \
		  .kind = PYR__INT32,                                                              \
		  M(count),                                                                        \
		  .flags = PYR__DEFAULT,                                                           \
		  .value = &forty_two },                                                           \
		{ .id = 22,                                                                        \
		  .name = "title",                                                                 \
		  .kind = PYR__STRING,                                                             \
		  M(title),                                                                        \
		  .flags = PYR__DEFAULT,                                                           \
		  .value = &untitled },                                                            \
		{ .id = 23,                                                                        \
		  .name = "shape",                                                                 \
		  .kind = PYR__UNION,                                                              \
		  M(shape),                                                                        \
		  .type = &shapes_Shape_type },                                                    \
		{ .id = 24,                                                                        \
		  .name = "choice",                                                                \
		  .kind = PYR__UNION,                                                              \
		  M(choice),                                                                       \
		  .type = &shapes_Choice_type },                                                   \
		{ .id = 25,                                                                        \
		  .name = "shapes",                                                                \
		  .kind = PYR__SEQUENCE,                                                           \
		  M(shapes),                                                                       \
		  .type = &shape_list_type },                                                      \
		{ .id = 26,                                                                        \
		  .name = "choices",                                                               \
		  .kind = PYR__SEQUENCE,                                                           \
		  M(choices),                                                                      \
		  .type = &choice_list_type },                                                     \
		{ .id = 27,                                                                        \
		  .name = "tree",                                                                  \
		  .kind = PYR__STRUCT,                                                             \
		  M(tree),                                                                         \
		  .type = &shapes_Node_type },                                                     \
		{ .id = 28, .name = "color", .kind = PYR__ENUM, M(color), .type = &color_type },   \
		{ .id = 29,                                                                        \
		  .name = "flags",                                                                 \
		  .kind = PYR__SEQUENCE,                                                           \
		  M(flags),                                                                        \
		  .type = &flags_type },                                                           \
	{                                                                                          \
		.id = 30, .name = "ratios", .kind = PYR__SEQUENCE, M(ratios), .type = &ratios_type \
	}
#define MEMBER(m) AT(shapes_All, m)
#define MAYBE(m)                                                                                   \
	AT(shapes_All, m), .flags = PYR__OPTIONAL,                                                 \
			   .has_offset = offsetof(struct shapes_All, has_##m)
#define SLOT(m)       .offset = 0
#define MAYBE_SLOT(m) .offset = 0, .flags = PYR__OPTIONAL

static const struct pyr__field all_fields[] = { ALL_FIELDS(MEMBER, MAYBE) };
STRUCT(shapes_All, "shapes.All", all_fields);
static const struct pyr__field echo_fields[] = { ALL_FIELDS(SLOT, MAYBE_SLOT),
						 ALL_FIELDS(SLOT, MAYBE_SLOT) };

static const struct pyr__type server_type = { .kind = PYR__INTERFACE, .name = "shapes.Server" };
SEQ(refs, int32_seq, 0, .kind = PYR__INTERFACE, .type = &server_type);
static const struct pyr__field ref_fields[] = {
	{ .id = 1,
	  .name = "one",
	  .kind = PYR__INTERFACE,
	  AT(shapes_Refs, one),
	  .type = &server_type },
	{ .id = 2,
	  .name = "many",
	  .kind = PYR__SEQUENCE,
	  AT(shapes_Refs, many),
	  .type = &refs_type },
	{ .id = 3, .name = "any", .kind = PYR__ANY, AT(shapes_Refs, any) },
};
STRUCT(shapes_Refs, "shapes.Refs", ref_fields);
static const struct pyr__field refs_fields[] = {
	{ .id = 1, .name = "one", .kind = PYR__INTERFACE, .type = &server_type },
	{ .id = 2, .name = "refs", .kind = PYR__STRUCT, .type = &shapes_Refs_type },
	{ .id = 1, .name = "ret", .kind = PYR__OBJECT },
};
static const struct pyr__field greet_fields[] = {
	{ .id = 1, .name = "who", .kind = PYR__STRING, .bound = 9 },
	{ .id = 2, .name = "board", .kind = PYR__ARRAY, .type = &matrix_type },
	{ .id = 3, .name = "times", .kind = PYR__INT32, .flags = PYR__OPTIONAL },
	{ .id = 1, .name = "ret", .kind = PYR__MAP, .type = &Scores_type },
	{ .id = 2, .name = "color", .kind = PYR__ENUM, .type = &color_type },
};

static const struct pyr__operation operations[] = {
	{ "shapes.Server.echo", NULL, echo_fields, SHAPES_ALL, SHAPES_ALL, 0, 0, NULL, 0 },
	{ "shapes.Server.refs", NULL, refs_fields, 2, 1, 0, 0, NULL, 0 },
	{ "shapes.Server.greet", NULL, greet_fields, 3, 2, 0, 0, NULL, 0 },
};
const struct pyr__interface shapes_interface = {
	PYR_GEN_ABI, "shapes.Server", operations, 3, 0, NULL, NULL
};

static const uint8_t blob[] = { 0, 1, 255 };
static const int32_t numbers[] = { 1, -2, 300 };
static const char *const names[] = { "a", "", "\xc3\xa4" };
static const struct shapes_Point points[] = { { 1, 2 }, { 0, 0 }, { -1, -2 } };
static const enum shapes_Color colors[] = { shapes_RED, shapes_BLUE, (enum shapes_Color)99 };
static const int8_t small[] = { -128, 0, 127 };
static const struct pyr_bytes blobs[] = { ITEMS(blob), { 0, NULL } };
static const struct int32_seq grid[] = { ITEMS(numbers), { 0, NULL }, ITEMS(numbers) };
static const struct Scores_entry scores[] = { { "one", 1 }, { "", 0 } };
static const struct Places_entry places[] = { { -1, { 3, 4 } }, { 0, { 0, 0 } } };
static const struct Lists_entry lists[] = { { 1, ITEMS(numbers) }, { UINT64_MAX, { 0, NULL } } };
static const struct shapes_Shape shapes[] = {
	{ 1, { .point = { 5, 6 } } },         { 2, { .name = "two" } },  { 3, { .name = "" } },
	{ 4, { .numbers = ITEMS(numbers) } }, { -7, { .ratio = 0.25 } }, { 0, { .ratio = 0 } },
};
static const struct shapes_Choice choices[] = {
	{ 10, { .number = 0 } },
	{ 20, { .text = "t" } },
	{ 30, { .point = { 0, 0 } } },
	{ 40, { .blob = ITEMS(blob) } },
	{ 50, { .list = ITEMS(numbers) } },
	{ 0, { .number = 0 } },
};
static const struct shapes_Node leaves[] = { { 2, { 0, NULL } }, { 3, { 0, NULL } } };
static const bool flags[] = { true, false, true };
static const double ratios[] = { 0.5, -1e300, 0 };

const struct shapes_All shapes_sample = {
	.scalars = { true, (char)0xe9, 0x1f600, -1, 200, -300, 60000, INT32_MIN, UINT32_MAX,
		     INT64_MIN, UINT64_MAX, 1.5f, -2.5 },
	.text = "0123456789",
	.blob = ITEMS(blob),
	.point = { 7, 8 },
	.numbers = ITEMS(numbers),
	.names = ITEMS(names),
	.points = ITEMS(points),
	.colors = ITEMS(colors),
	.small = ITEMS(small),
	.blobs = ITEMS(blobs),
	.grid = ITEMS(grid),
	.scores = ITEMS(scores),
	.places = ITEMS(places),
	.lists = ITEMS(lists),
	.matrix = { { 1, 2, 3 }, { 4, 5, 6 } },
	.has_maybe = true, /* and zero */
	.has_maybe_text = true,
	.maybe_text = "",
	.has_maybe_point = true,
	.maybe_point = { 9, 0 },
	.has_maybe_numbers = true,
	.has_maybe_blob = true,
	.count = 0,
	.title = "",
	.shape = { 3, { .name = "shape" } },
	.choice = { 20, { .text = "" } },
	.shapes = ITEMS(shapes),
	.choices = ITEMS(choices),
	.tree = { 1, ITEMS(leaves) },
	.color = shapes_BLUE,
	.flags = ITEMS(flags),
	.ratios = ITEMS(ratios),
};

void shapes_slots(const struct shapes_All *value, union pyr__slot *ret)
{
	int i;

	for (i = 0; i < SHAPES_ALL; i++)
		ret[i].p = (const uint8_t *)value + all_fields[i].offset;
	ret[F_TEXT].s = value->text;
	ret[F_TITLE].s = value->title;
	ret[F_COUNT].i32 = value->count;
	ret[F_COLOR].i32 = (int32_t)value->color;
	ret[F_MAYBE].p = value->has_maybe ? &value->maybe : NULL;
	ret[F_MAYBE_TEXT].s = value->has_maybe_text ? value->maybe_text : NULL;
	ret[F_MAYBE_POINT].p = value->has_maybe_point ? &value->maybe_point : NULL;
	ret[F_MAYBE_NUMBERS].p = value->has_maybe_numbers ? &value->maybe_numbers : NULL;
	ret[F_MAYBE_BLOB].p = value->has_maybe_blob ? &value->maybe_blob : NULL;
}
