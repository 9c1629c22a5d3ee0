/* SPDX-License-Identifier: MIT */
/* What etcd tells: pages that are read, and news of a watch, put into the queue. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replica_own.h"

enum {
	PAGE = 20000, /* keys: etcd 3.4 counts those that follow, each time */
	CHECK_PAGE = 1000,
	CHECK_MS = 1000,                   /* between two pages that are read again */
	AGAIN_MS = 200,                    /* before what failed is read again */
	QUEUE_BYTES = 32 << 20,            /* in the queue, and no more is asked for */
	SHORT_SIZE = REGISTRY_KEY_SIZE + 2 /* of a key with its kind, "n/bank" */
};

void replica_free_part(struct part *part)
{
	size_t i;

	if (!part)
		return;
	for (i = 0; i < part->n; i++) {
		free(part->items[i].record);
		free(part->items[i].key);
	}
	free(part->from);
	free(part->to);
	free(part);
}

/* Of bytes that no NUL follows, where strndup() has tools look for one. NULL: memory is out. */
static char *copy_text(const char *bytes, size_t n)
{
	char *text = malloc(n + 1);

	if (!text)
		return NULL;
	memcpy(text, bytes, n);
	text[n] = '\0';
	return text;
}

/* What is made of a value: that it is no name's is told, or not; or nothing. */
enum reading { READ_AND_TELL, READ_QUIETLY, READ_KEY };

/* Writes what is under a key. Returns false when memory is out; what is no name's is left out:
 * then kind is 0. */
static bool read_item(struct replica *replica, const struct etcd_kv *kv, bool is_delete,
		      enum reading how, struct item *ret)
{
	size_t n_prefix = strlen(replica->prefix);
	struct registry_problem problem;
	const char *at = kv->key.p + n_prefix;

	*ret = (struct item){ .revision = kv->mod_revision, .is_gone = is_delete };
	if (kv->key.n < n_prefix + 4 || memchr(kv->key.p, '\0', kv->key.n) || at[0] != '/' ||
	    at[2] != '/' || !strchr("nrg", at[1]))
		return true;
	ret->key = copy_text(at + 3, kv->key.n - n_prefix - 3);
	if (!ret->key)
		return false;
	ret->kind = at[1];
	if (is_delete || how == READ_KEY)
		return true;
	if (ret->kind == 'n') {
		ret->record = etcd_read_record(ret->key, kv->value.p, kv->value.n, kv->mod_revision,
					       &problem);
		ret->is_gone = !ret->record;
		if (!ret->record && how == READ_AND_TELL)
			replica->options.aside(ret->key, problem.text, replica->options.data);
	} else if (!etcd_read_secret(kv->value.p, kv->value.n, ret->secret)) {
		ret->kind = 0;
	}
	return true;
}

static size_t cost_of(const struct part *part)
{
	size_t i, cost = sizeof(*part) + part->n * sizeof(part->items[0]);

	for (i = 0; i < part->n; i++) {
		cost += part->items[i].key ? strlen(part->items[i].key) + 1 : 0;
		cost += part->items[i].record ? record_cost(part->items[i].record) : 0;
	}
	return cost;
}

static void queue(struct replica *replica, struct part *part)
{
	part->cost = cost_of(part);
	pthread_mutex_lock(&replica->lock);
	replica->n_bytes += part->cost;
	*replica->last = part;
	replica->last = &part->next;
	if (part->kind == PART_PAGE)
		replica->n_read = part->is_first ? 1 : replica->n_read + 1;
	pthread_mutex_unlock(&replica->lock);
	replica->options.wake(replica->options.data);
}

static struct part *new_part(size_t n)
{
	return calloc(1, sizeof(struct part) + n * sizeof(struct item));
}

static void fail_reading(struct replica *replica, const struct etcd_outcome *outcome);

