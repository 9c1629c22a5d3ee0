/* SPDX-License-Identifier: MIT */
#ifndef TEST_KEYS_H
#define TEST_KEYS_H
/*
 * A CA for tests, and folders of keys as PYRITE_KEYS names them, below a folder that is removed at
 * the end. Whatever is wrong ends the test.
 */
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <pyrite/pyrite.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

struct keys {
	char folder[64];
	EVP_PKEY *key;
	X509 *ca;
	X509_CRL *crl;
	long serial;
};

/* What of a certificate is not as usual. */
struct keys_like {
	const char *host;    /* DNS name, beside 127.0.0.1; NULL: localhost */
	const char *uri;     /* among its names; NULL: none */
	long begins, lasts;  /* seconds from now, and from then; 0: a minute ago, an hour */
	bool only_that_host; /* not 127.0.0.1 */
	bool signs_itself;
};

static inline void keys_write(const char *path, int (*put)(BIO *bio, const void *what),
			      const void *what)
{
	BIO *bio = BIO_new_file(path, "w");

	REQUIRE(bio && put(bio, what) == 1);
	BIO_free(bio);
}

static inline int keys_put_cert(BIO *bio, const void *what)
{
	return PEM_write_bio_X509(bio, (X509 *)what);
}

static inline int keys_put_crl(BIO *bio, const void *what)
{
	return PEM_write_bio_X509_CRL(bio, (X509_CRL *)what);
}

static inline int keys_put_key(BIO *bio, const void *what)
{
	return PEM_write_bio_PrivateKey(bio, (EVP_PKEY *)what, NULL, NULL, 0, NULL, NULL);
}

static inline void keys_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	REQUIRE(extension && X509_add_ext(cert, extension, -1));
	X509_EXTENSION_free(extension);
}

static inline X509 *keys_cert(struct keys *keys, EVP_PKEY *key, const char *name,
			      const struct keys_like *like)
{
	X509 *cert = X509_new(), *issuer = keys->ca && !like->signs_itself ? keys->ca : cert;
	X509_NAME *subject = X509_get_subject_name(cert);
	char text[512];

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++keys->serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), like->begins ? like->begins : -60);
	X509_gmtime_adj(X509_getm_notAfter(cert),
			like->begins + (like->lasts ? like->lasts : 3600));
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	X509_set_pubkey(cert, key);
	if (!keys->ca)
		keys_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	else {
		snprintf(text, sizeof(text), "DNS:%s%s%s%s", like->host ? like->host : "localhost",
			 like->only_that_host ? "" : ",IP:127.0.0.1", like->uri ? ",URI:" : "",
			 like->uri ? like->uri : "");
		keys_extend(cert, issuer, NID_subject_alt_name, text);
	}
	REQUIRE(X509_sign(cert, issuer == cert ? key : keys->key, EVP_sha256()) > 0);
	return cert;
}

static inline void keys_init(struct keys *keys)
{
	static const struct keys_like usual;

	*keys = (struct keys){ .folder = "/tmp/pyrite-test-XXXXXX" };
	REQUIRE(mkdtemp(keys->folder) != NULL);
	keys->key = EVP_EC_gen("P-256");
	keys->ca = keys_cert(keys, keys->key, "test CA", &usual);
}

/* keys->folder/folder/file. */
static inline const char *keys_path(const struct keys *keys, const char *folder, const char *file,
				    char ret[256])
{
	snprintf(ret, 256, "%s/%s%s%s", keys->folder, folder, file[0] ? "/" : "", file);
	return ret;
}

/* A folder with what name needs, in place of what there was. Written one file after the other. */
static inline void keys_make(struct keys *keys, const char *folder, const char *name,
			     const struct keys_like *like)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = keys_cert(keys, key, name, like);
	char path[256];

	mkdir(keys_path(keys, folder, "", path), 0700);
	keys_write(keys_path(keys, folder, "ca.pem", path), keys_put_cert, keys->ca);
	keys_write(keys_path(keys, folder, "cert.pem", path), keys_put_cert, cert);
	keys_write(keys_path(keys, folder, "key.pem", path), keys_put_key, key);
	chmod(path, 0600);
	EVP_PKEY_free(key);
	X509_free(cert);
}

static inline struct pyr_tls_options keys_of(const struct keys *keys, const char *folder,
					     char path[256])
{
	return (struct pyr_tls_options){ .folder = keys_path(keys, folder, "", path) };
}

/* The certificate of that folder is revoked, and the list of those that are put into `to`. */
static inline void keys_revoke(struct keys *keys, const char *folder, const char *to)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_TIME *now = ASN1_TIME_set(NULL, time(NULL) - 60);
	ASN1_TIME *later = ASN1_TIME_set(NULL, time(NULL) + 3600);
	char path[256];
	FILE *file = fopen(keys_path(keys, folder, "cert.pem", path), "r");
	X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

	REQUIRE(cert != NULL);
	fclose(file);
	if (!keys->crl)
		keys->crl = X509_CRL_new();
	X509_CRL_set_version(keys->crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(keys->crl, X509_get_subject_name(keys->ca));
	X509_CRL_set1_lastUpdate(keys->crl, now);
	X509_CRL_set1_nextUpdate(keys->crl, later);
	X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(cert));
	X509_REVOKED_set_revocationDate(revoked, now);
	REQUIRE(X509_CRL_add0_revoked(keys->crl, revoked));
	REQUIRE(X509_CRL_sign(keys->crl, keys->key, EVP_sha256()) > 0);
	keys_write(keys_path(keys, to, "crl.pem", path), keys_put_crl, keys->crl);
	ASN1_TIME_free(now);
	ASN1_TIME_free(later);
	X509_free(cert);
}

static inline void keys_fini(struct keys *keys, const char *const folders[])
{
	static const char *const files[] = { "ca.pem", "cert.pem", "key.pem", "crl.pem" };
	char path[256];
	unsigned i;

	for (; *folders; folders++) {
		for (i = 0; i < 4; i++)
			unlink(keys_path(keys, *folders, files[i], path));
		CHECK_INT(rmdir(keys_path(keys, *folders, "", path)), 0);
	}
	CHECK_INT(rmdir(keys->folder), 0);
	EVP_PKEY_free(keys->key);
	X509_free(keys->ca);
	X509_CRL_free(keys->crl);
}
#endif
