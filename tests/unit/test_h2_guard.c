/* SPDX-License-Identifier: MIT */
/* Header blocks of HTTP/2 on their way to gRPC core: long ones end their connection. */
#include "link/h2_guard.h"

#include <string.h>

#include "test.h"

enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PUSH_PROMISE = 5, CONTINUATION = 9, UNKNOWN = 77 };
enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8, PRIORITY = 32 };
enum { MOST = 400000 };

static uint8_t bytes[MOST];
static size_t n_bytes;

static void begin(void)
{
	memcpy(bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", H2_GUARD_PREFACE);
	n_bytes = H2_GUARD_PREFACE;
}

static void frame(uint8_t type, uint8_t flags, uint32_t n)
{
	uint8_t head[H2_GUARD_HEAD] = {
		(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, type, flags, 0, 0, 0, 1
	};

	REQUIRE(n_bytes + sizeof(head) + n <= sizeof(bytes));
	memcpy(bytes + n_bytes, head, sizeof(head));
	memset(bytes + n_bytes + sizeof(head), 0x01, n); /* as a head: a HEADERS frame */
	n_bytes += sizeof(head) + n;
}

/* In pieces of that size. Returns how many bytes passed before it ended; SIZE_MAX: all. */
static size_t passes_guard(struct h2_guard guard, size_t piece, enum h2_guard_verdict *ret)
{
	size_t at, n;

	for (at = 0; at < n_bytes; at += n) {
		n = n_bytes - at < piece ? n_bytes - at : piece;
		*ret = h2_guard_pass(&guard, bytes + at, n);
		if (*ret != H2_GUARD_PASSES)
			return at;
	}
	return SIZE_MAX;
}

static size_t passes(size_t piece)
{
	enum h2_guard_verdict verdict;
	size_t at = passes_guard((struct h2_guard){ 0 }, piece, &verdict);

	CHECK(at == SIZE_MAX || verdict == H2_GUARD_LONG);
	return at;
}

static const size_t pieces[] = { 1, 2, 5, 8, 9, 10, 23, 24, 25, 4096, MOST };
enum { N_PIECES = sizeof(pieces) / sizeof(pieces[0]) };

TEST(what_callers_send_passes_in_pieces_of_any_size)
{
	size_t i;

	begin();
	frame(SETTINGS, 0, 30);
	frame(SETTINGS, 1, 0);
	frame(HEADERS, END_HEADERS, H2_GUARD_BLOCK);
	frame(DATA, 0, 100000);
	frame(HEADERS, 0, 30000);
	frame(CONTINUATION, 0, 30000);
	frame(CONTINUATION, END_HEADERS, H2_GUARD_BLOCK - 60000);
	frame(HEADERS, END_HEADERS, 40000);
	for (i = 0; i < N_PIECES; i++)
		CHECK(passes(pieces[i]) == SIZE_MAX);
}

TEST(a_long_header_ends_with_the_head_that_makes_it_long)
{
	size_t i, before;

	begin();
	frame(HEADERS, 0, 60000);
	frame(CONTINUATION, 0, H2_GUARD_BLOCK - 60000);
	before = n_bytes + H2_GUARD_HEAD;
	frame(CONTINUATION, 0, 1);
	for (i = 0; i < N_PIECES; i++) {
		CHECK(passes(pieces[i]) < before);
		CHECK(passes(pieces[i]) + pieces[i] >= before);
	}
	begin();
	frame(HEADERS, END_HEADERS, H2_GUARD_BLOCK + 1);
	CHECK_INT(passes(1), H2_GUARD_PREFACE + H2_GUARD_HEAD - 1);
}

/* Core copies the whole block for each of them. */
TEST(a_header_in_too_many_frames_ends_though_it_is_short)
{
	size_t i, before;

	begin();
	frame(HEADERS, 0, 1000);
	for (i = 1; i < H2_GUARD_FRAMES - 1; i++)
		frame(CONTINUATION, 0, i % 2);
	frame(CONTINUATION, END_HEADERS, 0);
	frame(HEADERS, 0, 1000);
	for (i = 1; i < H2_GUARD_FRAMES; i++)
		frame(CONTINUATION, 0, 0);
	CHECK(passes(1) == SIZE_MAX);
	before = n_bytes + H2_GUARD_HEAD - 1;
	frame(CONTINUATION, END_HEADERS, 0);
	CHECK_INT(passes(1), before);
}

static void frame_of(uint8_t type, uint8_t flags, uint32_t n, uint8_t stream)
{
	size_t at = n_bytes;

	frame(type, flags, n);
	bytes[at + H2_GUARD_HEAD - 1] = stream;
}

/* Whatever core would do with these: only the end of the block lets another begin. */
TEST(other_frames_and_streams_do_not_hide_the_length_of_a_block)
{
	size_t before;

	begin();
	frame_of(HEADERS, PADDED | PRIORITY, 30000, 1);
	frame_of(DATA, END_STREAM, 10, 1);
	frame_of(PUSH_PROMISE, END_HEADERS, 10, 1);
	frame_of(UNKNOWN, END_HEADERS, 0, 0);
	frame_of(HEADERS, PADDED | END_STREAM, 30000, 3);
	frame_of(SETTINGS, 0, 6, 0);
	before = n_bytes + H2_GUARD_HEAD - 1;
	frame_of(CONTINUATION, END_HEADERS, 10000, 5);
	CHECK_INT(passes(1), before);
	begin();
	frame_of(CONTINUATION, 0, 60000, 1); /* without HEADERS */
	before = n_bytes + H2_GUARD_HEAD - 1;
	frame_of(CONTINUATION, END_HEADERS, 10000, 1);
	CHECK_INT(passes(1), before);
}

/* A frame may say more than ever comes. */
TEST(the_longest_frames_do_not_overflow)
{
	size_t i;

	begin();
	for (i = 0; i < 4; i++) {
		bytes[n_bytes] = bytes[n_bytes + 1] = bytes[n_bytes + 2] = 0xff;
		bytes[n_bytes + 3] = HEADERS;
		memset(bytes + n_bytes + 4, 0, 5);
		n_bytes += H2_GUARD_HEAD;
	}
	CHECK_INT(passes(1), H2_GUARD_PREFACE + H2_GUARD_HEAD - 1);
}

/* ---- what a server sends ---- */

static size_t passes_of_server(size_t piece, enum h2_guard_verdict *ret)
{
	struct h2_guard guard = { 0 };

	h2_guard_expect_server(&guard);
	return passes_guard(guard, piece, ret);
}

TEST(what_servers_send_passes_until_a_header_is_too_long)
{
	enum h2_guard_verdict verdict;
	size_t i, before;

	n_bytes = 0;
	frame(SETTINGS, 0, 30);
	frame(SETTINGS, 1, 0);
	frame(HEADERS, END_HEADERS, H2_GUARD_BLOCK);
	frame(DATA, 0, 100000);
	for (i = 0; i < N_PIECES; i++)
		CHECK(passes_of_server(pieces[i], &verdict) == SIZE_MAX);
	before = n_bytes + H2_GUARD_HEAD - 1;
	frame(HEADERS, END_HEADERS | END_STREAM, H2_GUARD_BLOCK + 1);
	CHECK_INT(passes_of_server(1, &verdict), before);
	CHECK_INT(verdict, H2_GUARD_LONG);
}

/* RFC 9113, 3.4 */
TEST(a_server_that_does_not_begin_with_settings_speaks_something_else)
{
	static const char *const others[] = { "HTTP/1.1 400 Bad Request\r\n\r\n",
					      "SSH-2.0-OpenSSH_9.2\r\n" };
	enum h2_guard_verdict verdict;
	size_t i;

	for (i = 0; i < 2; i++) {
		n_bytes = strlen(others[i]);
		memcpy(bytes, others[i], n_bytes);
		CHECK_INT(passes_of_server(1, &verdict), H2_GUARD_HEAD - 1);
		CHECK_INT(verdict, H2_GUARD_FOREIGN);
	}
	n_bytes = 0;
	frame(SETTINGS, 1, 0); /* acknowledges what may not have come */
	CHECK_INT(passes_of_server(1, &verdict), H2_GUARD_HEAD - 1);
	CHECK_INT(verdict, H2_GUARD_FOREIGN);
	n_bytes = 0;
	frame(HEADERS, END_HEADERS, 10);
	CHECK_INT(passes_of_server(MOST, &verdict), 0);
	CHECK_INT(verdict, H2_GUARD_FOREIGN);
	n_bytes = H2_GUARD_HEAD - 1; /* not known yet */
	CHECK(passes_of_server(1, &verdict) == SIZE_MAX);
}

TESTS(h2_guard, T(what_callers_send_passes_in_pieces_of_any_size),
      T(a_long_header_ends_with_the_head_that_makes_it_long),
      T(a_header_in_too_many_frames_ends_though_it_is_short),
      T(other_frames_and_streams_do_not_hide_the_length_of_a_block),
      T(the_longest_frames_do_not_overflow), T(what_servers_send_passes_until_a_header_is_too_long),
      T(a_server_that_does_not_begin_with_settings_speaks_something_else))
