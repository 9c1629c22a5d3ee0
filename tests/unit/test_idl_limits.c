/* SPDX-License-Identifier: MIT */
/* The preprocessor, and what bounds the front end: each limit answers, none crashes or hangs. */
#include "idl_text.h"

#include <time.h>

TEST(include_looks_beside_the_file_then_in_the_folders_of_dash_i)
{
	char sub[200];
	const char *dirs[1] = { sub };
	struct idl_options options = { .include_dirs = dirs, .n_include_dirs = 1 };
	struct idl_result r;

	snprintf(sub, sizeof(sub), "%s", idl_path("sub"));
	REQUIRE(mkdir(sub, 0700) == 0);
	idl_write("a.idl", "struct A { long near; };", 24);
	idl_write("sub/a.idl", "struct A { long far; };", 23);
	idl_write("sub/b.idl", "#include \"c.idl\"\nstruct B { A a; C c; };", 40);
	idl_write("sub/c.idl", "#pragma once\nstruct C { long x; };", 34);
	idl_write("main.idl",
		  "#include \"a.idl\"\n#include <b.idl>\n#include <c.idl>\nstruct M { B b; };", 69);
	r = idl_read_file("main.idl", &options);
	CHECK_CLEAN(r);
	CHECK_STR(idl_find(&r, "A")->items[0]->name, "near");
	CHECK_INT(r.unit->n_files, 4);
	CHECK_INT(r.unit->main->n_includes, 3);
	CHECK_STR(r.unit->main->includes[1]->name, "b.idl");
	CHECK_INT(r.unit->main->includes[1]->n_includes, 1);
	CHECK(!r.unit->files[1]->is_main && r.unit->files[0]->is_main);
	CHECK(idl_find(&r, "B")->loc.file == r.unit->main->includes[1]);
	idl_done(&r);
}

TEST(a_missing_include_names_the_file_and_says_what_to_do)
{
	struct idl_result r = idl_text("\n  #include \"gone.idl\"\nstruct A { Gone g; };");

	CHECK_INT(r.n_errors, 2);
	CHECK_HAS(r.report, "main.idl:2:12: error: cannot read 'gone.idl': No such file");
	CHECK_HAS(r.report, "say where it is with -I");
	idl_done(&r);
}

TEST(a_file_that_cannot_be_read_is_one_error_without_a_line)
{
	struct idl_result r = idl_read_file("nowhere.idl", NULL);

	CHECK(r.unit != NULL);
	CHECK_INT(r.n_errors, 1);
	CHECK_HAS(r.report, "nowhere.idl: error: cannot read the file: No such file or directory");
	idl_done(&r);
	r = idl_read_file("", NULL);
	CHECK_HAS(r.report, "error: cannot read the file: Is a directory");
	idl_done(&r);
}

TEST(defines_and_conditions_choose_what_is_read)
{
	const char *const defines[] = { "WITH", "SIZE=2 + 3", "NAME=Thing" };
	struct idl_options options = { .defines = defines, .n_defines = 3 };
	const char *text =
		"#if defined(WITH) && (SIZE == 5 || 0) && !defined OTHER && WITH\n"
		"struct NAME { long x[SIZE]; };\n#else\nstruct Wrong { long x };\n#endif\n"
		"#ifndef WITH\n#elif SIZE < 6 && SIZE >= 5 && SIZE != 4\nstruct Second { long x; "
		"};\n"
		"#elif 1\nsyntax error\n#endif\n#undef WITH\n#ifdef WITH\n#if "
		"1\nbad\n#endif\n#endif\n"
		"#if 0\ncan't be \"read /* here\n*/ #else\n#endif\n# define LINES 1 \\\n  + 1\n"
		"const long L = LINES; # \n";
	struct idl_result r;

	idl_write("main.idl", text, strlen(text) - 3);
	r = idl_read_file("main.idl", &options);
	CHECK_CLEAN(r);
	CHECK_INT(r.unit->root->n_items, 3);
	CHECK_INT(idl_find(&r, "Thing")->items[0]->type->dims[0], 5);
	CHECK_INT(idl_find(&r, "L")->value.i, 2);
	CHECK_STR(idl_find(&r, "Second")->name, "Second");
	idl_done(&r);
}

