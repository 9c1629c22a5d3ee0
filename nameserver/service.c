/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PAGE_ENTRIES = 1024,
	PAGE_BYTES = 48 * 1024, /* leaves room in a message for what surrounds the texts */
	ENTRY_BYTES = 16        /* tags and lengths around the texts of one entry */
};

/* An owner who is there: an unanswered call of its. */
struct attendance {
	struct attendance *next;
	struct service *service;
	pyr_deferred *deferred;
	uint8_t secret[SECRET_SIZE];
};

struct service {
	struct registry *registry; /* of the daemon's method thread */
	pthread_mutex_t lock;      /* what follows */
	pthread_cond_t all_gone;
	struct attendance *present, *gone;
	size_t n_attendances;
};

struct service *service_new(struct registry *registry)
{
	struct service *service = registry ? calloc(1, sizeof(*service)) : NULL;

	if (!service) {
		registry_free(registry);
		return NULL;
	}
	service->registry = registry;
	pthread_mutex_init(&service->lock, NULL);
	pthread_cond_init(&service->all_gone, NULL);
	return service;
}

static void free_attendances(struct attendance *attendance)
{
	struct attendance *next;

	for (; attendance; attendance = next) {
		next = attendance->next;
		pyr_deferred_free(attendance->deferred); /* after it nobody tells of it any more */
		free(attendance);
	}
}

/* The connections are closed, so each owner's end is being told; but only so long. */
static void wait_for_the_last(struct service *service)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	while (service->present &&
	       pthread_cond_timedwait(&service->all_gone, &service->lock, &until) == 0)
		;
}

void service_free(struct service *service)
{
	struct attendance *present, *gone;

	if (!service)
		return;
	pthread_mutex_lock(&service->lock);
	wait_for_the_last(service);
	present = service->present;
	gone = service->gone;
	service->present = service->gone = NULL;
	pthread_mutex_unlock(&service->lock);
	free_attendances(present);
	free_attendances(gone);
	pthread_cond_destroy(&service->all_gone);
	pthread_mutex_destroy(&service->lock);
	registry_free(service->registry);
	free(service);
}

static bool attends(const struct service *service, const uint8_t *secret)
{
	const struct attendance *attendance;

	for (attendance = service->present; attendance; attendance = attendance->next)
		if (memcmp(attendance->secret, secret, SECRET_SIZE) == 0)
			break;
	return attendance != NULL;
}

/* The names of owners who are gone become free, unless they are back already. */
static void orphan_gone(struct service *service)
{
	struct attendance *gone, *each;

	pthread_mutex_lock(&service->lock);
	gone = service->gone;
	service->gone = NULL;
	for (each = gone; each; each = each->next) {
		service->n_attendances--;
		if (!attends(service, each->secret))
			registry_orphan(service->registry, each->secret);
	}
	pthread_mutex_unlock(&service->lock);
	free_attendances(gone);
}

/* Where every method begins. */
static struct registry *registry_now(pyr_call *call)
{
	struct service *service = pyr_call_data(call);

	orphan_gone(service);
	return service->registry;
}

bool service_add_self(struct service *service, const char *uri, struct registry_problem *problem)
{
	struct registry_request self = { .name = pyrite_NAME_SERVER_ID,
					 .uri = uri,
					 .for_ever = true };

	return registry_register(service->registry, &self, problem) != NULL;
}

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
	record = registry_register(registry_now(call), &request, &problem);
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
	struct registry *registry = registry_now(call);
	const uint8_t *known = NULL;
	size_t i;
	int status = read_secret(call, secret, &known);

	if (status < 0)
		return status;
	if (!lost || !(lost->items = pyr_alloc(call, names->n * sizeof(lost->items[0]))))
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	for (i = 0; i < names->n; i++)
		if (!registry_renew(registry, names->items[i], known))
			lost->items[lost->n++] = names->items[i];
	*ret = lost;
	return 0;
}

/* In a thread of the runtime: the owner's connection is gone. */
static void on_gone(pyr_deferred *deferred, void *data)
{
	struct attendance *attendance = data, **place;
	struct service *service = attendance->service;

	(void)deferred;
	pthread_mutex_lock(&service->lock);
	for (place = &service->present; *place; place = &(*place)->next) {
		if (*place != attendance)
			continue;
		*place = attendance->next;
		attendance->next = service->gone;
		service->gone = attendance;
		break;
	}
	if (!service->present)
		pthread_cond_signal(&service->all_gone);
	pthread_mutex_unlock(&service->lock);
}

static int add_attendance(pyr_call *call, struct service *service, const uint8_t *secret)
{
	struct attendance *attendance = calloc(1, sizeof(*attendance));
	int status;

	if (!attendance)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	status = pyr_call_defer(call, &attendance->deferred);
	if (status < 0) {
		free(attendance);
		return status;
	}
	attendance->service = service;
	memcpy(attendance->secret, secret, SECRET_SIZE);
	pthread_mutex_lock(&service->lock);
	attendance->next = service->present;
	service->present = attendance;
	service->n_attendances++;
	pthread_mutex_unlock(&service->lock);
	pyr_deferred_set_on_cancel(attendance->deferred, on_gone, attendance);
	return 0;
}

static int attend(pyr_call *call, const struct pyr_bytes *secret)
{
	struct service *service = pyr_call_data(call);
	const uint8_t *known = NULL;
	int status = read_secret(call, secret, &known);

	if (status < 0)
		return status;
	if (!known)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "an owner is known by its secret");
	orphan_gone(service);
	if (service->n_attendances >= SERVICE_ATTENDANCES)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "%d owners attend already",
				SERVICE_ATTENDANCES);
	return add_attendance(call, service, known);
}

static int lookup(pyr_call *call, const char *name, const char **ret)
{
	struct registry_problem problem;
	const struct record *record = registry_lookup(registry_now(call), name, &problem);

	if (!record)
		return pyr_fail(call, problem.code, "%s", problem.text);
	*ret = record->uri;
	return 0;
}

static int list(pyr_call *call, const char *prefix, const char *after,
		const struct pyrite_NamePage **ret)
{
	struct pyrite_NamePage *page = pyr_alloc(call, sizeof(*page));
	struct registry *registry = registry_now(call);
	struct pyrite_NameEntry *entry, *entries;
	const struct record *record;
	size_t bytes = 0;

	entries = pyr_alloc(call, PAGE_ENTRIES * sizeof(entries[0]));
	if (!page || !entries)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	page->entries.items = entries;
	while ((record = registry_next(registry, prefix, after)) != NULL) {
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
	status = registry_remove(registry_now(call), name, known, &problem);
	return status < 0 ? pyr_fail(call, problem.code, "%s", problem.text) : 0;
}

static int ping(pyr_call *call)
{
	(void)call;
	return 0;
}

static int count(pyr_call *call, uint32_t *ret)
{
	*ret = (uint32_t)registry_count(registry_now(call));
	return 0;
}

const struct pyrite_NameServer_methods service_methods = {
	.register_name = register_name,
	.renew = renew,
	.attend = attend,
	.lookup = lookup,
	.list = list,
	.remove = remove_name,
	.ping = ping,
	.count = count,
};
