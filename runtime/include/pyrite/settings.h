/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SETTINGS_H
#define PYRITE_SETTINGS_H
/*
 * ---- Settings ----
 *
 * The settings of this process as its environment gives them, for programs that show them to users:
 * `pyrite config` uses this. docs/limits.md lists them.
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
	const char *value;    /* what is used unless the program sets it; a secret is "(secret)" */
	const char *standard; /* the default if the environment does not set it either */
	const char *help;     /* what it is, and what happens beyond a limit */
	const char *wrong;    /* the environment's value if it is malformed, else NULL */
	bool is_given;        /* the environment sets it */
};

/* For pyr_setting_get() alone. */
int pyr__setting(size_t i, struct pyr_setting *ret, size_t size);

/* Gets setting number i, from 0 on, as the environment was at the first use of the library. *ret:
 * its strings are borrowed, valid for ever. Returns 1, or 0 if there is no such setting. Any
 * thread. */
static inline int pyr_setting_get(size_t i, struct pyr_setting *ret)
{
	return pyr__setting(i, ret, sizeof(*ret));
}

/* The result of one step of the search for name servers. */
enum pyr_ns_verdict {
	PYR_NS_NOT_ASKED = 0, /* it is not configured, or an earlier step has found servers and this
				 one would use the network */
	PYR_NS_NOTHING,       /* it names no name server */
	PYR_NS_WRONG,         /* it is malformed or cannot be trusted, which ends the search */
	PYR_NS_PASSED_OVER,   /* it names some, but an earlier step has found others */
	PYR_NS_TAKEN
};

/* A step of the search. New members may follow in later versions. */
struct pyr_ns_step {
	const char *name;            /* "environment", "file", "DNS", "UDP", "default" */
	const char *place;           /* what was read: "/etc/pyrite/ns" */
	const char *text;            /* what it names, or why it was not asked */
	enum pyr_ns_verdict verdict; /* the result */
};

/* How name servers are found if no address is given. New members may follow in later versions. */
struct pyr_ns_search {
	const char *servers; /* "a:9090,b:9090", in the order of preference; NULL: none */
	const char *problem; /* why there are none; NULL: there are some */
	size_t n;            /* of steps */
	const struct pyr_ns_step *const *steps; /* in the order in which they were taken */
};

/* Searches for name servers anew, as pyr_ns_locate(NULL) does, and reports each step; docs/names.md
 * has their order. It does not try whether a name server answers there. Takes up to 5 s where DNS
 * or UDP is asked. *ret: owned, pyr_free(). Returns 0 also if the search found none;
 * RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED, CANCELLED in a task. Any thread. */
int pyr_ns_find(struct pyr_ns_search **ret) PYR_MUST_CHECK;

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
