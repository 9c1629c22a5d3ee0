/* SPDX-License-Identifier: MIT */
/* Values as JSON, both ways. */
#include "random_value.h"
#include "value/value.h"

#include <locale.h>
#include <pyrite/pyrite.h>
#include <time.h>

#include "maps.h"
#include "nested_sequences.h"
#include "oneof.h"
#include "optional_default.h"
#include "recursive.h"
#include "scalars.h"
#include "streams.h"
#include "strings_bytes.h"
#include "unions.h"
#include "values.h"

/* What one test reads and writes. */
static struct bench {
	struct arena arena;
	struct codec_problem problem;
	struct buf text;
	struct json json;
	struct json_sink sink;
	const struct pyr__interface *interface;
} bench;

static void begin(void)
{
	memset(&bench, 0, sizeof(bench));
	arena_init(&bench.arena, NULL, 0);
	bench.arena.max = 1 << 20;
}

static void end(void)
{
	arena_clear(&bench.arena);
	buf_free(&bench.text);
}

static struct value_reading reading_of(const char *json, size_t n)
{
	struct value_reading reading = { .source = &bench.json.source,
					 .arena = &bench.arena,
					 .role = "parameter",
					 .interface = bench.interface,
					 .problem = &bench.problem };

	json_begin(&bench.json, json, n);
	bench.problem = (struct codec_problem){ 0 };
	return reading;
}

/* A value of that type, NULL with the problem told. */
static void *read_type(const struct pyr__field *field, const char *json)
{
	struct value_reading reading = reading_of(json, strlen(json));
	void *ret = arena_alloc(&bench.arena, codec_natural_size(field));

	return value_read_natural(&reading, field, ret) == 0 ? ret : NULL;
}

static const char *written(const struct pyr__field *field, const void *value)
{
	struct value_writer writer = { .sink = &bench.sink.sink, .interface = bench.interface };

	buf_reset(&bench.text);
	json_sink(&bench.sink, &bench.text);
	value_write_natural(&writer, field, value);
	buf_append(&bench.text, "", 1);
	REQUIRE(!bench.text.broken);
	return (const char *)bench.text.data;
}

/* What becomes of it, there and back; the problem if it is refused. */
static const char *through(const struct pyr__field *field, const char *json)
{
	const void *value = read_type(field, json);

	return value ? written(field, value) : bench.problem.text;
}

static const struct pyr__field all = { .name = "x", .kind = PYR__STRUCT, .type = &values_All_type };

#define SCALAR(of_kind) (&(const struct pyr__field){ .name = "x", .kind = (of_kind) })

TEST(numbers_go_through_at_their_limits_and_no_further)
{
	begin();
	CHECK_STR(through(SCALAR(PYR__INT8), "-128"), "-128");
	CHECK_STR(through(SCALAR(PYR__INT8), "128"), "parameter 'x': 128 does not fit int8");
	CHECK_STR(through(SCALAR(PYR__INT8), "-129"), "parameter 'x': -129 does not fit int8");
	CHECK_STR(through(SCALAR(PYR__UINT8), "-1"), "parameter 'x': -1 does not fit uint8");
	CHECK_STR(through(SCALAR(PYR__UINT8), "-0"), "0");
	CHECK_STR(through(SCALAR(PYR__UINT16), "65535"), "65535");
	CHECK_STR(through(SCALAR(PYR__INT32), "\"-2147483648\""), "-2147483648");
	CHECK_STR(through(SCALAR(PYR__INT64), "-9223372036854775808"), "\"-9223372036854775808\"");
	CHECK_STR(through(SCALAR(PYR__INT64), "-9223372036854775809"),
		  "parameter 'x': -9223372036854775809 does not fit int64");
	CHECK_STR(through(SCALAR(PYR__INT64), "9223372036854775808"),
		  "parameter 'x': 9223372036854775808 does not fit int64");
	CHECK_STR(through(SCALAR(PYR__UINT64), "18446744073709551615"), "\"18446744073709551615\"");
	CHECK_STR(through(SCALAR(PYR__UINT64), "\"18446744073709551616\""),
		  "parameter 'x': 18446744073709551616 does not fit uint64");
	CHECK_STR(through(SCALAR(PYR__INT32), "1e3"), "1000");
	CHECK_STR(through(SCALAR(PYR__INT32), "1.5"),
		  "parameter 'x': expected an integer, got 1.5");
	CHECK_STR(through(SCALAR(PYR__INT32), "\"1 \""),
		  "parameter 'x': expected an integer, got 1 ");
	CHECK_STR(through(SCALAR(PYR__INT32), "true"),
		  "parameter 'x': expected an integer, got true");
	end();
}

