/* SPDX-License-Identifier: MIT */
/* What options say becomes a context of OpenSSL. */
#include "tls/tls_own.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

enum { EXPIRY_DAYS = 14, READ_AHEAD = 64 << 10 };

/* TLS 1.2's; those of 1.3 are OpenSSL's own. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

int tls_fail(struct tls_problem *problem, int code, const char *format, ...)
{
	va_list args;

	problem->code = code;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	ERR_clear_error();
	return -code;
}

/* ---- texts ---- */

bool tls_is_pem(const char *text)
{
	return strncmp(text, "-----BEGIN", 10) == 0;
}

void tls_wipe(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

/* How people know it. */
static const char *called(const char *pem)
{
	return tls_is_pem(pem) ? "the PEM text" : pem;
}

/* What there is to read: the text itself, or what the file holds. Owned: tls_wipe(). NULL with
 * *problem told. */
static char *read_text(const char *pem, struct tls_problem *problem)
{
	char *text = NULL;
	int number = 0;
	size_t n;

	if (tls_is_pem(pem))
		number = (text = strdup(pem)) ? 0 : ENOMEM;
	else
		number = file_read(pem, &text, &n);
	if (number)
		tls_fail(problem, number == ENOMEM ? PYR_RESOURCE_EXHAUSTED : PYR_INVALID_ARGUMENT,
			 "cannot read %s: %s", called(pem), strerror(number));
	return text;
}

static BIO *open_text(const char *pem, char **text, struct tls_problem *problem)
{
	BIO *bio;

	*text = read_text(pem, problem);
	if (!*text)
		return NULL;
	bio = BIO_new_mem_buf(*text, -1);
	if (!bio)
		tls_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	return bio;
}

static void close_text(BIO *bio, char *text)
{
	BIO_free(bio);
	tls_wipe(text);
}

/* ---- this end's ---- */

/* Nobody is there to be asked. */
static int no_password(char *to, int n, int rwflag, void *data)
{
	(void)to;
	(void)n;
	(void)rwflag;
	(void)data;
	return -1;
}

static int put_chain(SSL_CTX *ctx, BIO *bio, const char *from, struct tls_problem *problem)
{
	X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL);
	bool ok = cert && SSL_CTX_use_certificate(ctx, cert);

	X509_free(cert);
	if (!cert)
		return tls_fail(problem, PYR_INVALID_ARGUMENT, "no certificate in %s",
				called(from));
	if (!ok)
		return tls_fail(problem, PYR_INVALID_ARGUMENT, "the certificate of %s: %s",
				called(from), ERR_reason_error_string(ERR_peek_last_error()));
	while ((cert = PEM_read_bio_X509(bio, NULL, no_password, NULL)))
		if (!SSL_CTX_add0_chain_cert(ctx, cert)) {
			X509_free(cert);
			return tls_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
		}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return tls_fail(problem, PYR_INVALID_ARGUMENT, "a certificate in %s is damaged",
				called(from));
	ERR_clear_error();
	return 0;
}

static void tell_time(const ASN1_TIME *time, char *ret, size_t n)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm) || strftime(ret, n, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(ret, n, "?");
}

/* Before the ends are told that it is not valid. */
static int check_times(const X509 *cert, const char *from, struct tls_problem *problem)
{
	const ASN1_TIME *until = X509_get0_notAfter(cert);
	char text[64];

	tell_time(until, text, sizeof(text));
	if (X509_cmp_current_time(until) <= 0)
		return tls_fail(problem, PYR_INVALID_ARGUMENT,
				"the certificate of %s expired on %s: renew it", called(from),
				text);
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0) {
		tell_time(X509_get0_notBefore(cert), text, sizeof(text));
		return tls_fail(problem, PYR_INVALID_ARGUMENT,
				"the certificate of %s is not valid before %s", called(from), text);
	}
	return 0;
}

