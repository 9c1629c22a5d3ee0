/* SPDX-License-Identifier: MIT */
#include "proxy/links_here.h"

#include "base/config.h"
#include "link/link_process.h"
#include "protocol/protocol.h"

#define HERE "this process"

static struct {
	pthread_mutex_t lock; /* before a peer's */
	struct link_place place;
	struct peer *calls;  /* lock: the calling end */
	struct peer *serves; /* written once, in the leader: so that it can be found */
	bool is_offered;
} here = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void arrive(struct link_place *place, struct link *link)
{
	size_t max = budget_of_connection(config_number(CONFIG_MAX_MESSAGE));
	struct budget *budget = budget_new(NULL, max);

	(void)place;
	if (!budget) {
		link_close(link, PYR_RESOURCE_EXHAUSTED, "out of memory");
		link_free(link);
		return;
	}
	(void)budget_enter(budget, 1); /* the only link of its connection */
	here.serves = peer_accept(link, protocol_here(), budget);
	if (!here.serves)
		budget_leave(budget);
	budget_unref(budget);
}

static struct peer *make(void)
{
	static link_open *const kinds[] = { link_process_connect, NULL };
	struct link_target to = { .kinds = kinds, .target = HERE, .address = HERE };

	if (!protocol_here())
		return NULL;
	to.is_local = to.is_here = true;
	here.place = (struct link_place){ .address = HERE, .arrive = arrive };
	if (!here.is_offered)
		link_place_offer(&here.place);
	here.is_offered = true;
	return peer_connect(&to, protocol_here(), NULL, config_number(CONFIG_CONNECT_TIMEOUT_MS));
}

struct peer *links_here(void)
{
	struct peer *peer;

	pthread_mutex_lock(&here.lock);
	if (!here.calls || peer_is_over(here.calls)) {
		peer_unref(here.calls);
		here.calls = make();
	}
	peer = here.calls;
	pthread_mutex_unlock(&here.lock);
	return peer;
}
