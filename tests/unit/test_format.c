/* SPDX-License-Identifier: MIT */
/*
 * What the formatter makes of each construct, and what holds for every file: formatted again it is
 * the same, no token or comment changes, and the same C comes of it.
 *
 *	test_format ROOT
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "test.h"

#include "../fuzz/format_mix.h"
#include "../fuzz/format_through.h"

static const char *root;

/* The formatted text, freed by the next call; "" if it cannot be parsed. */
static const char *formatted(const char *text)
{
	static struct buf result;
	const char *fault;

	buf_free(&result);
	fault = format_fault("text.idl", text, strlen(text), &result);
	CHECK_STR(fault ? fault : "no fault", "no fault");
	return buf_text(&result);
}

#define FORMATS(text, expected) CHECK_STR(formatted(text), expected)
#define STAYS(text)             FORMATS(text, text)

/* n times the text; freed by the caller. */
static char *repeated(const char *text, size_t n)
{
	size_t length = strlen(text);
	char *all = malloc(n * length + 1);

	REQUIRE(all != NULL);
	for (size_t i = 0; i < n; i++)
		memcpy(all + i * length, text, length);
	all[n * length] = '\0';
	return all;
}

TEST(declarations_have_lines_of_their_own)
{
	FORMATS("module m{struct S{long x;string<8>y;};interface I;};",
		"module m {\n    struct S { long x; string<8> y; };\n    interface I;\n};\n");
	FORMATS("interface I{void f();\nlong g ( in long a,out string b )raises( E ,F::G) ;};",
		"interface I {\n    void f();\n    long g(in long a, out string b) raises (E, "
		"F::G);\n};\n");
	FORMATS("const long A=( 1+2 )*-3<<~4;", "const long A = (1 + 2) * -3 << ~4;\n");
	FORMATS("typedef sequence < sequence<map< string,long > > , 8 > T [ 2 ] [3],U;",
		"typedef sequence<sequence<map<string, long>>, 8> T[2][3], U;\n");
	FORMATS("interface D:A,::m::B{};", "interface D : A, ::m::B {};\n");
	FORMATS("interface I{readonly attribute long a,b getraises( E );attribute long c "
		"raises(E)setraises(F);};",
		"interface I {\n    readonly attribute long a, b getraises (E);\n    attribute "
		"long c "
		"raises (E) setraises (F);\n};\n");
	FORMATS("const string S=\"a\"  L\"b\" ;", "const string S = \"a\" L\"b\";\n");
	STAYS("typedef sequence<octet, 16 >> 1> Half;\n");
	STAYS("struct S {\n    ::m::T x;\n    @optional ::m::T y;\n};\n");
	FORMATS(";;\nstruct S;;\n;\n", ";;\nstruct S;;;\n");
}

TEST(names_that_look_like_keywords_are_names)
{
	STAYS("interface I {\n    void context(in long raises_);\n    void getraises(in string "
	      "map);\n};\n");
	FORMATS("interface I {\n void f() context(\"A\" , \"B\");\n};\n",
		"interface I {\n    void f() context (\"A\", \"B\");\n};\n");
}

TEST(unsupported_declarations_are_laid_out_too)
{
	STAYS("typeid ::m::T \"IDL:x:1.0\";\n"
	      "custom valuetype Odd : truncatable Thing {\n"
	      "    factory make(in long a);\n"
	      "};\n"
	      "home H manages Till {};\n"
	      "bitmask Flags { @position(0) one, two };\n"
	      "const fixed LIMIT = 100.50d;\n");
	STAYS("typeid m::T \"IDL:x:1.0\";\n");
}

TEST(a_body_stays_on_one_line_if_it_fits)
{
	STAYS("enum E { A, B, };\n");
	FORMATS("enum E{A,\nB};", "enum E {\n    A,\n    B\n};\n");
	STAYS("struct S { @id(1) long x; };\n");
	FORMATS("struct Empty\n{\n\n};\n", "struct Empty {};\n");
	FORMATS("module m { struct S { long x; }; };",
		"module m {\n    struct S { long x; };\n};\n");
	FORMATS("struct S { long a; /* why */ };", "struct S {\n    long a; /* why */\n};\n");
	FORMATS("enum E { A /* why */ };", "enum E {\n    A /* why */\n};\n");
	FORMATS("struct Long_name_of_a_struct { string with_a_member; string and_another_one; "
		"string and_more; long x; };",
		"struct Long_name_of_a_struct {\n    string with_a_member;\n    string "
		"and_another_one;\n    string and_more;\n    long x;\n};\n");
	FORMATS("typedef struct S { long x; } T, U;", "typedef struct S { long x; } T, U;\n");
	FORMATS("typedef struct S {\nlong x; } T;", "typedef struct S {\n    long x;\n} T;\n");
	FORMATS("struct /* c */ S { long x; };", "struct /* c */ S {\n    long x;\n};\n");
	FORMATS("struct S { long x; }\n#define X\n;", "struct S {\n    long x;\n}\n#define X\n;\n");
}

