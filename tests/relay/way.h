/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_RELAY_WAY_H
#define PYRITE_TEST_RELAY_WAY_H
#include "relay.h"

/* One direction of a connection: what was read waits until it is due, and leaves. */

enum way_state { WAY_GOES_ON, WAY_BROKEN };

void way_begin(struct relay_way *way, int *from, int *to);
void way_free(struct relay_way *way);
/* Whether it is to be read, or written, now. */
bool way_reads(const struct relay_way *way, const struct relay_fault *fault);
bool way_writes(const struct relay_way *way, const struct relay_fault *fault, int64_t now);
/* When it is to be written, in ns; INT64_MAX: not by time. */
int64_t way_due(const struct relay_way *way, const struct relay_fault *fault);
enum way_state way_read(struct relay *relay, struct relay_way *way, const struct relay_fault *fault,
			int64_t now);
/* Stores how many bytes have left. */
enum way_state way_write(struct relay_way *way, const struct relay_fault *fault, int64_t now,
			 size_t *ret_sent);
/* Its receiver gets no more, after what is under way. */
enum way_state way_end(struct relay_way *way, int64_t now);
#endif
