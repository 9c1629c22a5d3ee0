/* SPDX-License-Identifier: MIT */
#include "idl_make.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const make_names[MAKE_FILES] = { "main.idl", "one.idl", "two.idl" };

enum { MOST_KNOWN = 64, MOST_NAME = 96 };

struct known { /* names declared so far that something can refer to */
	char names[MOST_KNOWN][MOST_NAME];
	size_t n;
};

struct writer {
	struct make *make;
	FILE *out;
	char scope[MOST_NAME]; /* "::m::I" */
	struct known types, interfaces, exceptions, constants, enumerators;
	int depth;
	unsigned serial;  /* makes most names new */
	bool is_trusting; /* nothing wrong is written on purpose */
};

static unsigned pick(struct writer *writer, unsigned n)
{
	struct make *make = writer->make;

	if (make->n_data > 0) {
		make->n_data--;
		return *make->data++ % n;
	}
	make->state = make->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(make->state >> 33) % n;
}

/* One time in n; never where nothing is to be wrong. */
static bool goes_wrong(struct writer *writer, unsigned n)
{
	return pick(writer, n) == 0 && !writer->is_trusting;
}

static void put(struct writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void put(struct writer *writer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(writer->out, format, args);
	va_end(args);
}

#define ONE_OF(writer, words) (words)[pick(writer, sizeof(words) / sizeof((words)[0]))]

static void know(struct writer *writer, struct known *known, const char *name)
{
	size_t at = known->n < MOST_KNOWN ? known->n++ : pick(writer, MOST_KNOWN);

	if (strlen(writer->scope) + strlen(name) + 3 < MOST_NAME)
		snprintf(known->names[at], MOST_NAME, "%.60s::%.30s", writer->scope, name);
	else if (at + 1 == known->n)
		known->n--;
}

static const char *any_of(struct writer *writer, const struct known *known, const char *other)
{
	return known->n > 0 ? known->names[pick(writer, (unsigned)known->n)] : other;
}

/* A name for something new: seldom one that C, the generator or a sibling has already. */
static const char *new_name(struct writer *writer, const char *prefix)
{
	static const char *const awkward[] = {
		"n",     "items", "type",  "call",  "self", "ret",   "int32_t", "free",  "stream",
		"int",   "value", "key",   "_d",    "_u",   "has_a", "entry",   "proxy", "errno",
		"a_b_c", "add",   "Entry", "false", "map",  "data",  "future",  "NULL",  "register",
	};
	static char name[40];

	if (pick(writer, 8) == 0)
		snprintf(name, sizeof(name), "%s", ONE_OF(writer, awkward));
	else if (pick(writer, 16) == 0)
		snprintf(name, sizeof(name), "%s%u", prefix, pick(writer, 4));
	else
		snprintf(name, sizeof(name), "%s%u", prefix, writer->serial++);
	return name;
}

static void wrong_type(struct writer *writer)
{
	static const char *const words[] = {
		"TypeCode",    "CORBA::InterfaceDef", "CORBA::Policy", "Nowhere",
		"fixed<5, 2>", "long double",         "ValueBase",     "V",
		"Later",       "CORBA::Limit",        "::m1::nothing", "Ahead",
		"Nodes",
	};

	put(writer, "%s", ONE_OF(writer, words));
}

static void constant(struct writer *writer, int depth)
{
	static const char *const operators[] = {
		"+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^"
	};

	if (depth > 0 && pick(writer, 3) == 0) {
		put(writer, "(");
		constant(writer, depth - 1);
		put(writer, " %s ", ONE_OF(writer, operators));
		constant(writer, depth - 1);
		put(writer, ")");
	} else if (pick(writer, 6) == 0 && writer->constants.n > 0) {
		put(writer, "%s", any_of(writer, &writer->constants, "1"));
	} else {
		put(writer, "%u",
		    pick(writer, 6) == 0 ? pick(writer, 1u << 30) : 1 + pick(writer, 9));
	}
}

static void bound(struct writer *writer, const char *before)
{
	if (pick(writer, 4) == 0)
		put(writer, "%s%u", before, 1 + pick(writer, 20));
}

static void type(struct writer *writer, int depth)
{
	static const char *const plain[] = {
		"boolean",   "char",    "wchar",          "octet",  "int8",          "uint8",
		"int16",     "uint16",  "int32",          "uint32", "int64",         "uint64",
		"float",     "double",  "string",         "string", "any",           "Object",
		"long long", "wstring", "unsigned short", "bytes",  "CORBA::Object",
	};
	static const char *const keys[] = { "string", "int32", "boolean",
					    "uint64", "octet", "string<9>" };
	unsigned which = pick(writer, 12);

	if (goes_wrong(writer, 40)) {
		wrong_type(writer);
	} else if (which < 3 && depth > 0) {
		if (which < 2)
			put(writer, "sequence<");
		else
			put(writer, "map<%s, ", ONE_OF(writer, keys));
		type(writer, depth - 1);
		bound(writer, ", ");
		put(writer, ">");
	} else if (which == 3) {
		put(writer, "string<%u>", 1 + pick(writer, 30));
	} else if (which < 8) {
		put(writer, "%s", any_of(writer, &writer->types, "int32"));
	} else if (which == 8) {
		put(writer, "%s", any_of(writer, &writer->interfaces, "Object"));
	} else {
		put(writer, "%s", ONE_OF(writer, plain));
	}
}

static void dimensions(struct writer *writer)
{
	while (pick(writer, 8) == 0)
		put(writer, "[%u]", 1 + pick(writer, 3));
}

static void doc(struct writer *writer)
{
	static const char *const texts[] = {
		"/** Says \"what\" it is. */\n",     "/// One line.\n", "@deprecated\n",
		"@deprecated(\"use */ another\")\n", "/* plain */\n",
	};

	if (pick(writer, 10) == 0)
		put(writer, "%s", ONE_OF(writer, texts));
}

static void member(struct writer *writer)
{
	doc(writer);
	if (pick(writer, 8) == 0)
		put(writer, "@optional ");
	else if (pick(writer, 20) == 0)
		put(writer, "@id(%u) ", 1 + pick(writer, 60) * 7);
	type(writer, 2);
	put(writer, " %s", new_name(writer, "x"));
	dimensions(writer);
	put(writer, ";\n");
}

static void defaulted(struct writer *writer)
{
	static const char *const members[] = {
		"@default(5) int32 %s;\n",      "@default(\"a\\\"b\") string %s;\n",
		"@default(TRUE) boolean %s;\n", "@default(0.5) double %s;\n",
		"@default('x') char %s;\n",     "@default(-1) int64 %s;\n",
	};
	const char *format = ONE_OF(writer, members), *at = strstr(format, "%s");

	put(writer, "%.*s%s;\n", (int)(at - format), format, new_name(writer, "d"));
}

static void open_scope(struct writer *writer, const char *name, char *outer)
{
	memcpy(outer, writer->scope, MOST_NAME);
	if (strlen(writer->scope) + strlen(name) + 3 < MOST_NAME)
		snprintf(writer->scope, MOST_NAME, "%.60s::%.30s", outer, name);
	writer->depth++;
}

static void close_scope(struct writer *writer, const char *outer)
{
	memcpy(writer->scope, outer, MOST_NAME);
	writer->depth--;
}

static void structure(struct writer *writer, const char *keyword)
{
	bool is_exception = *keyword == 'e';
	char name[40], outer[MOST_NAME];
	unsigned n = pick(writer, 5);

	snprintf(name, sizeof(name), "%s", new_name(writer, is_exception ? "E" : "S"));
	if (!is_exception && pick(writer, 10) == 0)
		put(writer, "struct %s;\ntypedef sequence<%s> %sSeq;\n", name, name, name);
	put(writer, "%s %s {\n", keyword, name);
	open_scope(writer, name, outer);
	if (pick(writer, 12) == 0 && writer->depth < 5)
		put(writer, "struct In { long a; } inner%u;\n", writer->serial++);
	while (n-- > 0)
		if (pick(writer, 10) == 0)
			defaulted(writer);
		else
			member(writer);
	if (pick(writer, 8) == 0 && !is_exception)
		put(writer, "sequence<%s> kids;\n", name);
	close_scope(writer, outer);
	put(writer, "};\n");
	know(writer, is_exception ? &writer->exceptions : &writer->types, name);
}

static void enumeration(struct writer *writer)
{
	char name[40];
	unsigned n = 1 + pick(writer, 4);

	snprintf(name, sizeof(name), "%s", new_name(writer, "C"));
	put(writer, "enum %s { ", name);
	for (; n > 0; n--)
		put(writer, "%s%s", new_name(writer, "c"), n > 1 ? ", " : "");
	put(writer, " };\n");
	know(writer, &writer->types, name);
}

static void alternatives(struct writer *writer)
{
	static const char *const switches[] = { "long", "octet", "unsigned long long", "short" };
	char name[40];
	unsigned n = 1 + pick(writer, 4), i;

	snprintf(name, sizeof(name), "%s", new_name(writer, "U"));
	put(writer, "%sunion %s switch (%s) {\n", pick(writer, 6) == 0 ? "@oneof " : "", name,
	    ONE_OF(writer, switches));
	for (i = 0; i < n; i++) {
		if (i > 0 && i + 1 == n && pick(writer, 2) == 0)
			put(writer, "default: ");
		else
			put(writer, "case %u: ", i * 3);
		type(writer, 1);
		put(writer, " %s", new_name(writer, "u"));
		dimensions(writer);
		put(writer, ";\n");
	}
	put(writer, "};\n");
	know(writer, &writer->types, name);
}

static void alias(struct writer *writer)
{
	char name[40];

	put(writer, "typedef ");
	type(writer, 3);
	snprintf(name, sizeof(name), "%s", new_name(writer, "T"));
	put(writer, " %s", name);
	dimensions(writer);
	put(writer, ";\n");
	know(writer, &writer->types, name);
}

static void value(struct writer *writer)
{
	static const char *const others[] = {
		"const string %s = \"a?\?/b\\n\\x01\";\n",
		"const double %s = 1.5e10 / 3;\n",
		"const boolean %s = TRUE;\n",
		"const char %s = '\\'';\n",
		"const wchar %s = L'x';\n",
		"const unsigned long long %s = ~0;\n",
		"const long long %s = -9223372036854775807;\n",
		"const float %s = -0.0;\n",
		"const uint32 %s = 4294967295;\n",
		"const long %s = -2147483648;\n",
	};
	const char *format = ONE_OF(writer, others), *at = strstr(format, "%s");
	char name[40];

	snprintf(name, sizeof(name), "%s", new_name(writer, "K"));
	if (pick(writer, 2) == 0) {
		put(writer, "%.*s%s%s", (int)(at - format), format, name, at + 2);
		return;
	}
	put(writer, "const long %s = ", name);
	constant(writer, writer->is_trusting ? 0 : 3);
	put(writer, ";\n");
	know(writer, &writer->constants, name);
}

static void unsupported(struct writer *writer)
{
	static const char *const texts[] = {
		"valuetype V%u { public long x; };\n",
		"native N%u;\n",
		"local interface L%u { };\n",
		"typedef fixed<9, 2> F%u;\n",
		"abstract interface A%u { void f(); };\n",
		"struct Later; typedef sequence<Later> Later%u; struct Later { TypeCode t; };\n",
		"interface Ahead; interface Near%u { Ahead f(); };\n"
		"interface Ahead { CORBA::Policy p(); long q(); };\n",
		"union Gone; typedef sequence<Gone> Gone%u;\n",
		"import ::m%u;\n",
		"component Comp%u { attribute long x; };\n",
		"typeprefix m%u \"x\";\n",
		"struct Bad%u { long double d; };\n",
		"bitset B%u { bitfield<3> a; };\n",
		"interface Base%u : CORBA::Current, CORBA::Policy { void f() context(\"a\"); };\n",
		"const CORBA::Limit X%u = 1;\n",
		"exception Ex%u { any a; TypeCode t; };\n",
	};
	const char *format = ONE_OF(writer, texts), *at = strstr(format, "%u");

	put(writer, "%.*s%u%s", (int)(at - format), format, writer->serial++, at + 2);
}

static void parameters(struct writer *writer, bool is_oneway)
{
	static const char *const directions[] = { "in ", "out ", "inout ", "", "in " };
	unsigned n = pick(writer, 4);

	for (; n > 0; n--) {
		put(writer, "%s", is_oneway ? "" : ONE_OF(writer, directions));
		type(writer, 2);
		put(writer, " %s%s", new_name(writer, "p"), n > 1 ? ", " : "");
	}
}

static void operation(struct writer *writer)
{
	unsigned which = pick(writer, 12);

	doc(writer);
	if (which == 0) {
		put(writer, "oneway void %s(", new_name(writer, "f"));
		parameters(writer, true);
		put(writer, ");\n");
		return;
	}
	if (which == 1) {
		put(writer, "stream<");
		type(writer, 1);
		put(writer, "> %s(in long a, stream<string> b);\n", new_name(writer, "f"));
		return;
	}
	if (which == 2) {
		put(writer, "%sattribute ", pick(writer, 2) ? "readonly " : "");
		type(writer, 2);
		put(writer, " %s;\n", new_name(writer, "a"));
		return;
	}
	put(writer, pick(writer, 8) == 0 ? "@timeout(5) @idempotent " : "");
	if (pick(writer, 2) == 0)
		put(writer, "void");
	else
		type(writer, 2);
	put(writer, " %s(", new_name(writer, "f"));
	parameters(writer, false);
	put(writer, ")");
	if (pick(writer, 4) == 0 && writer->exceptions.n > 0)
		put(writer, " raises (%s)", any_of(writer, &writer->exceptions, ""));
	else if (goes_wrong(writer, 60))
		put(writer, " raises (CORBA::BAD_PARAM)");
	put(writer, ";\n");
}

static void data(struct writer *writer)
{
	switch (pick(writer, 8)) {
	case 0:
		enumeration(writer);
		break;
	case 1:
		alternatives(writer);
		break;
	case 2:
		structure(writer, "exception");
		break;
	case 3:
		value(writer);
		break;
	case 4:
	case 5:
		alias(writer);
		break;
	default:
		structure(writer, "struct");
		break;
	}
}

static void interface(struct writer *writer)
{
	char name[40], outer[MOST_NAME], first[MOST_NAME] = "";
	unsigned n = pick(writer, 5);

	snprintf(name, sizeof(name), "%s", new_name(writer, "I"));
	if (pick(writer, 8) == 0)
		put(writer, "interface %s;\n", name);
	put(writer, "interface %s", name);
	if (pick(writer, 3) == 0 && writer->interfaces.n > 0) {
		snprintf(first, sizeof(first), "%s", any_of(writer, &writer->interfaces, ""));
		put(writer, " : %s", first);
		if (pick(writer, 3) == 0)
			put(writer, ", %s", any_of(writer, &writer->interfaces, ""));
	}
	put(writer, " {\n");
	open_scope(writer, name, outer);
	for (; n > 0; n--)
		if (pick(writer, 6) == 0)
			data(writer);
		else
			operation(writer);
	close_scope(writer, outer);
	put(writer, "};\n");
	know(writer, &writer->interfaces, name);
}

static void definition(struct writer *writer)
{
	char name[40], outer[MOST_NAME];
	unsigned which = pick(writer, 12), n;

	doc(writer);
	if (which == 0 && writer->depth < 3) {
		snprintf(name, sizeof(name), "m%u", pick(writer, 4));
		put(writer, "module %s {\n", name);
		open_scope(writer, name, outer);
		for (n = pick(writer, 5); n > 0; n--)
			definition(writer);
		close_scope(writer, outer);
		put(writer, "};\n");
	} else if (which < 5) {
		interface(writer);
	} else if (which == 5 && !writer->is_trusting) {
		unsupported(writer);
	} else {
		data(writer);
	}
}

static void file(struct writer *writer, size_t number)
{
	size_t size;
	unsigned n;

	writer->out = open_memstream(&writer->make->texts[number], &size);
	if (!writer->out)
		abort();
	if (number > 0)
		put(writer, "#ifndef GUARD_%zu\n#define GUARD_%zu\n", number, number);
	if (number == 0 || (number == 1 && pick(writer, 3) == 0)) /* what it refers to */
		put(writer, "#include \"%s\"\n", make_names[number + 1]);
	if (number == 0)
		put(writer, "#include <%s>\n", make_names[2]);
	put(writer, "module m%zu {\n", number);
	snprintf(writer->scope, sizeof(writer->scope), "::m%zu", number);
	writer->depth = 1;
	for (n = 1 + pick(writer, 7); n > 0; n--)
		definition(writer);
	put(writer, "};\n");
	writer->scope[0] = '\0';
	writer->depth = 0;
	for (n = pick(writer, 3); n > 0; n--)
		definition(writer);
	put(writer, number > 0 ? "#endif\n" : "");
	if (fclose(writer->out) != 0)
		abort();
}

/* Breaks one character in some place. */
static void spoil(struct writer *writer, char *text)
{
	static const char spice[] = "{}()<>;:,\"'#/*@=-~\\\n0a";
	size_t n = strlen(text);

	text[pick(writer, (unsigned)n)] = spice[pick(writer, sizeof(spice) - 1)];
}

void make_idl(struct make *make)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	size_t i;

	if (!writer)
		abort();
	writer->make = make;
	writer->is_trusting = pick(writer, 2) == 0;
	for (i = MAKE_FILES; i-- > 0;)
		file(writer, i);
	if (goes_wrong(writer, 8))
		spoil(writer, make->texts[pick(writer, MAKE_FILES)]);
	free(writer);
}

void make_free(struct make *make)
{
	size_t i;

	for (i = 0; i < MAKE_FILES; i++)
		free(make->texts[i]);
}
