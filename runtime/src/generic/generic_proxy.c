/* SPDX-License-Identifier: MIT */
/* A proxy of an object whose interface nobody has told this program. */
#include <pyrite/gen.h>
#include <pyrite/inspect.h>
#include <pyrite/value.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/abi.h"
#include "base/error.h"
#include "base/uri.h"
#include "generic/learned.h"
#include "generic/untyped.h"
#include "proxy/proxy.h"

/* Of an object that nothing is known of. */
static const struct pyr__interface any_object = { .abi = PYR_GEN_ABI, .name = "" };

struct kind {
	bool is_plain; /* it speaks plain gRPC or Pyro's protocol alone */
	bool is_pyro;  /* it is known to speak Pyro's */
};

/* Where the object is: names are resolved as for any proxy. *ret: what its server is. Returns NULL
 * with the last error set. */
static pyr_uri *find(const char *uri, const struct pyr_proxy_options *options, struct kind *kind)
{
	pyr_proxy *proxy = pyr__proxy_new(&any_object, uri, options, sizeof(*options));
	struct uri_problem problem;
	char *resolved = NULL;
	pyr_uri *ret = NULL;

	if (proxy && pyr_proxy_bind(proxy) == 0) {
		kind->is_plain = pyr_proxy_is_plain(proxy);
		kind->is_pyro = proxy_speaks_pyro(proxy);
		if (pyr_proxy_resolved_uri(proxy, &resolved) == 0 &&
		    !(ret = uri_parse(resolved, &problem)))
			error_set(problem.code, "%s", problem.text);
	}
	pyr_free(resolved);
	pyr__proxy_free(proxy);
	return ret;
}

/* The names that a daemon of Pyro tells. A server of plain gRPC tells nothing. */
static const struct pyr__interface *learn_names(const char *uri, const pyr_uri *found,
						const struct kind *kind,
						const struct pyr_proxy_options *options)
{
	const struct pyr__interface *table = untyped_learn(found->address, found->object, options);

	if (!table && !kind->is_pyro && pyr_last_error()->code != PYR_RESOURCE_EXHAUSTED)
		error_set(PYR_FAILED_PRECONDITION,
			  "%s: a server that speaks plain gRPC does not describe its objects", uri);
	return table;
}

/* Returns what its daemon says, owned; NULL with the last error set. */
static struct pyrite_InterfaceMetadata *ask(const pyr_uri *uri,
					    const struct pyr_proxy_options *options)
{
	struct pyr_proxy_options own = *options;
	struct pyrite_InterfaceMetadata *ret = NULL;
	struct pyrite_Daemon *daemon;
	char text[URI_MAX];

	own.others = NULL;
	own.n_others = 0;
	snprintf(text, sizeof(text), "PYRO:%s@%s", pyrite_DAEMON_ID, uri->address);
	daemon = pyrite_Daemon_proxy_with(text, &own);
	if (daemon && pyrite_Daemon_interface_of(daemon, uri->object, &ret) < 0)
		ret = NULL;
	pyrite_Daemon_free(daemon);
	return ret;
}

static const struct pyr__interface *learn(const char *uri, const struct pyr_proxy_options *options)
{
	struct kind kind = { false, false };
	pyr_uri *found = find(uri, options, &kind);
	struct pyrite_InterfaceMetadata *told =
		found && !kind.is_plain ? ask(found, options) : NULL;
	const struct pyr__interface *table =
		found && kind.is_plain ? learn_names(uri, found, &kind, options) : NULL;
	struct description description;
	char text[256];
	int code;

	if (told) {
		description = (struct description){ told->name,
						    told->fingerprint,
						    told->bases.items,
						    told->bases.n,
						    { told->shape.items, told->shape.n },
						    told->docs.items,
						    told->docs.n };
		table = learned_get(&description, &code, text, sizeof(text));
		if (!table)
			error_set(code, "%s%s: the interface of %s: %s",
				  code == PYR_INTERNAL ? "ProtocolError: " : "", found->address,
				  uri, text);
	}
	pyr_free(told);
	pyr_uri_free(found);
	return table;
}

pyr_proxy *pyr__proxy_learn(const char *uri, const struct pyr_proxy_options *options, size_t size)
{
	struct pyr_proxy_options own;
	const struct pyr__interface *table;

	if (abi_options(&own, sizeof(own), options, size, "pyr_proxy_options") < 0)
		return error_from_constructor();
	if (!uri)
		return error_constructor(PYR_INVALID_ARGUMENT, "uri is NULL");
	table = learn(uri, &own);
	if (!table)
		return error_from_constructor();
	return pyr__proxy_new(table, uri, &own, sizeof(own));
}
