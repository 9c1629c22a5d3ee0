/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TLS_H
#define PYRITE_TLS_H
/*
 * TLS over a connected socket that does not block, with OpenSSL: 1.2 and 1.3, no renegotiation, no
 * compression. Settings say what one end proves and whom it trusts (tls_settings.c); a struct tls
 * is one connection. No gRPC and no engine in here: who has the socket waits for it.
 */
#include <pyrite/tls.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- settings ---- */

enum tls_role { TLS_CLIENT, TLS_SERVER };

/* What is wrong: with which file, and what to do. */
struct tls_problem {
	int code; /* enum pyr_status */
	char text[512];
};

struct tls_settings;

/* Reads certificates and keys. Returns: counted, one reference; NULL with *problem told. Any
 * thread, as all of settings. */
struct tls_settings *tls_settings_new(const struct pyr_tls_options *options,
				      struct tls_problem *problem);
/* The same for proxies: those with equal options share one, which is not updated. */
struct tls_settings *tls_settings_share(const struct pyr_tls_options *options,
					struct tls_problem *problem);
struct tls_settings *tls_settings_ref(struct tls_settings *tls); /* NULL: NULL */
void tls_settings_unref(struct tls_settings *tls);               /* NULL: nothing */
/* Whether PYRITE_KEYS is set: that is what options say which say nothing. */
bool tls_settings_is_default(void);

/* Connections from now on get what these options say; NULL: what the files say now.
 * must_serve: with a certificate. Returns 0;
 * minus a status with *problem told and all as before. */
int tls_settings_update(struct tls_settings *tls, const struct pyr_tls_options *options,
			bool must_serve, struct tls_problem *problem);
/* Reads the files again if they changed; looks at them once a second at most. Files that will not
 * do are told to the log, once, and the old ones stay. Returns whether they had changed;
 * problem->code (problem may be NULL): 0, or why they will not do. */
bool tls_settings_refresh(struct tls_settings *tls, struct tls_problem *problem);
/* It has a certificate to show. */
bool tls_settings_can_serve(struct tls_settings *tls);
/* Whom a daemon's certificate must name. Returns false if it is the host. */
bool tls_settings_name(struct tls_settings *tls, char *ret, size_t n);
/* Whether the certificate to show names the host, a DNS name or an IP address. */
bool tls_settings_names(struct tls_settings *tls, const char *host);

/* ---- connections; not locked ---- */

struct tls;

enum tls_result {
	TLS_DONE,
	TLS_WANTS_IN,  /* again when there is something to read */
	TLS_WANTS_OUT, /* again when something may be written */
	TLS_ENDED,     /* the other end has closed it */
	TLS_LOST,      /* errno says why */
	TLS_BROKEN     /* tls_why() says why */
};

enum { TLS_IDENTITY_MAX = 256, TLS_RECORD = 16384 };

enum { TLS_ALERT = 21, TLS_HANDSHAKE = 22 }; /* types of record: the first byte */

#define TLS_ALPN_FRAMES "pyrite/1"
#define TLS_ALPN_HTTP2  "h2"

/* fd stays the caller's. NULL when memory is out. */
struct tls *tls_accept(struct tls_settings *settings, int fd);
/* host: whom the certificate must name, unless the settings say another; address: for whom sessions
 * are kept; alpn: TLS_ALPN_... */
struct tls *tls_connect(struct tls_settings *settings, int fd, const char *host,
			const char *address, const char *alpn);
void tls_free(struct tls *tls); /* NULL: nothing */

/* Until it says DONE, or that there is nothing to be had. */
enum tls_result tls_handshake(struct tls *tls);
/* DONE: *got bytes, at least one. */
enum tls_result tls_read(struct tls *tls, void *to, size_t n, size_t *got);
/* The same, but they stay. */
enum tls_result tls_peek(struct tls *tls, void *to, size_t n, size_t *got);
/* Something was received that was not read: the socket need not tell of it. */
bool tls_has_more(const struct tls *tls);
/* DONE: *sent bytes, perhaps not all. If it wants something, the same bytes must come again, at
 * whatever place, and as many at least. */
enum tls_result tls_write(struct tls *tls, const void *p, size_t n, size_t *sent);
/* Says that this end writes no more. */
void tls_end(struct tls *tls);

/* What was agreed on: TLS_ALPN_...; "" for nothing. */
const char *tls_alpn(const struct tls *tls);
/* Who is at the other end: "cert:alice"; "" if that end has proved nothing. After the handshake. */
const char *tls_identity(const struct tls *tls);
/* It goes on with what was agreed on before. After the handshake. */
bool tls_is_resumed(const struct tls *tls);
/* What both ends know of this connection, and nobody else (RFC 9266). Returns false if it has none
 * that is its own alone. After the handshake. */
bool tls_bond(struct tls *tls, uint8_t *ret, size_t n);
/* Why it is broken. */
const char *tls_why(const struct tls *tls);
#endif
