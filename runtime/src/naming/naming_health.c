/* SPDX-License-Identifier: MIT */
#include "naming/naming_health.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "naming/naming_server.h"

enum {
	MAX_KNOWN = 64,
	LAST_PAUSE_MS = 30000,
	STEADY_MS = 10000,  /* one that goes down again sooner than this comes and goes */
	PING_MS = 2000,     /* an answer is waited for */
	WANTED_MS = 60000,  /* so long after somebody asked for it */
	FIRST_LOOK_MS = 10, /* for the answer of a ping */
	LAST_LOOK_MS = 160,
	MAX_LISTENERS = 2
};

/* One that is down, or was. */
struct health {
	struct health *next;
	bool is_down;
	int64_t at;                      /* of the next ping */
	uint32_t first_ms;               /* it was before the first one */
	uint32_t pause_ms;               /* before that ping */
	int64_t up_at;                   /* when it came back last; 0: never */
	int64_t asked;                   /* when somebody asked for it last */
	struct pyrite_NameServer *proxy; /* for pings */
	pyr_future *ping;                /* on its way; NULL: none is */
	char address[];
};

static void fire(struct engine_timer *timer);

static struct {
	pthread_mutex_t lock;
	struct health *first;
	unsigned n;
	atomic_uint n_down;
	atomic_int n_waiting;
	struct engine_timer timer;
	uint32_t first_pause_ms, look_ms;
	void (*listeners[MAX_LISTENERS])(void);
	unsigned n_listeners;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .timer.fire = fire, .first_pause_ms = 1000 };

void health_on_change(void (*fn)(void))
{
	if (all.n_listeners < MAX_LISTENERS)
		all.listeners[all.n_listeners++] = fn;
}

void health_set_pause(uint32_t ms)
{
	pthread_mutex_lock(&all.lock);
	all.first_pause_ms = ms;
	pthread_mutex_unlock(&all.lock);
}

static void tell(void)
{
	unsigned i;

	for (i = 0; i < all.n_listeners; i++)
		all.listeners[i]();
}

static struct health *find(const char *address)
{
	struct health *health;

	for (health = all.first; health; health = health->next)
		if (strcmp(health->address, address) == 0)
			break;
	return health;
}

/* Stops pinging it. */
static void rest(struct health *health)
{
	pyr_future_free(health->ping);
	health->ping = NULL;
	pyrite_NameServer_free(health->proxy);
	health->proxy = NULL;
}

static void set_up(struct health *health)
{
	if (health->is_down)
		atomic_fetch_sub(&all.n_down, 1);
	health->is_down = false;
	health->up_at = engine_now();
}

/* Makes room for another. */
static void forget_one(void)
{
	struct health **place, **oldest = &all.first, *health;

	for (place = &all.first; *place; place = &(*place)->next)
		if ((*place)->asked < (*oldest)->asked)
			oldest = place;
	health = *oldest;
	*oldest = health->next;
	all.n--;
	set_up(health);
	rest(health);
	free(health);
}

static struct health *find_or_make(const char *address)
{
	struct health *health = find(address);

	if (health)
		return health;
	if (all.n == MAX_KNOWN)
		forget_one();
	health = calloc(1, sizeof(*health) + strlen(address) + 1);
	if (!health)
		return NULL;
	strcpy(health->address, address);
	health->next = all.first;
	all.first = health;
	all.n++;
	return health;
}

static void look_at(int64_t at)
{
	all.look_ms = FIRST_LOOK_MS;
	/* without memory it is looked at when somebody asks for it */
	(void)engine_timer_set(&all.timer, at);
}

bool health_is_up(const char *address)
{
	struct health *health;
	bool is_up;

	if (atomic_load_explicit(&all.n_down, memory_order_relaxed) == 0)
		return true;
	pthread_mutex_lock(&all.lock);
	health = find(address);
	is_up = !health || !health->is_down;
	if (health) {
		health->asked = engine_now();
		if (!is_up && !health->ping && health->asked >= health->at)
			look_at(health->asked); /* nobody had asked for long */
	}
	pthread_mutex_unlock(&all.lock);
	return is_up;
}

