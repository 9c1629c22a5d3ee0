/* SPDX-License-Identifier: MIT */
/*
 * What an owner tells of its object, which another end passes on. The owner is a socket of the
 * test's; the holder is a daemon, and proxies of this process are the third ends.
 */
#include "references_here.h"

#include <malloc.h>
#include <poll.h>
#include <stdio.h>

#include "wire/codec_reference.h"
#include "wire/frame.h"

enum { PATIENCE_MS = 20000, PROXIES = 48, LONG = 200000, KEPT_MAX = 65536 };

static const uint8_t id[REFERENCE_ID] = "sixteen random b";

struct owner {
	int fd;
	struct buf in; /* a message, */
	size_t at;     /* read up to there */
};

static void take(int fd, void *to, size_t n)
{
	struct pollfd end = { .fd = fd, .events = POLLIN };
	uint8_t *p = to;
	ssize_t got;

	for (; n > 0; n -= (size_t)got, p += got) {
		REQUIRE(poll(&end, 1, PATIENCE_MS) == 1);
		got = recv(fd, p, n, 0);
		REQUIRE(got > 0);
	}
}

static void say(const struct owner *owner, const struct frame *frame)
{
	struct buf message = { 0 };
	uint8_t head[4];
	size_t i;

	REQUIRE(frame_append(&message, frame));
	for (i = 0; i < sizeof(head); i++)
		head[i] = (uint8_t)(message.n >> 8 * i);
	REQUIRE(send(owner->fd, head, sizeof(head), MSG_NOSIGNAL) == sizeof(head));
	REQUIRE(send(owner->fd, message.data, message.n, MSG_NOSIGNAL) == (ssize_t)message.n);
	buf_free(&message);
}

/* The next frame of a type that comes. */
static struct frame hear(struct owner *owner, enum frame_type type)
{
	struct frame frame = { 0 };
	const uint8_t *at;
	uint8_t head[4];

	do {
		if (owner->at == owner->in.n) {
			take(owner->fd, head, sizeof(head));
			buf_reset(&owner->in);
			owner->at = head[0] | head[1] << 8 | head[2] << 16;
			REQUIRE(owner->at > 0 && buf_grow(&owner->in, owner->at) != NULL);
			take(owner->fd, owner->in.data, owner->in.n);
			owner->at = 0;
		}
		at = owner->in.data + owner->at;
		REQUIRE(frame_read(&at, owner->in.data + owner->in.n, &frame) == 1);
		owner->at = (size_t)(at - owner->in.data);
	} while (frame.type != type);
	return frame;
}

static void begin(struct owner *owner)
{
	struct frame hello = { .type = FRAME_HELLO, .min_version = 1, .max_version = 1 };
	struct frame bind = { .type = FRAME_BIND, .session = 1, .object = span_of("node") };
	char preface[sizeof(FRAME_PREFACE) - 1];
	struct sockaddr_in to = { .sin_family = AF_INET };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(strrchr(place.uri, ':') + 1));
	*owner = (struct owner){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	REQUIRE(connect(owner->fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	REQUIRE(send(owner->fd, FRAME_PREFACE, sizeof(preface), MSG_NOSIGNAL) == sizeof(preface));
	take(owner->fd, preface, sizeof(preface));
	say(owner, &hello);
	bind.interface = span_of(refs_Node_interface.name);
	bind.fingerprint = refs_Node_interface.fingerprint;
	say(owner, &bind);
	CHECK_INT(hear(owner, FRAME_BOUND).code, 0);
}

/* Passes its object, which the daemon keeps. */
static void pass(struct owner *owner)
{
	struct codec_reference reference = { .fingerprint = refs_Node_interface.fingerprint };
	struct frame call = { .type = FRAME_CALL, .number = 1, .session = 1 };
	struct frame_reference told = { .is_home = false };
	struct buf body = { 0 }, inner = { 0 }, payload = { 0 };
	uint32_t i;

	for (i = 0; strcmp(refs_Node_interface.operations[i].name, "refs.Node.keep") != 0; i++)
		REQUIRE(i + 1 < refs_Node_interface.n_operations);
	reference.interface = span_of(refs_Node_interface.name);
	reference.link_local = (struct span){ id, sizeof(id) };
	codec_reference_write(&reference, &inner);
	memcpy(told.id, id, sizeof(id));
	memcpy(told.name, id, sizeof(id));
	frame_put_reference(&body, FRAME_CALL, &told);
	REQUIRE(inner.n < 128);
	buf_append(&payload, (const uint8_t[]){ 1 << 3 | 2, (uint8_t)inner.n }, 2);
	buf_append(&payload, inner.data, inner.n);
	call.operation = i;
	call.flags = FRAME_REFERENCES;
	call.body = span_of_buf(&body);
	call.payload = span_of_buf(&payload);
	say(owner, &call);
	CHECK_INT(hear(owner, FRAME_REPLY).number, 1);
	buf_free(&body);
	buf_free(&inner);
	buf_free(&payload);
}

static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* One more end, which the owner refuses at length. */
static struct refs_Node *refused(struct owner *owner, struct refs_Node *third, struct span text)
{
	struct frame bound = { .type = FRAME_BOUND, .code = PYR_PERMISSION_DENIED };
	struct frame error = { .type = FRAME_ERROR, .code = PYR_PERMISSION_DENIED };
	struct refs_Node *on = NULL;
	pyr_future *future;

	CHECK_INT(refs_Node_kept(third, &on), 0);
	future = refs_Node_add_start(on, 1, 2);
	REQUIRE(future != NULL);
	bound.session = hear(owner, FRAME_BIND).session;
	bound.message = text;
	say(owner, &bound);
	error.number = hear(owner, FRAME_CALL).number;
	say(owner, &error);
	CHECK_INT(refs_Node_add_get(future, NULL), -PYR_PERMISSION_DENIED);
	return on;
}

/* Under sanitizers nothing is measured. */
TEST(what_an_owner_says_of_a_refused_bind_is_not_kept_with_the_session)
{
	static struct refs_Node *refused_ones[PROXIES];
	static char text[LONG + 1];
	struct refs_Node *third;
	struct owner owner;
	size_t before;
	int i;

	memset(text, 'x', LONG);
	open_all(4);
	begin(&owner);
	pass(&owner);
	third = refs_Node_proxy(place.uri);
	refused_ones[0] = refused(&owner, third, span_of(text));
	before = in_use();
	for (i = 1; i < PROXIES; i++)
		refused_ones[i] = refused(&owner, third, span_of(text));
	CHECK(in_use() < before + (size_t)PROXIES * KEPT_MAX);
	for (i = 0; i < PROXIES; i++)
		refs_Node_free(refused_ones[i]);
	refs_Node_free(third);
	close(owner.fd);
	buf_free(&owner.in);
	close_all();
}

TESTS(references_told, T(what_an_owner_says_of_a_refused_bind_is_not_kept_with_the_session))
