/* SPDX-License-Identifier: MIT */
/*
 * Finding a name server, registering, looking up; the other short forms are in naming_calls.c, what
 * proxies ask for in naming_resolve.c.
 * An error that the name server sent gets its address added; one that was found here says it
 * already.
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

int naming_add_address(const char *address)
{
	const pyr_error *error = pyr_last_error();
	struct error_info info = { .code = error->code,
				   .remote = error->remote,
				   .may_have_run = error->may_have_run };
	char text[1400];

	if (!error->remote && !pyr_error_is_communication(error))
		return -error->code;
	if (!error->remote)
		naming_find_again();
	snprintf(text, sizeof(text), "%s (name server at %s)", error->message, address);
	info.message = text;
	info.raised = error->remote && strncmp(text, "NamingError: ", strlen("NamingError: ")) != 0;
	info.object = error->object;
	info.operation = error->operation;
	info.address = error->address;
	info.trace = error->trace;
	return error_set_info(&info);
}

/* The first of those that are found. */
static int found_address(int64_t until, char *ret, size_t size, struct uri_problem *problem)
{
	char *all = malloc(FOUND_TEXT_MAX);
	int status = naming_find(until, all, all ? FOUND_TEXT_MAX : 0, problem);

	if (status == 0)
		snprintf(ret, size, "%.*s", (int)strcspn(all, ","), all);
	free(all);
	return status;
}

int naming_address(const char *given, int64_t until, char *ret, size_t size,
		   struct uri_problem *problem)
{
	pyr_uri *uri;
	int status;

	if (!given)
		return found_address(until, ret, size, problem);
	uri = uri_parse_address(given, problem);
	if (!uri)
		return -problem->code;
	status = uri_address(uri, (uint16_t)config_number(CONFIG_NS_PORT), ret, size);
	pyr_uri_free(uri);
	return status;
}

struct pyrite_NameServer *naming_proxy(const char *address, uint32_t timeout_ms, uint32_t wait_ms)
{
	struct pyr_proxy_options options = { .timeout_ms = timeout_ms,
					     .wait_ms = wait_ms ? wait_ms : PYR_NONE };
	char uri[NAMING_ADDRESS_MAX + 64];

	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, address);
	return pyrite_NameServer_proxy_with(uri, &options);
}

/* Waits for it as long as is asked for; later calls do not. */
static bool ping_at_last(pyr_ns *ns, uint32_t wait_ms)
{
	uint32_t lookup_ms = config_number(CONFIG_LOOKUP_TIMEOUT_MS);
	struct pyr_call_options all = { .timeout_ms = lookup_ms };

	ns->proxy = naming_proxy(ns->address, lookup_ms, wait_ms);
	if (!ns->proxy)
		return false;
	all.timeout_ms += wait_ms < UINT32_MAX - lookup_ms ? wait_ms : 0;
	if (pyrite_NameServer_ping(pyrite_NameServer_with(ns->proxy, &all)) < 0)
		return false;
	pyrite_NameServer_as_proxy(ns->proxy)->wait_ms = 0;
	return true;
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
	if (naming_address(address, ENGINE_FOREVER, ns->address, sizeof(ns->address), &problem) <
	    0) {
		free(ns);
		return error_constructor(problem.code, "name server: %s", problem.text);
	}
	root_add(&ns->root);
	if (ping_at_last(ns, config_or_none(own.wait_ms, CONFIG_WAIT_MS)))
		return ns;
	naming_find_again();
	(void)error_set(PYR_UNAVAILABLE, "NamingError: failed to locate the name server at %s: %s",
			ns->address, pyr_errmsg());
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
	pyrite_NameServer_free(ns->proxy);
	free(ns);
}

void pyr_ns_set_force(pyr_ns *ns, bool force)
{
	if (ns)
		ns->force = force;
}

const char *pyr_ns_address(const pyr_ns *ns)
{
	return ns ? ns->address : "";
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "localhost:", 10) == 0 ||
	       strncmp(address, "[::1]:", 6) == 0 || strncmp(address, "./u:", 4) == 0;
}