static int put_key(SSL_CTX *ctx, BIO *bio, const char *from, struct tls_problem *problem)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	int reason = ERR_GET_REASON(ERR_peek_last_error());
	bool ok = key && SSL_CTX_use_PrivateKey(ctx, key);

	EVP_PKEY_free(key);
	if (!key)
		return tls_fail(
			problem, PYR_INVALID_ARGUMENT, "no private key in %s%s", called(from),
			reason == PEM_R_BAD_PASSWORD_READ ? ", but one with a password" : "");
	if (!ok || !SSL_CTX_check_private_key(ctx))
		return tls_fail(problem, PYR_INVALID_ARGUMENT,
				"the key of %s is not the certificate's", called(from));
	return 0;
}

static void check_mode(const char *path)
{
	struct stat about;

	if (!tls_is_pem(path) && stat(path, &about) == 0 && (about.st_mode & 077) != 0)
		log_line(PYR_LOG_WARNING, "the private key %s can be used by others: chmod 600 it",
			 path);
}

static int put_own(SSL_CTX *ctx, const struct pyr_tls_options *o, struct tls_problem *problem)
{
	char *text;
	BIO *bio = open_text(o->cert, &text, problem);
	int err = bio ? put_chain(ctx, bio, o->cert, problem) : -problem->code;

	close_text(bio, text);
	if (err == 0)
		err = check_times(SSL_CTX_get0_certificate(ctx), o->cert, problem);
	if (err < 0)
		return err;
	bio = open_text(o->key, &text, problem);
	err = bio ? put_key(ctx, bio, o->key, problem) : -problem->code;
	close_text(bio, text);
	return err;
}

/* ---- whom it trusts ---- */

static int put_ca(SSL_CTX *ctx, BIO *bio, const char *from, enum tls_role role,
		  struct tls_problem *problem)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	unsigned n = 0;
	X509 *cert;
	bool ok = true;

	while (ok && (cert = PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL))) {
		ok = X509_STORE_add_cert(store, cert) &&
		     (role == TLS_CLIENT || SSL_CTX_add_client_CA(ctx, cert));
		X509_free(cert);
		n++;
	}
	if (!ok)
		return tls_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (n == 0)
		return tls_fail(problem, PYR_INVALID_ARGUMENT, "no certificate in %s",
				called(from));
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return tls_fail(problem, PYR_INVALID_ARGUMENT, "a certificate in %s is damaged",
				called(from));
	ERR_clear_error();
	return 0;
}

static int put_crl(SSL_CTX *ctx, BIO *bio, const char *from, struct tls_contexts *lists,
		   struct tls_problem *problem)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509_CRL *crl;
	unsigned n = 0;
	bool ok = true;

	while (ok && (crl = PEM_read_bio_X509_CRL(bio, NULL, no_password, NULL))) {
		ok = X509_STORE_add_crl(store, crl);
		lists->has_crl = true;
		X509_CRL_free(crl);
		n++;
	}
	if (!ok)
		return tls_fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (n == 0)
		return tls_fail(problem, PYR_INVALID_ARGUMENT,
				"no list of revoked certificates in %s", called(from));
	ERR_clear_error();
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
	return 0;
}

static int put_trust(SSL_CTX *ctx, enum tls_role role, const struct pyr_tls_options *o,
		     struct tls_contexts *lists, struct tls_problem *problem)
{
	char *text;
	BIO *bio;
	int err = 0;

	if (o->ca) {
		bio = open_text(o->ca, &text, problem);
		err = bio ? put_ca(ctx, bio, o->ca, role, problem) : -problem->code;
		close_text(bio, text);
	} else if (role == TLS_CLIENT && !SSL_CTX_set_default_verify_paths(ctx)) {
		err = tls_fail(problem, PYR_FAILED_PRECONDITION,
			       "the system's trusted certificates cannot be read");
	}
	if (err == 0 && o->crl) {
		bio = open_text(o->crl, &text, problem);
		err = bio ? put_crl(ctx, bio, o->crl, lists, problem) : -problem->code;
		close_text(bio, text);
	}
	return err;
}

/* ---- all of it ---- */