TEST(modules_that_hold_nothing_else_may_share_lines)
{
	STAYS("module a { module b {\n    typedef long T;\n}; };\n");
	FORMATS("module a { module b { typedef long T; };\n typedef long U; };",
		"module a { module b {\n    typedef long T;\n};\n    typedef long U;\n};\n");
	FORMATS("module a {\nmodule b { }; };", "module a {\n    module b {};\n};\n");
}

TEST(unions_have_labels_further_out_than_members)
{
	FORMATS("union U switch(long){case 1:long a;case 2:case 3:\nstring b;\ndefault :\n// c\n"
		"@id(4)\ndouble d;};",
		"union U switch (long) {\n    case 1: long a;\n    case 2: case 3:\n        string "
		"b;\n"
		"    default:\n        // c\n        @id(4)\n        double d;\n};\n");
	STAYS("union U switch (E) { case m::A: long a; case ::m::B: long b; };\n");
	FORMATS("union U switch (enum E {\nA, B }) { case A: long a; };",
		"union U switch (enum E {\n    A,\n    B\n}) { case A: long a; };\n");
	FORMATS("union U switch (enum E {\nA, B }) { case A:\n struct S {\n long x; } a; };",
		"union U switch (enum E {\n    A,\n    B\n}) {\n    case A:\n        struct S {\n"
		"            long x;\n        } a;\n};\n");
}

TEST(annotations_stay_before_or_above)
{
	STAYS("@deprecated(\"x\")\n@cname(\"y\")\nstruct S {\n    @id(1) @optional long a;\n"
	      "    @default(1)\n    long b;\n};\n");
	FORMATS("@cname\n(\"y\") /* c */\n\n\nstruct S { long a; };",
		"@cname(\"y\") /* c */\nstruct S { long a; };\n");
	FORMATS("interface I { void f(@optional\nin long a,@default( x=-1 )in long b); };",
		"interface I {\n    void f(@optional in long a, @default(x = -1) in long "
		"b);\n};\n");
	STAYS("enum E {\n    @cname(\"a\")\n    A,\n    B\n};\n");
}

TEST(comments_stay_where_they_are)
{
	FORMATS("  // one\n\n\n\n  /* two */ struct S{// three\nlong a;// four\n/* five */};// six",
		"// one\n\n/* two */ struct S { // three\n    long a; // four\n    /* five */\n}; "
		"// six\n");
	FORMATS("interface I{void f(/* a */in long a,// b\n// c\nin long d/* e */);};",
		"interface I {\n    void f(/* a */ in long a, // b\n            // c\n"
		"            in long d /* e */);\n};\n");
	FORMATS("struct S { long a; /* b */ long c; };",
		"struct S {\n    long a;\n    /* b */ long c;\n};\n");
	FORMATS("/* a */ /* b */\n/* c */ // d\nstruct S;\n",
		"/* a */ /* b */\n/* c */ // d\nstruct S;\n");
	FORMATS("struct S; /* a */ /* b\n c */ // d\n", "struct S; /* a */ /* b\n c */ // d\n");
	STAYS("enum E {\n    A, // first\n    B  // second\n};\n");
	FORMATS("enum E {\n A // first\n , B\n // end\n };",
		"enum E {\n    A // first\n            ,\n"
		"    B\n    // end\n};\n");
	FORMATS("", "");
	FORMATS("// only", "// only\n");
}

TEST(comments_behind_consecutive_lines_are_aligned)
{
	FORMATS("struct S {\n long a; // one\n string name; // two\n              // more\n\n "
		"long b; // alone\n};\n",
		"struct S {\n    long a;      // one\n    string name; // two\n                 // "
		"more\n\n    long b; // alone\n};\n");
	FORMATS("struct S {\n long a; // one\n // two\n};\n",
		"struct S {\n    long a; // one\n    // two\n};\n");
	STAYS("struct S {\n"
	      "    long a; // short\n"
	      "    string a_member_with_a_name_that_takes_most_of_the_line; // and a comment that "
	      "does "
	      "the rest, and more\n"
	      "};\n");
	FORMATS("const string A = \"\xc3\xa4\"; // two bytes, one column\nconst string B = \"a\"; "
		"// b\n",
		"const string A = \"\xc3\xa4\"; // two bytes, one column\nconst string B = \"a\"; "
		"// b\n");
}

