/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_REFERENCES_OWN_H
#define PYRITE_REFERENCES_OWN_H
/* The tables of a link, as the files that keep them see them. */
#include "reference/references.h"

struct peer_references {
	pthread_mutex_t lock; /* guards the tables and what is in them; a leaf */
	struct idtab exports, imports;
};

/* With the peer's lock. NULL when memory is out. */
struct peer_references *references_tables(struct peer *peer);
/* Tells them. Without the tables' lock. */
void imports_tell(struct import_watch *list);
/* The link is gone: those to be told are moved to the list. With the tables' lock. */
void imports_lose(struct peer_references *tables, struct import_watch **list);
#endif
