/* SPDX-License-Identifier: MIT */
#include "fake_etcd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum { KEYS = 4096, LEASES = 256, EVENTS = 65536, WATCHES = 8, MOST = 128 /* of a transaction */ };

struct entry {
	char *key, *value;
	uint64_t revision;
	int64_t lease;
};

struct past {
	struct entry entry;
	bool is_delete;
};

struct etcd {
	int64_t seen_ms;
	uint64_t seen_revision;
};

struct etcd_watch {
	char *key, *end;
	uint64_t next; /* revision */
	etcd_watch_cb callback;
	void *data;
};

/* A call that waits. */
struct held {
	struct held *next;
	struct etcd *etcd;
	enum held_kind { HELD_TXN, HELD_GRANT, HELD_RENEW, HELD_BARRIER } kind;
	struct etcd_compare *compares;
	struct etcd_op *ops;
	size_t n_compares, n_ops;
	int64_t lease;
	etcd_done_cb callback;
	void *data;
};

static struct {
	struct entry entries[KEYS]; /* sorted */
	struct past past[EVENTS];
	int64_t leases[LEASES];
	size_t n, n_leases, n_past, n_held,
		n_pages; /* one more than are answered yet; 0: all are */
	uint64_t revision, compacted;
	struct etcd_watch *watches[WATCHES];
	bool is_held, news_are_held, is_telling, next_is_done;
	struct held *held, **last_held;
	enum etcd_result result, next_result, paged;
} fake;

static char *copy(struct etcd_bytes bytes)
{
	char *text = malloc(bytes.n + 1);

	if (bytes.n > 0)
		memcpy(text, bytes.p, bytes.n);
	text[bytes.n] = '\0';
	return text;
}

static struct etcd_bytes bytes_of(const char *text)
{
	return (struct etcd_bytes){ text ? text : "", text ? strlen(text) : 0 };
}

void fake_etcd_reset(void)
{
	size_t i;

	for (i = 0; i < fake.n; i++) {
		free(fake.entries[i].key);
		free(fake.entries[i].value);
	}
	for (i = 0; i < fake.n_past; i++) {
		free(fake.past[i].entry.key);
		free(fake.past[i].entry.value);
	}
	memset(&fake, 0, sizeof(fake));
	fake.revision = 1;
	fake.last_held = &fake.held;
}

/* ---- what is there ---- */

/* Where the key is, or would be. */
static size_t place_of(const char *key)
{
	size_t i = 0;

	while (i < fake.n && strcmp(fake.entries[i].key, key) < 0)
		i++;
	return i;
}

static struct entry *find(const char *key)
{
	size_t i = place_of(key);

	return i < fake.n && strcmp(fake.entries[i].key, key) == 0 ? &fake.entries[i] : NULL;
}

static void note(const char *key, const char *value, int64_t lease, bool is_delete)
{
	struct past *past = &fake.past[fake.n_past++];

	if (fake.n_past > EVENTS)
		abort();
	past->entry =
		(struct entry){ strdup(key), strdup(value ? value : ""), fake.revision, lease };
	past->is_delete = is_delete;
}

static void put(const char *key, const char *value, int64_t lease)
{
	size_t i = place_of(key);
	struct entry *entry = find(key);

	if (!entry) {
		if (fake.n == KEYS)
			abort();
		entry = &fake.entries[i];
		memmove(entry + 1, entry, (fake.n - i) * sizeof(*entry));
		fake.n++;
		entry->key = strdup(key);
		entry->value = NULL;
	}
	free(entry->value);
	entry->value = strdup(value);
	entry->revision = fake.revision;
	entry->lease = lease;
	note(key, value, lease, false);
}

static void drop(const char *key, bool tells)
{
	struct entry *entry = find(key);

	if (!entry)
		return;
	if (tells)
		note(key, NULL, 0, true);
	free(entry->key);
	free(entry->value);
	fake.n--;
	memmove(entry, entry + 1, (size_t)(&fake.entries[fake.n] - entry) * sizeof(*entry));
}

/* ---- watches ---- */

static size_t collect(const struct etcd_watch *watch, uint64_t revision, size_t *at,
		      struct etcd_event *ret)
{
	const struct past *past;
	size_t n = 0;

