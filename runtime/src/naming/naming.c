/* SPDX-License-Identifier: MIT */
/*
 * Finding a name server, registering, looking up; the other short forms are in naming_calls.c, what
 * proxies ask for in naming_resolve.c.
 */
#include "naming/naming_calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/abi.h"
#include "base/config.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "naming/naming_find.h"
#include "naming/naming_here.h"
#include "naming/naming_lease.h"
#include "proxy/proxy.h"

enum { FIRST_PAUSE_MS = 50, LAST_PAUSE_MS = 1000 };

/* One server: the proxy waits for it. */
static int wait_for_one(pyr_ns *ns, uint32_t wait_ms)
{
	uint32_t lookup_ms = config_number(CONFIG_LOOKUP_TIMEOUT_MS);
	struct pyr_call_options all = { .timeout_ms = lookup_ms };
	struct pyrite_NameServer *proxy;
	int status;

	proxy = naming_proxy(servers_address(ns->servers, 0), lookup_ms, wait_ms);
	if (!proxy)
		return -pyr_last_error()->code;
	all.timeout_ms += wait_ms < UINT32_MAX - lookup_ms ? wait_ms : 0;
	status = pyrite_NameServer_ping(pyrite_NameServer_with(proxy, &all));
	pyrite_NameServer_as_proxy(proxy)->wait_ms = 0;
	servers_keep_proxy(ns->servers, proxy);
	return status;
}

/* Waits for one of them as long as is asked for; later calls do not. */
static int wait_for_any(pyr_ns *ns, uint32_t wait_ms)
{
	int64_t until = engine_now() + (int64_t)wait_ms * ENGINE_MS, left;
	uint32_t pause = FIRST_PAUSE_MS;
	int status;

	if (servers_count(ns->servers) == 1)
		return wait_for_one(ns, wait_ms);
	for (;;) {
		status = pyr_ns_ping(ns);
		left = (until - engine_now() + ENGINE_MS - 1) / ENGINE_MS;
		if (status == 0 || left <= 0 || status == -PYR_CANCELLED)
			return status;
		status = pyr_sleep(left < pause ? (uint32_t)left : pause);
		if (status < 0)
			return status;
		pause = pause < LAST_PAUSE_MS / 2 ? 2 * pause : LAST_PAUSE_MS;
	}
}

pyr_ns *pyr__ns_locate(const char *address, const struct pyr_ns_locate_options *options,
		       size_t size)
{
	struct pyr_ns_locate_options own;
	struct uri_problem problem;
	pyr_ns *ns;

	if (abi_options(&own, sizeof(own), options, size, "pyr_ns_locate_options") < 0)
		return error_from_constructor();
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory for a name server");
	ns->servers = servers_open(address, ENGINE_FOREVER, 0, &problem);
	if (!ns->servers) {
		free(ns);
		return error_constructor(problem.code, "name server: %s", problem.text);
	}
	root_add(&ns->root);
	if (wait_for_any(ns, config_or_none(own.wait_ms, CONFIG_WAIT_MS)) == 0)
		return ns;
	naming_find_again();
	(void)error_set(PYR_UNAVAILABLE, "NamingError: failed to locate the name server at %s: %s",
			servers_text(ns->servers), pyr_errmsg());
	pyr_ns_free(ns);
	return error_from_constructor();
}

pyr_ns *pyr_ns_locate(const char *address)
{
	return pyr_ns_locate_with(address, NULL);
}

void pyr_ns_free(pyr_ns *ns)
{
	if (!ns || engine_is_forked())
		return;
	root_remove(&ns->root);
	servers_close(ns->servers);
	free(ns);
}

void pyr_ns_set_force(pyr_ns *ns, bool force)
{
	if (ns)
		ns->force = force;
}

const char *pyr_ns_address(const pyr_ns *ns)
{
	return ns ? servers_text(ns->servers) : "";
}

static void warn_of_loopback(const struct servers *servers, const char *name, const pyr_uri *uri)
{
	unsigned i = 0;

	while (i < servers_count(servers) && uri_is_local(servers_address(servers, i)))
		i++;
	if (uri_is_local(uri->address) && i < servers_count(servers))
		log_line(PYR_LOG_WARNING,
			 "name %s at the name server at %s leads to %s, which other hosts cannot "
			 "reach",
			 name, servers_address(servers, i), uri->address);
}

static int refuse_closing(const pyr_uri *uri, const char *name)
{
	return error_set(PYR_FAILED_PRECONDITION,
			 "DaemonError: the daemon at %s is stopping: name %s is not registered",
			 uri->address, name);
}

/* The daemon has closed while the name was registered, so nobody would renew or remove it. */
static int take_back(pyr_ns *ns, const struct lease_terms *terms, const pyr_uri *uri,
		     struct pyrite_NameClaim claim)
{
	struct server_call call = {
		.op = &server_remove, .text = terms->name, .more = uri->text, .claim = &claim
	};

	claim.give_up = false;
	if (terms->is_shared)
		call.op = &server_remove_share;
	if (servers_call(ns->servers, &call, NULL, NULL) < 0)
		log_line(PYR_LOG_INFO, "name %s cannot be removed, and expires with its lease: %s",
			 terms->name, pyr_errmsg());
	return refuse_closing(uri, terms->name);
}

