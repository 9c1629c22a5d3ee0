/* SPDX-License-Identifier: MIT */
/* Values: expressions of #if, literals, constants and annotations, what they are and what is said
 * of bad ones. */
#include <stdint.h>

#include "idl_text.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* ---- #if ---- */

TEST(a_condition_has_the_operators_of_c)
{
	static const struct {
		const char *text;
		bool is_true;
	} cases[] = {
		{ "1 || x", true },
		{ "0 || 0", false },
		{ "1 && 2", true },
		{ "4 | 2", true },
		{ "(4 | 2) == 6", true },
		{ "3 ^ 3", false },
		{ "6 & 1", false },
		{ "1 != 1", false },
		{ "2 == 1", false },
		{ "1 < 2", true },
		{ "2 < 1", false },
		{ "2 > 1", true },
		{ "1 > 2", false },
		{ "2 <= 2", true },
		{ "3 <= 2", false },
		{ "2 >= 3", false },
		{ "1 << 2 == 4", true },
		{ "1 << 64", false },
		{ "1 << -1", false },
		{ "8 >> 2 == 2", true },
		{ "8 >> 64", false },
		{ "8 >> -1", false },
		{ "-8 >> 1 == -4", true },
		{ "7 / 2 == 3", true },
		{ "7 % 2", true },
		{ "8 % 2", false },
		{ "5 % -1", false },
		{ "5 / -1 == -5", true },
		{ "(-9223372036854775807 - 1) / -1 < 0", true },
		{ "2 + 3 * 4 == 14", true },
		{ "10 - 2 - 3 == 5", true },
		{ "~0 == -1", true },
		{ "+1", true },
		{ "!1", false },
		{ "!unknown", true },
		{ "0xffffffffffffffff == -1", true },
		{ "017 == 15", true },
		{ "0 && 1 / 0", false },
		{ "1 || 1 / 0", true },
		{ "0 && (1 || 1 % 0)", false },
		{ "defined(NOTHING)", false },
	};
	char text[200];

	for (size_t i = 0; i < N(cases); i++) {
		struct idl_result r;

		snprintf(text, sizeof(text), "#if %s\nstruct Yes { long x; };\n#endif\n",
			 cases[i].text);
		r = idl_text(text);
		CHECK_CLEAN(r);
		if (r.unit->root->n_items != cases[i].is_true)
			CHECK_STR(cases[i].text, cases[i].is_true ? "true" : "false");
		idl_done(&r);
	}
}

/* The first line that is printed of a text, from the file's name on; good until the next call. */
static const char *said(const char *text)
{
	static char line[300];
	struct idl_result r = idl_text(text);
	const char *from = strstr(r.report, "main.idl");

	snprintf(line, sizeof(line), "%s", from ? from : r.report);
	line[strcspn(line, "\n")] = '\0';
	idl_done(&r);
	return line;
}

struct bad {
	const char *text, *expected;
};

static void check_bad(const struct bad *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		CHECK_STR(said(cases[i].text), cases[i].expected);
}

TEST(a_bad_condition_is_refused_where_it_is_bad)
{
	static const struct bad cases[] = {
		{ "#if\n#endif\n", "main.idl:1:2: error: #if without a condition" },
		{ "#if 1 +\n#endif\n", "main.idl:1:2: error: #if needs a value here" },
		{ "#if (1\n#endif\n", "main.idl:1:2: error: ')' is missing in #if" },
		{ "#if (1 2)\n#endif\n", "main.idl:1:8: error: ')' is missing in #if" },
		{ "#if 1 / 0\n#endif\n", "main.idl:1:2: error: division by zero in #if" },
		{ "#if 1 % 0 + 1\n#endif\n", "main.idl:1:11: error: division by zero in #if" },
		{ "#if 1 2\n#endif\n", "main.idl:1:7: error: #if ends before this" },
		{ "#if \"x\"\n#endif\n",
		  "main.idl:1:5: error: #if knows integers, names, defined() and operators only" },
		{ "#if 089\n#endif\n", "main.idl:1:5: error: '089' is not an octal number" },
		{ "#if 99999999999999999999\n#endif\n",
		  "main.idl:1:5: error: '99999999999999999999' does not fit into 64 bits" },
		{ "#if defined(X\n#endif\n", "main.idl:1:12: error: #if ends before this" },
		{ "#if defined\n1\n#else\n#endif\n", "" },
		{ "#undef 1\n", "main.idl:1:2: error: #undef needs one name" },
		{ "#undef A B\n", "main.idl:1:2: error: #undef needs one name" },
		{ "#ifdef A B\n#endif\n", "main.idl:1:2: error: #ifdef needs one name" },
		{ "#ifndef\n#endif\n", "main.idl:1:2: error: #ifndef needs one name" },
	};

	check_bad(cases, N(cases));
}

