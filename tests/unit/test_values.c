/* SPDX-License-Identifier: MIT */
/* Deep copies of values: X_dup(). */
#include <pyrite/pyrite.h>

#include "values.h"

#include "test.h"

#include <pyrite/gen.h>
#include <stdatomic.h>

#include "wire/codec.h"

static bool calloc_fails;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return calloc_fails ? NULL : __real_calloc(n, size);
}

/* ---- a value with something of everything ---- */

static struct values_Point points[] = { { 1, 2 }, { -3, 4 }, { 5, INT32_MIN } };

static void fill_lists(struct values_All *all)
{
	static struct values_Places_entry places[] = { { "here", { 3, points } }, { "", { 0 } } };
	static int32_t row[] = { 1, -1 };
	static struct pyr_int32_seq rows[] = { { 2, row }, { 0 }, { 1, row } };
	static uint8_t bytes[] = { 0, 255, 0, 7 };
	static struct pyr_bytes blobs[] = { { 4, bytes }, { 0 } };
	static struct pyr_int32_double_map_entry ratios[] = { { 1, 0.5 }, { -1, 1e300 } };
	static const char *names[] = { "one", "", "three" };
	static struct values_Choice choices[] = { { ._d = 1, ._u.number = 9 },
						  { ._d = 2, ._u.names = { 3, names } },
						  { ._d = 0 } };

	all->blob = blobs[0];
	all->points = all->track = (struct values_Points){ 3, points };
	all->has_track = true;
	all->places = (struct values_Places){ 2, places };
	all->rows.n = 3;
	all->rows.items = rows;
	all->blobs.n = 2;
	all->blobs.items = blobs;
	all->ratios.n = 2;
	all->ratios.items = ratios;
	all->choices.n = 3;
	all->choices.items = choices;
}

static void fill(struct values_All *all)
{
	static struct values_Node leaves[] = { { .name = "left" }, { .name = "right" } };
	static struct pyr_int32_values_Node_map_entry numbered = { 42, { .name = "by number" } };

	*all = (struct values_All){ .yes = true,
				    .c = 'c',
				    .small = -2,
				    .large = INT64_MIN,
				    .ratio = 0.25,
				    .color = values_BLUE,
				    .text = "text",
				    .short_text = "",
				    .point = { 7, 8 },
				    .grid.items = { { 1, 2, 3 }, { 4, 5, 6 } },
				    .words = { "a", "b" },
				    .has_note = true,
				    .note = "note",
				    .count = 3,
				    .shape = { ._d = values_GREEN, ._u.text = "shape" },
				    .tree = { .name = "root" } };
	fill_lists(all);
	all->tree.children.n = 2;
	all->tree.children.items = leaves;
	all->tree.by_number.n = 1;
	all->tree.by_number.items = &numbered;
}

/* Packed, which needs every byte that counts. Returns how many there are. */
static size_t pack(const struct values_All *all, uint8_t *buf, size_t n)
{
	struct codec_problem problem = { 0 };
	struct codec_packer packer = { 0 };
	struct arena arena;

	arena_init(&arena, NULL, 0);
	CHECK_INT(codec_prepare_value(&values_All_type, all, &arena, &packer, &problem), 0);
	CHECK_STR(problem.text, "");
	REQUIRE(packer.size <= n);
	codec_pack(&packer, buf);
	arena_clear(&arena);
	return packer.size;
}

static void check_same(const struct values_All *a, const struct values_All *b)
{
	static uint8_t x[4096], y[4096];
	size_t n = pack(a, x, sizeof(x));

	CHECK_INT(pack(b, y, sizeof(y)), n);
	CHECK(memcmp(x, y, n) == 0);
}

TEST(a_copy_has_all_that_the_value_has_and_nothing_of_its_memory)
{
	struct values_All all, *first, *second;

	fill(&all);
	first = values_All_dup(NULL, &all);
	REQUIRE(first);
	check_same(first, &all);
	CHECK(first->text != all.text && first->words[1] != all.words[1]);
	CHECK(first->points.items != points && first->places.items[0].value.items != points);
	second = values_All_dup(NULL, first);
	REQUIRE(second);
	memset(first->track.items, 0xff, 3 * sizeof(*points));
	pyr_free(first); /* AddressSanitizer sees whoever still reads it */
	check_same(second, &all);
	pyr_free(second);
}

