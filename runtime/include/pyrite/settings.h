/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SETTINGS_H
#define PYRITE_SETTINGS_H
/*
 * ---- Settings ----
 *
 * What the environment says of the defaults of this process, for programs that tell their users:
 * `pyrite config` is made of this. docs/limits.md has the table of them.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* One setting. New members may follow in later versions. */
struct pyr_setting {
	const char *name;     /* "max_message" */
	const char *variable; /* "PYRITE_MAX_MESSAGE" */
	const char *value;    /* what is used where the code says nothing; of a secret "(secret)" */
	const char *standard; /* what is used if the environment says nothing, too */
	const char *help;     /* what it is, and what happens beyond */
	const char *wrong;    /* what the environment says and makes no sense; NULL: nothing */
	bool is_given;        /* value is the environment's */
};

/* For pyr_setting_get() alone. */
int pyr__setting(size_t i, struct pyr_setting *ret, size_t size);

/* Gets setting number i, from 0 on, as the environment was at the first use of the library. *ret:
 * its texts are borrowed, valid for ever. Returns 1, or 0 if there are not so many. Any thread. */
static inline int pyr_setting_get(size_t i, struct pyr_setting *ret)
{
	return pyr__setting(i, ret, sizeof(*ret));
}

/* What came of a step of the search for name servers. */
enum pyr_ns_verdict {
	PYR_NS_NOT_ASKED =
		0,          /* it is not set up, or costs something and another was taken before */
	PYR_NS_NOTHING,     /* it names no name server */
	PYR_NS_WRONG,       /* it makes no sense or may not be believed, which ends the search */
	PYR_NS_PASSED_OVER, /* it names some, but another was taken before */
	PYR_NS_TAKEN
};

/* A step of the search. New members may follow in later versions. */
struct pyr_ns_step {
	const char *name;            /* "environment", "file", "DNS", "UDP", "default" */
	const char *place;           /* what was looked at: "/etc/pyrite/ns" */
	const char *text;            /* what it said, or why it was not asked */
	enum pyr_ns_verdict verdict; /* what came of it */
};

/* How name servers are found if no address is given. New members may follow in later versions. */
struct pyr_ns_search {
	const char *servers; /* "a:9090,b:9090", in the order of preference; NULL: none */
	const char *problem; /* why there are none; NULL: there are some */
	size_t n;            /* of steps */
	const struct pyr_ns_step *const *steps; /* in the order in which they were taken */
};

/* Searches for name servers as pyr_ns_locate(NULL) does, anew, and tells of each step;
 * docs/names.md has their order. Whether a name server answers there is not tried. Takes up to 5 s
 * where DNS or UDP is asked. *ret: owned, pyr_free(). Returns 0 also if the search found none;
 * RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED, CANCELLED in a task. Any thread. */
int pyr_ns_find(struct pyr_ns_search **ret) PYR_MUST_CHECK;

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
