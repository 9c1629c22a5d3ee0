/* SPDX-License-Identifier: MIT */
/* What of an included file is passed over because it is not supported, and what stays. */
#include "idl_text.h"

static struct idl_result with_include(const char *included, const char *main)
{
	idl_write("included.idl", included, strlen(included));
	return idl_text(main);
}

TEST(an_included_interface_loses_only_what_is_not_supported)
{
	struct idl_result r = with_include(
		"interface Base { void a(in TypeCode t); long b(); attribute TypeCode c;"
		" long d() raises (CORBA::Bounds); attribute long e; };\n"
		"interface Derived : Base { long f(); void g() context(\"x\"); };\n",
		"#include \"included.idl\"\ninterface Mine : Derived { long h(); };\n");
	const struct ast_decl *mine;

	CHECK_INT(r.n_errors, 0);
	CHECK_HAS(r.report,
		  "'Mine' inherits 'Base' without 'a' and 2 more: TypeCode is not supported");
	CHECK_HAS(r.report, "'Mine' inherits 'Derived' without 'g': context() is not supported");
	mine = idl_find(&r, "Mine");
	CHECK_INT(mine->n_operations, 5);
	CHECK_STR(mine->operations[0]->name, "b");
	CHECK_STR(mine->operations[1]->name, "get_e");
	CHECK_STR(mine->operations[3]->name, "f");
	CHECK_STR(mine->operations[4]->name, "h");
	CHECK_INT(idl_find(&r, "Derived")->n_operations, 4);
	CHECK_INT(idl_find(&r, "Base")->n_items, 4);
	idl_done(&r);
}

TEST(an_interface_may_be_named_before_it_turns_out_unsupported_in_part)
{
	struct idl_result r = with_include(
		"interface Node; interface Walk { Node first(); };\n"
		"interface Node { readonly attribute TypeCode type; long n(); };\n",
		"#include \"included.idl\"\ninterface Mine : Walk { Node second(); };\n");

	CHECK_CLEAN(r);
	CHECK_INT(idl_find(&r, "Mine")->n_operations, 2);
	CHECK_INT(idl_find(&r, "Node")->n_operations, 1);
	idl_done(&r);
}

TEST(what_reaches_a_type_that_turns_out_unsupported_later_is_so_too)
{
	struct idl_result r = with_include(
		"struct Edge; typedef sequence<Edge> Edges; struct Cut { Edges edges; };\n"
		"typedef map<string, Cut> Cuts; exception Wrong { Cuts cuts; };\n"
		"interface Graph { Edges edges(); void f() raises (Wrong); long n(); };\n"
		"struct Edge { long double length; };\n",
		"#include \"included.idl\"\ninterface Mine : Graph { };\n");

	CHECK_INT(r.n_errors, 0);
	CHECK_HAS(r.report, "without 'edges' and 1 more: long double is not supported");
	CHECK_INT(idl_find(&r, "Mine")->n_operations, 1);
	CHECK_INT(idl_find(&r, "Cut")->kind, AST_POISONED);
	CHECK_INT(idl_find(&r, "Cuts")->kind, AST_POISONED);
	CHECK_INT(idl_find(&r, "Wrong")->kind, AST_POISONED);
	idl_done(&r);
}

TEST(a_struct_that_is_split_over_files_belongs_to_the_one_that_opens_it)
{
	struct idl_result r =
		with_include("TypeCode t;\n", "struct S {\n#include \"included.idl\"\n};\n");

	CHECK_INT(r.n_errors, 1);
	CHECK_HAS(r.report, "TypeCode is not supported");
	idl_done(&r);
}

TEST(plain_names_of_module_corba_are_types)
{
	struct idl_result r = idl_text("struct S { CORBA::Identifier a; ::CORBA::PolicyType b;"
				       " CORBA::Object c; CORBA::OctetSeq d; };\n");

	CHECK_CLEAN(r);
	CHECK_INT(idl_find(&r, "S::a")->type->actual->kind, TYPE_STRING);
	CHECK_INT(idl_find(&r, "S::b")->type->actual->kind, TYPE_UINT32);
	CHECK_INT(idl_find(&r, "S::c")->type->actual->kind, TYPE_OBJECT);
	CHECK_INT(idl_find(&r, "S::d")->type->actual->kind, TYPE_BYTES);
	idl_done(&r);
}

int main(void)
{
	static const char *const files[] = { "main.idl", "included.idl" };
	static const struct test_case tests[] = {
		T(an_included_interface_loses_only_what_is_not_supported),
		T(an_interface_may_be_named_before_it_turns_out_unsupported_in_part),
		T(what_reaches_a_type_that_turns_out_unsupported_later_is_so_too),
		T(a_struct_that_is_split_over_files_belongs_to_the_one_that_opens_it),
		T(plain_names_of_module_corba_are_types),
	};
	int rc = test_main("idl_unsupported", tests, sizeof(tests) / sizeof(tests[0]));

	idl_cleanup(files, 2);
	return rc;
}