TEST(reals_are_short_and_lose_nothing_in_any_locale)
{
	char before[64];

	begin();
	snprintf(before, sizeof(before), "%s", setlocale(LC_NUMERIC, NULL));
	setlocale(LC_NUMERIC, "de_DE.UTF-8"); /* where the machine has it */
	CHECK_STR(through(SCALAR(PYR__DOUBLE), "0.1"), "0.1");
	CHECK_STR(through(SCALAR(PYR__DOUBLE), "1e308"), "1e+308");
	CHECK_STR(through(SCALAR(PYR__DOUBLE), "1e309"),
		  "parameter 'x': 1e309 does not fit double");
	CHECK_STR(through(SCALAR(PYR__DOUBLE), "\"NaN\""), "\"NaN\"");
	CHECK_STR(through(SCALAR(PYR__DOUBLE), "\"-Infinity\""), "\"-Infinity\"");
	CHECK_STR(through(SCALAR(PYR__FLOAT), "0.1"), "0.1");
	CHECK_STR(through(SCALAR(PYR__FLOAT), "16777217"), "16777216");
	CHECK_STR(through(SCALAR(PYR__FLOAT), "1e39"), "parameter 'x': 1e39 does not fit float");
	CHECK_STR(through(SCALAR(PYR__DOUBLE), "\"x\""),
		  "parameter 'x': expected a number, got \"x\"");
	CHECK_STR(through(SCALAR(PYR__DOUBLE), "NaN"),
		  "malformed JSON at byte 0: not a JSON value");
	setlocale(LC_NUMERIC, before);
	end();
}

TEST(texts_characters_and_bytes_go_through)
{
	static const struct pyr__field bytes = { .name = "x", .kind = PYR__BYTES, .bound = 4 };

	begin();
	CHECK_STR(through(SCALAR(PYR__STRING), "\"\\u20ac\\ud83d\\ude00\\n\\u001b\\/\""),
		  "\"\u20ac\U0001F600\\n\\u001b/\"");
	CHECK_STR(through(SCALAR(PYR__STRING), "7"), "parameter 'x': expected a string, got 7");
	CHECK_STR(through(SCALAR(PYR__STRING), "\"\\u0000\""),
		  "malformed JSON at byte 7: a string cannot contain a NUL");
	CHECK_STR(through(SCALAR(PYR__STRING), "\"\\ud800x\""),
		  "malformed JSON at byte 7: half a surrogate pair");
	CHECK_STR(through(SCALAR(PYR__STRING), "\"\xff\""),
		  "malformed JSON at byte 1: it is not UTF-8");
	CHECK_STR(through(SCALAR(PYR__STRING), "\"a"),
		  "malformed JSON at byte 1: a string is not closed");
	CHECK_STR(through(SCALAR(PYR__CHAR), "\"a\""), "97");
	CHECK_STR(through(SCALAR(PYR__CHAR), "\"\u20ac\""),
		  "parameter 'x': '\u20ac' does not fit char");
	CHECK_STR(through(SCALAR(PYR__CHAR), "\"ab\""), "parameter 'x': expected one character");
	CHECK_STR(through(SCALAR(PYR__WCHAR), "\"\u20ac\""), "8364");
	CHECK_STR(through(SCALAR(PYR__WCHAR), "55296"), "parameter 'x': 55296 does not fit wchar");
	CHECK_STR(through(&bytes, "\"AP8B\""), "\"AP8B\"");
	CHECK_STR(through(&bytes, "\"_-8\""), "\"/+8=\"");
	CHECK_STR(through(&bytes, "\"AA==\""), "\"AA==\"");
	CHECK_STR(through(&bytes, "\"A\""), "parameter 'x': the string is not base64");
	CHECK_STR(through(&bytes, "\"AAAAAAA=\""), "parameter 'x': is longer than 4 bytes");
	end();
}