/* ---- literals ---- */

/* The value of a constant v of this type. */
static struct ast_value value_of(const char *type, const char *text)
{
	static char kept[300];
	char idl[300];
	struct idl_result r;
	struct ast_value value = { .kind = VALUE_NONE };

	snprintf(idl, sizeof(idl), "const %s v = %s;\n", type, text);
	r = idl_text(idl);
	CHECK_CLEAN(r);
	if (r.n_errors == 0)
		value = idl_find(&r, "v")->value;
	if (value.kind == VALUE_STRING) {
		snprintf(kept, sizeof(kept), "%s", value.s);
		value.s = kept;
	}
	idl_done(&r);
	return value;
}

TEST(a_character_is_one_of_latin_1_or_unicode)
{
	static const struct {
		const char *type, *text;
		long code;
	} cases[] = {
		{ "char", "'a'", 'a' },
		{ "char", "'\\n'", '\n' },
		{ "char", "'\\?'", '?' },
		{ "char", "'\\\\'", '\\' },
		{ "char", "'\\''", '\'' },
		{ "char", "'\\101'", 'A' },
		{ "char", "'\\7'", 7 },
		{ "char", "'\\x4A'", 'J' },
		{ "char", "'\\x4a'", 'J' },
		{ "char", "'\\xe9'", 0xe9 },
		{ "char", "'\xe9'", 0xe9 },
		{ "char", "'\xc3\xa9'", 0xe9 },
		{ "wchar", "L'\\u20aC'", 0x20ac },
		{ "wchar", "L'\xe2\x82\xac'", 0x20ac },
		{ "wchar", "L'\\u9'", 9 },
	};

	for (size_t i = 0; i < N(cases); i++)
		CHECK_INT(value_of(cases[i].type, cases[i].text).i, cases[i].code);
}

TEST(a_string_becomes_utf_8_whatever_the_file_is)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "\"a\\u20acb\"", "a\xe2\x82\xac"
				   "b" },
		{ "\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80" },
		{ "\"\xe9t\xe9\"", "\xc3\xa9t\xc3\xa9" },
		{ "\"\xe2\x82\"", "\xc3\xa2\xc2\x82" },      /* cut off */
		{ "\"\xe2\x28\xa1\"", "\xc3\xa2(\xc2\xa1" }, /* no such sequence */
		{ "\"\xc0\x80\"", "\xc3\x80\xc2\x80" },      /* too long for what it says */
		{ "\"\xe0\x80\x80\"", "\xc3\xa0\xc2\x80\xc2\x80" },
		{ "\"\xf0\x80\x80\x80\"", "\xc3\xb0\xc2\x80\xc2\x80\xc2\x80" },
		{ "\"\xed\xa0\x80\"", "\xc3\xad\xc2\xa0\xc2\x80" }, /* half of a pair */
		{ "\"\xee\x80\x80\"", "\xee\x80\x80" },
		{ "\"\xf4\x90\x80\x80\"", "\xc3\xb4\xc2\x90\xc2\x80\xc2\x80" }, /* too large */
		{ "\"\xf5\x80\x80\x80\"", "\xc3\xb5\xc2\x80\xc2\x80\xc2\x80" },
		{ "\"a\" \"b\" \"\"", "ab" },
	};

	for (size_t i = 0; i < N(cases); i++)
		CHECK_STR(value_of("string", cases[i].text).s, cases[i].expected);
}

