/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_RELAY_SOCKETS_H
#define PYRITE_TEST_RELAY_SOCKETS_H
#include <stdbool.h>
#include <stddef.h>

/* Addresses as URIs have them: host:port, all hosts being 127.0.0.1, or ./u:path. */

/* Returns a connected socket, not blocking; -1: nobody is there. */
int relay_connect(const char *address);
/* Returns a listening socket and stores its address (n bytes); -1 and errno. */
int relay_listen(const char *address, char *ret_address, size_t n);
/* Small messages do not wait for acknowledgements of earlier ones. */
void relay_prepare(int fd);
/* Closes it, for the other end as a line that broke: data under way is lost. */
void relay_reset(int *fd);
bool relay_is_unix(const char *address);
#endif