/* The owner's thread is slower than etcd: the watch is ended, and begins again where it was. */
static void pause_news(struct replica *replica)
{
	struct etcd_watch *watch = NULL;

	pthread_mutex_lock(&replica->lock);
	if (replica->n_bytes > QUEUE_BYTES && replica->watch) {
		watch = replica->watch;
		replica->watch = NULL;
		replica->news_pause = true;
	}
	pthread_mutex_unlock(&replica->lock);
	etcd_watch_stop(watch);
}

static void on_news(const struct etcd_news *news, void *data)
{
	struct replica *replica = data;
	struct part *part;
	size_t i;
	bool is_good;

	if (news->is_lost) {
		fprintf(stderr, "pyrite-ns: names are read again: %s\n", news->text);
		replica_read(replica);
		return;
	}
	part = new_part(news->n_events);
	is_good = part != NULL;
	for (i = 0; is_good && i < news->n_events; i++)
		is_good = read_item(replica, &news->events[i].kv, news->events[i].is_delete,
				    READ_AND_TELL, &part->items[part->n++]);
	if (!is_good) { /* memory is out: nothing may be left out */
		replica_free_part(part);
		replica_read(replica);
		return;
	}
	part->revision = replica->queued = news->revision;
	queue(replica, part);
	pause_news(replica);
}

/* ---- reading ---- */

static struct etcd_bytes bytes_of(const char *text)
{
	return (struct etcd_bytes){ text, strlen(text) };
}

static char *all_from(const struct replica *replica, char ret[ETCD_KEY_SIZE])
{
	snprintf(ret, ETCD_KEY_SIZE, "%s/", replica->prefix);
	return ret;
}

static char *all_to(const struct replica *replica, char ret[ETCD_KEY_SIZE])
{
	snprintf(ret, ETCD_KEY_SIZE, "%s0", replica->prefix); /* what follows '/' */
	return ret;
}

static void watch(struct replica *replica, uint64_t from)
{
	char key[ETCD_KEY_SIZE], end[ETCD_KEY_SIZE];
	struct etcd_watch *watch =
		etcd_watch(replica->options.etcd, bytes_of(all_from(replica, key)),
			   bytes_of(all_to(replica, end)), from, on_news, replica);
	struct etcd_watch *old = NULL;

	pthread_mutex_lock(&replica->lock);
	if (replica->is_stopping) {
		old = watch;
	} else {
		old = replica->watch;
		replica->watch = watch;
		replica->is_reading = replica->has_failed = !watch; /* memory is out: again */
	}
	pthread_mutex_unlock(&replica->lock);
	etcd_watch_stop(old);
}

/* A page's last key as a text, without the prefix, "n/bank". Of a key that is no name's, as it is
 * too long or has a NUL, what comes after all that begin like it: so they are passed by. */
static char *short_key(const struct replica *replica, const struct etcd_kv *kv)
{
	size_t n_prefix = strlen(replica->prefix) + 1, n;
	char *text;

	if (kv->key.n <= n_prefix)
		return NULL;
	n = strnlen(kv->key.p + n_prefix, kv->key.n - n_prefix);
	if (n >= SHORT_SIZE)
		n = SHORT_SIZE - 1;
	text = copy_text(kv->key.p + n_prefix, n);
	if (!text || n == kv->key.n - n_prefix)
		return text;
	while (n > 0 && (unsigned char)text[n - 1] == 0xff)
		text[--n] = '\0';
	if (n > 0)
		text[n - 1]++;
	return text;
}

/* from: taken. NULL: memory is out. */
static struct part *make_page(struct replica *replica, char *from, const struct etcd_kv *kvs,
			      size_t n, bool more, enum reading how, uint64_t revision)
{
	struct part *part = new_part(n);
	bool is_good = part != NULL && from;

	if (!part) {
		free(from);
		return NULL;
	}
	part->kind = PART_PAGE;
	part->from = from;
	part->revision = revision;
	if (is_good && more)
		is_good = n > 0 && (part->to = short_key(replica, &kvs[n - 1])) != NULL;
	while (is_good && part->n < n) {
		is_good = read_item(replica, &kvs[part->n], false, how, &part->items[part->n]);
		part->n++;
	}
	if (is_good)
		return part;
	replica_free_part(part);
	return NULL;
}

