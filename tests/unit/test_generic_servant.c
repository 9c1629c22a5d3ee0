/* SPDX-License-Identifier: MIT */
/* Objects whose operations one function serves with values as JSON: a gateway that hands on what it
 * gets, and mocks that answer as they are told. Their callers have stubs. */
#include "flow_servant.h"
#include "node.h"
#include "servant.h"

#include <pyrite/daemon.h>
#include <pyrite/gen.h>
#include <pyrite/value.h>

#include "test.h"

#include <stdio.h>

static struct place place;
static struct node_place nodes;
static pyr_daemon *gateway;
static pthread_t thread;

static void *run(void *unused)
{
	(void)unused;
	CHECK_INT(pyr_daemon_run(gateway), 0);
	return NULL;
}

static void open_gateway(void)
{
	gateway = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 4, .signals = PYR_NO });
	REQUIRE(gateway != NULL);
	REQUIRE(pthread_create(&thread, NULL, run, NULL) == 0);
}

static void close_gateway(void)
{
	pyr_daemon_stop(gateway);
	pthread_join(thread, NULL);
	pyr_daemon_free(gateway);
}

/* ---- a gateway ---- */

static int hand_on(pyr_call *call, const char *operation, const char *args, const char **ret)
{
	pyr_proxy *next = pyr_call_data(call);
	char *said = NULL, *raised;
	int err = pyr_proxy_call_json(next, operation, args, &said);

	if (err == 0)
		*ret = pyr_call_strdup(call, said);
	pyr_free(said);
	if (err == 0)
		return 0;
	raised = pyr_proxy_error_json(next);
	if (!raised)
		return pyr_pass(call);
	/* "@type" is none of its members */
	*strchr(raised, '"') = ' ';
	memset(strchr(raised, '@'), ' ', (size_t)(strchr(raised, ',') - strchr(raised, '@') + 1));
	err = pyr_call_raise_json(call, pyr_last_error()->exception, raised);
	pyr_free(raised);
	return err;
}

