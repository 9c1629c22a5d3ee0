/* SPDX-License-Identifier: MIT */
/*
 * The way into a link, of any kind and from any stack: core needs more of it than a task may have,
 * so it is called on the thread's own.
 */
#include "link/link.h"

#include <stdlib.h>

#include "base/stack.h"
#include "link/link_auto.h"

struct work {
	struct link *link;
	const struct link_message *message;
	enum link_write written;
	int code;
	const char *text;
};

static void write_here(void *arg)
{
	struct work *work = arg;

	work->written = work->link->kind->write(work->link, work->message);
}

enum link_write link_write(struct link *link, const struct link_message *message)
{
	struct work work = { .link = link, .message = message };

	stack_call(write_here, &work);
	return work.written;
}

static void close_here(void *arg)
{
	struct work *work = arg;

	work->link->kind->close(work->link, work->code, work->text);
}

void link_close(struct link *link, int code, const char *text)
{
	struct work work = { .link = link, .code = code, .text = text };

	stack_call(close_here, &work);
}

static void free_here(void *arg)
{
	struct link *link = arg;

	link->kind->free(link);
}

void link_free(struct link *link)
{
	stack_call(free_here, link);
}

const char *link_identity(const struct link *link, char uid[IDENTITY_UID])
{
	return identity_of(link->identity, link->has_credentials ? &link->credentials : NULL, uid);
}

static struct link *settled(struct link *link)
{
	return link->kind->inner ? link->kind->inner(link) : link;
}

enum link_bond link_bond(struct link *link, uint8_t ret[LINK_BOND])
{
	struct link *inner = settled(link);

	memset(ret, 0, LINK_BOND);
	if (inner->kind->bond)
		return inner->kind->bond(inner, ret);
	return inner->is_unbound ? LINK_UNBOUND : LINK_CLEAR;
}

bool link_identify(struct link *link, const char *identity)
{
	struct link *inner = settled(link);
	char *copy = strdup(identity);

	if (!copy)
		return false;
	free(inner->identity);
	inner->identity = link->identity = copy;
	return true;
}

void link_start(struct link *link, const struct link_events *events, void *owner)
{
	link->events = events;
	link->owner = owner;
	link->kind->start(link);
}

struct connecting {
	const struct link_target *target;
	const struct link_events *events;
	void *owner;
	struct link *link;
};

static void connect_here(void *arg)
{
	struct connecting *c = arg;

	link_open *const *kinds = c->target->kinds;

	c->link = (kinds[1] ? link_auto_connect : kinds[0])(c->target, c->events, c->owner);
}

struct link *link_connect(const struct link_target *target, const struct link_events *events,
			  void *owner)
{
	struct connecting c = { target, events, owner, NULL };

	stack_call(connect_here, &c);
	return c.link;
}