TEST(what_is_wrong_is_named_by_its_path)
{
	begin();
	CHECK_STR(through(&all, "{\"points\": [{\"x\": 1}, {\"x\": \"no\"}]}"),
		  "x.points[1].x: expected an integer, got no");
	CHECK_STR(through(&all, "{\"tree\": {\"children\": [{\"name\": 7}]}}"),
		  "x.tree.children[0].name: expected a string, got 7");
	CHECK_STR(through(&all, "{\"grid\": [1, 2]}"), "x.grid: expected 6 elements, got 2");
	CHECK_STR(through(&all, "{\"words\": [\"a\", \"b\", \"c\"]}"),
		  "x.words: there are more than 2");
	CHECK_STR(through(&all, "{\"short_text\": \"abcde\"}"),
		  "x.short_text: is longer than 4 bytes");
	CHECK_STR(through(&all, "{\"nmae\": 1}"), "parameter 'x': there is no member 'nmae'");
	CHECK_STR(through(&all, "{\"c\": 1, \"c\": 2}"), "parameter 'x': 'c' occurs twice");
	CHECK_STR(through(&all, "{\"color\": \"PINK\"}"), "x.color: values.Color has no 'PINK'");
	CHECK_STR(through(&all, "{\"rows\": [{\"items\": [1]}, {\"x\": [1]}]}"),
		  "x.rows[1]: expected an object with 'items' only");
	CHECK_STR(through(&all, "{\"rows\": [[1], [\"z\"]]}"),
		  "x.rows[1][0]: expected an integer, got z");
	CHECK_STR(through(&all, "{\"ratios\": {\"a\": 1}}"),
		  "x.ratios[0]: expected an integer, got a");
	CHECK_STR(through(&all, "{\"point\": [1]}"), "x.point: expected an object, got a list");
	CHECK_STR(through(&all, "{\"yes\": true,}"),
		  "malformed JSON at byte 13: the name of a member is missing");
	CHECK_STR(through(&all, "{} {}"), "malformed JSON at byte 3: something follows the value");
	end();
}

TEST(json_that_is_malformed_is_refused_with_the_place)
{
	static const char *const cases[][2] = {
		{ "{\"yes\" true}", "malformed JSON at byte 7: ':' is missing" },
		{ "{\"c\": 1 \"c\": 1}", "malformed JSON at byte 8: ',' or '}' is missing" },
		{ "{\"rows\": [[1 2]]}", "malformed JSON at byte 13: ',' or ']' is missing" },
		{ "{\"c\": 01}", "malformed JSON at byte 6: a malformed number" },
		{ "{\"\\x\": 1}", "malformed JSON at byte 3: an escape that JSON does not have" },
		{ "{\"\\u12\": 1}", "at byte 6: \\u requires four hexadecimal digits" },
		{ "{\"\\udc00\": 1}", "malformed JSON at byte 8: half a surrogate pair" },
		{ "{\"a\tb\": 1}", "malformed JSON at byte 3: a control character in a string" },
		{ "{\"rows\": [", "malformed JSON at byte 10: it ends too early" },
	};
	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_HAS(through(&all, cases[i][0]), cases[i][1]);
	end();
}

TEST(unions_and_names_are_as_protobuf_has_them)
{
	static const struct pyr__field shape = { .name = "x",
						 .kind = PYR__UNION,
						 .type = &values_Shape_type };
	static const struct pyr__field choice = { .name = "x",
						  .kind = PYR__UNION,
						  .type = &values_Choice_type };

	begin();
	CHECK_STR(through(&shape, "{\"text\": \"a\"}"),
		  "{\"discriminator\": \"GREEN\", \"text\": \"a\"}");
	CHECK_STR(through(&shape, "{\"text\": \"a\", \"discriminator\": \"Color_GREEN\"}"),
		  "{\"discriminator\": \"GREEN\", \"text\": \"a\"}");
	CHECK_STR(through(&shape, "{\"text\": \"a\", \"discriminator\": 0}"),
		  "parameter 'x': 'text' is not what its discriminator selects");
	CHECK_STR(through(&shape, "{\"discriminator\": 9}"), "{\"discriminator\": 9}");
	CHECK_STR(through(&shape, "{\"point\": {}, \"text\": \"\"}"),
		  "parameter 'x': a union has only one member: 'text' is a second one");
	CHECK_STR(through(&shape, "{}"),
		  "{\"discriminator\": \"RED\", \"point\": {\"x\": 0, \"y\": 0}}");
	CHECK_STR(through(&choice, "{\"names\": [\"a\"]}"), "{\"names\": {\"items\": [\"a\"]}}");
	CHECK_STR(through(&choice, "{\"discriminator\": 1}"),
		  "parameter 'x': there is no member 'discriminator'");
	CHECK_STR(through(&choice, "{}"), "{}");
	CHECK(read_type(&all, "{\"shortText\": \"a\", \"count\": null}") != NULL);
	end();
}

