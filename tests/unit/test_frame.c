/* SPDX-License-Identifier: MIT */
/* Frames there and back, and against protoc, which knows link.proto and nothing of frame.c. */
#include "wire/frame.h"

#include "test.h"

#include <stdint.h>
#include <stdio.h>

static const char *const texts[] = { "", "x", "object-17", "example.Server.add" };

static void append(struct buf *buf, const struct frame *frame)
{
	CHECK(frame_append(buf, frame));
}

static bool same_span(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static struct frame back(const struct buf *buf)
{
	const uint8_t *p = buf->data, *end = buf->data + buf->n;
	struct frame frame = { 0 };

	CHECK_INT(frame_size(buf->data, buf->n), buf->n);
	CHECK_INT(frame_read(&p, end, &frame), 1);
	CHECK(p == end);
	return frame;
}

/* A frame with every member set; each type takes those that it has. */
static struct frame full(enum frame_type type, uint64_t n, size_t n_text)
{
	static char long_text[70000];
	struct frame f = { .type = type, .number = (uint32_t)n, .critical = n & 1 };
	struct span text;

	memset(long_text, 'z', sizeof(long_text));
	text = (struct span){ (const uint8_t *)long_text, n_text };
	f.session = f.operation = f.flags = f.depth = f.code = f.total = f.count = (uint32_t)n;
	f.min_version = f.max_version = f.max_calls = f.max_message = (uint32_t)n;
	f.to_caller = f.may_have_run = f.was_not_run = n > 0;
	f.fingerprint = f.time_left = f.value = f.received = f.consumed = n;
	f.stream_linger_ms = f.window = f.attempt = (uint32_t)n;
	f.object = f.interface = f.name = f.chain = f.correlation_id = f.traceparent = text;
	f.message = f.exception = f.detail = f.trace = f.handshake = f.agent = f.reference = text;
	f.token = text;
	if (type == FRAME_CALL || type == FRAME_REPLY || type == FRAME_ITEM)
		f.payload = text;
	return f;
}

static void check_back(enum frame_type type, uint64_t n, size_t n_text)
{
	struct frame f = full(type, n, n_text), g;
	struct buf once = { 0 }, twice = { 0 };

	append(&once, &f);
	g = back(&once);
	CHECK_INT(g.type, type);
	CHECK_INT(g.number, f.number);
	CHECK_INT(g.critical, f.critical);
	g.body = (struct span){ NULL, 0 };
	append(&twice, &g); /* nothing was lost: the same bytes again */
	CHECK(once.n == twice.n && memcmp(once.data, twice.data, once.n) == 0);
	buf_free(&once);
	buf_free(&twice);
}

TEST(every_type_of_frame_comes_back)
{
	static const uint64_t numbers[] = { 0,         1,          127,        128,
					    16383,     16384,      1u << 21,   (1u << 28) - 1,
					    1u << 28,  UINT32_MAX, 1ull << 35, 1ull << 63,
					    UINT64_MAX };
	static const size_t sizes[] = { 0, 1, 50, 127, 128, 129, 16383, 16384, 65536 };
	size_t i;
	int type;

	for (type = FRAME_HELLO; type < FRAME_TYPES; type++) {
		for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			check_back((enum frame_type)type, numbers[i], 5);
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			check_back((enum frame_type)type, 3, sizes[i]);
	}
}

TEST(a_call_comes_back_with_what_was_in_it)
{
	struct frame f = full(FRAME_CALL, UINT64_C(0x123456789abcdef), 9), g;
	struct buf buf = { 0 };

	append(&buf, &f);
	g = back(&buf);
	CHECK_INT(g.session, f.session);
	CHECK_INT(g.operation, f.operation);
	CHECK(g.fingerprint == f.fingerprint && g.time_left == f.time_left);
	CHECK(same_span(g.name, f.name) && same_span(g.chain, f.chain));
	CHECK(same_span(g.correlation_id, f.correlation_id));
	CHECK(same_span(g.payload, f.payload));
	CHECK(g.payload.p + g.payload.n == buf.data + buf.n); /* the last: parsed where it lies */
	buf_free(&buf);
}

TEST(a_payload_may_be_filled_in_later)
{
	struct frame f = { .type = FRAME_REPLY, .number = 9 };
	struct buf buf = { 0 };
	uint8_t *at = frame_write(&buf, &f, 1000);

	REQUIRE(at != NULL);
	memset(at, 'p', 1000);
	CHECK_INT(back(&buf).payload.n, 1000);
	CHECK_INT(back(&buf).payload.p[999], 'p');
	buf_free(&buf);
}

TEST(frames_follow_each_other_and_a_void_one_is_passed_over)
{
	struct frame f = { .type = FRAME_PING }, g;
	struct buf buf = { 0 };
	const uint8_t *p, *end;
	size_t first;
	uint64_t i;

	for (i = 1; i <= 3; i++) {
		f.value = i;
		append(&buf, &f);
	}
	first = frame_size(buf.data, buf.n);
	CHECK_INT(frame_size(buf.data, first - 1), 0);
	CHECK_INT(frame_size(buf.data, 0), 0);
	frame_void(buf.data + first);
	p = buf.data;
	end = buf.data + buf.n;
	CHECK_INT(frame_read(&p, end, &g), 1);
	CHECK_INT(g.value, 1);
	CHECK_INT(frame_read(&p, end, &g), 1);
	CHECK_INT(g.value, 3);
	CHECK_INT(frame_read(&p, end, &g), 0);
	buf_free(&buf);
}

/* Cut anywhere, or changed anywhere, a message never leads out of its bytes. */
TEST(bytes_that_are_no_frames_are_told)
{
	struct frame f = full(FRAME_CALL, 300, 40), g;
	struct buf buf = { 0 };
	const uint8_t *p;
	uint8_t *copy;
	size_t n;
	int bit;

	append(&buf, &f);
	for (n = 1; n < buf.n; n++) {
		copy = malloc(n); /* so that a sanitizer sees its end */
		REQUIRE(copy != NULL);
		memcpy(copy, buf.data, n);
		p = copy;
		CHECK_INT(frame_read(&p, copy + n, &g), -1);
		free(copy);
	}
	for (n = 0; n < buf.n; n++)
		for (bit = 0; bit < 8; bit++) {
			copy = malloc(buf.n);
			REQUIRE(copy != NULL);
			memcpy(copy, buf.data, buf.n);
			copy[n] ^= (uint8_t)(1 << bit);
			for (p = copy; frame_read(&p, copy + buf.n, &g) > 0;)
				CHECK(p <= copy + buf.n);
			free(copy);
		}
	buf_free(&buf);
}

/* D10: what is sent again goes under another number. */
TEST(a_frame_is_given_another_number)
{
	static const uint32_t numbers[] = { 1, 127, 128, 1u << 20, UINT32_MAX };
	struct frame f = full(FRAME_ITEM, 77, 300), g;
	struct buf buf = { 0 }, again = { 0 };
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		buf_reset(&buf);
		buf_reset(&again);
		append(&buf, &f);
		CHECK(frame_renumber(&again, buf.data, buf.n, numbers[i]));
		g = back(&again);
		CHECK_INT(g.number, numbers[i]);
		CHECK(g.type == FRAME_ITEM && g.value == f.value && g.critical == f.critical);
		CHECK(same_span(g.payload, f.payload));
	}
	buf_reset(&buf);
	f.number = 0;
	f.critical = 0;
	append(&buf, &f);
	CHECK(!frame_renumber(&again, buf.data, buf.n, 5)); /* it has none */
	CHECK(!frame_renumber(&again, buf.data, buf.n - 1, 5));
	buf_free(&again);
	buf_free(&buf);
}

