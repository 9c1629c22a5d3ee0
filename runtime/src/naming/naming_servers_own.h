/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_SERVERS_OWN_H
#define PYRITE_NAMING_SERVERS_OWN_H
/* What a list of name servers is: of naming_servers.c and naming_ask.c alone. */
#include <stdatomic.h>

#include "naming/naming_server.h"

struct server {
	struct pyrite_NameServer *_Atomic proxy; /* NULL: not used yet */
	_Atomic int64_t heard;                   /* when it answered last; 0: never */
	char address[NAMING_ADDRESS_MAX];
};

struct servers {
	unsigned n;
	uint32_t timeout_ms;
	atomic_bool is_released;
	char *text;
	struct server items[];
};
#endif
