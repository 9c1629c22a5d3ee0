/* SPDX-License-Identifier: MIT */
#include "places.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 64 };

/* All of it has one lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A copy of texts in memory of the call. */
static int give_texts(pyr_call *call, char *const *texts, size_t n,
		      const struct pyr_string_seq **ret)
{
	struct pyr_string_seq *copy = pyr_call_alloc(call, sizeof(*copy));
	size_t i;

	copy->items = pyr_call_alloc(call, (n + 1) * sizeof(*copy->items));
	for (i = 0; i < n; i++)
		copy->items[copy->n++] = pyr_call_strdup(call, texts[i]);
	*ret = copy;
	return 0;
}

/* ---- warehouse ---- */

static char *contents[MOST] = { "chair", "bike", "flashlight", "laptop", "couch" };
static size_t n_contents = 5;

static int list_contents(pyr_call *call, const struct pyr_string_seq **ret)
{
	pthread_mutex_lock(&lock);
	give_texts(call, contents, n_contents, ret);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int take(pyr_call *call, const char *name, const char *item)
{
	size_t i, place = MOST;

	pthread_mutex_lock(&lock);
	for (i = 0; i < n_contents; i++)
		if (strcmp(contents[i], item) == 0)
			place = i;
	if (place < MOST) {
		memmove(&contents[place], &contents[place + 1],
			(n_contents - place - 1) * sizeof(contents[0]));
		n_contents--;
	}
	pthread_mutex_unlock(&lock);
	if (place == MOST)
		return pyr_fail(call, PYR_NOT_FOUND, "ValueError: list.remove(x): x not in list");
	printf("%s took the %s.\n", name, item);
	return 0;
}

static int store(pyr_call *call, const char *name, const char *item)
{
	bool is_full;

	pthread_mutex_lock(&lock);
	is_full = n_contents == MOST;
	if (!is_full)
		contents[n_contents++] = strdup(item);
	pthread_mutex_unlock(&lock);
	if (is_full)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "the warehouse is full");
	printf("%s stored the %s.\n", name, item);
	return 0;
}

const struct demo_Warehouse_methods place_warehouse = { .list_contents = list_contents,
							.take = take,
							.store = store };

/* ---- banks ---- */

struct place_bank {
	const char *name;
	bool is_restricted;
	struct {
		char name[32];
		double balance;
	} accounts[MOST];
	size_t n;
};

struct place_bank place_rabobank = { .name = "Rabobank" };
struct place_bank place_abn = { .name = "ABN bank", .is_restricted = true };

static struct place_bank *bank_of(const pyr_call *call)
{
	return pyr_call_data(call);
}

/* Its place; MOST: there is none. */
static size_t find_account(const struct place_bank *bank, const char *name)
{
	size_t i;

	for (i = 0; i < bank->n; i++)
		if (strcmp(bank->accounts[i].name, name) == 0)
			return i;
	return MOST;
}

static int bank_name(pyr_call *call, const char **ret)
{
	*ret = bank_of(call)->name;
	return 0;
}

static int create_account(pyr_call *call, const char *name)
{
	struct place_bank *bank = bank_of(call);
	bool is_new;

	pthread_mutex_lock(&lock);
	is_new = find_account(bank, name) == MOST && bank->n < MOST;
	if (is_new) {
		snprintf(bank->accounts[bank->n].name, sizeof(bank->accounts[0].name), "%s", name);
		bank->accounts[bank->n++].balance = 0;
	}
	pthread_mutex_unlock(&lock);
	return is_new ? 0
		      : pyr_fail(call, PYR_ALREADY_EXISTS, "ValueError: Account already exists");
}

static int delete_account(pyr_call *call, const char *name)
{
	struct place_bank *bank = bank_of(call);
	size_t place;

	pthread_mutex_lock(&lock);
	place = find_account(bank, name);
	if (place < MOST)
		bank->accounts[place] = bank->accounts[--bank->n];
	pthread_mutex_unlock(&lock);
	return place < MOST ? 0 : pyr_fail(call, PYR_NOT_FOUND, "KeyError: unknown account");
}