TEST(a_gateway_hands_on_what_it_gets)
{
	const char *uri;
	pyr_proxy *next;
	struct e2e_Work *work;
	const struct e2e_Refused *refused;
	int32_t sum = 0, held, told = -1;
	char *text = NULL;

	REQUIRE(place_open(&place, &(struct pyr_daemon_options){ .threads = 2 }));
	open_gateway();
	next = pyr_proxy_new(place.uri);
	REQUIRE(next != NULL);
	uri = pyr_daemon_register_generic(gateway, "gateway", next, hand_on, next);
	REQUIRE(uri != NULL);
	work = e2e_Work_proxy(uri);
	CHECK_INT(e2e_Work_add(work, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(e2e_Work_echo(work, "\"\\ \xe2\x82\xac", &text), 0);
	CHECK_STR(text, "\"\\ \xe2\x82\xac");
	pyr_free(text);
	CHECK_INT(e2e_Work_held(work, &held, &told), 0);
	CHECK_INT(told, 0);
	CHECK_INT(e2e_Work_nobody(work), -PYR_UNIMPLEMENTED);
	CHECK_INT(e2e_Work_raise(work, 7, "no"), -PYR_ABORTED);
	refused = e2e_Refused_caught();
	REQUIRE(refused != NULL);
	CHECK_INT(refused->number, 7);
	CHECK_STR(refused->why, "no");
	CHECK_INT(e2e_Work_open(work, 3), 0);
	e2e_Work_free(work);
	close_gateway();
	pyr_proxy_free(next);
	CHECK_INT(place_close(&place), 0);
}

/* ---- mocks ---- */

static struct mock {
	const char *says, *exception;
	char args[256], operation[64];
	pyr_deferred *deferred;
	atomic_int is_held; /* deferred is there */
	int n_items;
} mock;

static int answer(pyr_call *call, const char *operation, const char *args, const char **ret)
{
	CHECK(pyr_call_data(call) == &mock);
	snprintf(mock.args, sizeof(mock.args), "%s", args);
	snprintf(mock.operation, sizeof(mock.operation), "%s", operation);
	if (strcmp(operation, "hold") == 0) {
		CHECK_INT(pyr_call_defer(call, &mock.deferred), 0);
		atomic_store(&mock.is_held, 1);
		return 0;
	}
	if (mock.exception)
		return pyr_call_raise_json(call, mock.exception, mock.says);
	*ret = mock.says;
	return 0;
}

/* A proxy of a mock that nothing but an interface is known of. */
static struct e2e_Work *mocked(void)
{
	struct e2e_Work *like = e2e_Work_proxy("PYRO:work@127.0.0.1:1");
	const char *uri;

	memset(&mock, 0, sizeof(mock));
	open_gateway();
	uri = pyr_daemon_register_generic(gateway, NULL, e2e_Work_as_proxy(like), answer, &mock);
	e2e_Work_free(like);
	REQUIRE(uri != NULL);
	return e2e_Work_proxy(uri);
}

TEST(a_mock_answers_as_it_is_told)
{
	struct e2e_Work *work = mocked();
	int32_t sum = 0, held = 0, told = 0;

	mock.says = "7";
	CHECK_INT(e2e_Work_add(work, 1, -2, &sum), 0);
	CHECK_INT(sum, 7);
	CHECK_STR(mock.args, "{\"x\": 1, \"y\": -2}");
	CHECK_STR(mock.operation, "add");
	mock.says = "{\"ret\": 3, \"told\": 4}";
	CHECK_INT(e2e_Work_held(work, &held, &told), 0);
	CHECK_STR(mock.args, "{}");
	CHECK_INT(held, 3);
	CHECK_INT(told, 4);
	mock.says = "not looked at";
	CHECK_INT(e2e_Work_open(work, 1), 0);
	mock.says = NULL;
	CHECK_INT(e2e_Work_open(work, 1), 0);
	e2e_Work_free(work);
	close_gateway();
}

TEST(an_answer_that_does_not_fit_fails_the_call_by_name)
{
	static const struct {
		const char *says, *message;
	} tried[] = {
		{ NULL, "e2e.Work.add: the servant's answer: " },
		{ "", "e2e.Work.add: the servant's answer: " },
		{ "\"seven\"", "e2e.Work.add: the servant's answer: result 'ret'" },
		{ "4000000000", "4000000000 does not fit int32" },
		{ "7 8", "the servant's answer" },
		{ "{\"ret\": 7}", "the servant's answer" },
	};
	struct e2e_Work *work = mocked();
	int32_t sum = 5;
	size_t i;

	for (i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
		mock.says = tried[i].says;
		CHECK_INT(e2e_Work_add(work, 1, 2, &sum), -PYR_INTERNAL);
		CHECK_HAS(pyr_errmsg(), tried[i].message);
	}
	CHECK_INT(sum, 5);
	e2e_Work_free(work);
	close_gateway();
}

TEST(a_mock_raises_what_its_operation_declares)
{
	struct e2e_Work *work = mocked();
	const struct e2e_Missing *missing;

	mock.exception = "e2e.Missing";
	mock.says = "{\"what\": \"all\"}";
	CHECK_INT(e2e_Work_raise(work, 1, ""), -PYR_NOT_FOUND);
	missing = e2e_Missing_caught();
	REQUIRE(missing != NULL);
	CHECK_STR(missing->what, "all");
	mock.says = "{\"whom\": \"all\"}";
	CHECK_INT(e2e_Work_raise(work, 1, ""), -PYR_INTERNAL);
	CHECK_HAS(pyr_errmsg(), "whom");
	mock.says = NULL; /* as protobuf's JSON: what is left out has its default */
	CHECK_INT(e2e_Work_raise(work, 1, ""), -PYR_NOT_FOUND);
	mock.exception = "e2e.Lost";
	CHECK_INT(e2e_Work_raise(work, 1, ""), -PYR_INTERNAL);
	CHECK_HAS(pyr_errmsg(), "e2e.Work.raise does not raise 'e2e.Lost'");
	e2e_Work_free(work);
	close_gateway();
}

TEST(a_deferred_call_is_answered_later)
{
	struct e2e_Work *work = mocked();
	pyr_future *future;
	int32_t value = 0;
	int i;

	for (i = 0; i < 2; i++) {
		future = e2e_Work_hold_start(work, 1);
		REQUIRE(future != NULL);
		while (!atomic_exchange(&mock.is_held, 0))
			sched_yield();
		CHECK_INT(pyr_deferred_reply_json(mock.deferred, i == 0 ? "8" : "{"), 0);
		CHECK_INT(e2e_Work_hold_get(future, &value), i == 0 ? 0 : -PYR_INTERNAL);
		CHECK_INT(value, 8);
	}
	CHECK_INT(pyr_deferred_reply_json(NULL, "8"), -PYR_INVALID_ARGUMENT);
	e2e_Work_free(work);
	close_gateway();
}

/* ---- streams ---- */

/* scale(): each item as it came, without arithmetic; sum(): how many there were. */
static int pour(pyr_call *call, const char *operation, const char *args, const char **ret)
{
	char *item, text[64];
	int n;

	(void)args;
	mock.n_items = 0;
	if (strcmp(operation, "count") == 0) {
		for (n = 0; n < 3; n++) {
			snprintf(text, sizeof(text), "%d", n);
			CHECK_INT(pyr_call_yield_json(call, text), 0);
		}
		CHECK_INT(pyr_call_yield_json(call, "\"x\""), -PYR_INVALID_ARGUMENT);
		CHECK_INT(pyr_call_next_json(call, &item), -PYR_INVALID_ARGUMENT);
		return 0;
	}
	while ((n = pyr_call_next_json(call, &item)) > 0) {
		mock.n_items++;
		if (strcmp(operation, "scale") == 0)
			CHECK_INT(pyr_call_yield_json(call, item), 0);
		pyr_free(item);
	}
	snprintf(text, sizeof(text), "{\"ret\": \"%d\", \"n\": 9}", mock.n_items);
	*ret = pyr_call_strdup(call, text);
	return n;
}

TEST(streams_are_read_and_yielded)
{
	struct flow_Flow *like = flow_Flow_proxy("PYRO:flow@127.0.0.1:1"), *flow;
	const char *uri;
	pyr_stream *stream;
	int32_t item, i;
	int64_t sum;
	uint32_t n;

	open_gateway();
	uri = pyr_daemon_register_generic(gateway, NULL, flow_Flow_as_proxy(like), pour, NULL);
	flow = flow_Flow_proxy(uri);
	REQUIRE(flow_Flow_count(flow, 0, 3, &stream) == 0);
	for (i = 0; i < 3; i++) {
		CHECK_INT(flow_Flow_count_next(stream, &item), 1);
		CHECK_INT(item, i);
	}
	CHECK_INT(flow_Flow_count_next(stream, &item), 0);
	pyr_stream_free(stream);
	REQUIRE(flow_Flow_scale(flow, 2, &stream) == 0);
	for (i = 0; i < 5; i++) {
		CHECK_INT(flow_Flow_scale_write(stream, i), 0);
		CHECK_INT(flow_Flow_scale_next(stream, &item), 1);
		CHECK_INT(item, i);
	}
	CHECK_INT(pyr_stream_end(stream), 0);
	CHECK_INT(flow_Flow_scale_next(stream, &item), 0);
	pyr_stream_free(stream);
	REQUIRE(flow_Flow_sum(flow, 0, &stream) == 0);
	for (i = 0; i < 5; i++)
		CHECK_INT(flow_Flow_sum_write(stream, i), 0);
	CHECK_INT(flow_Flow_sum_finish(stream, &sum, &n), 0);
	CHECK_INT(sum, 5);
	CHECK_INT(n, 9);
	flow_Flow_free(flow);
	flow_Flow_free(like);
	close_gateway();
}

/* ---- references ---- */

TEST(references_go_in_and_come_out_as_uris)
{
	struct refs_Node *like = refs_Node_proxy("PYRO:node@127.0.0.1:1"), *node, *got = NULL;
	const char *uri;
	int32_t sum = 0;
	char said[256];

	memset(&mock, 0, sizeof(mock));
	REQUIRE(node_open(&nodes, &(struct pyr_daemon_options){ .threads = 2 }));
	open_gateway();
	uri = pyr_daemon_register_generic(gateway, NULL, refs_Node_as_proxy(like), answer, &mock);
	node = refs_Node_proxy(uri);
	snprintf(said, sizeof(said), "\"%s\"", nodes.uri);
	mock.says = said;
	REQUIRE(refs_Node_kept(node, &got) == 0 && got);
	CHECK_INT(refs_Node_add(got, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(refs_Node_keep(node, got), 0);
	CHECK_HAS(mock.args, nodes.uri);
	mock.says = "\"PYRO:\"";
	CHECK_INT(refs_Node_kept(node, &got), -PYR_INTERNAL);
	refs_Node_free(got);
	refs_Node_free(node);
	refs_Node_free(like);
	close_gateway();
	node_close(&nodes);
}

static int refuse_wrong_uses(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	char *text;

	*ret = x + y;
	CHECK_INT(pyr_call_next_json(call, &text), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_call_yield_json(call, "1"), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_call_raise_json(call, "e2e.Refused", NULL), -PYR_INVALID_ARGUMENT);
	return 0;
}

TEST(what_is_used_wrongly_says_so)
{
	static const struct e2e_Other_methods methods = { .add = refuse_wrong_uses };
	struct e2e_Other *other;
	int32_t sum = 0;

	open_gateway();
	other = e2e_Other_proxy(e2e_Other_register(gateway, NULL, &methods, NULL));
	CHECK(pyr_daemon_register_generic(gateway, "x", NULL, answer, NULL) == NULL);
	CHECK_STR(pyr_errmsg(), "like is NULL");
	CHECK(pyr_daemon_register_generic(gateway, "x", e2e_Other_as_proxy(other), NULL, NULL) ==
	      NULL);
	CHECK_STR(pyr_errmsg(), "cb is NULL");
	CHECK(pyr_daemon_register_generic(NULL, "x", e2e_Other_as_proxy(other), answer, NULL) ==
	      NULL);
	CHECK_INT(e2e_Other_add(other, 1, 2, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(pyr_call_next_json(NULL, NULL), -PYR_INVALID_ARGUMENT);
	e2e_Other_free(other);
	close_gateway();
}

static void register_like(const struct pyr__interface *table, const char *id)
{
	static const struct pyr_proxy_options none;
	pyr_proxy *like = pyr__proxy_new(table, "PYRO:x@127.0.0.1:1", &none, sizeof(none));

	REQUIRE(like != NULL);
	CHECK(pyr_daemon_register_generic(gateway, id, like, answer, NULL) != NULL);
	pyr_proxy_free(like);
}

/* A library that is unloaded takes its tables with it, and the next one may have others there. */
TEST(a_table_that_lies_where_another_lay_is_a_new_one)
{
	struct pyr_daemon_objects *all = NULL;
	struct pyr__interface table = e2e_Work_interface;

	open_gateway();
	register_like(&table, "a");
	register_like(&table, "b");
	table.name = "e2e.Later";
	register_like(&table, "c");
	REQUIRE(pyr_daemon_list(gateway, &all) == 0);
	REQUIRE(all->n == 3);
	CHECK_STR(all->items[0]->interface, "e2e.Work");
	CHECK_STR(all->items[1]->interface, "e2e.Work");
	CHECK_STR(all->items[2]->interface, "e2e.Later");
	pyr_free(all);
	close_gateway();
}

TESTS(generic_servant, T(a_table_that_lies_where_another_lay_is_a_new_one),
      T(a_gateway_hands_on_what_it_gets), T(a_mock_answers_as_it_is_told),
      T(an_answer_that_does_not_fit_fails_the_call_by_name),
      T(a_mock_raises_what_its_operation_declares), T(a_deferred_call_is_answered_later),
      T(streams_are_read_and_yielded), T(references_go_in_and_come_out_as_uris),
      T(what_is_used_wrongly_says_so))
