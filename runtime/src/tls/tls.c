/* SPDX-License-Identifier: MIT */
/* One connection. What happened is told from OpenSSL's queue of errors, which is the thread's and
 * emptied before each step. */
#include "tls/tls_own.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_MAX = 32, AHEAD = 32 };

struct tls {
	SSL *ssl;
	struct tls_settings *settings; /* counted */
	enum tls_role role;
	bool is_over; /* OpenSSL does not want to be asked again */
	bool is_shaken;
	unsigned n_idle;      /* after that: what it has made this end do since it last sent data */
	uint8_t ahead[AHEAD]; /* peeked at, and not read yet: from at_ahead on */
	size_t at_ahead, n_ahead;
	char alpn[16];
	char identity[TLS_IDENTITY_MAX];
	char why[256];
	char address[]; /* of a client's: whom it wants to reach, and where */
};

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	if (!tls->is_over) /* else its session would be held to be of no use */
		SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(tls->ssl);
	tls_settings_unref(tls->settings);
	free(tls);
}

static struct tls *new_tls(struct tls_settings *settings, int fd, enum tls_role role,
			   const char *name, const char *address)
{
	size_t n = strlen(name) + 1 + strlen(address) + 1;
	struct tls *tls = calloc(1, sizeof(*tls) + n);
	SSL_CTX *ctx = tls_settings_context(settings, role);
	BIO *bio = tls_bio_new(fd);

	if (tls && ctx)
		tls->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (!tls || !tls->ssl || !bio) {
		BIO_free(bio);
		if (tls)
			SSL_free(tls->ssl);
		free(tls);
		return NULL;
	}
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	tls->settings = tls_settings_ref(settings);
	tls->role = role;
	snprintf(tls->address, n, "%s %s", name, address);
	return tls;
}

struct tls *tls_accept(struct tls_settings *settings, int fd)
{
	struct tls *tls = new_tls(settings, fd, TLS_SERVER, "", "");

	if (tls)
		SSL_set_accept_state(tls->ssl);
	return tls;
}

/* The certificate must name it. */
static bool expect(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	uint8_t ip[16];

	if (inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, name);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) && SSL_set_tlsext_host_name(ssl, name);
}

/* In the form in which it travels: a byte that is its length goes before it. */
static bool offer(SSL *ssl, const char *alpn)
{
	unsigned char list[32];
	size_t n = strlen(alpn);

	if (n >= sizeof(list))
		return false;
	list[0] = (unsigned char)n;
	memcpy(list + 1, alpn, n);
	return SSL_set_alpn_protos(ssl, list, (unsigned)n + 1) == 0;
}

struct tls *tls_connect(struct tls_settings *settings, int fd, const char *host,
			const char *address, const char *alpn)
{
	char name[256];
	SSL_SESSION *session;
	struct tls *tls;

	if (!tls_settings_name(settings, name, sizeof(name)))
		snprintf(name, sizeof(name), "%s", host[0] ? host : "localhost");
	tls = new_tls(settings, fd, TLS_CLIENT, name, address);
	if (!tls)
		return NULL;
	SSL_set_connect_state(tls->ssl);
	if (!offer(tls->ssl, alpn) || !expect(tls->ssl, name)) {
		tls_free(tls);
		return NULL;
	}
	session = tls_session_take(settings, tls->address);
	if (session)
		SSL_set_session(tls->ssl, session);
	SSL_SESSION_free(session);
	return tls;
}

/* ---- what went wrong ---- */

/* Alerts have reasons of their own: what the other end made of this one. */
static bool is_alert(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET &&
	       ERR_GET_REASON(error) < SSL_AD_REASON_OFFSET + 256;
}

static bool was_no_protocol(unsigned long error)
{
	return ERR_GET_REASON(error) == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL;
}

static enum tls_result broken(struct tls *tls)
{
	unsigned long error = ERR_peek_last_error(); /* those before it are why */
	const char *reason = ERR_reason_error_string(error);
	long verified = SSL_get_verify_result(tls->ssl);

