/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "c_type.h"
#include "depfile.h"
#include "layout.h"
#include "names.h"
#include "set.h"

static struct ast_type type_of(enum ast_type_kind kind)
{
	return (struct ast_type){ .kind = kind };
}

static struct ast_type *itself(struct ast_type *type)
{
	type->actual = type;
	return type;
}

/* The text of a constant; freed by the next call. */
static const char *constant(enum ast_type_kind kind, struct ast_value value)
{
	static struct buf text;
	struct ast_type type = type_of(kind);

	buf_free(&text);
	ctype_constant(&text, itself(&type), &value);
	if (value.kind == 0)
		buf_free(&text);
	return buf_text(&text);
}

#define INT(n)   ((struct ast_value){ .kind = VALUE_INT, .i = (n) })
#define REAL(n)  ((struct ast_value){ .kind = VALUE_FLOAT, .f = (n) })
#define CHAR(n)  ((struct ast_value){ .kind = VALUE_CHAR, .i = (n) })
#define NO_VALUE ((struct ast_value){ .kind = VALUE_NONE })

TEST(constants_keep_their_value_and_type)
{
	CHECK_STR(constant(TYPE_INT32, INT(42)), "42");
	CHECK_STR(constant(TYPE_INT16, INT(-5)), "-5");
	CHECK_STR(constant(TYPE_INT32, INT(INT32_MIN)), "INT32_MIN");
	CHECK_STR(constant(TYPE_UINT32, INT(4000000000)), "4000000000u");
	CHECK_STR(constant(TYPE_INT64, INT(-7)), "-INT64_C(7)");
	CHECK_STR(constant(TYPE_INT64, INT(INT64_MIN)), "INT64_MIN");
	CHECK_STR(constant(TYPE_UINT64, INT(1)), "UINT64_C(1)");
	CHECK_STR(
		constant(TYPE_UINT64, ((struct ast_value){ .kind = VALUE_UINT, .u = UINT64_MAX })),
		"UINT64_C(18446744073709551615)");
	CHECK_STR(constant(TYPE_BOOLEAN, INT(1)), "true");
	constant(TYPE_INT32, NO_VALUE);
}

TEST(reals_are_the_shortest_text_that_reads_back)
{
	CHECK_STR(constant(TYPE_DOUBLE, REAL(0.1)), "0.1");
	CHECK_STR(constant(TYPE_DOUBLE, REAL(2)), "2.0");
	CHECK_STR(constant(TYPE_DOUBLE, REAL(-2.5)), "-2.5");
	CHECK_STR(constant(TYPE_DOUBLE, REAL(1e300)), "1e+300");
	CHECK_STR(constant(TYPE_DOUBLE, REAL(1.0 / 3)), "0.3333333333333333");
	CHECK_STR(constant(TYPE_FLOAT, REAL(0.1f)), "0.1f");
	CHECK_STR(constant(TYPE_FLOAT, INT(3)), "3.0f");
	constant(TYPE_DOUBLE, NO_VALUE);
}

TEST(characters_are_escaped)
{
	CHECK_STR(constant(TYPE_CHAR, CHAR('a')), "'a'");
	CHECK_STR(constant(TYPE_CHAR, CHAR('\'')), "'\\''");
	CHECK_STR(constant(TYPE_CHAR, CHAR(0)), "'\\000'");
	CHECK_STR(constant(TYPE_CHAR, CHAR(0xe9)), "'\\351'");
	CHECK_STR(constant(TYPE_WCHAR, CHAR(0x20ac)), "8364u");
	constant(TYPE_CHAR, NO_VALUE);
}

TEST(strings_are_escaped)
{
	struct buf out = { 0 };

	layout_string(&out, "a\"\\\n\x01\xe2\x82\xac?\?=", 11);
	CHECK_STR(buf_text(&out), "\"a\\\"\\\\\\n\\001\\342\\202\\254?\\?=\"");
	buf_free(&out);
}

TEST(a_long_string_is_split_at_words)
{
	struct buf out = { 0 };

	layout_long_string(&out, "one two three", 13, 8, 18, "|");
	CHECK_STR(buf_text(&out), "\"one two \"|\"three\"");
	buf_free(&out);
	layout_long_string(&out, "abcdefghijklm", 13, 8, 18, "|");
	CHECK_STR(buf_text(&out), "\"abcdefgh\"|\"ijklm\"");
	buf_free(&out);
}