TEST(anys_show_what_is_known_and_keep_what_is_not)
{
	static const struct pyr__field any = { .name = "x", .kind = PYR__ANY };
	static const char unknown[] =
		"{\"@type\": \"type.googleapis.com/x.Y\", \"@value\": \"CAU=\", "
		"\"@fingerprint\": \"77\"}";

	begin();
	bench.interface = &values_Hub_interface;
	CHECK_STR(through(&any, "null"), "{}");
	CHECK_STR(through(&any, "{}"), "{}");
	CHECK_STR(through(&any, unknown), unknown);
	CHECK_STR(through(&any, "{\"value\": 5, \"@type\": \"x/google.protobuf.Int32Value\"}"),
		  "{\"@type\": \"type.googleapis.com/google.protobuf.Int32Value\", \"value\": 5}");
	CHECK_STR(through(&any,
			  "{\"@type\": \"values.Carrier\", \"topic\": \"t\", \"one\": {\"@type\": "
			  "\"google.protobuf.StringValue\", \"value\": \"v\"}, \"many\": [null]}"),
		  "{\"@type\": \"type.googleapis.com/values.Carrier\", \"topic\": \"t\", \"one\": "
		  "{\"@type\": "
		  "\"type.googleapis.com/google.protobuf.StringValue\", \"value\": \"v\"}, "
		  "\"many\": [{}], "
		  "\"by_name\": {}}");
	CHECK_STR(through(&any, "{\"value\": 5}"), "parameter 'x': an any needs \"@type\"");
	CHECK_STR(through(&any, "{\"@type\": \"values.Carrier\", \"topic\": 5}"),
		  "x.topic: expected a string, got 5");
	end();
}

/* An any in an any, so often. */
static const char *nested_anys(int depth)
{
	static const struct pyr__field any = { .name = "x", .kind = PYR__ANY };
	static char text[20000];
	size_t n = 0;
	int i;

	for (i = 0; i < depth; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "{\"one\": ");
	n += (size_t)snprintf(text + n, sizeof(text) - n, "null");
	for (i = 0; i < depth; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      ", \"@type\": \"values.Carrier\"}");
	return through(&any, text);
}

TEST(anys_inside_each_other_are_so_many_and_no_more)
{
	begin();
	bench.interface = &values_Hub_interface;
	CHECK_HAS(nested_anys(9), "\"@type\": \"type.googleapis.com/values.Carrier\"");
	CHECK_HAS(nested_anys(10), "more than 9 anys are inside each other");
	CHECK_HAS(nested_anys(120), "more than 9 anys are inside each other");
	end();
}

TEST(text_that_is_nested_too_deep_or_becomes_too_much_is_refused)
{
	static const struct pyr__field node = { .name = "x",
						.kind = PYR__STRUCT,
						.type = &values_Node_type };
	static char text[200001];
	size_t i, n = 0;

	begin();
	for (i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "{\"children\":[");
	CHECK_HAS(through(&node, text), "it is nested too deep");
	memset(text, '[', 100000);
	text[100000] = '\0';
	CHECK_HAS(through(&node, text), "expected an object, got a list");
	n = (size_t)sprintf(text, "{\"children\":[{}");
	for (i = 0; i < 60000; i++)
		n += (size_t)sprintf(text + n, ",{}");
	sprintf(text + n, "]}");
	CHECK_HAS(through(&node, text), "PYRITE_MAX_MESSAGE");
	CHECK_INT(bench.problem.code, PYR_RESOURCE_EXHAUSTED);
	end();
}

