/* SPDX-License-Identifier: MIT */
/* Objects that are passed, come back, are called back and given up. */
#include "place.h"

/* An object of this side is passed and called by the daemon's. */
static int called_back(struct place *place, struct things_Thing *thing)
{
	struct things_Thing *own = NULL, *back = NULL;
	int32_t sum = 0;
	int status;

	GET(own, things_Thing_object(NULL, &thing_methods, place, NULL));
	TRY(things_Thing_ask(thing, own, 2, 3, &sum));
	EXPECT(sum == 5);
	TRY(things_Thing_same(thing, own, &back));
	TRY(things_Thing_add(back, 3, 4, &sum));
	EXPECT(sum == 7);
out:
	things_Thing_free(back);
	things_Thing_free(own);
	return status;
}

static int kept(struct place *place, struct things_Thing *thing)
{
	struct things_Thing *own = NULL;
	int32_t sum = 0;
	int status;

	GET(own, things_Thing_object(NULL, &thing_methods, place, NULL));
	TRY(things_Thing_keep(thing, own));
	TRY(things_Thing_ask_kept(thing, 2, 3, &sum));
	EXPECT(sum == 5);
out:
	things_Thing_free(own);
	return status;
}

static int made(struct place *place, struct things_Thing *thing)
{
	struct things_Thing *other = NULL, *copy = NULL;
	int32_t sum = 0;
	int status;

	(void)place;
	TRY(things_Thing_make(thing, &other));
	GET(copy, things_Thing_dup(other));
	TRY(things_Thing_add(copy, 2, 3, &sum));
	EXPECT(sum == 5);
out:
	things_Thing_free(copy);
	things_Thing_free(other);
	return status;
}

static void lost(pyr_proxy *proxy, void *data)
{
	(void)proxy;
	atomic_store((atomic_bool *)data, true);
}

/* A reference is told that its connection is gone. */
static int told(struct place *place, struct things_Thing *thing)
{
	struct things_Thing *other = NULL;
	static atomic_bool is_lost;
	int status;

	(void)place;
	TRY(things_Thing_make(thing, &other));
	TRY(pyr_proxy_on_lost(things_Thing_as_proxy(other), lost, &is_lost));
	pyr_proxy_release(things_Thing_as_proxy(thing));
out:
	things_Thing_free(other);
	return status;
}

/* Made by one daemon, passed to another, which calls it through this process. */
static int forwarded(struct place *place, struct things_Thing *thing)
{
	struct pyr_daemon_options options = { .threads = 2 };
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *second = NULL, *other = NULL;
	struct place next;
	int32_t sum = 0;
	int status;

	(void)place;
	TRY(place_open(&next, &options));
	GET(second, things_Thing_proxy_with(next.uri, &to));
	TRY(things_Thing_make(thing, &other));
	TRY(things_Thing_ask(second, other, 2, 3, &sum));
	EXPECT(sum == 5);
out:
	things_Thing_free(other);
	things_Thing_free(second);
	return place_close(&next, status);
}

/* An object of another daemon is passed by its URI, and called there. */
static int elsewhere(struct place *place, struct things_Thing *thing)
{
	struct pyr_daemon_options options = { .threads = 2 };
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *other = NULL, *back = NULL;
	struct place next;
	int32_t sum = 0;
	int status;

	(void)place;
	TRY(place_open(&next, &options));
	GET(other, things_Thing_proxy_with(next.uri, &to));
	TRY(things_Thing_ask(thing, other, 2, 3, &sum));
	EXPECT(sum == 5);
	TRY(things_Thing_same(thing, other, &back));
	TRY(things_Thing_add(back, 3, 4, &sum));
	EXPECT(sum == 7);
out:
	things_Thing_free(back);
	things_Thing_free(other);
	return place_close(&next, status);
}

#define OVER(lane, part)                                                                           \
	static int part##_over_##lane(void)                                                        \
	{                                                                                          \
		struct pyr_daemon_options daemon = { .threads = 2 };                               \
		struct pyr_proxy_options options = proxy_options(PYR_LANE_##lane);                 \
                                                                                                   \
		return with_both(&daemon, &options, part);                                         \
	}

OVER(SOCKET, called_back)
OVER(GRPC, called_back)
OVER(PROCESS, called_back)
OVER(SOCKET, kept)
OVER(SOCKET, made)
OVER(SOCKET, told)
OVER(SOCKET, forwarded)
OVER(SOCKET, elsewhere)

const struct scenario reference_scenarios[] = {
	{ .name = "reference-called-back", .run = called_back_over_SOCKET },
	{ .name = "reference-called-back-grpc", .run = called_back_over_GRPC },
	{ .name = "reference-called-back-process", .run = called_back_over_PROCESS },
	{ .name = "reference-kept", .run = kept_over_SOCKET },
	{ .name = "reference-made", .run = made_over_SOCKET },
	{ .name = "reference-lost", .run = told_over_SOCKET },
	{ .name = "reference-forwarded", .run = forwarded_over_SOCKET },
	{ .name = "reference-elsewhere", .run = elsewhere_over_SOCKET },
	{ 0 },
};