TEST(unions_exceptions_and_named_collections_have_copies_too)
{
	struct values_Refused refused = { .why = "no", .points = { 2, points } }, *exception;
	struct values_Shape shape = { ._d = values_RED, ._u.point = { 1, 2 } }, *shapes;
	struct values_Places_entry entry = { "x", { 1, points } };
	struct values_Places places = { 1, &entry }, *map;
	struct values_Grid grid = { { { 1 }, { 0, 0, 6 } } }, *array;

	exception = values_Refused_dup(NULL, &refused);
	shapes = values_Shape_dup(NULL, &shape);
	map = values_Places_dup(NULL, &places);
	array = values_Grid_dup(NULL, &grid);
	REQUIRE(exception && shapes && map && array);
	CHECK_STR(exception->why, "no");
	CHECK_INT(exception->points.items[1].x, -3);
	CHECK_INT(shapes->_u.point.y, 2);
	CHECK_STR(map->items[0].key, "x");
	CHECK_INT(map->items[0].value.items[0].y, 2);
	CHECK_INT(array->items[1][2], 6);
	pyr_free(exception);
	pyr_free(shapes);
	pyr_free(map);
	pyr_free(array);
}

TEST(nothing_has_no_copy_and_that_is_no_error)
{
	int code = pyr_last_error()->code;

	CHECK(values_All_dup(NULL, NULL) == NULL);
	CHECK_INT(pyr_last_error()->code, code);
}

/* ---- what could not be sent, and what does not count ---- */

TEST(texts_that_could_not_be_sent_are_copied_as_they_are)
{
	struct values_Node node = { .name = NULL }, *copy = values_Node_dup(NULL, &node);

	REQUIRE(copy);
	CHECK(copy->name == NULL);
	pyr_free(copy);
	node.name = "\xff\xfe";
	copy = values_Node_dup(NULL, &node);
	REQUIRE(copy);
	CHECK_STR(copy->name, "\xff\xfe");
	pyr_free(copy);
}

TEST(what_does_not_count_is_not_looked_at)
{
	struct values_All all, *copy;
	const char *wild = (const char *)(uintptr_t)16;

	fill(&all);
	all.has_note = all.has_track = false;
	all.note = wild;
	all.track = (struct values_Points){ 1000, (struct values_Point *)(uintptr_t)16 };
	all.shape._d = (enum values_Color)77;
	all.shape._u.text = wild;
	all.rows.n = 0;
	all.rows.items = (struct pyr_int32_seq *)(uintptr_t)16;
	copy = values_All_dup(NULL, &all);
	REQUIRE(copy);
	CHECK(!copy->has_note && !copy->note && !copy->track.items && !copy->rows.items);
	CHECK_INT(copy->shape._d, 77);
	CHECK(!copy->shape._u.text);
	pyr_free(copy);
}

/* ---- sizes ---- */

TEST(a_value_may_be_nested_deeper_than_what_travels)
{
	enum { DEEP = 20000 };
	struct values_Node *chain = calloc(DEEP, sizeof(*chain)), *copy, *at;
	int i;

	REQUIRE(chain);
	for (i = 0; i < DEEP; i++) {
		chain[i].name = i == DEEP - 1 ? "bottom" : "level";
		chain[i].children.n = i < DEEP - 1;
		chain[i].children.items = i < DEEP - 1 ? &chain[i + 1] : NULL;
	}
	copy = values_Node_dup(NULL, chain);
	free(chain);
	REQUIRE(copy);
	for (i = 0, at = copy; at->children.n > 0; i++)
		at = at->children.items;
	CHECK_INT(i, DEEP - 1);
	CHECK_STR(at->name, "bottom");
	pyr_free(copy);
}

TEST(a_value_that_holds_itself_is_refused)
{
	struct values_Node node = { .name = "loop" };

	node.children.n = 1;
	node.children.items = &node;
	CHECK(values_Node_dup(NULL, &node) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "is nested too deep: it holds itself");
}

static void refuse(const struct values_All *all, int code, const char *text)
{
	CHECK(values_All_dup(NULL, all) == NULL);
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), text);
}

