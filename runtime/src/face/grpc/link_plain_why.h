/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PLAIN_WHY_H
#define PYRITE_LINK_PLAIN_WHY_H
/*
 * Why a channel does not connect. Its state does not say, a call does: one is made while the
 * channel fails, and ends at once with the reason. If there is a connection after all, it is a call
 * of a method that no server has.
 */
#include <stdbool.h>

#include "engine/core_api.h"

/* told: once, in the leader, unless this returns false: memory is out. text: core's, borrowed. */
typedef void why_told(void *data, const char *text);
bool why_ask(grpc_channel *channel, why_told *told, void *data);
#endif