static int change(pyr_call *call, const char *name, double amount, double *ret)
{
	struct place_bank *bank = bank_of(call);
	bool has_enough = true;
	size_t place;

	pthread_mutex_lock(&lock);
	place = find_account(bank, name);
	if (place < MOST) {
		has_enough = !bank->is_restricted || bank->accounts[place].balance + amount >= 0;
		bank->accounts[place].balance += has_enough ? amount : 0;
		*ret = bank->accounts[place].balance;
	}
	pthread_mutex_unlock(&lock);
	if (place == MOST)
		return pyr_fail(call, PYR_NOT_FOUND, "KeyError: unknown account");
	return has_enough
		       ? 0
		       : pyr_fail(call, PYR_FAILED_PRECONDITION, "ValueError: insufficent balance");
}

static int deposit(pyr_call *call, const char *name, double amount)
{
	double after;

	return change(call, name, amount, &after);
}

static int withdraw(pyr_call *call, const char *name, double amount)
{
	double after;

	return change(call, name, -amount, &after);
}

static int balance(pyr_call *call, const char *name, double *ret)
{
	return change(call, name, 0, ret);
}

static int all_accounts(pyr_call *call, const struct pyr_string_double_map **ret)
{
	struct pyr_string_double_map *map = pyr_call_alloc(call, sizeof(*map));
	const struct place_bank *bank = bank_of(call);

	pthread_mutex_lock(&lock);
	map->items = pyr_call_alloc(call, (bank->n + 1) * sizeof(*map->items));
	for (; map->n < bank->n; map->n++) {
		map->items[map->n].key = pyr_call_strdup(call, bank->accounts[map->n].name);
		map->items[map->n].value = bank->accounts[map->n].balance;
	}
	pthread_mutex_unlock(&lock);
	*ret = map;
	return 0;
}

const struct demo_Bank_methods place_bank = { .name = bank_name,
					      .createAccount = create_account,
					      .deleteAccount = delete_account,
					      .deposit = deposit,
					      .withdraw = withdraw,
					      .balance = balance,
					      .allAccounts = all_accounts };

/* ---- resourcetracking ---- */

static char *allocated[MOST];
static size_t n_allocated;

static void forget(const char *name)
{
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < n_allocated && strcmp(allocated[i], name) != 0; i++)
		continue;
	if (i < n_allocated)
		allocated[i] = allocated[--n_allocated];
	pthread_mutex_unlock(&lock);
}

/* Its client has left. */
static void close_resource(void *resource)
{
	forget(resource);
	free(resource);
}