/* 4,000 anys by 4,000 types, and by the fields of them it would be half a minute each way. */
TEST(many_anys_of_many_types_are_found_at_once)
{
	enum { MANY = 4000 };
	static char names[MANY][16], text[MANY * 32];
	static const struct pyr__field any = { .name = "items", .id = 1, .kind = PYR__ANY };
	static const struct pyr__type list = { .kind = PYR__SEQUENCE,
					       .size = sizeof(struct pyr_bytes),
					       .n_fields = 1,
					       .fields = &any };
	const struct pyr__field anys = { .name = "x", .kind = PYR__SEQUENCE, .type = &list };
	struct pyr__type *types = calloc(MANY, sizeof(*types));
	struct pyr__field *fields = calloc(MANY, sizeof(*fields));
	struct pyr__operation op = { .name = "t.I.f", .fields = fields, .n_in = MANY };
	struct pyr__interface interface = { .name = "t.I", .n_operations = 1, .operations = &op };
	clock_t before = clock();
	size_t i, n = 0;

	REQUIRE(types && fields);
	begin();
	bench.arena.max = 64 << 20;
	bench.interface = &interface;
	for (i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "t.S%zu", i);
		types[i] = (struct pyr__type){ .kind = PYR__STRUCT, .name = names[i], .size = 1 };
		fields[i] = (struct pyr__field){ .id = (uint32_t)i + 1, .kind = PYR__STRUCT };
		fields[i].type = &types[i];
		n += (size_t)sprintf(text + n, "%s{\"@type\": \"x/t.S%zu\"}", i ? ", " : "[", i);
	}
	strcpy(text + n, "]");
	CHECK_HAS(through(&anys, text), "[{\"@type\": \"type.googleapis.com/t.S0\"}, ");
	CHECK_HAS((const char *)bench.text.data, "/t.S3999\"}]");
	CHECK(clock() - before < 5 * CLOCKS_PER_SEC);
	CHECK_HAS(through(&anys, "[{\"@type\": \"x/t.S4000\"}]"), "@value");
	end();
	free(fields);
	free(types);
}

static const struct pyr__operation *operation(const struct pyr__interface *interface,
					      const char *name)
{
	uint32_t i;

	for (i = 0; i < interface->n_operations; i++)
		if (strcmp(interface->operations[i].name, name) == 0)
			return &interface->operations[i];
	REQUIRE(false);
	return NULL;
}

static const char *parameters(const struct pyr__operation *op, const char *json,
			      union pyr__slot *ret)
{
	struct value_reading reading = reading_of(json, strlen(json));

	value_read_slots(&reading, op->fields, op->n_in, ret);
	return bench.problem.text;
}

TEST(parameters_come_by_name_or_in_order_and_none_is_missing)
{
	const struct pyr__operation *set = operation(&opt_Store_interface, "opt.Store.set");
	const struct pyr__operation *many = operation(&scalars_Echo_interface, "scalars.Echo.many");
	union pyr__slot slots[9];

	begin();
	CHECK_STR(parameters(many, "[1,2,3,4,5,6,7,8,9]", slots), "");
	CHECK_INT(slots[8].i32, 9);
	CHECK_STR(parameters(many, "[1,2,3,4,5,6,7,8]", slots), "parameter 'i': is missing");
	CHECK_STR(parameters(many, "[1,2,3,4,5,6,7,8,9,10]", slots),
		  "there are more than 9 parameters");
	CHECK_STR(parameters(many, "{\"j\": 1}", slots), "there is no parameter 'j'");
	CHECK_STR(parameters(many, "{\"a\": 1, \"a\": 1}", slots), "parameter 'a' occurs twice");
	CHECK_STR(parameters(many, "7", slots), "expected an object or a list, got 7");
	CHECK_STR(parameters(set, "", slots), "");
	CHECK_INT(slots[0].i32, 5);
	CHECK_STR(slots[1].s, "y");
	CHECK_STR(parameters(set, "[null, \"z\"]", slots), "");
	CHECK_INT(slots[0].i32, 5);
	CHECK_STR(slots[1].s, "z");
	end();
}