TEST(a_comment_cannot_be_ended_from_inside)
{
	struct buf out = { 0 };

	layout_doc(&out, 0, "a */ b /* c **/", NULL);
	CHECK_STR(buf_text(&out), "/** a * / b / * c ** / */\n");
	buf_free(&out);
}

TEST(a_long_comment_is_wrapped)
{
	char text[204];
	struct buf out = { 0 };

	memset(text, 'x', sizeof(text));
	text[60] = text[120] = ' ';
	text[200] = '\0';
	layout_doc(&out, 1, text, NULL);
	CHECK_HAS(buf_text(&out), "\t/**\n\t * xxx");
	CHECK_HAS(buf_text(&out), "x\n\t * x");
	CHECK_HAS(buf_text(&out), "x\n\t */\n");
	buf_free(&out);
}

TEST(deprecation_joins_the_comment)
{
	struct buf out = { 0 };

	layout_doc(&out, 0, NULL, "use add");
	CHECK_STR(buf_text(&out), "/** Deprecated: use add */\n");
	buf_free(&out);
	layout_doc(&out, 0, "Adds.", "");
	CHECK_STR(buf_text(&out), "/**\n * Adds.\n *\n * Deprecated.\n */\n");
	buf_free(&out);
	layout_doc(&out, 0, NULL, NULL);
	CHECK_INT(out.n, 0);
	buf_free(&out);
}

TEST(parameters_that_do_not_fit_go_on_one_tab_further_in)
{
	struct items items = { 0 };
	struct buf out = { 0 };

	for (int i = 0; i < 8; i++)
		items_add(&items, "int32_t parameter_%d", i);
	layout_function(&out, "int ", "f", &items, ";");
	CHECK_STR(buf_text(&out),
		  "int f(int32_t parameter_0, int32_t parameter_1, int32_t parameter_2, int32_t "
		  "parameter_3,\n\tint32_t parameter_4, int32_t parameter_5, int32_t "
		  "parameter_6, int32_t parameter_7);\n");
	buf_free(&out);
	items_clear(&items);
}

TEST(no_parameters_are_void)
{
	struct items items = { 0 };
	struct buf out = { 0 };

	layout_function(&out, "int ", "f", &items, ";");
	CHECK_STR(buf_text(&out), "int f(void);\n");
	buf_free(&out);
}

TEST(a_set_knows_what_it_was_given)
{
	struct set set = { 0 };
	char keys[500][8];

	CHECK(!set_has(&set, "k0"));
	for (int i = 0; i < 500; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		CHECK(set_add(&set, keys[i]));
	}
	for (int i = 0; i < 500; i++)
		CHECK(set_has(&set, keys[i]) && !set_add(&set, keys[i]));
	CHECK(!set_has(&set, "k500"));
	CHECK_INT(set.n, 500);
	set_free(&set);
}

TEST(static_names_stay_apart_from_public_ones)
{
	struct ast_decl module = { .kind = AST_MODULE, .c_name = "bank" };
	struct ast_decl *items[] = { &module };
	struct ast_decl root = { .kind = AST_MODULE, .items = items, .n_items = 1, .c_name = "" };
	struct ast_decl server = { .kind = AST_INTERFACE, .c_name = "bank_Server" };
	struct ast_decl bank = { .kind = AST_INTERFACE, .c_name = "bank_bank" };
	struct ast_decl pyr = { .kind = AST_INTERFACE, .c_name = "bank_pyr" };
	struct idl_unit unit = { .root = &root };
	struct names *names = names_new(&unit);

	REQUIRE(names != NULL);
	module.parent = &root;
	server.parent = bank.parent = pyr.parent = &module;
	CHECK_STR(names_local(names, &server, NULL, "add"), "Server_add");
	CHECK_STR(names_local(names, &server, NULL, "add"), "Server_add_");
	CHECK_STR(names_local(names, &bank, NULL, "add"), "local_bank_add");
	CHECK_STR(names_local(names, &pyr, NULL, "free"), "local_pyr_free");
	CHECK_STR(names_local(names, NULL, "int32_seq", "type"), "int32_seq_type");
	CHECK(!names_failed(names));
	names_free(names);
}

