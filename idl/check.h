/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CHECK_H
#define PYRITE_CHECK_H
/*
 * The passes over the raw tree. One walk in the order of the text declares names, resolves types,
 * evaluates constants and assigns wire ids (check*.c, scope.c, resolve.c, constant.c, annotate.c);
 * poison.c settles what is not supported; then names.c chooses every C and wire name and
 * fingerprint.c sums it all up. A declaration with an error stays in the tree, so that what uses it
 * makes no further errors.
 */
#include "front.h"
#include "raw.h"

/* All of it, after a parse without syntax errors that stopped it. */
void idl_check(struct front *front);

void check_declaration(struct front *front, struct raw_decl *raw); /* in front->scope */
void check_typedef(struct front *front, struct raw_decl *raw);
void check_const(struct front *front, struct raw_decl *raw);
void check_enum(struct front *front, struct raw_decl *raw);
void check_struct(struct front *front, struct raw_decl *raw); /* exceptions too */
void check_union(struct front *front, struct raw_decl *raw);
void check_interface(struct front *front, struct raw_decl *raw);
void check_member_name(struct front *front, const struct raw_decl *raw);

#endif