	tls->is_over = true;
	if (was_no_protocol(error))
		snprintf(tls->why, sizeof(tls->why), "%s", "");
	else if (ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		snprintf(tls->why, sizeof(tls->why), "its certificate is not accepted: %s",
			 X509_verify_cert_error_string(verified));
	else if (ERR_GET_REASON(error) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		snprintf(tls->why, sizeof(tls->why), "it has no certificate");
	else if (ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER)
		snprintf(tls->why, sizeof(tls->why), "it does not speak TLS");
	else if (is_alert(error))
		snprintf(tls->why, sizeof(tls->why), "it refuses the connection: %s",
			 reason ? reason : "?");
	else
		snprintf(tls->why, sizeof(tls->why), "%s", reason ? reason : "TLS failed");
	ERR_clear_error();
	return TLS_BROKEN;
}

/* New keys, tickets, renegotiations: OpenSSL deals with all that come before it returns, so whoever
 * sends nothing else would have the thread to itself. */
static bool is_too_idle(const struct tls *tls)
{
	return tls->n_idle > IDLE_MAX;
}

void tls_on_message(int is_sent, int version, int type, const void *p, size_t n, SSL *ssl,
		    void *unused)
{
	struct tls *tls = SSL_get_app_data(ssl);

	(void)version;
	(void)p;
	(void)n;
	(void)unused;
	if (type != (is_sent ? TLS_ALERT : TLS_HANDSHAKE) || !tls || !tls->is_shaken)
		return;
	tls->n_idle++;
	if (is_too_idle(tls)) /* it returns at the next record */
		SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
}

static enum tls_result result(struct tls *tls, int ret)
{
	int number = errno;

	if (is_too_idle(tls)) {
		tls->is_over = true;
		snprintf(tls->why, sizeof(tls->why), "it changes its keys too often");
		ERR_clear_error();
		return TLS_BROKEN;
	}
	switch (SSL_get_error(tls->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS_IN;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANTS_OUT;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_ENDED;
	case SSL_ERROR_SYSCALL:
		tls->is_over = true;
		ERR_clear_error();
		errno = number;
		return number ? TLS_LOST : TLS_ENDED;
	default:
		break;
	}
	if (ERR_GET_REASON(ERR_peek_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return broken(tls);
	tls->is_over = true;
	ERR_clear_error();
	return TLS_ENDED;
}

static void begin(void)
{
	ERR_clear_error();
	errno = 0;
}

/* ---- the handshake ---- */

/* Who is there. Also of a session that was resumed, whose certificate was checked when it began. */
static enum tls_result know(struct tls *tls)
{
	X509 *cert = SSL_get0_peer_certificate(tls->ssl);
	const char *why = NULL;

	bool is_ended = cert && X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0;

	if (is_ended)
		why = "certificate has expired";
	else if (cert &&
		 (tls->role == TLS_CLIENT || SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE))
		why = tls_identity_of(cert, tls->identity);
	if (!why || (tls->role == TLS_CLIENT && !is_ended)) /* its host was checked: that will do */
		return TLS_DONE;
	tls->is_over = true;
	snprintf(tls->why, sizeof(tls->why), "its certificate is not accepted: %s", why);
	return TLS_BROKEN;
}

enum tls_result tls_handshake(struct tls *tls)
{
	const unsigned char *alpn;
	unsigned n;
	int ret;

	begin();
	ret = SSL_do_handshake(tls->ssl);
	if (ret != 1)
		return result(tls, ret);
	SSL_get0_alpn_selected(tls->ssl, &alpn, &n);
	snprintf(tls->alpn, sizeof(tls->alpn), "%.*s", (int)n, (const char *)alpn);
	tls->is_shaken = true;
	return know(tls);
}

const char *tls_alpn(const struct tls *tls)
{
	return tls->alpn;
}

const char *tls_identity(const struct tls *tls)
{
	return tls->identity;
}

bool tls_is_resumed(const struct tls *tls)
{
	return SSL_session_reused(tls->ssl);
}

const char *tls_why(const struct tls *tls)
{
	return tls->why;
}

/* Of TLS 1.2 without the extended master secret two connections may share it (RFC 7627). */
bool tls_bond(struct tls *tls, uint8_t *ret, size_t n)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	bool ok;

	begin();
	ok = (SSL_version(tls->ssl) >= TLS1_3_VERSION || SSL_get_extms_support(tls->ssl) == 1) &&
	     SSL_export_keying_material(tls->ssl, ret, n, label, sizeof(label) - 1, NULL, 0, 0) ==
		     1;
	ERR_clear_error();
	return ok;
}

/* ---- bytes ---- */

static enum tls_result read_some(struct tls *tls, void *to, size_t n, size_t *got)
{
	int ret;

	begin();
	ret = SSL_read_ex(tls->ssl, to, n, got);
	if (ret != 1)
		return result(tls, ret);
	tls->n_idle = 0;
	return TLS_DONE;
}

static size_t copy_ahead(const struct tls *tls, void *to, size_t n)
{
	size_t left = tls->n_ahead - tls->at_ahead;

	if (n > left)
		n = left;
	memcpy(to, tls->ahead + tls->at_ahead, n);
	return n;
}

enum tls_result tls_read(struct tls *tls, void *to, size_t n, size_t *got)
{
	if (tls->at_ahead == tls->n_ahead)
		return read_some(tls, to, n, got);
	*got = copy_ahead(tls, to, n);
	tls->at_ahead += *got;
	return TLS_DONE;
}

/* OpenSSL's own would show no more than a record has, of which the other end may make many. */
enum tls_result tls_peek(struct tls *tls, void *to, size_t n, size_t *got)
{
	enum tls_result result = TLS_DONE;
	size_t more;

	if (tls->at_ahead == tls->n_ahead)
		tls->at_ahead = tls->n_ahead = 0;
	while (result == TLS_DONE && tls->n_ahead < AHEAD && tls->n_ahead - tls->at_ahead < n) {
		result = read_some(tls, tls->ahead + tls->n_ahead, AHEAD - tls->n_ahead, &more);
		if (result == TLS_DONE)
			tls->n_ahead += more;
	}
	*got = copy_ahead(tls, to, n);
	return *got > 0 ? TLS_DONE : result;
}

bool tls_has_more(const struct tls *tls)
{
	return tls->at_ahead < tls->n_ahead || SSL_has_pending(tls->ssl);
}

enum tls_result tls_write(struct tls *tls, const void *p, size_t n, size_t *sent)
{
	int ret;

	begin();
	ret = SSL_write_ex(tls->ssl, p, n, sent);
	return ret == 1 ? TLS_DONE : result(tls, ret);
}

void tls_end(struct tls *tls)
{
	begin();
	if (!tls->is_over && SSL_is_init_finished(tls->ssl))
		(void)SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

/* ---- sessions that come ---- */

/* Those of TLS 1.3 come with what is read later. */
int tls_on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *tls = SSL_get_app_data(ssl);

	if (!tls || !SSL_SESSION_is_resumable(session))
		return 0;
	tls_session_keep(tls->settings, SSL_get_SSL_CTX(ssl), tls->address, session);
	return 1;
}