TEST(repeated_fields_come_back)
{
	struct frame f = { .type = FRAME_BOUND, .session = 4 };
	struct buf operations = { 0 }, buf = { 0 };
	struct frame_entry entry;
	struct span rest;
	int i;

	for (i = 0; i < 3; i++)
		frame_put_operation(&operations, texts[i], (uint64_t)i << 40, texts[i + 1]);
	f.body = (struct span){ operations.data, operations.n };
	append(&buf, &f);
	rest = back(&buf).body;
	for (i = 0; i < 3; i++) {
		CHECK_INT(frame_repeated(&rest, 7, &entry), 1);
		CHECK(span_is(entry.name, texts[i]) && span_is(entry.text, texts[i + 1]));
		CHECK(entry.value == (uint64_t)i << 40);
	}
	CHECK_INT(frame_repeated(&rest, 7, &entry), 0);
	buf_free(&operations);
	buf_free(&buf);
}

/* ---- protoc ---- */

static void write_file(const char *path, const void *data, size_t n)
{
	FILE *file = fopen(path, "wb");

	REQUIRE(file != NULL);
	CHECK_INT(fwrite(data, 1, n, file), n);
	CHECK_INT(fclose(file), 0);
}

static size_t read_file(const char *path, void *data, size_t n)
{
	FILE *file = fopen(path, "rb");
	size_t n_read;

	REQUIRE(file != NULL);
	n_read = fread(data, 1, n, file);
	fclose(file);
	return n_read;
}

