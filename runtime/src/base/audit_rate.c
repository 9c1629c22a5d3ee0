/* SPDX-License-Identifier: MIT */
/*
 * Who says how much. A source is a host, or on a unix socket a user: it may say a thousand lines at
 * once of what was done, and 500 a second; a line of what was refused counts as 50. All together
 * may say eight times as much. A new source takes the place of the one that was silent for longest.
 */
#include "base/audit_parts.h"

#include <stdio.h>
#include <string.h>

enum { TOKENS = 1000, TOKENS_PER_S = 500, COST = 1, COST_REFUSED = 50, ALL = 8 };

/* The host without its port, a /64 of IPv6. */
static void source_of(const struct audit_event *event, char ret[AUDIT_SOURCE])
{
	const char *from = event->from ? event->from : "", *at;
	const char *who = event->who ? event->who : "";
	size_t n = strlen(from), colons = 0;

	if (strncmp(from, "./u:", 4) == 0 && strncmp(who, "uid:", 4) == 0) {
		snprintf(ret, AUDIT_SOURCE, "%s", who);
		return;
	}
	if (from[0] == '[') {
		for (at = from; *at && *at != ']' && colons < 4; at++)
			colons += *at == ':';
		n = (size_t)(at - from);
	} else if ((at = strrchr(from, ':')) != NULL) {
		n = (size_t)(at - from);
	}
	snprintf(ret, AUDIT_SOURCE, "%.*s", (int)(n < AUDIT_SOURCE ? n : AUDIT_SOURCE - 1), from);
}

static void refill(struct audit_source *source, int64_t now_ms, uint32_t times)
{
	uint64_t passed = now_ms > source->at_ms ? (uint64_t)(now_ms - source->at_ms) : 0;
	uint64_t tokens = source->tokens + passed * TOKENS_PER_S * times / 1000;

	if (tokens == source->tokens)
		return; /* too little time, which counts the next time */
	source->at_ms = now_ms;
	source->tokens = (uint32_t)(tokens < (uint64_t)TOKENS * times ? tokens : TOKENS * times);
}

static struct audit_source *find(struct audit_rate *rate, const char *name, int64_t now_ms)
{
	struct audit_source *oldest = rate->sources, *source;

	for (source = rate->sources; source < rate->sources + AUDIT_SOURCES; source++) {
		if (strcmp(source->name, name) == 0)
			return source;
		if (source->name[0] == '\0' || source->at_ms < oldest->at_ms)
			oldest = source;
		if (source->name[0] == '\0')
			break;
	}
	/* what was left out of the former one is told as everybody's */
	rate->all.left_out += oldest->left_out;
	*oldest = (struct audit_source){ .at_ms = now_ms, .tokens = TOKENS };
	strcpy(oldest->name, name);
	return oldest;
}

bool audit_rate_take(struct audit_rate *rate, const struct audit_event *event, int64_t now_ms)
{
	uint32_t cost = strcmp(event->decision, "refused") == 0 ? COST_REFUSED : COST;
	struct audit_source *source, *all = &rate->all;
	char name[AUDIT_SOURCE];

	source_of(event, name);
	if (!name[0])
		return true; /* the daemon's own doing */
	source = find(rate, name, now_ms);
	if (all->at_ms == 0)
		*all = (struct audit_source){ .at_ms = now_ms, .tokens = TOKENS * ALL };
	refill(source, now_ms, 1);
	refill(all, now_ms, ALL);
	if (source->tokens >= cost && all->tokens >= cost) {
		source->tokens -= cost;
		all->tokens -= cost;
		return true;
	}
	source->left_out++;
	rate->n_left_out++;
	return false;
}

static bool tell(struct audit_rate *rate, struct audit_source *source, char ret_name[AUDIT_SOURCE],
		 uint64_t *ret_n)
{
	if (!source->left_out)
		return false;
	strcpy(ret_name, source->name);
	*ret_n = source->left_out;
	rate->n_left_out -= source->left_out;
	source->left_out = 0;
	return true;
}

bool audit_rate_next(struct audit_rate *rate, char ret_name[AUDIT_SOURCE], uint64_t *ret_n)
{
	struct audit_source *source;

	if (!rate->n_left_out)
		return false;
	if (tell(rate, &rate->all, ret_name, ret_n))
		return true;
	for (source = rate->sources; source < rate->sources + AUDIT_SOURCES; source++)
		if (tell(rate, source, ret_name, ret_n))
			return true;
	return false;
}
