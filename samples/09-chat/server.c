/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"

/* The data of a seat. The daemon is serial, so that nothing here needs a lock. */
struct member {
	struct member *next;
	char *name;
	struct chat_Listener *listener;
};

static struct member *members;

/* One that is gone or does not answer is not our concern: its seat comes back when it dies. */
static void on_heard(pyr_future *future, void *data)
{
	int err = chat_Listener_heard_get(future);

	(void)err;
	(void)data;
}

/* Tells all, and waits for none. */
static void tell_all(const char *who, const char *text)
{
	struct member *m;

	for (m = members; m; m = m->next)
		if (chat_Listener_heard_async(m->listener, who, text, on_heard, NULL) < 0)
			pyr_perror(m->name);
}

static struct member *find(const char *name)
{
	struct member *m = members;

	while (m && strcmp(m->name, name) != 0)
		m = m->next;
	return m;
}

static void free_member(struct member *m)
{
	chat_Listener_free(m->listener);
	free(m->name);
	free(m);
}

/* Nobody has the seat any more. */
static void leave(void *data)
{
	struct member *m = data, **at = &members;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	tell_all(m->name, "(leaves)");
	free_member(m);
}

static int say(pyr_call *call, const char *text)
{
	struct member *m = pyr_call_data(call);

	tell_all(m->name, text);
	return 0;
}

static const struct chat_Seat_methods seat_methods = { .say = say };

static int join(pyr_call *call, const char *name, struct chat_Listener *who, struct chat_Seat **ret)
{
	pyr_daemon *daemon = pyr_call_data(call);
	struct chat_Seat *seat;
	struct member *m;

	if (!who)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "%s has no listener", name);
	if (find(name))
		return chat_Room_raise_Taken(call, &(struct chat_Taken){ .name = name });
	m = calloc(1, sizeof(*m));
	if (!m)
		return -PYR_RESOURCE_EXHAUSTED;
	m->name = strdup(name);
	m->listener = chat_Listener_dup(who); /* it was lent for this call */
	seat = m->name && m->listener ? chat_Seat_object(daemon, &seat_methods, m, leave) : NULL;
	if (!seat) {
		free_member(m);
		return pyr_pass(call);
	}
	m->next = members;
	members = m;
	*ret = chat_Seat_give(call, seat); /* the caller's, and nobody else's */
	tell_all(name, "(comes)");
	return *ret ? 0 : pyr_pass(call);
}

static const struct chat_Room_methods room_methods = { .join = join };

int main(void)
{
	pyr_daemon *daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	pyr_ns *ns = pyr_ns_locate(NULL);
	const char *uri = chat_Room_register(daemon, NULL, &room_methods, daemon);

	if (pyr_ns_register(ns, "example.chat", uri) < 0)
		return pyr_perror("example.chat");
	puts("Ready");
	return pyr_daemon_run(daemon);
}
