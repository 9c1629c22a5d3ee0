/* SPDX-License-Identifier: MIT */
#include "etcd_trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replica.h"

enum {
	REVOKED_MOST = 40, /* steps: of more removals their owners are not told */
	STEP_COMPARES = 4, /* that a step may need, */
	STEP_OPS = 2,      /* the same, */
	STEP_TEXTS = 9     /* the same */
};

/* What becomes of the record with the key. */
struct step {
	struct step *next, *prev;
	char *key;
	struct record *before, *after; /* owned; NULL: none */
	bool is_revoked;
};

static void free_step(struct step *step)
{
	free(step->key);
	free(step->before);
	free(step->after);
	free(step);
}

static void drop_steps(struct trial *trial)
{
	struct step *step;

	while ((step = trial->first) != NULL) {
		trial->first = step->next;
		free_step(step);
	}
	trial->last = NULL;
}

void trial_fini(struct trial *trial)
{
	drop_steps(trial);
	free(trial->leases);
}

bool trial_changes(const struct trial *trial)
{
	size_t i;

	for (i = 0; i < trial->n_leases; i++)
		if (trial->leases[i].was_gone)
			return true;
	return trial->first;
}

bool trial_is_empty(const struct trial *trial)
{
	return !trial->first && trial->n_leases == 0;
}

/* ---- trying ---- */

static struct step *find_step(const struct trial *trial, const char *key)
{
	struct step *step;

	for (step = trial->first; step; step = step->next)
		if (strcmp(step->key, key) == 0)
			break;
	return step;
}

/* The key's, a new one if it has none. NULL: memory is out. */
static struct step *step_of(struct trial *trial, struct store *memory, const char *key)
{
	const struct record *before = memory->kind->find(memory, key);
	struct step *step = find_step(trial, key);

	if (step)
		return step;
	step = calloc(1, sizeof(*step));
	if (!step)
		return NULL;
	step->key = strdup(key);
	step->before = before ? record_copy(before) : NULL;
	step->after = before ? record_copy(before) : NULL;
	if (!step->key || (before && (!step->before || !step->after))) {
		free_step(step);
		return NULL;
	}
	step->prev = trial->last;
	if (step->prev)
		step->prev->next = step;
	else
		trial->first = step;
	trial->last = step;
	return step;
}

bool trial_put(struct trial *trial, struct store *memory, const struct record *record)
{
	struct record *after = record_copy(record);
	struct step *step = after ? step_of(trial, memory, after->key) : NULL;

	if (!step || !memory->kind->put(memory, record)) {
		free(after);
		return false;
	}
	free(step->after);
	step->after = after;
	step->is_revoked = false;
	return true;
}

bool trial_remove(struct trial *trial, struct store *memory, const char *key, bool is_revoked)
{
	struct step *step = step_of(trial, memory, key);

	if (!step || !memory->kind->remove(memory, key, 0, is_revoked))
		return false;
	free(step->after);
	step->after = NULL;
	step->is_revoked = is_revoked;
	return true;
}

static struct owned_lease lease_of(const struct record *record)
{
	struct owned_lease lease = { .id = etcd_lease_id(record->secret, record->ttl_ms),
				     .ttl_s = (record->ttl_ms + 999) / 1000,
				     .was_gone = record->is_orphan };

	etcd_owner(lease.owner, record->secret);
	return lease;
}

static bool is_as_before(const struct trial *trial, const struct record *record)
{
	return trial->at < trial->n_leases && trial->ttl_ms == record->ttl_ms &&
	       memcmp(trial->secret, record->secret, SECRET_SIZE) == 0;
}

/* Where the lease is among those to be renewed. Returns false when memory is out. */
static bool place_lease(struct trial *trial, const struct record *record)
{
	struct owned_lease lease = lease_of(record), *leases;
	size_t i;

	for (i = 0; i < trial->n_leases && trial->leases[i].id != lease.id; i++)
		;
	if (i == trial->n_leases) {
		leases = realloc(trial->leases, (i + 1) * sizeof(leases[0]));
		if (!leases)
			return false;
		trial->leases = leases;
		leases[trial->n_leases++] = lease;
	}
	memcpy(trial->secret, record->secret, SECRET_SIZE);
	trial->ttl_ms = record->ttl_ms;
	trial->at = i;
	return true;
}

