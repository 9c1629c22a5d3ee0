/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_SERVER_H
#define PYRITE_NAMING_SERVER_H
/* One name server: what the other units of this module have in common. */
#include <pyrite/naming.h>

#include "base/uri.h"

enum { NAMING_ADDRESS_MAX = URI_HOST_MAX + 16, LEASE_SECRET = 16 };

/* A proxy of the name server at address; it does not wait for one unless told. */
struct pyrite_NameServer *naming_proxy(const char *address, uint32_t timeout_ms, uint32_t wait_ms);

/* The last error is from a stub: adds where it came from. Returns minus its code. */
int naming_add_address(const char *address);
#endif
