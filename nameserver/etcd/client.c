/* SPDX-License-Identifier: MIT */
/* The client's beginning and end, and its main task, which hands out what callers give. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

enum {
	STACK_SIZE = 256 << 10, /* of a task: callbacks run on it */
	IDLE_MS = 60000,        /* unless it is woken */
	LOOK_MS = 100,          /* how often the time of calls is looked at */
	DEFAULT_TIMEOUT_MS = 2000,
	CONNECT_MS = 1000
};

/* ---- the main task ---- */

/* The task frees itself: live_end(). Returns false if memory is out. */
static bool start(struct etcd *etcd, pyr_task_cb run, void *data)
{
	if (!pyr_task_start(run, data))
		return false;
	etcd->n_tasks++;
	return true;
}

/* Another time. */
static void put_off(struct etcd *etcd, struct etcd_watch *watch)
{
	pthread_mutex_lock(&etcd->lock);
	watch->next = etcd->new_watches;
	etcd->new_watches = watch;
	pthread_mutex_unlock(&etcd->lock);
}

static struct etcd_watch *reverse(struct etcd_watch *watches)
{
	struct etcd_watch *list = NULL, *next;

	for (; watches; watches = next) {
		next = watches->next;
		watches->next = list;
		list = watches;
	}
	return list;
}

static void start_watches(struct etcd *etcd, struct etcd_watch *watches)
{
	struct etcd_watch *next;

	for (watches = reverse(watches); watches; watches = next) {
		next = watches->next;
		watches->next = etcd->watches;
		etcd->watches = watches;
		if (!start(etcd, watch_run, watches)) {
			etcd->watches = watches->next;
			put_off(etcd, watches);
		}
	}
}

static void hand_out(struct etcd *etcd, struct calls *calls)
{
	struct call *call;

	while ((call = calls_take(calls))) {
		if (etcd->is_ending)
			call_close(etcd, call);
		else if (call->kind == CALL_TOO_MANY)
			call_fail(etcd, call, ETCD_NOT_RUN, "too many requests wait for etcd");
		else if (call->kind == CALL_BARRIER)
			calls_add(&etcd->barriers, call);
		else if (call->kind == CALL_RENEW)
			lane_add(&etcd->lanes[(uint64_t)call->request.renew.ID % LANES], call);
		else
			calls_add(&etcd->queue, call);
	}
	if (etcd->barriers.first)
		live_nudge(&etcd->pulse_live);
}

/* Takes what callers gave. Returns whether the client goes on. */
static bool take_inbox(struct etcd *etcd)
{
	struct etcd_watch *watches;
	struct calls calls;
	bool goes_on;

	calls_init(&calls);
	pthread_mutex_lock(&etcd->lock);
	etcd->is_woken = false;
	calls_append(&calls, &etcd->inbox);
	watches = etcd->new_watches;
	etcd->new_watches = NULL;
	goes_on = !etcd->is_closing;
	pthread_mutex_unlock(&etcd->lock);
	start_watches(etcd, watches);
	hand_out(etcd, &calls);
	return goes_on;
}

static void start_workers(struct etcd *etcd)
{
	const struct call *call;
	size_t n = 0;

	if (!etcd->queue.first || !etcd_member_that_answers(etcd))
		return;
	for (call = etcd->queue.first; call && etcd->n_workers + n < MAX_WORKERS; call = call->next)
		n++;
	for (; n > 0 && start(etcd, work_run, etcd); n--)
		etcd->n_workers++;
}

/* Ends the calls whose time is over. */
static void expire(struct etcd *etcd)
{
	int64_t now = clock_ms();
	size_t i;

	while (etcd->queue.first && etcd->queue.first->deadline <= now)
		call_expire(etcd, calls_take(&etcd->queue));
	while (etcd->barriers.first && etcd->barriers.first->deadline <= now)
		call_expire(etcd, calls_take(&etcd->barriers));
	for (i = 0; i < LANES; i++)
		lane_expire(&etcd->lanes[i], now);
}

static bool is_empty(struct etcd *etcd)
{
	bool is_empty;

	pthread_mutex_lock(&etcd->lock);
	is_empty = !etcd->inbox.first && !etcd->new_watches;
	pthread_mutex_unlock(&etcd->lock);
	return is_empty && etcd->n_tasks == 0;
}

