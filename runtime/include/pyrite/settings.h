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

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
