/* SPDX-License-Identifier: MIT */
/*
 * Every row of the ownership table through a daemon: as a parameter, inout, out and result. With
 * TYPES_PLAIN the calls are plain gRPC; with TYPES_URI they go to another's server.
 */
#include "servant.h"

#include "test.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

#include "types.h"

/* ---- a servant that gives back what it gets ---- */

#define GIVE_BACK(name, T)                                                                         \
	static int name(pyr_call *call, T v, T io, T *ret, T *ret_io, T *ret_o)                    \
	{                                                                                          \
		(void)call;                                                                        \
		*ret = v;                                                                          \
		*ret_io = io;                                                                      \
		*ret_o = v;                                                                        \
		return 0;                                                                          \
	}

GIVE_BACK(a_boolean, bool)
GIVE_BACK(a_char, char)
GIVE_BACK(a_wchar, uint32_t)
GIVE_BACK(an_octet, uint8_t)
GIVE_BACK(an_int8, int8_t)
GIVE_BACK(an_int16, int16_t)
GIVE_BACK(a_uint16, uint16_t)
GIVE_BACK(an_int32, int32_t)
GIVE_BACK(a_uint32, uint32_t)
GIVE_BACK(an_int64, int64_t)
GIVE_BACK(a_uint64, uint64_t)
GIVE_BACK(a_float, float)
GIVE_BACK(a_double, double)
GIVE_BACK(an_enum, enum types_Color)
GIVE_BACK(a_string, const char *)
GIVE_BACK(a_point, const struct types_Point *)
GIVE_BACK(a_union, const struct types_Shape *)
GIVE_BACK(words, const struct types_Words *)
GIVE_BACK(bytes, const struct pyr_bytes *)
GIVE_BACK(counts, const struct types_Counts *)
GIVE_BACK(places, const struct types_Places *)
GIVE_BACK(matrix, const struct types_Matrix *)
GIVE_BACK(item, const struct types_Item *)
GIVE_BACK(items, const struct types_Items *)
GIVE_BACK(maybe_text, const char *)
GIVE_BACK(maybe_number, const int32_t *)
GIVE_BACK(maybe_point, const struct types_Point *)

static int or_seven(pyr_call *call, int32_t v, int32_t *ret)
{
	(void)call;
	*ret = v;
	return 0;
}

static int member_text(pyr_call *call, const char **ret)
{
	*ret = pyr_call_data(call); /* a member of the object: it is copied */
	return 0;
}

static const struct types_Types_methods methods = {
	.a_boolean = a_boolean,
	.a_char = a_char,
	.a_wchar = a_wchar,
	.an_octet = an_octet,
	.an_int8 = an_int8,
	.an_int16 = an_int16,
	.a_uint16 = a_uint16,
	.an_int32 = an_int32,
	.a_uint32 = a_uint32,
	.an_int64 = an_int64,
	.a_uint64 = a_uint64,
	.a_float = a_float,
	.a_double = a_double,
	.an_enum = an_enum,
	.a_string = a_string,
	.a_point = a_point,
	.a_union = a_union,
	.words = words,
	.bytes = bytes,
	.counts = counts,
	.places = places,
	.matrix = matrix,
	.item = item,
	.items = items,
	.maybe_text = maybe_text,
	.maybe_number = maybe_number,
	.maybe_point = maybe_point,
	.or_seven = or_seven,
	.member_text = member_text,
};

static struct place place;
static struct types_Types *types;
static char member[] = "of the object";

static void begin(void)
{
	struct pyr_proxy_options options = { 0 };
	const char *uri = getenv("TYPES_URI");

	if (getenv("TYPES_PLAIN"))
		options.plain = PYR_PLAIN_ONLY;
	REQUIRE(place_open(&place, NULL));
	if (!uri)
		uri = types_Types_register(place.daemon, "types", &methods, member);
	types = types_Types_proxy_with(uri, &options);
	REQUIRE(types != NULL);
}

static void finish(void)
{
	types_Types_free(types);
	CHECK_INT(place_close(&place), 0);
}

/* ---- numbers ---- */

