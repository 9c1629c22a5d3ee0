/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TLS_OPTIONS_H
#define PYRITE_TLS_OPTIONS_H
/*
 * TLS: connections that others can neither read nor change, between authenticated ends.
 *
 * Each end has a certificate and its key, and trusts certificates that a CA (certificate authority)
 * has signed. `pyrite keys` makes a CA, and a folder for each program with the files it needs:
 *
 *     pyrite keys init
 *     pyrite keys add example.server --host server.example.org
 *
 * If PYRITE_KEYS names such a folder, daemons of the program accept only TLS connections, its
 * proxies make only TLS connections, and both sides must authenticate. This holds for TCP; unix
 * sockets, where the system identifies the peer, use TLS only if the options say so. The options
 * below are for programs that keep their files elsewhere. <pyrite/pyrite.h> includes this file.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * The certificate of one end, and whom it trusts. Strings are copied. Each of ca, cert, key and crl
 * is a path, or PEM text itself, which begins with "-----BEGIN". Files that change are read again
 * within a second; if the new ones are not usable, the log says why and the old ones stay in use.
 */
struct pyr_tls_options {
	const char *folder; /* has ca.pem, cert.pem, key.pem and perhaps crl.pem: the default of
			       the four below. Default: PYRITE_KEYS if none of these is given */
	const char *ca; /* certificates that are trusted to sign others; default for proxies: those
			   of the system, or for the gRPC lane those that gRPC core finds */
	const char *cert; /* this end's, followed by intermediate ones; a daemon needs one */
	const char *key;  /* the private key of cert, without a password */
	const char *crl;  /* revoked certificates; default: none */
	const char *name; /* for proxies: the name that the daemon's certificate must have; default:
			     the host of its URI */
	/* For daemons: PYR_YES requires callers to have a certificate that ca has signed, PYR_NO
	 * does not ask for one. Default: PYR_YES if there is a ca. */
	enum pyr_switch clients;
	const void *reserved[4]; /* NULL */
};

/* Sets the certificates that the daemon uses for new connections; existing ones go on. options:
 * NULL reads the same files again. On failure nothing has changed: INVALID_ARGUMENT if the options
 * are not usable, FAILED_PRECONDITION if the daemon was made without TLS. */
int pyr_daemon_set_tls(pyr_daemon *daemon, const struct pyr_tls_options *options);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
