/* SPDX-License-Identifier: MIT */
/*
 * What a newcomer may send to a door that wants TLS: a ClientHello and whatever follows, in pieces;
 * and what a server may send to a proxy. The first byte says which end it is, and how long the
 * pieces are. Certificates are made at the start.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text_of(BIO *bio)
{
	char *from, *text;
	long n = BIO_get_mem_data(bio, &from);

	text = calloc(1, (size_t)n + 1);
	memcpy(text, from, (size_t)n);
	BIO_free(bio);
	return text;
}

static struct tls_settings *make_settings(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
	struct pyr_tls_options options = { .clients = PYR_YES };
	struct tls_settings *settings;
	struct tls_problem problem;
	char *cert_text, *key_text;

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
	options.cert = options.ca = cert_text = text_of(cert_bio);
	options.key = key_text = text_of(key_bio);
	settings = tls_settings_new(&options, &problem);
	free(cert_text);
	free(key_text);
	return settings;
}

static void step(struct tls *tls, bool *is_shaken)
{
	uint8_t bytes[256];
	size_t n;

	if (!*is_shaken && tls_handshake(tls) == TLS_DONE)
		*is_shaken = true;
	if (*is_shaken && tls_peek(tls, bytes, sizeof(bytes), &n) == TLS_DONE)
		(void)tls_read(tls, bytes, sizeof(bytes), &n);
	(void)tls_has_more(tls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_settings *settings;
	bool is_shaken = false;
	struct tls *tls;
	size_t piece;
	int fds[2];

	if (!settings)
		settings = make_settings();
	if (size == 0 || !settings || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		return 0;
	tls = data[0] & 1 ? tls_connect(settings, fds[0], "fuzz", "fuzz:1")
			  : tls_accept(settings, fds[0]);
	piece = (size_t)1 << (data[0] >> 1) % 12;
	for (data++, size--; size > 0; data += piece, size -= piece) {
		if (piece > size)
			piece = size;
		if (send(fds[1], data, piece, MSG_NOSIGNAL) < 0)
			break;
		step(tls, &is_shaken);
	}
	shutdown(fds[1], SHUT_WR);
	step(tls, &is_shaken);
	if (is_shaken)
		abort(); /* nobody in here has the key */
	tls_free(tls);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