#define CHECK_BACK(name, T, a, b)                                                                  \
	do {                                                                                       \
		T r_, io_, o_;                                                                     \
		CHECK_INT(types_Types_##name(types, (a), (b), &r_, &io_, &o_), 0);                 \
		CHECK(r_ == (T)(a) && io_ == (T)(b) && o_ == (T)(a));                              \
		CHECK_INT(types_Types_##name(types, (a), (b), NULL, &io_, NULL), 0);               \
		CHECK(io_ == (T)(b));                                                              \
	} while (0)

TEST(numbers_come_back)
{
	begin();
	CHECK_BACK(a_boolean, bool, true, false);
	CHECK_BACK(a_boolean, bool, false, true);
	CHECK_BACK(a_char, char, 'x', '\xe9');
	CHECK_BACK(a_wchar, uint32_t, 0x10ffff, 0);
	CHECK_BACK(an_octet, uint8_t, 0, 255);
	CHECK_BACK(an_int8, int8_t, INT8_MIN, INT8_MAX);
	CHECK_BACK(an_int16, int16_t, INT16_MIN, INT16_MAX);
	CHECK_BACK(a_uint16, uint16_t, 0, UINT16_MAX);
	CHECK_BACK(an_int32, int32_t, INT32_MIN, INT32_MAX);
	CHECK_BACK(a_uint32, uint32_t, 0, UINT32_MAX);
	CHECK_BACK(an_int64, int64_t, INT64_MIN, INT64_MAX);
	CHECK_BACK(a_uint64, uint64_t, 0, UINT64_MAX);
	CHECK_BACK(a_float, float, FLT_MIN, -FLT_MAX);
	CHECK_BACK(a_double, double, DBL_MIN, -INFINITY);
	CHECK_BACK(an_enum, enum types_Color, types_BLUE, types_RED);
	CHECK_BACK(an_enum, enum types_Color, (enum types_Color)1, (enum types_Color)2);
	finish();
}

TEST(a_number_that_is_none_comes_back_as_such)
{
	double r, io, o;

	begin();
	CHECK_INT(types_Types_a_double(types, NAN, -0.0, &r, &io, &o), 0);
	CHECK(isnan(r) && isnan(o) && io == 0);
	finish();
}

/* ---- one block for each output ---- */

TEST(strings_come_back)
{
	char *r, *io, *o;

	begin();
	CHECK_INT(types_Types_a_string(types, "one", "", &r, &io, &o), 0);
	CHECK_STR(r, "one");
	CHECK_STR(io, "");
	CHECK_STR(o, "one");
	pyr_free(r);
	CHECK_STR(o, "one"); /* each is a block of its own */
	pyr_free(o);
	pyr_free(io);
	CHECK_INT(types_Types_member_text(types, &r), 0);
	CHECK_STR(r, "of the object");
	pyr_free(r);
	CHECK_INT(types_Types_a_string(types, "x", NULL, &r, &io, &o), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "io");
	finish();
}

static bool same_point(const struct types_Point *a, const struct types_Point *b)
{
	return a->x == b->x && a->y == b->y;
}

static bool same_shape(const struct types_Shape *a, const struct types_Shape *b)
{
	if (a->_d != b->_d)
		return false;
	if (a->_d == types_RED)
		return a->_u.number == b->_u.number;
	if (a->_d == types_GREEN)
		return strcmp(a->_u.text, b->_u.text) == 0;
	return same_point(&a->_u.point, &b->_u.point);
}

static bool same_words(const struct types_Words *a, const struct types_Words *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n && strcmp(a->items[i], b->items[i]) == 0; i++)
		;
	return i == a->n;
}

static bool same_bytes(const struct pyr_bytes *a, const struct pyr_bytes *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->items, b->items, a->n) == 0);
}

/* Maps travel in their order. */
/* A map has no order: each entry of one is in the other, and keys are single. */
static bool has_count(const struct types_Counts *counts, const struct types_Counts_entry *entry)
{
	size_t i;

	for (i = 0; i < counts->n; i++)
		if (strcmp(counts->items[i].key, entry->key) == 0)
			return counts->items[i].value == entry->value;
	return false;
}

