/* SPDX-License-Identifier: MIT */
/*
 * Finding a name server, registering, looking up; the other short forms are in naming_calls.c.
 * An error that the name server sent gets its address added; one that was found here says it
 * already.
 */
#include "naming_calls.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "daemon.h"
#include "error.h"
#include "log.h"
#include "naming_lease.h"

enum {
	MAX_HOPS = 8, /* names that lead to names */
	CLOSING_MS = 2000
};

int naming_add_address(const char *address)
{
	const pyr_error *error = pyr_last_error();
	struct error_info info = { .code = error->code, .remote = true };
	char text[1400];

	if (!error->remote)
		return -error->code;
	snprintf(text, sizeof(text), "%s (name server at %s)", error->message, address);
	info.message = text;
	info.object = error->object;
	info.operation = error->operation;
	info.address = error->address;
	info.trace = error->trace;
	return error_set_info(&info);
}

/* Where a name server is when nobody says so. */
static int default_address(char *ret, size_t size, struct uri_problem *problem)
{
	pyr_uri *uri = uri_parse_address(config_text(CONFIG_NS_HOST), problem);
	int status;

	if (!uri)
		return -problem->code;
	status = uri_address(uri, (uint16_t)config_number(CONFIG_NS_PORT), ret, size);
	pyr_uri_free(uri);
	return status;
}

/* "host:port" from what the user gave. */
static int full_address(const char *given, char *ret, size_t size, struct uri_problem *problem)
{
	pyr_uri *uri;
	int status;

	if (!given)
		return default_address(ret, size, problem);
	uri = uri_parse_address(given, problem);
	if (!uri)
		return -problem->code;
	status = uri_address(uri, (uint16_t)config_number(CONFIG_NS_PORT), ret, size);
	pyr_uri_free(uri);
	return status;
}

static struct pyrite_NameServer *make_proxy(const char *address, uint32_t timeout_ms)
{
	struct pyr_proxy_options options = { .timeout_ms = timeout_ms };
	char uri[NAMING_ADDRESS_MAX + 64];

	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, address);
	return pyrite_NameServer_proxy_with(uri, &options);
}

pyr_ns *pyr_ns_locate(const char *address)
{
	struct uri_problem problem;
	pyr_ns *ns = calloc(1, sizeof(*ns));

	if (!ns)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory for a name server");
	if (full_address(address, ns->address, sizeof(ns->address), &problem) < 0) {
		free(ns);
		return error_constructor(problem.code, "name server: %s", problem.text);
	}
	root_add(&ns->root);
	ns->proxy = make_proxy(ns->address, config_number(CONFIG_LOOKUP_TIMEOUT_MS));
	if (ns->proxy && pyrite_NameServer_ping(ns->proxy) == 0)
		return ns;
	(void)error_set(PYR_UNAVAILABLE, "NamingError: failed to locate the name server at %s: %s",
			ns->address, pyr_errmsg());
	pyr_ns_free(ns);
	return error_from_constructor();
}

