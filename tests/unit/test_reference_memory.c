/* SPDX-License-Identifier: MIT */
/*
 * References without memory: each allocation in turn fails while objects are passed, made, called,
 * passed on and given back. What a call then says is told, nothing is left of it, and all goes on.
 * --wrap of the allocation functions.
 */
#include "references_here.h"

#include <string.h>

#include "daemon/daemon.h"
#include "exec/exec_own.h"

static atomic_int until_failure; /* 0: none fails */

static bool fails(void)
{
	return atomic_load(&until_failure) > 0 && atomic_fetch_sub(&until_failure, 1) == 1;
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t n);
void *__wrap_realloc(void *block, size_t n);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t n)
{
	return fails() ? NULL : __real_realloc(block, n);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

static struct node_place place_c;
static struct refs_Node *third, *beside; /* beside: the server, over a link of its own */

/* Its threads are all there: a daemon that cannot start them does not run, which is not what is
 * tried here. */
static bool has_all_threads(pyr_daemon *daemon, unsigned n)
{
	struct executor *e = daemon_executor(daemon);
	int64_t until = engine_now() + NODE_PATIENCE_MS * (int64_t)ENGINE_MS;
	bool has = false;

	while (!has && engine_now() < until) {
		pthread_mutex_lock(&e->lock);
		has = e->n_threads >= n;
		pthread_mutex_unlock(&e->lock);
		sched_yield();
	}
	return has;
}

static void open_three(void)
{
	const struct pyr_proxy_options bounded = { .timeout_ms = 10000 };

	open_all(4);
	refs_Node_free(server);
	REQUIRE(node_open(&place_c, &(struct pyr_daemon_options){ .threads = 4 }));
	server = refs_Node_proxy_with(place.uri, &bounded);
	third = refs_Node_proxy_with(place_c.uri, &bounded);
	beside = refs_Node_proxy_with(
		place.uri, &(struct pyr_proxy_options){ .timeout_ms = 10000, .own_link = true });
	REQUIRE(server && third && beside);
	REQUIRE(has_all_threads(place.daemon, 4) && has_all_threads(place_c.daemon, 4));
}

/* Returns 0, or the first failure's status. */
static int pass_and_call(void)
{
	int32_t sum = 0;
	int err = refs_Node_keep(server, object);

	if (err == 0)
		err = refs_Node_ask_kept(server, 1, 2, &sum);
	CHECK(err < 0 || sum == 3);
	if (err == 0)
		err = refs_Node_tell_kept(server, "x");
	return err;
}

static int import_and_pass_on(void)
{
	struct refs_Node *made = NULL;
	struct refs_Card *card = NULL;
	int32_t sum = 0;
	int err = refs_Node_make(server, "x", &made);

	if (err == 0)
		err = refs_Node_add(made, 1, 2, &sum);
	if (err == 0)
		err = refs_Node_card(server, &(struct refs_Card){ "x", made }, &card);
	if (err == 0)
		err = refs_Node_keep(third, made);
	refs_Node_free(made);
	pyr_free(card);
	if (err == 0)
		err = refs_Node_ask_kept(third, 3, 4, &sum);
	CHECK(err < 0 || sum == 7);
	return err;
}

static int raise_and_stream(void)
{
	pyr_stream *stream = NULL;
	struct refs_Node *node = NULL;
	const struct refs_Taken *taken;
	int err = refs_Node_take(server, object), n;

	if (err != -PYR_ABORTED)
		return err;
	taken = refs_Taken_caught();
	if (!taken)
		return -PYR_RESOURCE_EXHAUSTED;
	CHECK(taken->by == object);
	err = refs_Node_makes(server, 3, &stream);
	if (err < 0)
		return err;
	while ((n = refs_Node_makes_next(stream, &node)) > 0)
		refs_Node_free(node);
	pyr_stream_free(stream);
	return n;
}

/* The server stands in for what the third end is given: a stream of numbered items, and one of
 * references, come through it. */
static int stream_through(void)
{
	struct refs_Node *on = NULL, *node = NULL;
	pyr_stream *stream = NULL;
	char *text = NULL;
	int err = refs_Node_keep(server, object), n;

	if (err == 0)
		err = refs_Node_kept(beside, &on);
	if (err == 0 && !on) /* its method had no memory for one more */
		return -PYR_RESOURCE_EXHAUSTED;
	if (err == 0)
		err = refs_Node_echoes(on, &stream);
	if (err == 0)
		err = refs_Node_echoes_write(stream, "x");
	if (err == 0 && (n = refs_Node_echoes_next(stream, &text)) != 1)
		err = n;
	CHECK(err < 0 || (text && strcmp(text, "x") == 0));
	pyr_free(text);
	pyr_stream_free(stream);
	stream = NULL;
	if (err == 0)
		err = refs_Node_makes(on, 2, &stream);
	while (err == 0 && (n = refs_Node_makes_next(stream, &node)) != 0)
		if (n < 0)
			err = n;
		else
			refs_Node_free(node);
	pyr_stream_free(stream);
	refs_Node_free(on);
	return err;
}

/* What is told: out of memory here or there, or that the link ended without it. */
static bool is_right(int err)
{
	return err == 0 || err == -PYR_RESOURCE_EXHAUSTED || err == -PYR_UNAVAILABLE;
}

/* Each allocation, until there are no more. */
static void fail_each(int (*act)(void))
{
	int n = 0, err, left;

	do {
		atomic_store(&until_failure, ++n);
		err = act();
		left = atomic_exchange(&until_failure, 0);
		if (!is_right(err)) {
			printf("allocation %d: %s\n", n, pyr_errmsg());
			CHECK_INT(err, 0);
		}
		CHECK_INT(refs_Node_let_go(server), 0);
		CHECK_INT(refs_Node_let_go(third), 0);
		pyr_error_free(pyr_error_take());
		if (!node_reaches(&nodes_alive, 0)) {
			printf("allocation %d: %d are left\n", n, atomic_load(&nodes_alive));
			CHECK_INT(nodes_alive, 0);
			return;
		}
	} while (left <= 0 && n < 2000);
	CHECK(n > 20);
	CHECK(n < 2000);
	CHECK_INT(act(), 0);
	pyr_error_free(pyr_error_take());
	CHECK_INT(refs_Node_let_go(server), 0);
	CHECK_INT(refs_Node_let_go(third), 0);
}

TEST(without_memory_references_fail_with_the_right_error_and_leave_nothing)
{
	open_three();
	fail_each(pass_and_call);
	fail_each(import_and_pass_on);
	fail_each(raise_and_stream);
	fail_each(stream_through);
	refs_Node_free(beside);
	refs_Node_free(third);
	node_close(&place_c);
	close_all();
}

TESTS(reference_memory, T(without_memory_references_fail_with_the_right_error_and_leave_nothing))
