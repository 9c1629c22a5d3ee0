/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_KEY_OPTIONS_H
#define PYRITE_KEY_OPTIONS_H
/*
 * A shared key: one secret that only the programs of a small installation have.
 *
 * At the beginning of each connection both ends prove to each other that they have the key, without
 * sending it. A daemon with a key serves only callers that have it, and a proxy with a key calls
 * only daemons that have it. If PYRITE_SHARED_KEY_FILE names the file, this holds for all TCP
 * connections of a program:
 *
 *     openssl rand -hex 32 > key && chmod 600 key
 *
 * A key does not encrypt: without TLS, anyone on the path can read the traffic and change it. The
 * options below are for programs that keep their key elsewhere, or want it on unix sockets.
 * docs/security.md, "A shared key". <pyrite/pyrite.h> includes this file.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * The keys of one end. file names a file, text has the contents of such a file. Each line has a key
 * of 16 to 128 bytes in hexadecimal digits, optionally after a name and ':'. The name becomes the
 * caller's identity (pyr_call_identity(): "key:NAME"; without a name "key:shared"). Empty lines and
 * lines that begin with '#' are skipped. There are at most eight keys; two ends need one in common,
 * so keys can be replaced in one program after the other.
 */
struct pyr_key_options {
	const char *file; /* only its owner and group may read it; when it changes it is read again
			     within a second. Default: PYRITE_SHARED_KEY_FILE */
	const char *text; /* copied, and wiped later. Default: PYRITE_SHARED_KEY */
	enum pyr_switch use; /* PYR_NO: no key, even if the environment has one. Default PYR_YES */
	const void *reserved[4]; /* NULL */
};

/* Sets the keys that the daemon requires on new connections; existing ones are kept. options: NULL
 * reads the same file again. On failure nothing has changed: INVALID_ARGUMENT or
 * FAILED_PRECONDITION if the options are not usable, FAILED_PRECONDITION if the daemon was made
 * without a key.
 */
int pyr_daemon_set_key(pyr_daemon *daemon, const struct pyr_key_options *options);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