/* Runs protoc --MODE=pyrite.Message on a file, giving another. */
static bool protoc(const char *mode, const char *from, const char *to)
{
	const char *source = getenv("PYRITE_SOURCE");
	char command[2048];

	snprintf(command, sizeof(command),
		 "protoc -I '%s/runtime/src/wire' --%s=pyrite.Message link.proto <'%s' >'%s'",
		 source ? source : ".", mode, from, to);
	return system(command) == 0;
}

static char folder[] = "/tmp/pyrite-frame-XXXXXX", bytes_path[64], text_path[64], again_path[64];

static void make_folder(void)
{
	REQUIRE(mkdtemp(folder) != NULL);
	snprintf(bytes_path, sizeof(bytes_path), "%s/bytes", folder);
	snprintf(text_path, sizeof(text_path), "%s/text", folder);
	snprintf(again_path, sizeof(again_path), "%s/again", folder);
}

static void remove_folder(void)
{
	remove(bytes_path);
	remove(text_path);
	remove(again_path);
	CHECK_INT(rmdir(folder), 0);
}

/* protoc reads every frame, knows each of its fields, and writes the same bytes. */
TEST(protoc_reads_and_writes_the_same_bytes)
{
	static char text[1 << 16], again[1 << 16];
	struct buf buf = { 0 }, marks = { 0 }, operations = { 0 };
	struct frame f;
	size_t n;
	int type;

	make_folder();
	frame_put_mark(&marks, 300, 70000);
	frame_put_operation(&operations, "a.B.c", 77, "(int32)");
	for (type = FRAME_HELLO; type < FRAME_TYPES; type++) {
		f = full((enum frame_type)type, 129, 11);
		if (type == FRAME_GOAWAY)
			f.body = (struct span){ marks.data, marks.n };
		if (type == FRAME_BOUND)
			f.body = (struct span){ operations.data, operations.n };
		append(&buf, &f);
	}
	write_file(bytes_path, buf.data, buf.n);
	REQUIRE(protoc("decode", bytes_path, text_path));
	n = read_file(text_path, text, sizeof(text) - 1);
	text[n] = '\0';
	CHECK(strstr(text, "\n  1:") == NULL &&
	      strstr(text, "    1:") == NULL); /* unknown fields */
	CHECK_HAS(text, "may_have_run: true");
	CHECK_HAS(text, "was_not_run: true");
	CHECK_HAS(text, "last_number: 70000");
	CHECK_HAS(text, "signature: \"(int32)\"");
	REQUIRE(protoc("encode", text_path, again_path));
	n = read_file(again_path, again, sizeof(again));
	CHECK(n == buf.n && memcmp(again, buf.data, n) == 0);
	remove_folder();
	buf_free(&marks);
	buf_free(&operations);
	buf_free(&buf);
}

TESTS(frame, T(every_type_of_frame_comes_back), T(a_call_comes_back_with_what_was_in_it),
      T(a_payload_may_be_filled_in_later),
      T(frames_follow_each_other_and_a_void_one_is_passed_over),
      T(bytes_that_are_no_frames_are_told), T(a_frame_is_given_another_number),
      T(repeated_fields_come_back), T(protoc_reads_and_writes_the_same_bytes))