TEST(a_bad_literal_is_refused_where_it_is_bad)
{
	static const struct bad cases[] = {
		{ "const char v = 'a\\q';",
		  "main.idl:1:16: error: more than one character between quotes" },
		{ "const char v = '\\q';", "main.idl:1:17: error: unknown escape sequence" },
		{ "const char v = '\\x';", "main.idl:1:17: error: unknown escape sequence" },
		{ "const char v = '\\u';", "main.idl:1:17: error: unknown escape sequence" },
		{ "const char v = '\\xg';", "main.idl:1:17: error: unknown escape sequence" },
		{ "const wchar v = L'\\ud800';",
		  "main.idl:1:19: error: \\ud800 is half a character" },
		{ "const wchar v = L'\\udfff';",
		  "main.idl:1:19: error: \\udfff is half a character" },
		{ "const string v = \"ab\\q\";", "main.idl:1:21: error: unknown escape sequence" },
		{ "const string v = \"a\\0\";",
		  "main.idl:1:18: error: a string cannot hold a NUL" },
		{ "const double v = 1e999;",
		  "main.idl:1:18: error: '1e999' is too large for a double" },
	};

	check_bad(cases, N(cases));
}

/* ---- constants ---- */

TEST(a_constant_is_what_its_expression_says)
{
	static const struct {
		const char *type, *text;
		long long value;
	} integers[] = {
		{ "long", "+5", 5 },
		{ "long", "-5 / 2", -2 },
		{ "long", "-5 % 3", -2 },
		{ "long", "6 | 1", 7 },
		{ "long", "6 ^ 3", 5 },
		{ "long", "6 & 3", 2 },
		{ "long", "3 - 5", -2 },
		{ "long", "1 << 4 >> 1", 8 },
		{ "long", "~5", -6 },
		{ "octet", "~5", 250 },
		{ "uint8", "~0", 255 },
		{ "uint16", "~1", 65534 },
		{ "uint32", "~0", 4294967295 },
		{ "boolean", "TRUE", 1 },
	};
	static const struct {
		const char *text;
		double value;
	} reals[] = {
		{ "1.5 + 2", 3.5 }, { "1 - 2.5", -1.5 }, { "1.5 * 2.0", 3 }, { "1 / 4.0", 0.25 },
		{ "-1.5", -1.5 },   { "+.5", 0.5 },      { "7", 7 },
	};

	for (size_t i = 0; i < N(integers); i++)
		CHECK_INT(value_of(integers[i].type, integers[i].text).i, integers[i].value);
	CHECK(value_of("uint64", "~0").u == UINT64_MAX);
	for (size_t i = 0; i < N(reals); i++)
		CHECK(value_of("double", reals[i].text).f == reals[i].value);
}

TEST(a_bad_constant_is_refused_where_it_is_bad)
{
	static const struct bad cases[] = {
		{ "const long v = 1 / 0;", "main.idl:1:18: error: division by zero" },
		{ "const long v = 1 % 0;", "main.idl:1:18: error: division by zero" },
		{ "const double v = 1 / 0.0;", "main.idl:1:20: error: division by zero" },
		{ "const double v = 1.5 % 2;",
		  "main.idl:1:22: error: this operator needs integers" },
		{ "const double v = 1e308 * 10;",
		  "main.idl:1:24: error: the result is too large for a double" },
		{ "const long v = 1 << 64;", "main.idl:1:18: error: a shift is by 0 to 63 bits" },
		{ "const long v = 1 >> -1;", "main.idl:1:18: error: a shift is by 0 to 63 bits" },
		{ "const long v = -1 << 1;",
		  "main.idl:1:19: error: a negative number cannot be shifted" },
		{ "const uint64 v = 18446744073709551615 * 18446744073709551615;",
		  "main.idl:1:39: error: the result does not fit into 64 bits" },
		{ "const uint64 v = 18446744073709551615 + 1;",
		  "main.idl:1:39: error: the result does not fit into 64 bits" },
		{ "const int64 v = -18446744073709551615;",
		  "main.idl:1:17: error: the result does not fit into 64 bits" },
		{ "const long v = TRUE + 1;", "main.idl:1:21: error: this operator needs numbers" },
		{ "const long v = 1 + \"x\";",
		  "main.idl:1:18: error: this operator needs numbers" },
		{ "const string v = -\"x\";",
		  "main.idl:1:18: error: this operator needs a number" },
		{ "const double v = ~1.5;", "main.idl:1:18: error: this operator needs a number" },
		{ "const long v = (1 / 0) + 2;", "main.idl:1:19: error: division by zero" },
		{ "const long v = 2 + (1 / 0);", "main.idl:1:23: error: division by zero" },
		{ "const long v = -(1 / 0);", "main.idl:1:20: error: division by zero" },
		{ "const fixed v = 1.5d;", "main.idl:1:7: error: fixed is not supported" },
		{ "struct S { long x; }; const long v = S;",
		  "main.idl:1:38: error: 'S' is a struct, not a constant" },
		{ "const long v = gone;",
		  "main.idl:1:16: error: nothing named 'gone' is known here" },
	};

	check_bad(cases, N(cases));
}

