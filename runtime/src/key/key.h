/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_KEY_H
#define PYRITE_KEY_H
/*
 * Shared keys: who has one proves it to who has it, too, without saying it (HMAC-SHA256 of what
 * both ends have chosen at random). Settings say where keys come from and are read again when that
 * changes; a ring is what they say at one moment, and what a proof is made with. No sockets and no
 * engine in here. Any thread.
 */
#include <pyrite/key.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	KEYS_MAX = 8,      /* of one end */
	KEY_LEAST = 16,    /* bytes of a key */
	KEY_MOST = 128,    /* the same */
	KEY_NAME_MAX = 64, /* bytes of its name */
	KEY_NONCE = 32,
	KEY_ID = 8,
	KEY_PROOF = 32,
	KEY_BOND = 32
};

struct key_problem {
	int code; /* enum pyr_status */
	char text[512];
};

/* ---- rings ---- */

struct key_ring;

/* Reads what a file of keys holds. called: the file, for messages. Returns one reference; NULL with
 * *problem told. */
struct key_ring *key_ring_parse(const char *text, size_t n, const char *called,
				struct key_problem *problem);
struct key_ring *key_ring_ref(struct key_ring *ring);
void key_ring_unref(struct key_ring *ring); /* the last wipes it; NULL: nothing */
bool key_ring_is_same(const struct key_ring *a, const struct key_ring *b);
/* What tells keys apart and does not tell them, KEY_ID bytes each. Returns how many bytes. */
size_t key_ring_ids(const struct key_ring *ring, uint8_t ret[KEYS_MAX * KEY_ID]);
/* The first of the ring's keys that is among ids; -1: none is. */
int key_ring_find(const struct key_ring *ring, struct span ids);
struct span key_ring_id(const struct key_ring *ring, int key);
/* The secret itself, for a protocol that proves it in a way of its own. Borrowed. */
struct span key_ring_secret(const struct key_ring *ring, int key);
/* "key:NAME". */
const char *key_ring_identity(const struct key_ring *ring, int key);

/* ---- proofs ---- */

enum key_role { KEY_SERVER = 1, KEY_CLIENT };

/* What a proof is of. */
struct key_facts {
	const uint8_t *client, *server; /* nonces: KEY_NONCE bytes */
	uint32_t versions[4];           /* lowest and highest, of client and server */
	bool is_bound;                  /* to a connection of TLS, */
	uint8_t bond[KEY_BOND];         /* by this */
};
/* Returns false when OpenSSL cannot. */
bool key_prove(const struct key_ring *ring, int key, enum key_role role,
	       const struct key_facts *facts, uint8_t ret[KEY_PROOF]);
/* Whether proof is that one. Takes as long whatever is wrong with it. */
bool key_is_proved(const struct key_ring *ring, int key, enum key_role role,
		   const struct key_facts *facts, struct span proof);

/* ---- settings ---- */

struct key_settings;

/* Reads keys. options: NULL: what the environment says. Returns one reference; NULL with *problem
 * told. */
struct key_settings *key_settings_new(const struct pyr_key_options *options,
				      struct key_problem *problem);
/* The same for proxies: those whose options are equal share one. */
struct key_settings *key_settings_share(const struct pyr_key_options *options,
					struct key_problem *problem);
struct key_settings *key_settings_ref(struct key_settings *keys); /* NULL: NULL */
void key_settings_unref(struct key_settings *keys);               /* NULL: nothing */
/* Whether the environment has a key, or says where there is one. */
bool key_settings_is_default(void);
/* They are the environment's. */
bool key_settings_is_environments(const struct key_settings *keys);
/* The ring of now, counted. Looks at the file once a second at most; if that will not do, the log
 * says so, once, and the old ring stays. */
struct key_ring *key_settings_ring(struct key_settings *keys);
/* From now on what these options say; NULL: what the file says now. Returns 0; minus a status with
 * *problem told and all as before. */
int key_settings_update(struct key_settings *keys, const struct pyr_key_options *options,
			struct key_problem *problem);
struct audit;
/* Where changes of the file are told, before others have the keys. NULL: nowhere; keys: may be
 * NULL.
 */
void key_settings_set_audit(struct key_settings *keys, struct audit *audit);
/* Somebody has proved nothing, or was not believed: text says who and why. The log is told once a
 * second at most. */
void key_settings_refused(struct key_settings *keys, const char *text);
#endif