TEST(comments_of_several_lines_move_as_a_whole)
{
	FORMATS("module m {\n/**\n* A.\n  *   - b\n*/\nstruct S;\n\t/* one\n\t   two\n\n\t     "
		"three */\n"
		"struct T;\n};\n",
		"module m {\n    /**\n     * A.\n     *   - b\n     */\n    struct S;\n    /* "
		"one\n       "
		"two\n\n         three */\n    struct T;\n};\n");
	FORMATS("        /* far\n  in */\nstruct S;", "/* far\nin */\nstruct S;\n");
}

TEST(blank_lines_group)
{
	FORMATS("\n\n\nstruct A;\n\n\n\nstruct B;\nmodule m {\n\n\nstruct C;\n\n\n};\n\n",
		"struct A;\n\nstruct B;\nmodule m {\n    struct C;\n};\n");
}

TEST(directives_begin_their_lines)
{
	FORMATS("  #  define X  1   \n\n\n\n#include   \"x.idl\" // why  \nmodule m{\n#if "
		"X\nstruct A;\n  "
		"#endif\n};\n",
		"#  define X  1\n\n#include   \"x.idl\" // why\nmodule m {\n#if X\n    struct "
		"A;\n#endif\n};\n");
	FORMATS("#define X a \\\r\n   b /* c\r\n d */\r\nstruct S;\r\n",
		"#define X a \\\n   b /* c\n d */\nstruct S;\n");
	FORMATS("/* before */ #pragma once\n", "/* before */\n#pragma once\n");
	FORMATS("enum E {\n#ifdef A\nB,\n#else\nC,\n#endif\nD };\n",
		"enum E {\n#ifdef A\n    B,\n#else\n    C,\n#endif\n    D\n};\n");
	FORMATS("interface I\n#ifdef A\n: B {\n#else\n{\n#endif\nvoid f(); };\n",
		"interface I\n#ifdef A\n        : B {\n#else\n{\n#endif\n    void f();\n};\n");
	STAYS("#error the text is not to blame\n#warning it is not\n#include <nothing.idl>\n");
}

TEST(what_is_no_idl_stays_as_it_is)
{
	STAYS("struct A;\n\n#if 0\n  this   isn't \"IDL\n\n# nor  this \\ \n#elif 0\nstruct "
	      "B;\n#endif\n");
	FORMATS("#if 0\n\n\n don't \t\r\n\n\n#endif\n", "#if 0\n\n don't\n\n#endif\n");
	FORMATS("#if 0\n } ) > ] { ( [ < a.b ? !c;\n#endif\nstruct A;\n",
		"#if 0\n})>] {\n    ([<a.b ? !c;\n#endif\nstruct A;\n");
}

TEST(a_text_that_is_wrong_is_not_formatted)
{
	FORMATS("struct S { long; };", "");
	FORMATS("/* open", "");
	FORMATS("#if 1\n", "");
	FORMATS("struct S { unknown_type x; };", "struct S { unknown_type x; };\n");
}

TEST(deep_nesting_ends_somewhere)
{
	char *open = repeated("{ (\n", 300), *close = repeated("; ) }\n", 300), *text;
	struct buf all = { 0 };

	buf_printf(&all, "#if 0\n%s%s#endif\nstruct A;\n", open, close);
	text = strdup(formatted(buf_text(&all)));
	CHECK(strstr(text, "\n#endif\nstruct A;\n") != NULL);
	free(text);
	free(open);
	free(close);
	buf_free(&all);
}

