/* SPDX-License-Identifier: MIT */
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

atomic_int nodes_alive;

static struct node *node_of(pyr_call *call)
{
	return pyr_call_data(call);
}

void node_init(struct node *node, const char *name)
{
	*node = (struct node){ .name = name };
	pthread_mutex_init(&node->lock, NULL);
}

void node_fini(struct node *node)
{
	refs_Node_free(node->kept);
	refs_Node_free(node->given);
	pyr_proxy_free(node->held);
	pyr_free(node->kept_any);
	pthread_mutex_destroy(&node->lock);
}

void node_released(void *data)
{
	struct node *node = data;

	atomic_fetch_add(&node->n_released, 1);
	if (!node->is_made)
		return;
	node_fini(node);
	free(node);
	atomic_fetch_sub(&nodes_alive, 1);
}

/* Looks again and again: what is waited for are counts and logs of methods and of releases, for
 * which the API has no event. */
static bool wait_until(bool (*is_so)(void *what), void *what)
{
	const struct timespec pause = { .tv_nsec = 500000 };
	int i;

	for (i = 0; i < 2 * NODE_PATIENCE_MS && !is_so(what); i++)
		nanosleep(&pause, NULL);
	return is_so(what);
}

struct reaching {
	atomic_int *number;
	int n;
};

static bool has_reached(void *what)
{
	struct reaching *reaching = what;

	return atomic_load(reaching->number) == reaching->n;
}

bool node_reaches(atomic_int *number, int n)
{
	struct reaching reaching = { number, n };

	return wait_until(has_reached, &reaching);
}

struct logging {
	struct node *node;
	const char *part;
};

static bool has_logged(void *what)
{
	struct logging *logging = what;
	bool has;

	pthread_mutex_lock(&logging->node->lock);
	has = strstr(logging->node->log, logging->part) != NULL;
	pthread_mutex_unlock(&logging->node->lock);
	return has;
}

bool node_logged(struct node *node, const char *part)
{
	struct logging logging = { node, part };

	return wait_until(has_logged, &logging);
}

/* ---- methods ---- */

static int name(pyr_call *call, const char **ret)
{
	*ret = node_of(call)->name;
	return 0;
}

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static int note(pyr_call *call, const char *text)
{
	struct node *node = node_of(call);
	size_t n;

	pthread_mutex_lock(&node->lock);
	n = strlen(node->log);
	snprintf(node->log + n, sizeof(node->log) - n, "%s;", text);
	pthread_mutex_unlock(&node->lock);
	return 0;
}

static int log_(pyr_call *call, const char **ret)
{
	struct node *node = node_of(call);

	pthread_mutex_lock(&node->lock);
	*ret = pyr_call_strdup(call, node->log);
	pthread_mutex_unlock(&node->lock);
	return 0;
}

static int refuse(pyr_call *call, const char *why)
{
	return refs_Node_raise_Refused(call, &(struct refs_Refused){ .why = why });
}

static int ask(pyr_call *call, struct refs_Node *other, int32_t x, int32_t y, int32_t *ret)
{
	return refs_Node_add(other, x, y, ret) < 0 ? pyr_pass(call) : 0;
}

static int ask_to_refuse(pyr_call *call, struct refs_Node *other, const char *why)
{
	return refs_Node_refuse(other, why) < 0 ? pyr_pass(call) : 0;
}

static void lost(pyr_proxy *proxy, void *data)
{
	struct node *node = data;

	atomic_fetch_add(&node->n_lost, proxy != NULL);
}

static int keep(pyr_call *call, struct refs_Node *other)
{
	struct node *node = node_of(call);
	struct refs_Node *before, *kept = other ? refs_Node_dup(other) : NULL;

	if (other && !kept)
		return pyr_pass(call);
	if (kept && pyr_proxy_on_lost(refs_Node_as_proxy(kept), lost, node) < 0) {
		int err = pyr_pass(call);

		refs_Node_free(kept);
		return err;
	}
	pthread_mutex_lock(&node->lock);
	before = node->kept;
	node->kept = kept;
	pthread_mutex_unlock(&node->lock);
	refs_Node_free(before);
	return 0;
}

