/* SPDX-License-Identifier: MIT */
/*
 * A bus. Each subscription has a queue of its own and one call under way, so that a slow subscriber
 * holds up neither publishers nor other subscribers: it misses the oldest of what waits for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"

enum { QUEUE = 64 };

struct subscription {
	struct subscription *next;
	struct bus_Subscriber *who;
	char *topic;
	char *texts[QUEUE]; /* a ring: the n from first on wait */
	unsigned first, n;
	uint32_t missed;
	pyr_future *call; /* under way, or NULL */
};

static pyr_daemon *daemon; /* serial, so that nothing here needs a lock */
static struct subscription *subscriptions;

static char *pop(struct subscription *s)
{
	char *text = s->texts[s->first];

	s->first = (s->first + 1) % QUEUE;
	s->n--;
	return text;
}

static void push(struct subscription *s, char *text)
{
	if (s->n == QUEUE) {
		free(pop(s));
		s->missed++;
	}
	s->texts[(s->first + s->n++) % QUEUE] = text;
}

static void deliver(struct subscription *s);

/* The subscriber is ready for the next one. One that is lost frees its subscription. */
static void on_heard(pyr_future *future, void *data)
{
	struct subscription *s = data;

	s->call = NULL;
	if (bus_Subscriber_heard_get(future) == 0)
		deliver(s);
}

static void deliver(struct subscription *s)
{
	char *text;

	if (s->call || s->n == 0)
		return;
	text = pop(s);
	s->call = bus_Subscriber_heard_start(s->who, s->topic, text, s->missed);
	free(text);
	s->missed = 0;
	if (pyr_future_then(s->call, on_heard, s) < 0)
		s->call = NULL;
}

static int publish(pyr_call *call, const char *topic, const char *text, uint32_t *ret)
{
	struct subscription *s;
	char *copy;

	for (*ret = 0, s = subscriptions; s; s = s->next) {
		if (strcmp(s->topic, topic) != 0)
			continue;
		copy = strdup(text);
		if (!copy)
			return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
		push(s, copy);
		deliver(s);
		++*ret;
	}
	return 0;
}

static void free_subscription(struct subscription *s)
{
	pyr_future_free(s->call);
	while (s->n > 0)
		free(pop(s));
	bus_Subscriber_free(s->who);
	free(s->topic);
	free(s);
}

/* Nobody has the subscription any more. */
static void unsubscribe(void *data)
{
	struct subscription *s = data, **at = &subscriptions;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free_subscription(s);
}

static const struct bus_Subscription_methods no_methods = { 0 };

static int subscribe(pyr_call *call, const char *topic, struct bus_Subscriber *who,
		     struct bus_Subscription **ret)
{
	struct subscription *s = calloc(1, sizeof(*s));

	if (!s)
		return -PYR_RESOURCE_EXHAUSTED;
	s->topic = strdup(topic);
	s->who = bus_Subscriber_dup(who); /* it was lent for this call */
	if (s->topic && s->who)
		*ret = bus_Subscription_object(daemon, &no_methods, s, unsubscribe);
	if (!s->topic || !s->who || !*ret) {
		free_subscription(s);
		return pyr_pass(call);
	}
	s->next = subscriptions;
	subscriptions = s;
	*ret = bus_Subscription_give(call, *ret); /* the caller's, and nobody else's */
	return *ret ? 0 : pyr_pass(call);
}

static const struct bus_Bus_methods bus_methods = { .subscribe = subscribe, .publish = publish };

int main(void)
{
	const char *uri;

	daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	uri = bus_Bus_register(daemon, NULL, &bus_methods, NULL);
	if (pyr_ns_register(pyr_ns_locate(NULL), "example.bus", uri) < 0)
		return pyr_perror("example.bus");
	puts("Ready");
	return pyr_daemon_run(daemon);
}
