/* SPDX-License-Identifier: MIT */
/* References where they hide: in structures, anys, exceptions and streams, and those of objects
 * that other processes have. */
#include <string.h>

#include "place.h"

enum { THINGS = 3 };

/* In a structure, as an Object, and in an any that holds such a structure. */
static int held(struct place *place, struct things_Thing *thing)
{
	struct things_Holder inner = { .name = "inner" }, outer = { .name = "outer" };
	struct things_Holder *back = NULL, *copy = NULL, *inside = NULL;
	struct things_Thing *own = NULL, *made = NULL;
	pyr_any *any = NULL;
	int status;

	GET(own, things_Thing_object(NULL, &thing_methods, place, NULL));
	TRY(things_Thing_make(thing, &made));
	inner.thing = made;
	inner.object = things_Thing_as_proxy(made);
	GET(any, pyr_string_to_any(NULL, "nothing"));
	inner.value = any;
	GET(copy, things_Holder_dup(NULL, &inner));
	pyr_free(any);
	GET(any, things_Holder_to_any(NULL, copy));
	outer.thing = own;
	outer.object = things_Thing_as_proxy(made);
	outer.value = any;
	TRY(things_Thing_hold(thing, &outer, &back));
	TRY(part_add(place, back->thing));
	TRY(things_Holder_from_any(back->value, &inside));
	EXPECT(strcmp(inside->name, "inner") == 0);
	TRY(part_add(place, inside->thing));
out:
	pyr_free(inside);
	pyr_free(back);
	pyr_free(copy);
	pyr_free(any);
	things_Thing_free(made);
	things_Thing_free(own);
	return status;
}

/* An Object, whose interface the other end does not ask for. */
static int untold(struct place *place, struct things_Thing *thing)
{
	struct things_Thing *own = NULL, *again = NULL;
	pyr_object *back = NULL;
	int status;

	GET(own, things_Thing_object(NULL, &thing_methods, place, NULL));
	TRY(things_Thing_find(thing, things_Thing_as_proxy(own), &back));
	GET(again, things_Thing_narrow(back));
	TRY(part_add(place, again));
out:
	things_Thing_free(again);
	pyr_proxy_free(back);
	things_Thing_free(own);
	return status;
}

static int thrown(struct place *place, struct things_Thing *thing)
{
	const struct things_Handed *handed;
	struct things_Thing *copy = NULL;
	int status = things_Thing_hand(thing);

	handed = things_Handed_caught();
	if (!handed)
		return status < 0 ? note("things_Thing_hand()", status)
				  : note_wrong("hand() succeeded");
	GET(copy, things_Thing_dup(handed->thing));
	status = part_add(place, copy);
out:
	things_Thing_free(copy);
	return status;
}

static int poured(struct place *place, struct things_Thing *thing)
{
	struct things_Thing *item = NULL;
	pyr_stream *stream = NULL;
	int status, n = 0;

	TRY(things_Thing_things(thing, THINGS, &stream));
	for (;;) {
		TRY(things_Thing_things_next(stream, &item));
		if (status == 0)
			break;
		n++;
		TRY(part_add(place, item));
		things_Thing_free(item);
		item = NULL;
	}
	EXPECT(n == THINGS);
out:
	things_Thing_free(item);
	pyr_stream_free(stream);
	return status;
}

static int given(struct place *place, struct things_Thing *thing)
{
	struct things_Thing *own = NULL;
	pyr_stream *stream = NULL;
	int32_t sum = 0;
	int status, i;

	GET(own, things_Thing_object(NULL, &thing_methods, place, NULL));
	TRY(things_Thing_use(thing, &stream));
	for (i = 0; i < THINGS; i++)
		TRY(things_Thing_use_write(stream, own));
	status = things_Thing_use_finish(stream, &sum);
	stream = NULL;
	TRY(status);
	EXPECT(sum == THINGS);
out:
	pyr_stream_free(stream);
	things_Thing_free(own);
	return status;
}

#define OVER(lane, part)                                                                           \
	static int part##_over_##lane(void)                                                        \
	{                                                                                          \
		struct pyr_daemon_options daemon = { .threads = 2 };                               \
		struct pyr_proxy_options options = proxy_options(PYR_LANE_##lane);                 \
                                                                                                   \
		return with_both(&daemon, &options, part);                                         \
	}

OVER(SOCKET, held)
OVER(GRPC, held)
OVER(SOCKET, untold)
OVER(SOCKET, thrown)
OVER(SOCKET, poured)
OVER(PROCESS, poured)
OVER(SOCKET, given)

/* ---- three processes ---- */

static char maker[128], asker[128];
static pid_t maker_pid, asker_pid;

static bool start_two(void)
{
	maker_pid = start_server(maker, sizeof(maker));
	asker_pid = start_server(asker, sizeof(asker));
	return maker_pid > 0 && asker_pid > 0;
}

static void stop_two(void)
{
	stop_program(asker_pid);
	stop_program(maker_pid);
}

/* One makes an object, which the other calls through this process. */
static int between(void)
{
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *first = NULL, *second = NULL, *made = NULL, *back = NULL;
	pyr_object *object = NULL;
	int32_t sum = 0;
	int status;

	GET(first, things_Thing_proxy_with(maker, &to));
	GET(second, things_Thing_proxy_with(asker, &to));
	TRY(things_Thing_make(first, &made));
	TRY(things_Thing_ask(second, made, 2, 3, &sum));
	EXPECT(sum == 5);
	TRY(things_Thing_same(second, made, &back));
	TRY(part_add(NULL, back));
	TRY(things_Thing_find(second, things_Thing_as_proxy(made), &object));
out:
	pyr_proxy_free(object);
	things_Thing_free(back);
	things_Thing_free(made);
	things_Thing_free(second);
	things_Thing_free(first);
	return status;
}

/* The maker is left while the other still holds what it made. */
static int bereft(void)
{
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *first = NULL, *second = NULL, *made = NULL;
	int32_t sum = 0;
	int status;

	GET(first, things_Thing_proxy_with(maker, &to));
	GET(second, things_Thing_proxy_with(asker, &to));
	TRY(things_Thing_make(first, &made));
	TRY(things_Thing_keep(second, made));
	TRY(things_Thing_ask_kept(second, 2, 3, &sum));
	EXPECT(sum == 5);
	things_Thing_free(made);
	made = NULL;
	pyr_proxy_release(things_Thing_as_proxy(first));
	status = part_add(NULL, second);
out:
	things_Thing_free(made);
	things_Thing_free(second);
	things_Thing_free(first);
	return status;
}

const struct scenario hidden_scenarios[] = {
	{ .name = "reference-held", .run = held_over_SOCKET },
	{ .name = "reference-held-grpc", .run = held_over_GRPC },
	{ .name = "reference-untold", .run = untold_over_SOCKET },
	{ .name = "reference-thrown", .run = thrown_over_SOCKET, .also = ALSO(PYR_ABORTED) },
	{ .name = "references-poured", .run = poured_over_SOCKET },
	{ .name = "references-poured-process", .run = poured_over_PROCESS },
	{ .name = "references-given", .run = given_over_SOCKET },
	{ .name = "reference-between", .run = between, .open = start_two, .close = stop_two },
	{ .name = "reference-bereft", .run = bereft, .open = start_two, .close = stop_two },
	{ 0 },
};
