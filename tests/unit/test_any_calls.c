/* SPDX-License-Identifier: MIT */
/* Values of any type that pass through calls, also by those who do not know the type. */
#include "any_help.h"

#include <stdatomic.h>

struct place {
	pyr_daemon *daemon;
	pthread_t thread;
	struct values_Hub *hub;
	struct values_Hub *next; /* what it passes calls on to; NULL: it answers them */
	pyr_any *last;
	atomic_int n_notes;
};

static struct place *place_of(pyr_call *call)
{
	return pyr_call_data(call);
}

static int get_last(pyr_call *call, const pyr_any **ret)
{
	*ret = place_of(call)->last;
	return 0;
}

static int set_last(pyr_call *call, const pyr_any *value)
{
	pyr_free(place_of(call)->last);
	place_of(call)->last = pyr_any_dup(NULL, value);
	return 0;
}

static int echo(pyr_call *call, const pyr_any *x, const pyr_any **ret)
{
	pyr_any *answer = NULL;
	int status;

	if (!place_of(call)->next) {
		*ret = x;
		return 0;
	}
	status = values_Hub_echo(place_of(call)->next, x, &answer);
	*ret = pyr_any_dup(call, answer);
	pyr_free(answer);
	return status;
}

static int turn(pyr_call *call, const pyr_any *a, const pyr_any *b, const pyr_any **ret_b,
		const pyr_any **ret_c)
{
	(void)call;
	*ret_b = a;
	*ret_c = b;
	return 0;
}

static int maybe(pyr_call *call, const pyr_any *x, const pyr_any **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int carry(pyr_call *call, const struct values_Carrier *carrier,
		 const struct values_Carrier **ret)
{
	*ret = values_Carrier_dup(call, carrier);
	return *ret ? 0 : -PYR_INTERNAL;
}

static int choose(pyr_call *call, const struct values_Either *either,
		  const struct values_Either **ret)
{
	*ret = values_Either_dup(call, either);
	return *ret ? 0 : -PYR_INTERNAL;
}

static int twice(pyr_call *call, pyr_stream *stream)
{
	const pyr_any *item;
	int n, status = 0;

	(void)call;
	while (status == 0 && (n = values_Hub_twice_read(stream, &item)) > 0) {
		status = values_Hub_twice_yield(stream, item);
		if (status == 0)
			status = values_Hub_twice_yield(stream, item);
	}
	return status;
}

static int refuse(pyr_call *call, const pyr_any *what)
{
	return values_Hub_raise_Odd(call, &(struct values_Odd){ .what = what });
}

static int note(pyr_call *call, const pyr_any *x)
{
	place_of(call)->n_notes += strcmp(pyr_any_type(x), "values.Point") == 0;
	return 0;
}

static const struct values_Hub_methods methods = { .get_last = get_last,
						   .set_last = set_last,
						   .echo = echo,
						   .turn = turn,
						   .maybe = maybe,
						   .carry = carry,
						   .choose = choose,
						   .twice = twice,
						   .refuse = refuse,
						   .note = note };

static void *run(void *place)
{
	CHECK_INT(pyr_daemon_run(((struct place *)place)->daemon), 0);
	return NULL;
}

static void open_place(struct place *place, struct values_Hub *next)
{
	const char *uri;

	*place = (struct place){ .next = next };
	place->daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 2 });
	uri = values_Hub_register(place->daemon, "hub", &methods, place);
	REQUIRE(uri && pthread_create(&place->thread, NULL, run, place) == 0);
	place->hub = values_Hub_proxy(uri);
	REQUIRE(place->hub);
}

static void close_place(struct place *place)
{
	values_Hub_free(place->hub);
	pyr_daemon_stop(place->daemon);
	pthread_join(place->thread, NULL);
	pyr_daemon_free(place->daemon);
	pyr_free(place->last);
}

TEST(an_any_is_a_parameter_and_a_result)
{
	pyr_any *any = point_any(NULL, 3), *back = any, *b = NULL, *c = NULL;
	struct place place;

	open_place(&place, NULL);
	CHECK_INT(values_Hub_echo(place.hub, any, &back), 0);
	check_point(back, 3);
	CHECK_INT(values_Hub_echo(place.hub, NULL, &back), 0);
	CHECK(back == NULL);
	CHECK_INT(values_Hub_turn(place.hub, any, NULL, &b, &c), 0);
	check_point(b, 3);
	CHECK(c == NULL);
	CHECK_INT(values_Hub_maybe(place.hub, any, &back), 0);
	check_point(back, 3);
	CHECK_INT(values_Hub_maybe(place.hub, NULL, &back), 0);
	CHECK(back == NULL);
	CHECK_INT(values_Hub_set_last(place.hub, any), 0);
	CHECK_INT(values_Hub_get_last(place.hub, &back), 0);
	check_point(back, 3);
	CHECK_INT(values_Hub_note(place.hub, any), 0);
	CHECK_INT(values_Hub_echo_get(values_Hub_echo_start(place.hub, any), &back), 0);
	check_point(back, 3);
	CHECK_INT(place.n_notes, 1);
	pyr_free(any);
	close_place(&place);
}

