/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_CORE_H
#define PYRITE_LINK_CORE_H
/* What core needs to know to connect as a target says. */
#include <grpc/grpc_security.h>

#include "link/link.h"

/* What it proves, and expects. Owned: grpc_channel_credentials_release(). Never NULL: where TLS
 * cannot be had, nobody can be reached with it. */
grpc_channel_credentials *link_core_credentials(const struct link_target *target);
/* The name that the certificate must have, in name, where that is not the host's. Returns how many
 * arguments that makes: 0 or 1. */
size_t link_core_name(const struct link_target *target, char name[256], grpc_arg *ret);
#endif