static void read_on(struct replica *replica);

static bool pages_pause(struct replica *replica)
{
	bool pause;

	pthread_mutex_lock(&replica->lock);
	pause = replica->pages_pause = replica->n_bytes > QUEUE_BYTES;
	pthread_mutex_unlock(&replica->lock);
	return pause;
}

/* A page of all, in order. */
static void on_page(const struct etcd_outcome *outcome, const struct etcd_kv *kvs, size_t n,
		    bool more, void *data)
{
	struct replica *replica = data;
	struct part *part = NULL;
	bool is_first = !replica->read_from;

	if (outcome->result == ETCD_DONE)
		part = make_page(replica, strdup(is_first ? "" : replica->read_from), kvs, n, more,
				 READ_AND_TELL, outcome->revision);
	if (!part) {
		fail_reading(replica, outcome);
		return;
	}
	part->is_first = is_first;
	part->is_last = !more;
	free(replica->read_from);
	replica->read_from = part->to ? strdup(part->to) : NULL;
	replica->read_revision = outcome->revision;
	queue(replica, part);
	if (!more)
		watch(replica, outcome->revision + 1);
	else if (!replica->read_from)
		fail_reading(replica, outcome);
	else if (!pages_pause(replica))
		read_on(replica);
}

/* The first key after a short one: no key has a NUL. */
static size_t key_after(const struct replica *replica, const char *from, char ret[ETCD_KEY_SIZE])
{
	size_t n = (size_t)snprintf(ret, ETCD_KEY_SIZE, "%s/%s", replica->prefix, from);

	return from[0] ? n + 1 : n;
}

/* range: all but its ends: from and to are as of a part. */
static void read_page(struct replica *replica, const char *from, const char *to,
		      struct etcd_range range, etcd_page_cb callback)
{
	char key[ETCD_KEY_SIZE], end[ETCD_KEY_SIZE];

	range.key = (struct etcd_bytes){ key, key_after(replica, from ? from : "", key) };
	range.end = to ? (struct etcd_bytes){ end, key_after(replica, to, end) }
		       : bytes_of(all_to(replica, end));
	etcd_read(replica->options.etcd, &range, callback, replica);
}

static void read_on(struct replica *replica)
{
	struct etcd_range range = { .limit = PAGE, .revision = replica->read_revision };

	read_page(replica, replica->read_from, NULL, range, on_page);
}

void replica_go_on(struct replica *replica)
{
	bool news = false, pages = false;

	pthread_mutex_lock(&replica->lock);
	if (replica->n_bytes <= QUEUE_BYTES / 2 && !replica->is_stopping) {
		news = replica->news_pause;
		pages = replica->pages_pause;
		replica->news_pause = replica->pages_pause = false;
	}
	pthread_mutex_unlock(&replica->lock);
	if (pages)
		read_on(replica);
	else if (news)
		watch(replica, replica->queued + 1);
}

void replica_read(struct replica *replica)
{
	struct etcd_watch *watch;
	bool is_stopping;

	pthread_mutex_lock(&replica->lock);
	is_stopping = replica->is_stopping;
	replica->is_reading = true;
	replica->news_pause = replica->pages_pause = false;
	watch = replica->watch;
	replica->watch = NULL; /* what it tells would be later than what is read */
	pthread_mutex_unlock(&replica->lock);
	etcd_watch_stop(watch);
	free(replica->read_from);
	replica->read_from = NULL;
	replica->read_revision = 0;
	if (!is_stopping)
		read_on(replica);
}

