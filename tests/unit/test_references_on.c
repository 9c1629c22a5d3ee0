/* SPDX-License-Identifier: MIT */
/*
 * References that are passed on by who holds them: this process has objects of `server`, which it
 * passes to `third`. Neither knows the other.
 */
#include "references_here.h"
#include "relay.h"

#include <stdio.h>
#include <unistd.h>

static struct node_place place_c;
static struct refs_Node *third, *made;

static void open_three(unsigned threads)
{
	open_all(threads);
	REQUIRE(node_open(&place_c, &(struct pyr_daemon_options){ .threads = threads }));
	third = refs_Node_proxy(place_c.uri);
	made = NULL;
	CHECK_INT(refs_Node_make(server, "x", &made), 0);
	REQUIRE(third && made);
}

struct watch_of_loss {
	atomic_int n;
};

static void note_loss(pyr_proxy *proxy, void *data)
{
	atomic_fetch_add(&((struct watch_of_loss *)data)->n, proxy != NULL);
}

/* Nothing is left of what was passed on. */
static void close_three(void)
{
	refs_Node_free(made);
	CHECK(node_reaches(&nodes_alive, 0));
	refs_Node_free(third);
	node_close(&place_c);
	close_all();
}

#define THREE(name)                                                                                \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		open_three(4);                                                                     \
		name##_body();                                                                     \
		close_three();                                                                     \
		open_three(1);                                                                     \
		name##_body();                                                                     \
		close_three();                                                                     \
	}                                                                                          \
	static void name##_body(void)