TEST(many_static_names_of_one_kind_stay_short_and_apart)
{
	struct ast_decl root = { .kind = AST_MODULE, .c_name = "" };
	struct idl_unit unit = { .root = &root };
	struct names *names = names_new(&unit);
	struct set seen = { 0 };
	const char *name;
	size_t i;

	REQUIRE(names != NULL);
	for (i = 0; i < 3000; i++) {
		name = names_local(names, NULL, "seq", "fields");
		REQUIRE(strlen(name) < 20);
		REQUIRE(set_add(&seen, name));
	}
	CHECK(set_has(&seen, "seq_fields") && set_has(&seen, "seq_fields___"));
	CHECK(set_has(&seen, "seq_fields___4") && set_has(&seen, "seq_fields___2999"));
	CHECK(!names_failed(names));
	set_free(&seen);
	names_free(names);
}

TEST(a_file_may_have_a_local_of_its_own)
{
	struct ast_decl local = { .kind = AST_MODULE, .c_name = "local" };
	struct ast_decl locals = { .kind = AST_MODULE, .c_name = "locals" };
	struct ast_decl *items[] = { &local, &locals };
	struct ast_decl root = { .kind = AST_MODULE, .items = items, .n_items = 2, .c_name = "" };
	struct ast_decl pyr = { .kind = AST_INTERFACE, .c_name = "local_pyr", .parent = &local };
	struct idl_unit unit = { .root = &root };
	struct names *names = names_new(&unit);

	REQUIRE(names != NULL);
	local.parent = locals.parent = &root;
	CHECK_STR(names_local(names, &pyr, NULL, "free"), "localss_pyr_free");
	CHECK(!names_failed(names));
	names_free(names);
}

TEST(paths_in_a_depfile_are_escaped)
{
	struct ast_file file = { .path = "a b\\ c#$d:e.idl", .is_main = true };
	struct ast_file *files[] = { &file };
	struct idl_unit unit = { .main = &file, .files = files, .n_files = 1 };
	struct items targets = { 0 };
	struct buf out = { 0 };

	items_add(&targets, "out dir/x.h");
	items_add(&targets, "x.c");
	depfile_rule(&out, &targets, &unit);
	CHECK_STR(buf_text(&out), "out\\ dir/x.h x.c: \\\n  a\\ b\\\\\\ c\\#$$d\\:e.idl\n");
	buf_free(&out);
	items_clear(&targets);
}

TEST(a_path_in_a_depfile_is_no_command_of_make)
{
	struct ast_file file = { .path = "main.idl", .is_main = true };
	struct ast_file sets = { .path = "SHELL=./x.idl" }, runs = { .path = "x;rm y;.idl" };
	struct ast_file other = { .path = "y.idl" };
	struct ast_file *files[] = { &file, &sets, &runs, &other };
	struct idl_unit unit = { .main = &file, .files = files, .n_files = 4 };
	struct items targets = { 0 };
	struct buf out = { 0 };

	items_add(&targets, "x.c");
	depfile_rule(&out, &targets, &unit);
	CHECK_STR(buf_text(&out),
		  "x.c: \\\n  main.idl \\\n  SHELL=./x.idl \\\n  y.idl\n\ny.idl:\n");
	buf_free(&out);
	items_clear(&targets);
}

TESTS(codegen, T(constants_keep_their_value_and_type),
      T(reals_are_the_shortest_text_that_reads_back), T(characters_are_escaped),
      T(strings_are_escaped), T(a_long_string_is_split_at_words),
      T(a_comment_cannot_be_ended_from_inside), T(a_long_comment_is_wrapped),
      T(deprecation_joins_the_comment), T(parameters_that_do_not_fit_go_on_one_tab_further_in),
      T(no_parameters_are_void), T(a_set_knows_what_it_was_given),
      T(static_names_stay_apart_from_public_ones),
      T(many_static_names_of_one_kind_stay_short_and_apart), T(a_file_may_have_a_local_of_its_own),
      T(paths_in_a_depfile_are_escaped), T(a_path_in_a_depfile_is_no_command_of_make))
