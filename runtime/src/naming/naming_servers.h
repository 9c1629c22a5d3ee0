/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_SERVERS_H
#define PYRITE_NAMING_SERVERS_H
/*
 * The name servers that something is asked of: one, or a list of those that know the same names, in
 * the order in which they are preferred. What does no harm if it is done twice is asked of the
 * first that is up; if it does not answer soon, of the next as well, and the first answer counts.
 * What changes names is asked of one that has just answered, and of another only if it surely has
 * not been done. One server is called as any object, with nothing around it.
 */
#include "base/uri.h"
#include "naming/naming_ops.h"

struct servers;

/*
 * given: an address, or several with ',' between them; NULL or "": where they are when nobody says
 * so, which may be waited for until then. Each call is answered within timeout_ms (0: the setting
 * lookup_timeout_ms). Nothing is connected yet. Returns NULL with *problem told. Owned:
 * servers_close().
 */
struct servers *servers_open(const char *given, int64_t until, uint32_t timeout_ms,
			     struct uri_problem *problem);
void servers_close(struct servers *servers);
/* Their addresses in normal form, each with its port, "a:9090,b:9091". Borrowed. */
const char *servers_text(const struct servers *servers);
unsigned servers_count(const struct servers *servers);
const char *servers_address(const struct servers *servers, unsigned i);
/* Made at the first use. Borrowed; NULL with the last error set. */
struct pyrite_NameServer *servers_proxy(struct servers *servers, unsigned i);

/* It is that of the first one. Taken. Before others know of them. */
void servers_keep_proxy(struct servers *servers, struct pyrite_NameServer *proxy);

/* Asks. *ret: what the operation returns. ret_address: of who answered, borrowed; may be NULL.
 * Returns 0, or minus a status with the last error set: which tells the address, or, if none
 * answered, what is wrong with each. Any thread or task; waits. */
int servers_call(struct servers *servers, const struct server_call *call, void *ret,
		 const char **ret_address);
/* Finds one that answers, *ret. Returns as servers_call(). */
int servers_pick(struct servers *servers, unsigned *ret);
/* The preferred one of those that are up, as far as is known; -1: none is. Does not wait. */
int servers_best(const struct servers *servers);
/* The last error says that a server is not there, rather than what it answered. */
bool servers_is_lost(void);
/* Whatever was asked of the server ended with the last error: if that says so, it is left. */
void servers_left(struct servers *servers, unsigned i);
/* Ends what waits for them, as CANCELLED; they are used no more. */
void servers_release(struct servers *servers);
#endif