/* As Python passes them; named: NULL: none. */
static const char *passed(const struct pyr__operation *op, const char *positional,
			  const char *named, union pyr__slot *ret)
{
	struct value_reading reading = reading_of(positional, strlen(positional));
	struct json by_name;

	json_begin(&by_name, named ? named : "", named ? strlen(named) : 0);
	value_read_call(&reading, strrchr(op->name, '.') + 1, &bench.json.source,
			named ? &by_name.source : NULL, op->fields, op->n_in, ret);
	return bench.problem.text;
}

TEST(parameters_come_in_order_and_then_by_name_and_errors_are_worded_as_in_python)
{
	const struct pyr__operation *set = operation(&opt_Store_interface, "opt.Store.set");
	const struct pyr__operation *title = operation(&opt_Store_interface, "opt.Store.title");
	const struct pyr__operation *many = operation(&scalars_Echo_interface, "scalars.Echo.many");
	union pyr__slot slots[9];

	begin();
	CHECK_STR(passed(many, "[1,2,3,4,5,6,7]", "{\"i\": 9, \"h\": 8}", slots), "");
	CHECK_INT(slots[7].i32, 8);
	CHECK_INT(slots[8].i32, 9);
	CHECK_STR(passed(many, "[1,2,3,4,5,6,7,8]", NULL, slots),
		  "many() missing required argument 'i'");
	CHECK_STR(passed(many, "[1,2,3,4,5,6,7,8,9,10,11]", "{}", slots),
		  "many() takes 9 arguments but 11 were given");
	CHECK_STR(passed(title, "[null,1]", "{}", slots),
		  "title() takes 1 argument but 2 were given");
	CHECK_STR(passed(many, "[1,2]", "{\"z\": 1}", slots),
		  "many() got an unexpected argument 'z'");
	CHECK_STR(passed(many, "[1,2]", "{\"b\": 1}", slots),
		  "many() got multiple values for argument 'b'");
	CHECK_STR(passed(many, "[1,[]]", "{}", slots),
		  "many(): parameter 'b': expected an integer, got a list");
	CHECK_STR(passed(many, "[1,", "{}", slots),
		  "many(): malformed JSON at byte 3: it ends too early");
	CHECK_STR(passed(many, "7", "{}", slots), "many(): expected a list of arguments, got 7");
	CHECK_STR(passed(many, "[]", "[]", slots),
		  "many(): expected an object of arguments by name, got a list");
	CHECK_STR(passed(set, "[]", "{\"y\": \"z\", \"x\": null}", slots), "");
	CHECK_INT(slots[0].i32, 5);
	CHECK_STR(slots[1].s, "z");
	CHECK_STR(passed(set, "[null]", "{\"x\": 3}", slots),
		  "set() got multiple values for argument 'x'");
	end();
}

/* ---- there and back, whatever it is ---- */

static struct span packed(const struct codec_message *message, const union pyr__slot *slots)
{
	struct codec_packer packer;
	uint8_t *bytes;

	if (codec_prepare(message, slots, &bench.arena, &packer, &bench.problem) < 0) {
		CHECK_STR(bench.problem.text, "");
		return (struct span){ NULL, 0 };
	}
	bytes = arena_alloc(&bench.arena, packer.size);
	REQUIRE(bytes != NULL);
	codec_pack(&packer, bytes);
	return (struct span){ bytes, packer.size };
}

static void fill_slots(struct random_value *r, const struct pyr__field *fields, unsigned n,
		       union pyr__slot *ret)
{
	void *natural;
	unsigned i;

	for (i = 0; i < n; i++) {
		ret[i] = (union pyr__slot){ 0 };
		if ((fields[i].flags & PYR__OPTIONAL) && random_next(r) % 3 == 0)
			continue;
		natural = arena_alloc(r->arena, codec_natural_size(&fields[i]));
		random_fill(r, &fields[i], natural);
		if (value_is_bare(&fields[i]))
			memcpy(&ret[i], natural, codec_natural_size(&fields[i]));
		else
			ret[i].p = natural;
	}
}

