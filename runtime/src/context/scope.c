/* SPDX-License-Identifier: MIT */
#include "context/scope.h"

static _Thread_local struct scope *current;

void scope_init(struct scope *scope, const struct scope_kind *kind, const uint8_t *chain)
{
	scope->kind = kind;
	scope->chain = chain;
	scope->correlation_id = scope->traceparent = "";
	pthread_mutex_init(&scope->lock, NULL);
}

void scope_fini(struct scope *scope)
{
	pthread_mutex_destroy(&scope->lock);
}

struct scope *scope_current(void)
{
	return current;
}

struct scope *scope_enter(struct scope *scope)
{
	struct scope *before = current;

	current = scope;
	return before;
}

void scope_add(struct scope_item *item)
{
	struct scope *outer = current;

	if (!outer)
		return;
	outer->kind->ref(outer);
	item->outer = outer;
	pthread_mutex_lock(&outer->lock);
	item->next = atomic_load(&outer->items);
	atomic_store(&outer->items, item);
	pthread_mutex_unlock(&outer->lock);
}

/* With the lock. */
static void take_out(struct scope *outer, struct scope_item *item)
{
	struct scope_item *at = atomic_load(&outer->items);

	if (at == item) {
		atomic_store(&outer->items, item->next);
		return;
	}
	while (at->next != item)
		at = at->next;
	at->next = item->next;
}

void scope_remove(struct scope_item *item)
{
	struct scope *outer = item->outer;

	if (!outer)
		return;
	item->outer = NULL;
	pthread_mutex_lock(&outer->lock);
	take_out(outer, item);
	pthread_mutex_unlock(&outer->lock);
	outer->kind->unref(outer);
}

bool scope_is_revoked(const struct scope_item *item)
{
	return item->outer && atomic_load(&item->outer->is_cancelled);
}

static void cancel_all(struct engine_hook *hook)
{
	struct scope *scope = (struct scope *)((char *)hook - offsetof(struct scope, cancel_items));
	struct scope_item *item;

	pthread_mutex_lock(&scope->lock);
	for (item = atomic_load(&scope->items); item; item = item->next)
		item->cancel(item);
	pthread_mutex_unlock(&scope->lock);
	scope->kind->unref(scope);
}

bool scope_cancel(struct scope *scope)
{
	if (atomic_exchange(&scope->is_cancelled, true))
		return false;
	if (!atomic_load(&scope->items))
		return true;
	scope->kind->ref(scope);
	scope->cancel_items.run = cancel_all;
	engine_before_poll(&scope->cancel_items);
	return true;
}
