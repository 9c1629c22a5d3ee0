/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TLS_OPTIONS_H
#define PYRITE_TLS_OPTIONS_H
/*
 * TLS: connections that nobody else can read or change, and ends that prove who they are.
 *
 * Each end has a certificate and its key, and trusts those that a CA (certificate authority) has
 * signed. `pyrite keys` makes a CA, and for each program a folder with the files that it needs:
 *
 *     pyrite keys init
 *     pyrite keys add example.server --host server.example.org
 *
 * With PYRITE_KEYS naming such a folder, a program's daemons take TLS connections alone, its
 * proxies make no others, and both sides must prove who they are. That is for TCP; unix sockets,
 * where the system tells who connects, use TLS only if the options say so. The options below are
 * for programs that have their files elsewhere. <pyrite/pyrite.h> includes this file.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * What one end proves, and whom it trusts. Texts are copied. Each of ca, cert, key and crl is a
 * path, or PEM text itself, which begins with "-----BEGIN". Files are read again when they have
 * changed, within a second; if the new ones will not do, the log says why and the old ones stay.
 */
struct pyr_tls_options {
	const char *folder; /* has ca.pem, cert.pem, key.pem and perhaps crl.pem: the default of
			       the four below. Default: PYRITE_KEYS if none of these is given */
	const char *ca;     /* certificates that are trusted to sign others; default for proxies:
			       those that the system trusts, through gRPC those that core finds */
	const char *cert;   /* this end's, followed by those between it and the CA's; a daemon needs
			       one */
	const char *key;    /* the private key of cert, without a password */
	const char *crl;    /* certificates that are revoked; default: none are */
	const char *name; /* for proxies: the name that the daemon's certificate must have; default:
			     the host of its URI */
	/* For daemons: PYR_YES callers must have a certificate that ca has signed, PYR_NO they are
	 * not asked. Default: PYR_YES if there is a ca. */
	enum pyr_switch clients;
	const void *reserved[4]; /* NULL */
};

/* From now on the daemon shows new connections these certificates; those that stand are left
 * alone. options: NULL reads the same files again. INVALID_ARGUMENT, and nothing has changed, if
 * what they say will not do; FAILED_PRECONDITION if the daemon was made without TLS. */
int pyr_daemon_set_tls(pyr_daemon *daemon, const struct pyr_tls_options *options);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
