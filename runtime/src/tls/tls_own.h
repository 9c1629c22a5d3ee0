/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TLS_OWN_H
#define PYRITE_TLS_OWN_H
/* TLS from the inside. */
#include <openssl/ssl.h>

#include "tls/tls.h"

/* ---- tls_load.c: what options say becomes a context ---- */

struct tls_contexts {
	SSL_CTX *client, *server; /* server: NULL without a certificate */
	bool has_crl;             /* there is a list of revoked ones */
};
/* Reads all of it. is_crl_wanted: else the list of revoked ones need not be there. Returns false,
 * with *problem told. */
bool tls_load(const struct pyr_tls_options *options, bool is_crl_wanted, struct tls_contexts *ret,
	      struct tls_problem *problem);
/* Whether text is PEM, and no path. */
bool tls_is_pem(const char *text);
/* Frees a text that may hold a key. NULL: nothing. */
void tls_wipe(char *text);
int tls_fail(struct tls_problem *problem, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- tls_settings.c ---- */

/* The context of now; NULL: a server has no certificate. Counted: SSL_CTX_free(). */
SSL_CTX *tls_settings_context(struct tls_settings *tls, enum tls_role role);

/* A session that may be resumed at the address (whom it names, and where): the caller's; NULL if
 * there is none. */
SSL_SESSION *tls_session_take(struct tls_settings *tls, const char *address);
/* Takes the session, which a connection of that context came to have. */
void tls_session_keep(struct tls_settings *tls, const SSL_CTX *context, const char *address,
		      SSL_SESSION *session);

/* ---- tls.c, tls_bio.c, tls_identity.c ---- */

/* For SSL_CTX_sess_set_new_cb(): a client may resume it later. */
int tls_on_session(SSL *ssl, SSL_SESSION *session);
/* For SSL_CTX_set_msg_callback(). */
void tls_on_message(int is_sent, int version, int type, const void *p, size_t n, SSL *ssl,
		    void *unused);

BIO *tls_bio_new(int fd);
/* Writes who the certificate is of. Returns NULL, or why that will not do. */
const char *tls_identity_of(const X509 *cert, char ret[TLS_IDENTITY_MAX]);
#endif