	for (; *at < fake.n_past && fake.past[*at].entry.revision <= revision; (*at)++) {
		past = &fake.past[*at];
		if (past->entry.revision < revision || strcmp(past->entry.key, watch->key) < 0 ||
		    strcmp(past->entry.key, watch->end) >= 0)
			continue;
		ret[n++] = (struct etcd_event){ { bytes_of(past->entry.key),
						  bytes_of(past->entry.value), past->entry.revision,
						  past->entry.lease },
						past->is_delete };
	}
	return n;
}

static void tell(size_t i)
{
	static struct etcd_event events[KEYS];
	struct etcd_watch *watch = fake.watches[i];
	struct etcd_news news = { 0 };
	size_t at = 0;

	while ((watch = fake.watches[i]) != NULL && watch->next <= fake.revision) {
		if (watch->next <= fake.compacted) {
			news = (struct etcd_news){ .is_lost = true, .text = "it was compacted" };
			fake.watches[i] = NULL;
			watch->callback(&news, watch->data);
			return;
		}
		news = (struct etcd_news){ .revision = watch->next, .events = events };
		news.n_events = collect(watch, watch->next, &at, events);
		watch->next++;
		watch->callback(&news, watch->data);
	}
}

static void tell_all(void)
{
	size_t i;

	if (fake.news_are_held || fake.is_telling)
		return;
	fake.is_telling = true;
	for (i = 0; i < WATCHES; i++)
		if (fake.watches[i])
			tell(i);
	fake.is_telling = false;
}

struct etcd_watch *etcd_watch(struct etcd *etcd, struct etcd_bytes key, struct etcd_bytes end,
			      uint64_t from_revision, etcd_watch_cb callback, void *data)
{
	struct etcd_watch *watch = calloc(1, sizeof(*watch));
	size_t i = 0;

	(void)etcd;
	*watch = (struct etcd_watch){ copy(key), copy(end), from_revision, callback, data };
	while (fake.watches[i])
		i++;
	fake.watches[i] = watch;
	return watch;
}

void etcd_watch_stop(struct etcd_watch *watch)
{
	size_t i;

	if (!watch)
		return;
	for (i = 0; i < WATCHES; i++)
		if (fake.watches[i] == watch)
			fake.watches[i] = NULL;
	free(watch->key);
	free(watch->end);
	free(watch);
}

void fake_etcd_hold_news(void)
{
	fake.news_are_held = true;
}

void fake_etcd_go_news(void)
{
	fake.news_are_held = false;
	tell_all();
}

void fake_etcd_compact(void)
{
	fake.compacted = fake.revision + 1;
	fake.revision += 2;
}

/* ---- calls ---- */

static bool has_lease(int64_t lease)
{
	size_t i;

	for (i = 0; i < fake.n_leases; i++)
		if (fake.leases[i] == lease)
			return true;
	return false;
}

static bool holds(const struct etcd_compare *compare)
{
	char *key = copy(compare->key), *end;
	struct entry *entry = find(key);
	bool it_does = true;
	size_t i;

	if (compare->kind == ETCD_MOD_IS) {
		it_does = compare->revision == (entry ? entry->revision : 0);
	} else {
		end = copy(compare->end);
		for (i = place_of(key); i < fake.n && strcmp(fake.entries[i].key, end) < 0; i++)
			it_does &= fake.entries[i].revision < compare->revision;
		free(end);
	}
	free(key);
	return it_does;
}

static enum etcd_result run_txn(const struct held *call)
{
	char *key, *value;
	size_t i;

	if (call->n_compares > MOST || call->n_ops > MOST)
		return ETCD_REFUSED;
	for (i = 0; i < call->n_compares; i++)
		if (!holds(&call->compares[i]))
			return ETCD_CONFLICT;
	for (i = 0; i < call->n_ops; i++)
		if (call->ops[i].lease && !has_lease(call->ops[i].lease))
			return ETCD_NO_LEASE;
	fake.revision += call->n_ops > 0;
	for (i = 0; i < call->n_ops; i++) {
		key = copy(call->ops[i].key);
		value = copy(call->ops[i].value);
		if (call->ops[i].kind == ETCD_PUT)
			put(key, value, call->ops[i].lease);
		else
			drop(key, true);
		free(key);
		free(value);
	}
	return ETCD_DONE;
}