static bool same_counts(const struct types_Counts *a, const struct types_Counts *b)
{
	size_t i;

	for (i = 0; i < a->n && has_count(b, &a->items[i]); i++)
		;
	return a->n == b->n && i == a->n;
}

static bool has_place(const struct types_Places *places, const struct types_Places_entry *entry)
{
	size_t i;

	for (i = 0; i < places->n; i++)
		if (places->items[i].key == entry->key)
			return same_point(&places->items[i].value, &entry->value);
	return false;
}

static bool same_places(const struct types_Places *a, const struct types_Places *b)
{
	size_t i;

	for (i = 0; i < a->n && has_place(b, &a->items[i]); i++)
		;
	return a->n == b->n && i == a->n;
}

static bool same_matrix(const struct types_Matrix *a, const struct types_Matrix *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool same_pages(const struct types_Pages *a, const struct types_Pages *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n && same_words(&a->items[i], &b->items[i]); i++)
		;
	return i == a->n;
}

static bool same_path(const struct types_Points *a, const struct types_Points *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n && same_point(&a->items[i], &b->items[i]); i++)
		;
	return i == a->n;
}

static bool same_item(const struct types_Item *a, const struct types_Item *b)
{
	return strcmp(a->name, b->name) == 0 && a->color == b->color &&
	       same_point(&a->where, &b->where) && same_path(&a->path, &b->path) &&
	       same_words(&a->tags, &b->tags) && same_counts(&a->counts, &b->counts) &&
	       same_bytes(&a->blob, &b->blob) && same_shape(&a->shape, &b->shape) &&
	       memcmp(a->sizes, b->sizes, sizeof(a->sizes)) == 0 && a->has_note == b->has_note &&
	       (!a->has_note || strcmp(a->note, b->note) == 0) && a->has_weight == b->has_weight &&
	       (!a->has_weight || a->weight == b->weight) && a->seven == b->seven &&
	       same_pages(&a->pages, &b->pages);
}

static bool same_items(const struct types_Items *a, const struct types_Items *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n && same_item(&a->items[i], &b->items[i]); i++)
		;
	return i == a->n;
}

