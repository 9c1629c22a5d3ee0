/* SPDX-License-Identifier: MIT */
/*
 * Threads of the program that run a method of a pool themselves. What such a thread has of a method
 * thread is lent to it, so that all which a method may do works as in any other; it never waits for
 * work.
 */
#include "exec/exec_own.h"

#include <stdlib.h>

/* With the lock. */
static struct worker *take_spare(struct executor *e)
{
	struct worker *w = e->spare_guests;

	if (w) {
		e->spare_guests = w->next;
		return w;
	}
	w = exec_new_worker(e);
	if (w)
		w->is_guest = true;
	return w;
}

static void put_spare(struct executor *e, struct worker *w)
{
	w->next = e->spare_guests;
	e->spare_guests = w;
}

void exec_free_spare_guests(struct executor *e)
{
	struct worker *w;

	while ((w = e->spare_guests)) {
		e->spare_guests = w->next;
		exec_free_worker(w);
	}
}

/* Who waits in the queue goes first. */
static bool has_place(const struct executor *e)
{
	return e->n_workers > 1 && e->n_threads > 0 && !e->is_stopping && !e->is_closed_to_guests &&
	       !e->ready && !e->jobs && exec_running(e) < e->n_workers;
}

bool exec_guest_enter(struct executor *e, struct exec_guest *guest)
{
	struct worker *w = NULL;

	pthread_mutex_lock(&e->lock);
	if (has_place(e) && (w = take_spare(e)) && !guest->admit(guest)) {
		put_spare(e, w);
		w = NULL;
	}
	if (w) {
		guest->worker = exec_self = w;
		guest->link = &e->guests;
		guest->next = e->guests;
		if (guest->next)
			guest->next->link = &guest->next;
		e->guests = guest;
		e->n_guests++;
		e->load++;
	}
	pthread_mutex_unlock(&e->lock);
	return w != NULL;
}

void exec_guest_leave(struct executor *e, struct exec_guest *guest)
{
	pthread_mutex_lock(&e->lock);
	exec_self = NULL;
	*guest->link = guest->next;
	if (guest->next)
		guest->next->link = guest->link;
	put_spare(e, guest->worker);
	guest->left(guest);
	e->n_guests--;
	if (--e->load == 0 && e->on_idle)
		e->on_idle(e->data);
	if (e->ready || e->jobs)
		exec_wake_one(e);
	if (e->is_stopping && e->n_guests == 0)
		pthread_cond_broadcast(&e->guests_left);
	pthread_mutex_unlock(&e->lock);
}

void exec_close_guests(struct executor *e)
{
	pthread_mutex_lock(&e->lock);
	e->is_closed_to_guests = true;
	pthread_mutex_unlock(&e->lock);
}

void exec_see_guests_off(struct executor *e)
{
	struct exec_guest *guest;

	for (guest = e->guests; guest; guest = guest->next)
		guest->cut(guest);
	while (e->n_guests > 0)
		pthread_cond_wait(&e->guests_left, &e->lock);
}

void exec_lock(struct executor *e)
{
	pthread_mutex_lock(&e->lock);
}

void exec_unlock(struct executor *e)
{
	pthread_mutex_unlock(&e->lock);
}
