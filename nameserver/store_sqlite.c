/* SPDX-License-Identifier: MIT */
/*
 * The store in memory, with a database behind it. Records are read from memory alone, so that
 * look-ups neither wait for the disk nor fail with it. Changes are made in memory at once and
 * queued; a thread of the store takes all that are queued into one transaction (group commit),
 * while the next ones gather. If that fails, everything queued is given up, and taken back from
 * memory the next time the store is used.
 */
#include <pthread.h>
#include <pyrite/pyrite.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "database.h"

/* A change on its way to the disk. */
struct change {
	struct change *next;
	uint64_t generation;
	struct record *before, *after; /* NULL: none */
	char *why;                     /* before is set aside; NULL: it is not */
};

struct waiter {
	struct waiter *next;
	store_safe_cb callback;
	void *data;
};

struct sqlite_store {
	struct store store; /* first */
	struct store *memory;
	struct database *database; /* the writer's */
	uint64_t opened_at;        /* the number of the last change then */
	pthread_t writer;
	store_change_cb on_change; /* the memory's; NULL: nobody */
	void *change_data;
	pthread_mutex_t lock; /* all below; no callback is called with it */
	pthread_cond_t work;
	/* Oldest first. The writer reads changes without the lock; they stay until they are
	 * safe, or, after a failure, taken back. */
	struct change *changes, **last_change;
	struct waiter *waiters, **last_waiter;
	struct store_problem failure; /* code 0: none; else the writer rests */
	bool is_refusing;             /* the last round failed: told once; the writer's */
	bool is_wanted;               /* there is something to write now */
	bool is_ending;
};

static struct sqlite_store *sqlite_of(struct store *store)
{
	return (struct sqlite_store *)store;
}

static struct store *memory_of(struct store *store)
{
	return sqlite_of(store)->memory;
}

static void free_change(struct change *change)
{
	if (!change)
		return;
	free(change->before);
	free(change->after);
	free(change->why);
	free(change);
}

/* ---- the writer ---- */

static bool write_change(struct database *database, const struct change *change,
			 struct store_problem *problem)
{
	if (change->after)
		return database_put(database, change->after, !change->before, problem);
	if (change->why)
		return database_set_aside(database, change->before, change->why, problem);
	return database_remove(database, change->before, problem);
}

/* Writes what is queued, up to and with last. */
static void write_changes(struct database *database, const struct change *first,
			  const struct change *last, struct store_problem *problem)
{
	const struct change *change = first;
	bool is_good;

	problem->code = 0;
	is_good = database_begin(database, problem);
	for (; is_good; change = change->next) {
		is_good = write_change(database, change, problem);
		if (change == last)
			break;
	}
	if (!is_good || !database_commit(database, last->generation, problem))
		database_rollback(database);
}

static void call_back(struct waiter *waiters, const struct store_problem *problem)
{
	struct waiter *waiter;

	while ((waiter = waiters) != NULL) {
		waiters = waiter->next;
		waiter->callback(problem, 0, waiter->data);
		free(waiter);
	}
}

/* With the lock. Returns all who wait. */
static struct waiter *take_waiters(struct sqlite_store *store)
{
	struct waiter *waiters = store->waiters;

	store->waiters = NULL;
	store->last_waiter = &store->waiters;
	return waiters;
}

static struct change *last_of(struct change *change)
{
	while (change->next)
		change = change->next;
	return change;
}

/* With the lock: what was written up to last is off the queue. */
static void drop_written(struct sqlite_store *store, const struct change *last)
{
	struct change *change;
	bool is_last;

	do {
		change = store->changes;
		is_last = change == last;
		store->changes = change->next;
		free_change(change);
	} while (!is_last);
	if (!store->changes)
		store->last_change = &store->changes;
}

/* To whoever runs the name server, when it begins and when it is over. */
static void tell_operator(struct sqlite_store *store, const struct store_problem *problem)
{
	bool is_refusing = problem->code != 0;

	if (is_refusing == store->is_refusing)
		return;
	store->is_refusing = is_refusing;
	if (is_refusing)
		fprintf(stderr, "pyrite-ns: changes are refused, look-ups go on: %s\n",
			problem->text);
	else
		fputs("pyrite-ns: changes are written again\n", stderr);
}

/* With the lock, which it lets go for as long as the disk takes: one transaction. */
static void write_round(struct sqlite_store *store)
{
	struct change *first = store->changes, *last = last_of(first);
	struct waiter *waiters = take_waiters(store), *late = NULL;
	struct store_problem problem;

	store->is_wanted = false;
	pthread_mutex_unlock(&store->lock);
	write_changes(store->database, first, last, &problem);
	tell_operator(store, &problem);
	pthread_mutex_lock(&store->lock);
	if (problem.code == 0)
		drop_written(store, last);
	else
		store->failure = problem; /* also for what came later and may build upon it */
	if (problem.code != 0 || !store->changes)
		late = take_waiters(store);
	pthread_mutex_unlock(&store->lock);
	call_back(waiters, &problem);
	call_back(late, &problem);
	pthread_mutex_lock(&store->lock);
}

