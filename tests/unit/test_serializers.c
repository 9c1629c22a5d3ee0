/* SPDX-License-Identifier: MIT */
/* Pyro's serializers: values both ways, calls, exceptions, and what is refused. */
#include "random_value.h"
#include "value/value.h"

#include <pyrite/pyrite.h>

#include "values.h"

#include "face/pyro/ser.h"

enum { N_KINDS = 4 };

/* What one test writes and reads. */
static struct bench {
	struct arena arena;
	struct codec_problem problem;
	struct buf out;
	struct ser_sink sink;
	struct ser_source source;
	struct ser_data data;
	char text[200];
} bench;

static const enum ser_protocol protocols[] = { SER_PYRO4, SER_PYRO5 };

static void begin(void)
{
	memset(&bench, 0, sizeof(bench));
	arena_init(&bench.arena, NULL, 0);
	bench.arena.max = 16 << 20;
}

static void end(void)
{
	arena_clear(&bench.arena);
	buf_free(&bench.out);
}

static const struct ser_kind *named(const char *name)
{
	unsigned id;

	for (id = 0; id < 16; id++)
		if (ser_find(SER_PYRO4, id) && strcmp(ser_name(ser_find(SER_PYRO4, id)), name) == 0)
			return ser_find(SER_PYRO4, id);
	REQUIRE(false);
	return NULL;
}

static const struct ser_kind *kind_of(int i)
{
	static const char *const names[N_KINDS] = { "serpent", "json", "marshal", "msgpack" };

	return named(names[i]);
}

static struct ser_sink *write_with(const struct ser_kind *kind, enum ser_protocol protocol)
{
	buf_reset(&bench.out);
	ser_sink(&bench.sink, kind, protocol, &bench.out);
	return &bench.sink;
}

/* What was written, parsed. */
static bool parse_again(void)
{
	const char *why;

	REQUIRE(ser_sink_end(&bench.sink, &why));
	return ser_parse(bench.sink.kind, span_of_buf(&bench.out), &bench.arena, &bench.data,
			 bench.text, sizeof(bench.text));
}

/* "" or what is wrong. */
static const char *parsed(const char *kind, const void *text, size_t n)
{
	return ser_parse(named(kind), (struct span){ text, n }, &bench.arena, &bench.data,
			 bench.text, sizeof(bench.text))
		       ? ""
		       : bench.text;
}

static struct value_reading reading(void)
{
	ser_source(&bench.source, &bench.data, 0);
	bench.problem = (struct codec_problem){ 0 };
	return (struct value_reading){ .source = &bench.source.source,
				       .arena = &bench.arena,
				       .role = "parameter",
				       .problem = &bench.problem };
}

static const struct pyr__field all = { .name = "x", .kind = PYR__STRUCT, .type = &values_All_type };

/* ---- which there are ---- */

TEST(serializers_have_the_numbers_that_each_protocol_gives_them)
{
	static const unsigned ids[N_KINDS][2] = { { 1, 1 }, { 2, 3 }, { 3, 2 }, { 6, 4 } };
	int i;

	for (i = 0; i < N_KINDS; i++) {
		CHECK(ser_find(SER_PYRO4, ids[i][0]) == kind_of(i));
		CHECK(ser_find(SER_PYRO5, ids[i][1]) == kind_of(i));
		CHECK_INT(ser_id(kind_of(i), SER_PYRO4), ids[i][0]);
		CHECK_INT(ser_id(kind_of(i), SER_PYRO5), ids[i][1]);
	}
	CHECK(!ser_find(SER_PYRO4, 4)); /* pickle */
	CHECK(!ser_find(SER_PYRO4, 0) && !ser_find(SER_PYRO5, 5));
}

/* ---- values ---- */

static struct span packed(const void *value)
{
	struct codec_packer packer;
	uint8_t *bytes;

	CHECK_INT(
		codec_prepare_value(&values_All_type, value, &bench.arena, &packer, &bench.problem),
		0);
	CHECK_STR(bench.problem.text, "");
	bytes = arena_alloc(&bench.arena, packer.size);
	REQUIRE(bytes);
	codec_pack(&packer, bytes);
	return (struct span){ bytes, packer.size };
}