/* CPU seconds to format half a MiB of repetitions. */
static double seconds_for(const char *head, const char *repeat, const char *tail)
{
	char *many = repeated(repeat, (512 << 10) / strlen(repeat));
	struct buf text = { 0 };
	clock_t begin;

	buf_printf(&text, "%s%s%s", head, many, tail);
	begin = clock();
	format_text(&text, "many.idl");
	CHECK(text.n > 256 << 10);
	free(many);
	buf_free(&text);
	return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

TEST(time_grows_with_the_length_of_the_text_alone)
{
	CHECK(seconds_for("", "/**/ ", "\n") < 5);
	CHECK(seconds_for("", "//\n", "") < 5);
	CHECK(seconds_for("", ";", "\n") < 5);
	CHECK(seconds_for("", "/* a ", "*/\n") < 5);
	CHECK(seconds_for("interface I { void f(long a", ", long b", "); };") < 5);
	CHECK(seconds_for("", "@a ", "struct S;") < 5);
	CHECK(seconds_for("", "/* x */ typedef long T;", "\n") < 5);
}

TEST(a_change_of_a_token_or_comment_is_seen)
{
	static const char *const pairs[][2] = {
		{ "struct A;", "struct B;" },
		{ "struct A;", "struct A;;" },
		{ "struct A; // b c", "struct A; // bc" },
		{ "/* a\n   b */", "/* a\n   c */" },
		{ "// a", "/* a */" },
		{ "const long A = 0x10;", "const long A = 16;" },
		{ "#define A 1", "#define A 2" },
		{ "const string A = \" \";", "const string A = \"  \";" },
		{ "#if 0\n isn't\n#endif", "#if 0\n wasn't\n#endif" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct idl_unit *a = format_read("a.idl", pairs[i][0], strlen(pairs[i][0]), true);
		struct idl_unit *b = format_read("a.idl", pairs[i][1], strlen(pairs[i][1]), true);

		REQUIRE(a && b);
		CHECK(format_is_same(a, a));
		CHECK(!format_is_same(a, b));
		CHECK(!format_is_same(b, a));
		idl_unit_free(a);
		idl_unit_free(b);
	}
}

TEST(text_that_cannot_be_parsed_stays)
{
	struct buf text = { 0 };

	buf_str(&text, "struct  S");
	format_text(&text, "x.idl");
	CHECK_STR(buf_text(&text), "struct  S");
	buf_str(&text, "{ long  x; };");
	format_text(&text, "x.idl");
	CHECK_STR(buf_text(&text), "struct S { long x; };\n");
	buf_free(&text);
}

static void check_mixes(const char *path, const struct idl_unit *unit)
{
	for (uint64_t i = 0; i < 3; i++) {
		struct buf mixed = { 0 }, text = { 0 };
		uint64_t state = i * 77777 + strlen(path);
		const char *fault;

		format_mix(&mixed, unit, &state);
		fault = format_fault(path, buf_text(&mixed), mixed.n, &text);
		CU_assertImplementation(!fault, __LINE__, fault ? fault : "", path, "", CU_FALSE);
		if (fault)
			fputs(buf_text(&mixed), stderr);
		buf_free(&mixed);
		buf_free(&text);
	}
}

static int check_file(const char *path)
{
	struct buf text = { 0 };
	const char *fault = format_fault(path, NULL, 0, &text);
	struct idl_unit *unit = format_read(path, NULL, 0, true);

	CU_assertImplementation(!fault, __LINE__, fault ? fault : "", path, "", CU_FALSE);
	if (unit)
		check_mixes(path, unit);
	idl_unit_free(unit);
	buf_free(&text);
	return unit != NULL;
}

/* Returns how many files could be parsed. */
static int check_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[1000];
	struct stat st;
	int n = 0;

	REQUIRE(dir != NULL);
	while ((entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.' || lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			n += check_folder(path);
		else if (length > 4 && strcmp(entry->d_name + length - 4, ".idl") == 0)
			n += check_file(path);
	}
	closedir(dir);
	return n;
}

TEST(every_file_here_is_formatted_once_and_for_all)
{
	static const char *const folders[] = { "runtime/idl", "samples", "tests", "tools" };
	char path[1000];
	int n = 0;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		n += check_folder(path);
	}
	CHECK(n > 120);
}

int main(int argc, char **argv)
{
	static const struct test_case tests[] = {
		T(declarations_have_lines_of_their_own),
		T(names_that_look_like_keywords_are_names),
		T(unsupported_declarations_are_laid_out_too),
		T(a_body_stays_on_one_line_if_it_fits),
		T(modules_that_hold_nothing_else_may_share_lines),
		T(unions_have_labels_further_out_than_members),
		T(annotations_stay_before_or_above),
		T(comments_stay_where_they_are),
		T(comments_behind_consecutive_lines_are_aligned),
		T(comments_of_several_lines_move_as_a_whole),
		T(blank_lines_group),
		T(directives_begin_their_lines),
		T(what_is_no_idl_stays_as_it_is),
		T(a_text_that_is_wrong_is_not_formatted),
		T(deep_nesting_ends_somewhere),
		T(time_grows_with_the_length_of_the_text_alone),
		T(a_change_of_a_token_or_comment_is_seen),
		T(text_that_cannot_be_parsed_stays),
		T(every_file_here_is_formatted_once_and_for_all),
	};

	root = argc > 1 ? argv[1] : ".";
	return test_main("format", tests, sizeof(tests) / sizeof(tests[0]));
}
