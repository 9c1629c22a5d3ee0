/* SPDX-License-Identifier: MIT */
/*
 * Three ends: the owner's object is passed to the server over one link, and by that, who stands in,
 * to a third end over another. What the third end calls goes through the server as bytes.
 */
#include "references_here.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ITEM = 32768,
	IN_ORDER = 1000,
	A_WINDOW = 10, /* is less than so many items of that size */
	/* Items of that size that may be under way from end to end: two windows of 256 KiB, what
	 * each link has taken of them, and one in each hand. */
	UNDER_WAY = 64
};

static struct node_place owners; /* whose threads run the object's methods */
static struct node owner;
static struct refs_Node *owned, *near, *third, *on;
static int cut_owner, cut_third;

static const struct pyr_proxy_options bounded = { .own_link = true, .timeout_ms = 20000 };

/* over_sockets: links that can be cut. */
static void open_forwarded(unsigned threads, bool over_sockets)
{
	open_all(threads);
	REQUIRE(node_open(&owners, &(struct pyr_daemon_options){ .threads = threads }));
	node_init(&owner, "owner");
	owned = refs_Node_object(owners.daemon, &node_methods, &owner, node_released);
	owner.self = owned;
	near = over_sockets ? over_socket(&cut_owner) : refs_Node_proxy_with(place.uri, &bounded);
	third = over_sockets ? over_socket(&cut_third) : refs_Node_proxy_with(place.uri, &bounded);
	REQUIRE(owned && near && third);
	CHECK_INT(refs_Node_keep(near, owned), 0);
	CHECK_INT(refs_Node_kept(third, &on), 0);
	REQUIRE(on && on != owned);
}

/* Nothing is left of it anywhere: the owner's object is released. */
static void close_forwarded(void)
{
	refs_Node_free(on);
	CHECK_INT(refs_Node_let_go(server), 0);
	refs_Node_free(third);
	refs_Node_free(owned);
	CHECK(node_reaches(&owner.n_released, 1));
	CHECK_INT(owner.n_in_streams, 0);
	refs_Node_free(near);
	node_close(&owners);
	node_fini(&owner);
	close_all();
}

/* The owner and the holder are pools, and serial daemons. */
#define FORWARDED(name, over_sockets)                                                              \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		open_forwarded(4, over_sockets);                                                   \
		name##_body();                                                                     \
		close_forwarded();                                                                 \
		open_forwarded(1, over_sockets);                                                   \
		name##_body();                                                                     \
		close_forwarded();                                                                 \
	}                                                                                          \
	static void name##_body(void)

static int32_t number_of(const struct pyr_bytes *item)
{
	int32_t number = -1;

	if (item->n >= sizeof(number))
		memcpy(&number, item->items, sizeof(number));
	return number;
}

/* Takes what is poured. Returns how many came in order; *ret_end: what came then. */
static int take_all(pyr_stream *stream, size_t size, int *ret_end)
{
	struct pyr_bytes *item;
	int n = 0;

	while ((*ret_end = refs_Node_pours_next(stream, &item)) > 0) {
		n += number_of(item) == n && item->n == size;
		pyr_free(item);
	}
	return n;
}

/* ---- both ways ---- */

FORWARDED(a_thousand_items_come_in_order_through_who_passed_it_on, false)
{
	pyr_stream *stream = NULL;
	int end;

	REQUIRE(refs_Node_pours(on, IN_ORDER, 1000, "", &stream) == 0);
	CHECK_INT(take_all(stream, 1000, &end), IN_ORDER);
	CHECK_INT(end, 0);
	pyr_stream_free(stream);
}