#define CHECK_BLOCKS(name, T, same, a, b)                                                          \
	do {                                                                                       \
		T *r_, *io_, *o_;                                                                  \
		CHECK_INT(types_Types_##name(types, (a), (b), &r_, &io_, &o_), 0);                 \
		CHECK(same(r_, (a)) && same(io_, (b)));                                            \
		pyr_free(r_);                                                                      \
		pyr_free(io_);                                                                     \
		CHECK(same(o_, (a)));                                                              \
		pyr_free(o_);                                                                      \
		CHECK_INT(types_Types_##name(types, (a), (b), NULL, NULL, NULL), 0);               \
	} while (0)

TEST(structs_unions_and_arrays_come_back)
{
	struct types_Point p = { 1.5, -2.5 }, zero = { 0 };
	struct types_Shape number = { ._d = types_RED, ._u.number = INT64_MIN };
	struct types_Shape text = { ._d = types_GREEN, ._u.text = "round" };
	struct types_Shape point = { ._d = types_BLUE, ._u.point = { 3, 4 } };
	struct types_Matrix m = { { { 1, 2, 3 }, { 4, 5, 6 } } }, n = { { { 0 } } };

	begin();
	CHECK_BLOCKS(a_point, struct types_Point, same_point, &p, &zero);
	CHECK_BLOCKS(a_union, struct types_Shape, same_shape, &number, &text);
	CHECK_BLOCKS(a_union, struct types_Shape, same_shape, &point, &number);
	CHECK_BLOCKS(matrix, struct types_Matrix, same_matrix, &m, &n);
	CHECK_INT(types_Types_a_point(types, NULL, &p, NULL, NULL, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "v");
	finish();
}

TEST(collections_come_back)
{
	const char *texts[] = { "a", "", "ccc" };
	struct types_Words three = { 3, texts }, none = { 0 };
	uint8_t octets[] = { 0, 255, 0, 7 };
	struct pyr_bytes four = { 4, octets }, no_bytes = { 0 };
	struct types_Counts_entry pairs[] = { { "x", 1 }, { "", -1 }, { "y", INT32_MIN } };
	struct types_Counts counted = { 3, pairs }, no_counts = { 0 };
	struct types_Places_entry spots[] = { { 5, { 1, 2 } }, { -5, { 0, 0 } } };
	struct types_Places spread = { 2, spots }, no_places = { 0 };

	begin();
	CHECK_BLOCKS(words, struct types_Words, same_words, &three, &none);
	CHECK_BLOCKS(words, struct types_Words, same_words, &none, &three);
	CHECK_BLOCKS(bytes, struct pyr_bytes, same_bytes, &four, &no_bytes);
	CHECK_BLOCKS(counts, struct types_Counts, same_counts, &counted, &no_counts);
	CHECK_BLOCKS(places, struct types_Places, same_places, &spread, &no_places);
	finish();
}

static struct types_Item make_item(bool is_full)
{
	static const char *tags[] = { "new", "" }, *page[] = { "l1", "l2" };
	static struct types_Words words_of[] = { { 2, page }, { 0, NULL } };
	static struct types_Point path[] = { { 1, 2 }, { 3, 4 }, { 0, 0 } };
	static struct types_Counts_entry counted[] = { { "k", 9 } };
	static uint8_t blob[300];
	struct types_Item it = { .name = "", .shape = { ._d = types_RED } };

	if (!is_full)
		return it;
	it = (struct types_Item){ .name = "item", .color = types_BLUE, .where = { 7, 8 } };
	it.path = (struct types_Points){ 3, path };
	it.tags = (struct types_Words){ 2, tags };
	it.counts = (struct types_Counts){ 1, counted };
	it.blob = (struct pyr_bytes){ sizeof(blob), blob };
	it.shape = (struct types_Shape){ ._d = types_GREEN, ._u.text = "inside" };
	it.sizes[0] = -1;
	it.sizes[2] = INT32_MAX;
	it.has_note = true;
	it.note = "noted";
	it.has_weight = true;
	it.seven = 8;
	it.pages = (struct types_Pages){ 2, words_of };
	return it;
}

TEST(what_is_nested_comes_back)
{
	struct types_Item few[3], full = make_item(true), empty = make_item(false);
	struct types_Items three = { 3, few }, none = { 0 };

	begin();
	few[0] = few[2] = full;
	few[1] = empty;
	CHECK_BLOCKS(item, struct types_Item, same_item, &full, &empty);
	CHECK_BLOCKS(item, struct types_Item, same_item, &empty, &full);
	CHECK_BLOCKS(items, struct types_Items, same_items, &three, &none);
	full.tags.items[1] = NULL; /* a text that is missing deep inside */
	CHECK_INT(types_Types_item(types, &full, &empty, NULL, NULL, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "tags");
	full.tags.items[1] = "";
	finish();
}

TEST(many_items_come_back)
{
	enum { N = 3000 };
	struct types_Item *many = calloc(N, sizeof(*many));
	struct types_Items all = { N, many }, none = { 0 };
	int i;

	REQUIRE(many != NULL);
	begin();
	for (i = 0; i < N; i++)
		many[i] = make_item(i % 3 != 0);
	CHECK_BLOCKS(items, struct types_Items, same_items, &all, &none);
	free(many);
	finish();
}

/* Long maps: where the order is kept, each pair is looked at once. */
static bool same_long_places(const struct types_Places *a, const struct types_Places *b)
{
	size_t i = 0;

	if (getenv("TYPES_URI"))
		return same_places(a, b);
	while (a->n == b->n && i < a->n && a->items[i].key == b->items[i].key &&
	       same_point(&a->items[i].value, &b->items[i].value))
		i++;
	return i == b->n;
}

static bool same_long_counts(const struct types_Counts *a, const struct types_Counts *b)
{
	size_t i = 0;

	if (getenv("TYPES_URI"))
		return same_counts(a, b);
	while (a->n == b->n && i < a->n && strcmp(a->items[i].key, b->items[i].key) == 0 &&
	       a->items[i].value == b->items[i].value)
		i++;
	return i == b->n;
}

/* Values that take no bytes on the wire beside their tags, at both ends. */
TEST(a_hundred_thousand_zeros_come_back)
{
	enum { N = 100000 };
	static struct types_Point points[N];
	static struct types_Item rows[N];
	static struct types_Words pages[N];
	static struct types_Places_entry spots[N];
	static struct types_Counts_entry keys[N];
	static const char *texts[N];
	static char names[N][8];
	size_t n = getenv("TYPES_URI") ? N / 100 : OFTEN(N); /* another's server takes 8 MiB */
	struct types_Words none = { 0, NULL }, many = { n, texts };
	struct types_Items few = { 0, NULL }, all = { n, rows };
	struct types_Places places = { n, spots };
	struct types_Counts counts = { n, keys };
	struct types_Item item = make_item(false);
	int i;

	for (i = 0; i < N; i++) {
		texts[i] = rows[i].name = rows[i].shape._u.text = "";
		rows[i].shape._d = types_GREEN;
		spots[i].key = i;
		snprintf(names[i], sizeof(names[i]), "%d", i);
		keys[i].key = names[i];
	}
	begin();
	CHECK_BLOCKS(items, struct types_Items, same_items, &all, &few);
	CHECK_BLOCKS(words, struct types_Words, same_words, &many, &none);
	CHECK_BLOCKS(places, struct types_Places, same_long_places, &places, &places);
	CHECK_BLOCKS(counts, struct types_Counts, same_long_counts, &counts, &counts);
	item.path = (struct types_Points){ n, points };
	item.tags = many;
	item.pages = (struct types_Pages){ n, pages };
	CHECK_BLOCKS(item, struct types_Item, same_item, &item, &item);
	finish();
}

TEST(what_is_optional_may_be_absent)
{
	struct types_Point p = { 1, 2 }, *rp, *iop, *op;
	int32_t five = 5, zero = 0, *r, *io, *o;
	char *rt, *iot, *ot;

	begin();
	CHECK_INT(types_Types_maybe_text(types, NULL, "", &rt, &iot, &ot), 0);
	CHECK(rt == NULL && ot == NULL);
	CHECK_STR(iot, "");
	pyr_free(iot);
	CHECK_INT(types_Types_maybe_number(types, &five, NULL, &r, &io, &o), 0);
	CHECK(r && *r == 5 && !io && o && *o == 5);
	pyr_free(r);
	pyr_free(o);
	CHECK_INT(types_Types_maybe_number(types, &zero, &five, &r, &io, &o), 0);
	CHECK(r && *r == 0 && io && *io == 5 && o && *o == 0); /* 0 is not absent */
	pyr_free(r);
	pyr_free(io);
	pyr_free(o);
	CHECK_INT(types_Types_maybe_point(types, NULL, &p, &rp, &iop, &op), 0);
	CHECK(!rp && iop && same_point(iop, &p) && !op);
	pyr_free(iop);
	CHECK_INT(types_Types_or_seven(types, 0, &five), 0);
	CHECK_INT(five, 0);
	finish();
}

/* Futures give outputs as calls do, and keep none that is not fetched. */
TEST(futures_give_blocks_too)
{
	struct types_Item full = make_item(true), empty = make_item(false), *r, *io;
	pyr_future *one, *two;

	begin();
	one = types_Types_item_start(types, &full, &empty);
	two = types_Types_item_start(types, &empty, &full);
	REQUIRE(one && two);
	pyr_future_free(two);
	CHECK_INT(types_Types_item_get(one, &r, &io, NULL), 0);
	CHECK(same_item(r, &full) && same_item(io, &empty));
	pyr_free(r);
	pyr_free(io);
	finish();
}

TESTS(types, T(numbers_come_back), T(a_number_that_is_none_comes_back_as_such),
      T(strings_come_back), T(structs_unions_and_arrays_come_back), T(collections_come_back),
      T(what_is_nested_comes_back), T(many_items_come_back), T(a_hundred_thousand_zeros_come_back),
      T(what_is_optional_may_be_absent), T(futures_give_blocks_too))
