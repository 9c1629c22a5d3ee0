/* SPDX-License-Identifier: MIT */
#ifndef E2E_NODE_H
#define E2E_NODE_H
/* A refs.Node, at either end. Waits end after NODE_PATIENCE_MS. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "refs.h"

enum { NODE_PATIENCE_MS = 20000 };

struct node {
	const char *name;
	pthread_mutex_t lock;
	char log[512];           /* lock */
	struct refs_Node *kept;  /* lock: owned */
	struct refs_Node *given; /* lock: owned, the favourite */
	struct refs_Node *self;  /* what others get of it, borrowed; NULL: what down() gets */
	pyr_object *held;        /* lock: owned */
	pyr_any *kept_any;       /* lock: owned */
	atomic_int n_released, n_deepest, n_lost, n_hanging;
	atomic_int n_in_streams; /* methods that pour or drink */
	atomic_int n_poured, n_drunk, is_open;
	bool is_made; /* by make(): freed when it is released */
};
extern const struct refs_Node_methods node_methods;
extern atomic_int nodes_alive; /* made by make() */

void node_init(struct node *node, const char *name);
void node_fini(struct node *node);
/* For I_object(). */
void node_released(void *data);

/* A daemon in a thread, with one of them registered as "node". */
struct node_place {
	struct node node;
	pyr_daemon *daemon;
	const char *uri;
	pthread_t thread;
};
bool node_open(struct node_place *place, const struct pyr_daemon_options *options);
void node_close(struct node_place *place);
/* Waits until *number is n. */
bool node_reaches(atomic_int *number, int n);
bool node_logged(struct node *node, const char *part);
#endif
