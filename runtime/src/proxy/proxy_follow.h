/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXY_FOLLOW_H
#define PYRITE_PROXY_FOLLOW_H
/*
 * What a proxy learns of the name that it was made with while it has a session. Naming watches the
 * name, once for all proxies of it in this process, and counts in `version` what becomes of it. A
 * proxy compares that number at each call, which is all that following costs it, and looks what has
 * changed when it differs: so an idle proxy does nothing, and names that change a thousand times a
 * second make each proxy look a few times.
 */
#include "proxy/group.h"

/* Naming's; the beginning of more. */
struct follow {
	atomic_uint version; /* grows whenever it leads elsewhere */
	atomic_bool is_live; /* what was told is how things are, but for the last moments */
};

enum follow_told {
	FOLLOW_NONE, /* it leads nowhere, or nobody knows */
	FOLLOW_ONE,
	FOLLOW_MANY /* it is shared */
};

struct follow_kind {
	/* Of a PYRONAME or PYROMETA. May be called by many for one name. NULL: it cannot be
	 * followed. Without locks. */
	struct follow *(*begin)(const pyr_uri *uri);
	/* Any thread, with any lock but naming's. */
	void (*end)(struct follow *follow);
	/* ONE: *ret: owned, pyr_uri_free(): what it leads to, of any scheme. */
	enum follow_told (*told)(struct follow *follow, pyr_uri **ret);
	/* As a group_lister, of what is known here. Returns false if that is not all, or something
	 * of it has to be looked up. */
	bool (*list)(struct follow *follow, uint64_t seed, struct group_uris *ret);
};
/* Set by naming when the library is loaded. */
void proxy_set_follow(const struct follow_kind *kind);

/* Begins to follow what the proxy was made with, unless it does already. Without locks. */
void proxy_follow(pyr_proxy *proxy);
void proxy_follow_end(struct follow *follow);
/* As of follow_kind. */
bool follow_list(struct follow *follow, uint64_t seed, struct group_uris *ret);

static inline bool follow_is_live(struct follow *follow)
{
	return follow && atomic_load_explicit(&follow->is_live, memory_order_acquire);
}

static inline unsigned follow_version(struct follow *follow)
{
	return follow ? atomic_load_explicit(&follow->version, memory_order_acquire) : 0;
}

/* Whether there is news that the proxy has not looked at. Any thread. */
static inline bool proxy_has_news(pyr_proxy *proxy)
{
	struct follow *follow = atomic_load_explicit(&proxy->follow, memory_order_acquire);

	return follow &&
	       follow_version(follow) !=
		       atomic_load_explicit(&proxy->follow_seen, memory_order_relaxed) &&
	       follow_is_live(follow);
}

/* There is news: the session at hand is given up if its name leads elsewhere by now; calls that run
 * go on there. */
void proxy_take_news(pyr_proxy *proxy);
/* The name is about to be looked up: what is news from now on. *ret: owned; if it is known where it
 * leads, as a move was just decided; else NULL. */
void proxy_follow_look(pyr_proxy *proxy, pyr_uri **ret);

/* Whether a name may lead a proxy that is connected with address there. To a unix socket only from
 * this machine: else a name server elsewhere could turn its programs to what is here. */
bool follow_may_move(const char *address, const pyr_uri *to);

/* Whether it is time to look at news again: at once after a while of peace, then after pauses that
 * double up to a second. */
bool follow_pace_allows(struct follow_pace *pace);
#endif
