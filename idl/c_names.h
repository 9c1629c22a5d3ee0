/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_C_NAMES_H
#define PYRITE_C_NAMES_H
/* Joined names: types, constants, interfaces, operations. */
#include "claims.h"

void c_names_declaration(struct naming *naming, struct raw_decl *raw);
void c_names_helpers(struct naming *naming, struct raw_decl *raw); /* I_as_B, I_raise_E */

#endif