void pyr_ns_free(pyr_ns *ns)
{
	if (!ns)
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

/* What the name server granted: a lease is kept, what it replaces forgotten. */
static int take_grant(const struct lease_terms *terms, bool is_leased, uint32_t ttl_ms)
{
	int status;

	if (!is_leased) {
		lease_drop(terms->server, terms->name);
		return 0;
	}
	status = lease_keep(terms, ttl_ms);
	if (status < 0)
		return error_set(-status, "out of memory for the lease of name %s", terms->name);
	return 0;
}

static int register_uri(pyr_ns *ns, const char *name, const pyr_uri *uri,
			const struct pyr_ns_register_options *options)
{
	struct lease_terms lease = { ns->address,  name,          uri->text,
				     uri->address, options->tags, options->n_tags };
	bool is_leased = uri->scheme == PYR_URI_PYRO && daemon_is_local(uri->address);
	struct pyrite_NameTerms terms = { .replace = options->replace };
	struct naming_claim claim;
	struct pyrite_NameGrant *grant;
	uint32_t ttl_ms;

	if (!naming_make_claim(ns, &claim))
		return error_set(PYR_RESOURCE_EXHAUSTED,
				 "no memory or no random numbers for name %s", name);
	warn_of_loopback(ns->address, name, uri);
	terms.ttl_ms = is_leased ? config_number(CONFIG_LEASE_TTL_MS) : 0;
	terms.tags = naming_tags(options->tags, options->n_tags);
	if (pyrite_NameServer_register_name(ns->proxy, name, uri->text, &terms, &claim.claim,
					    &grant) < 0)
		return naming_add_address(ns->address);
	ttl_ms = grant->ttl_ms;
	pyr_free(grant);
	return take_grant(&lease, is_leased, ttl_ms);
}

int pyr_ns_register_with(pyr_ns *ns, const char *name, const char *uri,
			 const struct pyr_ns_register_options *options)
{
	static const struct pyr_ns_register_options defaults;
	struct uri_problem problem;
	pyr_uri *parsed;
	int status;

	if (!ns || !name || !uri)
		return error_null(!ns ? "ns" : !name ? "name" : "uri");
	if (!options)
		options = &defaults;
	status = naming_check_tags(options->tags, options->n_tags);
	if (status < 0)
		return status;
	parsed = uri_parse(uri, &problem);
	if (!parsed)
		return error_set(problem.code, "%s", problem.text);
	status = register_uri(ns, name, parsed, options);
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
		return error_null(!ns ? "ns" : !name ? "name" : "ret");
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
		return error_null(!ns ? "ns" : "ret");
	return pyrite_NameServer_count(ns->proxy, ret) < 0 ? naming_add_address(ns->address) : 0;
}

/* ---- for proxies and daemons ---- */

/* One step: what the name of a PYRONAME leads to. */
static int look_up(const pyr_uri *uri, uint32_t timeout_ms, pyr_uri **ret)
{
	char address[NAMING_ADDRESS_MAX], *text;
	struct uri_problem problem;
	struct pyrite_NameServer *proxy;
	int status;

	if (uri->address[0] == '\0')
		status = default_address(address, sizeof(address), &problem);
	else
		status = uri_address(uri, (uint16_t)config_number(CONFIG_NS_PORT), address,
				     sizeof(address));
	if (status < 0)
		return error_set(problem.code, "name server: %s", problem.text);
	proxy = make_proxy(address, timeout_ms);
	status = pyrite_NameServer_lookup(proxy, uri->object, &text);
	if (status < 0)
		status = naming_add_address(address);
	pyrite_NameServer_free(proxy);
	if (status < 0)
		return status;
	*ret = uri_parse(text, &problem);
	pyr_free(text);
	if (*ret)
		return 0;
	return error_set(problem.code, "NamingError: name %s leads nowhere: %s (name server at %s)",
			 uri->object, problem.text, address);
}

static pyr_uri *copy_uri(const pyr_uri *uri)
{
	struct uri_problem problem;
	pyr_uri *copy = uri_parse(uri->text, &problem);

	if (!copy)
		(void)error_set(problem.code, "%s", problem.text);
	return copy;
}

int naming_resolve(const pyr_uri *uri, uint32_t timeout_ms, pyr_uri **ret)
{
	pyr_uri *at = copy_uri(uri), *next;
	int hops, status = 0;

	if (timeout_ms == 0)
		timeout_ms = config_number(CONFIG_LOOKUP_TIMEOUT_MS);
	if (!at)
		return -pyr_last_error()->code;
	for (hops = 0; at->scheme == PYR_URI_PYRONAME && hops < MAX_HOPS && status == 0; hops++) {
		status = look_up(at, timeout_ms, &next);
		if (status == 0) {
			pyr_uri_free(at);
			at = next;
		}
	}
	if (status == 0 && at->scheme == PYR_URI_PYRO) {
		*ret = at;
		return 0;
	}
	if (status == 0 && at->scheme == PYR_URI_PYRONAME)
		status = error_set(PYR_FAILED_PRECONDITION,
				   "NamingError: %s leads to names and no object", uri->text);
	else if (status == 0)
		status = error_set(PYR_UNIMPLEMENTED,
				   "NamingError: %s: this version looks up names, not tags",
				   at->text);
	pyr_uri_free(at);
	return status;
}

void naming_daemon_closing(const char *address)
{
	pyr_error *before = pyr_error_take();

	lease_remove_daemon(address, CLOSING_MS);
	error_restore(before);
}