/* Ends all calls and tasks, also those that callbacks begin meanwhile. */
static void end_all(struct etcd *etcd)
{
	struct call *call;
	size_t i;

	etcd->is_ending = true;
	do {
		(void)take_inbox(etcd);
		lives_cut(etcd, true);
		(void)pyr_task_yield(); /* which a wake-up may have ended */
		(void)pyr_task_yield();
		for (i = 0; i < LANES; i++)
			lane_close(&etcd->lanes[i]);
		calls_append(&etcd->queue, &etcd->barriers);
		while ((call = calls_take(&etcd->queue)))
			call_close(etcd, call);
	} while (!is_empty(etcd));
}

static bool has_calls(struct etcd *etcd)
{
	bool has_calls;

	pthread_mutex_lock(&etcd->lock);
	has_calls = etcd->n_calls > 0 || etcd->new_watches;
	pthread_mutex_unlock(&etcd->lock);
	return has_calls;
}

static int run(void *data)
{
	struct etcd *etcd = data;
	bool is_whole;
	size_t i;

	is_whole = start(etcd, pulse_run, etcd);
	for (i = 0; i < LANES; i++)
		is_whole = start(etcd, lane_run, &etcd->lanes[i]) && is_whole;
	pthread_mutex_lock(&etcd->lock);
	etcd->main = is_whole ? pyr_task_current() : NULL;
	pthread_cond_broadcast(&etcd->changed);
	pthread_mutex_unlock(&etcd->lock);
	while (is_whole && take_inbox(etcd)) {
		expire(etcd);
		start_workers(etcd);
		live_rest(&etcd->main_live, has_calls(etcd) ? LOOK_MS : IDLE_MS);
	}
	end_all(etcd);
	pthread_mutex_lock(&etcd->lock);
	etcd->main = NULL;
	pthread_mutex_unlock(&etcd->lock);
	return is_whole ? 0 : -PYR_RESOURCE_EXHAUSTED;
}

static void *run_thread(void *data)
{
	struct pyr_tasks_options options = { .stack_size = STACK_SIZE };
	struct etcd *etcd = data;

	if (pyr_tasks_run_with(run, etcd, &options) < 0) {
		pthread_mutex_lock(&etcd->lock);
		etcd->has_failed = true;
		pthread_cond_broadcast(&etcd->changed);
		pthread_mutex_unlock(&etcd->lock);
	}
	return NULL;
}

/* ---- its beginning ---- */

static bool refuse(struct store_problem *problem, int code, const char *text)
{
	problem->code = code;
	snprintf(problem->text, sizeof(problem->text), "%s", text);
	return false;
}

static bool make_member(struct member *member, const char *address,
			const struct pyr_proxy_options *options, struct store_problem *problem)
{
	struct pyr_proxy_options own = *options;
	char uri[4][ETCD_ENDPOINT_SIZE + 16];
	static const char *const ids[] = { "KV", "Lease", "Watch",
					   "Auth" }; /* etcd asks for none */
	size_t i;

	own.own_link = true;
	snprintf(member->address, sizeof(member->address), "%s", address);
	for (i = 0; i < 4; i++)
		snprintf(uri[i], sizeof(uri[i]), "PYRO:%s@%s", ids[i], address);
	member->kv = etcdserverpb_KV_proxy_with(uri[0], options);
	member->lease = etcdserverpb_Lease_proxy_with(uri[1], options);
	member->watch = etcdserverpb_Watch_proxy_with(uri[2], &own);
	member->auth = etcdserverpb_Auth_proxy_with(uri[3], options);
	if (member->kv && member->lease && member->watch && member->auth)
		return true;
	return refuse(problem, pyr_last_error()->code, pyr_last_error()->message);
}

static bool make_members(struct etcd *etcd, const struct etcd_options *options,
			 struct store_problem *problem)
{
	struct pyr_tls_options tls = { .ca = options->ca,
				       .cert = options->cert,
				       .key = options->key };
	struct pyr_key_options no_key = { .use = PYR_NO }; /* which etcd would not know */
	struct pyr_proxy_options way = { .connect_timeout_ms = CONNECT_MS,
					 .wait_ms = PYR_NONE,
					 .max_retries = PYR_NONE,
					 .plain = PYR_PLAIN_ONLY,
					 .key = &no_key };
	struct endpoints *endpoints = calloc(1, sizeof(*endpoints));
	bool is_good = endpoints && endpoints_read(options->endpoints, endpoints, problem);