FORWARDED(a_thousand_items_go_in_order_through_who_passed_it_on, false)
{
	struct pyr_bytes item = { 1000, calloc(1, 1000) };
	pyr_stream *stream = NULL;
	int32_t i, n = 0;

	atomic_store(&owner.is_open, 1);
	REQUIRE(item.items && refs_Node_drinks(on, &stream) == 0);
	for (i = 0; i < IN_ORDER; i++) {
		memcpy(item.items, &i, sizeof(i));
		CHECK_INT(refs_Node_drinks_write(stream, &item), 0);
	}
	CHECK_INT(refs_Node_drinks_finish(stream, &n), 0);
	CHECK_INT(n, IN_ORDER);
	free(item.items);
}

FORWARDED(items_go_both_ways_at_once, false)
{
	pyr_stream *stream = NULL;
	char text[32], *back = NULL;
	int i;

	REQUIRE(refs_Node_echoes(on, &stream) == 0);
	for (i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%d", i);
		CHECK_INT(refs_Node_echoes_write(stream, text), 0);
		REQUIRE(refs_Node_echoes_next(stream, &back) == 1);
		CHECK_STR(back, text);
		pyr_free(back);
	}
	CHECK_INT(pyr_stream_end(stream), 0);
	CHECK_INT(refs_Node_echoes_next(stream, &back), 0);
	pyr_stream_free(stream);
}

FORWARDED(items_larger_than_the_window_go_through, false)
{
	enum { LARGE = 700000 };
	struct pyr_bytes item = { LARGE, calloc(1, LARGE) };
	pyr_stream *stream = NULL;
	int32_t i, n = 0;
	int end;

	REQUIRE(item.items && refs_Node_pours(on, 3, LARGE, "", &stream) == 0);
	CHECK_INT(take_all(stream, LARGE, &end), 3);
	CHECK_INT(end, 0);
	pyr_stream_free(stream);
	atomic_store(&owner.is_open, 1);
	REQUIRE(refs_Node_drinks(on, &stream) == 0);
	for (i = 0; i < 3; i++) {
		memcpy(item.items, &i, sizeof(i));
		CHECK_INT(refs_Node_drinks_write(stream, &item), 0);
	}
	CHECK_INT(refs_Node_drinks_finish(stream, &n), 0);
	CHECK_INT(n, 3);
	free(item.items);
}

/* ---- slow ends ---- */

static bool rises_to(atomic_int *number, int n)
{
	int i;

	for (i = 0; i < NODE_PATIENCE_MS && atomic_load(number) < n; i++)
		(void)pyr_sleep(1);
	return atomic_load(number) >= n;
}

FORWARDED(who_does_not_read_stops_the_owner, false)
{
	enum { N = 300 };
	struct pyr_bytes *item;
	pyr_stream *stream = NULL;
	int i, most = 0, ahead;

	atomic_store(&owner.n_poured, 0);
	REQUIRE(refs_Node_pours(on, N, ITEM, "", &stream) == 0);
	CHECK(rises_to(&owner.n_poured, A_WINDOW)); /* more than this end takes */
	for (i = 0; i < N && refs_Node_pours_next(stream, &item) > 0; i++) {
		CHECK_INT(number_of(item), i);
		pyr_free(item);
		ahead = atomic_load(&owner.n_poured) - i;
		most = ahead > most ? ahead : most;
	}
	CHECK_INT(i, N);
	CHECK(most <= UNDER_WAY);
	pyr_stream_free(stream);
}

static atomic_int n_written;

static void *write_all(void *stream)
{
	struct pyr_bytes item = { ITEM, calloc(1, ITEM) };
	int32_t i;

	for (i = 0; item.items && i < 300; i++) {
		memcpy(item.items, &i, sizeof(i));
		if (refs_Node_drinks_write(stream, &item) < 0)
			break;
		atomic_fetch_add(&n_written, 1);
	}
	free(item.items);
	return NULL;
}