static int let_go(pyr_call *call)
{
	return keep(call, NULL);
}

/* Another method may free what it keeps: the call gets its own. NULL: there is none. */
static struct refs_Node *lend(pyr_call *call, struct refs_Node *const *from)
{
	struct node *node = node_of(call);
	struct refs_Node *own;

	pthread_mutex_lock(&node->lock);
	own = *from ? refs_Node_dup(*from) : NULL;
	pthread_mutex_unlock(&node->lock);
	return own ? refs_Node_give(call, own) : NULL;
}

static int ask_kept(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	struct refs_Node *kept = lend(call, &node_of(call)->kept);

	return !kept || refs_Node_add(kept, x, y, ret) < 0 ? pyr_pass(call) : 0;
}

static int tell_kept(pyr_call *call, const char *text)
{
	struct refs_Node *kept = lend(call, &node_of(call)->kept);

	return !kept || refs_Node_note(kept, text) < 0 ? pyr_pass(call) : 0;
}

static int down(pyr_call *call, int32_t n, struct refs_Node *other, int32_t *ret)
{
	struct node *node = node_of(call);

	atomic_fetch_add(&node->n_deepest, 1);
	*ret = 0;
	if (n == 0)
		return 0;
	if (refs_Node_down(other, n - 1, node->self, ret) < 0)
		return pyr_pass(call);
	++*ret;
	return 0;
}

static int kept(pyr_call *call, struct refs_Node **ret)
{
	*ret = lend(call, &node_of(call)->kept);
	return 0;
}

static struct refs_Node *made(void)
{
	struct node *node = malloc(sizeof(*node));
	struct refs_Node *object;

	if (!node)
		return NULL;
	node_init(node, "made");
	node->is_made = true;
	atomic_fetch_add(&nodes_alive, 1);
	object = refs_Node_object(NULL, &node_methods, node, node_released);
	if (!object)
		node_released(node);
	return object;
}

static int make(pyr_call *call, const char *name_of_it, struct refs_Node **ret)
{
	(void)name_of_it;
	*ret = refs_Node_give(call, made());
	return *ret ? 0 : -PYR_RESOURCE_EXHAUSTED;
}

