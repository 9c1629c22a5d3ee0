/* SPDX-License-Identifier: MIT */
/* References in exceptions, in items of streams and in batches. */
#include "references_here.h"

#include <unistd.h>

#include "base/budget.h"
#include "reference/taker.h"
#include "wire/codec_any.h"
#include "wire/codec_reference.h"

/* ---- exceptions ---- */

BOTH(an_exception_carries_references)
{
	const struct refs_Taken *taken;
	struct refs_Node *by, *made = NULL;
	int32_t sum = 0;

	CHECK_INT(refs_Node_take(server, object), -PYR_ABORTED);
	taken = refs_Taken_caught();
	REQUIRE(taken != NULL);
	CHECK_STR(taken->why, "taken");
	CHECK(taken->by == object);
	CHECK_INT(refs_Node_make(server, "x", &made), 0);
	CHECK_INT(refs_Node_take(server, made), -PYR_ABORTED);
	refs_Node_free(made);
	taken = refs_Taken_caught();
	REQUIRE(taken && taken->by);
	by = refs_Node_dup(taken->by);
	CHECK_INT(refs_Node_add(by, 1, 2, &sum), 0); /* the error of before stays */
	CHECK_INT(sum, 3);
	CHECK_INT(refs_Node_refuse(by, "no"), -PYR_ABORTED); /* and is replaced */
	CHECK_INT(refs_Node_add(by, 3, 4, &sum), 0);
	CHECK_INT(sum, 7);
	CHECK_INT(atomic_load(&nodes_alive), 1);
	refs_Node_free(by);
	CHECK(node_reaches(&nodes_alive, 0));
}

BOTH(an_error_holds_what_its_exception_carries)
{
	struct refs_Node *made = NULL;
	pyr_error *error;

	CHECK_INT(refs_Node_make(server, "x", &made), 0);
	CHECK_INT(refs_Node_take(server, made), -PYR_ABORTED);
	refs_Node_free(made);
	error = pyr_error_take();
	CHECK_INT(atomic_load(&nodes_alive), 1); /* nobody has caught it */
	pyr_error_free(error);
	CHECK(node_reaches(&nodes_alive, 0));
}