static void check_through(const struct ser_kind *kind, struct random_value *r)
{
	void *value, *again;
	struct value_reading in;
	struct value_writer writer = { .sink = &bench.sink.sink };
	struct span a, b;

	begin();
	r->arena = &bench.arena;
	value = arena_alloc(&bench.arena, sizeof(struct values_All));
	again = arena_alloc(&bench.arena, sizeof(struct values_All));
	REQUIRE(value && again);
	random_fill(r, &all, value);
	write_with(kind, SER_PYRO4);
	value_write_natural(&writer, &all, value);
	if (!parse_again())
		CHECK_STR(bench.text, "");
	in = reading();
	CHECK_INT(value_read_natural(&in, &all, again), 0);
	CHECK_STR(bench.problem.text, "");
	a = packed(value);
	b = packed(again);
	CHECK(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
	end();
}

TEST(random_structs_are_the_same_bytes_after_a_way_through_each)
{
	struct random_value r = { .state = 7, .depth = 5 };
	int i;

	for (i = 0; i < OFTEN(400); i++)
		check_through(kind_of(i % N_KINDS), &r);
}

/* A value of that field out of a serpent; what is wrong, or "". */
static const char *read_as(const struct pyr__field *field, const char *serpent)
{
	struct value_reading in;
	void *ret = arena_alloc(&bench.arena, codec_natural_size(field));

	if (parsed("serpent", serpent, strlen(serpent))[0])
		return bench.text;
	in = reading();
	value_read_natural(&in, field, ret);
	return bench.problem.text;
}

#define SCALAR(of_kind) (&(const struct pyr__field){ .name = "x", .kind = (of_kind) })

TEST(values_that_do_not_fit_are_refused_by_name)
{
	begin();
	CHECK_STR(read_as(SCALAR(PYR__INT32), "-2147483648"), "");
	CHECK_STR(read_as(SCALAR(PYR__INT32), "2147483648"),
		  "parameter 'x': 2147483648 does not fit int32");
	CHECK_STR(read_as(SCALAR(PYR__UINT64), "18446744073709551615"), "");
	CHECK_STR(read_as(SCALAR(PYR__UINT64), "18446744073709551616"),
		  "parameter 'x': 18446744073709551616 does not fit uint64");
	CHECK_STR(read_as(SCALAR(PYR__UINT64), "-1"), "parameter 'x': -1 does not fit uint64");
	CHECK_STR(read_as(SCALAR(PYR__INT32), "3.0"), "");
	CHECK_STR(read_as(SCALAR(PYR__INT32), "3.5"),
		  "parameter 'x': expected an integer, got 3.5");
	CHECK_STR(read_as(SCALAR(PYR__INT32), "'3'"),
		  "parameter 'x': expected an integer, got '3'");
	CHECK_STR(read_as(SCALAR(PYR__INT32), "True"),
		  "parameter 'x': expected an integer, got True");
	CHECK_STR(read_as(SCALAR(PYR__INT32), "None"),
		  "parameter 'x': expected an integer, got None");
	CHECK_STR(read_as(SCALAR(PYR__DOUBLE), "1e30000"), "");
	CHECK_STR(read_as(SCALAR(PYR__DOUBLE), "{'__class__':'float','value':'nan'}"), "");
	CHECK_STR(read_as(SCALAR(PYR__DOUBLE), "7"), "");
	CHECK_STR(read_as(SCALAR(PYR__FLOAT), "1e39"), "parameter 'x': 9.9999999999999994e+38 does "
						       "not fit float");
	CHECK_STR(read_as(SCALAR(PYR__DOUBLE), "'1'"), "parameter 'x': expected a number, got '1'");
	CHECK_STR(read_as(SCALAR(PYR__BOOL), "1"), "parameter 'x': expected true or false, got 1");
	CHECK_STR(read_as(SCALAR(PYR__STRING), "b'x'"),
		  "parameter 'x': expected a string, got bytes");
	CHECK_STR(read_as(SCALAR(PYR__BYTES), "'eA=='"),
		  "parameter 'x': expected a bytes object, got 'eA=='");
	CHECK_STR(read_as(SCALAR(PYR__BYTES), "{'data':'eA==','encoding':'base64'}"), "");
	CHECK_STR(read_as(SCALAR(PYR__STRING), "'a\\0b'"),
		  "malformed serpent: a string cannot contain a NUL");
	end();
}

TEST(objects_of_python_are_structs_and_their_class_is_not_looked_at)
{
	static const struct pyr__field point = { .name = "x",
						 .kind = PYR__STRUCT,
						 .type = &values_Point_type };
	static const struct pyr__field places = { .name = "x",
						  .kind = PYR__MAP,
						  .type = &values_Places_type };

	begin();
	CHECK_STR(read_as(&point, "{'x':1,'y':2,'__class__':'mine.Point'}"), "");
	CHECK_STR(read_as(&point, "{'x':1,'z':2}"), "parameter 'x': there is no member 'z'");
	CHECK_STR(read_as(&point, "{'x':1,1:2}"), "parameter 'x': there is no member '1'");
	CHECK_STR(read_as(&point, "(1,2)"), "parameter 'x': expected an object, got a list");
	CHECK_STR(read_as(&places, "{'a':[{'x':1}],'b':()}"), "");
	CHECK_STR(read_as(&places, "{1:[]}"), "x[0]: its key must be a string, not 1");
	CHECK_STR(read_as(&places, "{(1,2):[]}"),
		  "malformed serpent: a key is a string, an integer or a bool");
	end();
}

/* ---- calls ---- */

static void put_arguments(struct ser_sink *sink, void *data)
{
	sink->sink.kind->integer(&sink->sink, 5, SINK_NARROW);
	ser_put_text(sink, data);
}

static void check_call(const struct ser_kind *kind)
{
	struct ser_call call = { { NULL, 0 }, { NULL, 0 }, 0, 0 };
	int64_t number = 0;

	begin();
	ser_put_call(write_with(kind, SER_PYRO5), "object", "method", put_arguments, NULL, "text");
	REQUIRE(parse_again());
	REQUIRE(ser_call_take(&bench.data, &call, bench.text, sizeof(bench.text)));
	CHECK(span_is(call.object, "object") && span_is(call.method, "method"));
	CHECK_INT(ser_count(&bench.data, call.vargs), 2);
	CHECK(ser_integer(&bench.data, ser_first(&bench.data, call.vargs), &number));
	CHECK_INT(number, 5);
	CHECK(span_is(ser_text(&bench.data, ser_next(&bench.data, call.vargs,
						     ser_first(&bench.data, call.vargs))),
		      "text"));
	CHECK_INT(ser_count(&bench.data, call.kwargs), 0);
	CHECK_INT(ser_first(&bench.data, call.kwargs), SER_NONE);
	end();
}

TEST(calls_are_written_and_taken)
{
	int i;

	for (i = 0; i < N_KINDS; i++)
		check_call(kind_of(i));
}

static const char *taken(const char *kind, const char *payload)
{
	struct ser_call call = { { NULL, 0 }, { NULL, 0 }, 0, 0 };

	if (parsed(kind, payload, strlen(payload))[0])
		return bench.text;
	return ser_call_take(&bench.data, &call, bench.text, sizeof(bench.text)) ? "" : bench.text;
}

TEST(what_is_no_call_is_refused)
{
	static const char wrong[] = "the payload is not a call: expected an object, a method, "
				    "positional and named arguments";
	static const char *const payloads[] = {
		"1",
		"()",
		"('a','b',(),{},1)",
		"('a','b',(),())",
		"('a','b',{},{})",
		"(1,'b',(),{})",
		"('a',None,(),{})",
		"{'object':'a','method':'b','params':(),'kwargs':{}}",
	};
	struct ser_call call;
	size_t i;

	begin();
	for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++)
		CHECK_STR(taken("serpent", payloads[i]), wrong);
	CHECK_STR(taken("serpent", "('a','b',(),{})"), "");
	CHECK_STR(taken("json", "[\"a\", \"b\", [], {}]"), wrong);
	CHECK_STR(taken("json", "{\"object\": \"a\", \"method\": \"b\", \"params\": []}"), wrong);
	CHECK_STR(taken("json", "{\"kwargs\": {}, \"params\": [], \"method\": \"b\", \"object\": "
				"\"a\"}"),
		  "");
	CHECK_STR(taken("serpent", "('o','<batch>',[('m',(1,),{'k':2}),('n',())],{})"), "");
	ser_call_take(&bench.data, &call, bench.text, sizeof(bench.text));
	CHECK(ser_call_of_batch(&bench.data, ser_first(&bench.data, call.vargs), &call, bench.text,
				sizeof(bench.text)));
	CHECK(span_is(call.method, "m"));
	CHECK(ser_member(&bench.data, call.kwargs, "k") != SER_NONE);
	CHECK(ser_member(&bench.data, call.kwargs, "j") == SER_NONE);
	end();
}