static void check_message(struct random_value *r, const struct codec_message *message,
			  const struct pyr__field *fields, unsigned n)
{
	struct value_writer writer = { .sink = &bench.sink.sink, .interface = bench.interface };
	bool is_alone = n == 1 && strcmp(fields[0].name, "ret") == 0;
	union pyr__slot slots[16], again[16];
	struct value_reading reading;
	struct span a, b;

	REQUIRE(n <= 16);
	fill_slots(r, fields, n, slots);
	buf_reset(&bench.text);
	json_sink(&bench.sink, &bench.text);
	value_write_slots(&writer, fields, n, slots);
	REQUIRE(!bench.text.broken);
	if (n == 0 || (is_alone && !slots[0].p && (fields[0].flags & PYR__OPTIONAL)))
		return;
	reading = reading_of((const char *)bench.text.data, bench.text.n);
	if (is_alone)
		value_read_slot(&reading, fields, again);
	else
		value_read_slots(&reading, fields, n, again);
	CHECK_STR(bench.problem.text, "");
	if (bench.problem.code)
		return;
	a = packed(message, slots);
	b = packed(message, again);
	CHECK(a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0));
}

static void check_interface(const struct pyr__interface *interface, uint64_t seed)
{
	const struct codec_interface *codec = codec_interface_get(interface);
	struct random_value r = { .state = seed * 0x9e3779b97f4a7c15u + 1, .depth = 5 };
	const struct pyr__operation *op;
	uint32_t i;

	REQUIRE(codec != NULL);
	for (i = 0; i < interface->n_operations; i++) {
		begin();
		bench.interface = interface;
		r.arena = &bench.arena;
		op = &interface->operations[i];
		check_message(&r, codec->operations[i].request, op->fields, op->n_in);
		check_message(&r, codec->operations[i].reply, op->fields + op->n_in, op->n_out);
		end();
	}
}

TEST(random_values_are_the_same_bytes_after_a_way_through_json)
{
	static const struct pyr__interface *const interfaces[] = {
		&values_Hub_interface,     &scalars_Echo_interface, &opt_Store_interface,
		&maps_Index_interface,     &tree_Walker_interface,  &oneofs_Canvas_interface,
		&nested_Algebra_interface, &text_Notes_interface,   &streams_Wide_interface,
		&unions_Box_interface,
	};
	uint64_t seed;
	size_t i;

	for (seed = 1; seed <= OFTEN(200); seed++)
		for (i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
			check_interface(interfaces[i], seed);
}

TEST(random_structs_of_every_member_are_the_same_bytes_after_a_way_through_json)
{
	struct random_value r = { .state = 42, .depth = 5, .arena = &bench.arena };
	struct codec_packer a, b;
	struct value_reading reading;
	void *value, *again;
	const char *text;
	int i;

	for (i = 0; i < OFTEN(300); i++) {
		begin();
		value = arena_alloc(&bench.arena, sizeof(struct values_All));
		again = arena_alloc(&bench.arena, sizeof(struct values_All));
		random_fill(&r, &all, value);
		text = written(&all, value);
		reading = reading_of(text, strlen(text));
		value_read_natural(&reading, &all, again);
		CHECK_STR(bench.problem.text, "");
		CHECK_INT(codec_prepare_value(&values_All_type, value, &bench.arena, &a,
					      &bench.problem),
			  0);
		CHECK_INT(codec_prepare_value(&values_All_type, again, &bench.arena, &b,
					      &bench.problem),
			  0);
		CHECK_INT(a.size, b.size);
		end();
	}
}

TESTS(json, T(numbers_go_through_at_their_limits_and_no_further),
      T(reals_are_short_and_lose_nothing_in_any_locale), T(texts_characters_and_bytes_go_through),
      T(what_is_wrong_is_named_by_its_path), T(json_that_is_malformed_is_refused_with_the_place),
      T(unions_and_names_are_as_protobuf_has_them), T(anys_show_what_is_known_and_keep_what_is_not),
      T(many_anys_of_many_types_are_found_at_once),
      T(anys_inside_each_other_are_so_many_and_no_more),
      T(text_that_is_nested_too_deep_or_becomes_too_much_is_refused),
      T(parameters_come_by_name_or_in_order_and_none_is_missing),
      T(parameters_come_in_order_and_then_by_name_and_errors_are_worded_as_in_python),
      T(random_values_are_the_same_bytes_after_a_way_through_json),
      T(random_structs_of_every_member_are_the_same_bytes_after_a_way_through_json))
