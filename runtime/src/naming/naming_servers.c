/* SPDX-License-Identifier: MIT */
/*
 * Lists, and what is known of the servers in them. A list never changes once it is open, but for
 * its proxies, which are made at the first use, and when each server was heard last.
 */
#include "naming/naming_servers.h"

#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "naming/naming_find.h"
#include "naming/naming_health.h"
#include "naming/naming_servers_own.h"

/* ---- lists ---- */

/* The addresses of a list whose syntax is known to be right. */
static int add_addresses(struct servers *servers, const char *list, struct uri_problem *problem)
{
	uint16_t port = (uint16_t)config_number(CONFIG_NS_PORT);
	char one[URI_MAX + 1];
	size_t length;
	unsigned i;
	pyr_uri *uri;
	int status;

	for (;; list += length + 1) {
		length = strcspn(list, ",");
		memcpy(one, list, length);
		one[length] = '\0';
		uri = uri_parse_address(one, problem);
		if (!uri)
			return -problem->code;
		status = uri_address(uri, port, servers->items[servers->n].address,
				     NAMING_ADDRESS_MAX);
		pyr_uri_free(uri);
		if (status < 0) {
			problem->code = -status;
			snprintf(problem->text, sizeof(problem->text), "no address");
			return status;
		}
		for (i = 0; strcmp(servers->items[i].address, servers->items[servers->n].address);)
			i++;
		servers->n += i == servers->n; /* each once */
		if (list[length] == '\0')
			return 0;
	}
}

static bool join(struct servers *servers)
{
	size_t size = 1;
	unsigned i;
	char *at;

	for (i = 0; i < servers->n; i++)
		size += strlen(servers->items[i].address) + 1;
	servers->text = at = malloc(size);
	for (i = 0; at && i < servers->n; i++)
		at += sprintf(at, i ? ",%s" : "%s", servers->items[i].address);
	return servers->text;
}

static struct servers *no_memory(struct uri_problem *problem)
{
	problem->code = PYR_RESOURCE_EXHAUSTED;
	strcpy(problem->text, "out of memory");
	return NULL;
}

/* list: in its normal form. */
static struct servers *open_list(const char *list, struct uri_problem *problem)
{
	struct servers *servers;
	const char *comma = list;
	size_t n = 1;

	while ((comma = strchr(comma, ',')) && comma++)
		n++;
	servers = calloc(1, sizeof(*servers) + n * sizeof(servers->items[0]));
	if (!servers)
		return no_memory(problem);
	if (add_addresses(servers, list, problem) == 0) {
		if (join(servers))
			return servers;
		(void)no_memory(problem);
	}
	servers_close(servers);
	return NULL;
}

/* Returns NULL with *problem told. */
static struct servers *find_list(int64_t until, struct uri_problem *problem)
{
	char *list = malloc(FOUND_TEXT_MAX);
	struct servers *servers = NULL;

	if (!list)
		return no_memory(problem);
	if (naming_find(until, list, FOUND_TEXT_MAX, problem) == 0)
		servers = open_list(list, problem);
	free(list);
	return servers;
}

struct servers *servers_open(const char *given, int64_t until, uint32_t timeout_ms,
			     struct uri_problem *problem)
{
	struct servers *servers;
	pyr_uri *uri;

	if (given && given[0]) {
		uri = uri_parse_addresses(given, problem);
		servers = uri ? open_list(uri->address, problem) : NULL;
		pyr_uri_free(uri);
	} else {
		servers = find_list(until, problem);
	}
	if (servers)
		servers->timeout_ms =
			timeout_ms ? timeout_ms : config_number(CONFIG_LOOKUP_TIMEOUT_MS);
	return servers;
}

void servers_close(struct servers *servers)
{
	unsigned i;

	for (i = 0; servers && i < servers->n; i++)
		pyrite_NameServer_free(atomic_load(&servers->items[i].proxy));
	if (servers)
		free(servers->text);
	free(servers);
}

const char *servers_text(const struct servers *servers)
{
	return servers->text;
}

unsigned servers_count(const struct servers *servers)
{
	return servers->n;
}

const char *servers_address(const struct servers *servers, unsigned i)
{
	return servers->items[i].address;
}

struct pyrite_NameServer *servers_proxy(struct servers *servers, unsigned i)
{
	struct server *server = &servers->items[i];
	struct pyrite_NameServer *proxy = atomic_load(&server->proxy), *before = NULL;

	if (proxy)
		return proxy;
	proxy = naming_proxy(server->address, servers->timeout_ms, 0);
	if (!proxy || atomic_compare_exchange_strong(&server->proxy, &before, proxy))
		return proxy;
	pyrite_NameServer_free(proxy);
	return before;
}

void servers_keep_proxy(struct servers *servers, struct pyrite_NameServer *proxy)
{
	atomic_store(&servers->items[0].proxy, proxy);
}

/* ---- what is known of them ---- */

bool servers_is_lost(void)
{
	const pyr_error *error = pyr_last_error();

	return !error->remote &&
	       (error->code == PYR_UNAVAILABLE || error->code == PYR_DEADLINE_EXCEEDED);
}

void servers_left(struct servers *servers, unsigned i)
{
	if (servers->n > 1 && servers_is_lost())
		health_down(servers->items[i].address);
}

void servers_release(struct servers *servers)
{
	struct pyrite_NameServer *proxy;
	unsigned i;

	atomic_store(&servers->is_released, true);
	for (i = 0; i < servers->n; i++) {
		proxy = atomic_load(&servers->items[i].proxy);
		if (proxy)
			pyr_proxy_release(pyrite_NameServer_as_proxy(proxy));
	}
}

int servers_best(const struct servers *servers)
{
	unsigned i;

	for (i = 0; i < servers->n; i++)
		if (servers->n == 1 || health_is_up(servers->items[i].address))
			return (int)i;
	return -1;
}
