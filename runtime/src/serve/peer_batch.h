/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PEER_BATCH_H
#define PYRITE_PEER_BATCH_H
/*
 * A batch on the taking side: one call whose payload is a run of Call frames. Its items are calls
 * of their own, run one after the other in the place of that one; their answers are the frames of
 * its reply. The first that fails ends it.
 */
#include "serve/peer_in.h"

struct peer_batch;

/* Makes a call that was taken a batch. Returns false when memory is out. */
bool peer_batch_init(pyr_call *call);
void peer_batch_free(struct peer_batch *batch);
/* Runs items until one defers its answer, or all are through. In a method thread. */
void peer_batch_run(pyr_call *call);
/* Nobody waits any more: the item that runs is told. */
void peer_batch_cancel(pyr_call *call);
#endif
