/* SPDX-License-Identifier: MIT */
/* What the front end makes of accepted files: names, types, values, ids, C and wire names. */
#include "idl_text.h"

TEST(the_first_example_has_everything_that_emitters_read)
{
	struct idl_result r =
		idl_text("module example {\n    /** Adds numbers. */\n"
			 "    interface Server { int32 add(int32 x, int32 y); };\n};\n");
	const struct ast_decl *server, *add;

	CHECK_CLEAN(r);
	server = idl_find(&r, "example::Server");
	CHECK_STR(server->wire_name, "example.Server");
	CHECK_STR(server->c_name, "example_Server");
	CHECK_STR(server->doc, "Adds numbers.");
	CHECK_INT(server->n_operations, 1);
	add = server->operations[0];
	CHECK_STR(add->signature, "(int32, int32) -> int32");
	CHECK(add->owner == server && add->fingerprint != 0 && server->fingerprint != 0);
	CHECK_INT(add->items[0]->id, 1);
	CHECK_INT(add->items[1]->id, 2);
	CHECK_INT(add->items[1]->direction, DIR_IN);
	CHECK_INT(add->type->actual->kind, TYPE_INT32);
	CHECK_STR(r.unit->main->stem, "main");
	CHECK_INT(r.unit->n_files, 1);
	CHECK_INT(r.unit->n_collections, 0);
	idl_done(&r);
}

TEST(constants_are_computed_exactly)
{
	struct idl_result r = idl_text(
		"const long A = 2 + 3 * 4 - -1;\nconst unsigned long B = ~0;\nconst long C = ~5;\n"
		"const unsigned long long D = 0xFFFFFFFFFFFFFFFF;\nconst double E = 1 / 2.0;\n"
		"const short F = (1 << 10) | 7 & 3 ^ 8;\nconst string G = \"a\" \"\\x42\\u20ac\";\n"
		"const char H = '\\351';\nconst long I = 017 % 4;\nenum Color { red, green };\n"
		"const Color J = green;\nconst long K = A + I;\nconst octet L = ~0xF0;\n");

	CHECK_CLEAN(r);
	CHECK_INT(idl_find(&r, "A")->value.i, 15);
	CHECK_INT(idl_find(&r, "B")->value.i, 4294967295);
	CHECK_INT(idl_find(&r, "C")->value.i, -6);
	CHECK_INT(idl_find(&r, "D")->value.kind, VALUE_UINT);
	CHECK(idl_find(&r, "D")->value.u == UINT64_MAX);
	CHECK(idl_find(&r, "E")->value.f == 0.5);
	CHECK_INT(idl_find(&r, "F")->value.i, (1 << 10) | ((7 & 3) ^ 8));
	CHECK_STR(idl_find(&r, "G")->value.s, "aB\xe2\x82\xac");
	CHECK_INT(idl_find(&r, "H")->value.i, 0351);
	CHECK_INT(idl_find(&r, "I")->value.i, 3);
	CHECK_STR(idl_find(&r, "J")->value.enumerator->name, "green");
	CHECK_INT(idl_find(&r, "K")->value.i, 18);
	CHECK_INT(idl_find(&r, "L")->value.i, 15);
	idl_done(&r);
}