THREE(who_holds_a_reference_passes_it_on)
{
	int32_t sum = 0;
	char *log = NULL;

	CHECK_INT(refs_Node_ask(third, made, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(refs_Node_keep(third, made), 0);
	CHECK_INT(refs_Node_ask_kept(third, 3, 4, &sum), 0);
	CHECK_INT(sum, 7);
	CHECK_INT(refs_Node_tell_kept(third, "one"), 0);
	CHECK_INT(refs_Node_tell_kept(third, "two"), 0);
	CHECK_INT(refs_Node_ask_kept(third, 3, 4, &sum), 0); /* behind them */
	CHECK_INT(refs_Node_log(made, &log), 0);
	CHECK_STR(log, "one;two;");
	pyr_free(log);
	refs_Node_free(made);
	made = NULL;
	CHECK_INT(refs_Node_ask_kept(third, 5, 6, &sum), 0); /* it lives by who has it */
	CHECK_INT(sum, 11);
	CHECK_INT(atomic_load(&nodes_alive), 1);
	CHECK_INT(refs_Node_let_go(third), 0);
	CHECK(node_reaches(&nodes_alive, 0));
}

THREE(what_was_passed_on_comes_home)
{
	struct refs_Node *back = NULL, *home = NULL;
	int32_t sum = 0;

	CHECK_INT(refs_Node_same(third, made, &back), 0);
	REQUIRE(back != NULL);
	CHECK(pyr_proxy_same(refs_Node_as_proxy(back), refs_Node_as_proxy(made)));
	CHECK_INT(refs_Node_add(back, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(refs_Node_same(server, back, &home), 0);
	CHECK(home && pyr_proxy_same(refs_Node_as_proxy(home), refs_Node_as_proxy(made)));
	refs_Node_free(home);
	refs_Node_free(back);
	CHECK_INT(refs_Node_same(made, object, &back), 0);
	CHECK(back == object);
	refs_Node_free(back);
}

THREE(errors_come_through_who_passed_it_on)
{
	const struct refs_Refused *refused;
	const struct refs_Taken *taken;

	CHECK_INT(refs_Node_ask_to_refuse(third, made, "no"), -PYR_ABORTED);
	CHECK_HAS(pyr_last_error()->trace, "in refs.Node.refuse of 'obj_");
	CHECK_HAS(pyr_last_error()->trace, "in refs.Node.ask_to_refuse of 'node'");
	refused = refs_Refused_caught();
	REQUIRE(refused != NULL);
	CHECK_STR(refused->why, "no");
	CHECK_INT(refs_Node_ask_to_take(third, made, object), -PYR_ABORTED);
	taken = refs_Taken_caught();
	REQUIRE(taken != NULL);
	CHECK(taken->by == object);
	pyr_error_free(pyr_error_take());
}

THREE(a_chain_goes_through_who_passed_it_on)
{
	int32_t deep = 0;

	CHECK_INT(refs_Node_down(third, 2, made, &deep), 0);
	CHECK_INT(deep, 2);
}

THREE(cancels_and_deadlines_reach_its_owner)
{
	pyr_future *future = refs_Node_ask_to_hang_start(third, object);

	CHECK(node_reaches(&mine.n_hanging, 1));
	pyr_future_cancel(future);
	CHECK_INT(refs_Node_ask_to_hang_get(future), -PYR_CANCELLED);
	CHECK(node_reaches(&mine.n_hanging, 0));
	CHECK_INT(refs_Node_ask_to_hang(
			  refs_Node_with(third, &(struct pyr_call_options){ .timeout_ms = 100 }),
			  made),
		  -PYR_DEADLINE_EXCEEDED);
}

THREE(the_link_to_its_owner_stays_for_it)
{
	int32_t sum = 0;

	CHECK_INT(refs_Node_keep(third, made), 0);
	pyr_proxy_release(refs_Node_as_proxy(server));
	CHECK_INT(refs_Node_ask_kept(third, 1, 2, &sum), 0); /* the link stays for it */
	CHECK_INT(refs_Node_let_go(third), 0);
}

THREE(who_was_passed_it_on_is_told_that_its_owner_is_lost)
{
	struct refs_Node *other, *theirs = NULL;
	int32_t sum = 0;
	int cut;

	other = over_socket(&cut);
	CHECK_INT(refs_Node_make(other, "x", &theirs), 0);
	REQUIRE(theirs != NULL);
	CHECK_INT(refs_Node_keep(third, theirs), 0);
	refs_Node_free(theirs); /* it stands in for what nobody has here */
	CHECK_INT(place_c.node.n_lost, 0);
	shutdown(cut, SHUT_RDWR);
	CHECK(node_reaches(&place_c.node.n_lost, 1));
	CHECK_INT(refs_Node_ask_kept(third, 1, 2, &sum), -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "came is gone");
	CHECK_INT(refs_Node_let_go(third), 0);
	CHECK(node_reaches(&nodes_alive, 1)); /* made */
	refs_Node_free(other);
	close(cut);
}

THREE(who_is_passed_on_what_is_lost_already_learns_it_at_its_first_call)
{
	struct refs_Node *other, *theirs = NULL;
	struct watch_of_loss gone = { 0 };
	int32_t sum = 0;
	int cut;

	other = over_socket(&cut);
	CHECK_INT(refs_Node_make(other, "x", &theirs), 0);
	REQUIRE(theirs != NULL);
	CHECK_INT(pyr_proxy_on_lost(refs_Node_as_proxy(theirs), note_loss, &gone), 0);
	shutdown(cut, SHUT_RDWR);
	CHECK(node_reaches(&gone.n, 1));
	CHECK_INT(refs_Node_keep(third, theirs), 0);
	CHECK_INT(refs_Node_ask_kept(third, 1, 2, &sum), -PYR_UNAVAILABLE);
	CHECK(node_reaches(&place_c.node.n_lost, 1));
	CHECK_INT(refs_Node_let_go(third), 0);
	refs_Node_free(theirs);
	refs_Node_free(other);
	close(cut);
}

/* Calls what `third` has, whichever that is. */
static atomic_bool is_through;

static void *use_what_is_kept(void *data)
{
	int32_t sum;
	int *n_wrong = data;

	while (!atomic_load(&is_through))
		if (refs_Node_ask_kept(third, 1, 2, &sum) < 0 || sum != 3)
			++*n_wrong;
	return NULL;
}

/* By hand PYRITE_HANDOVERS says how often. */
static int n_handovers(void)
{
	const char *often = getenv("PYRITE_HANDOVERS");

	return often ? atoi(often) : OFTEN(100);
}

/* The holder frees its own at once, so that it is its
 * standing in that keeps the object until the next one comes. */
THREE(no_object_is_lost_or_left_while_it_is_handed_over)
{
	int i, n = n_handovers(), wrong[2] = { 0 };
	pthread_t threads[2];
	struct refs_Node *one;

	atomic_store(&is_through, false);
	CHECK_INT(refs_Node_keep(third, made), 0);
	for (i = 0; i < 2; i++)
		REQUIRE(pthread_create(&threads[i], NULL, use_what_is_kept, &wrong[i]) == 0);
	for (i = 0; i < n; i++) {
		REQUIRE(refs_Node_make(server, "x", &one) == 0);
		CHECK_INT(refs_Node_keep(third, one), 0);
		refs_Node_free(one);
	}
	atomic_store(&is_through, true);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		CHECK_INT(wrong[i], 0);
	}
	CHECK_INT(refs_Node_let_go(third), 0);
	CHECK(node_reaches(&nodes_alive, 1)); /* made */
}

/* ---- while links are cut ---- */

static struct relay to_server, to_third;

struct endings {
	atomic_int n_good, n_lost, n_not_found, n_other;
};

static void note_ending(struct endings *endings, int err)
{
	if (err == 0)
		atomic_fetch_add(&endings->n_good, 1);
	else if (err == -PYR_NOT_FOUND)
		atomic_fetch_add(&endings->n_not_found, 1);
	else if (err == -PYR_UNAVAILABLE || err == -PYR_CANCELLED)
		atomic_fetch_add(&endings->n_lost, 1);
	else
		atomic_fetch_add(&endings->n_other, 1);
	if (err < 0 && err != -PYR_UNAVAILABLE && err != -PYR_CANCELLED)
		fprintf(stderr, "%s\n", pyr_errmsg());
}

static struct refs_Node *through(struct relay *relay, const char *uri)
{
	char text[256];

	REQUIRE(relay_open(relay, strchr(uri, '@') + 1));
	snprintf(text, sizeof(text), "PYRO:node@%s", relay->address);
	return refs_Node_proxy(text);
}

/* The holder frees its own before the third party has heard of it, as the way there is slow. */
static void hand_over(struct refs_Node *from, struct refs_Node *to, struct endings *endings)
{
	struct refs_Node *one = NULL;
	pyr_future *keeping;
	int32_t sum = 0;
	int err = refs_Node_make(from, "x", &one);

	note_ending(endings, err);
	if (err < 0)
		return;
	relay_pause(&to_third);
	keeping = refs_Node_keep_start(to, one);
	refs_Node_free(one);
	relay_go_on(&to_third);
	note_ending(endings, refs_Node_keep_get(keeping));
	note_ending(endings, refs_Node_ask_kept(to, 1, 2, &sum));
}

static void *use_beside(void *data)
{
	int32_t sum;

	while (!atomic_load(&is_through))
		note_ending(data, refs_Node_ask_kept(third, 1, 2, &sum));
	return NULL;
}

/* Of both links one in four hand-overs, anywhere in what they carry. */
THREE(no_object_is_lost_or_left_while_links_are_cut)
{
	struct refs_Node *from = through(&to_server, place.uri);
	struct refs_Node *to = through(&to_third, place_c.uri);
	struct endings endings = { 0 };
	unsigned seed = 1;
	pthread_t thread;
	int i, n = n_handovers();

	atomic_store(&is_through, false);
	CHECK_INT(refs_Node_keep(third, made), 0);
	REQUIRE(pthread_create(&thread, NULL, use_beside, &endings) == 0);
	for (i = 0; i < n; i++) {
		if (rand_r(&seed) % 4 == 0)
			relay_cut_after(rand_r(&seed) % 2 ? &to_server : &to_third,
					rand_r(&seed) % 3000);
		hand_over(from, to, &endings);
	}
	atomic_store(&is_through, true);
	pthread_join(thread, NULL);
	CHECK_INT(refs_Node_let_go(third), 0);
	refs_Node_free(from);
	refs_Node_free(to);
	CHECK(node_reaches(&nodes_alive, 1)); /* made */
	CHECK_INT(endings.n_not_found, 0);
	CHECK_INT(endings.n_other, 0);
	CHECK(endings.n_good > 0 && to_server.n_cuts + to_third.n_cuts > 0);
	printf("%d hand-overs, %d links cut, %d calls well, %d lost, %d not found, %d objects "
	       "left ",
	       n, to_server.n_cuts + to_third.n_cuts, endings.n_good, endings.n_lost,
	       endings.n_not_found, atomic_load(&nodes_alive) - 1);
	relay_close(&to_server);
	relay_close(&to_third);
}

/* Each hop has the key from what the reference came over, as no environment says one. */
TEST(a_reference_is_called_with_the_key_of_the_connection_that_it_came_over)
{
	static const struct pyr_key_options key = { .text = "00112233445566778899aabbccddeeff" };
	struct pyr_daemon_options keyed = { .threads = 4, .key = &key };
	struct pyr_proxy_options with = { .key = &key };
	struct node_place a, b;
	struct refs_Node *to_a, *to_b, *got = NULL;
	int32_t sum = 0;

	finds_home = false;
	REQUIRE(node_open(&a, &keyed) && node_open(&b, &keyed));
	to_a = refs_Node_proxy_with(a.uri, &with);
	to_b = refs_Node_proxy_with(b.uri, &with);
	CHECK_INT(refs_Node_ask(to_a, to_b, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(refs_Node_set_favourite(to_a, to_b), 0);
	CHECK_INT(refs_Node_get_favourite(to_a, &got), 0);
	refs_Node_free(to_b);
	CHECK_INT(refs_Node_add(got, 3, 4, &sum), 0);
	CHECK_INT(sum, 7);
	refs_Node_free(got);
	CHECK_INT(refs_Node_set_favourite(to_a, NULL), 0);
	refs_Node_free(to_a);
	node_close(&a);
	node_close(&b);
}

/* ---- through NAT ---- */

/* A way out of a net into which nobody can connect: two clients, each behind its own, and a server
 * that knows the relays' addresses and no client's. */
THREE(a6_clients_that_can_only_connect_out_are_called_back)
{
	struct refs_Node *one = through(&to_server, place.uri), *on = NULL;
	struct refs_Node *other = through(&to_third, place.uri);
	int32_t sum = 0;

	CHECK_INT(refs_Node_ask(one, object, 1, 2, &sum), 0); /* inside its own call */
	CHECK_INT(sum, 3);
	CHECK_INT(refs_Node_keep(one, object), 0);
	CHECK_INT(refs_Node_ask_kept(other, 3, 4, &sum), 0); /* inside another's */
	CHECK_INT(sum, 7);
	CHECK_INT(refs_Node_kept(other, &on), 0);
	REQUIRE(on != NULL);
	CHECK_INT(refs_Node_add(on, 5, 6, &sum), 0); /* and from one net to the other */
	CHECK_INT(sum, 11);
	CHECK_INT(to_server.n_taken, 1);
	CHECK_INT(to_third.n_taken, 1);
	refs_Node_free(on);
	CHECK_INT(refs_Node_let_go(server), 0);
	refs_Node_free(one);
	refs_Node_free(other);
	relay_close(&to_server);
	relay_close(&to_third);
}

TESTS(references_on, T(a6_clients_that_can_only_connect_out_are_called_back),
      T(who_holds_a_reference_passes_it_on), T(what_was_passed_on_comes_home),
      T(errors_come_through_who_passed_it_on), T(a_chain_goes_through_who_passed_it_on),
      T(cancels_and_deadlines_reach_its_owner), T(the_link_to_its_owner_stays_for_it),
      T(who_was_passed_it_on_is_told_that_its_owner_is_lost),
      T(who_is_passed_on_what_is_lost_already_learns_it_at_its_first_call),
      T(a_reference_is_called_with_the_key_of_the_connection_that_it_came_over),
      T(no_object_is_lost_or_left_while_it_is_handed_over),
      T(no_object_is_lost_or_left_while_links_are_cut))
