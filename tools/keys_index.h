/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_KEYS_INDEX_H
#define PYRITE_KEYS_INDEX_H
/*
 * ca/index: every certificate that was ever issued, a line each: serial, name, kind, not after,
 * when it was revoked or "-", separated by tabs. Lines are only added, and marked as revoked.
 */
#include <time.h>

#include "keys_files.h"
#include "keys_names.h"

/* Who the certificate is for: a server, which makes calls as well, or one that only calls. */
enum keys_kind { KEYS_SERVER, KEYS_CLIENT };

enum { KEYS_SERIAL = 33, KEYS_TIME = 32 };

struct keys_row {
	char serial[KEYS_SERIAL]; /* 32 hexadecimal digits */
	char name[KEYS_NAME_BYTES + 1];
	enum keys_kind kind;
	time_t not_after, revoked; /* revoked: 0 if it is not */
};

struct keys_index {
	struct keys_row *rows;
	size_t n;
};

const char *keys_kind_text(enum keys_kind kind);
/* As 2026-11-29T23:05:00Z. */
void keys_time_text(time_t time, char ret[KEYS_TIME]);

/* Return 0, or -1 after saying what is wrong. */
int index_read(struct keys_index *index, const struct keys_dir *dir);
int index_write(const struct keys_index *index, const struct keys_dir *dir, const char *folder);
int index_add(struct keys_index *index, const struct keys_row *row);
void index_free(struct keys_index *index);

/* The newest certificate of a name, or NULL. */
const struct keys_row *index_newest(const struct keys_index *index, const char *name);
const struct keys_row *index_by_serial(const struct keys_index *index, const char *serial);
size_t index_n_revoked(const struct keys_index *index);
#endif