TEST(an_any_stands_inside_structs_unions_sequences_and_maps)
{
	pyr_any *one = point_any(NULL, 1), *text = pyr_string_to_any(NULL, "two"), *large;
	const pyr_any *many[] = { text, NULL, one };
	struct pyr_string_any_map_entry entries[] = { { "one", one }, { "none", NULL } };
	struct values_Carrier carrier = {
		.topic = "all", .one = one, .has_maybe = true, .maybe = text
	};
	static uint8_t bytes[20000]; /* more than what is copied twice */
	struct values_Carrier *back = NULL;
	struct values_Either either = { ._d = 1, ._u.value = one }, *chosen = NULL;
	struct place place;

	open_place(&place, NULL);
	large = pyr_bytes_to_any(NULL, &(struct pyr_bytes){ sizeof(bytes), bytes });
	carrier.many.n = 3;
	carrier.many.items = many;
	carrier.by_name.n = 2;
	carrier.by_name.items = entries;
	many[0] = large;
	REQUIRE(values_Hub_carry(place.hub, &carrier, &back) == 0);
	CHECK_STR(pyr_any_type(back->one), "values.Point");
	CHECK_INT(back->many.n, 3);
	CHECK_STR(pyr_any_type(back->many.items[0]), "google.protobuf.BytesValue");
	CHECK(back->many.items[1] == NULL);
	CHECK_INT(back->by_name.n, 2);
	CHECK(back->has_maybe);
	check_point(pyr_any_dup(NULL, back->many.items[2]), 1);
	pyr_free(back);
	REQUIRE(values_Hub_choose(place.hub, &either, &chosen) == 0);
	CHECK_STR(pyr_any_type(chosen->_u.value), "values.Point");
	pyr_free(chosen);
	pyr_free(one);
	pyr_free(text);
	pyr_free(large);
	close_place(&place);
}

TEST(an_any_is_an_item_of_streams_and_a_member_of_exceptions)
{
	pyr_any *any = point_any(NULL, 4), *item = NULL;
	pyr_stream *stream = NULL;
	struct place place;
	int n = 0;

	open_place(&place, NULL);
	REQUIRE(values_Hub_twice(place.hub, &stream) == 0);
	CHECK_INT(values_Hub_twice_write(stream, any), 0);
	CHECK_INT(values_Hub_twice_write(stream, any), 0);
	CHECK_INT(pyr_stream_end(stream), 0);
	for (; values_Hub_twice_next(stream, &item) > 0; n++)
		check_point(item, 4);
	CHECK_INT(n, 4);
	pyr_stream_free(stream);
	CHECK_INT(values_Hub_refuse(place.hub, any), -PYR_ABORTED);
	REQUIRE(values_Odd_caught());
	check_point(pyr_any_dup(NULL, values_Odd_caught()->what), 4);
	pyr_free(any);
	close_place(&place);
}

TEST(d14_a_dispatcher_passes_on_values_of_types_that_it_does_not_know)
{
	struct values_Carrier *carrier = made("x/some.Type", 77, "\x0a\x03xyz", 5);
	struct place worker, dispatcher;
	pyr_any *any = point_any(NULL, 8), *back = NULL;

	open_place(&worker, NULL);
	open_place(&dispatcher, worker.hub);
	CHECK_INT(values_Hub_echo(dispatcher.hub, carrier->one, &back), 0);
	CHECK_STR(pyr_any_type(back), "some.Type");
	pyr_free(back);
	pyr_free(carrier);
	CHECK_INT(values_Hub_echo(dispatcher.hub, any, &back), 0);
	check_point(back, 8);
	pyr_free(any);
	close_place(&dispatcher);
	close_place(&worker);
}

TESTS(any_calls, T(an_any_is_a_parameter_and_a_result),
      T(an_any_stands_inside_structs_unions_sequences_and_maps),
      T(an_any_is_an_item_of_streams_and_a_member_of_exceptions),
      T(d14_a_dispatcher_passes_on_values_of_types_that_it_does_not_know))