TEST(macros_keep_the_place_of_their_use)
{
	struct idl_result r =
		idl_text("#define INT nothing\n#define SELF SELF\nstruct A { INT x; };\n"
			 "struct B { SELF y; };\n");

	CHECK_INT(r.n_errors, 2);
	CHECK_HAS(r.report, "main.idl:3:12: error: nothing named 'nothing' is known here");
	CHECK_HAS(r.report, "main.idl:4:12: error: nothing named 'SELF' is known here");
	idl_done(&r);
}

TEST(pragmas_of_omg_idl_are_taken)
{
	struct idl_result r =
		idl_text("#pragma prefix \"acme.com\"\n#pragma ID A \"IDL:A:1.0\"\n"
			 "#pragma version A 1.3\n#pragma vendor stuff\nstruct A { long x; };\n");

	CHECK_INT(r.n_errors, 0);
	CHECK_STR(r.unit->prefix, "acme.com");
	CHECK_HAS(r.report, "main.idl:4:2: warning: unknown #pragma 'vendor' is ignored");
	idl_done(&r);
}

TEST(a_byte_order_mark_crlf_and_a_missing_last_newline_do_no_harm)
{
	struct idl_result r = idl_text("\xef\xbb\xbfstruct A {\r\n    long x;\r\n};\r\n// end");

	CHECK_CLEAN(r);
	CHECK_INT(idl_find(&r, "A")->loc.column, 8);
	CHECK_INT(idl_find(&r, "A::x")->loc.line, 2);
	idl_done(&r);
}

/* n times a text, between two others. */
static struct idl_result read_many(const char *before, const char *unit, size_t n,
				   const char *after)
{
	size_t size = strlen(unit), before_size = strlen(before), i;
	char *text = malloc(before_size + n * size + strlen(after) + 1), *at = text;
	struct idl_result result;

	REQUIRE(text != NULL);
	at = stpcpy(at, before);
	for (i = 0; i < n; i++)
		at = stpcpy(at, unit);
	stpcpy(at, after);
	result = idl_text(text);
	free(text);
	return result;
}

static void check_many(const char *before, const char *unit, size_t n, const char *after,
		       const char *expected)
{
	struct idl_result r = read_many(before, unit, n, after);

	CHECK_HAS(r.report, expected);
	CHECK(r.n_errors > 0);
	idl_done(&r);
}

TEST(a_megabyte_of_anything_is_answered)
{
	const size_t most = (1 << 20) - 64;

	check_many("const long A = ", "(", most, "", "nested more than 64 deep");
	check_many("const long A = ", "-", most, "1;", "nested too deep");
	check_many("const long A = 1", "+1", most / 2, ";", "operators in a row");
	check_many("", "{", most, "", "error: ");
	check_many("", "}", most, "", "'}' without '{'");
	check_many("", "[", most, "", "error: ");
	check_many("struct A { ", "sequence<", most / 9, "", "nested more than 64 deep");
	check_many("", "module m { ", most / 11, "", "nested more than 64 deep");
	check_many("", "@a ", most / 3, "", "error: ");
	check_many("", "@", most, "", "error: ");
	check_many("", "x ", most / 2, "", "error: ");
	check_many("", "'", most, "", "error: ");
	check_many("", "\"a\n", most / 3, "", "string is not closed");
	check_many("/*", "*", most, "", "comment is never closed");
	check_many("", "#if 1\n", most / 6, "", "more than 1024 #if are open");
	check_many("#if ", "(", most, "", "#if is nested too deep");
	check_many("#if ", "!", most, "", "#if is nested too deep");
	check_many("", "struct A { x y; };", most / 18, "", "more messages not shown");
	check_many("const string A = ", "\"x\" ", most / 4, "; error", "expected a declaration");
	check_many("interface I { void f(", "in long x,", most / 10, "", "error: ");
	check_many("struct A { long x", "[2]", most / 3, "; };", "16777216 elements");
}

TEST(a_file_larger_than_a_megabyte_is_refused)
{
	struct idl_result r = read_many("struct A { long x; };", "\n", (1 << 20) - 21, "");

	CHECK_CLEAN(r);
	idl_done(&r);
	check_many("struct A { long x; };", "\n", (1 << 20) - 20, "", "is larger than 1 MiB");
}