static enum etcd_result run_call(const struct held *call)
{
	switch (call->kind) {
	case HELD_TXN:
		return run_txn(call);
	case HELD_GRANT:
		if (!has_lease(call->lease))
			fake.leases[fake.n_leases++] = call->lease;
		return ETCD_DONE;
	case HELD_RENEW:
		return has_lease(call->lease) ? ETCD_DONE : ETCD_NO_LEASE;
	case HELD_BARRIER:
		call->etcd->seen_ms = clock_ms();
		call->etcd->seen_revision = fake.revision;
		return ETCD_DONE;
	}
	return ETCD_REFUSED;
}

static void run(const struct held *call)
{
	struct etcd_outcome outcome = { .result = fake.result };
	bool is_next = call->kind == HELD_TXN && fake.next_result != ETCD_DONE;

	if (is_next)
		outcome.result = fake.next_result;
	if (outcome.result == ETCD_DONE)
		outcome.result = run_call(call);
	else if (is_next && fake.next_is_done)
		(void)run_call(call);
	if (is_next)
		fake.next_result = ETCD_DONE;
	outcome.revision = fake.revision;
	if (outcome.result != ETCD_DONE)
		snprintf(outcome.text, sizeof(outcome.text), "it is a test");
	tell_all();
	call->callback(&outcome, call->data);
}

static void free_held(struct held *call)
{
	size_t i;

	for (i = 0; i < call->n_compares; i++) {
		free((void *)call->compares[i].key.p);
		free((void *)call->compares[i].end.p);
	}
	for (i = 0; i < call->n_ops; i++) {
		free((void *)call->ops[i].key.p);
		free((void *)call->ops[i].value.p);
	}
	free(call->compares);
	free(call->ops);
	free(call);
}

static struct etcd_bytes keep(struct etcd_bytes bytes)
{
	return (struct etcd_bytes){ copy(bytes), bytes.n };
}

static void hold(const struct held *call)
{
	struct held *held = calloc(1, sizeof(*held));
	size_t i;

	*held = *call;
	held->compares = calloc(call->n_compares + 1, sizeof(held->compares[0]));
	held->ops = calloc(call->n_ops + 1, sizeof(held->ops[0]));
	for (i = 0; i < call->n_compares; i++) {
		held->compares[i] = call->compares[i];
		held->compares[i].key = keep(call->compares[i].key);
		held->compares[i].end = keep(call->compares[i].end);
	}
	for (i = 0; i < call->n_ops; i++) {
		held->ops[i] = call->ops[i];
		held->ops[i].key = keep(call->ops[i].key);
		held->ops[i].value = keep(call->ops[i].value);
	}
	fake.n_held++;
	*fake.last_held = held;
	fake.last_held = &held->next;
}

static void give(const struct held *call)
{
	if (fake.is_held)
		hold(call);
	else
		run(call);
}

static void take(enum held_kind kind, struct etcd *etcd, int64_t lease, etcd_done_cb callback,
		 void *data)
{
	give(&(struct held){
		.kind = kind, .etcd = etcd, .lease = lease, .callback = callback, .data = data });
}

void etcd_txn(struct etcd *etcd, const struct etcd_compare *compares, size_t n_compares,
	      const struct etcd_op *ops, size_t n_ops, etcd_done_cb callback, void *data)
{
	give(&(struct held){ .etcd = etcd,
			     .kind = HELD_TXN,
			     .compares = (struct etcd_compare *)compares,
			     .n_compares = n_compares,
			     .ops = (struct etcd_op *)ops,
			     .n_ops = n_ops,
			     .callback = callback,
			     .data = data });
}

void etcd_grant(struct etcd *etcd, int64_t id, int64_t ttl_s, etcd_done_cb callback, void *data)
{
	(void)ttl_s;
	take(HELD_GRANT, etcd, id, callback, data);
}

void etcd_renew(struct etcd *etcd, int64_t id, etcd_done_cb callback, void *data)
{
	take(HELD_RENEW, etcd, id, callback, data);
}

void etcd_barrier(struct etcd *etcd, etcd_done_cb callback, void *data)
{
	take(HELD_BARRIER, etcd, 0, callback, data);
}