TEST(types_resolve_through_typedefs_to_the_one_that_has_a_struct)
{
	struct idl_result r = idl_text(
		"module m {\n typedef long Number;\n typedef Number Same;\n typedef sequence<Same> "
		"Many;\n"
		" typedef Many Alias;\n typedef octet Hash[4][2];\n"
		" struct S { Same a; Alias b; sequence<sequence<Same, 3>> c; map<string, S> d;\n"
		"  sequence<octet, 9> e; Hash f; bytes g; wstring h; long i[5]; };\n};\n");
	struct ast_decl *s;

	CHECK_CLEAN(r);
	s = idl_find(&r, "m::S");
	CHECK_INT(s->items[0]->type->actual->kind, TYPE_INT32);
	CHECK_INT(s->items[1]->type->actual->kind, TYPE_SEQUENCE);
	CHECK_STR(s->items[1]->type->actual->c_name, "m_Many");
	CHECK_STR(s->items[1]->type->actual->wire_name, "m.Many");
	CHECK_STR(s->items[1]->type->actual->decl->name, "Many");
	CHECK_STR(s->items[2]->type->actual->c_name, "pyr_int32_seq_3_seq");
	CHECK_INT(s->items[2]->type->elem->actual->bound, 3);
	CHECK_STR(s->items[3]->type->c_name, "pyr_string_m_S_map");
	CHECK(s->items[3]->type->elem->actual->decl == s);
	CHECK_INT(s->items[4]->type->actual->kind, TYPE_BYTES);
	CHECK_INT(s->items[4]->type->actual->bound, 9);
	CHECK_INT(s->items[5]->type->actual->n_dims, 2);
	CHECK_INT(s->items[5]->type->actual->dims[0], 4);
	CHECK_INT(s->items[6]->type->actual->kind, TYPE_BYTES);
	CHECK_INT(s->items[7]->type->actual->kind, TYPE_STRING);
	CHECK_INT(s->items[8]->type->actual->kind, TYPE_ARRAY);
	/* Many, Hash, int32_seq_3, int32_seq_3_seq, the map; an array at a member needs none */
	REQUIRE(r.unit->n_collections == 5);
	CHECK_STR(r.unit->collections[2]->c_name, "pyr_int32_seq_3");
	CHECK_STR(r.unit->collections[3]->c_name, "pyr_int32_seq_3_seq");
	CHECK_STR(r.unit->collections[3]->wire_name, "m.int32_seq_3_seq");
	idl_done(&r);
}

TEST(reopened_modules_are_one_and_see_each_other)
{
	struct idl_result r =
		idl_text("module a { struct S { long x; }; };\nmodule b { typedef a::S T; };\n"
			 "module a { module c { struct U { S s; ::b::T t; }; }; };\n");
	struct ast_decl *a;

	CHECK_CLEAN(r);
	CHECK_INT(r.unit->root->n_items, 2);
	a = idl_find(&r, "a");
	CHECK_INT(a->n_items, 2);
	CHECK_STR(idl_find(&r, "a::c::U")->wire_name, "a.c.U");
	CHECK(idl_find(&r, "a::c::U")->items[1]->type->actual->decl == idl_find(&r, "a::S"));
	idl_done(&r);
}

TEST(a_forward_declaration_becomes_its_definition)
{
	struct idl_result r = idl_text(
		"interface B;\nstruct N;\ninterface A { B other(in N n); };\n"
		"struct N { sequence<N> kids; };\ninterface B { void f(); };\ninterface B;\n");

	CHECK_CLEAN(r);
	CHECK_INT(r.unit->root->n_items, 3);
	CHECK(idl_find(&r, "A::other")->type->decl == idl_find(&r, "B"));
	CHECK(!idl_find(&r, "B")->is_forward);
	CHECK_INT(idl_find(&r, "B")->n_operations, 1);
	idl_done(&r);
}

TEST(diamonds_collapse_and_bases_come_farthest_first)
{
	struct idl_result r =
		idl_text("interface A { void a(); struct T { long x; }; };\n"
			 "interface B : A { void b(); };\ninterface C : A { void c(); };\n"
			 "interface D : B, C { void d(in T t); attribute long n; };\n");
	struct ast_decl *d;
	static const char *const order[] = { "a", "b", "c", "d", "get_n", "set_n" };
	size_t i;

	CHECK_CLEAN(r);
	d = idl_find(&r, "D");
	REQUIRE(d->n_all_bases == 3 && d->n_operations == 6);
	CHECK_STR(d->all_bases[0]->name, "A");
	CHECK_STR(d->all_bases[2]->name, "C");
	CHECK_STR(d->as_names[1], "D_as_B");
	for (i = 0; i < 6; i++)
		CHECK_STR(d->operations[i]->name, order[i]);
	CHECK_STR(d->operations[0]->owner->name, "A");
	CHECK(d->operations[4]->is_getter && d->operations[5]->is_setter);
	CHECK_STR(d->operations[5]->items[0]->name, "value");
	CHECK_STR(d->operations[4]->attribute->name, "n");
	idl_done(&r);
}

