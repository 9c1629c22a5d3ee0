/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_POISON_H
#define PYRITE_POISON_H
/*
 * What is not supported. Something unsupported stands here, or a poisoned declaration is used: an
 * error in the main file, else front->part is poisoned.
 */
#include "front.h"
#include "raw.h"

const char *poison_text(struct front *front, const char *what); /* "what is not supported" */
void poison_meet(struct front *front, const struct ast_loc *loc, const char *what);
void poison_use(struct front *front, const struct ast_loc *loc, const struct raw_decl *used);
/* The same of a base: a poisoned declaration, or what has no declaration. */
void poison_base(struct front *front, const struct ast_loc *loc, struct raw_decl *interface,
		 const struct raw_decl *base, const char *what);
/* front->part uses a declaration that may still turn out poisoned. */
void poison_watch(struct front *front, const struct ast_loc *loc, struct raw_decl *used);
/* The declaration is checked: from now on it counts as poisoned, if it is. */
void poison_seal(struct raw_decl *raw);
/* After the walk: what uses what turned out poisoned is so too. */
void poison_settle(struct front *front);

#endif