/* What of both sides' this end likes best. Whoever asks for none is told by its first bytes. */
static int choose(SSL *ssl, const unsigned char **ret, unsigned char *n,
		  const unsigned char *offered, unsigned n_offered, void *unused)
{
	static const unsigned char ours[] =
		"\x08" TLS_ALPN_FRAMES "\x02" TLS_ALPN_HTTP2 "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)unused;
	if (SSL_select_next_proto(&chosen, n, ours, sizeof(ours) - 1, offered, n_offered) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool set_up(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
	SSL_CTX_set_msg_callback(ctx, tls_on_message);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
	       SSL_CTX_set_cipher_list(ctx, CIPHERS);
}

static void set_role(SSL_CTX *ctx, enum tls_role role, const struct pyr_tls_options *o)
{
	static const unsigned char id[] = "pyrite";

	if (role == TLS_CLIENT) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_session_cache_mode(ctx,
					       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ctx, tls_on_session);
		return;
	}
	SSL_CTX_set_alpn_select_cb(ctx, choose, NULL);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets hold them */
	SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
	if (o->ca && o->clients != PYR_NO)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static SSL_CTX *load(enum tls_role role, const struct pyr_tls_options *o,
		     struct tls_contexts *lists, struct tls_problem *problem)
{
	SSL_CTX *ctx = SSL_CTX_new(role == TLS_SERVER ? TLS_server_method() : TLS_client_method());
	int err;

	if (!ctx || !set_up(ctx)) {
		SSL_CTX_free(ctx);
		tls_fail(problem, PYR_RESOURCE_EXHAUSTED, "TLS cannot be set up");
		return NULL;
	}
	set_role(ctx, role, o);
	err = o->cert ? put_own(ctx, o, problem) : 0;
	if (err == 0)
		err = put_trust(ctx, role, o, lists, problem);
	if (err == 0)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* What is said once, of either role. */
static int check(const struct pyr_tls_options *o, struct tls_problem *problem)
{
	int err = 0;

	if (!o->cert != !o->key)
		err = tls_fail(problem, PYR_INVALID_ARGUMENT, "%s is given, but no %s",
			       o->cert ? "cert" : "key", o->cert ? "key" : "cert");
	else if (o->clients == PYR_YES && !o->ca)
		err = tls_fail(problem, PYR_INVALID_ARGUMENT,
			       "clients are to prove who they are, but no ca is given");
	return err;
}

/* Of what will do. */
static void warn(const struct pyr_tls_options *o, const SSL_CTX *ctx)
{
	const ASN1_TIME *until = X509_get0_notAfter(SSL_CTX_get0_certificate(ctx));
	int days, seconds;
	char text[64];

	tell_time(until, text, sizeof(text));
	if (ASN1_TIME_diff(&days, &seconds, NULL, until) && days < EXPIRY_DAYS)
		log_line(PYR_LOG_WARNING, "the certificate of %s expires on %s: renew it",
			 called(o->cert), text);
	check_mode(o->key);
}

/* Without the list of revoked ones if there is none, and none is wanted. */
static struct pyr_tls_options without_crl(const struct pyr_tls_options *o, bool is_crl_wanted)
{
	struct pyr_tls_options ret = *o;

	if (o->crl && !is_crl_wanted && !tls_is_pem(o->crl) && access(o->crl, F_OK) < 0 &&
	    errno == ENOENT)
		ret.crl = NULL;
	return ret;
}

bool tls_load(const struct pyr_tls_options *given, bool is_crl_wanted, struct tls_contexts *ret,
	      struct tls_problem *problem)
{
	struct pyr_tls_options own = without_crl(given, is_crl_wanted), *o = &own;

	*ret = (struct tls_contexts){ .has_crl = false };
	if (check(o, problem) < 0)
		return false;
	ret->client = load(TLS_CLIENT, o, ret, problem);
	if (ret->client && o->cert)
		ret->server = load(TLS_SERVER, o, ret, problem);
	if (!ret->client || (o->cert && !ret->server)) {
		SSL_CTX_free(ret->client);
		return false;
	}
	if (o->cert)
		warn(o, ret->server);
	return true;
}
