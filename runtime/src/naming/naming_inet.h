/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_INET_H
#define PYRITE_NAMING_INET_H
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Reads "127.0.0.1" or "127.0.0.1:8600". Returns false, *ret untouched, if it is no such address.
 */
bool naming_inet_read(const char *text, uint16_t default_port, struct sockaddr_in *ret);
#endif
