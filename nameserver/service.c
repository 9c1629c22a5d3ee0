/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <string.h>

enum {
	PAGE_ENTRIES = 1024,
	PAGE_BYTES = 48 * 1024, /* leaves room in a message for what surrounds the texts */
	ENTRY_BYTES = 16        /* tags and lengths around the texts of one entry */
};

/* Returns 0 and *ret, NULL for no secret. */
static int read_secret(pyr_call *call, const struct pyr_bytes *secret, const uint8_t **ret)
{
	if (secret->n != 0 && secret->n != SECRET_SIZE)
		return pyr_fail(call, PYR_INVALID_ARGUMENT,
				"a secret has %d bytes or none, not %zu", SECRET_SIZE, secret->n);
	*ret = secret->n ? secret->items : NULL;
	return 0;
}

static int register_name(pyr_call *call, const char *name, const char *uri, uint32_t ttl_ms,
			 const struct pyr_bytes *secret, const struct pyrite_NameGrant **ret)
{
	struct registry_request request = { .name = name, .uri = uri, .ttl_ms = ttl_ms };
	struct pyrite_NameGrant *grant = pyr_alloc(call, sizeof(*grant));
	struct registry_problem problem;
	const struct record *record;
	int status = read_secret(call, secret, &request.secret);

	if (status < 0)
		return status;
	if (!grant || !(grant->secret.items = pyr_alloc(call, SECRET_SIZE)))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	record = registry_register(pyr_call_data(call), &request, &problem);
	if (!record)
		return pyr_fail(call, problem.code, "%s", problem.text);
	memcpy(grant->secret.items, record->secret, SECRET_SIZE);
	grant->secret.n = SECRET_SIZE;
	grant->ttl_ms = record->ttl_ms;
	grant->generation = record->generation;
	*ret = grant;
	return 0;
}

static int renew(pyr_call *call, const struct pyr_bytes *secret, const struct string_seq *names,
		 const struct string_seq **ret)
{
	struct string_seq *lost = pyr_alloc(call, sizeof(*lost));
	const uint8_t *known = NULL;
	size_t i;
	int status = read_secret(call, secret, &known);

	if (status < 0)
		return status;
	if (!lost || !(lost->items = pyr_alloc(call, names->n * sizeof(lost->items[0]))))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	for (i = 0; i < names->n; i++)
		if (!registry_renew(pyr_call_data(call), names->items[i], known))
			lost->items[lost->n++] = names->items[i];
	*ret = lost;
	return 0;
}

static int lookup(pyr_call *call, const char *name, const char **ret)
{
	struct registry_problem problem;
	const struct record *record = registry_lookup(pyr_call_data(call), name, &problem);

	if (!record)
		return pyr_fail(call, problem.code, "%s", problem.text);
	*ret = record->uri;
	return 0;
}

static int list(pyr_call *call, const char *prefix, const char *after,
		const struct pyrite_NamePage **ret)
{
	struct pyrite_NamePage *page = pyr_alloc(call, sizeof(*page));
	struct pyrite_NameEntry *entry, *entries;
	const struct record *record;
	size_t bytes = 0;

	entries = pyr_alloc(call, PAGE_ENTRIES * sizeof(entries[0]));
	if (!page || !entries)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	page->entries.items = entries;
	while ((record = registry_next(pyr_call_data(call), prefix, after)) != NULL) {
		bytes += strlen(record->name) + strlen(record->uri) + ENTRY_BYTES;
		page->more = page->entries.n == PAGE_ENTRIES || bytes > PAGE_BYTES;
		if (page->more)
			break;
		entry = &entries[page->entries.n++];
		/* copies: the next look into the registry may remove what has ended */
		entry->name = pyr_strdup(call, record->name);
		entry->uri = pyr_strdup(call, record->uri);
		if (!entry->name || !entry->uri)
			return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
		after = entry->name;
	}
	*ret = page;
	return 0;
}

static int remove_name(pyr_call *call, const char *name, const struct pyr_bytes *secret)
{
	struct registry_problem problem;
	const uint8_t *known = NULL;
	int status = read_secret(call, secret, &known);

	if (status < 0)
		return status;
	status = registry_remove(pyr_call_data(call), name, known, &problem);
	return status < 0 ? pyr_fail(call, problem.code, "%s", problem.text) : 0;
}

static int ping(pyr_call *call)
{
	(void)call;
	return 0;
}

static int count(pyr_call *call, uint32_t *ret)
{
	*ret = (uint32_t)registry_count(pyr_call_data(call));
	return 0;
}

const struct pyrite_NameServer_methods service_methods = {
	.register_name = register_name,
	.renew = renew,
	.lookup = lookup,
	.list = list,
	.remove = remove_name,
	.ping = ping,
	.count = count,
};