TEST(declarations_are_counted)
{
	char *text = malloc(70000 * 10), *at;
	struct idl_result r;
	int i;

	REQUIRE(text != NULL);
	for (i = 0, at = stpcpy(text, "enum E { "); i < 65000; i++)
		at += sprintf(at, "e%d,", i);
	stpcpy(at, " };");
	r = idl_text(text);
	CHECK_CLEAN(r);
	CHECK_INT(idl_find(&r, "E")->n_items, 65000);
	idl_done(&r);
	for (i = 65000; i < 65600; i++)
		at += sprintf(at, "e%d,", i);
	stpcpy(at, " };");
	r = idl_text(text);
	CHECK_INT(r.n_errors, 1);
	CHECK_HAS(r.report, "more than 65536 declarations");
	idl_done(&r);
	free(text);
}

TEST(all_files_of_a_run_together_are_bounded)
{
	struct idl_result r = read_many("", " ", (1 << 20) - 2, "\n");
	char from[200];

	CHECK_CLEAN(r);
	idl_done(&r);
	snprintf(from, sizeof(from), "%s", idl_path("main.idl"));
	REQUIRE(rename(from, idl_path("a.idl")) == 0);
	check_many("", "#include \"a.idl\"\n", 17, "", "more than 16 MiB of text");
}

TEST(an_interface_has_a_bounded_number_of_operations)
{
	char *text = malloc(1 << 18), *at;
	struct idl_result r;
	int i;

	REQUIRE(text != NULL);
	at = stpcpy(text, "interface A { void f(); };\ninterface I : A { ");
	for (i = 0; i < 4096; i++)
		at += sprintf(at, "void f%d(); ", i);
	stpcpy(at, "};");
	r = idl_text(text);
	CHECK_INT(r.n_errors, 1);
	CHECK_HAS(r.report, "main.idl:2:11: error: 'I' has more than 4096 operations");
	idl_done(&r);
	free(text);
}

TEST(memory_is_bounded_and_given_back)
{
	char *text = malloc(1 << 20), *at = text;
	struct idl_result r;
	int i;

	REQUIRE(text != NULL);
	for (i = 0; i < 60; i++)
		at += sprintf(at, "module m%0119d { ", i);
	for (i = 0; i < 32000; i++)
		at += sprintf(at, "enum E%d{v%d};", i, i);
	for (i = 0; i < 60; i++)
		at = stpcpy(at, "};");
	r = idl_text(text);
	CHECK_INT(r.n_errors, 1);
	CHECK_HAS(r.report, "error: out of memory: 256 MiB are used");
	idl_done(&r);
	free(text);
}

TEST(macros_that_double_each_other_end)
{
	char text[4000] = "#define M0 1 +\n", *at = text + strlen(text);
	struct idl_result r;
	int i;

	for (i = 1; i < 60; i++)
		at += sprintf(at, "#define M%d M%d M%d\n", i, i - 1, i - 1);
	sprintf(at, "const long A = M59 1;\n");
	r = idl_text(text);
	CHECK_HAS(r.report, "macros make more than 1048576 tokens");
	idl_done(&r);
}

TEST(includes_that_multiply_end)
{
	struct idl_result r;
	char name[20], text[200];
	int i, j;

	for (i = 0; i < 14; i++) {
		text[0] = '\0';
		for (j = 0; j < 8; j++)
			sprintf(text + strlen(text), "#include \"i%d.idl\"\n", i + 1);
		snprintf(name, sizeof(name), "i%d.idl", i);
		idl_write(name, i < 13 ? text : "\n", i < 13 ? strlen(text) : 1);
	}
	r = idl_text("#include \"i0.idl\"\n");
	CHECK_HAS(r.report, "more than 1024 #include in one run");
	idl_done(&r);
}

/* Chains of types and of interfaces, each on the one before. */
static struct idl_result read_chain(const char *first, const char *format, int n, const char *last)
{
	char *text = malloc((size_t)n * 120 + 1000), *at;
	struct idl_result result;
	int i;

	REQUIRE(text != NULL);
	at = stpcpy(text, first);
	for (i = 1; i < n; i++)
		at += sprintf(at, format, i, i - 1, i - 1);
	stpcpy(at, last);
	result = idl_text(text);
	free(text);
	return result;
}