void trial_renew(struct trial *trial, const struct record *record)
{
	if (record->ttl_ms == 0 || record->is_own)
		return;
	if (is_as_before(trial, record) || place_lease(trial, record))
		trial->leases[trial->at].was_gone |= record->is_orphan;
}

static void put_back(struct store *memory, const struct step *step)
{
	if (step->before)
		(void)memory->kind->put(memory, step->before);
	else
		(void)memory->kind->remove(memory, step->key, 0, false);
}

void trial_take_back(struct trial *trial, struct store *memory)
{
	struct step *step;

	for (step = trial->last; step; step = step->prev)
		put_back(memory, step);
	drop_steps(trial);
	free(trial->leases);
	trial->leases = NULL;
	trial->n_leases = 0;
}

struct owned_lease *trial_take_leases(struct trial *trial, size_t *n)
{
	struct owned_lease *leases = trial->leases;

	*n = trial->n_leases;
	trial->leases = NULL;
	trial->n_leases = 0;
	return leases;
}

/* ---- the transaction ---- */

/* One that is put together. */
struct writer {
	struct trial_message *message;
	const struct trial *trial;
	struct replica *replica;
	const char *prefix;
	bool has_failed; /* memory is out */
};

/* text: taken; NULL: memory is out. */
static struct etcd_bytes keep(struct writer *w, char *text)
{
	w->has_failed |= !text;
	if (!text)
		return (struct etcd_bytes){ "", 0 };
	w->message->texts[w->message->n_texts++] = text;
	return (struct etcd_bytes){ text, strlen(text) };
}

static struct etcd_bytes key_of(struct writer *w, char kind, const char *key)
{
	char text[ETCD_KEY_SIZE];

	(void)etcd_key(text, w->prefix, kind, key);
	return keep(w, strdup(text));
}

static void compare(struct writer *w, char kind, const char *key, uint64_t revision)
{
	w->message->compares[w->message->n_compares++] = (struct etcd_compare){
		.kind = ETCD_MOD_IS, .key = key_of(w, kind, key), .revision = revision
	};
}

static void op(struct writer *w, char kind, const char *key, char *value, int64_t lease)
{
	struct etcd_op *made = &w->message->ops[w->message->n_ops++];

	*made = (struct etcd_op){ .kind = ETCD_PUT, .key = key_of(w, kind, key), .lease = lease };
	made->value = keep(w, value);
}

static void op_delete(struct writer *w, char kind, const char *key)
{
	w->message->ops[w->message->n_ops++] =
		(struct etcd_op){ .kind = ETCD_DELETE, .key = key_of(w, kind, key) };
}

static const char *name_of(const struct step *step)
{
	return step->before ? step->before->name : step->after->name;
}

static bool is_deed(const struct step *step)
{
	return step->key[0] == ' ';
}

static bool is_first_of_name(const struct trial *trial, const struct step *step)
{
	const struct step *other;

	for (other = trial->first; other && other != step; other = other->next)
		if (!is_deed(other) && strcmp(name_of(other), name_of(step)) == 0)
			return false;
	return true;
}

/* That nobody registered the name meanwhile. */
static void compare_records(struct writer *w, const struct step *step)
{
	char key[REGISTRY_KEY_SIZE];
	struct etcd_compare below = { .kind = ETCD_MOD_BELOW,
				      .revision = replica_revision(w->replica) + 1 };

	below.key = key_of(w, 'n', name_of(step));
	snprintf(key, sizeof(key), "%s!", name_of(step)); /* what follows ' ' */
	below.end = key_of(w, 'n', key);
	w->message->compares[w->message->n_compares++] = below;
}

/* The same, and whose it is. */
static void compare_name(struct writer *w, const struct step *step)
{
	struct store *memory = replica_store(w->replica);
	char key[REGISTRY_KEY_SIZE];
	const struct record *deed;

	compare_records(w, step);
	snprintf(key, sizeof(key), " %s", name_of(step));
	deed = memory->kind->find(memory, key);
	if (!find_step(w->trial, key))
		compare(w, 'n', key, deed ? deed->generation : 0);
}