static int same(pyr_call *call, struct refs_Node *x, struct refs_Node **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int thing(pyr_call *call, pyr_object *x, pyr_object **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int plain(pyr_call *call, struct refs_Node *x, struct refs_Named **ret)
{
	(void)call;
	*ret = refs_Node_as_Named(x);
	return 0;
}

static int swap(pyr_call *call, struct refs_Node *x, struct refs_Node *y, struct refs_Node **ret_x,
		struct refs_Node **ret_z)
{
	(void)call;
	*ret_x = y;
	*ret_z = x;
	return 0;
}

static int get_favourite(pyr_call *call, struct refs_Node **ret)
{
	*ret = lend(call, &node_of(call)->given);
	return 0;
}

static int set_favourite(pyr_call *call, struct refs_Node *value)
{
	struct node *node = node_of(call);
	struct refs_Node *before;

	pthread_mutex_lock(&node->lock);
	before = node->given;
	node->given = value ? refs_Node_dup(value) : NULL;
	pthread_mutex_unlock(&node->lock);
	refs_Node_free(before);
	return 0;
}

static int card(pyr_call *call, const struct refs_Card *x, const struct refs_Card **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int choice(pyr_call *call, const struct refs_Choice *x, const struct refs_Choice **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int nodes(pyr_call *call, const struct refs_Node_seq *x, const struct refs_Node_seq **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int book(pyr_call *call, const struct pyr_string_refs_Node_map *x,
		const struct pyr_string_refs_Node_map **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int take(pyr_call *call, struct refs_Node *by)
{
	struct refs_Taken taken = { "taken", by ? by : node_of(call)->self };

	return refs_Node_raise_Taken(call, &taken);
}

static int ask_to_take(pyr_call *call, struct refs_Node *other, struct refs_Node *by)
{
	return refs_Node_take(other, by) < 0 ? pyr_pass(call) : 0;
}

static int makes(pyr_call *call, int32_t n, pyr_stream *stream)
{
	struct refs_Node *node;
	int err = 0;

	(void)call;
	while (n-- > 0 && err == 0) {
		node = made();
		if (!node)
			return -PYR_RESOURCE_EXHAUSTED;
		err = refs_Node_makes_yield(stream, node);
		refs_Node_free(node);
	}
	return err;
}

static int ask_all(pyr_call *call, int32_t x, pyr_stream *stream, int32_t *ret)
{
	struct refs_Node *other;
	int n;

	*ret = x;
	while ((n = refs_Node_ask_all_read(stream, &other)) > 0)
		if (refs_Node_add(other, *ret, 1, ret) < 0)
			return pyr_pass(call);
	return n;
}

static int cards(pyr_call *call, pyr_stream *stream)
{
	const struct refs_Card *card;
	int n;

	while ((n = refs_Node_cards_read(stream, &card)) > 0)
		if (refs_Node_cards_yield(stream, card) < 0)
			return pyr_pass(call);
	return n;
}

static int hang(pyr_call *call)
{
	struct node *node = node_of(call);

	atomic_fetch_add(&node->n_hanging, 1);
	while (pyr_sleep(NODE_PATIENCE_MS) == 0) /* a cancelled call ends the sleep */
		;
	atomic_fetch_sub(&node->n_hanging, 1);
	return -PYR_CANCELLED;
}

static int ask_to_hang(pyr_call *call, struct refs_Node *other)
{
	return refs_Node_hang(other) < 0 ? pyr_pass(call) : 0;
}

static int flocks(pyr_call *call, pyr_stream *stream, int32_t *ret)
{
	const struct refs_Node_seq *nodes;
	int n;

	(void)call;
	*ret = 0;
	while ((n = refs_Node_flocks_read(stream, &nodes)) > 0)
		*ret += (int32_t)nodes->n;
	return n;
}

static int echoes(pyr_call *call, pyr_stream *stream)
{
	const char *text;
	int n;

	(void)call;
	while ((n = refs_Node_echoes_read(stream, &text)) > 0)
		if ((n = refs_Node_echoes_yield(stream, text)) < 0)
			break;
	return n;
}

static int pour(struct node *node, int32_t n, int32_t size, pyr_stream *stream)
{
	struct pyr_bytes item = { (size_t)size, calloc(1, (size_t)size) };
	int32_t i;
	int err = item.items ? 0 : -PYR_RESOURCE_EXHAUSTED;

	for (i = 0; i < n && err == 0; i++) {
		memcpy(item.items, &i, sizeof(i));
		err = refs_Node_pours_yield(stream, &item);
		atomic_fetch_add(&node->n_poured, err == 0);
	}
	free(item.items);
	return err;
}

static int pours(pyr_call *call, int32_t n, int32_t size, const char *why, pyr_stream *stream)
{
	struct node *node = node_of(call);
	int err;

	atomic_fetch_add(&node->n_in_streams, 1);
	err = pour(node, n, size, stream);
	atomic_fetch_sub(&node->n_in_streams, 1);
	if (err == 0 && *why)
		return refs_Node_raise_Refused(call, &(struct refs_Refused){ .why = why });
	return err;
}

static int drinks(pyr_call *call, pyr_stream *stream, int32_t *ret)
{
	struct node *node = node_of(call);
	const struct pyr_bytes *item;
	int n = 0;

	atomic_fetch_add(&node->n_in_streams, 1);
	while (!atomic_load(&node->is_open) && pyr_sleep(1) == 0) /* another method opens it */
		;
	*ret = 0;
	while ((n = refs_Node_drinks_read(stream, &item)) > 0) {
		*ret += memcmp(item->items, ret, sizeof(*ret)) == 0;
		atomic_fetch_add(&node->n_drunk, 1);
	}
	atomic_fetch_sub(&node->n_in_streams, 1);
	return n;
}

static int passes(pyr_call *call, const pyr_any *x, const pyr_any **ret)
{
	(void)call;
	*ret = x;
	return 0;
}

static int keep_any(pyr_call *call, const pyr_any *x)
{
	struct node *node = node_of(call);
	pyr_any *before, *copy = pyr_any_dup(NULL, x);

	if (x && !copy)
		return pyr_pass(call);
	pthread_mutex_lock(&node->lock);
	before = node->kept_any;
	node->kept_any = copy;
	pthread_mutex_unlock(&node->lock);
	pyr_free(before);
	return 0;
}

static int kept_any(pyr_call *call, const pyr_any **ret)
{
	struct node *node = node_of(call);

	pthread_mutex_lock(&node->lock);
	*ret = pyr_any_dup(call, node->kept_any);
	pthread_mutex_unlock(&node->lock);
	return 0;
}

static int hold(pyr_call *call, pyr_object *x)
{
	struct node *node = node_of(call);
	pyr_object *before;

	pthread_mutex_lock(&node->lock);
	before = node->held;
	node->held = x ? pyr_proxy_dup(x) : NULL;
	pthread_mutex_unlock(&node->lock);
	pyr_proxy_free(before);
	return 0;
}

static int held(pyr_call *call, pyr_object **ret)
{
	struct node *node = node_of(call);

	pthread_mutex_lock(&node->lock);
	*ret = node->held;
	pthread_mutex_unlock(&node->lock);
	return 0;
}

const struct refs_Node_methods node_methods = {
	.name = name,
	.add = add,
	.note = note,
	.log = log_,
	.refuse = refuse,
	.ask = ask,
	.ask_to_refuse = ask_to_refuse,
	.keep = keep,
	.let_go = let_go,
	.ask_kept = ask_kept,
	.tell_kept = tell_kept,
	.down = down,
	.kept = kept,
	.make = make,
	.same = same,
	.perhaps = same,
	.thing = thing,
	.plain = plain,
	.swap = swap,
	.get_favourite = get_favourite,
	.set_favourite = set_favourite,
	.card = card,
	.choice = choice,
	.nodes = nodes,
	.book = book,
	.take = take,
	.ask_to_take = ask_to_take,
	.makes = makes,
	.ask_all = ask_all,
	.cards = cards,
	.flocks = flocks,
	.echoes = echoes,
	.pours = pours,
	.drinks = drinks,
	.passes = passes,
	.keep_any = keep_any,
	.kept_any = kept_any,
	.hold = hold,
	.held = held,
	.hang = hang,
	.ask_to_hang = ask_to_hang,
};

/* ---- a daemon ---- */

static void *run(void *data)
{
	struct node_place *place = data;

	return pyr_daemon_run(place->daemon) == 0 ? NULL : place;
}

bool node_open(struct node_place *place, const struct pyr_daemon_options *options)
{
	*place = (struct node_place){ .daemon = pyr_daemon_new(options) };
	node_init(&place->node, "server");
	place->uri = refs_Node_register(place->daemon, "node", &node_methods, &place->node);
	if (place->uri)
		place->node.self = refs_Node_object_of(place->daemon, "node");
	return place->node.self && pthread_create(&place->thread, NULL, run, place) == 0;
}

void node_close(struct node_place *place)
{
	pyr_daemon_stop(place->daemon);
	pthread_join(place->thread, NULL);
	refs_Node_free(place->node.self);
	pyr_daemon_free(place->daemon);
	node_fini(&place->node);
}