TEST(sizes_that_no_memory_has_are_refused)
{
	struct values_All all;

	fill(&all);
	all.points.n = SIZE_MAX / sizeof(*points) + 2; /* 8 bytes, cut to a size_t */
	refuse(&all, PYR_RESOURCE_EXHAUSTED, "values.All 'points' takes more memory than there is");
	all.points.n = 3;
	all.blob.n = SIZE_MAX - 3;
	refuse(&all, PYR_RESOURCE_EXHAUSTED, "values.All 'blob' takes more memory than there is");
	all.blob.n = PTRDIFF_MAX;
	refuse(&all, PYR_RESOURCE_EXHAUSTED, "takes more memory than there is");
	all.blob.items = NULL;
	refuse(&all, PYR_INVALID_ARGUMENT, "values.All 'blob' has no items");
}

TEST(a_copy_that_there_is_no_memory_for_fails)
{
	struct values_All all;

	fill(&all);
	calloc_fails = true;
	CHECK(values_All_dup(NULL, &all) == NULL);
	calloc_fails = false;
	CHECK_INT(pyr_last_error()->code, PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(pyr_errmsg(), "out of memory");
}

TEST(a_value_that_grows_while_it_is_copied_is_refused)
{
	struct codec_problem problem = { 0 };
	struct values_Node node = { .name = "short" };
	struct codec_dup dup = { 0 };

	CHECK_INT(codec_dup(&values_Node_type, &node, &dup, &problem), 0);
	dup.block = calloc(1, dup.size);
	REQUIRE(dup.block);
	node.name = "very much longer than it was before";
	CHECK_INT(codec_dup(&values_Node_type, &node, &dup, &problem), -PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, "values.Node 'name' changes while it is copied");
	free(dup.block);
}

/* ---- references, and memory of a call ---- */

static atomic_int n_released;
static struct values_Held held;
static int copies_of_call; /* made while a call runs */

static void released(void *data)
{
	(void)data;
	n_released++;
}

static int number(pyr_call *call, int32_t *ret)
{
	struct values_Held *copy = values_Held_dup(call, &held);
	struct values_All all, *other;

	fill(&all);
	other = values_All_dup(call, &all);
	if (!copy || !other)
		return -PYR_INTERNAL;
	check_same(other, &all);
	copies_of_call++;
	*ret = copy->things.n == 2 && pyr_proxy_same((pyr_proxy *)copy->thing, copy->other);
	return 0;
}

static const struct values_Thing_methods methods = { .number = number };

static bool comes_to(atomic_int *value, int wanted)
{
	int i;

	for (i = 0; i < 10000 && *value != wanted; i++)
		pyr_sleep(1);
	return *value == wanted;
}

TEST(references_in_a_copy_are_counted_and_belong_to_its_block_or_call)
{
	struct values_Thing *thing = values_Thing_object(NULL, &methods, NULL, released), *both[2];
	struct values_Held *copy;
	int32_t ret = 0;

	REQUIRE(thing);
	n_released = 0;
	both[0] = thing;
	both[1] = NULL;
	held = (struct values_Held){ .name = "held", .thing = thing };
	held.things.n = 2;
	held.things.items = both;
	held.other = values_Thing_as_proxy(thing);
	copy = values_Held_dup(NULL, &held);
	REQUIRE(copy);
	CHECK(copy->thing == thing && copy->things.items[0] == thing && !copy->things.items[1]);
	CHECK_INT(values_Thing_number(thing, &ret), 0);
	CHECK_INT(ret, 1);
	CHECK_INT(copies_of_call, 1);
	held = (struct values_Held){ 0 };
	values_Thing_free(thing);
	CHECK_INT(values_Thing_number(copy->thing, &ret), 0); /* it lives on in the copy */
	CHECK_INT(n_released, 0);
	pyr_free(copy);
	CHECK(comes_to(&n_released, 1));
}

TESTS(values, T(a_copy_has_all_that_the_value_has_and_nothing_of_its_memory),
      T(unions_exceptions_and_named_collections_have_copies_too),
      T(nothing_has_no_copy_and_that_is_no_error),
      T(texts_that_could_not_be_sent_are_copied_as_they_are),
      T(what_does_not_count_is_not_looked_at), T(a_value_may_be_nested_deeper_than_what_travels),
      T(a_value_that_holds_itself_is_refused), T(sizes_that_no_memory_has_are_refused),
      T(a_copy_that_there_is_no_memory_for_fails),
      T(a_value_that_grows_while_it_is_copied_is_refused),
      T(references_in_a_copy_are_counted_and_belong_to_its_block_or_call))
