/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_MEMBER_NAMES_H
#define PYRITE_MEMBER_NAMES_H
/* Bare names: members, parameters. */
#include "claims.h"

void c_names_inside(struct naming *naming, struct raw_decl *raw);
/* Parameters that I_op_async() and I_op_map() have of their own. */
void c_names_of_forms(struct naming *naming, struct raw_decl *raw);

#endif