TEST(ids_follow_the_wire_rules)
{
	struct idl_result r =
		idl_text("interface I { long f(in long a, out long b, inout long c, @id(9) in long "
			 "d, in long e);"
			 " void g(out long a); };\nstruct S { long a; @id(5) long b; long c; };\n"
			 "union U switch (long) { case 1: long a; default: long b; };\n"
			 "struct P { @id(18999) long a; long b; };\n");
	struct ast_decl *f;

	CHECK_CLEAN(r);
	f = idl_find(&r, "I::f");
	CHECK_INT(f->items[0]->id, 1);
	CHECK_INT(f->items[1]->out_id, 2);
	CHECK_INT(f->items[2]->id, 2);
	CHECK_INT(f->items[2]->out_id, 3);
	CHECK_INT(f->items[3]->id, 9);
	CHECK_INT(f->items[4]->id, 10);
	CHECK_INT(idl_find(&r, "I::g::a")->out_id, 2);
	CHECK_INT(idl_find(&r, "S::c")->id, 6);
	CHECK_INT(idl_find(&r, "U::a")->id, 2);
	CHECK_INT(idl_find(&r, "U::b")->id, 3);
	CHECK(idl_find(&r, "U::b")->is_default);
	CHECK_INT(idl_find(&r, "P::b")->id, 20000);
	idl_done(&r);
}

TEST(annotations_are_read)
{
	struct idl_result t = idl_text(
		"enum C2 { red, blue };\n@oneof union U switch (C2) { case red: long x; };\n"
		"@deprecated(\"old\") interface I { @idempotent @inline @timeout(250) @optional "
		"long f(); @cname(\"go\") void start(); @idempotent(FALSE) void k(); };\n"
		"@status(NOT_FOUND) exception E { };\n"
		"struct S { @optional string a; @default(7) long b; @default(blue) C2 c; };\n");
	CHECK_CLEAN(t);
	CHECK(idl_find(&t, "U")->oneof);
	CHECK_STR(idl_find(&t, "I")->deprecated_text, "old");
	CHECK(idl_find(&t, "I::f")->idempotent && idl_find(&t, "I::f")->inline_);
	CHECK(idl_find(&t, "I::f")->optional && !idl_find(&t, "I::k")->idempotent);
	CHECK_INT(idl_find(&t, "I::f")->timeout_ms, 250);
	CHECK_STR(idl_find(&t, "I::start")->c_name, "go");
	CHECK_STR(idl_find(&t, "I::start")->wire_name, "start");
	CHECK_INT(idl_find(&t, "E")->status, 5);
	CHECK(idl_find(&t, "S::a")->optional);
	CHECK_INT(idl_find(&t, "S::b")->def.i, 7);
	CHECK_STR(idl_find(&t, "S::c")->def.enumerator->name, "blue");
	idl_done(&t);
}

