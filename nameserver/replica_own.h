/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_REPLICA_OWN_H
#define PYRITE_NS_REPLICA_OWN_H
/* The replica from the inside: replica_read.c has etcd's thread, replica.c the owner's. */
#include <pthread.h>

#include "replica.h"

/* What is under one key: in a page, or after an event. */
struct item {
	char kind;             /* 'n', 'r' or 'g' */
	bool is_gone;          /* it was deleted, or is as good as that */
	uint64_t revision;     /* its mod_revision */
	struct record *record; /* of 'n'; owned; NULL: gone */
	uint8_t secret[SECRET_SIZE];
	char *key; /* without prefix and kind; owned */
};

/* What came together. */
struct part {
	struct part *next;
	enum { PART_NEWS, PART_PAGE, PART_CHECK } kind;
	bool is_first, is_last; /* of the pages of all */
	bool has_keys;          /* of a check: and nothing else */
	char *from, *to; /* of a page: it has all keys after from and up to to, with their kinds;
			    owned. from "": from the first; to NULL: up to the last */
	uint64_t revision;
	size_t cost;  /* in memory, in the queue */
	size_t n, at; /* at: those before have been taken over */
	struct item items[];
};

/* An owner who is gone. */
struct gone {
	char owner[OWNER_TEXT]; /* first */
	uint8_t secret[SECRET_SIZE];
	uint64_t revision;
};

struct replica {
	struct replica_options options;
	char prefix[ETCD_PREFIX_MAX + 1];
	/* etcd's thread's; of the owner's, when nothing is being read: */
	uint64_t queued;        /* the revision of the last news */
	char *read_from;        /* where reading goes on; owned; NULL: at the beginning */
	uint64_t read_revision; /* 0: at the newest */
	pthread_mutex_t lock;   /* what follows */
	struct etcd_watch *watch;
	struct part *first, **last;
	size_t n_bytes;               /* what those of the queue take */
	bool news_pause, pages_pause; /* as they take too much: there is no watch, or no page is
					 asked for, until the owner's thread has taken some */
	bool is_stopping, is_reading; /* from the beginning */
	bool is_checking, has_failed;
	bool may_go_on; /* what failed may be read from read_from on, not from the beginning */
	size_t n_read;  /* pages, since reading began at the beginning */
	char trouble[ETCD_TEXT_SIZE]; /* why reading failed the last time */
	/* the owner's thread's: */
	struct store *store;
	store_change_cb on_change;
	void *change_data;
	void *gone;
	uint64_t revision;
	struct part *check; /* a page that was read again, until it can be compared; owned */
	char *check_from, *check_to; /* as of a part; while one is read, only read */
	int64_t checked_ms;
	bool checks_values; /* as keys differed */
};

/* ---- replica_read.c ---- */

/* Reads all names from the beginning on, and watches from there. */
void replica_read(struct replica *replica);
void replica_free_part(struct part *part);
/* What pauses goes on, if there is room in the queue. */
void replica_go_on(struct replica *replica);
#endif