FORWARDED(an_owner_that_does_not_read_stops_who_writes, false)
{
	pyr_stream *stream = NULL;
	pthread_t writer;
	int32_t n = 0, most, ahead;
	int i;

	atomic_store(&owner.is_open, 0);
	atomic_store(&owner.n_drunk, 0);
	atomic_store(&n_written, 0);
	REQUIRE(refs_Node_drinks(on, &stream) == 0);
	REQUIRE(pthread_create(&writer, NULL, write_all, stream) == 0);
	CHECK(node_reaches(&owner.n_in_streams, 1));
	CHECK(rises_to(&n_written, A_WINDOW));
	most = atomic_load(&n_written);
	atomic_store(&owner.is_open, 1);
	for (i = 0; i < NODE_PATIENCE_MS && atomic_load(&n_written) < 300; i++) {
		ahead = atomic_load(&n_written); /* first: what is drunk meanwhile makes it less */
		ahead -= atomic_load(&owner.n_drunk);
		most = ahead > most ? ahead : most;
		(void)pyr_sleep(1);
	}
	pthread_join(writer, NULL);
	CHECK_INT(refs_Node_drinks_finish(stream, &n), 0);
	CHECK_INT(n, 300);
	CHECK(most <= UNDER_WAY);
}

/* ---- ends ---- */

FORWARDED(who_gives_a_stream_up_ends_the_owners_method, false)
{
	struct pyr_bytes *item = NULL;
	pyr_stream *stream = NULL;

	REQUIRE(refs_Node_pours(on, 100000, ITEM, "", &stream) == 0);
	REQUIRE(refs_Node_pours_next(stream, &item) == 1);
	pyr_free(item);
	pyr_stream_free(stream);
	CHECK(node_reaches(&owner.n_in_streams, 0));
	atomic_store(&owner.is_open, 0);
	REQUIRE(refs_Node_drinks(on, &stream) == 0);
	CHECK(node_reaches(&owner.n_in_streams, 1));
	pyr_stream_free(stream);
	CHECK(node_reaches(&owner.n_in_streams, 0));
}

FORWARDED(an_exception_comes_behind_the_items, false)
{
	const struct refs_Refused *refused;
	pyr_stream *stream = NULL;
	int end;

	REQUIRE(refs_Node_pours(on, 20, ITEM, "no more", &stream) == 0);
	CHECK_INT(take_all(stream, ITEM, &end), 20);
	CHECK_INT(end, -PYR_ABORTED);
	CHECK_HAS(pyr_last_error()->trace, "in refs.Node.pours of 'obj_");
	refused = refs_Refused_caught();
	REQUIRE(refused != NULL);
	CHECK_STR(refused->why, "no more");
	pyr_stream_free(stream);
	pyr_error_free(pyr_error_take());
}

FORWARDED(a_streams_deadline_reaches_the_owner, false)
{
	const struct pyr_call_options soon = { .timeout_ms = 100 };
	pyr_stream *stream = NULL;
	int32_t n;

	atomic_store(&owner.is_open, 0);
	REQUIRE(refs_Node_drinks(refs_Node_with(on, &soon), &stream) == 0);
	CHECK_INT(refs_Node_drinks_finish(stream, &n), -PYR_DEADLINE_EXCEEDED);
	CHECK(node_reaches(&owner.n_in_streams, 0));
}

FORWARDED(a_stream_ends_with_the_link_to_its_owner, true)
{
	struct pyr_bytes *item = NULL;
	pyr_stream *stream = NULL;
	int32_t sum;
	int end;

	REQUIRE(refs_Node_pours(on, 100000, ITEM, "", &stream) == 0);
	REQUIRE(refs_Node_pours_next(stream, &item) == 1);
	pyr_free(item);
	shutdown(cut_owner, SHUT_RDWR);
	(void)take_all(stream, ITEM, &end);
	CHECK_INT(end, -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "ConnectionClosed");
	pyr_stream_free(stream);
	CHECK(node_reaches(&owner.n_in_streams, 0));
	CHECK_INT(refs_Node_add(on, 1, 2, &sum), -PYR_UNAVAILABLE);
	close(cut_owner);
	close(cut_third);
}