TEST(doc_comments_reach_what_follows_them)
{
	struct idl_result r = idl_text(
		"/** Not of S: a directive follows. */\n#define X\n/**** banner ****/\nstruct S {\n"
		"  /// One.\n  /// Two.\n  long a;\n  /**\n   * Three.\n   *\n   * Four.\n   */\n"
		"  long b;\n  // none\n  long c; };\nenum E { /** First. */ e1, e2 };\n");

	CHECK_CLEAN(r);
	CHECK(idl_find(&r, "S")->doc == NULL);
	CHECK_STR(idl_find(&r, "S::a")->doc, "One.\nTwo.");
	CHECK_STR(idl_find(&r, "S::b")->doc, "Three.\n\nFour.");
	CHECK(idl_find(&r, "S::c")->doc == NULL);
	CHECK_STR(idl_find(&r, "E::e1")->doc, "First.");
	idl_done(&r);
	idl_write("other.idl", "struct O { long a; };", 21);
	r = idl_text("#include \"other.idl\"\n/** After an include. */\nstruct S { long a; };");
	CHECK_CLEAN(r);
	CHECK_STR(idl_find(&r, "S")->doc, "After an include.");
	idl_done(&r);
}

TEST(c_names_that_meet_something_get_an_underscore)
{
	struct idl_result r = idl_text(
		"module A { struct B_C { long register_, class; }; exception Bad { }; };\n"
		"module A_B { struct C { long linux, errno; }; exception Bad { }; };\n"
		"interface I { void free(in long call, in long ret, in long retries, out long x);\n"
		" void delete(); void go() raises (A::Bad, A_B::Bad); void go_start(); };\n"
		"enum E { stdin };\nconst unsigned long LIMIT = 1;\nstruct S { long LIMIT; };\n");

	CHECK_INT(r.n_errors, 0);
	CHECK_STR(idl_find(&r, "A::B_C")->c_name, "A_B_C");
	CHECK_STR(idl_find(&r, "A::B_C::class")->c_name, "class_");
	CHECK_STR(idl_find(&r, "A_B::C")->c_name, "A_B_C_");
	CHECK_STR(idl_find(&r, "A_B::C")->wire_name, "A_B.C");
	CHECK_STR(idl_find(&r, "A_B::C::linux")->c_name, "linux_");
	CHECK_STR(idl_find(&r, "A_B::C::errno")->c_name, "errno_");
	CHECK_STR(idl_find(&r, "I::free")->c_name, "free_");
	CHECK_STR(idl_find(&r, "I::free::call")->c_name, "call_");
	CHECK_STR(idl_find(&r, "I::free::ret")->c_name, "ret_");
	CHECK_STR(idl_find(&r, "I::free::retries")->c_name, "retries_");
	CHECK_STR(idl_find(&r, "I::free::x")->c_name, "x");
	CHECK_STR(idl_find(&r, "I::delete")->c_name, "delete_");
	CHECK_STR(idl_find(&r, "I::go_start")->c_name, "go_start_");
	CHECK_INT(idl_find(&r, "I")->n_raised, 2);
	CHECK_STR(idl_find(&r, "I")->raise_names[0], "I_raise_Bad");
	CHECK_STR(idl_find(&r, "I")->raise_names[1], "I_raise_A_B_Bad");
	CHECK_STR(idl_find(&r, "E::stdin")->c_name, "stdin_");
	CHECK_STR(idl_find(&r, "S::LIMIT")->c_name, "LIMIT_");
	CHECK_HAS(r.report, "warning: 'class' is reserved in C: in C it becomes 'class_'");
	idl_done(&r);
}

static uint64_t fingerprint_of(const char *text, const char *path)
{
	struct idl_result r = idl_text(text);
	uint64_t fingerprint;

	CHECK_INT(r.n_errors, 0);
	fingerprint = idl_find(&r, path)->fingerprint;
	CHECK(fingerprint != 0);
	idl_done(&r);
	return fingerprint;
}