void etcd_read(struct etcd *etcd, const struct etcd_range *range, etcd_page_cb callback, void *data)
{
	static struct etcd_kv kvs[KEYS];
	bool is_over = fake.n_pages == 1, more;
	struct etcd_outcome outcome = { is_over ? fake.paged : fake.result, fake.revision, "" };
	char *key = copy(range->key), *end = copy(range->end);
	size_t i = place_of(key), n = 0;

	(void)etcd;
	fake.n_pages = is_over && fake.paged ? 2 : fake.n_pages - (fake.n_pages > 1);
	/* a key that ends with a NUL is the one after */
	i += range->key.n > 0 && range->key.p[range->key.n - 1] == '\0' && find(key);
	for (; i < fake.n && strcmp(fake.entries[i].key, end) < 0 && n < 3; i++)
		kvs[n++] = (struct etcd_kv){ bytes_of(fake.entries[i].key),
					     bytes_of(fake.entries[i].value),
					     fake.entries[i].revision, fake.entries[i].lease };
	more = i < fake.n && strcmp(fake.entries[i].key, end) < 0;
	if (!is_over || fake.paged)
		callback(&outcome, kvs, n, more, data);
	free(key);
	free(end);
}

/* ---- clients ---- */

struct etcd *etcd_open(const struct etcd_options *options, struct store_problem *problem)
{
	struct etcd *etcd = calloc(1, sizeof(*etcd));

	(void)options;
	(void)problem;
	etcd->seen_ms = clock_ms();
	return etcd;
}

void etcd_close(struct etcd *etcd)
{
	(void)fake_etcd_go();
	free(etcd);
}

void etcd_last_seen(struct etcd *etcd, struct etcd_seen *ret)
{
	if (fake.result == ETCD_DONE) {
		etcd->seen_ms = clock_ms();
		etcd->seen_revision = fake.revision;
	}
	*ret = (struct etcd_seen){ .at_ms = etcd->seen_ms,
				   .revision = etcd->seen_revision,
				   .cluster_id = 42,
				   .is_up = fake.result == ETCD_DONE };
}

/* ---- for the test ---- */

size_t fake_etcd_hold(void)
{
	fake.is_held = true;
	return fake.n_held;
}

size_t fake_etcd_go(void)
{
	struct held *call;
	size_t n = fake.n_held;

	fake.is_held = false;
	fake.n_held = 0;
	while ((call = fake.held) != NULL) {
		fake.held = call->next;
		if (!fake.held)
			fake.last_held = &fake.held;
		run(call);
		free_held(call);
	}
	return n;
}

void fake_etcd_fail_next(enum etcd_result result, bool is_done)
{
	fake.next_result = result;
	fake.next_is_done = is_done;
}

void fake_etcd_fail(enum etcd_result result)
{
	fake.result = result;
}

void fake_etcd_read_pages(size_t n, enum etcd_result then)
{
	fake.n_pages = n + 1;
	fake.paged = then;
}

void fake_etcd_delete_silently(const char *key)
{
	fake.revision++;
	drop(key, false);
	tell_all();
}

void fake_etcd_put(const char *key, const char *value)
{
	fake.revision++;
	put(key, value, 0);
	tell_all();
}

static size_t drop_keys_of(int64_t lease)
{
	size_t i = 0, n = 0;

	fake.revision++;
	while (i < fake.n) {
		if (fake.entries[i].lease == lease)
			n++, drop(fake.entries[i].key, true);
		else
			i++;
	}
	return n;
}

size_t fake_etcd_expire(int64_t lease)
{
	size_t i, n = drop_keys_of(lease);

	for (i = 0; i < fake.n_leases; i++)
		if (fake.leases[i] == lease)
			fake.leases[i] = fake.leases[--fake.n_leases];
	tell_all();
	return n;
}

size_t fake_etcd_expire_all(void)
{
	size_t n = 0;

	while (fake.n_leases > 0)
		n += fake_etcd_expire(fake.leases[0]);
	return n;
}

const char *fake_etcd_get(const char *key)
{
	return find(key) ? find(key)->value : NULL;
}

uint64_t fake_etcd_revision(void)
{
	return fake.revision;
}

size_t fake_etcd_leases(void)
{
	return fake.n_leases;
}
