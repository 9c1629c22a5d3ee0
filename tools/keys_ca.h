/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_KEYS_CA_H
#define PYRITE_KEYS_CA_H
/*
 * Keys, certificates and lists of revoked certificates, in memory. Functions return 0, or -1 after
 * saying on stderr what failed. Blobs hold PEM and are freed by blob_free(), objects of OpenSSL are
 * freed by keys_ca_free().
 */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "keys_index.h"

struct keys_ca {
	X509 *cert;
	EVP_PKEY *key; /* NULL: only the certificate was read */
};

/* What is asked of the CA. */
struct keys_request {
	const char *name;
	enum keys_kind kind;
	time_t now, not_after;
	GENERAL_NAMES *names; /* borrowed; may be empty */
};

struct keys_issued {
	struct blob cert, key;
	struct keys_row row;
};

/* How far the clocks of others may be behind. */
enum { KEYS_BACK_S = 300 };

/* What the key signs with: Ed25519 has its own, which is NULL. */
const EVP_MD *keys_digest(const EVP_PKEY *key);
/* Says "cannot WHAT: ..." and OpenSSL's reason. Returns -1. */
int keys_complain(const char *what);

/* type: "ec" (P-256) or "ed25519" */
int keys_ca_make(struct keys_ca *ret, const char *type, time_t now, time_t not_after);
/* key may be NULL. */
int keys_ca_parse(struct keys_ca *ret, const struct blob *cert, const struct blob *key);
void keys_ca_free(struct keys_ca *ca);
time_t keys_ca_not_after(const struct keys_ca *ca);
int keys_ca_print(const struct keys_ca *ca, struct blob *ret_cert, struct blob *ret_key);

int keys_issue(const struct keys_ca *ca, const struct keys_request *request,
	       struct keys_issued *ret);
void keys_issued_free(struct keys_issued *issued);

/* The list of what the index has as revoked. */
int keys_crl_make(const struct keys_ca *ca, const struct keys_index *index, time_t now,
		  struct blob *ret);
/* Whether a list has all that the index has as revoked. */
bool keys_crl_is_complete(const struct blob *crl, const struct keys_index *index);

/* A certificate in a folder; freed by X509_free(). Returns NULL if it is none of this CA's. */
X509 *keys_cert_parse(const struct keys_ca *ca, const struct blob *cert);
int keys_cert_serial(const X509 *cert, char ret[KEYS_SERIAL]);
/* Freed by GENERAL_NAMES_free(). */
GENERAL_NAMES *keys_cert_names(const X509 *cert);
#endif