/* It was taken from an owner who is gone: he must be so still. */
static void compare_owner(struct writer *w, const struct step *step)
{
	const struct record *before = step->before, *after = step->after;
	char owner[OWNER_TEXT];

	if (!before || !before->is_orphan ||
	    (after && registry_knows_secret(before->secret, after->secret)))
		return;
	etcd_owner(owner, before->secret);
	compare(w, 'g', owner, replica_gone(w->replica, before->secret));
}

/* Who registers a name is there again, and one that somebody else has changed for an owner who is
 * gone does not live longer by it. */
static void write_put(struct writer *w, const struct step *step)
{
	const struct record *after = step->after;
	struct owned_lease lease = { 0 };

	if (after->ttl_ms > 0)
		lease = lease_of(after);
	op(w, 'n', step->key, etcd_value(after), lease.id);
	if (!lease.id || after->is_orphan)
		return;
	w->message->lease = lease;
	if (replica_gone(w->replica, after->secret) > 0)
		op_delete(w, 'g', lease.owner);
}

static void compare_step(struct writer *w, const struct step *step)
{
	bool is_first = is_first_of_name(w->trial, step);

	/* etcd takes 128 compares, and a name may have many records that go: they are no others
	 * than they were, or gone, if the name has no newer ones */
	if (step->after || is_first || is_deed(step))
		compare(w, 'n', step->key, step->before ? step->before->generation : 0);
	if (!is_deed(step))
		compare_owner(w, step);
	if (!is_deed(step) && is_first)
		compare_name(w, step);
	else if (is_deed(step) && !step->after && is_first) /* of none, so it is not registered */
		compare_records(w, step);
}

static void write_step(struct writer *w, const struct step *step, bool tells)
{
	if (!step->before && !step->after)
		return;
	compare_step(w, step);
	if (step->after) {
		write_put(w, step);
		return;
	}
	/* first, so that those who watch know why the other is gone */
	if (tells && step->is_revoked && step->before->ttl_ms > 0)
		op(w, 'r', step->key, etcd_secret_value(step->before->secret),
		   lease_of(step->before).id);
	op_delete(w, 'n', step->key);
}

static void note_subject(struct writer *w)
{
	const struct step *first = w->trial->first, *step;
	size_t i;

	for (i = 0; i < w->trial->n_leases; i++)
		if (w->trial->leases[i].was_gone)
			return;
	for (step = first; step; step = step->next)
		if (!(step->before || step->after) || strcmp(name_of(step), name_of(first)) != 0)
			return;
	w->message->subject = first ? keep(w, strdup(name_of(first))).p : NULL;
}

static struct trial_message *new_message(size_t n)
{
	struct trial_message *message = calloc(1, sizeof(*message));

	if (!message)
		return NULL;
	message->compares = calloc(n * STEP_COMPARES + 1, sizeof(message->compares[0]));
	message->ops = calloc(n * STEP_OPS + 1, sizeof(message->ops[0]));
	message->texts = calloc(n * STEP_TEXTS + 2, sizeof(message->texts[0]));
	if (message->compares && message->ops && message->texts)
		return message;
	trial_message_free(message);
	return NULL;
}

struct trial_message *trial_message(const struct trial *trial, struct replica *replica,
				    const char *prefix)
{
	struct writer w = { .trial = trial, .replica = replica, .prefix = prefix };
	const struct step *step;
	size_t i, n = 0;

	for (step = trial->first; step; step = step->next)
		n++;
	w.message = new_message(n + trial->n_leases);
	if (!w.message)
		return NULL;
	for (step = trial->first; step; step = step->next)
		write_step(&w, step, n <= REVOKED_MOST);
	for (i = 0; i < trial->n_leases; i++)
		if (trial->leases[i].was_gone)
			op_delete(&w, 'g', trial->leases[i].owner);
	note_subject(&w);
	if (!w.has_failed)
		return w.message;
	trial_message_free(w.message);
	return NULL;
}

void trial_message_free(struct trial_message *message)
{
	size_t i;

	if (!message)
		return;
	for (i = 0; i < message->n_texts; i++)
		free(message->texts[i]);
	free(message->texts);
	free(message->compares);
	free(message->ops);
	free(message);
}
