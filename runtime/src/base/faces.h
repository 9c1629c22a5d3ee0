/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACES_H
#define PYRITE_FACES_H
/* Names of the protocols that daemons speak beside their own. */
#include <stdbool.h>

/* What a daemon speaks beside frames. */
enum face_name {
	FACE_GRPC = 1, /* operations as methods of plain gRPC */
	FACE_REFLECTION = 2,
	FACE_HEALTH = 4,
	FACE_PYRO = 8,
	FACE_HTTP = 16,
	FACE_STANDARD = FACE_GRPC | FACE_REFLECTION | FACE_HEALTH | FACE_PYRO
};

/* Those that a text asks for, "grpc,health", "all", "none", or with signs what is other than the
 * standard: "+http,-pyro"; "": the standard. Returns false with the first that is no face: its
 * beginning and length. */
bool face_names(const char *text, unsigned *ret, const char **ret_wrong, int *ret_n);
#endif
