/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_GENERIC_ARGUMENTS_H
#define PYRITE_GENERIC_ARGUMENTS_H
#include "value/source.h"

struct budget;

/* Arguments as Python passes them: those in order, then those by name. */
struct generic_arguments {
	struct source *positional; /* an array comes; NULL: there are none */
	struct source *named;      /* an object comes; NULL: there are none */
	struct budget *budget;     /* that the values are charged to meanwhile; NULL: none */
};
#endif
