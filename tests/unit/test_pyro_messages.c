/* SPDX-License-Identifier: MIT */
/* Messages of Pyro's wire protocol: those that Pyro4 and Pyro5 exchanged, and damaged ones. */
#include "face/pyro/messages.h"

#include "test.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "face/pyro/connection.h"

enum { MAX = 1 << 20, FRAME_MAX = 4096 };

struct frame {
	char sender[16], name[64];
	uint8_t data[FRAME_MAX];
	size_t n;
	struct pyro_header header;
	struct span annotations, payload;
};

static unsigned value_of(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Reads the next frame of the file. Returns false at its end. */
static bool next_frame(FILE *file, struct frame *frame)
{
	static char line[2 * FRAME_MAX + 100], hex[2 * FRAME_MAX + 1];
	struct pyro_wrong wrong;
	size_t i, head;

	do
		if (!fgets(line, sizeof(line), file))
			return false;
	while (line[0] == '#');
	REQUIRE(sscanf(line, "%15s %63s %8192s", frame->sender, frame->name, hex) == 3);
	frame->n = strlen(hex) / 2;
	for (i = 0; i < frame->n; i++)
		frame->data[i] = (uint8_t)(value_of(hex[2 * i]) << 4 | value_of(hex[2 * i + 1]));
	head = (size_t)pyro_header_read(frame->data, frame->n, MAX, &frame->header, &wrong);
	REQUIRE(head == pyro_header_size(frame->header.version));
	frame->annotations = (struct span){ frame->data + head, frame->header.n_annotations };
	frame->payload =
		(struct span){ frame->annotations.p + frame->annotations.n, frame->header.n_data };
	CHECK_INT(head + frame->annotations.n + frame->payload.n, frame->n);
	CHECK(pyro_annotations_check(frame->header.version, frame->annotations, &wrong));
	return true;
}

static FILE *open_frames(const char *name)
{
	char path[1000];
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/pyro/%s", getenv("PYRITE_SOURCE"), name);
	file = fopen(path, "r");
	REQUIRE(file != NULL);
	return file;
}

static const char *const recordings[] = { "frames_48.txt", "frames_48_key.txt", "frames_502.txt" };

/* Runs the check for each recorded frame. */
static void for_each(void (*check)(const struct frame *))
{
	static struct frame frame;
	size_t i, n = 0;
	FILE *file;

	for (i = 0; i < sizeof(recordings) / sizeof(recordings[0]); i++) {
		file = open_frames(recordings[i]);
		for (; next_frame(file, &frame); n++)
			check(&frame);
		fclose(file);
	}
	CHECK(n > 100);
}

static void check_rebuilt(const struct frame *frame)
{
	struct pyro_header header = frame->header;
	struct buf out = { 0 };

	header.n_annotations = header.n_data = 12345; /* not looked at */
	CHECK(pyro_message_put(&out, &header, frame->annotations, frame->payload));
	CHECK(out.n == frame->n && memcmp(out.data, frame->data, out.n) == 0);
	buf_free(&out);
}

TEST(a_recorded_message_is_built_again_byte_by_byte)
{
	for_each(check_rebuilt);
}

static void check_meaning(const struct frame *frame)
{
	static const struct {
		const char *name, *sender;
		unsigned type, flags;
	} known[] = {
		{ "serpent_connect", "client", PYRO_CONNECT, 0 },
		{ "serpent_connect", "server", PYRO_CONNECT_OK, 0 },
		{ "json_add", "client", PYRO_INVOKE, 0 },
		{ "serpent_add", "server", PYRO_RESULT, 0 },
		{ "serpent_oneway", "client", PYRO_INVOKE, PYRO_ONEWAY },
		{ "serpent_batch", "client", PYRO_INVOKE, PYRO_BATCH },
		{ "serpent_batch", "server", PYRO_RESULT, PYRO_BATCH },
		{ "serpent_stream", "server", PYRO_RESULT, PYRO_STREAM | PYRO_EXCEPTION },
		{ "serpent_compressed", "client", PYRO_INVOKE, PYRO_COMPRESSED | PYRO_ONEWAY },
		{ "serpent_ping", "server", PYRO_PING, 0 },
	};
	unsigned flags = frame->header.flags & ~(unsigned)(PYRO_META | PYRO_CORRELATED);
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(frame->name, known[i].name) || strcmp(frame->sender, known[i].sender))
			continue;
		CHECK_INT(frame->header.type, known[i].type);
		CHECK_INT(flags, known[i].flags);
	}
}