/* The name server does not know the wish, and has registered the name for this process alone. */
static int refuse_shared(pyr_ns *ns, const char *name, const struct naming_claim *claim,
			 const char *address)
{
	if (naming_remove(ns, name, &claim->claim) < 0)
		log_line(PYR_LOG_WARNING, "cannot remove name %s: %s", name, pyr_errmsg());
	return error_set(PYR_UNIMPLEMENTED,
			 "NamingError: the name server at %s does not support shared names: %s is "
			 "not registered",
			 address, name);
}

/* What the name server granted: a lease is kept. */
static int keep_lease(pyr_ns *ns, const pyr_uri *uri, const struct lease_terms *terms,
		      const struct lease_grant *grant, const struct naming_claim *claim)
{
	int status = lease_keep(terms, grant);

	if (status == -PYR_FAILED_PRECONDITION)
		return take_back(ns, terms, uri, claim->claim);
	if (status < 0)
		return error_set(-status, "out of memory for the lease of name %s", terms->name);
	return 0;
}

static int register_at(pyr_ns *ns, const char *name, const pyr_uri *uri,
		       const struct pyr_ns_register_options *options, enum naming_place place)
{
	struct lease_terms lease = { servers_text(ns->servers),
				     name,
				     uri->text,
				     uri->address,
				     options->tags,
				     options->n_tags,
				     options->shared,
				     options->on_lease,
				     options->data };
	struct lease_grant granted = { .asked_at = engine_now() };
	struct pyrite_NameTerms terms = { .replace = options->replace, .shared = options->shared };
	struct server_call call = { &server_register, name, uri->text, .terms = &terms };
	struct naming_claim claim;
	struct pyrite_NameGrant *grant;
	const char *address;
	bool is_shared;
	int status;

	if (!naming_make_claim(ns, &claim))
		return error_set(PYR_RESOURCE_EXHAUSTED,
				 "no memory or no random numbers for name %s", name);
	warn_of_loopback(ns->servers, name, uri);
	terms.ttl_ms = place == NAMING_HERE ? config_number(CONFIG_LEASE_TTL_MS) : 0;
	terms.tags = naming_tags(options->tags, options->n_tags);
	call.claim = &claim.claim;
	status = servers_call(ns->servers, &call, &grant, &address);
	if (status < 0)
		return status;
	granted.ttl_ms = grant->ttl_ms;
	granted.generation = grant->generation;
	is_shared = grant->shared;
	pyr_free(grant);
	if (options->shared && !is_shared)
		return refuse_shared(ns, name, &claim, address);
	if (place == NAMING_HERE)
		return keep_lease(ns, uri, &lease, &granted, &claim);
	if (!is_shared)
		lease_drop(servers_text(ns->servers), name); /* one that it replaces */
	return 0;
}

static int register_uri(pyr_ns *ns, const char *name, const pyr_uri *uri,
			const struct pyr_ns_register_options *options)
{
	enum naming_place place =
		uri->scheme == PYR_URI_PYRO ? naming_place_of(uri->address) : NAMING_ELSEWHERE;
	const char *server = servers_text(ns->servers);
	int status;

	if (place == NAMING_CLOSING)
		return refuse_closing(uri, name);
	if (place == NAMING_ELSEWHERE)
		return register_at(ns, name, uri, options, place);
	if (lease_begin(server) < 0)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory for the lease of name %s",
				 name);
	status = register_at(ns, name, uri, options, place);
	lease_end(server);
	return status;
}

int pyr__ns_register(pyr_ns *ns, const char *name, const char *uri,
		     const struct pyr_ns_register_options *options, size_t size)
{
	struct pyr_ns_register_options own;
	struct uri_problem problem;
	pyr_uri *parsed;
	int status;

	if (!ns || !name || !uri)
		return ns && !name ? error_missing("name") : error_null(ns ? "uri" : "ns");
	status = abi_options(&own, sizeof(own), options, size, "pyr_ns_register_options");
	if (status == 0)
		status = naming_check_tags(own.tags, own.n_tags);
	if (status < 0)
		return status;
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	parsed = uri_parse(uri, &problem);
	if (!parsed)
		return error_set(problem.code, "%s", problem.text);
	status = register_uri(ns, name, parsed, &own);
	pyr_uri_free(parsed);
	return status;
}

int pyr_ns_register(pyr_ns *ns, const char *name, const char *uri)
{
	return pyr_ns_register_with(ns, name, uri, NULL);
}

int pyr_ns_lookup(pyr_ns *ns, const char *name, char **ret)
{
	struct server_call call = { .op = &server_lookup, .text = name };

	if (!ns || !name || !ret)
		return ns ? error_missing(name ? "ret" : "name") : error_null("ns");
	return servers_call(ns->servers, &call, ret, NULL);
}

int pyr_ns_ping(pyr_ns *ns)
{
	struct server_call call = { .op = &server_ping };

	return ns ? servers_call(ns->servers, &call, NULL, NULL) : error_null("ns");
}

int pyr_ns_count(pyr_ns *ns, uint32_t *ret)
{
	struct server_call call = { .op = &server_count };

	if (!ns || !ret)
		return ns ? error_missing("ret") : error_null("ns");
	return servers_call(ns->servers, &call, ret, NULL);
}

bool pyr_ns_holds(pyr_ns *ns, const char *name)
{
	return ns && name && lease_holds(servers_text(ns->servers), name);
}