/* It is tried again by replica_check(). */
static void fail_reading(struct replica *replica, const struct etcd_outcome *outcome)
{
	pthread_mutex_lock(&replica->lock);
	replica->has_failed = true;
	replica->may_go_on = outcome->result == ETCD_NOT_RUN || outcome->result == ETCD_UNKNOWN;
	snprintf(replica->trouble, sizeof(replica->trouble), "%s",
		 outcome->result == ETCD_DONE ? "out of memory" : outcome->text);
	pthread_mutex_unlock(&replica->lock);
	replica->options.wake(replica->options.data);
}

size_t replica_n_read(struct replica *replica)
{
	size_t n;

	pthread_mutex_lock(&replica->lock);
	n = replica->n_read;
	pthread_mutex_unlock(&replica->lock);
	return n;
}

void replica_trouble(struct replica *replica, char *ret, size_t size)
{
	pthread_mutex_lock(&replica->lock);
	snprintf(ret, size, "%s", replica->trouble);
	pthread_mutex_unlock(&replica->lock);
}

/* ---- reading again ---- */

static void on_check(const struct etcd_outcome *outcome, const struct etcd_kv *kvs, size_t n,
		     bool more, void *data)
{
	struct replica *replica = data;
	struct part *part = NULL;
	enum reading how;
	bool is_reading;

	pthread_mutex_lock(&replica->lock);
	is_reading = replica->is_reading;
	pthread_mutex_unlock(&replica->lock);
	how = replica->checks_values ? READ_QUIETLY : READ_KEY;
	if (outcome->result == ETCD_DONE && !is_reading)
		part = make_page(replica, strdup(replica->check_from ? replica->check_from : ""),
				 kvs, n, more, how, outcome->revision);
	if (part && !more && replica->check_to)
		part->to = strdup(replica->check_to);
	if (part && (part->to || !replica->check_to)) {
		/* until it has been taken over, there is no other */
		part->kind = PART_CHECK;
		part->has_keys = how == READ_KEY;
		queue(replica, part);
		return;
	}
	replica_free_part(part);
	pthread_mutex_lock(&replica->lock);
	replica->is_checking = false;
	pthread_mutex_unlock(&replica->lock);
}

/* The last of those that are read again together. Owned; NULL: up to the end. */
static char *some_keys_on(struct replica *replica)
{
	struct store *store = replica->store;
	const char *from = replica->check_from;
	const struct record *record;
	char key[REGISTRY_KEY_SIZE + 2] = "n/";
	int i;

	if (from && strcmp(from, key) > 0 && strncmp(from, "n/", 2) != 0)
		return NULL; /* behind all records */
	if (from && strncmp(from, "n/", 2) == 0)
		snprintf(key, sizeof(key), "%s", from);
	for (i = 0; i < CHECK_PAGE; i++) {
		record = store->kind->next(store, key + 2, false);
		if (!record)
			return NULL;
		snprintf(key, sizeof(key), "n/%s", record->key);
	}
	return strdup(key);
}

void replica_check(struct replica *replica, int64_t now)
{
	struct etcd_range range = { 0 };
	bool may, has_failed, may_go_on;

	pthread_mutex_lock(&replica->lock);
	has_failed = replica->has_failed && now - replica->checked_ms >= AGAIN_MS;
	replica->has_failed &= !has_failed;
	may_go_on = has_failed && replica->may_go_on;
	replica->may_go_on &= !has_failed;
	may = !replica->is_checking && !replica->is_reading && !replica->is_stopping &&
	      !replica->first && now - replica->checked_ms >= CHECK_MS;
	replica->is_checking |= may;
	pthread_mutex_unlock(&replica->lock);
	if (has_failed || may)
		replica->checked_ms = now;
	if (may_go_on && replica->read_from)
		read_on(replica);
	else if (has_failed)
		replica_read(replica);
	if (!may)
		return;
	free(replica->check_to);
	replica->check_to = some_keys_on(replica);
	range.limit = replica->check_to ? 2 * CHECK_PAGE : PAGE;
	range.keys_only = !replica->checks_values;
	read_page(replica, replica->check_from, replica->check_to, range, on_check);
}

uint64_t replica_heard(const struct replica *replica)
{
	return replica->queued;
}