FORWARDED(a_stream_ends_with_the_link_to_who_passed_it_on, true)
{
	struct pyr_bytes *item = NULL;
	pyr_stream *stream = NULL;
	int end;

	REQUIRE(refs_Node_pours(on, 100000, ITEM, "", &stream) == 0);
	REQUIRE(refs_Node_pours_next(stream, &item) == 1);
	pyr_free(item);
	shutdown(cut_third, SHUT_RDWR);
	CHECK(node_reaches(&owner.n_in_streams, 0));
	(void)take_all(stream, ITEM, &end);
	CHECK_INT(end, -PYR_UNAVAILABLE);
	pyr_stream_free(stream);
	close(cut_owner);
	close(cut_third);
}

/* ---- references in what goes through ---- */

FORWARDED(references_in_items_go_through, false)
{
	struct refs_Node *node = NULL;
	struct refs_Card *card = NULL;
	pyr_stream *stream = NULL;
	int32_t sum = 0;
	int n, i = 0;

	REQUIRE(refs_Node_makes(on, 100, &stream) == 0);
	while ((n = refs_Node_makes_next(stream, &node)) > 0) {
		CHECK_INT(refs_Node_add(node, i, 1, &sum), 0);
		CHECK_INT(sum, ++i);
		refs_Node_free(node);
	}
	CHECK_INT(n, 0);
	CHECK_INT(i, 100);
	pyr_stream_free(stream);
	CHECK(node_reaches(&nodes_alive, 0));
	REQUIRE(refs_Node_ask_all(on, 0, &stream) == 0);
	for (i = 0; i < 100; i++)
		CHECK_INT(refs_Node_ask_all_write(stream, object), 0);
	CHECK_INT(refs_Node_ask_all_finish(stream, &sum), 0);
	CHECK_INT(sum, 100);
	REQUIRE(refs_Node_cards(on, &stream) == 0);
	CHECK_INT(refs_Node_cards_write(stream, &(struct refs_Card){ "me", object }), 0);
	REQUIRE(refs_Node_cards_next(stream, &card) == 1);
	CHECK(card->node == object); /* it came home, through two hops each way */
	pyr_free(card);
	pyr_stream_free(stream);
}

