/* SPDX-License-Identifier: MIT */
/* A link that tries one kind after the other. */
#include <pyrite/pyrite.h>

#include <stdlib.h>
#include <string.h>

#include "link/link.h"
#include "link/link_auto.h"
#include "test.h"

/* A link that does what the test says. */
struct one {
	struct link link;
	bool is_over;
	unsigned n_written, n_closes;
	const struct link_message *message; /* the last that it was given */
	bool is_freed;
};

static struct one first, second;

static enum link_write write_one(struct link *link, const struct link_message *message)
{
	if (((struct one *)link)->is_over)
		return LINK_OVER;
	((struct one *)link)->message = message;
	((struct one *)link)->n_written++;
	return LINK_WRITING;
}

static void close_one(struct link *link, int code, const char *text)
{
	(void)code;
	(void)text;
	((struct one *)link)->n_closes++;
}

static void free_one(struct link *link)
{
	((struct one *)link)->is_freed = true;
}

static struct link *open_one(struct one *one, const struct link_events *events, void *owner)
{
	static const struct link_kind kind = { .write = write_one,
					       .close = close_one,
					       .free = free_one };

	*one = (struct one){ .link = { .kind = &kind, .events = events, .owner = owner } };
	return &one->link;
}

static struct link *open_first(const struct link_target *target, const struct link_events *events,
			       void *owner)
{
	(void)target;
	return open_one(&first, events, owner);
}

static struct link *open_second(const struct link_target *target, const struct link_events *events,
				void *owner)
{
	(void)target;
	return open_one(&second, events, owner);
}

struct heard {
	unsigned n_written, n_closed;
	int code;
	bool is_other;
};

static void on_message(void *owner, struct span message)
{
	(void)owner;
	(void)message;
}

static void on_written(void *owner)
{
	((struct heard *)owner)->n_written++;
}

static void on_closed(void *owner, const struct link_end *end)
{
	struct heard *heard = owner;

	heard->n_closed++;
	heard->code = end->code;
	heard->is_other = end->is_other;
}

static const struct link_events events = { on_message, on_written, on_closed };
static const struct link_end stranger = { .code = PYR_FAILED_PRECONDITION,
					  .is_other = true,
					  .text = "it does not speak frames" };

static struct link *connect_by(link_open *const *kinds, struct heard *heard)
{
	static const pyr_uri uri = { .host = "a", .socket = "" };
	struct link_target target = { .kinds = kinds, .uri = &uri, .target = "t", .address = "a" };
	struct link *link;

	*heard = (struct heard){ 0 };
	second = (struct one){ 0 };
	link = link_auto_connect(&target, &events, heard);
	REQUIRE(link != NULL);
	return link;
}

static struct link *connect_auto(struct heard *heard)
{
	static link_open *const kinds[] = { open_first, open_second, NULL };

	return connect_by(kinds, heard);
}

static void tell_first(const struct link_end *end)
{
	first.link.events->closed(first.link.owner, end);
}

TEST(a_server_that_speaks_something_else_is_tried_with_the_next_kind)
{
	struct link_message message = { { span_of("hello") }, 1, 5 };
	struct heard heard;
	struct link *link = connect_auto(&heard);

	CHECK(link->kind->write(link, &message) == LINK_WRITING);
	tell_first(&stranger);
	CHECK_INT(heard.n_closed, 0);
	CHECK(first.is_freed);
	CHECK_INT(second.n_written, 1);
	second.link.events->closed(second.link.owner, &stranger);
	CHECK_INT(heard.n_closed, 1);
	CHECK_INT(heard.code, PYR_FAILED_PRECONDITION);
	link->kind->free(link);
}

TEST(what_the_next_kind_is_given_stays_until_it_is_written)
{
	static link_open *const kinds[] = { open_first, open_second, open_second, NULL };
	struct link_message message = { { span_of("hello") }, 1, 5 };
	struct heard heard;
	struct link *link = connect_by(kinds, &heard);
	uint8_t sent[5];

	CHECK(link->kind->write(link, &message) == LINK_WRITING);
	tell_first(&stranger);
	REQUIRE(second.message && second.message->n == 5);
	second.link.events->message(second.link.owner, span_of("it is there"));
	link_message_copy(second.message, sent);
	CHECK(memcmp(sent, "hello", 5) == 0);
	CHECK_INT(heard.n_written, 0);
	second.link.events->written(second.link.owner);
	CHECK_INT(heard.n_written, 1);
	link->kind->free(link);
}

/* Its end is on the way to the leader when another thread writes. */
TEST(what_is_written_while_the_first_kind_ends_is_taken_by_the_next)
{
	struct link_message message = { { span_of("hello") }, 1, 5 };
	struct heard heard;
	struct link *link = connect_auto(&heard);

	first.is_over = true;
	CHECK(link->kind->write(link, &message) == LINK_WRITING);
	tell_first(&stranger);
	CHECK_INT(second.n_written, 1);
	CHECK_INT(heard.n_written, 0);
	second.link.events->written(second.link.owner);
	CHECK_INT(heard.n_written, 1);
	CHECK_INT(heard.n_closed, 0);
	link->kind->free(link);
}

TEST(nothing_is_taken_by_a_link_that_its_owner_has_closed)
{
	struct link_message message = { { span_of("hello") }, 1, 5 };
	struct heard heard;
	struct link *link = connect_auto(&heard);

	first.is_over = true;
	link->kind->close(link, 0, "");
	CHECK(link->kind->write(link, &message) == LINK_OVER);
	tell_first(&stranger);
	CHECK_INT(heard.n_written, 0);
	CHECK_INT(heard.n_closed, 1);
	link->kind->free(link);
}

/* What was to go on over it may go on over another: it is as with any link that ends. */
TEST(a_link_that_its_owner_closes_while_it_is_tried_is_unavailable)
{
	struct heard heard;
	struct link *link = connect_auto(&heard);

	link->kind->close(link, 0, "");
	CHECK_INT(first.n_closes, 1);
	tell_first(&stranger);
	CHECK(!second.link.kind);
	CHECK_INT(heard.n_closed, 1);
	CHECK_INT(heard.code, PYR_UNAVAILABLE);
	CHECK(!heard.is_other);
	link->kind->free(link);
	CHECK(first.is_freed);
}

int main(void)
{
	static const struct test_case tests[] = {
		T(a_server_that_speaks_something_else_is_tried_with_the_next_kind),
		T(what_the_next_kind_is_given_stays_until_it_is_written),
		T(what_is_written_while_the_first_kind_ends_is_taken_by_the_next),
		T(nothing_is_taken_by_a_link_that_its_owner_has_closed),
		T(a_link_that_its_owner_closes_while_it_is_tried_is_unavailable),
	};

	return test_main("link_auto", tests, sizeof(tests) / sizeof(tests[0]));
}