static int allocate(pyr_call *call, const char *name)
{
	char *resource = strdup(name);

	if (!resource || pyr_call_track(call, resource, close_resource) < 0) {
		free(resource);
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	pthread_mutex_lock(&lock);
	if (n_allocated < MOST)
		allocated[n_allocated++] = resource;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int give_back(pyr_call *call, const char *name)
{
	char *resource = NULL;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < n_allocated; i++)
		if (strcmp(allocated[i], name) == 0)
			resource = allocated[i];
	pthread_mutex_unlock(&lock);
	if (resource && pyr_call_untrack(call, resource))
		close_resource(resource);
	return 0;
}

static int list_resources(pyr_call *call, const struct pyr_string_seq **ret)
{
	pthread_mutex_lock(&lock);
	give_texts(call, allocated, n_allocated, ret);
	pthread_mutex_unlock(&lock);
	return 0;
}

const struct demo_Service_methods place_service = { .list = list_resources,
						    .allocate = allocate,
						    .give_back = give_back };

/* ---- autoproxy ---- */

static int speak(pyr_call *call, const char *message)
{
	printf("Thingy %ld says: %s\n", (long)(intptr_t)pyr_call_data(call), message);
	return 0;
}

static const struct demo_Thing_methods thing = { .speak = speak };

static int create_something(pyr_call *call, int32_t number, struct demo_Thing **ret)
{
	pyr_daemon *daemon = pyr_call_data(call);
	const char *uri = demo_Thing_register(daemon, NULL, &thing, (void *)(intptr_t)number);
	pyr_uri *parsed = uri ? pyr_uri_parse(uri) : NULL;

	if (!parsed)
		return pyr_pass(call);
	*ret = demo_Thing_object_of(daemon, pyr_uri_object(parsed));
	pyr_uri_free(parsed);
	return *ret ? 0 : pyr_pass(call);
}

const struct demo_Factory_methods place_factory = { .createSomething = create_something };

/* ---- what tests want to know ---- */

static bool hangs, was_left_once;
static uint64_t n_notes_heard;

static int mirror(pyr_call *call, const struct demo_Point *p, int32_t factor,
		  const struct demo_Point **ret)
{
	struct demo_Point *point = pyr_call_alloc(call, sizeof(*point));

	*point = (struct demo_Point){ p->y * factor, p->x * factor };
	*ret = point;
	return 0;
}

static int pay(pyr_call *call, int64_t cents)
{
	static const char *payers[] = { "ann", "bob" };
	static uint8_t receipt[] = { 0, 1 };
	static struct pyr_string_double_map_entry rates[] = { { "EUR", 1 }, { "USD", 0.5 } };

	return demo_Probe_raise_NoFunds(call, &(struct demo_NoFunds){ .missing = cents,
								      .currency = "EUR",
								      .payers = { 2, payers },
								      .rates = { 2, rates },
								      .receipt = { 2, receipt },
								      .final = true,
								      .place = { 1, 2 } });
}

static int fail(pyr_call *call, int32_t code, const char *text)
{
	return pyr_fail(call, code, "%s", text);
}

static int caller(pyr_call *call, const char **ret)
{
	*ret = pyr_call_peer(call);
	return 0;
}

static int identity(pyr_call *call, const char **ret)
{
	*ret = pyr_call_identity(call);
	return 0;
}

static int correlation(pyr_call *call, const char **ret)
{
	*ret = pyr_call_correlation_id(call);
	return 0;
}

static int annotation(pyr_call *call, const char *name, const char **ret)
{
	const char *found = pyr_call_annotation(call, name, NULL);

	*ret = found ? found : "";
	return pyr_call_set_annotation(call, "ECHO", *ret, strlen(*ret));
}

static int hang(pyr_call *call)
{
	struct timespec tick = { 0, 2000000 };

	pthread_mutex_lock(&lock);
	hangs = true;
	pthread_mutex_unlock(&lock);
	while (!pyr_call_is_cancelled(call))
		nanosleep(&tick, NULL);
	pthread_mutex_lock(&lock);
	hangs = false;
	was_left_once = true;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int is_hanging(pyr_call *call, bool *ret)
{
	(void)call;
	pthread_mutex_lock(&lock);
	*ret = hangs;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int was_left(pyr_call *call, bool *ret)
{
	(void)call;
	pthread_mutex_lock(&lock);
	*ret = was_left_once;
	was_left_once = false;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int note(pyr_call *call, const char *text)
{
	(void)call;
	(void)text;
	pthread_mutex_lock(&lock);
	n_notes_heard++;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int n_notes(pyr_call *call, uint64_t *ret)
{
	(void)call;
	pthread_mutex_lock(&lock);
	*ret = n_notes_heard;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int bytes(pyr_call *call, uint32_t n, const struct pyr_bytes **ret)
{
	struct pyr_bytes *data = pyr_call_alloc(call, sizeof(*data));

	data->n = n;
	data->items = pyr_call_alloc(call, n + 1u);
	if (!data->items)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	*ret = data;
	return 0;
}

static int pieces(pyr_call *call, uint32_t n, uint32_t size, pyr_stream *stream)
{
	struct pyr_bytes piece = { size, pyr_call_alloc(call, size + 1u) };
	uint32_t i;
	int err = 0;

	for (i = 0; i < n && err == 0; i++)
		err = demo_Probe_pieces_yield(stream, &piece);
	return err;
}

static int count(pyr_call *call, pyr_stream *stream, uint64_t *ret)
{
	int32_t item;
	int got;

	(void)call;
	*ret = 0;
	while ((got = demo_Probe_count_read(stream, &item)) > 0)
		++*ret;
	return got;
}

const struct demo_Probe_methods place_probe = { .mirror = mirror,
						.pay = pay,
						.fail = fail,
						.caller = caller,
						.identity = identity,
						.correlation = correlation,
						.annotation = annotation,
						.hang = hang,
						.is_hanging = is_hanging,
						.was_left = was_left,
						.note = note,
						.n_notes = n_notes,
						.bytes = bytes,
						.pieces = pieces,
						.count = count };