static void *write_all(void *data)
{
	struct sqlite_store *store = data;

	pthread_mutex_lock(&store->lock);
	for (;;) {
		if (store->changes && store->failure.code == 0 &&
		    (store->is_wanted || store->is_ending))
			write_round(store);
		else if (store->is_ending)
			break;
		else
			pthread_cond_wait(&store->work, &store->lock);
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

/* ---- the store ---- */

static const struct record *sqlite_find(struct store *store, const char *key)
{
	return memory_of(store)->kind->find(memory_of(store), key);
}

static const struct record *sqlite_next(struct store *store, const char *key, bool or_equal)
{
	return memory_of(store)->kind->next(memory_of(store), key, or_equal);
}

static const struct record *sqlite_next_tagged(struct store *store, const char *tag,
					       const char *key, bool or_equal)
{
	return memory_of(store)->kind->next_tagged(memory_of(store), tag, key, or_equal);
}

static void sqlite_walk(struct store *store, void (*each)(const struct record *record, void *data),
			void *data)
{
	memory_of(store)->kind->walk(memory_of(store), each, data);
}

static size_t sqlite_count_tagged(struct store *store, const char *tag)
{
	return memory_of(store)->kind->count_tagged(memory_of(store), tag);
}

static void sqlite_touch(struct store *store, const char *key, int64_t expires)
{
	memory_of(store)->kind->touch(memory_of(store), key, expires);
}

static void sqlite_lose(struct store *store, const uint8_t *secret, bool is_gone)
{
	memory_of(store)->kind->lose(memory_of(store), secret, is_gone);
}

static const struct record *sqlite_first_to_end(struct store *store)
{
	return memory_of(store)->kind->first_to_end(memory_of(store));
}

static const struct record *sqlite_first_deed_to_end(struct store *store)
{
	return memory_of(store)->kind->first_deed_to_end(memory_of(store));
}

static size_t sqlite_count_ended(struct store *store, int64_t now)
{
	return memory_of(store)->kind->count_ended(memory_of(store), now);
}

static size_t sqlite_count(struct store *store)
{
	return memory_of(store)->kind->count(memory_of(store));
}

static size_t sqlite_count_deeds(struct store *store)
{
	return memory_of(store)->kind->count_deeds(memory_of(store));
}

static size_t sqlite_bytes(struct store *store)
{
	return memory_of(store)->kind->bytes(memory_of(store));
}

static uint64_t sqlite_generation(struct store *store)
{
	uint64_t seen = memory_of(store)->kind->generation(memory_of(store));
	uint64_t opened_at = sqlite_of(store)->opened_at;

	return seen > opened_at ? seen : opened_at;
}

/* What is in memory under key becomes after (NULL: nothing; taken). Returns NULL when memory is
 * out.
 */
static struct change *make_change(struct store *store, const char *key, struct record *after)
{
	const struct record *before = sqlite_find(store, key);
	struct change *change = calloc(1, sizeof(*change));

	if (!change) {
		free(after);
		return NULL;
	}
	change->after = after;
	change->before = before ? record_copy(before) : NULL;
	if (!before || change->before)
		return change;
	free_change(change);
	return NULL;
}

static void queue_change(struct sqlite_store *store, struct change *change)
{
	pthread_mutex_lock(&store->lock);
	*store->last_change = change;
	store->last_change = &change->next;
	pthread_mutex_unlock(&store->lock);
}

static bool sqlite_put(struct store *store, const struct record *record)
{
	struct store *memory = memory_of(store);
	struct record *after;
	struct change *change;

	if (record->is_own)
		return memory->kind->put(memory, record);
	after = record_copy(record);
	change = after ? make_change(store, after->key, after) : NULL;
	if (!change || !memory->kind->put(memory, record)) {
		free_change(change);
		return false;
	}
	change->generation = record->generation;
	queue_change(sqlite_of(store), change);
	return true;
}

/* why: as in a change. */
static bool take_away(struct store *store, const char *key, uint64_t generation, const char *why,
		      bool is_revoked)
{
	struct store *memory = memory_of(store);
	struct change *change = make_change(store, key, NULL);

	if (change && why)
		change->why = strdup(why);
	if (!change || (why && !change->why)) {
		free_change(change);
		return false;
	}
	if (!change->before) {
		free_change(change);
		return true;
	}
	change->generation = generation;
	(void)memory->kind->remove(memory, key, generation, is_revoked);
	queue_change(sqlite_of(store), change);
	return true;
}

static bool sqlite_remove(struct store *store, const char *key, uint64_t generation,
			  bool is_revoked)
{
	return take_away(store, key, generation, NULL, is_revoked);
}

static bool sqlite_set_aside(struct store *store, const char *key, uint64_t generation,
			     const char *why)
{
	return take_away(store, key, generation, why, false);
}

/* With the lock. Returns the changes, the newest first, which are then off the queue. */
static struct change *take_changes_back(struct sqlite_store *store)
{
	struct change *reversed = NULL, *change;

	while ((change = store->changes) != NULL) {
		store->changes = change->next;
		change->next = reversed;
		reversed = change;
	}
	store->last_change = &store->changes;
	return reversed;
}

static bool sqlite_settle(struct store *base)
{
	struct sqlite_store *store = sqlite_of(base);
	struct store *memory = store->memory;
	struct change *changes = NULL, *change;
	bool has_failed;

	pthread_mutex_lock(&store->lock);
	has_failed = store->failure.code != 0;
	if (has_failed)
		changes = take_changes_back(store);
	store->failure.code = 0;
	if (store->changes) { /* of calls that wait for none, as the end of a lease */
		store->is_wanted = true;
		pthread_cond_signal(&store->work);
	}
	pthread_mutex_unlock(&store->lock);
	memory->kind->listen(memory, NULL, NULL);
	while ((change = changes) != NULL) {
		changes = change->next;
		if (change->before)
			(void)memory->kind->put(memory, change->before);
		else
			(void)memory->kind->remove(memory, change->after->key, 0, false);
		free_change(change);
	}
	memory->kind->listen(memory, store->on_change, store->change_data);
	return has_failed;
}

static void sqlite_listen(struct store *base, store_change_cb callback, void *data)
{
	struct sqlite_store *store = sqlite_of(base);

	store->on_change = callback;
	store->change_data = data;
	store->memory->kind->listen(store->memory, callback, data);
}

static void sqlite_when_safe(struct store *base, store_safe_cb callback, void *data)
{
	static const struct store_problem no_memory = { PYR_RESOURCE_EXHAUSTED, "out of memory" };
	struct sqlite_store *store = sqlite_of(base);
	struct waiter *waiter = malloc(sizeof(*waiter));
	struct store_problem problem;
	bool waits;

	if (!waiter) {
		callback(&no_memory, 0, data);
		return;
	}
	*waiter = (struct waiter){ .callback = callback, .data = data };
	pthread_mutex_lock(&store->lock);
	problem = store->failure;
	waits = store->changes && problem.code == 0;
	if (waits) {
		*store->last_waiter = waiter;
		store->last_waiter = &waiter->next;
		store->is_wanted = true;
		pthread_cond_signal(&store->work);
	}
	pthread_mutex_unlock(&store->lock);
	if (!waits) {
		callback(&problem, 0, data);
		free(waiter);
	}
}

static void sqlite_free(struct store *base)
{
	struct sqlite_store *store = sqlite_of(base);
	struct change *change;

	pthread_mutex_lock(&store->lock);
	store->is_ending = true;
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->writer, NULL);
	while ((change = store->changes) != NULL) {
		store->changes = change->next;
		free_change(change);
	}
	pthread_cond_destroy(&store->work);
	pthread_mutex_destroy(&store->lock);
	database_close(store->database);
	store->memory->kind->free(store->memory);
	free(store);
}

/* ---- making ---- */

static bool keep_row(const struct record *record, void *memory)
{
	return ((struct store *)memory)->kind->put(memory, record);
}

/* The writer takes no signals: they are the daemon's. */
static bool start_writer(struct sqlite_store *store)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&store->writer, NULL, write_all, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

static const struct store_kind sqlite_kind = {
	.find = sqlite_find,
	.next = sqlite_next,
	.next_tagged = sqlite_next_tagged,
	.count_tagged = sqlite_count_tagged,
	.walk = sqlite_walk,
	.put = sqlite_put,
	.touch = sqlite_touch,
	.lose = sqlite_lose,
	.first_to_end = sqlite_first_to_end,
	.first_deed_to_end = sqlite_first_deed_to_end,
	.count_ended = sqlite_count_ended,
	.remove = sqlite_remove,
	.set_aside = sqlite_set_aside,
	.count = sqlite_count,
	.count_deeds = sqlite_count_deeds,
	.bytes = sqlite_bytes,
	.generation = sqlite_generation,
	.settle = sqlite_settle,
	.when_safe = sqlite_when_safe,
	.listen = sqlite_listen,
	.free = sqlite_free,
};

/* Fills in all but the database. Returns false when memory or threads are out. */
static bool fill_in(struct sqlite_store *store)
{
	store->store.kind = &sqlite_kind;
	store->last_change = &store->changes;
	store->last_waiter = &store->waiters;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->work, NULL);
	return start_writer(store);
}

struct store *store_sqlite_new(const char *path, store_aside_cb aside, void *data,
			       struct store_problem *problem)
{
	struct sqlite_store *store = calloc(1, sizeof(*store));
	struct store *memory = store_memory_new();
	struct database *database = NULL;

	*problem = (struct store_problem){ PYR_RESOURCE_EXHAUSTED, "out of memory" };
	if (store && memory)
		database = database_open(path, problem);
	if (database && database_load(database, keep_row, memory, aside, data, problem)) {
		store->memory = memory;
		store->database = database;
		store->opened_at = database_generation(database);
		if (fill_in(store))
			return &store->store;
		*problem = (struct store_problem){ PYR_RESOURCE_EXHAUSTED, "no thread to be had" };
	}
	database_close(database);
	if (memory)
		memory->kind->free(memory);
	free(store);
	return NULL;
}
