/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_IDL_MAKE_H
#define PYRITE_FUZZ_IDL_MAKE_H
/*
 * IDL at random: a main file and what it includes, with everything the language has, mostly valid,
 * with some unknown names, unsupported declarations and clashes among it.
 */
#include <stddef.h>
#include <stdint.h>

enum { MAKE_FILES = 3 }; /* main.idl, one.idl, two.idl */

struct make {
	uint64_t state;      /* of the random numbers */
	const uint8_t *data; /* or these bytes decide, as long as there are some; NULL: none */
	size_t n_data;
	char *texts[MAKE_FILES]; /* malloc'ed; freed by make_free() */
};

extern const char *const make_names[MAKE_FILES];

/* Fills texts. The same state and bytes give the same texts. */
void make_idl(struct make *make);
void make_free(struct make *make);
#endif