static void warn_of_loopback(const char *server, const char *name, const pyr_uri *uri)
{
	if (is_loopback(uri->address) && !is_loopback(server))
		log_line(PYR_LOG_WARNING,
			 "name %s at the name server at %s leads to %s, which other hosts cannot "
			 "reach",
			 name, server, uri->address);
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
	int err;

	claim.give_up = false;
	err = terms->is_shared
		      ? pyrite_NameServer_remove_share(ns->proxy, terms->name, uri->text, &claim)
		      : pyrite_NameServer_remove(ns->proxy, terms->name, &claim);

	if (err < 0)
		log_line(PYR_LOG_INFO, "name %s lapses with its lease: %s", terms->name,
			 pyr_errmsg());
	return refuse_closing(uri, terms->name);
}

/* The name server does not know the wish, and has registered the name for this process alone. */
static int refuse_shared(pyr_ns *ns, const char *name, const struct naming_claim *claim)
{
	if (pyrite_NameServer_remove(ns->proxy, name, &claim->claim) < 0)
		log_line(PYR_LOG_WARNING, "name %s is not removed: %s", name, pyr_errmsg());
	return error_set(PYR_UNIMPLEMENTED,
			 "NamingError: the name server at %s does not know of shared names: %s is "
			 "not registered",
			 ns->address, name);
}

/* What the name server granted: a lease is kept. */
static int keep_lease(pyr_ns *ns, const pyr_uri *uri, const struct lease_terms *terms,
		      uint32_t ttl_ms, const struct naming_claim *claim)
{
	int status = lease_keep(terms, ttl_ms);

	if (status == -PYR_FAILED_PRECONDITION)
		return take_back(ns, terms, uri, claim->claim);
	if (status < 0)
		return error_set(-status, "out of memory for the lease of name %s", terms->name);
	return 0;
}

static int register_uri(pyr_ns *ns, const char *name, const pyr_uri *uri,
			const struct pyr_ns_register_options *options)
{
	struct lease_terms lease = { ns->address,    name,          uri->text,
				     uri->address,   options->tags, options->n_tags,
				     options->shared };
	enum naming_place place =
		uri->scheme == PYR_URI_PYRO ? naming_place_of(uri->address) : NAMING_ELSEWHERE;
	struct pyrite_NameTerms terms = { .replace = options->replace, .shared = options->shared };
	struct naming_claim claim;
	struct pyrite_NameGrant *grant;
	bool is_shared;
	uint32_t ttl_ms;

	if (place == NAMING_CLOSING)
		return refuse_closing(uri, name);
	if (!naming_make_claim(ns, &claim))
		return error_set(PYR_RESOURCE_EXHAUSTED,
				 "no memory or no random numbers for name %s", name);
	warn_of_loopback(ns->address, name, uri);
	terms.ttl_ms = place == NAMING_HERE ? config_number(CONFIG_LEASE_TTL_MS) : 0;
	terms.tags = naming_tags(options->tags, options->n_tags);
	if (pyrite_NameServer_register_name(ns->proxy, name, uri->text, &terms, &claim.claim,
					    &grant) < 0)
		return naming_add_address(ns->address);
	ttl_ms = grant->ttl_ms;
	is_shared = grant->shared;
	pyr_free(grant);
	if (options->shared && !is_shared)
		return refuse_shared(ns, name, &claim);
	if (place == NAMING_HERE)
		return keep_lease(ns, uri, &lease, ttl_ms, &claim);
	if (!is_shared)
		lease_drop(ns->address, name); /* one that it replaces */
	return 0;
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
	if (!ns || !name || !ret)
		return ns ? error_missing(name ? "ret" : "name") : error_null("ns");
	return pyrite_NameServer_lookup(ns->proxy, name, ret) < 0 ? naming_add_address(ns->address)
								  : 0;
}

int pyr_ns_ping(pyr_ns *ns)
{
	if (!ns)
		return error_null("ns");
	return pyrite_NameServer_ping(ns->proxy) < 0 ? naming_add_address(ns->address) : 0;
}

int pyr_ns_count(pyr_ns *ns, uint32_t *ret)
{
	if (!ns || !ret)
		return ns ? error_missing("ret") : error_null("ns");
	return pyrite_NameServer_count(ns->proxy, ret) < 0 ? naming_add_address(ns->address) : 0;
}