/* ---- classes ---- */

static void put_attribute(struct ser_sink *sink, void *data)
{
	ser_put_member(sink, "why");
	ser_put_text(sink, data);
}

static void check_exception(const struct ser_kind *kind, enum ser_protocol protocol,
			    bool is_wrapped)
{
	struct ser_exception exception;
	char name[64];

	begin();
	(is_wrapped ? ser_put_wrapped : ser_put_exception)(
		write_with(kind, protocol),
		ser_error_name(protocol, "NamingError", name, sizeof(name)), "a message",
		put_attribute, "no");
	REQUIRE(parse_again());
	REQUIRE(ser_exception_take(&bench.data, 0, &exception));
	CHECK(span_is(exception.name, protocol == SER_PYRO4 ? "Pyro4.errors.NamingError"
							    : "Pyro5.errors.NamingError"));
	CHECK(span_is(ser_text(&bench.data, ser_first(&bench.data, exception.args)), "a message"));
	CHECK(span_is(ser_text(&bench.data, ser_member(&bench.data, exception.attributes, "why")),
		      "no"));
	end();
}

TEST(exceptions_are_written_and_taken)
{
	int i, j;

	for (i = 0; i < N_KINDS; i++)
		for (j = 0; j < 4; j++)
			check_exception(kind_of(i), protocols[j / 2], j % 2);
}

