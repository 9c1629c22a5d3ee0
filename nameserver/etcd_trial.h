/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_ETCD_TRIAL_H
#define PYRITE_NS_ETCD_TRIAL_H
/*
 * Changes that are tried on a replica: written down, so that they can be taken back, and made a
 * transaction of. Also which leases are to be renewed, and which owners' leases are known.
 */
#include "etcd/etcd.h"
#include "etcd_record.h"
#include "expiry.h"

struct replica;

/* A lease, and whose. */
struct owned_lease {
	int64_t id;
	int64_t ttl_s;
	char owner[OWNER_TEXT];
	bool was_gone; /* its owner */
};

struct step;

/* Of zeros. */
struct trial {
	struct step *first, *last;  /* oldest first; NULL: none */
	struct owned_lease *leases; /* each once */
	size_t n_leases;
	/* Whose the last one is that was renewed, as one owner's names come together. */
	uint8_t secret[SECRET_SIZE];
	uint32_t ttl_ms;
	size_t at; /* of leases */
};

void trial_fini(struct trial *trial);
bool trial_is_empty(const struct trial *trial);
/* Whether there is something to be changed, and not renewed alone. */
bool trial_changes(const struct trial *trial);

/* memory: the replica's. Return as of a store. */
bool trial_put(struct trial *trial, struct store *memory, const struct record *record);
bool trial_remove(struct trial *trial, struct store *memory, const char *key, bool is_revoked);
/* One that memory is out for is renewed another time. */
void trial_renew(struct trial *trial, const struct record *record);
/* The memory is as it was, and the trial empty. */
void trial_take_back(struct trial *trial, struct store *memory);

/* A transaction. */
struct trial_message {
	struct etcd_compare *compares;
	struct etcd_op *ops;
	size_t n_compares, n_ops;
	struct owned_lease lease; /* of what is put; id 0: none */
	const char *subject;      /* the one name that it is about; NULL: it is about several */
	char **texts;             /* of all keys and values; owned */
	size_t n_texts;
};
/* What the trial changes, and all that it was built upon, as the replica knows it. Returns: owned;
 * NULL when memory is out. */
struct trial_message *trial_message(const struct trial *trial, struct replica *replica,
				    const char *prefix);
void trial_message_free(struct trial_message *message);
/* Those that are to be renewed. Owned, free(). */
struct owned_lease *trial_take_leases(struct trial *trial, size_t *n);

/* ---- leases that are known to be there, one for each owner, the last one ---- */

struct owner_leases {
	void *root;
	struct expiry expiry;
};

void owner_leases_fini(struct owner_leases *leases);
bool owner_leases_has(const struct owner_leases *leases, const struct owned_lease *lease);
/* Whether it has just been renewed: an owner of many names renews them in several calls. */
bool owner_leases_is_fresh(const struct owner_leases *leases, const struct owned_lease *lease,
			   int64_t now_ms);
/* Those whose time is over are forgotten before. */
bool owner_leases_is_full(struct owner_leases *leases, int64_t now_ms);
/* It is there, for its time from now on. */
void owner_leases_note(struct owner_leases *leases, const struct owned_lease *lease,
		       int64_t now_ms);
void owner_leases_drop(struct owner_leases *leases, const struct owned_lease *lease);
/* The owner's; 0: none is known. */
int64_t owner_leases_of(const struct owner_leases *leases, const char owner[OWNER_TEXT]);
#endif
