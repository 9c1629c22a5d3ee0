/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_H
#define PYRITE_NAMING_H
/*
 * Names, on the generated stubs of naming.idl: the short forms pyr_ns_*, the look-up behind
 * PYRONAME proxies, and the leases that this process holds at name servers.
 */
#include <pyrite/pyrite.h>

#include <stddef.h>

#include "base/uri.h"

/* Bytes of names, URIs, owners and tags that pyr_ns_list() and those like it take from a name
 * server; tests set less. */
extern size_t naming_list_max;

/*
 * Follows a PYRONAME to the PYRO uri of an object: blocks, at most timeout_ms (0: the setting
 * lookup_timeout_ms). *ret: owned, pyr_uri_free(). Returns 0, or minus a status with the last error
 * set: NOT_FOUND for an unknown name, UNAVAILABLE when there is no name server. A PYRO uri is
 * copied.
 */
int naming_resolve(const pyr_uri *uri, uint32_t timeout_ms, pyr_uri **ret);
#endif