TEST(both_versions_say_types_and_flags_in_one_way)
{
	for_each(check_meaning);
}

static void check_annotations(const struct frame *frame)
{
	static const uint8_t id[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct span found;

	if (strcmp(frame->sender, "client") || !strstr(frame->name, "_add"))
		return;
	if (frame->header.version == PYRO_5) {
		CHECK(frame->header.flags & PYRO_CORRELATED);
		CHECK(memcmp(frame->header.correlation, id, sizeof(id)) == 0);
	} else {
		REQUIRE(pyro_annotation_find(PYRO_4, frame->annotations, "CORR", &found));
		CHECK(found.n == sizeof(id) && memcmp(found.p, id, sizeof(id)) == 0);
	}
	REQUIRE(pyro_annotation_find(frame->header.version, frame->annotations, "XTRA", &found));
	CHECK(span_is(found, "some data"));
	CHECK(!pyro_annotation_find(frame->header.version, frame->annotations, "NONE", &found));
}

TEST(annotations_and_correlation_ids_are_found)
{
	for_each(check_annotations);
}

TEST(a_signature_holds_for_its_key_and_its_message_alone)
{
	static struct frame frame;
	FILE *file = open_frames("frames_48_key.txt");
	struct span key = span_of("0123456789abcdef"), given;
	uint8_t own[PYRO_SIGNATURE_SIZE];

	while (next_frame(file, &frame)) {
		REQUIRE(pyro_annotation_find(PYRO_4, frame.annotations, "HMAC", &given));
		CHECK(pyro_sign(key, frame.annotations, frame.payload, own));
		CHECK(pyro_signature_is(own, given));
		CHECK(!pyro_signature_is(own, (struct span){ given.p, given.n - 1 }));
		CHECK(pyro_sign(span_of("0123456789abcdeg"), frame.annotations, frame.payload,
				own));
		CHECK(!pyro_signature_is(own, given));
		frame.data[frame.n - 1] ^= 1;
		CHECK(pyro_sign(key, frame.annotations, frame.payload, own));
		CHECK(!pyro_signature_is(own, given));
	}
	fclose(file);
}

static void check_cut(const struct frame *frame)
{
	struct pyro_header header;
	struct pyro_wrong wrong;
	size_t n;

	for (n = 0; n < pyro_header_size(frame->header.version); n++)
		CHECK_INT(pyro_header_read(frame->data, n, MAX, &header, &wrong), 0);
}

TEST(a_header_that_is_not_whole_yet_is_waited_for)
{
	for_each(check_cut);
}

/* Returns what is said about the serpent_add of that recording, with one byte another one. */
static const char *damaged(const char *recording, size_t at, uint8_t mask)
{
	static struct pyro_wrong wrong;
	static struct frame frame;
	FILE *file = open_frames(recording);
	struct pyro_header header;

	while (next_frame(file, &frame) && strcmp(frame.name, "serpent_add"))
		continue;
	fclose(file);
	frame.data[at] ^= mask;
	CHECK_INT(pyro_header_read(frame.data, frame.n, 1000, &header, &wrong), -1);
	CHECK(at < 6 ? header.version == 0 : header.version != 0);
	return wrong.text;
}

TEST(a_damaged_header_is_refused_in_pyros_words)
{
	size_t at;

	for (at = 0; at < 6; at++) {
		CHECK_STR(damaged("frames_48.txt", at, 1),
			  "invalid data or unsupported protocol version");
		CHECK_STR(damaged("frames_502.txt", at, 2),
			  "invalid data or unsupported protocol version");
	}
	for (at = 6; at < 20; at++)
		if (at != 12 && at != 13) /* the sum does not hold the length's upper half */
			CHECK_STR(damaged("frames_48.txt", at, 1), "header checksum mismatch");
	CHECK_STR(damaged("frames_48.txt", 22, 0x80), "header checksum mismatch");
	CHECK_STR(damaged("frames_502.txt", 38, 1), "invalid message or protocol version");
	CHECK_STR(damaged("frames_502.txt", 12, 0xff), "message too large (4278190156, max=1000)");
	CHECK_STR(damaged("frames_502.txt", 16, 0xff), "message too large (4278190156, max=1000)");
}

TEST(a_message_may_be_as_large_as_is_said_and_no_larger)
{
	struct pyro_header header = { .version = PYRO_4, .type = PYRO_INVOKE };
	uint8_t data[100] = { 0 };
	struct buf out = { 0 };
	struct pyro_wrong wrong;

	CHECK(pyro_message_put(&out, &header, (struct span){ 0 }, (struct span){ data, 100 }));
	CHECK_INT(pyro_header_read(out.data, out.n, 100, &header, &wrong), 24);
	CHECK_INT(pyro_header_read(out.data, out.n, 99, &header, &wrong), -1);
	CHECK_STR(wrong.text, "max message size exceeded (100 where max=99)");
	buf_reset(&out);
	CHECK(!pyro_message_put(&out, &header, (struct span){ data, 65536 }, (struct span){ 0 }));
	buf_free(&out);
}

/* Reads all that can be read of it. */
static void read_all(const uint8_t *data, size_t n)
{
	uint8_t signature[PYRO_SIGNATURE_SIZE];
	struct pyro_header header;
	struct pyro_wrong wrong;
	struct buf out = { 0 };
	struct span annotations, payload, found;
	int head = pyro_header_read(data, n, FRAME_MAX, &header, &wrong);

	if (head <= 0 || (size_t)head + header.n_annotations + header.n_data > n)
		return;
	annotations = (struct span){ data + head, header.n_annotations };
	payload = (struct span){ data + head + annotations.n, header.n_data };
	if (!pyro_annotations_check(header.version, annotations, &wrong))
		return;
	(void)pyro_annotation_find(header.version, annotations, "XTRA", &found);
	CHECK(pyro_sign(span_of("key"), annotations, payload, signature));
	(void)pyro_inflate(payload, 10000, &out, &wrong);
	buf_free(&out);
}

/* Some bytes are others; a checksum may hide it. */
static void check_damaged(const struct frame *frame)
{
	static uint8_t data[FRAME_MAX + 1];
	uint32_t random = (uint32_t)frame->n;
	int times, i;
	size_t n;

	for (times = 0; times < OFTEN(500); times++) {
		n = frame->n;
		memcpy(data, frame->data, n);
		for (i = 0; i < 1 + times % 4; i++) {
			random = random * 1664525 + 1013904223;
			data[(random >> 8) % n] = (uint8_t)(random >> 24);
		}
		if (times % 8 == 0)
			n = (random >> 12) % n + 1;
		read_all(data, n);
	}
}

TEST(damaged_messages_are_read_without_harm)
{
	for_each(check_damaged);
}

static void check_lengths(unsigned version)
{
	struct buf out = { 0 };
	struct pyro_annotation annotation;
	struct pyro_wrong wrong;
	struct span all, rest;
	size_t n;

	pyro_annotation_put(&out, version, "ABCD", span_of("first"));
	pyro_annotation_put(&out, version, "EFGH", span_of(""));
	all = rest = span_of_buf(&out);
	CHECK(pyro_annotations_check(version, all, &wrong));
	CHECK(pyro_annotation_next(version, &rest, &annotation));
	CHECK_STR(annotation.id, "ABCD");
	CHECK(pyro_annotation_next(version, &rest, &annotation));
	CHECK(annotation.data.n == 0);
	CHECK(!pyro_annotation_next(version, &rest, &annotation));
	for (n = 1; n < all.n; n++)
		if (n != (version == PYRO_4 ? 11u : 13u))
			CHECK(!pyro_annotations_check(version, (struct span){ all.p, n }, &wrong));
	out.data[0] = '\n';
	CHECK(!pyro_annotations_check(version, all, &wrong));
	buf_free(&out);
}

TEST(annotations_whose_lengths_lie_are_refused)
{
	check_lengths(PYRO_4);
	check_lengths(PYRO_5);
}

TEST(annotations_are_counted)
{
	struct buf out = { 0 };
	struct pyro_wrong wrong;
	unsigned i;

	for (i = 0; i < PYRO_ANNOTATIONS; i++)
		pyro_annotation_put(&out, PYRO_4, "ABCD", span_of("x"));
	CHECK(pyro_annotations_check(PYRO_4, span_of_buf(&out), &wrong));
	pyro_annotation_put(&out, PYRO_4, "ABCD", span_of("x"));
	CHECK(!pyro_annotations_check(PYRO_4, span_of_buf(&out), &wrong));
	CHECK_STR(wrong.text, "more than 64 annotations");
	buf_free(&out);
}

static void check_inflated(const struct frame *frame)
{
	struct buf out = { 0 };
	struct pyro_wrong wrong;

	if (!strstr(frame->name, "_compressed"))
		return;
	REQUIRE(pyro_inflate(frame->payload, MAX, &out, &wrong));
	buf_append(&out, "", 1);
	REQUIRE(!out.broken);
	CHECK_HAS((const char *)out.data, "xxxxxxxxxxxxxxxxxxxx");
	CHECK(out.n > 500 && out.n < 700);
	buf_free(&out);
}

TEST(what_pyro_compressed_is_read)
{
	for_each(check_inflated);
}

TEST(inflating_is_bounded_and_says_what_is_wrong)
{
	static uint8_t zeros[1000000];
	struct buf small = { 0 }, out = { 0 };
	struct pyro_wrong wrong;
	struct span packed;

	REQUIRE(pyro_deflate((struct span){ zeros, sizeof(zeros) }, &small));
	packed = span_of_buf(&small);
	CHECK(packed.n < 2000);
	CHECK(pyro_inflate(packed, sizeof(zeros), &out, &wrong));
	CHECK_INT(out.n, sizeof(zeros));
	buf_free(&out);
	CHECK(!pyro_inflate(packed, sizeof(zeros) - 1, &out, &wrong));
	CHECK_STR(wrong.text, "max message size exceeded (when inflated, where max=999999)");
	CHECK(out.cap < 1u << 21);
	buf_free(&out);
	CHECK(!pyro_inflate((struct span){ packed.p, packed.n - 1 }, MAX, &out, &wrong));
	CHECK_STR(wrong.text, "the compressed payload is damaged");
	buf_free(&out);
	CHECK(!pyro_inflate(span_of("no zlib"), MAX, &out, &wrong));
	buf_free(&out);
	CHECK(!pyro_inflate((struct span){ 0 }, MAX, &out, &wrong));
	buf_free(&out);
	CHECK(!pyro_deflate(span_of("short"), &out));
	buf_free(&out);
	buf_free(&small);
}

TEST(who_takes_an_answer_bit_by_bit_has_no_more_time)
{
	enum { N = 4 << 20 };
	const struct door_peer who = { .address = "local" };
	struct budget_pool *pool = budget_pool_new(2 * N);
	struct pyro_connection *connection;
	char *piece = malloc(N);
	int64_t since;
	size_t sent;
	int fds[2];

	REQUIRE(piece != NULL && socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	connection = pyro_connection_new(NULL, fds[0], &who, pool);
	REQUIRE(connection != NULL);
	REQUIRE(buf_grow(&connection->out, N) != NULL);
	memset(connection->out.data, 0, N);
	CHECK(pyro_connection_send(connection));
	CHECK(!pyro_connection_has_sent(connection));
	CHECK_INT(connection->owed, N);
	since = connection->since;
	sent = connection->sent;
	while (pyro_now() == since)
		continue;
	CHECK(read(fds[1], piece, N) > 0);
	CHECK(pyro_connection_send(connection));
	CHECK(connection->sent > sent);
	CHECK(connection->since == since);
	pyro_connection_free(connection);
	budget_pool_unref(pool);
	close(fds[1]);
	free(piece);
}

TESTS(pyro_messages, T(a_recorded_message_is_built_again_byte_by_byte),
      T(both_versions_say_types_and_flags_in_one_way), T(annotations_and_correlation_ids_are_found),
      T(a_signature_holds_for_its_key_and_its_message_alone),
      T(a_header_that_is_not_whole_yet_is_waited_for),
      T(a_damaged_header_is_refused_in_pyros_words),
      T(a_message_may_be_as_large_as_is_said_and_no_larger),
      T(damaged_messages_are_read_without_harm), T(annotations_whose_lengths_lie_are_refused),
      T(annotations_are_counted), T(what_pyro_compressed_is_read),
      T(inflating_is_bounded_and_says_what_is_wrong),
      T(who_takes_an_answer_bit_by_bit_has_no_more_time))