FORWARDED(references_in_calls_and_errors_go_through, false)
{
	struct refs_Node *back = NULL, *made = NULL, *z = NULL;
	const struct refs_Taken *taken;
	int32_t sum = 0;

	CHECK_INT(refs_Node_ask(on, object, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(refs_Node_same(on, object, &back), 0);
	CHECK(back == object);
	refs_Node_free(back);
	CHECK_INT(refs_Node_same(on, on, &back), 0); /* the owner's */
	CHECK(pyr_proxy_same(refs_Node_as_proxy(back), refs_Node_as_proxy(on)));
	refs_Node_free(back);
	CHECK_INT(refs_Node_same(on, third, &back), 0); /* by its URI */
	CHECK_INT(refs_Node_add(back, 2, 3, &sum), 0);
	refs_Node_free(back);
	CHECK_INT(refs_Node_make(on, "x", &made), 0);
	CHECK_INT(refs_Node_swap(on, made, object, &back, &z), 0);
	CHECK(back == object);
	CHECK_INT(refs_Node_add(z, 3, 4, &sum), 0);
	CHECK_INT(sum, 7);
	refs_Node_free(made);
	refs_Node_free(back);
	refs_Node_free(z);
	CHECK_INT(refs_Node_take(on, object), -PYR_ABORTED);
	taken = refs_Taken_caught();
	REQUIRE(taken != NULL);
	CHECK(taken->by == object);
	pyr_error_free(pyr_error_take());
	CHECK(node_reaches(&nodes_alive, 0));
}

FORWARDED(an_any_goes_through_with_its_references, false)
{
	pyr_any *back = NULL, *any = refs_Card_to_any(NULL, &(struct refs_Card){ "x", object });
	struct refs_Card *card = NULL;

	CHECK_INT(refs_Node_passes(on, any, &back), 0);
	CHECK_INT(refs_Card_from_any(back, &card), 0);
	CHECK(card && card->node == object);
	pyr_free(card);
	pyr_free(back);
	CHECK_INT(refs_Node_keep_any(on, any), 0);
	pyr_free(any);
	CHECK_INT(refs_Node_kept_any(near, &back), 0); /* the server has none */
	CHECK(back == NULL);
	CHECK_INT(refs_Node_keep_any(server, NULL), 0);
	CHECK_INT(refs_Node_kept_any(on, &back), 0);
	CHECK_INT(refs_Card_from_any(back, &card), 0);
	CHECK(card && card->node == object);
	pyr_free(card);
	pyr_free(back);
	CHECK_INT(refs_Node_keep_any(on, NULL), 0);
}

/* ---- who passes it on knows nothing of it ---- */

FORWARDED(an_Object_is_passed_on_by_who_never_narrowed_it, false)
{
	struct refs_Stranger *stranger;
	pyr_object *held = NULL;
	struct refs_Named *named;
	struct refs_Node *node;
	char *name = NULL;
	int32_t sum = 0;

	CHECK_INT(refs_Node_hold(near, refs_Node_as_proxy(owned)), 0);
	CHECK_INT(refs_Node_held(third, &held), 0);
	CHECK_INT(refs_Node_hold(near, NULL), 0);
	REQUIRE(held != NULL);
	named = refs_Named_narrow(held); /* asks the owner */
	REQUIRE(named != NULL);
	CHECK_INT(refs_Named_name(named, &name), 0);
	CHECK_STR(name, "owner");
	pyr_free(name);
	node = refs_Node_narrow(held);
	REQUIRE(node != NULL);
	CHECK_INT(refs_Node_add(node, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	stranger = refs_Stranger_narrow(held);
	CHECK(stranger == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_errmsg(), "has the interface refs.Node, not refs.Stranger");
	refs_Named_free(named);
	refs_Node_free(node);
	pyr_proxy_free(held);
}

FORWARDED(batches_and_oneways_go_through_in_order, false)
{
	pyr_batch *batch = pyr_batch_new(refs_Node_as_proxy(on));
	struct refs_Node *later = refs_Node_batch(batch);
	int32_t sums[3] = { 0 };
	char *log = NULL;
	int i;

	REQUIRE(later != NULL);
	for (i = 0; i < 3; i++)
		CHECK_INT(refs_Node_add(later, i, 1, &sums[i]), 0);
	CHECK_INT(pyr_batch_run(batch), 0);
	for (i = 0; i < 3; i++)
		CHECK_INT(sums[i], i + 1);
	pyr_batch_free(batch);
	for (i = 0; i < 5; i++)
		CHECK_INT(refs_Node_note(on, "x"), 0);
	CHECK_INT(refs_Node_log(on, &log), 0);
	CHECK_STR(log, "x;x;x;x;x;");
	pyr_free(log);
}

TESTS(references_forward, T(a_thousand_items_come_in_order_through_who_passed_it_on),
      T(a_thousand_items_go_in_order_through_who_passed_it_on), T(items_go_both_ways_at_once),
      T(items_larger_than_the_window_go_through), T(who_does_not_read_stops_the_owner),
      T(an_owner_that_does_not_read_stops_who_writes),
      T(who_gives_a_stream_up_ends_the_owners_method), T(an_exception_comes_behind_the_items),
      T(a_streams_deadline_reaches_the_owner), T(a_stream_ends_with_the_link_to_its_owner),
      T(a_stream_ends_with_the_link_to_who_passed_it_on), T(references_in_items_go_through),
      T(references_in_calls_and_errors_go_through), T(an_any_goes_through_with_its_references),
      T(an_Object_is_passed_on_by_who_never_narrowed_it),
      T(batches_and_oneways_go_through_in_order))
