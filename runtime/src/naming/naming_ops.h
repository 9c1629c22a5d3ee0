/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_OPS_H
#define PYRITE_NAMING_OPS_H
/* The operations of a name server, so that whoever calls one of several need not know them. */
#include <pyrite/naming.h>

struct server_call;

/* An operation of theirs. */
struct server_op {
	/* NULL with the last error set. */
	pyr_future *(*start)(struct pyrite_NameServer *proxy, const struct server_call *call);
	int (*get)(pyr_future *future, void *ret);
	bool is_idempotent;
};
extern const struct server_op server_ping, server_count, server_lookup, server_lookup_entry,
	server_list, server_list_matching, server_list_metadata, server_register,
	server_set_metadata, server_remove, server_remove_share, server_remove_prefix,
	server_remove_matching;

/* What is asked, as far as the operation takes it. Borrowed until it is answered. */
struct server_call {
	const struct server_op *op;
	const char *text; /* a name, a prefix, a regex */
	const char *more; /* a uri, or after which name a list goes on */
	const struct pyr_string_seq *tags;
	bool all_tags;
	const struct pyrite_NameTerms *terms;
	const struct pyrite_NameClaim *claim;
};
#endif