static uint32_t twice(uint32_t ms)
{
	return ms < LAST_PAUSE_MS / 2 ? 2 * ms : LAST_PAUSE_MS;
}

/* For how long it is left alone: longer each time if it comes and goes, because all that goes there
 * moves to and fro with it. */
static uint32_t first_pause(const struct health *health)
{
	int64_t since = engine_now() - health->up_at;

	return health->up_at && since < STEADY_MS * (int64_t)ENGINE_MS ? twice(health->first_ms)
								       : all.first_pause_ms;
}

void health_down(const char *address)
{
	struct health *health;
	bool is_news = false;

	pthread_mutex_lock(&all.lock);
	health = find_or_make(address);
	if (health && !health->is_down) {
		health->first_ms = health->pause_ms = first_pause(health);
		health->is_down = is_news = true;
		health->asked = engine_now();
		health->at = engine_until(health->pause_ms);
		atomic_fetch_add(&all.n_down, 1);
		look_at(engine_now());
	}
	pthread_mutex_unlock(&all.lock);
	if (is_news)
		tell();
}

void health_up(const char *address)
{
	struct health *health;
	bool is_news;

	if (atomic_load_explicit(&all.n_down, memory_order_relaxed) == 0)
		return;
	pthread_mutex_lock(&all.lock);
	health = find(address);
	is_news = health && health->is_down;
	if (is_news) {
		set_up(health);
		rest(health);
	}
	pthread_mutex_unlock(&all.lock);
	if (is_news)
		tell();
}

void health_hurry(const char *address)
{
	struct health *health;

	pthread_mutex_lock(&all.lock);
	health = find(address);
	if (health && health->is_down && !health->ping) {
		health->asked = health->at = engine_now();
		look_at(health->at);
	}
	pthread_mutex_unlock(&all.lock);
}

void health_wait(int n)
{
	atomic_fetch_add(&all.n_waiting, n);
}

/* ---- pings, in the runtime's thread ---- */

static void start_ping(struct health *health)
{
	if (!health->proxy)
		health->proxy = naming_proxy(health->address, PING_MS, 0);
	if (health->proxy)
		health->ping = pyrite_NameServer_ping_start(health->proxy);
	all.look_ms = FIRST_LOOK_MS;
}

/* Returns whether it is up. */
static bool take_ping(struct health *health)
{
	pyr_future *ping = health->ping;
	bool is_up;

	health->ping = NULL;
	is_up = pyrite_NameServer_ping_get(ping) == 0 || pyr_last_error()->remote;
	if (is_up) {
		set_up(health);
		rest(health);
		return true;
	}
	health->pause_ms = twice(health->pause_ms);
	health->at = engine_until(health->pause_ms);
	return false;
}

/* Returns when to look again; ENGINE_FOREVER: when somebody asks for it. */
static int64_t look(struct health *health, int64_t now, bool *ret_news)
{
	if (!health->is_down)
		return ENGINE_FOREVER;
	if (health->ping && pyr_future_is_ready(health->ping) && take_ping(health)) {
		*ret_news = true;
		return ENGINE_FOREVER;
	}
	if (!health->ping && now >= health->at) {
		if (now - health->asked > WANTED_MS * (int64_t)ENGINE_MS &&
		    atomic_load(&all.n_waiting) == 0) {
			rest(health);
			return ENGINE_FOREVER;
		}
		start_ping(health);
		if (!health->ping)
			health->at = engine_until(health->pause_ms);
	}
	return health->ping ? engine_until(all.look_ms) : health->at;
}

static void fire(struct engine_timer *timer)
{
	int64_t next = ENGINE_FOREVER, at, now = engine_now();
	struct health *health;
	bool is_news = false;

	pthread_mutex_lock(&all.lock);
	for (health = all.first; health; health = health->next) {
		at = look(health, now, &is_news);
		next = at < next ? at : next;
	}
	if (all.look_ms < LAST_LOOK_MS)
		all.look_ms *= 2;
	if (next != ENGINE_FOREVER)
		(void)engine_timer_set(timer, next);
	pthread_mutex_unlock(&all.lock);
	if (is_news)
		tell();
}
