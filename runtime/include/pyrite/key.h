/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_KEY_OPTIONS_H
#define PYRITE_KEY_OPTIONS_H
/*
 * A shared key: one secret that all programs of a small set-up have, and nobody else.
 *
 * At the beginning of each connection both ends prove to each other that they have it, without
 * saying it. A daemon with a key serves nobody who has not, and a proxy with a key calls no daemon
 * that has not. With PYRITE_SHARED_KEY_FILE naming the file, that holds for all TCP connections of
 * a program:
 *
 *     openssl rand -hex 32 > key && chmod 600 key
 *
 * Without TLS a key hides nothing: who is between both ends reads what they say, and may change
 * it. The options below are for programs that have their key elsewhere, or want it on unix sockets.
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
 * Where the keys of one end are. There is no option for a key itself, so that none stands in a
 * program: file names a file, text is what such a file holds. Each line has a key of 16 to 128
 * bytes in hexadecimal digits, perhaps with a name and ':' before it, by which who proves it is
 * known (pyr_call_identity(): "key:NAME"; without a name "key:shared"). Empty lines and those that
 * begin with '#' are skipped. At most eight keys; ends that have one of them in common know each
 * other, so that keys can be replaced one program after the other.
 */
struct pyr_key_options {
	const char *file; /* only its owner and group may read it; read again within a second when
			     it has changed. Default: PYRITE_SHARED_KEY_FILE */
	const char *text; /* copied, and wiped later. Default: PYRITE_SHARED_KEY */
	enum pyr_switch use; /* PYR_NO: no key, whatever the environment says. Default PYR_YES */
	const void *reserved[4]; /* NULL */
};

/* From now on the daemon asks new connections for these keys; those that stand are left alone.
 * options: NULL reads the same file again. INVALID_ARGUMENT or FAILED_PRECONDITION, and nothing has
 * changed, if what they say will not do; FAILED_PRECONDITION if the daemon was made without a key.
 */
int pyr_daemon_set_key(pyr_daemon *daemon, const struct pyr_key_options *options);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