TEST(fingerprints_change_with_names_ids_types_and_places_and_with_nothing_else)
{
	const char *base = "struct S { long x; }; interface I { void f(in S s); void g(); };";
	uint64_t f = fingerprint_of(base, "I::f"), i = fingerprint_of(base, "I");

	CHECK(f ==
	      fingerprint_of("// c\ntypedef long N; const long K = 1;\nstruct S { /** d */ N x; };"
			     " interface I { void g(); void f(S s); };",
			     "I::f"));
	/* two ends with one fingerprint call operations by their places */
	CHECK(i !=
	      fingerprint_of("struct S { long x; }; interface I { void g(); void f(S s); };", "I"));
	CHECK(f !=
	      fingerprint_of("struct S { short x; }; interface I { void f(in S s); };", "I::f"));
	CHECK(f != fingerprint_of("struct S { @id(2) long x; }; interface I { void f(in S s); };",
				  "I::f"));
	CHECK(f !=
	      fingerprint_of("struct S { long y; }; interface I { void f(in S s); };", "I::f"));
	CHECK(f !=
	      fingerprint_of("struct S { long x; }; interface I { void f(out S s); };", "I::f"));
	CHECK(f !=
	      fingerprint_of("struct S { long x; }; interface I { long f(in S s); };", "I::f"));
	CHECK(f !=
	      fingerprint_of("struct S { @optional long x; }; interface I { void f(in S s); };",
			     "I::f"));
	CHECK(i != fingerprint_of("struct S { long x; }; interface I { void f(in S s); };", "I"));
}

TEST(fingerprints_do_not_tell_what_the_wire_cannot)
{
	CHECK(fingerprint_of("interface I { void f(in long a, out long b); };", "I::f") ==
	      fingerprint_of("interface I { void f(out long b, in long a); };", "I::f"));
	CHECK(fingerprint_of("interface I { void f(in long a, inout long c, in long b); };",
			     "I::f") !=
	      fingerprint_of("interface I { void f(in long a, in long b, inout long c); };",
			     "I::f"));
	CHECK(fingerprint_of("struct S { octet x[2][3]; }; interface I { void f(S s); };",
			     "I::f") ==
	      fingerprint_of("struct S { uint8 x[6]; }; interface I { void f(S s); };", "I::f"));
	CHECK(fingerprint_of("union U switch (long) { case 2: case 1: long x; };"
			     " interface I { void f(U u); };",
			     "I::f") ==
	      fingerprint_of("union U switch (long) { case 1: case 2: long x; };"
			     " interface I { void f(U u); };",
			     "I::f"));
}

TEST(fingerprints_reach_through_recursive_types)
{
	const char *format =
		"struct N; struct M { sequence<N> n; %s z; };\n"
		"struct N { M m; sequence<N> kids; }; interface I { void f(in N n); };";
	char one[300], two[300];

	snprintf(one, sizeof(one), format, "long");
	snprintf(two, sizeof(two), format, "string");
	CHECK(fingerprint_of(one, "I::f") == fingerprint_of(one, "I::f"));
	CHECK(fingerprint_of(one, "I::f") != fingerprint_of(two, "I::f"));
}

TEST(signatures_are_readable)
{
	struct idl_result r = idl_text(
		"module m { struct P { long x; }; typedef sequence<P> Ps; interface I {\n"
		" sequence<Ps, 4> f(in P a, out string<5> b, inout map<long, octet> c);\n"
		" oneway void g(any a, Object o, I i); stream<P> h(bytes b, double d); }; };\n");

	CHECK_CLEAN(r);
	CHECK_STR(idl_find(&r, "m::I::f")->signature,
		  "(m.P, out string<5>, inout map<int32, octet>) -> sequence<sequence<m.P>, 4>");
	CHECK_STR(idl_find(&r, "m::I::g")->signature, "(any, Object, m.I) -> void");
	CHECK_STR(idl_find(&r, "m::I::h")->signature, "(bytes, double) -> stream<m.P>");
	idl_done(&r);
}

