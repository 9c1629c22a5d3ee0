/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_SERVICE_H
#define PYRITE_NS_SERVICE_H
/*
 * The registry as an object: pyrite.NameServer. Its daemon must be serial, because the registry has
 * no locks.
 */
#include <pyrite/naming.h>

#include "registry.h"

enum { SERVICE_MESSAGE_MAX = 65536 }; /* what the daemon should take and give at most */

/* The methods; the object's data is the registry. */
extern const struct pyrite_NameServer_methods service_methods;
#endif
