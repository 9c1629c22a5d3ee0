/* SPDX-License-Identifier: MIT */
/*
 * Metadata, and what is removed. Names of this process that go this way are not renewed any more:
 * the name server says so at the next renewal, and for a single name it is known here.
 */
#include "naming/naming_calls.h"

#include <string.h>

#include "base/error.h"

enum { MAX_PARTS = 1048576 /* of a removal, whatever a name server says */ };

bool naming_make_claim(const pyr_ns *ns, struct naming_claim *ret)
{
	bool has_secret = lease_secret(servers_text(ns->servers), ret->secret) == 0;

	ret->claim.secret.n = has_secret ? LEASE_SECRET : 0;
	ret->claim.secret.items = ret->secret;
	ret->claim.force = ns->force;
	ret->claim.give_up = true; /* of removals, which somebody asked for */
	return has_secret;
}

int naming_check_tags(const char *const *tags, size_t n)
{
	size_t i;

	if (n > 0 && !tags)
		return error_missing("tags");
	for (i = 0; i < n; i++)
		if (!tags[i])
			return error_set(PYR_INVALID_ARGUMENT, "tags[%zu] is NULL", i);
	return 0;
}

struct pyr_string_seq naming_tags(const char *const *tags, size_t n)
{
	struct pyr_string_seq seq = { n, (const char **)tags }; /* the stub only reads them */

	return seq;
}

int pyr_ns_set_metadata(pyr_ns *ns, const char *name, const char *const *tags, size_t n_tags)
{
	struct naming_claim claim;
	struct pyr_string_seq seq;
	struct server_call call;
	int status;

	if (!ns || !name)
		return ns ? error_missing("name") : error_null("ns");
	status = naming_check_tags(tags, n_tags);
	if (status < 0)
		return status;
	(void)naming_make_claim(ns, &claim);
	seq = naming_tags(tags, n_tags);
	call = (struct server_call){
		.op = &server_set_metadata, .text = name, .tags = &seq, .claim = &claim.claim
	};
	status = servers_call(ns->servers, &call, NULL, NULL);
	if (status < 0)
		return status;
	status = lease_set_tags(servers_text(ns->servers), name, tags, n_tags);
	if (status < 0)
		return error_set(-status, "out of memory for the metadata of name %s", name);
	return 0;
}

int naming_remove(pyr_ns *ns, const char *name, const struct pyrite_NameClaim *claim)
{
	struct server_call call = { .op = &server_remove, .text = name, .claim = claim };

	return servers_call(ns->servers, &call, NULL, NULL);
}

int pyr_ns_remove(pyr_ns *ns, const char *name)
{
	struct naming_claim claim;
	int status;

	if (!ns || !name)
		return ns ? error_missing("name") : error_null("ns");
	(void)naming_make_claim(ns, &claim);
	status = naming_remove(ns, name, &claim.claim);
	if (status == 0)
		lease_drop(servers_text(ns->servers), name);
	return status;
}

/* ---- many names, part by part ---- */

/* Takes a part's result. Returns whether it leads on. */
static bool add_part(const struct pyrite_NameRemoval *part, const char *after,
		     struct pyr_ns_removal *sum)
{
	sum->removed += part->removed;
	sum->kept += part->kept;
	return !part->next[0] || strcmp(part->next, after) > 0;
}

static int remove_parts(pyr_ns *ns, const struct server_op *op, const char *what,
			struct pyr_ns_removal *sum)
{
	struct pyrite_NameRemoval *part, *before = NULL;
	struct server_call call = { .op = op, .text = what, .more = "" };
	struct naming_claim claim;
	uint32_t n_parts = 0;
	int status = 0;

	(void)naming_make_claim(ns, &claim);
	call.claim = &claim.claim;
	do {
		status = servers_call(ns->servers, &call, &part, NULL);
		if (status < 0)
			break;
		if (!add_part(part, call.more, sum) || ++n_parts == MAX_PARTS)
			status = error_set(PYR_INTERNAL, "ProtocolError: the name server sent the "
							 "counts of a removal out of order");
		pyr_free(before);
		before = part;
		call.more = part->next;
	} while (status == 0 && call.more[0]);
	pyr_free(before);
	return status;
}

static int remove_many(pyr_ns *ns, const struct server_op *op, const char *what,
		       struct pyr_ns_removal *ret)
{
	struct pyr_ns_removal sum = { 0 };
	int status = remove_parts(ns, op, what, &sum);

	if (status == 0 && ret)
		*ret = sum;
	return status;
}

int pyr_ns_remove_prefix(pyr_ns *ns, const char *prefix, struct pyr_ns_removal *ret)
{
	if (!ns || !prefix)
		return ns ? error_missing("prefix") : error_null("ns");
	return remove_many(ns, &server_remove_prefix, prefix, ret);
}

int pyr_ns_remove_matching(pyr_ns *ns, const char *regex, struct pyr_ns_removal *ret)
{
	if (!ns || !regex)
		return ns ? error_missing("regex") : error_null("ns");
	return remove_many(ns, &server_remove_matching, regex, ret);
}