TEST(words_of_later_versions_are_names_where_nothing_else_can_be_meant)
{
	struct idl_result r = idl_text(
		"typedef short int16; typedef unsigned long map; typedef long native, bytes;\n"
		"struct S { map stream; int16 fixed; bytes component; long context; };\n"
		"interface I { void context(in long local); long getraises(in S home);\n"
		" attribute long setraises; void _module(); };\n");

	CHECK_INT(r.n_errors, 0);
	CHECK_INT(idl_find(&r, "S::stream")->type->actual->kind, TYPE_UINT32);
	CHECK_INT(idl_find(&r, "S::component")->type->actual->kind, TYPE_INT32);
	CHECK_STR(idl_find(&r, "I::module")->wire_name, "module");
	idl_done(&r);
}

TEST(a_type_may_be_defined_where_it_is_used)
{
	struct idl_result r = idl_text(
		"module m { struct A { struct B { long x; } b, c[2]; enum D { one } d; };\n"
		" typedef struct E { long y; } F; union U switch (enum G { g1 }) { case g1: F f; "
		"}; };\n");

	CHECK_INT(r.n_errors, 0);
	CHECK_STR(idl_find(&r, "m::B")->wire_name, "m.A_B");
	CHECK_STR(idl_find(&r, "m::B")->c_name, "m_A_B");
	CHECK_STR(idl_find(&r, "m::B")->parent->name, "A");
	CHECK_STR(idl_find(&r, "m")->items[0]->name, "B"); /* before what holds it */
	CHECK_INT(idl_find(&r, "m::A")->n_items, 3);
	CHECK(idl_find(&r, "m::F")->type->actual->decl == idl_find(&r, "m::E"));
	CHECK_INT(idl_find(&r, "m::U::f")->labels[0].enumerator->value.i, 0);
	idl_done(&r);
}

TEST(inherited_names_are_found_and_nearer_ones_hide_farther_ones)
{
	struct idl_result r = idl_text(
		"interface A { struct T { long a; }; struct U { long x; }; const long N = 1; };\n"
		"interface B : A { struct T { long b; }; T mine(in U u); };\n"
		"interface C : B, A { T nearest(in A::T t); const long M = N + 1; };\n"
		"module m { interface A { void f(in ::A::U u); }; };\n");

	CHECK_CLEAN(r);
	CHECK(idl_find(&r, "B::mine")->type->decl == idl_find(&r, "B::T"));
	CHECK(idl_find(&r, "B::mine::u")->type->decl == idl_find(&r, "A::U"));
	CHECK(idl_find(&r, "C::nearest")->type->decl == idl_find(&r, "B::T"));
	CHECK(idl_find(&r, "C::nearest::t")->type->decl == idl_find(&r, "A::T"));
	CHECK_INT(idl_find(&r, "C::M")->value.i, 2);
	CHECK(idl_find(&r, "m::A::f::u")->type->decl == idl_find(&r, "A::U"));
	idl_done(&r);
}

static const struct test_case tests[] = {
	T(the_first_example_has_everything_that_emitters_read),
	T(constants_are_computed_exactly),
	T(types_resolve_through_typedefs_to_the_one_that_has_a_struct),
	T(reopened_modules_are_one_and_see_each_other),
	T(a_forward_declaration_becomes_its_definition),
	T(inherited_names_are_found_and_nearer_ones_hide_farther_ones),
	T(diamonds_collapse_and_bases_come_farthest_first),
	T(ids_follow_the_wire_rules),
	T(annotations_are_read),
	T(doc_comments_reach_what_follows_them),
	T(c_names_that_meet_something_get_an_underscore),
	T(fingerprints_change_with_names_ids_types_and_places_and_with_nothing_else),
	T(fingerprints_do_not_tell_what_the_wire_cannot),
	T(fingerprints_reach_through_recursive_types),
	T(signatures_are_readable),
	T(words_of_later_versions_are_names_where_nothing_else_can_be_meant),
	T(a_type_may_be_defined_where_it_is_used),
};

int main(void)
{
	static const char *const names[] = { "main.idl" };
	int rc = test_main("idl", tests, sizeof(tests) / sizeof(tests[0]));

	idl_cleanup(names, 1);
	return rc;
}
