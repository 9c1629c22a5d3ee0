/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_ANY_HELP_H
#define PYRITE_TEST_ANY_HELP_H
/* What the tests of any share: one of a point, and any as they come from a peer. */
#include <pyrite/pyrite.h>

#include "values.h"

#include "test.h"

#include <pyrite/gen.h>

#include "wire/codec.h"

enum { MAX = 256 * 1024 }; /* PYRITE_MAX_MESSAGE here */

static void __attribute__((constructor)) small(void)
{
	setenv("PYRITE_MAX_MESSAGE", "262144", 1);
}

static inline void refuses(int status, int code, const char *text)
{
	CHECK_INT(status, -code);
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), text);
}

static inline pyr_any *point_any(pyr_call *call, int32_t x)
{
	return values_Point_to_any(call, &(struct values_Point){ x, -x });
}

/* Takes it. */
static inline void check_point(pyr_any *any, int32_t x)
{
	struct values_Point *point = NULL;

	CHECK_STR(pyr_any_type(any), "values.Point");
	CHECK_INT(values_Point_from_any(any, &point), 0);
	REQUIRE(point);
	CHECK(point->x == x && point->y == -x);
	pyr_free(point);
	pyr_free(any);
}

/* A field of bytes. Returns how many it took. */
static inline size_t put(uint8_t *to, unsigned id, const void *data, size_t n)
{
	uint8_t *p = to;
	size_t left = n;

	*p++ = (uint8_t)(id << 3 | 2);
	for (; left >= 0x80; left >>= 7)
		*p++ = (uint8_t)(left | 0x80);
	*p++ = (uint8_t)left;
	memmove(p, data, n);
	return (size_t)(p - to) + n;
}

/* values.Carrier with this google.protobuf.Any in its member `one`. */
static inline int take_carrier(const void *encoded, size_t n, struct values_Carrier **ret,
			       struct codec_problem *problem)
{
	uint8_t *message = malloc(n + 16);
	void *carrier = NULL;
	int status;

	REQUIRE(message);
	*problem = (struct codec_problem){ 0 };
	status = codec_unpack_value(&values_Carrier_type, message, put(message, 2, encoded, n), MAX,
				    &carrier, problem);
	free(message);
	*ret = carrier;
	return status;
}

/* fingerprint 0: none. */
static inline struct values_Carrier *made(const char *url, uint64_t fingerprint, const void *value,
					  size_t n)
{
	uint8_t *encoded = malloc(n + strlen(url) + 64);
	struct values_Carrier *carrier;
	struct codec_problem problem;
	size_t n_encoded, i;

	REQUIRE(encoded);
	n_encoded = put(encoded, 1, url, strlen(url));
	n_encoded += put(encoded + n_encoded, 2, value, n);
	if (fingerprint)
		encoded[n_encoded++] = 15 << 3 | 1;
	for (i = 0; fingerprint && i < 8; i++)
		encoded[n_encoded++] = (uint8_t)(fingerprint >> (8 * i));
	CHECK_INT(take_carrier(encoded, n_encoded, &carrier, &problem), 0);
	CHECK_STR(problem.text, "");
	free(encoded);
	REQUIRE(carrier && carrier->one);
	return carrier;
}

#endif