static void check_uri(const struct ser_kind *kind, enum ser_protocol protocol, const char *uri)
{
	begin();
	ser_put_uri(write_with(kind, protocol), uri);
	CHECK(parse_again() && span_is(ser_text(&bench.data, 0), uri));
	CHECK_INT(ser_class(&bench.data, 0), SER_URI);
	ser_put_proxy(write_with(kind, protocol), uri);
	CHECK(parse_again() && span_is(ser_text(&bench.data, 0), uri));
	CHECK_INT(ser_class(&bench.data, 0), SER_PROXY);
	end();
}

TEST(uris_and_proxies_are_written_and_taken)
{
	static const char *const uris[] = { "PYRO:obj@localhost:4444", "PYRO:o@[::1]:1",
					    "PYRO:o@./u:/run/x y", "PYRONAME:name",
					    "PYRONAME:name@host" };
	size_t i, j;

	for (i = 0; i < N_KINDS; i++)
		for (j = 0; j < 2 * sizeof(uris) / sizeof(uris[0]); j++)
			check_uri(kind_of((int)i), protocols[j % 2], uris[j / 2]);
	begin();
	CHECK_HAS(parsed("serpent", "{'__class__':'Pyro4.core.URI','state':1}", 40),
		  "a URI without its five parts");
	CHECK_HAS(parsed("serpent", "{'__class__':'Pyro4.core.Proxy','state':(1,)}", 45),
		  "a proxy without its URI");
	end();
}

/* ---- bounds ---- */

TEST(what_is_written_too_deep_is_refused_and_not_sent)
{
	const char *why;
	int i, j;

	for (i = 0; i < N_KINDS; i++) {
		begin();
		write_with(kind_of(i), SER_PYRO4);
		for (j = 0; j < 2 * SER_OPEN; j++)
			bench.sink.sink.kind->array(&bench.sink.sink);
		for (j = 0; j < 2 * SER_OPEN; j++)
			bench.sink.sink.kind->array_end(&bench.sink.sink);
		CHECK(!ser_sink_end(&bench.sink, &why));
		CHECK_STR(why, "the value is nested too deep for Pyro");
		end();
	}
}

TEST(memory_that_a_payload_may_take_is_bounded)
{
	static uint8_t nulls[100005] = { 0xdd, 0x00, 0x01, 0x86, 0xa0 };

	begin();
	memset(nulls + 5, 0xc0, sizeof(nulls) - 5);
	CHECK_STR(parsed("msgpack", nulls, sizeof(nulls)), "");
	CHECK_INT(ser_count(&bench.data, 0), 100000);
	bench.arena.max = bench.arena.used + 100000;
	CHECK_HAS(parsed("msgpack", nulls, sizeof(nulls)), "it is too large");
	end();
}

TESTS(serializers, T(serializers_have_the_numbers_that_each_protocol_gives_them),
      T(random_structs_are_the_same_bytes_after_a_way_through_each),
      T(values_that_do_not_fit_are_refused_by_name),
      T(objects_of_python_are_structs_and_their_class_is_not_looked_at),
      T(calls_are_written_and_taken), T(what_is_no_call_is_refused),
      T(exceptions_are_written_and_taken), T(uris_and_proxies_are_written_and_taken),
      T(what_is_written_too_deep_is_refused_and_not_sent),
      T(memory_that_a_payload_may_take_is_bounded))
