/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CARRIED_H
#define PYRITE_CARRIED_H
/* The references that a message carries, kept as long as who sends it, or hands it on, needs them.
 * Any thread, with any lock. */
#include "base/error.h"
#include "reference/reference.h"

struct import_list;

/* A copy that lasts: references counted, one block. NULL for NULL; *ok is false if memory is out.
 */
const struct codec_carried *carried_keep(const struct codec_carried *carried, bool *ok);
/* What a message brought, as what the next one carries. The same. */
const struct codec_carried *carried_of_brought(const struct import_list *list, bool *ok);
/* Adds what was kept to a list of such: one to be dropped. */
void carried_join(const struct codec_carried **list, const struct codec_carried *kept);
/* Those that wait behind each other, each up to a mark. All zero: none. */
struct carried_queue {
	struct block_of_carried *first, *last;
};
/* Takes what was kept. */
void carried_put(struct carried_queue *queue, const struct codec_carried *kept, uint64_t mark);
/* The first one, if its mark is not beyond `until`; else NULL. */
const struct codec_carried *carried_pop(struct carried_queue *queue, uint64_t until);
/* NULL: nothing. */
void carried_drop(const struct codec_carried *kept);

/* As what an error holds: takes what was kept, also on failure. NULL for NULL, and when memory is
 * out. */
struct error_held *carried_hold(const struct codec_carried *kept);
/* What it holds; NULL for NULL. */
const struct codec_carried *carried_held(const struct error_held *held);
#endif