/* ---- annotations ---- */

TEST(a_bad_annotation_is_refused_where_it_stands)
{
	static const struct bad cases[] = {
		{ "struct S { @id(0) long x; };",
		  "main.idl:1:12: error: an id is from 1 to 536870911" },
		{ "struct S { @id(536870912) long x; };",
		  "main.idl:1:12: error: an id is from 1 to 536870911" },
		{ "struct S { @id(19500) long x; };",
		  "main.idl:1:12: error: ids 19000 to 19999 are reserved by protobuf" },
		{ "struct S { @id(\"x\") long x; };",
		  "main.idl:1:16: error: a string cannot be a value of 'int64'" },
		{ "interface I { @optional void f(); };",
		  "main.idl:1:15: error: a void result cannot be @optional" },
		{ "interface I { @optional stream<long> f(); };",
		  "main.idl:1:15: error: a stream cannot be @optional" },
		{ "union U switch (long) { case 1: @optional long x; };",
		  "main.idl:1:33: error: a union's member cannot be @optional: the case says if it "
		  "is there" },
		{ "union U switch (long) { case 1: @default(3) long x; };",
		  "main.idl:1:33: error: a union's member cannot have a @default" },
		{ "interface I { void f(@default(3) out long x); };",
		  "main.idl:1:22: error: @default is for parameters that go in" },
		{ "@status(GONE) exception E { long x; };",
		  "main.idl:1:9: error: @status takes the name of a status code, such as "
		  "NOT_FOUND" },
		{ "@status(\"NOT_FOUND\") exception E { long x; };",
		  "main.idl:1:9: error: @status takes the name of a status code, such as "
		  "NOT_FOUND" },
		{ "@status(A::NOT_FOUND) exception E { long x; };",
		  "main.idl:1:9: error: @status takes the name of a status code, such as "
		  "NOT_FOUND" },
		{ "@cname(\"\") struct S { long x; };",
		  "main.idl:1:1: error: '' is not an identifier of C" },
		{ "@cname(\"1a\") struct S { long x; };",
		  "main.idl:1:1: error: '1a' is not an identifier of C" },
		{ "@cname(\"a-b\") struct S { long x; };",
		  "main.idl:1:1: error: 'a-b' is not an identifier of C" },
		{ "@cname(\"int\") struct S { long x; };",
		  "main.idl:1:1: error: 'int' is reserved in C" },
		{ "@cname(3) struct S { long x; };",
		  "main.idl:1:8: error: an integer cannot be a value of 'string'" },
		{ "interface I { @idempotent(3) void f(); };",
		  "main.idl:1:27: error: an integer cannot be a value of 'boolean'" },
		{ "interface I { @timeout(-1) void f(); };",
		  "main.idl:1:24: error: a @timeout (ms) is from 1 to 2147483647, not -1" },
		{ "interface I { @deprecated(3) void f(); };",
		  "main.idl:1:27: error: an integer cannot be a value of 'string'" },
		{ "struct S { @id long x; };", "main.idl:1:12: error: @id needs an argument" },
		{ "struct S { @id(1, 2) long x; };",
		  "main.idl:1:12: error: @id takes one argument" },
	};

	check_bad(cases, N(cases));
}

static const struct test_case tests[] = {
	T(a_condition_has_the_operators_of_c),
	T(a_bad_condition_is_refused_where_it_is_bad),
	T(a_character_is_one_of_latin_1_or_unicode),
	T(a_string_becomes_utf_8_whatever_the_file_is),
	T(a_bad_literal_is_refused_where_it_is_bad),
	T(a_constant_is_what_its_expression_says),
	T(a_bad_constant_is_refused_where_it_is_bad),
	T(a_bad_annotation_is_refused_where_it_stands),
};

int main(void)
{
	static const char *const names[] = { "main.idl" };
	int rc = test_main("idl_values", tests, N(tests));

	idl_cleanup(names, N(names));
	return rc;
}
