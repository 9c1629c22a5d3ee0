/* SPDX-License-Identifier: MIT */
#include "naming/naming_ops.h"

/* arguments: of the call, behind the proxy. get: how the future is taken, with ret. */
#define OPERATION(op, stub, arguments, take, idempotent)                                           \
	static pyr_future *start_##op(struct pyrite_NameServer *proxy,                             \
				      const struct server_call *call)                              \
	{                                                                                          \
		(void)call;                                                                        \
		return pyrite_NameServer_##stub##_start arguments;                                 \
	}                                                                                          \
	static int get_##op(pyr_future *future, void *ret)                                         \
	{                                                                                          \
		(void)ret;                                                                         \
		return pyrite_NameServer_##stub##_get take;                                        \
	}                                                                                          \
	const struct server_op server_##op = { start_##op, get_##op, idempotent };

OPERATION(ping, ping, (proxy), (future), true)
OPERATION(count, count, (proxy), (future, ret), true)
OPERATION(lookup, lookup, (proxy, call->text), (future, ret), true)
OPERATION(lookup_entry, lookup_entry, (proxy, call->text), (future, ret), true)
OPERATION(list, list, (proxy, call->text, call->more), (future, ret), true)
OPERATION(list_matching, list_matching, (proxy, call->text, call->more), (future, ret), true)
OPERATION(list_metadata, list_metadata, (proxy, call->tags, call->all_tags, call->more),
	  (future, ret), true)
OPERATION(register, register_name, (proxy, call->text, call->more, call->terms, call->claim),
	  (future, ret), false)
OPERATION(set_metadata, set_metadata, (proxy, call->text, call->tags, call->claim), (future), false)
OPERATION(remove, remove, (proxy, call->text, call->claim), (future), false)
OPERATION(remove_share, remove_share, (proxy, call->text, call->more, call->claim), (future), false)
OPERATION(remove_prefix, remove_prefix, (proxy, call->text, call->more, call->claim), (future, ret),
	  false)
OPERATION(remove_matching, remove_matching, (proxy, call->text, call->more, call->claim),
	  (future, ret), false)