BOTH(an_exception_is_handed_on_with_its_references)
{
	const struct refs_Taken *taken;
	struct refs_Node *made = NULL;
	int32_t sum = 0;

	CHECK_INT(refs_Node_ask_to_take(server, object, object), -PYR_ABORTED);
	taken = refs_Taken_caught();
	REQUIRE(taken != NULL);
	CHECK(taken->by == object);
	CHECK_INT(refs_Node_make(server, "x", &made), 0);
	CHECK_INT(refs_Node_ask_to_take(server, object, made), -PYR_ABORTED);
	refs_Node_free(made);
	CHECK_HAS(pyr_last_error()->trace, "in refs.Node.take of 'obj_");
	taken = refs_Taken_caught();
	REQUIRE(taken && taken->by);
	CHECK_INT(refs_Node_add(taken->by, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	pyr_error_free(pyr_error_take());
	CHECK(node_reaches(&nodes_alive, 0));
}

TEST(an_exception_with_references_is_refused_over_plain_gRPC)
{
	struct refs_Node *plain;

	open_all(4);
	plain = refs_Node_proxy_with(place.uri,
				     &(struct pyr_proxy_options){ .plain = PYR_PLAIN_ONLY });
	CHECK_INT(refs_Node_take(plain, NULL), -PYR_UNIMPLEMENTED);
	CHECK_HAS(pyr_errmsg(), "references cannot be passed over plain gRPC");
	CHECK(refs_Taken_caught() == NULL);
	refs_Node_free(plain);
	close_all();
}

/* ---- streams ---- */

BOTH(items_of_a_result_carry_references)
{
	struct refs_Node *node = NULL;
	pyr_stream *stream = NULL;
	int32_t sum = 0;
	int n, i = 0;

	CHECK_INT(refs_Node_makes(server, 200, &stream), 0);
	while ((n = refs_Node_makes_next(stream, &node)) > 0) {
		CHECK_INT(refs_Node_add(node, i, 1, &sum), 0);
		CHECK_INT(sum, ++i);
		refs_Node_free(node);
	}
	CHECK_INT(n, 0);
	CHECK_INT(i, 200);
	pyr_stream_free(stream);
	CHECK(node_reaches(&nodes_alive, 0));
}

BOTH(items_of_a_parameter_carry_references)
{
	pyr_stream *stream = NULL;
	int32_t sum = 0;
	int i;

	CHECK_INT(refs_Node_ask_all(server, 0, &stream), 0);
	for (i = 0; i < 200; i++)
		CHECK_INT(refs_Node_ask_all_write(stream, object), 0);
	refs_Node_free(object); /* the items have it */
	object = NULL;
	CHECK_INT(refs_Node_ask_all_finish(stream, &sum), 0);
	CHECK_INT(sum, 200);
}

BOTH(references_in_items_come_home)
{
	struct refs_Card *card = NULL;
	pyr_stream *stream = NULL;
	int i;

	CHECK_INT(refs_Node_cards(server, &stream), 0);
	for (i = 0; i < 20; i++) {
		CHECK_INT(refs_Node_cards_write(stream, &(struct refs_Card){ "me", object }), 0);
		CHECK_INT(refs_Node_cards_write(stream, &(struct refs_Card){ "nil", NULL }), 0);
		REQUIRE(refs_Node_cards_next(stream, &card) == 1);
		CHECK(card->node == object);
		pyr_free(card);
		REQUIRE(refs_Node_cards_next(stream, &card) == 1);
		CHECK(card->node == NULL);
		pyr_free(card);
	}
	CHECK_INT(pyr_stream_end(stream), 0);
	CHECK_INT(refs_Node_cards_next(stream, &card), 0);
	pyr_stream_free(stream);
}

BOTH(items_that_nobody_reads_give_their_references_back)
{
	struct refs_Node *node = NULL;
	pyr_stream *stream = NULL;

	CHECK_INT(refs_Node_makes(server, 1000, &stream), 0);
	REQUIRE(refs_Node_makes_next(stream, &node) == 1);
	pyr_stream_free(stream);
	CHECK(node_reaches(&nodes_alive, 1));
	refs_Node_free(node);
	CHECK(node_reaches(&nodes_alive, 0));
	CHECK_INT(refs_Node_ask_all(server, 0, &stream), 0);
	CHECK_INT(refs_Node_ask_all_write(stream, object), 0);
	pyr_stream_free(stream);
}

BOTH(a_stream_of_references_is_not_resumed_on_another_link)
{
	struct refs_Card *card = NULL;
	pyr_stream *stream = NULL;

	CHECK_INT(refs_Node_cards(server, &stream), 0);
	CHECK_INT(refs_Node_cards_write(stream, &(struct refs_Card){ "nil", NULL }), 0);
	REQUIRE(refs_Node_cards_next(stream, &card) == 1);
	pyr_free(card);
	CHECK_INT(pyr_proxy_reconnect(refs_Node_as_proxy(server), 1, 0), 0);
	CHECK_INT(refs_Node_cards_write(stream, &(struct refs_Card){ "me", object }), 0);
	REQUIRE(refs_Node_cards_next(stream, &card) == 1); /* so far it was */
	CHECK(card->node == object);
	pyr_free(card);
	CHECK_INT(pyr_proxy_reconnect(refs_Node_as_proxy(server), 1, 0), 0);
	CHECK(refs_Node_cards_write(stream, &(struct refs_Card){ "nil", NULL }) < 0);
	pyr_stream_free(stream);
}

BOTH(more_references_than_an_item_may_have_are_refused)
{
	struct refs_Node *others[1025];
	struct refs_Node_seq seq = { 1025, others };
	pyr_stream *stream = NULL;
	size_t i;
	int32_t n = 0;

	for (i = 0; i < 1025; i++)
		others[i] = object;
	CHECK_INT(refs_Node_flocks(server, &stream), 0);
	CHECK_INT(refs_Node_flocks_write(stream, &seq), -PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(pyr_errmsg(), "more than 1024 references");
	seq.n = 1024;
	for (i = 0; i < 8; i++) /* more than the window takes at once */
		CHECK_INT(refs_Node_flocks_write(stream, &seq), 0);
	CHECK_INT(refs_Node_flocks_finish(stream, &n), 0);
	CHECK_INT(n, 8192);
}

/* ---- batches ---- */

BOTH(a_batch_carries_references)
{
	pyr_batch *batch = pyr_batch_new(refs_Node_as_proxy(server));
	struct refs_Node *queue = refs_Node_batch(batch), *a = NULL, *b = NULL, *c = object;
	const struct refs_Taken *taken;
	int32_t sum = 0;

	REQUIRE(queue != NULL);
	CHECK_INT(refs_Node_same(queue, object, &a), 0);
	CHECK_INT(refs_Node_make(queue, "x", &b), 0);
	CHECK_INT(refs_Node_same(queue, NULL, &c), 0);
	CHECK_INT(refs_Node_ask(queue, object, 1, 2, &sum), 0);
	CHECK_INT(refs_Node_take(queue, object), 0);
	CHECK_INT(pyr_batch_run(batch), -PYR_ABORTED);
	CHECK_INT(pyr_batch_done(batch), 4);
	taken = refs_Taken_caught();
	REQUIRE(taken != NULL);
	CHECK(taken->by == object);
	CHECK(a == object);
	CHECK(c == NULL);
	CHECK_INT(sum, 3);
	REQUIRE(b != NULL);
	CHECK_INT(refs_Node_add(b, 4, 5, &sum), 0);
	CHECK_INT(sum, 9);
	refs_Node_free(a);
	refs_Node_free(b);
	pyr_error_free(pyr_error_take()); /* which has what the whole batch brought */
	CHECK(node_reaches(&nodes_alive, 0));
	CHECK_INT(refs_Node_keep(queue, object), 0); /* one that is not run */
	pyr_batch_free(batch);
}

/* ---- how many ---- */

enum { FEW = 8 };

/* Both ends are this process: its own limit is as large as ever. */
static void open_few(unsigned threads)
{
	finds_home = false;
	REQUIRE(node_open(
		&place, &(struct pyr_daemon_options){ .threads = threads, .max_references = FEW }));
	server = refs_Node_proxy(place.uri);
	node_init(&mine, "mine");
	object = refs_Node_object(NULL, &node_methods, &mine, node_released);
	REQUIRE(server && object);
}

static struct refs_Node *new_node(void)
{
	struct node *node = malloc(sizeof(*node));

	node_init(node, "another");
	node->is_made = true;
	atomic_fetch_add(&nodes_alive, 1);
	return refs_Node_object(NULL, &node_methods, node, node_released);
}

TEST(a_call_that_passes_more_objects_than_its_receiver_may_hold_fails_alone)
{
	struct refs_Node *others[FEW + 1];
	struct refs_Node_seq seq = { FEW + 1, others }, *back = NULL;
	pyr_stream *stream = NULL;
	int32_t sum = 0, n = 0;
	int i;

	open_few(4);
	for (i = 0; i <= FEW; i++)
		others[i] = new_node();
	CHECK_INT(refs_Node_nodes(server, &seq, &back), -PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(pyr_errmsg(), "more references than");
	CHECK_INT(refs_Node_keep(server, object), 0); /* they were all given back */
	seq.n = FEW - 1;
	CHECK_INT(refs_Node_nodes(server, &seq, &back), 0);
	CHECK_INT(back->n, FEW - 1);
	pyr_free(back);
	CHECK_INT(refs_Node_flocks(server, &stream), 0);
	seq.n = FEW + 1;
	CHECK_INT(refs_Node_flocks_write(stream, &seq), 0);
	CHECK_INT(refs_Node_flocks_finish(stream, &n), -PYR_RESOURCE_EXHAUSTED);
	CHECK_INT(refs_Node_ask_kept(server, 1, 2, &sum), 0); /* over the same connection */
	CHECK_INT(refs_Node_let_go(server), 0);
	for (i = 0; i <= FEW; i++)
		refs_Node_free(others[i]);
	CHECK(node_reaches(&nodes_alive, 0));
	close_all();
}

TEST(a_method_that_returns_more_objects_than_a_connection_may_have_fails_alone)
{
	struct refs_Node *made[FEW], *more = NULL;
	int32_t sum = 0;
	int i;

	open_few(1);
	for (i = 0; i < FEW; i++)
		CHECK_INT(refs_Node_make(server, "x", &made[i]), 0);
	CHECK_INT(refs_Node_make(server, "x", &more), -PYR_RESOURCE_EXHAUSTED);
	CHECK(node_reaches(&nodes_alive, FEW));
	refs_Node_free(made[0]);
	CHECK(node_reaches(&nodes_alive, FEW - 1));
	CHECK_INT(refs_Node_make(server, "x", &made[0]), 0);
	for (i = 0; i < FEW; i++) {
		CHECK_INT(refs_Node_add(made[i], i, 1, &sum), 0);
		refs_Node_free(made[i]);
	}
	close_all();
}

/* ---- what comes ---- */

static int take_uri(struct taker *taker, const char *uri, char *text, size_t n)
{
	struct codec_reference told = { .fingerprint = 1 };
	struct buf encoded = { 0 };
	void *value;
	int code;

	told.interface = span_of("refs.Node");
	told.uri = span_of(uri);
	codec_reference_write(&told, &encoded);
	code = taker->base.kind->take(&taker->base, NULL, span_of_buf(&encoded), &value, text, n);
	buf_free(&encoded);
	return code;
}

TEST(a_reference_whose_URI_is_none_is_refused)
{
	struct taker taker;
	char text[256] = "";

	open_all(4);
	taker_init(&taker, NULL);
	CHECK_INT(take_uri(&taker, "nonsense", text, sizeof(text)), PYR_INVALID_ARGUMENT);
	CHECK_STR(text, "has an invalid URI");
	CHECK_INT(take_uri(&taker, "PYRO:x@127.0.0.1:1", text, sizeof(text)), 0);
	taker_drop(&taker);
	close_all();
}

TEST(what_values_take_is_charged_to_the_connection_that_they_came_over)
{
	struct budget *budget = budget_new(NULL, 6000);
	struct taker taker;
	char text[256] = "";
	int n = 0, code;

	open_all(4);
	taker_init(&taker, NULL);
	taker.budget = budget;
	CHECK_INT(take_uri(&taker, "nonsense", text, sizeof(text)), PYR_INVALID_ARGUMENT);
	CHECK_INT(budget_used(budget), 0); /* nothing came of it */
	CHECK(taker.taken.budget == NULL);
	while ((code = take_uri(&taker, "PYRO:x@127.0.0.1:1", text, sizeof(text))) == 0 && n < 100)
		n++;
	CHECK_INT(code, PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(text, "more references than a message or a connection may carry");
	CHECK(n > 1 && n < 10);
	CHECK(budget_used(budget) > 1000 * (size_t)n);
	taker_drop(&taker);
	CHECK_INT(budget_used(budget), 0);
	budget_unref(budget);
	close_all();
}

/* ---- the loss of a link ---- */

struct watch {
	atomic_int n;
	pyr_proxy *proxy;
};

static void lost(pyr_proxy *proxy, void *data)
{
	struct watch *watch = data;

	if (proxy == watch->proxy)
		atomic_fetch_add(&watch->n, 1);
}

static void lost_and_freed(pyr_proxy *proxy, void *data)
{
	refs_Node_free((struct refs_Node *)proxy);
	lost(proxy, data);
}

BOTH(who_has_a_reference_is_told_once_that_its_link_is_gone)
{
	struct refs_Node *other, *made = NULL, *twin, *gone = NULL;
	struct watch first = { 0 }, second = { 0 }, third = { 0 };
	int cut;

	other = over_socket(&cut);
	CHECK_INT(refs_Node_make(other, "x", &made), 0);
	CHECK_INT(refs_Node_make(other, "y", &gone), 0);
	REQUIRE(made && gone);
	twin = refs_Node_dup(made);
	first.proxy = refs_Node_as_proxy(made);
	second.proxy = refs_Node_as_proxy(twin);
	third.proxy = refs_Node_as_proxy(gone);
	CHECK_INT(pyr_proxy_on_lost(first.proxy, lost_and_freed, &first), 0);
	CHECK_INT(pyr_proxy_on_lost(first.proxy, lost, &first), 0);
	CHECK_INT(pyr_proxy_on_lost(second.proxy, lost, &second), 0);
	CHECK_INT(pyr_proxy_on_lost(second.proxy, NULL, NULL), 0);
	CHECK_INT(pyr_proxy_on_lost(third.proxy, lost_and_freed, &third), 0);
	shutdown(cut, SHUT_RDWR);
	CHECK(node_reaches(&first.n, 1));
	CHECK(node_reaches(&third.n, 1));
	CHECK_INT(second.n, 0);
	CHECK_INT(pyr_proxy_on_lost(second.proxy, lost, &second), 0); /* it is gone already */
	CHECK(node_reaches(&second.n, 1));
	CHECK(node_reaches(&nodes_alive, 0));
	refs_Node_free(made);
	refs_Node_free(twin);
	refs_Node_free(other);
	CHECK_INT(first.n, 1);
	close(cut);
}

static void *cut_it(void *data)
{
	shutdown(*(int *)data, SHUT_RDWR);
	return NULL;
}

/* Under the sanitizers this tells: its data are freed as soon as the proxy is. */
TEST(nobody_is_told_after_the_proxy_was_freed)
{
	struct refs_Node *other, *made;
	struct watch *watch;
	pthread_t thread;
	int i, cut;

	open_all(4);
	for (i = 0; i < 60; i++) {
		other = over_socket(&cut);
		made = NULL;
		CHECK_INT(refs_Node_make(other, "x", &made), 0);
		REQUIRE(made != NULL);
		watch = calloc(1, sizeof(*watch));
		watch->proxy = refs_Node_as_proxy(made);
		CHECK_INT(pyr_proxy_on_lost(watch->proxy, lost, watch), 0);
		REQUIRE(pthread_create(&thread, NULL, cut_it, &cut) == 0);
		if (i % 2)
			pthread_join(thread, NULL);
		refs_Node_free(made);
		free(watch);
		if (i % 2 == 0)
			pthread_join(thread, NULL);
		refs_Node_free(other);
		close(cut);
	}
	close_all();
}

TEST(what_cannot_be_lost_is_not_watched)
{
	struct watch watch = { 0 };

	open_all(4);
	CHECK_INT(pyr_proxy_on_lost(refs_Node_as_proxy(object), lost, &watch), 0);
	CHECK_INT(pyr_proxy_on_lost(refs_Node_as_proxy(server), lost, &watch),
		  -PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_errmsg(), "did not come over a connection");
	CHECK_INT(pyr_proxy_on_lost(NULL, lost, &watch), -PYR_INVALID_ARGUMENT);
	close_all();
	CHECK_INT(watch.n, 0);
}

/* ---- any ---- */

static pyr_any *any_of(struct refs_Node *node)
{
	return refs_Card_to_any(NULL, &(struct refs_Card){ "x", node });
}

BOTH(an_any_carries_references)
{
	struct refs_Node *made = NULL, *mute = NULL;
	pyr_any *back = NULL, *any = any_of(object);
	struct refs_Card *card = NULL;
	int32_t sum = 0;

	CHECK_INT(refs_Node_passes(server, any, &back), 0);
	pyr_free(any);
	CHECK_INT(refs_Card_from_any(back, &card), 0);
	pyr_free(back);
	REQUIRE(card != NULL);
	CHECK(card->node == object);
	pyr_free(card);
	CHECK_INT(refs_Node_make(server, "x", &made), 0);
	any = any_of(made);
	refs_Node_free(made); /* the any has it */
	CHECK_INT(refs_Node_passes(server, any, &back), 0);
	pyr_free(any);
	CHECK_INT(atomic_load(&nodes_alive), 1);
	CHECK_INT(refs_Card_from_any(back, &card), 0);
	pyr_free(back);
	mute = refs_Node_dup(card->node);
	pyr_free(card);
	CHECK_INT(refs_Node_add(mute, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	refs_Node_free(mute);
	CHECK(node_reaches(&nodes_alive, 0));
}

BOTH(an_any_that_nobody_opens_gives_its_references_back)
{
	pyr_any *back = NULL, *any = any_of(object);
	struct refs_Card *card = NULL;
	struct refs_Node *made = NULL;

	CHECK_INT(refs_Node_passes(server, any, NULL), 0);
	CHECK_INT(refs_Node_keep_any(server, any), 0);
	pyr_free(any);
	CHECK_INT(refs_Node_kept_any(server, &back), 0);
	CHECK_INT(refs_Card_from_any(back, &card), 0);
	CHECK(card->node == object);
	pyr_free(card);
	pyr_free(back);
	CHECK_INT(refs_Node_make(server, "x", &made), 0);
	any = any_of(made);
	refs_Node_free(made);
	CHECK_INT(refs_Node_keep_any(server, any), 0); /* not object any more */
	pyr_free(any);
	CHECK_INT(atomic_load(&nodes_alive), 1);
	CHECK_INT(refs_Node_keep_any(server, NULL), 0);
	CHECK(node_reaches(&nodes_alive, 0));
}

/* Such an any is not made by X_to_any(). */
TEST(a_reference_in_an_any_that_was_not_passed_along_is_refused)
{
	struct refs_Card *card = NULL;
	pyr_any *any;

	open_all(4);
	any = any_of(object);
	REQUIRE(any != NULL);
	((uint8_t *)any->encoded.p)[any->encoded.n - 20] ^= 1; /* in what it lists */
	CHECK_INT(refs_Node_passes(server, any, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "was not passed along with the message");
	CHECK_INT(refs_Card_from_any(any, &card), 0);
	CHECK(card->node == object);
	pyr_free(card);
	pyr_free(any);
	close_all();
}

TESTS(reference_ways, T(an_any_carries_references),
      T(an_any_that_nobody_opens_gives_its_references_back),
      T(a_reference_in_an_any_that_was_not_passed_along_is_refused),
      T(an_exception_carries_references), T(an_error_holds_what_its_exception_carries),
      T(an_exception_is_handed_on_with_its_references),
      T(an_exception_with_references_is_refused_over_plain_gRPC),
      T(items_of_a_result_carry_references), T(items_of_a_parameter_carry_references),
      T(references_in_items_come_home), T(items_that_nobody_reads_give_their_references_back),
      T(a_stream_of_references_is_not_resumed_on_another_link),
      T(more_references_than_an_item_may_have_are_refused), T(a_batch_carries_references),
      T(a_reference_whose_URI_is_none_is_refused),
      T(what_values_take_is_charged_to_the_connection_that_they_came_over),
      T(a_call_that_passes_more_objects_than_its_receiver_may_hold_fails_alone),
      T(a_method_that_returns_more_objects_than_a_connection_may_have_fails_alone),
      T(who_has_a_reference_is_told_once_that_its_link_is_gone),
      T(nobody_is_told_after_the_proxy_was_freed), T(what_cannot_be_lost_is_not_watched))
