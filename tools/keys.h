/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_KEYS_H
#define PYRITE_KEYS_H
/*
 * pyrite keys: a CA in a folder, and a folder for each name with what a program needs to prove it:
 *
 *     ca/ca.pem, ca-key.pem, crl.pem, index
 *     NAME/ca.pem, cert.pem, key.pem, crl.pem
 *     shared-key
 *
 * A certificate is in the index before anybody can have it: what was issued can be revoked.
 */
#include "keys_ca.h"

struct keys_settings {
	const char *dir, *uri, *type, *name; /* NULL: not given */
	const char *hosts[KEYS_MAX_HOSTS];
	int n_hosts;
	long days; /* 0: not given */
	bool quiet, json;
};

/* Commands; each returns an exit code. */
int keys_init(const struct keys_settings *settings);
int keys_server(const struct keys_settings *settings);
int keys_client(const struct keys_settings *settings);
int keys_renew(const struct keys_settings *settings);
int keys_revoke(const struct keys_settings *settings);
int keys_list(const struct keys_settings *settings);
int keys_shared(const struct keys_settings *settings);

/* Which folder the settings mean. */
const char *keys_folder(const struct keys_settings *settings);
#endif
