/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_PLACE_H
#define PYRITE_FUZZ_PLACE_H
/* Where the library and the model meet, on each lane with sockets: TCP ports of loopback, sockets
 * in a temporary folder, and the certificate of both ends. Of the model's steps, if not said. */
#include <stdbool.h>
#include <stdint.h>

#include "fuzz.h"
#include "tls/tls.h"

struct place {
	enum fuzz_lane lane;
	uint16_t port; /* LANE_TCP, LANE_TLS */
	char path[80]; /* LANE_UNIX */
};

/* A path of its own, whose socket somebody will make. */
void place_name(struct place *place);
/* Makes the place. Returns its socket, which listens and does not block. */
int place_listen(struct place *place, enum fuzz_lane lane);
/* Removes the folder of the sockets. When the process ends, also from a signal. */
void place_remove(void);
/* Ends what listens there. */
void place_close(struct place *place, int fd);
void place_uri(const struct place *place, char *ret, size_t n);
/* Returns a connected socket; TLS is not begun. */
int place_connect(const struct place *place);
/* They are the two ends of a connection. Any thread. */
bool place_is_pair(int fd, int other);

/* What both ends prove, and trust; constant. */
const struct pyr_tls_options *place_tls_options(void);
/* The same for struct tls; borrowed. */
struct tls_settings *place_tls_settings(void);
#endif