TEST(long_chains_are_followed_or_refused)
{
	struct idl_result r = read_chain("typedef long T0;\n", "typedef T%2$d T%1$d;\n", 30000,
					 "const T29999 A = 1;");

	CHECK_INT(r.n_errors, 0);
	CHECK_INT(idl_find(&r, "A")->type->actual->kind, TYPE_INT32);
	idl_done(&r);
	r = read_chain("const long C0 = 1;\n", "const long C%d = C%d;\n", 20000, "");
	CHECK_INT(r.n_errors, 0);
	idl_done(&r);
	r = read_chain("interface I0 { void f(); };\n", "interface I%d : I%d { };\n", 2000, "");
	CHECK_HAS(r.report, "'I257' has more than 256 bases");
	idl_done(&r);
	r = read_chain("struct S0 { long x; };\n", "struct S%d { S%d a, b; };\n", 60, "");
	CHECK_HAS(r.report, "would take more than 2 GiB of memory");
	idl_done(&r);
	r = read_chain("struct S0 { long x; };\n", "struct S%d { sequence<S%d> a; };\n", 10000,
		       "interface I { void f(S9999 s); void g(S9999 s); };");
	CHECK_INT(r.n_errors, 0);
	CHECK(idl_find(&r, "I::f")->fingerprint != 0);
	idl_done(&r);
}

/* 60 operations by 20,000 labels, and by the square of them it would be half a minute. */
TEST(operations_over_many_labels_end)
{
	char *text = malloc(1 << 20), *at = text;
	clock_t before = clock();
	struct idl_result r;
	int i;

	REQUIRE(text != NULL);
	at = stpcpy(at, "union U switch (long) {\n");
	for (i = 20000; i > 0; i--)
		at += sprintf(at, "case %d:\n", i);
	at = stpcpy(at, "long x; };\ninterface I {\n");
	for (i = 0; i < 60; i++)
		at += sprintf(at, "void f%d(U u);\n", i);
	stpcpy(at, "};\n");
	r = idl_text(text);
	CHECK_CLEAN(r);
	CHECK(clock() - before < 10 * CLOCKS_PER_SEC);
	idl_done(&r);
	for (at = strstr(text, "void f1("), i = 1; i < 1000; i++)
		at += sprintf(at, "void f%d(U u);\n", i);
	stpcpy(at, "};\n");
	r = idl_text(text);
	CHECK_HAS(r.report, "too many operations reach too many types");
	idl_done(&r);
	free(text);
}

TEST(many_operations_over_many_types_end)
{
	char *text = malloc(1 << 20), *at = text;
	struct idl_result r;
	int i;

	REQUIRE(text != NULL);
	at = stpcpy(at, "struct S0 { long x; };\n");
	for (i = 1; i < 9000; i++)
		at += sprintf(at, "struct S%d { sequence<S%d> a; };\n", i, i - 1);
	for (i = 0; i < 9000; i++)
		at += sprintf(at, "interface I%d { void f(S8999 s); };\n", i);
	r = idl_text(text);
	CHECK_HAS(r.report, "too many operations reach too many types");
	idl_done(&r);
	free(text);
}

static const struct test_case tests[] = {
	T(include_looks_beside_the_file_then_in_the_folders_of_dash_i),
	T(a_missing_include_names_the_file_and_says_what_to_do),
	T(a_file_that_cannot_be_read_is_one_error_without_a_line),
	T(defines_and_conditions_choose_what_is_read),
	T(macros_keep_the_place_of_their_use),
	T(pragmas_of_omg_idl_are_taken),
	T(a_byte_order_mark_crlf_and_a_missing_last_newline_do_no_harm),
	T(a_megabyte_of_anything_is_answered),
	T(a_file_larger_than_a_megabyte_is_refused),
	T(declarations_are_counted),
	T(all_files_of_a_run_together_are_bounded),
	T(an_interface_has_a_bounded_number_of_operations),
	T(memory_is_bounded_and_given_back),
	T(macros_that_double_each_other_end),
	T(includes_that_multiply_end),
	T(long_chains_are_followed_or_refused),
	T(many_operations_over_many_types_end),
	T(operations_over_many_labels_end),
};

int main(void)
{
	static const char *const names[] = {
		"sub/a.idl", "sub/b.idl", "sub/c.idl", "sub",     "main.idl", "a.idl",   "i0.idl",
		"i1.idl",    "i2.idl",    "i3.idl",    "i4.idl",  "i5.idl",   "i6.idl",  "i7.idl",
		"i8.idl",    "i9.idl",    "i10.idl",   "i11.idl", "i12.idl",  "i13.idl",
	};
	int rc = test_main("idl_limits", tests, sizeof(tests) / sizeof(tests[0]));

	idl_cleanup(names, sizeof(names) / sizeof(names[0]));
	return rc;
}