	if (!endpoints)
		return refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (options->ca || options->cert || options->key)
		way.tls = &tls;
	if (is_good && !(etcd->members = calloc(endpoints->n, sizeof(*etcd->members))))
		is_good = refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	for (; is_good && etcd->n_members < endpoints->n; etcd->n_members++)
		is_good = make_member(&etcd->members[etcd->n_members],
				      endpoints->addresses[etcd->n_members], &way, problem);
	free(endpoints);
	return is_good;
}

static char *join(const char *a, const char *b)
{
	size_t n = strlen(a) + strlen(b) + 1;
	char *text = malloc(n);

	if (text)
		snprintf(text, n, "%s%s", a, b);
	return text;
}

static bool take_texts(struct etcd *etcd, const struct etcd_options *options,
		       struct store_problem *problem)
{
	bool has_user = options->user && options->user[0];

	if (!options->own_prefix || !options->own_prefix[0])
		return refuse(problem, PYR_INVALID_ARGUMENT, "own_prefix is empty");
	if (has_user != (options->password && options->password[0]))
		return refuse(problem, PYR_INVALID_ARGUMENT,
			      "etcd: a user needs a password, and a password a user");
	etcd->n_own_prefix = strlen(options->own_prefix);
	etcd->barrier_key = join(options->own_prefix, "barrier");
	etcd->mark_key = join(options->own_prefix, "mark");
	if (has_user) {
		etcd->user = join(options->user, "");
		etcd->password = join(options->password, "");
	}
	if (etcd->barrier_key && etcd->mark_key && (!has_user || (etcd->user && etcd->password)))
		return true;
	return refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

static void free_etcd(struct etcd *etcd)
{
	struct member *member;

	for (member = etcd->members; member && member < etcd->members + etcd->n_members; member++) {
		etcdserverpb_KV_free(member->kv);
		etcdserverpb_Lease_free(member->lease);
		etcdserverpb_Watch_free(member->watch);
		etcdserverpb_Auth_free(member->auth);
	}
	free(etcd->members);
	free(etcd->user);
	if (etcd->password)
		explicit_bzero(etcd->password, strlen(etcd->password));
	free(etcd->password);
	free(etcd->barrier_key);
	free(etcd->mark_key);
	pthread_cond_destroy(&etcd->changed);
	pthread_mutex_destroy(&etcd->lock);
	free(etcd);
}

static void init(struct etcd *etcd, const struct etcd_options *options)
{
	size_t i;

	pthread_mutex_init(&etcd->lock, NULL);
	pthread_cond_init(&etcd->changed, NULL);
	etcd->timeout_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
	calls_init(&etcd->inbox);
	calls_init(&etcd->queue);
	calls_init(&etcd->barriers);
	for (i = 0; i < LANES; i++) {
		etcd->lanes[i].etcd = etcd;
		calls_init(&etcd->lanes[i].waiting);
		calls_init(&etcd->lanes[i].sent);
	}
}

/* Returns when the main task runs. */
static bool begin(struct etcd *etcd, struct store_problem *problem)
{
	bool has_failed;

	if (pthread_create(&etcd->thread, NULL, run_thread, etcd) != 0)
		return refuse(problem, PYR_RESOURCE_EXHAUSTED, "no thread for etcd");
	pthread_mutex_lock(&etcd->lock);
	while (!etcd->main && !etcd->has_failed)
		pthread_cond_wait(&etcd->changed, &etcd->lock);
	has_failed = etcd->has_failed;
	pthread_mutex_unlock(&etcd->lock);
	if (!has_failed)
		return true;
	pthread_join(etcd->thread, NULL);
	return refuse(problem, PYR_RESOURCE_EXHAUSTED, "no memory for etcd's tasks");
}

struct etcd *etcd_open(const struct etcd_options *options, struct store_problem *problem)
{
	struct etcd *etcd = calloc(1, sizeof(*etcd));

	if (!etcd) {
		(void)refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	init(etcd, options);
	if (take_texts(etcd, options, problem) && make_members(etcd, options, problem) &&
	    begin(etcd, problem))
		return etcd;
	free_etcd(etcd);
	return NULL;
}

void etcd_close(struct etcd *etcd)
{
	if (!etcd)
		return;
	pthread_mutex_lock(&etcd->lock);
	etcd->is_closing = true;
	etcd_wake_locked(etcd);
	pthread_mutex_unlock(&etcd->lock);
	pthread_join(etcd->thread, NULL);
	free_etcd(etcd);
}

void etcd_last_seen(struct etcd *etcd, struct etcd_seen *ret)
{
	pthread_mutex_lock(&etcd->lock);
	*ret = etcd->seen;
	pthread_mutex_unlock(&etcd->lock);
}
