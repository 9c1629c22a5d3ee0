/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_TLS_H
#define FUZZ_TLS_H
/* Settings of TLS whose certificate is made at the start. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/tls.h"

/* OpenSSL is not built with sanitizers: to watch what it allocates would take most of the time. */
void *__libc_malloc(size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static inline void *fuzz_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return __libc_malloc(n);
}

static inline void *fuzz_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return __libc_realloc(p, n);
}

static inline void fuzz_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	__libc_free(p);
}

static inline char *fuzz_text_of(BIO *bio)
{
	char *from, *text;
	long n = BIO_get_mem_data(bio, &from);

	text = calloc(1, (size_t)n + 1);
	memcpy(text, from, (size_t)n);
	BIO_free(bio);
	return text;
}

/* Options of an end that proves itself with a certificate that it trusts: texts, which are owned,
 * free(). */
static inline struct pyr_tls_options fuzz_tls_options(enum pyr_switch clients)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
	struct pyr_tls_options options = { .clients = clients };

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 1 << 24);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)"fuzz", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_set_pubkey(cert, key);
	X509_sign(cert, key, EVP_sha256());
	PEM_write_bio_X509(cert_bio, cert);
	PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
	X509_free(cert);
	EVP_PKEY_free(key);
	options.cert = options.ca = fuzz_text_of(cert_bio);
	options.key = fuzz_text_of(key_bio);
	return options;
}

static inline struct tls_settings *fuzz_settings(enum pyr_switch clients)
{
	int is_first = CRYPTO_set_mem_functions(fuzz_malloc, fuzz_realloc, fuzz_free);
	struct pyr_tls_options options;
	struct tls_settings *settings;
	struct tls_problem problem;

	if (!is_first)
		abort(); /* something was allocated the other way already */
	options = fuzz_tls_options(clients);
	settings = tls_settings_new(&options, &problem);
	free((char *)options.cert);
	free((char *)options.key);
	return settings;
}
#endif
