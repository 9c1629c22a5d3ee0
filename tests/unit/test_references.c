/* SPDX-License-Identifier: MIT */
/* Objects that are passed as values, and called back over the connection of who passed them. */
#define _GNU_SOURCE /* pipe2() */
#include "references_here.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "engine/engine.h"

BOTH(d12_a_clients_object_is_called_while_its_call_runs)
{
	int32_t sum = 0;

	CHECK_INT(refs_Node_ask(server, object, 40, 2, &sum), 0);
	CHECK_INT(sum, 42);
}

BOTH(d12_an_object_that_was_kept_is_called_later)
{
	int32_t sum = 0;

	CHECK_INT(refs_Node_keep(server, object), 0);
	CHECK_INT(refs_Node_ask_kept(server, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(refs_Node_tell_kept(server, "one"), 0);
	CHECK_INT(refs_Node_tell_kept(server, "two"), 0);
	CHECK(node_logged(&mine, "one;two;"));
	CHECK_INT(refs_Node_let_go(server), 0);
}

BOTH(an_object_lives_as_long_as_somebody_has_it)
{
	CHECK_INT(refs_Node_keep(server, object), 0);
	refs_Node_free(object);
	object = NULL;
	CHECK_INT(refs_Node_tell_kept(server, "still here"), 0);
	CHECK(node_logged(&mine, "still here"));
	CHECK_INT(mine.n_released, 0);
	CHECK_INT(refs_Node_let_go(server), 0);
	CHECK(node_reaches(&mine.n_released, 1));
}

BOTH(the_link_stays_for_an_object_that_the_other_end_has)
{
	struct refs_Node *other;
	int32_t sum = 0;

	CHECK_INT(refs_Node_keep(server, object), 0);
	refs_Node_free(server); /* the only proxy */
	server = NULL;
	other = refs_Node_proxy_with(place.uri, &(struct pyr_proxy_options){ .own_link = true });
	CHECK_INT(refs_Node_ask_kept(other, 3, 4, &sum), 0);
	CHECK_INT(sum, 7);
	CHECK_INT(refs_Node_let_go(other), 0);
	refs_Node_free(other);
}

BOTH(nil_is_NULL)
{
	struct refs_Node *ret = object;

	CHECK_INT(refs_Node_same(server, NULL, &ret), 0);
	CHECK(ret == NULL);
	ret = object;
	CHECK_INT(refs_Node_perhaps(server, NULL, &ret), 0);
	CHECK(ret == NULL);
}

BOTH(an_object_that_comes_home_is_itself)
{
	struct refs_Node *ret = NULL;

	CHECK_INT(refs_Node_same(server, object, &ret), 0);
	CHECK(ret == object);
	refs_Node_free(ret);
	CHECK_INT(refs_Node_keep(server, object), 0);
	CHECK_INT(refs_Node_kept(server, &ret), 0);
	CHECK(ret == object);
	refs_Node_free(ret);
	CHECK_INT(refs_Node_let_go(server), 0);
}

BOTH(d11_a_factory_gives_away_what_it_makes)
{
	struct refs_Node *a = NULL, *b = NULL, *c = NULL;
	const char *name = NULL;
	int32_t sum = 0;

	CHECK_INT(refs_Node_make(server, "x", &a), 0);
	CHECK_INT(refs_Node_make(server, "y", &b), 0);
	CHECK_INT(atomic_load(&nodes_alive), 2);
	REQUIRE(a && b);
	CHECK_INT(refs_Node_add(a, 5, 6, &sum), 0);
	CHECK_INT(sum, 11);
	CHECK_INT(refs_Node_name(b, (char **)&name), 0);
	CHECK_STR(name, "made");
	pyr_free((void *)name);
	CHECK(pyr_proxy_same(refs_Node_as_proxy(a), refs_Node_as_proxy(a)));
	CHECK(!pyr_proxy_same(refs_Node_as_proxy(a), refs_Node_as_proxy(b)));
	c = refs_Node_dup(a);
	CHECK(pyr_proxy_same(refs_Node_as_proxy(a), refs_Node_as_proxy(c)));
	refs_Node_free(a);
	CHECK_INT(refs_Node_add(c, 5, 6, &sum), 0);
	refs_Node_free(c);
	CHECK(node_reaches(&nodes_alive, 1));
	refs_Node_free(b);
	CHECK(node_reaches(&nodes_alive, 0));
}

BOTH(an_error_of_a_callback_comes_through_both_hops)
{
	const struct refs_Refused *refused;
	const pyr_error *error;

	CHECK_INT(refs_Node_ask_to_refuse(server, object, "no"), -PYR_ABORTED);
	refused = refs_Refused_caught();
	REQUIRE(refused != NULL);
	CHECK_STR(refused->why, "no");
	error = pyr_last_error();
	CHECK_HAS(error->trace, "node.c");
	CHECK_HAS(error->trace, "in refs.Node.refuse of 'obj_");
	CHECK_HAS(error->trace, "in refs.Node.ask_to_refuse of 'node'");
}

BOTH(calls_go_forth_and_back_a_hundred_deep)
{
	int32_t deep = 0;

	CHECK_INT(refs_Node_down(server, 100, object, &deep), 0);
	CHECK_INT(deep, 100);
}

BOTH(too_deep_a_chain_is_told_with_its_objects)
{
	int32_t deep = 0;

	CHECK_INT(refs_Node_down(server, 300, object, &deep), -PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_last_error()->message, "257 calls deep, the maximum is 256");
	CHECK_HAS(pyr_last_error()->trace, "'node'");
	CHECK_HAS(pyr_last_error()->trace, "'obj_");
}

BOTH(an_Object_is_narrowed)
{
	struct refs_Node *node = NULL, *made = NULL;
	pyr_object *thing = NULL;
	int32_t sum = 0;

	CHECK_INT(refs_Node_thing(server, refs_Node_as_proxy(object), &thing), 0);
	CHECK(thing == refs_Node_as_proxy(object));
	node = refs_Node_narrow(thing);
	CHECK(node == object);
	refs_Node_free(node);
	thing = pyr_proxy_dup(thing);
	pyr_proxy_free(thing);
	pyr_proxy_free(thing);
	CHECK_INT(refs_Node_make(server, "x", &made), 0);
	CHECK_INT(refs_Node_set_favourite(server, made), 0);
	CHECK_INT(refs_Node_thing(server, refs_Node_as_proxy(made), &thing), 0);
	REQUIRE(thing != NULL);
	node = refs_Node_narrow(thing);
	REQUIRE(node != NULL);
	CHECK_INT(refs_Node_add(node, 1, 1, &sum), 0);
	CHECK_INT(sum, 2);
	CHECK_INT(refs_Node_set_favourite(server, NULL), 0);
	refs_Node_free(node);
	refs_Node_free(made);
	refs_Node_free((struct refs_Node *)thing);
}

BOTH(a_base_keeps_its_most_derived_type)
{
	struct refs_Node *made = NULL, *node;
	struct refs_Named *named = NULL;
	char *name = NULL;
	int32_t sum = 0;

	CHECK_INT(refs_Node_make(server, "x", &made), 0);
	CHECK_INT(refs_Node_plain(server, made, &named), 0);
	REQUIRE(named != NULL);
	CHECK_INT(refs_Named_name(named, &name), 0);
	CHECK_STR(name, "made");
	pyr_free(name);
	node = refs_Node_narrow(refs_Named_as_proxy(named));
	REQUIRE(node != NULL);
	CHECK_INT(refs_Node_add(node, 2, 2, &sum), 0);
	refs_Node_free(node);
	refs_Named_free(named);
	refs_Node_free(made);
}

BOTH(outs_and_attributes_carry_references)
{
	struct refs_Node *x = object, *y = NULL, *z = NULL, *made = NULL, *favourite = NULL;

	CHECK_INT(refs_Node_make(server, "x", &made), 0);
	x = NULL;
	CHECK_INT(refs_Node_swap(server, object, made, &x, &z), 0);
	CHECK(z == object);
	CHECK(x && pyr_proxy_same(refs_Node_as_proxy(x), refs_Node_as_proxy(made)));
	CHECK_INT(refs_Node_set_favourite(server, object), 0);
	CHECK_INT(refs_Node_get_favourite(server, &favourite), 0);
	CHECK(favourite == object);
	CHECK_INT(refs_Node_set_favourite(server, NULL), 0);
	CHECK_INT(refs_Node_get_favourite(server, &y), 0);
	CHECK(y == NULL);
	refs_Node_free(favourite);
	refs_Node_free(x);
	refs_Node_free(z);
	refs_Node_free(made);
}

BOTH(what_lies_in_a_block_goes_with_the_block)
{
	struct refs_Node *made = NULL;
	struct refs_Node *three[3] = { object, NULL, NULL };
	struct pyr_string_refs_Node_map_entry entries[2] = { { "a", object }, { "b", NULL } };
	struct refs_Card *card = NULL;
	struct refs_Choice *choice = NULL;
	struct refs_Node_seq *nodes = NULL;
	struct pyr_string_refs_Node_map *book = NULL;
	int32_t sum = 0;

	CHECK_INT(refs_Node_make(server, "x", &made), 0);
	three[2] = entries[1].value = made;
	CHECK_INT(refs_Node_card(server, &(struct refs_Card){ "me", made }, &card), 0);
	CHECK_INT(refs_Node_choice(server, &(struct refs_Choice){ 1, { .node = object } }, &choice),
		  0);
	CHECK_INT(refs_Node_nodes(server, &(struct refs_Node_seq){ 3, three }, &nodes), 0);
	CHECK_INT(refs_Node_book(server, &(struct pyr_string_refs_Node_map){ 2, entries }, &book),
		  0);
	refs_Node_free(made);
	REQUIRE(card && choice && nodes && book);
	CHECK_INT(refs_Node_add(card->node, 1, 2, &sum), 0);
	CHECK(choice->_u.node == object);
	CHECK_INT(nodes->n, 3);
	CHECK(nodes->items[0] == object && nodes->items[1] == NULL);
	CHECK_INT(refs_Node_add(nodes->items[2], 1, 2, &sum), 0);
	CHECK_INT(book->n, 2);
	CHECK(book->items[0].value == object);
	pyr_free(card);
	pyr_free(choice);
	pyr_free(nodes);
	CHECK_INT(atomic_load(&nodes_alive), 1);
	pyr_free(book);
}

/* A client with n objects of ours, and n of its own that it has passed. *in, *out: its standard
 * input and output. */
static pid_t start_client(const char *uri, const char *n, int *in, FILE **out)
{
	char path[256];
	int to[2], from[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/node-client", getenv("PYRITE_BIN"));
	REQUIRE(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		execl(path, path, uri, n, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	*in = to[1];
	*out = fdopen(from[0], "r");
	return pid;
}

/* It is killed while it has 1,000 objects of the server's, which has one of its. */
static void kill_a_client(void)
{
	char line[16] = "";
	int64_t began;
	int in, status;
	int32_t sum;
	pid_t pid;
	FILE *out;

	pid = start_client(place.uri, "1000", &in, &out);
	REQUIRE(pid > 0 && fgets(line, sizeof(line), out) != NULL);
	CHECK_STR(line, "ready\n");
	CHECK_INT(atomic_load(&nodes_alive), 1000);
	CHECK_INT(refs_Node_ask_kept(server, 1, 2, &sum), 0);
	kill(pid, SIGKILL);
	began = engine_now();
	CHECK(node_reaches(&nodes_alive, 0));
	CHECK(engine_now() - began < 1000 * (int64_t)ENGINE_MS);
	began = engine_now();
	CHECK_INT(refs_Node_ask_kept(server, 1, 2, &sum), -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_last_error()->message, "came is gone");
	CHECK_STR(pyr_error_class(NULL), "");
	CHECK(engine_now() - began < 1000 * (int64_t)ENGINE_MS);
	CHECK(node_reaches(&place.node.n_lost, 1));
	CHECK_INT(refs_Node_let_go(server), 0);
	fclose(out);
	close(in);
	CHECK(waitpid(pid, &status, 0) == pid);
}

TEST(a_killed_client_gives_back_all_and_calls_to_it_fail_at_once)
{
	open_all(4);
	kill_a_client();
	close_all();
	open_all(1);
	kill_a_client();
	close_all();
}

/* What it is given does not fit: it says so, and ends. */
TEST(an_answer_with_more_objects_than_its_caller_may_hold_fails_that_call)
{
	char line[16];
	int in, status;
	pid_t pid;
	FILE *out;

	open_all(4);
	setenv("PYRITE_MAX_REFERENCES", "5", 1); /* read long ago here */
	pid = start_client(place.uri, "6", &in, &out);
	unsetenv("PYRITE_MAX_REFERENCES");
	REQUIRE(pid > 0);
	CHECK(fgets(line, sizeof(line), out) == NULL);
	fclose(out);
	close(in);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	CHECK(node_reaches(&nodes_alive, 0));
	CHECK_INT(refs_Node_let_go(server), 0);
	close_all();
}

TEST(a_process_ends_at_once_while_something_is_given_back)
{
	char line[16];
	int i, in, status;
	int64_t began;
	pid_t pid;
	FILE *out;

	open_all(4);
	for (i = 0; i < 10; i++) {
		pid = start_client(place.uri, "1", &in, &out);
		REQUIRE(pid > 0 && fgets(line, sizeof(line), out) != NULL);
		began = engine_now();
		close(in);
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		CHECK(engine_now() - began < 2000 * (int64_t)ENGINE_MS);
		fclose(out);
	}
	CHECK_INT(refs_Node_let_go(server), 0);
	close_all();
}

/* Of another daemon than the one at whose link it is called. */
TEST(a_registered_object_runs_in_its_own_daemon_until_it_is_unregistered)
{
	static struct node_place other;
	struct refs_Node *of;
	char *name = NULL;
	int32_t sum = 0;

	open_all(4);
	REQUIRE(node_open(&other, &(struct pyr_daemon_options){ .threads = 1 }));
	other.node.name = "other";
	of = refs_Node_object_of(other.daemon, "node");
	REQUIRE(of != NULL);
	finds_home = true;
	CHECK_INT(refs_Node_add(of, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	finds_home = false;
	CHECK_INT(refs_Node_ask(server, of, 3, 4, &sum), 0);
	CHECK_INT(sum, 7);
	CHECK_INT(refs_Node_keep(server, of), 0);
	CHECK_INT(refs_Node_ask_kept(server, 4, 5, &sum), 0);
	CHECK_INT(pyr_daemon_unregister(other.daemon, "node"), 0);
	CHECK_INT(refs_Node_ask_kept(server, 1, 1, &sum),
		  -PYR_NOT_FOUND); /* not the server's "node" */
	finds_home = true;
	CHECK_INT(refs_Node_name(of, &name), -PYR_NOT_FOUND);
	CHECK_INT(refs_Node_let_go(server), 0);
	refs_Node_free(of);
	node_close(&other);
	close_all();
}

/* They come over a link that is not the daemon's. */
TEST(calls_of_an_object_whose_daemon_has_stopped_fail)
{
	static struct node_place other;
	struct refs_Node *made;
	struct node data;
	int32_t sum = 0;

	open_all(4);
	REQUIRE(node_open(&other, &(struct pyr_daemon_options){ .threads = 1 }));
	node_init(&data, "other");
	made = refs_Node_object(other.daemon, &node_methods, &data, node_released);
	REQUIRE(made != NULL);
	CHECK_INT(refs_Node_keep(server, made), 0);
	CHECK_INT(refs_Node_ask_kept(server, 1, 2, &sum), 0);
	pyr_daemon_stop(other.daemon);
	pthread_join(other.thread, NULL);
	CHECK_INT(refs_Node_ask_kept(server, 1, 2, &sum), -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_last_error()->message, "the daemon has stopped");
	CHECK_INT(refs_Node_let_go(server), 0);
	refs_Node_free(made);
	refs_Node_free(other.node.self);
	pyr_daemon_free(other.daemon);
	CHECK(node_reaches(&data.n_released, 1));
	node_fini(&data);
	node_fini(&other.node);
	close_all();
}

TEST(d11_a_registered_object_is_passed_too)
{
	struct refs_Node *of = NULL, *ret = NULL;
	int32_t sum = 0;

	open_all(4);
	of = refs_Node_object_of(place.daemon, "node");
	REQUIRE(of != NULL);
	CHECK_INT(refs_Node_same(server, of, &ret), 0);
	CHECK(ret == of);
	refs_Node_free(ret);
	refs_Node_free(of);
	CHECK(refs_Node_object_of(place.daemon, "nobody") == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_NOT_FOUND);
	CHECK_INT(refs_Node_same(server, server, &ret), 0); /* a proxy, by its URI */
	REQUIRE(ret != NULL);
	CHECK(pyr_proxy_same(refs_Node_as_proxy(ret), refs_Node_as_proxy(server)));
	CHECK_INT(refs_Node_add(ret, 1, 1, &sum), 0);
	refs_Node_free(ret);
	close_all();
}

BOTH(an_object_is_called_in_its_own_process)
{
	struct refs_Node *twin = refs_Node_dup(object);
	struct refs_Node *ret = NULL;
	pyr_future *future;
	int32_t sum = 0, deep = 0;

	finds_home = true;
	CHECK(twin == object);
	CHECK_INT(refs_Node_add(object, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	future = refs_Node_add_start(object, 3, 4);
	CHECK_INT(refs_Node_add_get(future, &sum), 0);
	CHECK_INT(sum, 7);
	CHECK_INT(refs_Node_ask(server, object, 5, 6, &sum), 0); /* as the server gets it */
	CHECK_INT(sum, 11);
	CHECK_INT(refs_Node_same(object, object, &ret), 0);
	CHECK(ret == object);
	CHECK_INT(refs_Node_down(object, 20, object, &deep), 0);
	CHECK_INT(refs_Node_note(object, "last"), 0);
	refs_Node_free(ret);
	refs_Node_free(twin);
	CHECK(node_logged(&mine, "last"));
}

TESTS(references, T(an_object_is_called_in_its_own_process),
      T(d12_a_clients_object_is_called_while_its_call_runs),
      T(d12_an_object_that_was_kept_is_called_later), T(an_object_lives_as_long_as_somebody_has_it),
      T(the_link_stays_for_an_object_that_the_other_end_has), T(nil_is_NULL),
      T(an_object_that_comes_home_is_itself), T(d11_a_factory_gives_away_what_it_makes),
      T(an_error_of_a_callback_comes_through_both_hops), T(calls_go_forth_and_back_a_hundred_deep),
      T(too_deep_a_chain_is_told_with_its_objects), T(an_Object_is_narrowed),
      T(a_base_keeps_its_most_derived_type), T(outs_and_attributes_carry_references),
      T(what_lies_in_a_block_goes_with_the_block), T(d11_a_registered_object_is_passed_too),
      T(calls_of_an_object_whose_daemon_has_stopped_fail),
      T(an_answer_with_more_objects_than_its_caller_may_hold_fails_that_call),
      T(a_process_ends_at_once_while_something_is_given_back),
      T(a_registered_object_runs_in_its_own_daemon_until_it_is_unregistered),
      T(a_killed_client_gives_back_all_and_calls_to_it_fail_at_once))
