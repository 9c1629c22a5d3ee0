/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_KEYS_NAMES_H
#define PYRITE_KEYS_NAMES_H
/* What certificates may be made out to: names of folders, hosts, URIs. */
#include <openssl/x509v3.h>

enum { KEYS_NAME_BYTES = 200, KEYS_MAX_HOSTS = 64 };

/* Each returns NULL if it is right, else what is wrong with it. */
const char *names_check(const char *name);
/* Of a name that was issued before: versions before 0.2.0 also took UTF-8. */
const char *names_check_issued(const char *name);
const char *names_check_host(const char *host);
const char *names_check_uri(const char *uri);

/* Names that were checked, as a certificate has them; uri may be NULL. Returns NULL if memory is
 * out; freed by GENERAL_NAMES_free(). */
GENERAL_NAMES *names_make(const char *const *hosts, int n_hosts, const char *uri);
#endif
