/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_IDENTITY_H
#define PYRITE_IDENTITY_H
/* Who somebody is, as far as that was proved. */
#include <pyrite/context.h>

#include <stdio.h>

enum { IDENTITY_UID = 32 }; /* room for "uid:1000" */

/* "cert:alice" if that was proved by TLS, else "uid:1000" of who came by a unix socket, else "".
 * Borrowed, of proved or of uid. proved, credentials: NULL: there is none. */
static inline const char *identity_of(const char *proved, const struct pyr_credentials *credentials,
				      char uid[IDENTITY_UID])
{
	if (proved && proved[0])
		return proved;
	uid[0] = '\0';
	if (credentials)
		snprintf(uid, IDENTITY_UID, "uid:%u", credentials->uid);
	return uid;
}
#endif
