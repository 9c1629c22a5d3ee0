/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_MEMBER_NAMES_H
#define PYRITE_MEMBER_NAMES_H
/* Bare names: members, parameters. */
#include "claims.h"

void c_names_inside(struct naming *naming, struct raw_decl *raw);
void c_names_callback(struct naming *naming, struct raw_decl *raw); /* of I_op_async() */

#endif
